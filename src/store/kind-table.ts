import type { HotRecord, Kind } from "../kinds/kind.ts";
import { invariant } from "../util/errors.ts";
import { compareKeys, OrderedMap } from "../util/ordered-map.ts";
import { History } from "./history.ts";
import type { HistoryEvent } from "./history.ts";
import type { Revision } from "./revision.ts";
import { visibleAt } from "./row-version.ts";
import type { Chain, ObjectCache, RowVersion } from "./row-version.ts";

/** `namespace/name`; `/name` for cluster-scoped objects. Order of keys is bytewise, as etcd's. */
export function keyOf(namespace: string, name: string): string {
  return `${namespace}/${name}`;
}

const none: readonly string[] = [];

/** The character behind `/`: `a0` is the least key behind all of the namespace `a`. */
const afterSlash = "0";

interface Index {
  readonly name: string;
  readonly valuesOf: (hot: HotRecord) => readonly string[];
  readonly buckets: Map<string, OrderedMap<Chain>>;
  /** Of the values that somebody has asked for: replaced when what the tip shows under the value changes. */
  readonly stamps: Map<string, object>;
}

/**
 * All rows of one kind: chains of versions in key order, indexes, history. Tip and committed share
 * it; a reader says up to which revision it looks.
 *
 * Invariant of an index: a key stands under a value while any version between the committed one and
 * the tip holds the value. So it is complete for both watermarks; readers filter what is too much.
 */
export class KindTable {
  readonly kind: Kind;
  readonly history: History;
  /** Live committed rows. */
  live = 0;
  /** Revision of the newest committed write of this kind. */
  changed: Revision = 0;
  readonly #objects: ObjectCache;
  readonly #chains = new Map<string, Chain>();
  /** One string a namespace, not one a row. */
  readonly #namespaces = new Map<string, string>();
  /** What was looked up last: a write asks for its row several times, and a key has to be built and hashed. */
  #asked = { namespace: "", name: "", key: keyOf("", "") };
  #ordered = new OrderedMap<Chain>();
  readonly #indexes: readonly Index[];
  /** The kind has no indexes of its own, only those by owner: most rows have none, and need not be parsed to be indexed. */
  readonly hasOwnersOnly: boolean;
  /** The indexes wait for the first who needs them: a fork of a cluster is often only looked at. */
  #isIndexed = true;

  constructor(kind: Kind, options: { objects: ObjectCache; revision: () => Revision }) {
    this.kind = kind;
    this.#objects = options.objects;
    this.history = new History(kind.id, options.revision);
    const declared = Object.entries(kind.indexes ?? {}).filter(([name]) => name !== "owner" && name !== "owners");
    this.hasOwnersOnly = declared.length === 0;
    this.#indexes = [
      ["owner", (hot: HotRecord) => (hot.controller === undefined ? [] : [hot.controller])],
      ["owners", (hot: HotRecord) => hot.owners],
      ...declared,
    ].map(([name, valuesOf]) => ({
      name: name as string,
      valuesOf: valuesOf as Index["valuesOf"],
      buckets: new Map<string, OrderedMap<Chain>>(),
      stamps: new Map<string, object>(),
    }));
  }

  /** Keys, those with tombstones included. */
  get keys(): number {
    return this.#chains.size;
  }

  chain(namespace: string, name: string): Chain | undefined {
    return this.#chains.get(this.#key(namespace, name));
  }

  #key(namespace: string, name: string): string {
    const asked = this.#asked;
    if (name !== asked.name || namespace !== asked.namespace) {
      this.#asked = { namespace, name, key: keyOf(namespace, name) };
    }
    return this.#asked.key;
  }

  /** The version that is visible at `revision`. */
  get(namespace: string, name: string, revision: Revision): RowVersion | undefined {
    const chain = this.chain(namespace, name);
    return chain === undefined ? undefined : visibleAt(chain, revision);
  }

  newChain(namespace: string, name: string): Chain {
    const key = this.#key(namespace, name);
    const shared = this.#namespaces.get(namespace) ?? namespace;
    this.#namespaces.set(shared, shared);
    return {
      kind: this.kind,
      key,
      namespace: shared,
      name,
      objects: this.#objects,
      newest: undefined,
    };
  }

  /** Chains behind `after`, at most `limit` of them. */
  chainsAfter(after: string | undefined, limit: number): readonly Chain[] {
    const chains: Chain[] = [];
    this.#ordered.scan(after, (_, chain) => chains.push(chain) < limit);
    return chains;
  }

  /** Visits the versions that are visible at `revision`, in key order, behind `after`. */
  scan(
    options: {
      readonly namespace: string | undefined;
      readonly after: string | undefined;
      readonly revision: Revision;
    },
    visit: (version: RowVersion, key: string) => boolean,
  ): void {
    const prefix = options.namespace === undefined ? "" : `${options.namespace}/`;
    const { revision, after } = options;
    const start = after !== undefined && compareKeys(after, prefix) > 0 ? after : prefix;
    this.#ordered.scan(start, (key, chain) => {
      if (!key.startsWith(prefix)) return false;
      const version = visibleAt(chain, revision);
      return version === undefined || visit(version, key);
    });
  }

  /**
   * How many rows stand behind the key `after`, where that can be told without a walk: at the newest
   * state, when neither tombstones nor staged creations stand between the live keys.
   */
  countBehind(
    after: string,
    options: { readonly namespace: string | undefined; readonly revision: Revision },
  ): number | undefined {
    if (this.#chains.size !== this.live || options.revision < this.changed) return undefined;
    const end =
      options.namespace === undefined ? this.#ordered.size : this.#ordered.rank(`${options.namespace}${afterSlash}`);
    return end - this.#ordered.rank(after);
  }

  /** Rows with `value` in the index. `committed` is the committed watermark: newer versions make an entry uncertain. */
  indexed(
    name: string,
    value: string,
    watermarks: { readonly revision: Revision; readonly committed: Revision },
  ): readonly RowVersion[] {
    this.#fillIndexes();
    const index = this.#index(name);
    const rows: RowVersion[] = [];
    index.buckets.get(value)?.scan(undefined, (_, chain) => {
      const version = visibleAt(chain, watermarks.revision);
      if (version === undefined) return true;
      const certain = (chain.newest?.revision ?? 0) <= watermarks.committed;
      if (certain || this.#valuesOf(index, version).includes(value)) rows.push(version);
      return true;
    });
    return rows;
  }

  /** The same thing as before exactly if the tip shows the same rows under the value as before. */
  stamp(name: string, value: string): object {
    const index = this.#index(name);
    const known = index.stamps.get(value);
    if (known !== undefined) return known;
    const stamp = {};
    index.stamps.set(value, stamp);
    return stamp;
  }

  /** Puts a version on top of its chain. */
  push(version: RowVersion): void {
    this.#fillIndexes();
    const { chain } = version;
    if (chain.newest === undefined) {
      this.#chains.set(chain.key, chain);
      this.#ordered.set(chain.key, chain);
    }
    this.#stampAnew(chain.newest);
    version.prev = chain.newest;
    chain.newest = version;
    if (!version.deleted) this.#enter(version);
    this.#stampAnew(version);
  }

  /** Takes a staged version off its chain again; it must be the newest. */
  pop(version: RowVersion, committed: Revision): void {
    const { chain } = version;
    invariant(chain.newest === version, "staged versions are dropped newest first");
    chain.newest = version.prev;
    version.prev = undefined;
    this.#stampAnew(version);
    this.#stampAnew(chain.newest);
    this.leave(version, committed);
    if (chain.newest === undefined) this.#drop(chain);
  }

  /** Takes a version that is no longer visible at either watermark out of the indexes. */
  leave(version: RowVersion, committed: Revision): void {
    if (version.deleted) return;
    this.#fillIndexes();
    for (const index of this.#indexes) {
      for (const value of this.#valuesOf(index, version)) {
        if (isHeld(version.chain, (other) => this.#valuesOf(index, other).includes(value), committed)) continue;
        const bucket = index.buckets.get(value);
        bucket?.delete(version.chain.key);
        if (bucket?.size === 0) index.buckets.delete(value);
      }
    }
  }

  /** Versions that no reader at or above the floor can see; they are unlinked here and freed by the caller. */
  unlink(dropped: readonly HistoryEvent[]): readonly RowVersion[] {
    const dead: RowVersion[] = [];
    for (const { version } of dropped) {
      if (version.prev !== undefined) dead.push(version.prev);
      version.prev = undefined;
      if (version.deleted) this.#unlinkTombstone(version);
    }
    return dead;
  }

  /** For restore: an older version of a chain that is being rebuilt from below. */
  restore(version: RowVersion): void {
    const { chain } = version;
    if (chain.newest === undefined) {
      this.#chains.set(chain.key, chain);
      this.#ordered.set(chain.key, chain);
    }
    version.prev = chain.newest;
    chain.newest = version;
  }

  /** Newest versions, tombstones left out. */
  *liveVersions(): Generator<RowVersion> {
    for (const { newest } of this.#chains.values()) {
      if (newest !== undefined && !newest.deleted) yield newest;
    }
  }

  /** After restore: counts the newest versions, and lets the indexes be made of them. */
  reindex(): void {
    for (const _ of this.liveVersions()) this.live++;
    this.#isIndexed = false;
  }

  /**
   * Takes twins of the newest versions of another table, where nothing is in flight; it was empty before.
   * `share`: lets a twin read the bytes of its original.
   */
  copy(from: KindTable, share: (twin: RowVersion, original: RowVersion) => void): void {
    const objects = this.#objects;
    this.#ordered = from.#ordered.map(({ kind, key, namespace, name, newest }) => {
      if (newest === undefined || newest.deleted) return undefined;
      const chain: Chain = { kind, key, namespace, name, objects, newest: undefined };
      const twin = newest.twin(chain);
      chain.newest = twin;
      share(twin, newest);
      // The key is the very string of the other table, whose hash is known.
      this.#chains.set(key, chain);
      return chain;
    });
    for (const namespace of from.#namespaces.keys()) this.#namespaces.set(namespace, namespace);
    this.live = this.#chains.size;
    this.#isIndexed = this.live === 0;
  }

  #index(name: string): Index {
    const index = this.#indexes.find((candidate) => candidate.name === name);
    invariant(index !== undefined, `kind ${this.kind.id} declares the index ${name}`);
    return index;
  }

  #valuesOf({ valuesOf }: Index, version: RowVersion): readonly string[] {
    return this.hasOwnersOnly && version.isUnowned ? none : valuesOf(version.hot);
  }

  #fillIndexes(): void {
    if (this.#isIndexed) return;
    this.#isIndexed = true;
    for (const version of this.liveVersions()) this.#enter(version);
  }

  #stampAnew(version: RowVersion | undefined): void {
    if (version === undefined || version.deleted) return;
    for (const index of this.#indexes) {
      const { stamps } = index;
      if (stamps.size === 0) continue;
      for (const value of this.#valuesOf(index, version)) if (stamps.has(value)) stamps.set(value, {});
    }
  }

  #enter(version: RowVersion): void {
    for (const index of this.#indexes) {
      for (const value of this.#valuesOf(index, version)) {
        let bucket = index.buckets.get(value);
        if (bucket === undefined) {
          bucket = new OrderedMap<Chain>();
          index.buckets.set(value, bucket);
        }
        bucket.set(version.chain.key, version.chain);
      }
    }
  }

  #unlinkTombstone(tombstone: RowVersion): void {
    const { chain } = tombstone;
    if (chain.newest === tombstone) {
      chain.newest = undefined;
      this.#drop(chain);
      return;
    }
    let above = chain.newest;
    while (above !== undefined && above.prev !== tombstone) above = above.prev;
    if (above !== undefined) above.prev = undefined;
  }

  #drop(chain: Chain): void {
    this.#chains.delete(chain.key);
    this.#ordered.delete(chain.key);
  }
}

/** Whether a version from the tip down to the committed one fulfils `holds`. */
function isHeld(chain: Chain, holds: (version: RowVersion) => boolean, committed: Revision): boolean {
  for (let version = chain.newest; version !== undefined; version = version.prev) {
    if (!version.deleted && holds(version)) return true;
    if (version.revision <= committed) return false;
  }
  return false;
}
