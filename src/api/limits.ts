/** Limits of the API's doors; every one has its unit in its name. */
export const limits: {
  readonly bodyBytesMax: number;
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
  readonly streamPendingBytesMax: number;
} = {
  bodyBytesMax: 3 * 1024 * 1024,
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
};
