import type { Rng } from "../../env/env.ts";
import type { Draft, HotRecord, Kind, KindId, KubeObject } from "../../kinds/kind.ts";
import { hotRecord, indexValues } from "../../kinds/hot.ts";
import type { RowWrite } from "../../store/outcome.ts";
import type { Revision } from "../../store/revision.ts";
import type { RowRef, View } from "../../store/view.ts";
import { invariant, InvariantError } from "../../util/errors.ts";
import { setKey, withoutUndefined } from "../../util/json-text.ts";
import type { Millis } from "../../util/time.ts";
import type { HostCodec, KindLookup } from "./codec.ts";
import type { Note, Transaction } from "./command.ts";

/**
 * The writes of one evaluation, laid over the tip. Reads see own writes; revisions are given in
 * the order of the calls; nothing leaves until the host stages the outcome.
 */
export interface OpenTransaction extends Transaction {
  readonly writes: readonly RowWrite[];
  readonly notes: readonly Note[];
  /** Each row that was written, as it was before and as it is now, in order of its first write, from this one on. */
  changes(from?: number): readonly RowChange[];
  /** How many rows were written. */
  readonly changedRows: number;
  /** Forgets every write and note: nothing of this request is kept. */
  reset(): void;
  /** Revision that the next write takes. */
  readonly nextRevision: Revision;
}

export interface RowChange {
  readonly kind: KindId;
  readonly previous: RowRef | undefined;
  readonly next: RowRef | undefined;
}

export interface TransactionOptions {
  readonly base: View;
  readonly kinds: KindLookup;
  readonly codec: HostCodec;
  readonly now: Millis;
  readonly random: Rng;
}

const encoder = new TextEncoder();

/** Key order of views: namespace, then name. */
export function compareRows(
  left: { readonly namespace: string; readonly name: string },
  right: { readonly namespace: string; readonly name: string },
): number {
  if (left.namespace !== right.namespace) return left.namespace < right.namespace ? -1 : 1;
  if (left.name === right.name) return 0;
  return left.name < right.name ? -1 : 1;
}

/** A row of this transaction: nobody else sees it yet. */
class OwnRow implements RowRef {
  readonly revision: Revision;
  readonly createRevision: Revision;
  readonly #kind: Kind;
  readonly #object: KubeObject;
  #hot: HotRecord | undefined = undefined;

  constructor(kind: Kind, object: KubeObject, revision: Revision, created: Revision) {
    this.#kind = kind;
    this.#object = object;
    this.revision = revision;
    this.createRevision = created;
  }

  get kind(): KindId {
    return this.#kind.id;
  }

  get namespace(): string {
    return this.#object.metadata.namespace ?? "";
  }

  get name(): string {
    return this.#object.metadata.name;
  }

  get hot(): HotRecord {
    return (this.#hot ??= hotRecord(this.#kind, this.#object));
  }

  object<O extends KubeObject = KubeObject>(): O {
    return this.#object as O;
  }

  bytes(): Uint8Array {
    return encoder.encode(JSON.stringify(this.#object));
  }
}

interface OverlayEntry {
  readonly kind: KindId;
  readonly namespace: string;
  readonly name: string;
  readonly previous: RowRef | undefined;
  next: OwnRow | undefined;
}

export function createTransaction(options: TransactionOptions): OpenTransaction {
  return new Writes(options);
}

class Writes implements OpenTransaction {
  readonly now: Millis;
  readonly random: Rng;
  readonly writes: RowWrite[] = [];
  readonly notes: Note[] = [];
  readonly #options: TransactionOptions;
  /** By `kind namespace/name`, in order of the first write. */
  readonly #overlay = new Map<string, OverlayEntry>();
  /** What was looked up last: a verb and its write ask for the same row. The base stands still meanwhile. */
  #found:
    | { readonly kind: KindId; readonly namespace: string; readonly name: string; readonly row: RowRef | undefined }
    | undefined;

  constructor(options: TransactionOptions) {
    this.#options = options;
    this.now = options.now;
    this.random = options.random;
  }

  get revision(): Revision {
    return this.#options.base.revision + this.writes.length;
  }

  get nextRevision(): Revision {
    return this.revision + 1;
  }

  get changedRows(): number {
    return this.#overlay.size;
  }

  get(kind: KindId, namespace: string, name: string): RowRef | undefined {
    // Most reads come before the first write.
    const own = this.#overlay.size === 0 ? undefined : this.#overlay.get(placeOf(kind, namespace, name));
    return own === undefined ? this.#baseRow(kind, namespace, name) : own.next;
  }

  list(kind: KindId, filter: { readonly namespace?: string } = {}): readonly RowRef[] {
    const { namespace } = filter;
    return this.#merged(
      kind,
      this.#options.base.list(kind, filter),
      (row) => namespace === undefined || row.namespace === namespace,
    );
  }

  index(kind: KindId, index: string, value: string): readonly RowRef[] {
    return this.#merged(kind, this.#options.base.index(kind, index, value), (row) =>
      indexValues(this.#lookup(kind), index, row.hot).includes(value),
    );
  }

  indexStamp(kind: KindId, index: string, value: string): object | undefined {
    return this.#overlay.size === 0 ? this.#options.base.indexStamp?.(kind, index, value) : undefined;
  }

  put(id: KindId, draft: Draft, expected: Revision): KubeObject {
    const kind = this.#lookup(id);
    const name = draft.metadata.name ?? "";
    const namespace = draft.metadata.namespace ?? "";
    invariant(name !== "", `a stored ${id} has a name`);
    const current = this.get(id, namespace, name);
    expect(current, expected, "put", id);
    const revision = this.nextRevision;
    const object = withRevision(draft, revision);
    const created = expected === 0 ? revision : (current?.createRevision ?? revision);
    const row = this.#options.codec.encodeRow(kind, object, revision);
    this.writes.push({ op: "put", kind: id, namespace, name, expected, row, object });
    this.#slot(id, namespace, name, current).next = new OwnRow(kind, object, revision, created);
    return object;
  }

  remove(id: KindId, namespace: string, name: string, expected: Revision): Revision {
    const current = this.get(id, namespace, name);
    expect(current, expected, "delete", id);
    invariant(expected !== 0, `the deleted ${id} ${namespace}/${name} exists`);
    const revision = this.nextRevision;
    this.writes.push({ op: "delete", kind: id, namespace, name, expected });
    this.#slot(id, namespace, name, current).next = undefined;
    return revision;
  }

  note(note: Note): void {
    this.notes.push(note);
  }

  changes(from = 0): readonly RowChange[] {
    const changes: RowChange[] = [];
    let at = 0;
    for (const { kind, previous, next } of this.#overlay.values()) {
      if (at >= from) changes.push({ kind, previous, next });
      at += 1;
    }
    return changes;
  }

  reset(): void {
    this.#overlay.clear();
    this.writes.length = 0;
    this.notes.length = 0;
  }

  #lookup(id: KindId): Kind {
    const kind = this.#options.kinds.get(id);
    if (kind === undefined) throw new InvariantError(`kind ${id} is not in the catalogue`);
    return kind;
  }

  #baseRow(kind: KindId, namespace: string, name: string): RowRef | undefined {
    const found = this.#found;
    if (found?.name === name && found.kind === kind && found.namespace === namespace) return found.row;
    const row = this.#options.base.get(kind, namespace, name);
    this.#found = { kind, namespace, name, row };
    return row;
  }

  /** `current`: the row of the base, where this is its first write. */
  #slot(kind: KindId, namespace: string, name: string, current: RowRef | undefined): OverlayEntry {
    const place = placeOf(kind, namespace, name);
    const known = this.#overlay.get(place);
    if (known !== undefined) return known;
    const made: OverlayEntry = { kind, namespace, name, previous: current, next: undefined };
    this.#overlay.set(place, made);
    return made;
  }

  /** Base rows that were not written here, plus own rows, in key order. */
  #merged(kind: KindId, rows: readonly RowRef[], own: (row: RowRef) => boolean): readonly RowRef[] {
    const layer = [...this.#overlay.values()].filter((entry) => entry.kind === kind);
    if (layer.length === 0) return rows;
    const kept = rows.filter((row) => !this.#overlay.has(placeOf(kind, row.namespace, row.name)));
    const added: RowRef[] = [];
    for (const { next } of layer) if (next !== undefined && own(next)) added.push(next);
    return added.length === 0 ? kept : [...kept, ...added].toSorted(compareRows);
  }
}

function placeOf(kind: KindId, namespace: string, name: string): string {
  return `${kind} ${namespace}/${name}`;
}

function expect(row: RowRef | undefined, expected: Revision, what: string, id: KindId): void {
  const found = row?.revision ?? 0;
  if (found === expected) return;
  throw new InvariantError(
    `${what} of ${id} ${row?.namespace ?? ""}/${row?.name ?? ""} replaces revision ${expected}, found ${found}`,
  );
}

/** Members of metadata that stand before the revision in a stored row, in order. */
const leading = ["name", "generateName", "namespace", "uid"] as const;

/** The object as it is stored: in the order of a row, so that printing it is all that is left to do. */
function withRevision(draft: Draft, revision: Revision): KubeObject {
  const given = draft.metadata;
  const metadata: Record<string, unknown> = {};
  for (const name of leading) if (given[name] !== undefined) metadata[name] = given[name];
  metadata["resourceVersion"] = String(revision);
  for (const name in given) {
    const value = given[name as keyof Draft["metadata"]];
    if (value !== undefined && !Object.hasOwn(metadata, name)) setKey(metadata, name, withoutUndefined(value));
  }
  const { apiVersion, kind } = draft;
  const object: Record<string, unknown> = { apiVersion, kind, metadata };
  for (const name in draft) {
    const value = draft[name];
    if (value !== undefined && !Object.hasOwn(object, name)) setKey(object, name, withoutUndefined(value));
  }
  return object as unknown as KubeObject;
}
