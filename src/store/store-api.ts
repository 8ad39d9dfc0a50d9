import type { KindId } from "../kinds/kind.ts";
import type { StatusError } from "../util/errors.ts";
import type { Outcome, SystemTable } from "./outcome.ts";
import type { Digest, LogIndex, Revision } from "./revision.ts";
import type { RowRef, View } from "./view.ts";
import type { Millis } from "../util/time.ts";

/** What the API's doors read: committed rows, lists at a revision, watches. Implemented by `store.ts`. */
export interface CommittedStore {
  /** Newest committed state. */
  readonly committed: View;
  readonly revision: Revision;
  /** Index of the newest applied entry: what a read index is compared with. */
  readonly applied: LogIndex;
  /** The committed state behind the write `revision`. Reads throw 410 `Expired` below a kind's floor; 504 above the newest. */
  at(revision: Revision): Pick<View, "revision" | "get" | "list">;
  /** One page in key order at exactly `at` (default: newest). Throws 410 `Expired` below the floor, 504 `Timeout` above the newest. */
  page(kind: KindId, query: PageQuery): Page;
  /**
   * Events after `from` exactly, in revision order, whole transactions. Throws 410 `Expired` when
   * `from` lies below the floor. Events with a revision above the newest are awaited.
   */
  watch(kind: KindId, from: Revision, sink: WatchSink): WatchHandle;
  /** Lowest revision from which a watch of this kind may resume. */
  floor(kind: KindId): Revision;
}

export interface PageQuery {
  readonly namespace?: string;
  readonly at?: Revision;
  /** Key (`namespace/name`) after which the page begins. */
  readonly after?: string;
  readonly limit?: number;
  readonly filter?: (row: RowRef) => boolean;
}

export interface Page {
  readonly revision: Revision;
  readonly rows: readonly RowRef[];
  /** Last key looked at, if rows may remain behind it. */
  readonly next?: string;
  /** Rows behind the page, counted only without a filter. */
  readonly remaining?: number;
}

export interface WatchSink {
  /**
   * Every change of one transaction that touches the kind, in order. What lies behind the start is
   * handed over before `watch` returns. Must not throw.
   */
  events(batch: readonly WatchChange[]): void;
  /**
   * Asked before each batch; false holds the watch at its place in the history until
   * `WatchHandle.resume` is called. Absent: always ready.
   */
  ready?(): boolean;
  /**
   * 410: the history moved past the place of a watch that was held, or an installed snapshot does not
   * reach back to it. The watch is closed.
   */
  expired?(error: StatusError): void;
}

export interface WatchChange {
  readonly revision: Revision;
  readonly previous: RowRef | undefined;
  /** Undefined: deleted; `previous` is the last state then. */
  readonly next: RowRef | undefined;
  /** Time of the outcome; changes that are only staged have none yet. */
  readonly now?: Millis;
}

export interface WatchHandle {
  /** All events up to here were handed to this sink: what a bookmark may say. */
  readonly upTo: Revision;
  close(): void;
  /** Goes on after the sink asked to wait (`WatchSink.ready`). */
  resume?(): void;
}

/** What the host on the leader writes to, and every member applies to. */
export interface TipStore extends CommittedStore {
  /** Committed rows plus staged outcomes. Equal to `committed` on a follower. */
  readonly tip: View;
  readonly tipDigest: Digest;
  /** Leader's time of the newest committed outcome, also of one that only a snapshot stands for. */
  readonly decidedMs: Millis;
  /** A system row at the tip. */
  system(table: SystemTable, key: string): string | undefined;
  /** System rows of a table at the tip, in key order. */
  systemRows(table: SystemTable): readonly (readonly [key: string, value: string])[];
  /** Moves the tip on. Preconditions must hold: `expected` revisions, digest, first revision = tip revision + 1. */
  stage(outcome: Outcome): void;
  /** The entry at `index` is committed: the oldest staged outcome becomes committed (leader), or the outcome is applied (follower, replay). Watches are fed. */
  commit(index: LogIndex, outcome: Outcome): void;
  /** The entry at `index` is committed and holds no outcome (no-op, configuration, checkpoint). */
  advance(index: LogIndex): void;
  /** The term is lost: staged outcomes are dropped, newest first. */
  rollback(): void;
  /** Told in the same turn after each `stage`, with the rows that it changed. */
  onStaged(run: (changes: readonly WatchChange[]) => void): void;
  /**
   * Moves a kind's compaction floor; history below it is dropped. A replicated decision: committing
   * an outcome with a `floor` system row (key = kind, value = revision) calls it on every member.
   */
  compactHistory(kind: KindId, floor: Revision): void;
}
