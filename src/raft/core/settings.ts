/** Times and windows of the protocol. Every voter of a cluster uses the same. */
export interface Settings {
  readonly heartbeatMs: number;
  /** A follower that heard nothing for this long may campaign; a leader without a quorum's answers steps down. */
  readonly electionMinMs: number;
  /** Added per place among the voters, so that two rarely campaign together. */
  readonly rankStaggerMs: number;
  readonly electionJitterMs: number;
  /** Where the connection to the leader broke: the wait per place before asking for votes. */
  readonly linkDownStaggerMs: number;
  /** A member that was linked anew this long ago is a successor like others. */
  readonly settleMs: number;
  readonly appendBytesMax: number;
  /** Fewer entries than this wait while an append is under way to the member. */
  readonly gatherEntriesMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** Proposed and not yet committed. */
  readonly uncommittedBytesMax: number;
  /** Members that learn at the same time. */
  readonly learnersMax: number;
  /** A learner votes once it has been this close to the commit index for `promoteAfterMs`. */
  readonly promoteLagMax: number;
  readonly promoteAfterMs: number;
  /** A learner that has got no further for this long is removed. */
  readonly learnerStuckMs: number;
  /** After a snapshot stream that failed: the first wait, doubled up to the last. */
  readonly snapshotRetryMinMs: number;
  readonly snapshotRetryMaxMs: number;
  /** The log is kept for members heard within this time. */
  readonly followerSeenMs: number;
  /** More than this is not kept for anyone; who needs it gets a snapshot. */
  readonly logBytesMax: number;
}

const MIB = 1_048_576;

export const defaultSettings: Settings = {
  heartbeatMs: 100,
  electionMinMs: 1_000,
  rankStaggerMs: 300,
  electionJitterMs: 50,
  linkDownStaggerMs: 25,
  settleMs: 5_000,
  appendBytesMax: MIB,
  gatherEntriesMax: 64,
  inflightMessagesMax: 256,
  inflightBytesMax: 8 * MIB,
  uncommittedBytesMax: 64 * MIB,
  learnersMax: 8,
  promoteLagMax: 1_000,
  promoteAfterMs: 5_000,
  learnerStuckMs: 900_000,
  snapshotRetryMinMs: 1_000,
  snapshotRetryMaxMs: 30_000,
  followerSeenMs: 600_000,
  logBytesMax: 256 * MIB,
};
