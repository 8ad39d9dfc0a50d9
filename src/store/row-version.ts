import { hotRecord } from "../kinds/hot.ts";
import type { HotRecord, Kind, KubeObject } from "../kinds/kind.ts";
import { textOf } from "../util/bytes.ts";
import { invariant } from "../util/errors.ts";
import { bodyOf, bodyWithRevision, headerOf, partsOf, sealContext } from "./row.ts";
import type { Sealer } from "./row.ts";
import type { Revision } from "./revision.ts";
import type { Slab, Slot } from "./slabs.ts";
import type { RowRef } from "./view.ts";

/** All versions of one key, newest first by `prev`. Staged versions stand above committed ones. */
export interface Chain {
  readonly kind: Kind;
  readonly key: string;
  readonly namespace: string;
  readonly name: string;
  readonly objects: ObjectCache;
  newest: RowVersion | undefined;
}

/**
 * One version of one row, and the handle that readers get: no second object a read. A tombstone has
 * no bytes; readers never see one. Whoever holds a version can read it for ever, also after its
 * bytes were freed or moved.
 */
export class RowVersion implements RowRef, Slot {
  readonly chain: Chain;
  readonly revision: Revision;
  readonly createRevision: Revision;
  readonly deleted: boolean;
  prev: RowVersion | undefined = undefined;
  slab: Slab | undefined = undefined;
  offset = 0;
  length = 0;
  laneA = 0;
  laneB = 0;
  /** No longer reachable in the store. */
  freed = false;
  /** Owned by `ObjectCache`. */
  parsed: KubeObject | undefined = undefined;
  #hot: HotRecord | undefined = undefined;
  #isUnowned: boolean | undefined = undefined;

  constructor(
    chain: Chain,
    version: {
      readonly revision: Revision;
      readonly createRevision: Revision;
      readonly deleted: boolean;
    },
  ) {
    this.chain = chain;
    this.revision = version.revision;
    this.createRevision = version.createRevision;
    this.deleted = version.deleted;
  }

  get kind(): string {
    return this.chain.kind.id;
  }

  get namespace(): string {
    return this.chain.namespace;
  }

  get name(): string {
    return this.chain.name;
  }

  get hot(): HotRecord {
    return (this.#hot ??= hotRecord(this.chain.kind, this.object()));
  }

  /** The row as it is stored: header and body, sealed if the kind is. */
  row(): Uint8Array {
    const { slab } = this;
    invariant(slab !== undefined, "a tombstone is never read");
    return slab.bytes.subarray(this.offset, this.offset + this.length);
  }

  bytes(): Uint8Array {
    return this.chain.objects.open(this, this.row());
  }

  object<O extends KubeObject = KubeObject>(): O {
    return this.chain.objects.parse(this) as O;
  }

  /**
   * Whether its bytes tell, without being parsed, that nothing owns it. False where the hot record, which tells as
   * much, is there, and where the row is sealed.
   */
  get isUnowned(): boolean {
    if (this.#hot !== undefined || this.chain.kind.sealed === true) return false;
    return (this.#isUnowned ??= partsOf(this.bytes())?.isOwned === false);
  }

  /** Lets the hot record go; it is made again if an old version is looked at after all. */
  cool(): void {
    this.#hot = undefined;
  }

  /** This version in another store, whose chain is given; its bytes are still to be placed. */
  twin(chain: Chain): RowVersion {
    const twin = new RowVersion(chain, this);
    twin.laneA = this.laneA;
    twin.laneB = this.laneB;
    twin.#hot = this.#hot;
    twin.#isUnowned = this.#isUnowned;
    return twin;
  }

  /** Makes the hot record from an object that was parsed anyway. */
  heat(object: KubeObject): void {
    this.#hot = hotRecord(this.chain.kind, object);
  }
}

/**
 * What a DELETED event carries: the last body, with the revision of the deletion as its
 * resourceVersion, in three slices. `previous` must be a handle that this store gave.
 */
export function deletedBody(previous: RowRef, revision: Revision): readonly Uint8Array[] {
  invariant(previous instanceof RowVersion, "a deleted row is a version of this store");
  return bodyWithRevision(previous.bytes(), headerOf(previous.row()), revision);
}

/** What a table shows of a row. */
export interface Glance {
  /** Without `managedFields`, where it had to be parsed. */
  readonly object: KubeObject;
  /** The JSON of its metadata; undefined: only the object tells. */
  readonly metadata: Uint8Array | undefined;
}

/**
 * The object for one look at it: it is not kept, so that a long list drives out nobody's, and the most
 * expensive part of it, which no column shows, is not parsed.
 */
export function glance(row: RowRef): Glance {
  const body = row.bytes();
  const parts = partsOf(body);
  const metadata = parts && body.subarray(...parts.metadata);
  if (row instanceof RowVersion && row.parsed !== undefined) return { object: row.parsed, metadata };
  if (parts?.managedFields === undefined) return { object: JSON.parse(textOf(body)) as KubeObject, metadata };
  const [from, to] = parts.managedFields;
  const text = `${textOf(body.subarray(0, from))}${textOf(body.subarray(to))}`;
  return { object: JSON.parse(text) as KubeObject, metadata };
}

/** What the sealer made of this version's body; undefined where its kind is not sealed. */
export function sealedBody(version: RowRef): Uint8Array | undefined {
  invariant(version instanceof RowVersion, "a sealed row is a version of this store");
  const row = version.row();
  const { sealed, bodyAt } = headerOf(row);
  return sealed ? row.subarray(bodyAt) : undefined;
}

/** Newest version at or below `revision`, unless it is a tombstone. */
export function visibleAt(chain: Chain, revision: Revision): RowVersion | undefined {
  let version = chain.newest;
  while (version !== undefined && version.revision > revision) version = version.prev;
  return version === undefined || version.deleted ? undefined : version;
}

/**
 * Opens and parses bodies. A bounded number of parsed objects stays for the next reader, first in
 * first out; those of sealed kinds never do, so that no Secret lies decoded in memory.
 */
export class ObjectCache {
  readonly #sealer: Sealer | undefined;
  readonly #freeze: boolean;
  readonly #kept: (RowVersion | undefined)[];
  #next = 0;

  constructor(options: {
    readonly sealer: Sealer | undefined;
    readonly parsedObjectsMax: number;
    readonly freezeObjects: boolean;
  }) {
    this.#sealer = options.sealer;
    this.#freeze = options.freezeObjects;
    this.#kept = Array.from({ length: Math.max(1, options.parsedObjectsMax) });
  }

  /** The plain JSON of the row's body. */
  open(version: RowVersion, row: Uint8Array): Uint8Array {
    const { chain, revision } = version;
    return bodyOf(row, (sealed) => {
      invariant(this.#sealer !== undefined, "a store with sealed rows has a sealer");
      const context = sealContext(chain.kind.id, chain.namespace, chain.name, revision);
      return this.#sealer.open(sealed, context);
    });
  }

  parse(version: RowVersion): KubeObject {
    return version.parsed ?? this.keep(version, this.parseRow(version, version.row()));
  }

  /** Whether a row of this kind may lie unparsed until somebody looks at it: where objects are frozen all are checked. */
  mayWait({ sealed }: Kind): boolean {
    return !this.#freeze && sealed !== true;
  }

  /** Parses a row that need not be stored yet. */
  parseRow(version: RowVersion, row: Uint8Array): KubeObject {
    const object: unknown = JSON.parse(textOf(this.open(version, row)));
    invariant(isObject(object), "a row's body is an object with metadata");
    if (this.#freeze) deepFreeze(object);
    return object;
  }

  /**
   * The object of a row that is written: the writer's own, or what the bytes say. Where objects are
   * frozen, the two are compared as well.
   */
  take(version: RowVersion, write: { readonly row: Uint8Array; readonly object?: KubeObject }): KubeObject {
    if (write.object !== undefined && !this.#freeze) return write.object;
    const parsed = this.parseRow(version, write.row);
    invariant(write.object === undefined || isSameJson(write.object, parsed), "a row's object is what its bytes say");
    return parsed;
  }

  keep(version: RowVersion, object: KubeObject): KubeObject {
    if (version.chain.kind.sealed === true) return object;
    const evicted = this.#kept[this.#next];
    if (evicted !== undefined) evicted.parsed = undefined;
    this.#kept[this.#next] = version;
    this.#next = (this.#next + 1) % this.#kept.length;
    version.parsed = object;
    return object;
  }
}

function isObject(value: unknown): value is KubeObject {
  return (
    typeof value === "object" &&
    value !== null &&
    "metadata" in value &&
    typeof value.metadata === "object" &&
    value.metadata !== null
  );
}

/** Stricter than equality of JSON: an absent member is not one that is undefined. */
function isSameJson(a: unknown, b: unknown): boolean {
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return a === b;
  const members = Object.entries(a);
  return (
    Array.isArray(a) === Array.isArray(b) &&
    members.length === Object.keys(b).length &&
    members.every(([name, value]) => Object.hasOwn(b, name) && isSameJson(value, (b as Record<string, unknown>)[name]))
  );
}

function deepFreeze(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  Object.freeze(value);
  for (const member of Object.values(value)) deepFreeze(member);
}
