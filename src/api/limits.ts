import type { PriorityLevel } from "./priority.ts";

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
  /** How long a list is worked on in one turn. */
  readonly listTurnMs: number;
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
  /** Requests at once by level; a wide one counts as several. */
  readonly seats: Readonly<Record<PriorityLevel, number>>;
  readonly seatWidthMax: number;
  /** Rows of a list, and bytes of a body, that one seat stands for. */
  readonly seatRows: number;
  /** Rows of a list whose length is not limited. */
  readonly unlimitedListRows: number;
  readonly seatBodyBytes: number;
  readonly seatWaitMs: number;
  readonly flowQueueMax: number;
  readonly levelQueueMax: number;
  /** The longest time after which a refused request is told to come back. */
  readonly retryAfterMaxSeconds: number;
  /** A watcher that has taken nothing of what waits for it for this long is cut. */
  readonly watchStalledMs: number;
  /** Where so many watch the same, what comes within `watchJoinMs` leaves in one write. */
  readonly watchJoinMembersMin: number;
  readonly watchJoinMs: number;
  readonly watchesMax: number;
  readonly watchesPerUserMax: number;
  /** Bodies of GETs above this are packed for those who accept it. */
  readonly gzipBytesMin: number;
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
  listTurnMs: 8,
  streamPendingBytesMax: 1024 * 1024,
  streamLookMs: 20,
  streamsOpenMs: 30_000,
  streamLingerMs: 5_000,
  commandStreamsMax: 8,
  commandStatusBytesMax: 64 * 1024,
  forwardedPortsMax: 64,
  seats: { system: 240, leader: 30, node: 120, controllers: 80, workload: 120, "catch-all": 10 },
  seatWidthMax: 10,
  seatRows: 100,
  unlimitedListRows: 400,
  seatBodyBytes: 256 * 1024,
  seatWaitMs: 5_000,
  flowQueueMax: 800,
  levelQueueMax: 1_600,
  retryAfterMaxSeconds: 8,
  watchStalledMs: 5_000,
  watchJoinMembersMin: 32,
  watchJoinMs: 20,
  watchesMax: 10_000,
  watchesPerUserMax: 2_000,
  gzipBytesMin: 128 * 1024,
};
