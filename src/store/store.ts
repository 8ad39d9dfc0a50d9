import type { Millis } from "../util/time.ts";
import type { Draft, KindId, KubeObject } from "../kinds/kind.ts";
import { invariant, InvariantError } from "../util/errors.ts";
import { digestOf, equalDigests, minusLanes, sumLanes } from "./digest.ts";
import type { Lanes } from "./digest.ts";
import { expired, tooLargeResourceVersion } from "../kinds/status-errors.ts";
import type { HistoryWindow } from "./history.ts";
import { storeLimits } from "./limits.ts";
import type { Outcome, SystemTable } from "./outcome.ts";
import type { Digest, LogIndex, Revision } from "./revision.ts";
import { encodeRow } from "./row.ts";
import type { RowVersion } from "./row-version.ts";
import { prepareWrites } from "./stage.ts";
import type { Page, PageQuery, TipStore, WatchChange, WatchHandle, WatchSink } from "./store-api.ts";
import { StoreState } from "./store-state.ts";
import type { StoreOptions } from "./store-state.ts";
import type { RowRef, View } from "./view.ts";

/**
 * One store, two watermarks. Rows are multi-version; the tip is the newest staged version of every
 * key, the committed state the newest one at or below `revision`. The leader stages outcomes and
 * commits them in order, or rolls all of them back; a follower commits what the log brings.
 *
 * Invariants: revisions grow by one a write and are never reused once committed; an outcome is
 * visible whole or not at all; the digest before an outcome is the one it carries; watchers are fed
 * committed outcomes only.
 */
export function createStore(options: StoreOptions): Store {
  return new Store(options);
}

/** The state before an outcome is not the one it was evaluated on: this member must stop serving. */
export class DigestMismatchError extends InvariantError {
  constructor(expected: Digest, found: Digest) {
    super(`state digest ${text(expected)} is expected, ${text(found)} is found`);
    this.name = "DigestMismatchError";
  }
}

/** Rows behind a page have to be counted one by one. */
const uncountable = -1;

/** An outcome at the tip that is not committed yet. */
interface Staged {
  readonly number: number;
  readonly outcome: Outcome;
  readonly versions: readonly RowVersion[];
  /** Tip digest behind it. */
  readonly lanes: Lanes;
  /** Tip revision behind it. */
  readonly revision: Revision;
}

export class Store implements TipStore {
  readonly options: StoreOptions;
  readonly tip: View;
  readonly committed: View;
  #state: StoreState;
  readonly #listeners: ((changes: readonly WatchChange[]) => void)[] = [];
  readonly #staged: Staged[] = [];
  #stagedCount = 0;

  constructor(options: StoreOptions) {
    this.options = options;
    this.#state = new StoreState(options, { ...storeLimits, ...options.limits });
    const state = (): StoreState => this.#state;
    this.tip = new StoreView(state, () => this.tipRevision, true);
    this.committed = new StoreView(state, () => this.revision, false);
  }

  /** Tables and watermarks, for snapshots; nobody else reads it. */
  get state(): StoreState {
    return this.#state;
  }

  /**
   * Takes a newer state in the place of its own, in one turn: a snapshot was installed. Watches go on
   * from where they are, or are told 410 where the new history does not reach back to.
   */
  adopt(state: StoreState): void {
    invariant(this.#staged.length === 0, "a snapshot is installed where nothing is staged");
    invariant(state.applied >= this.applied, "the applied index never goes back");
    const old = this.#state;
    this.#state = state;
    for (const [kind, { history }] of old.tables) state.table(kind).history.takeOver(history);
  }

  get revision(): Revision {
    return this.state.revision;
  }

  get decidedMs(): Millis {
    return this.state.decidedMs;
  }

  get tipRevision(): Revision {
    return this.#staged.at(-1)?.revision ?? this.state.revision;
  }

  get applied(): LogIndex {
    return this.state.applied;
  }

  /** Digest of the committed state. */
  get digest(): Digest {
    return digestOf(this.state.lanes);
  }

  get tipDigest(): Digest {
    return digestOf(this.#tipLanes);
  }

  /** Live committed rows, system rows not counted. */
  get rowCount(): number {
    let rows = 0;
    for (const { live } of this.state.tables.values()) rows += live;
    return rows;
  }

  /** Encodes an object for a `RowWrite`: sealed if its kind is. `revision` is that of the write. */
  encodeRow(kind: KindId, draft: Draft | KubeObject, revision: Revision): Uint8Array {
    if (this.state.table(kind).kind.sealed !== true) return encodeRow(draft, revision);
    const { sealer } = this.options;
    invariant(sealer !== undefined, "a store with sealed kinds has a sealer");
    return encodeRow(draft, revision, { sealer, kind });
  }

  floor(kind: KindId): Revision {
    return this.state.table(kind).history.floor;
  }

  /** The event windows of all kinds: what `dueFloors` judges. */
  histories(): readonly HistoryWindow[] {
    return [...this.state.tables.values()].map(({ history }) => history);
  }

  page(kind: KindId, query: PageQuery): Page {
    const table = this.state.table(kind);
    const revision = query.at ?? this.state.revision;
    if (revision < table.history.floor) throw expired();
    if (revision > this.state.revision) throw tooLargeResourceVersion(revision, this.state.revision);
    const { namespace, after, filter, limit = Number.POSITIVE_INFINITY } = query;
    const rows: RowRef[] = [];
    let last: string | undefined;
    let remaining = 0;
    let counted: number | undefined;
    table.scan({ namespace, after, revision }, (version, key) => {
      if (rows.length >= limit) {
        // One row behind the page is enough to know that there is a next one.
        remaining++;
        if (filter !== undefined) return false;
        counted ??= table.countBehind(last ?? "", { namespace, revision }) ?? uncountable;
        return counted === uncountable;
      }
      if (filter === undefined || filter(version)) rows.push(version);
      last = key;
      return true;
    });
    if (remaining === 0 || last === undefined) return { revision, rows };
    if (filter !== undefined) return { revision, rows, next: last };
    if (counted !== undefined && counted !== uncountable) remaining = counted;
    return { revision, rows, next: last, remaining };
  }

  /** What was visible behind the write with this revision. Reads throw 410 below a kind's floor. */
  at(revision: Revision): Pick<View, "revision" | "get" | "list"> {
    if (revision > this.revision) throw tooLargeResourceVersion(revision, this.revision);
    const view = new StoreView(
      () => this.state,
      () => revision,
      false,
    );
    const checked = (kind: KindId): void => {
      if (revision < this.floor(kind)) throw expired();
    };
    return {
      revision,
      get: (kind, namespace, name) => {
        checked(kind);
        return view.get(kind, namespace, name);
      },
      list: (kind, options) => {
        checked(kind);
        return view.list(kind, options);
      },
    };
  }

  watch(kind: KindId, from: Revision, sink: WatchSink): WatchHandle {
    return this.state.table(kind).history.watch(from, sink);
  }

  system(table: SystemTable, key: string): string | undefined {
    return this.state.system.get(table, key);
  }

  systemRows(table: SystemTable): readonly (readonly [key: string, value: string])[] {
    return this.state.system.rows(table);
  }

  onStaged(run: (changes: readonly WatchChange[]) => void): void {
    this.#listeners.push(run);
  }

  stage(outcome: Outcome): void {
    const { versions } = this.#push(outcome);
    const changes = versions.map(changeOf);
    for (const run of this.#listeners) run(changes);
  }

  commit(index: LogIndex, outcome: Outcome): void {
    invariant(index > this.state.applied, "entries are applied in log order, once");
    const expected = this.#staged[0]?.outcome;
    if (expected === undefined) this.#push(outcome);
    else invariant(isSame(expected, outcome), "outcomes are committed in the order of staging");
    const staged = this.#staged.shift() as Staged;
    const { state } = this;
    state.applied = index;
    state.revision = staged.revision;
    state.lanes = staged.lanes;
    state.decidedMs = Math.max(state.decidedMs, outcome.now);
    for (const write of outcome.system) state.system.commit(write, staged.number);
    const touched = new Set<KindId>();
    for (const version of staged.versions) {
      this.#commitVersion(version, staged);
      touched.add(version.kind);
    }
    for (const kind of touched) state.table(kind).history.feed();
    for (const write of outcome.system) {
      if (write.table === "floor" && write.value !== undefined) {
        this.compactHistory(write.key, Number(write.value));
      }
    }
    state.slabs.tidy();
  }

  /** The entry at `index` is committed and holds no outcome (no-op, configuration, checkpoint). */
  advance(index: LogIndex): void {
    invariant(index > this.state.applied, "entries are applied in log order, once");
    this.state.applied = index;
  }

  rollback(): void {
    const { state } = this;
    for (let staged = this.#staged.pop(); staged !== undefined; staged = this.#staged.pop()) {
      for (const version of staged.versions.toReversed()) {
        state.table(version.kind).pop(version, state.revision);
        state.free(version);
      }
    }
    state.system.rollback();
  }

  compactHistory(kind: KindId, floor: Revision): void {
    invariant(
      Number.isSafeInteger(floor) && floor >= 0 && floor <= this.state.revision,
      "a floor is a committed revision",
    );
    const table = this.state.table(kind);
    if (floor > table.history.floor) this.state.raiseFloor(table, floor);
  }

  get #tipLanes(): Lanes {
    return this.#staged.at(-1)?.lanes ?? this.state.lanes;
  }

  /** Checks everything, then changes everything: a broken precondition leaves no trace. */
  #push(outcome: Outcome): Staged {
    const { state } = this;
    invariant(outcome.firstRevision === this.tipRevision + 1, "an outcome begins at the revision behind the tip");
    if (!equalDigests(outcome.digest, this.tipDigest)) {
      throw new DigestMismatchError(outcome.digest, this.tipDigest);
    }
    const prepared = prepareWrites(state, outcome);
    const number = ++this.#stagedCount;
    let lanes = this.#tipLanes;
    for (const { version, row } of prepared) {
      if (row !== undefined) state.keepRow(version, row);
      state.table(version.kind).push(version);
      const { prev } = version;
      if (prev !== undefined) lanes = minusLanes(lanes, lanesOf(prev));
      lanes = sumLanes(lanes, lanesOf(version));
    }
    for (const write of outcome.system) lanes = sumLanes(lanes, state.system.stage(write, number));
    const versions = prepared.map(({ version }) => version);
    const revision = outcome.firstRevision + versions.length - 1;
    const staged = { number, outcome, versions, lanes, revision };
    this.#staged.push(staged);
    return staged;
  }

  #commitVersion(version: RowVersion, staged: Staged): void {
    const { state } = this;
    const table = state.table(version.kind);
    const { prev } = version;
    const wasLive = prev !== undefined && !prev.deleted;
    table.live += Number(!version.deleted) - Number(wasLive);
    table.changed = version.revision;
    if (prev !== undefined) table.leave(prev, state.revision);
    prev?.prev?.cool();
    const { revision, previous, next } = changeOf(version);
    const { now } = staged.outcome;
    table.history.append({ revision, previous, next, version, now, end: staged.revision });
  }
}

/** A consistent state: whatever is visible at the watermark of the moment. */
class StoreView implements View {
  readonly #state: () => StoreState;
  readonly #watermark: () => Revision;
  readonly #isTip: boolean;

  constructor(state: () => StoreState, watermark: () => Revision, isTip: boolean) {
    this.#state = state;
    this.#watermark = watermark;
    this.#isTip = isTip;
  }

  get revision(): Revision {
    return this.#watermark();
  }

  get(kind: KindId, namespace: string, name: string): RowRef | undefined {
    return this.#state().table(kind).get(namespace, name, this.revision);
  }

  list(kind: KindId, options?: { readonly namespace?: string }): readonly RowRef[] {
    const rows: RowRef[] = [];
    const { revision } = this;
    this.#state()
      .table(kind)
      .scan({ namespace: options?.namespace, after: undefined, revision }, (version) => {
        rows.push(version);
        return true;
      });
    return rows;
  }

  index(kind: KindId, index: string, value: string): readonly RowRef[] {
    const state = this.#state();
    const committed = state.revision;
    return state.table(kind).indexed(index, value, { revision: this.revision, committed });
  }

  indexStamp(kind: KindId, index: string, value: string): object | undefined {
    return this.#isTip ? this.#state().table(kind).stamp(index, value) : undefined;
  }
}

function changeOf(version: RowVersion): WatchChange {
  const { revision, prev } = version;
  return {
    revision,
    previous: prev === undefined || prev.deleted ? undefined : prev,
    next: version.deleted ? undefined : version,
  };
}

function lanesOf(version: RowVersion): Lanes {
  return { a: version.laneA, b: version.laneB };
}

function isSame(a: Outcome, b: Outcome): boolean {
  return (
    a === b ||
    (a.firstRevision === b.firstRevision &&
      a.writes.length === b.writes.length &&
      a.command.member === b.command.member &&
      a.command.incarnation === b.command.incarnation &&
      a.command.sequence === b.command.sequence &&
      equalDigests(a.digest, b.digest))
  );
}

function text(digest: Digest): string {
  return [digest.a, digest.b].map((lane) => lane.toString(16).padStart(8, "0")).join("");
}
