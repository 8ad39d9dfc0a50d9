/** Limits of the API's doors; every one has its unit in its name. */
export const limits: {
  readonly bodyBytesMax: number;
  readonly yamlBytesMax: number;
  readonly patchOperationsMax: number;
  readonly patchCopyBytesMax: number;
  readonly generateNameTriesMax: number;
  readonly watchQueuedBytesMax: number;
  readonly watchCacheBytesMax: number;
  readonly bookmarkIntervalMs: number;
  readonly bookmarkBeforeEndMs: number;
  readonly leaseIntervalMs: number;
  readonly watchMsMin: number;
  readonly watchSpreadMsMax: number;
  readonly futureRevisionWaitMs: number;
  readonly futureRevisionPollMs: number;
  readonly requestDeadlineMs: number;
  readonly listChunkBytes: number;
  readonly fieldManagerCharsMax: number;
  /** Unsent bytes of one stream at which its source is paused, and how often it is looked at then. */
  readonly streamPendingBytesMax: number;
  readonly streamLookMs: number;
  /** How long a SPDY client may take to open the streams of its command. */
  readonly streamsOpenMs: number;
  /** How long a client may take to close a connection whose streams have all ended. */
  readonly streamLingerMs: number;
  readonly commandStreamsMax: number;
  readonly commandStatusBytesMax: number;
  readonly forwardedPortsMax: number;
} = {
  bodyBytesMax: 3 * 1024 * 1024,
  yamlBytesMax: 512 * 1024,
  patchOperationsMax: 10_000,
  patchCopyBytesMax: 3 * 1024 * 1024,
  generateNameTriesMax: 8,
  watchQueuedBytesMax: 1024 * 1024,
  watchCacheBytesMax: 16 * 1024 * 1024,
  bookmarkIntervalMs: 60_000,
  bookmarkBeforeEndMs: 2_000,
  leaseIntervalMs: 10_000,
  watchMsMin: 30 * 60_000,
  watchSpreadMsMax: 30 * 60_000,
  futureRevisionWaitMs: 3_000,
  futureRevisionPollMs: 20,
  requestDeadlineMs: 60_000,
  listChunkBytes: 256 * 1024,
  fieldManagerCharsMax: 128,
  streamPendingBytesMax: 1024 * 1024,
  streamLookMs: 20,
  streamsOpenMs: 30_000,
  streamLingerMs: 5_000,
  commandStreamsMax: 8,
  commandStatusBytesMax: 64 * 1024,
  forwardedPortsMax: 64,
};
