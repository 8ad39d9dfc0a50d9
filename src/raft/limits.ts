/** Limits of the log on disk and of its driver; those of the protocol lie in `core/settings.ts`. */
export const raftLimits = {
  /** A segment file is full at this length. */
  segmentBytes: 67_108_864,
  /** A segment is zero-filled ahead in pieces of this length. */
  zeroFillPieceBytes: 1_048_576,
  /** The first segment of a new log gets only this much before the start goes on. */
  firstZeroFillBytes: 262_144,
  /** More than this does not go into one batch; what is left goes into the next. */
  batchBytes: 8_388_608,
  /** A payload up to this size is copied beside its header; a larger one is written from where it lies. */
  copiedPayloadBytes: 16_384,
  /** The longest payload of one entry. */
  entryBytes: 4_194_304,
  /** A snapshot block holds at most this much. */
  snapshotBlockBytes: 262_144,
  /** Snapshot files kept: the newest, and one to fall back on. */
  snapshotFilesCount: 2,
  /**
   * Log written since the last snapshot that asks for a new one: as much as that is long, within these bounds. What
   * was written since is applied anew at a start, which costs some three times as much as the same bytes of a snapshot (decision 28).
   */
  snapshotLogBytesMin: 8_388_608,
  snapshotLogBytesMax: 134_217_728,
  /** Applied entries that stay in memory where no other member may ask for them. */
  memoryTailEntries: 1024,
  /** Of a snapshot on its way: the length of a piece, and how many may be unanswered. */
  snapshotChunkBytes: 262_144,
  snapshotInFlightCount: 4,
  /** An offer is repeated after this long; a transfer without an answer is given up after this long. */
  snapshotOfferMs: 1_000,
  snapshotStallMs: 5_000,
  /** With more than this waiting to be sent to a member, appends to it are dropped; heartbeats are not. */
  peerPendingBytes: 8_388_608,
  /** A member that cannot be reached is called again after this long, doubled up to the last. */
  peerRedialMinMs: 20,
  peerRedialMaxMs: 250,
  peerDialMs: 3_000,
  /** A member that is told something all the time, and says nothing for this long, is called anew. */
  peerSilentMs: 5_000,
  /** A longer rest in what it is told begins that time anew. */
  peerRestMs: 1_000,
  /** With a full disk the log tries again to write after this long. */
  fullDiskRetryMs: 1_000,
  /** Committed entries handed over in one turn: the rest of a long log (a restart) follows in the next ones. */
  turnEntriesMax: 512,
  /** The driver looks at the time this often when there are other members. */
  tickMs: 25,
} as const;
