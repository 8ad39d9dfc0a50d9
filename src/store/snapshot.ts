import type { KindId } from "../kinds/kind.ts";
import type { Millis } from "../util/time.ts";
import { concatBytes, Reader, Writer } from "../util/bytes.ts";
import { invariant } from "../util/errors.ts";
import { digestOf, equalDigests, noLanes, sumLanes } from "./digest.ts";
import type { Lanes } from "./digest.ts";
import type { HistoryEvent } from "./history.ts";
import type { KindTable } from "./kind-table.ts";
import { systemTables } from "./outcome-codec.ts";
import type { Digest, LogIndex, Revision } from "./revision.ts";
import { RowVersion } from "./row-version.ts";
import type { Chain } from "./row-version.ts";
import { createStore } from "./store.ts";
import type { Store } from "./store.ts";
import type { StoreOptions } from "./store-state.ts";

/**
 * A snapshot of the committed state of one moment, made while writes go on: nothing is copied at
 * the freeze, versions are walked where they lie. It holds every version from the floors of that
 * moment on, so that a watch that could resume before a restart can resume after it.
 *
 * Content: a stream of records, each with its length before it, cut into chunks without regard to
 * records. Layout: docs/formats.md; golden bytes freeze it.
 */
export interface Snapshot {
  readonly revision: Revision;
  /** Index of the newest entry that is in it. */
  readonly index: LogIndex;
  readonly digest: Digest;
  /** Itself: what a writer of snapshot files reads. */
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The next chunk, at most `snapshotChunkBytesMax` bytes; undefined: that was all, and the snapshot is closed. */
  next(): Uint8Array | undefined;
  /** Lets go of what the snapshot pins. To be called if it is not read to its end. */
  close(): void;
  /** The same as `next` and `close`, for `for await`. Each step is a bounded turn. */
  [Symbol.asyncIterator](): AsyncIterator<Uint8Array, void, void>;
}

const snapshotFormat = 1;
const groupId = 0;
const magic = 0x54525053; // "TRPS"

const headRecord = 1;
const kindRecord = 2;
const versionRecord = 3;
const systemRecord = 4;
const endRecord = 5;
/** Absent in snapshots of stores that had no outcome, and in those from before there was such a record. */
const timeRecord = 6;

const tombstoneFlag = 1;
const eventFlag = 2;

/** Freezes the committed state in this turn. At most a few snapshots should be open at a time. */
export function snapshotOf(store: Store): Snapshot {
  const { state } = store;
  const unpin = state.pin();
  const system = state.system.freeze();
  const floors = new Map<KindId, Revision>();
  for (const [kind, { history }] of state.tables) floors.set(kind, history.floor);
  const { revision, applied, decidedMs } = state;
  const digest = store.digest;
  const records = recordsOf(store, { revision, applied, digest, floors, decidedMs, system });
  const chunks = chunksOf(records, state.limits.snapshotChunkBytesMax);
  const close = (): void => {
    system.release();
    unpin();
  };
  const next = (): Uint8Array | undefined => {
    const { value, done } = chunks.next();
    if (done !== true) return value;
    close();
    return undefined;
  };
  const snapshot: Snapshot = {
    revision,
    index: applied,
    digest,
    get chunks() {
      return snapshot;
    },
    next,
    close,
    async *[Symbol.asyncIterator]() {
      try {
        for (let chunk = next(); chunk !== undefined; chunk = next()) yield chunk;
      } finally {
        close();
      }
    },
  };
  return snapshot;
}

/** Rebuilds a store from a snapshot's chunks, in order. A damaged or cut snapshot breaks an invariant. */
export async function restoreStore(
  options: StoreOptions,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<Store> {
  const loader = new SnapshotLoader(options);
  for await (const chunk of chunks) loader.push(chunk);
  return loader.finish();
}

/** The same into a store that others hold already: its state is replaced in one turn, at the end. */
export async function restoreInto(
  store: Store,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  const restored = await restoreStore(store.options, chunks);
  store.adopt(restored.state);
}

interface Frozen {
  readonly revision: Revision;
  readonly applied: LogIndex;
  readonly digest: Digest;
  readonly floors: ReadonlyMap<KindId, Revision>;
  readonly decidedMs: Millis;
  readonly system: ReturnType<Store["state"]["system"]["freeze"]>;
}

/** Each record lies in one buffer that the next one overwrites. */
function* recordsOf(store: Store, frozen: Frozen): Generator<Uint8Array, undefined> {
  const out = new Writer(4_096);
  const { revision, applied, digest } = frozen;
  yield out
    .reset()
    .u8(headRecord)
    .u32(magic)
    .u8(snapshotFormat)
    .varint(groupId)
    .varint(revision)
    .varint(applied)
    .finish();
  const batch = store.state.limits.snapshotBatchKeysMax;
  for (const [kind, table] of store.state.tables) {
    const floor = frozen.floors.get(kind) ?? 0;
    yield out.reset().u8(kindRecord).string(kind).varint(floor).finish();
    yield* versionsOf(table, { floor, revision, batch, out });
  }
  for (let rows = frozen.system.next(batch); rows !== undefined; rows = frozen.system.next(batch)) {
    for (const { table, key, value = "" } of rows) {
      out.reset().u8(systemRecord).u8(systemTables.indexOf(table));
      yield out.string(key).string(value).finish();
    }
  }
  if (frozen.decidedMs > 0) yield out.reset().u8(timeRecord).f64(frozen.decidedMs).finish();
  yield out.reset().u8(endRecord).u32(digest.a).u32(digest.b).finish();
}

function* versionsOf(
  table: KindTable,
  walk: {
    readonly floor: Revision;
    readonly revision: Revision;
    readonly batch: number;
    readonly out: Writer;
  },
): Generator<Uint8Array, void> {
  const { floor, revision, batch, out } = walk;
  let after: string | undefined;
  for (;;) {
    const chains = table.chainsAfter(after, batch);
    for (const chain of chains) {
      for (const version of versionsBetween(chain, floor, revision)) {
        const event = version.revision > floor ? table.history.eventOf(version.revision) : undefined;
        invariant(event !== undefined || version.revision <= floor, "history reaches to its floor");
        yield encodeVersion(out, version, event);
      }
    }
    after = chains.at(-1)?.key;
    if (chains.length < batch) return;
  }
}

/** Oldest first: those that a reader at the floor or above can see, up to `revision`. */
function versionsBetween(chain: Chain, floor: Revision, revision: Revision): readonly RowVersion[] {
  const versions: RowVersion[] = [];
  let version = chain.newest;
  while (version !== undefined && version.revision > revision) version = version.prev;
  for (; version !== undefined; version = version.prev) {
    const isBelow = version.revision <= floor;
    if (!isBelow || !version.deleted) versions.push(version);
    if (isBelow) break;
  }
  return versions.reverse();
}

function encodeVersion(record: Writer, version: RowVersion, event: HistoryEvent | undefined): Uint8Array {
  record.reset().u8(versionRecord);
  record.u8((version.deleted ? tombstoneFlag : 0) | (event === undefined ? 0 : eventFlag));
  record.string(version.namespace).string(version.name);
  record.varint(version.revision).varint(version.createRevision);
  if (event !== undefined) record.f64(event.now).varint(event.end - version.revision);
  if (!version.deleted) record.bytes(version.row());
  return record.finish();
}

function* chunksOf(records: Iterable<Uint8Array>, size: number): Generator<Uint8Array, undefined> {
  let out = new Writer(size + chunkSlackBytes);
  for (const record of records) {
    out.bytes(record);
    if (out.length < size) continue;
    const all = out.finish();
    let at = 0;
    for (; at + size <= all.length; at += size) {
      yield all.subarray(at, at + size);
    }
    out = new Writer(size + chunkSlackBytes).raw(all.subarray(at));
  }
  if (out.length > 0) yield out.finish();
}

/** So that the record which fills a chunk seldom makes its buffer grow. */
const chunkSlackBytes = 16 * 1_024;

/** Takes chunks as they come, and answers the store once all are there. */
export class SnapshotLoader {
  readonly #store: Store;
  #rest: Uint8Array = new Uint8Array(0);
  #table: KindTable | undefined;
  #hasHead = false;
  #digest: Digest | undefined;
  #lanes: Lanes = noLanes;
  /** Events of the kind at hand; chains come one after the other, so they are out of order. */
  #events: HistoryEvent[] = [];

  constructor(options: StoreOptions) {
    this.#store = createStore(options);
  }

  push(chunk: Uint8Array): void {
    const bytes = this.#rest.length === 0 ? chunk : concatBytes([this.#rest, chunk]);
    let at = 0;
    for (;;) {
      const record = recordAt(bytes, at);
      if (record === undefined) break;
      this.#take(new Reader(record.content));
      at = record.end;
    }
    this.#rest = bytes.slice(at);
  }

  finish(): Store {
    invariant(this.#digest !== undefined && this.#rest.length === 0, "a snapshot is whole");
    const { state } = this.#store;
    for (const table of state.tables.values()) {
      for (const version of table.liveVersions()) {
        this.#lanes = sumLanes(this.#lanes, { a: version.laneA, b: version.laneB });
      }
      table.reindex();
    }
    const found = digestOf(this.#lanes);
    invariant(equalDigests(found, this.#digest), "a snapshot's rows have the digest that it names");
    state.lanes = this.#lanes;
    return this.#store;
  }

  #take(from: Reader): void {
    const tag = from.u8();
    invariant(this.#hasHead === (tag !== headRecord), "a snapshot begins with its head");
    invariant(this.#digest === undefined, "nothing follows the end of a snapshot");
    if (tag === headRecord) this.#takeHead(from);
    else if (tag === kindRecord) this.#takeKind(from);
    else if (tag === versionRecord) this.#takeVersion(from);
    else if (tag === systemRecord) this.#takeSystem(from);
    else if (tag === timeRecord) this.#store.state.decidedMs = from.f64();
    else {
      invariant(tag === endRecord, "a snapshot holds known records");
      this.#endKind();
      this.#digest = { a: from.u32(), b: from.u32() };
    }
    from.end();
  }

  #takeHead(from: Reader): void {
    invariant(from.u32() === magic, "a snapshot begins with its magic number");
    invariant(from.u8() === snapshotFormat, "a snapshot has a known format");
    invariant(from.varint() === groupId, "a snapshot belongs to group 0");
    this.#store.state.revision = from.varint();
    this.#store.state.applied = from.varint();
    this.#hasHead = true;
  }

  #takeKind(from: Reader): void {
    this.#endKind();
    this.#table = this.#store.state.table(from.string());
    this.#table.history.raiseFloor(from.varint());
  }

  #takeVersion(from: Reader): void {
    const table = this.#table;
    invariant(table !== undefined, "a version follows its kind");
    const flags = from.u8();
    const namespace = from.string();
    const name = from.string();
    const revision = from.varint();
    const createRevision = from.varint();
    const chain = table.chain(namespace, name) ?? table.newChain(namespace, name);
    const deleted = (flags & tombstoneFlag) !== 0;
    const version = new RowVersion(chain, { revision, createRevision, deleted });
    invariant((chain.newest?.revision ?? 0) < revision, "versions of a row come oldest first");
    const time = (flags & eventFlag) === 0 ? undefined : { now: from.f64(), gap: from.varint() };
    if (!deleted) this.#store.state.keepRow(version, from.bytes());
    table.restore(version);
    if (time === undefined) return;
    const { prev } = version;
    this.#events.push({
      revision,
      previous: prev === undefined || prev.deleted ? undefined : prev,
      next: deleted ? undefined : version,
      version,
      now: time.now,
      end: revision + time.gap,
    });
  }

  #takeSystem(from: Reader): void {
    this.#endKind();
    const table = systemTables[from.u8()];
    invariant(table !== undefined, "a system row is of a known table");
    const lanes = this.#store.state.system.load(table, from.string(), from.string());
    this.#lanes = sumLanes(this.#lanes, lanes);
  }

  /** All versions of a kind are there: its events in the order in which they happened. */
  #endKind(): void {
    this.#events.sort((a, b) => a.revision - b.revision);
    for (const event of this.#events) this.#table?.history.append(event);
    if (this.#table !== undefined) {
      this.#table.changed = this.#events.at(-1)?.revision ?? this.#table.history.floor;
    }
    this.#events = [];
    this.#table = undefined;
  }
}

/** The record that begins at `at`, if it is there whole. */
function recordAt(bytes: Uint8Array, at: number): { readonly content: Uint8Array; readonly end: number } | undefined {
  let lengthEnd = at;
  while (lengthEnd < bytes.length && (bytes[lengthEnd] as number) >= 0x80) lengthEnd++;
  if (lengthEnd >= bytes.length) return undefined;
  const reader = new Reader(bytes, at);
  const length = reader.varint();
  return reader.left < length ? undefined : { content: reader.raw(length), end: reader.at };
}
