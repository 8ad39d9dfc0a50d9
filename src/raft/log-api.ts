import type { LogIndex, Term } from "../store/revision.ts";

/**
 * The replicated log as the host sees it. Entries come back through `LogListener` in log order,
 * once, when they are durable on a majority.
 */
export interface ReplicatedLog {
  readonly role: "leader" | "follower" | "candidate" | "learner";
  readonly term: Term;
  readonly leader: number | undefined;
  /** Hands the payload to the log in this turn and answers its index. Throws `TransientError` when not the leader. */
  propose(payload: Uint8Array): LogIndex;
  /** Resolves with the commit index once a round begun after the call is confirmed by a majority. */
  readIndex(): Promise<LogIndex>;
  /** Everything up to `index` is in a durable snapshot of the state; older entries may go. */
  compact(index: LogIndex): void;
}

export interface LogEntry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly kind: "normal" | "noop" | "config" | "checkpoint" | "gate";
  readonly payload: Uint8Array;
}

export interface LogListener {
  committed(entries: readonly LogEntry[]): void;
  /**
   * Told again when a leader becomes known, with `log.leader` saying who. `leader` is told only after the
   * leader's own entry of this term is committed and applied.
   */
  role(role: ReplicatedLog["role"], term: Term): void;
}
