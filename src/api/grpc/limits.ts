/** Bounds of the gRPC door; those of the pipeline behind it are the REST door's. */
export const grpcLimits = {
  /** Objects in one page of a list where the client does not say. */
  pageRows: 500,
  /** Largest number of objects in one page. */
  pageRowsMax: 5_000,
  /** Calls in flight on one `Calls` stream; the stream is not read on until one is answered. */
  callsInFlightMax: 512,
  operationsMax: 128,
  /** Actors, and versions of a history, in one message. */
  messageRowsMax: 256,
  /** How often those who follow transitions learn of actors that are no rows. */
  transitionsLookMs: 1_000,
  /** Transitions that their reader has not taken; with more the call ends. */
  transitionsPendingBytesMax: 1_048_576,
  /** Bytes of one page of a list or history: below what clients accept by default. */
  pageBytesMax: 2_097_152,
} as const;
