import type { Rng } from "../../env/env.ts";
import type { Draft, HotRecord, Kind, KindId, KubeObject } from "../../kinds/kind.ts";
import { hotRecord, indexValues } from "../../kinds/hot.ts";
import type { RowWrite } from "../../store/outcome.ts";
import type { Revision } from "../../store/revision.ts";
import type { RowRef, View } from "../../store/view.ts";
import { invariant, InvariantError } from "../../util/errors.ts";
import { withoutUndefined } from "../../util/json-text.ts";
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
  /** Each row that was written, as it was before and as it is now, in order of its first write. */
  changes(): readonly RowChange[];
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

interface OwnRow extends RowRef {
  readonly own: true;
}

function ownRow(kind: Kind, object: KubeObject, revision: Revision, created: Revision): OwnRow {
  let hot: HotRecord | undefined;
  let bytes: Uint8Array | undefined;
  return {
    own: true,
    kind: kind.id,
    namespace: object.metadata.namespace ?? "",
    name: object.metadata.name,
    revision,
    createRevision: created,
    get hot() {
      hot ??= hotRecord(kind, object);
      return hot;
    },
    object: <O extends KubeObject>() => object as O,
    bytes() {
      bytes ??= encoder.encode(JSON.stringify(object));
      return bytes;
    },
  };
}

interface OverlayEntry {
  readonly kind: KindId;
  readonly namespace: string;
  readonly name: string;
  readonly previous: RowRef | undefined;
  next: OwnRow | undefined;
}

export function createTransaction(options: TransactionOptions): OpenTransaction {
  const { base, kinds, codec, now, random } = options;
  const overlay = new Map<KindId, Map<string, OverlayEntry>>();
  const order: OverlayEntry[] = [];
  const writes: RowWrite[] = [];
  const notes: Note[] = [];

  const lookup = (id: KindId): Kind => {
    const kind = kinds.get(id);
    if (kind === undefined) throw new InvariantError(`kind ${id} is not in the catalogue`);
    return kind;
  };
  const get = (kind: KindId, namespace: string, name: string): RowRef | undefined => {
    const own = overlay.get(kind)?.get(`${namespace}/${name}`);
    return own === undefined ? base.get(kind, namespace, name) : own.next;
  };
  const entry = (kind: KindId, namespace: string, name: string): OverlayEntry => {
    const rows = overlay.get(kind) ?? new Map<string, OverlayEntry>();
    overlay.set(kind, rows);
    const key = `${namespace}/${name}`;
    const known = rows.get(key);
    if (known !== undefined) return known;
    const made: OverlayEntry = {
      kind,
      namespace,
      name,
      previous: base.get(kind, namespace, name),
      next: undefined,
    };
    rows.set(key, made);
    order.push(made);
    return made;
  };
  /** Base rows that were not written here, plus own rows, in key order. */
  const merged = (kind: KindId, rows: readonly RowRef[], own: (row: RowRef) => boolean): readonly RowRef[] => {
    const layer = overlay.get(kind);
    if (layer === undefined) return rows;
    const kept = rows.filter((row) => !layer.has(`${row.namespace}/${row.name}`));
    const added: RowRef[] = [];
    for (const { next } of layer.values()) if (next !== undefined && own(next)) added.push(next);
    return added.length === 0 ? kept : [...kept, ...added].toSorted(compareRows);
  };
  const expect = (row: RowRef | undefined, expected: Revision, what: string): void => {
    invariant((row?.revision ?? 0) === expected, `${what} replaces revision ${expected}, found ${row?.revision ?? 0}`);
  };
  const nextRevision = (): Revision => base.revision + writes.length + 1;

  return {
    now,
    random,
    writes,
    notes,
    get revision() {
      return base.revision + writes.length;
    },
    get nextRevision() {
      return nextRevision();
    },
    get,
    list(kind, filter = {}) {
      const { namespace } = filter;
      return merged(kind, base.list(kind, filter), (row) => namespace === undefined || row.namespace === namespace);
    },
    index(kind, index, value) {
      return merged(kind, base.index(kind, index, value), (row) =>
        indexValues(lookup(kind), index, row.hot).includes(value),
      );
    },
    put(id, draft, expected) {
      const kind = lookup(id);
      const name = draft.metadata.name ?? "";
      const namespace = draft.metadata.namespace ?? "";
      invariant(name !== "", `a stored ${id} has a name`);
      expect(get(id, namespace, name), expected, `put of ${id} ${namespace}/${name}`);
      const revision = nextRevision();
      const object = withRevision(draft, revision);
      const slot = entry(id, namespace, name);
      const createRevision = expected === 0 ? revision : ((slot.next ?? slot.previous)?.createRevision ?? revision);
      const row = codec.encodeRow(kind, object, revision);
      writes.push({ op: "put", kind: id, namespace, name, expected, row, object });
      slot.next = ownRow(kind, object, revision, createRevision);
      return object;
    },
    remove(id, namespace, name, expected) {
      expect(get(id, namespace, name), expected, `delete of ${id} ${namespace}/${name}`);
      invariant(expected !== 0, `the deleted ${id} ${namespace}/${name} exists`);
      const revision = nextRevision();
      const slot = entry(id, namespace, name);
      writes.push({ op: "delete", kind: id, namespace, name, expected });
      slot.next = undefined;
      return revision;
    },
    note(note) {
      notes.push(note);
    },
    changes: () => order.map(({ kind, previous, next }) => ({ kind, previous, next })),
    reset() {
      overlay.clear();
      order.length = 0;
      writes.length = 0;
      notes.length = 0;
    },
  };
}

function withRevision(draft: Draft, revision: Revision): KubeObject {
  const metadata = { ...draft.metadata, resourceVersion: String(revision) };
  return withoutUndefined({ ...draft, metadata }) as KubeObject;
}
