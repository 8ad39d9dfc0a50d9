/** Bounds of the node links. */
export const linkLimits = {
  /** Largest gRPC message in either direction. */
  messageBytes: 16_777_216,
  /** A node that asked for nothing this long is told dead by its transport's pings. */
  pingEveryMs: 5_000,
  pingTimeoutMs: 5_000,
  /** How long a node has to open the stream that it was asked for. */
  openStreamMs: 10_000,
  /** A node that lost its link, or that a new leader has not heard yet, is expected back within this. */
  relinkMs: 10_000,
  /** A write of a node is answered or declared unknown after this long. */
  reportDeadlineMs: 30_000,
  /** Rows of one message: well below the largest message. One row may be larger. */
  rowsBytesMax: 1_048_576,
  /** Unsent bytes on one link, behind its first state, at which it is cut; the agent resumes with the whole state. */
  pendingMaxBytes: 67_108_864,
  /** Changes of the common proxied revision are joined this long. */
  proxiedEveryMs: 20,
  /** Of one stream through another master: bytes on their way until the other end has taken some. */
  relayWindowBytes: 262_144,
  /** A slow node is looked at again, and another leader looked for, after this long. */
  relayLookMs: 20,
  relayRetryMs: 50,
  /** Masters that do not lead ask so often when nodes were heard. */
  heardEveryMs: 5_000,
} as const;
