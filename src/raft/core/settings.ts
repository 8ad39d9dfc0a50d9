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
  readonly appendBytesMax: number;
  readonly inflightMessagesMax: number;
  readonly inflightBytesMax: number;
  /** Proposed and not yet committed. */
  readonly uncommittedBytesMax: number;
}

const MIB = 1_048_576;

export const defaultSettings: Settings = {
  heartbeatMs: 100,
  electionMinMs: 1_000,
  rankStaggerMs: 300,
  electionJitterMs: 50,
  linkDownStaggerMs: 25,
  appendBytesMax: MIB,
  inflightMessagesMax: 256,
  inflightBytesMax: 8 * MIB,
  uncommittedBytesMax: 64 * MIB,
};
