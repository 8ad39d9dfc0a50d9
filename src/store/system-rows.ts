import { utf8 } from "../util/bytes.ts";
import { compareKeys, OrderedMap } from "../util/ordered-map.ts";
import { minusLanes, noLanes, systemLanes } from "./digest.ts";
import type { Lanes } from "./digest.ts";
import type { SystemTable, SystemWrite } from "./outcome.ts";
import { systemTables } from "./outcome-codec.ts";

const encoder = new TextEncoder();
const utf8UnitBytesMax = 3;
const scratch = new Uint8Array(4_096);

interface Overlay {
  readonly value: string | undefined;
  /** Number of the staged outcome that wrote it. */
  readonly stage: number;
}

interface Table {
  readonly name: SystemTable;
  committed: OrderedMap<string>;
  /** What staged outcomes wrote; newest value a key. */
  readonly staged: Map<string, Overlay>;
}

/**
 * Timers, outbox, results and their like: values without revision or history. Committed values lie
 * in key order, staged ones above them until their outcome is committed or dropped. A freeze sees
 * the values of its moment: what changes below it later is saved for it first.
 */
export class SystemRows {
  readonly #tables: ReadonlyMap<SystemTable, Table>;
  readonly #crc32: (bytes: Uint8Array) => number;
  readonly #freezes = new Set<SystemFreeze>();

  constructor(crc32: (bytes: Uint8Array) => number) {
    this.#crc32 = crc32;
    this.#tables = new Map(
      systemTables.map((name) => [
        name,
        { name, committed: new OrderedMap<string>(), staged: new Map<string, Overlay>() },
      ]),
    );
  }

  /** Value at the tip. */
  get(table: SystemTable, key: string): string | undefined {
    const { committed, staged } = this.#table(table);
    // Most tables are empty most of the time: their keys need not even be hashed.
    const overlay = staged.size === 0 ? undefined : staged.get(key);
    return overlay === undefined ? committed.get(key) : overlay.value;
  }

  /** Rows at the tip, in key order. */
  rows(table: SystemTable): readonly (readonly [key: string, value: string])[] {
    const { committed, staged } = this.#table(table);
    if (staged.size === 0) return [...committed.entries()];
    const rows: (readonly [string, string])[] = [];
    for (const entry of committed.entries()) if (!staged.has(entry[0])) rows.push(entry);
    for (const [key, { value }] of staged) if (value !== undefined) rows.push([key, value]);
    return rows.sort(([a], [b]) => compareKeys(a, b));
  }

  committedRows(table: SystemTable): OrderedMap<string> {
    return this.#table(table).committed;
  }

  /** Writes at the tip and answers by how much that changes the digest. */
  stage(write: SystemWrite, stage: number): Lanes {
    const before = this.#lanes(write.table, write.key, this.get(write.table, write.key));
    this.#table(write.table).staged.set(write.key, { value: write.value, stage });
    return minusLanes(this.#lanes(write.table, write.key, write.value), before);
  }

  commit(write: SystemWrite, stage: number): void {
    const { committed, staged } = this.#table(write.table);
    for (const freeze of this.#freezes) freeze.save(write, committed.get(write.key));
    if (write.value === undefined) committed.delete(write.key);
    else committed.set(write.key, write.value);
    if (staged.get(write.key)?.stage === stage) staged.delete(write.key);
  }

  rollback(): void {
    for (const { staged } of this.#tables.values()) staged.clear();
  }

  /** For restore: a committed value; answers its part of the digest. */
  load(table: SystemTable, key: string, value: string): Lanes {
    this.#table(table).committed.set(key, value);
    return this.#lanes(table, key, value);
  }

  /** For a fork: takes the committed values of a table of another store, where nothing is in flight. */
  copy(table: SystemTable, from: SystemRows): void {
    this.#table(table).committed = from.committedRows(table).map((value) => value);
  }

  freeze(): SystemFreeze {
    const freeze = new SystemFreeze(
      [...this.#tables.values()].map(({ name, committed }) => ({ name, committed })),
      () => this.#freezes.delete(freeze),
    );
    this.#freezes.add(freeze);
    return freeze;
  }

  #lanes(table: SystemTable, key: string, value: string | undefined): Lanes {
    return value === undefined ? noLanes : systemLanes(table, key, this.#crcOf(value));
  }

  /** Short values, which most are, need no memory of their own for it. */
  #crcOf(value: string): number {
    if (value.length * utf8UnitBytesMax > scratch.length) return this.#crc32(utf8(value));
    return this.#crc32(scratch.subarray(0, encoder.encodeInto(value, scratch).written));
  }

  #table(name: SystemTable): Table {
    return this.#tables.get(name) as Table;
  }
}

/** The committed system rows of one moment, walked in batches while writes go on. */
class SystemFreeze {
  readonly #tables: readonly { name: SystemTable; committed: OrderedMap<string> }[];
  readonly #release: () => void;
  /** Values of the moment that were overwritten before the walk came to them, by table. */
  readonly #saved: readonly Map<string, string | undefined>[];
  #walking = 0;
  #walkedTo: string | undefined = undefined;

  constructor(tables: readonly { name: SystemTable; committed: OrderedMap<string> }[], release: () => void) {
    this.#tables = tables;
    this.#release = release;
    this.#saved = tables.map(() => new Map<string, string | undefined>());
  }

  /** Keeps the old value of a row that is about to change, unless the walk has passed it. */
  save(write: SystemWrite, old: string | undefined): void {
    const index = this.#tables.findIndex(({ name }) => name === write.table);
    const isWalked =
      index < this.#walking ||
      (index === this.#walking && this.#walkedTo !== undefined && compareKeys(write.key, this.#walkedTo) <= 0);
    const saved = this.#saved[index];
    if (isWalked || saved === undefined || saved.has(write.key)) return;
    saved.set(write.key, old);
  }

  /** The next rows; undefined when all were answered. */
  next(limit: number): readonly SystemWrite[] | undefined {
    const table = this.#tables[this.#walking];
    const saved = this.#saved[this.#walking];
    if (table === undefined || saved === undefined) return undefined;
    const rows: SystemWrite[] = [];
    let seen = 0;
    table.committed.scan(this.#walkedTo, (key, current) => {
      const value = saved.has(key) ? saved.get(key) : current;
      saved.delete(key);
      if (value !== undefined) rows.push({ table: table.name, key, value });
      this.#walkedTo = key;
      return ++seen < limit;
    });
    if (seen === limit) return rows;
    for (const [key, value] of saved) {
      if (value !== undefined) rows.push({ table: table.name, key, value });
    }
    this.#walking++;
    this.#walkedTo = undefined;
    return rows;
  }

  release(): void {
    this.#release();
  }
}
