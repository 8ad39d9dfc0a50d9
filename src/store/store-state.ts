import type { Kind, KindId } from "../kinds/kind.ts";
import type { Millis } from "../util/time.ts";
import { invariant } from "../util/errors.ts";
import { noLanes, rowLanes } from "./digest.ts";
import type { Lanes } from "./digest.ts";
import { KindTable } from "./kind-table.ts";
import type { StoreLimits } from "./limits.ts";
import type { LogIndex, Revision } from "./revision.ts";
import type { Sealer } from "./row.ts";
import { ObjectCache } from "./row-version.ts";
import type { RowVersion } from "./row-version.ts";
import { Slabs } from "./slabs.ts";
import { SystemRows } from "./system-rows.ts";

export interface StoreOptions {
  /** The catalogue; kinds with virtual storage have no rows and are left out. */
  readonly kinds: readonly Kind[];
  /** Needed if a kind is sealed. */
  readonly sealer?: Sealer;
  /** CRC-32 (IEEE) of `bytes`: part of every digest term, so equal on all members. */
  readonly crc32: (bytes: Uint8Array) => number;
  readonly limits?: Partial<StoreLimits>;
}

/**
 * What the store consists of, for the store itself and for snapshots: tables, system rows, slabs,
 * watermarks. The committed watermark is `revision`.
 */
export class StoreState {
  readonly tables: ReadonlyMap<KindId, KindTable>;
  readonly system: SystemRows;
  readonly slabs: Slabs;
  readonly objects: ObjectCache;
  readonly limits: StoreLimits;
  readonly #crc32: (bytes: Uint8Array) => number;
  revision: Revision = 0;
  applied: LogIndex = 0;
  /** Leader's time of the newest committed outcome: what is decided later has no lower one. */
  decidedMs: Millis = 0;
  /** Digest of the committed state. */
  lanes: Lanes = noLanes;
  #pins = 0;

  constructor(options: StoreOptions, limits: StoreLimits) {
    this.limits = limits;
    this.#crc32 = (bytes) => options.crc32(bytes);
    this.slabs = new Slabs(limits);
    this.objects = new ObjectCache({ ...limits, sealer: options.sealer });
    this.system = new SystemRows(this.#crc32);
    const context = { objects: this.objects, revision: () => this.revision };
    const stored = options.kinds.filter((kind) => kind.storage === "rows");
    this.tables = new Map(stored.map((kind) => [kind.id, new KindTable(kind, context)]));
    invariant(this.tables.size === stored.length, "kind ids are unique");
  }

  table(kind: KindId): KindTable {
    const table = this.tables.get(kind);
    invariant(table !== undefined, `the store has rows of the kind ${kind}`);
    return table;
  }

  /** Copies the row into a slab and notes its term of the digest. */
  keepRow(version: RowVersion, row: Uint8Array): void {
    this.slabs.put(version, row);
    const { a, b } = this.lanesOfRow(version, row);
    version.laneA = a;
    version.laneB = b;
  }

  lanesOfRow(version: RowVersion, row: Uint8Array): Lanes {
    const { revision, chain } = version;
    return rowLanes(chain.kind.id, chain.key, { revision, crc: this.#crc32(row) });
  }

  free(version: RowVersion): void {
    if (version.deleted) return;
    version.freed = true;
    this.slabs.free(version);
  }

  /** Moves a floor. What lies below it is dropped at once, or when the last snapshot is done. */
  raiseFloor(table: KindTable, floor: Revision): void {
    table.history.raiseFloor(floor);
    if (this.#pins === 0) this.#trim(table);
  }

  /** While pinned, no version that a reader at a floor of now can see is dropped. */
  pin(): () => void {
    this.#pins++;
    let isPinned = true;
    return () => {
      if (!isPinned) return;
      isPinned = false;
      if (--this.#pins === 0) for (const table of this.tables.values()) this.#trim(table);
    };
  }

  #trim(table: KindTable): void {
    for (const version of table.unlink(table.history.trim())) this.free(version);
  }
}
