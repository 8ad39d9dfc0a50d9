/**
 * The filtered watch of one node: its own Node and pods, the ConfigMaps and Secrets that those name,
 * and all Services, EndpointSlices, Nodes and Namespaces, as rows. First the whole state at one
 * revision, then every change, one batch a turn, so that a batch always stands for one revision. A
 * large batch goes as several messages.
 */
import type { KindId } from "../../kinds/kind.ts";
import type { CommittedStore, WatchChange, WatchHandle } from "../../store/store-api.ts";
import type { RowRef, View } from "../../store/view.ts";
import type { LinkRow } from "./messages.ts";
import { needKey, needsOf, type Need } from "./needs.ts";
import { sendInPieces, type SendRows } from "./rows.ts";

/** Kinds that every node holds whole. */
const shared: readonly KindId[] = ["services", "endpointslices.discovery.k8s.io", "nodes", "namespaces"];
/** From masters that were started with `--enable-faults`. */
const faultKind: KindId = "faults.faults.troupe.dev";
/** Kinds of which a node holds what its pods name. */
const referenced: readonly KindId[] = ["configmaps", "secrets"];

export interface Feed {
  close(): void;
}

export interface FeedOptions {
  readonly store: CommittedStore;
  readonly node: string;
  readonly send: SendRows;
  /** Runs `flush` once, later in this turn or soon after it. */
  readonly defer: (flush: () => void) => void;
  /** Faults go there too. */
  readonly faults?: boolean;
}

export function startFeed({ store, node, send, defer, faults = false }: FeedOptions): Feed {
  const whole = faults ? [...shared, faultKind] : shared;
  const references = new References();
  let pending: LinkRow[] = [];
  let scheduled = false;
  let closed = false;

  const flush = (): void => {
    scheduled = false;
    if (closed || pending.length === 0) return;
    const rows = pending;
    pending = [];
    sendInPieces(send, { rows, revision: store.revision, synced: false });
  };
  const push = (row: LinkRow): void => {
    pending.push(row);
    if (scheduled) return;
    scheduled = true;
    defer(flush);
  };

  const view = store.committed;
  const start = view.revision;
  const initial: LinkRow[] = whole.flatMap((kind) => view.list(kind).map(rowOf));
  for (const pod of podsOf(view, node)) {
    initial.push(rowOf(pod));
    for (const need of references.set(pod.hot.uid, needsOf(pod)).added) initial.push(fetch(view, need));
  }
  sendInPieces(send, { rows: initial, revision: start, synced: true });

  const onPod = (change: WatchChange): void => {
    const was = change.previous?.hot["nodeName"] === node ? change.previous : undefined;
    const is = change.next?.hot["nodeName"] === node ? change.next : undefined;
    if (is === undefined && was === undefined) return;
    const before = was !== undefined && was.hot.uid !== is?.hot.uid ? references.set(was.hot.uid, []) : undefined;
    const after = is === undefined ? undefined : references.set(is.hot.uid, needsOf(is));
    for (const need of after?.added ?? []) push(fetch(store.committed, need));
    push(is === undefined ? goneOf(was!, change.revision) : rowOf(is));
    for (const need of [...(before?.removed ?? []), ...(after?.removed ?? [])]) {
      if (!references.has(needKey(need))) push({ ...need, revision: change.revision });
    }
  };
  const onReferenced = (change: WatchChange): void => {
    const row = change.next ?? change.previous!;
    if (references.has(needKey(row))) push(change.next === undefined ? goneOf(row, change.revision) : rowOf(row));
  };
  const onShared = (change: WatchChange): void => {
    const row = change.next ?? change.previous!;
    push(change.next === undefined ? goneOf(row, change.revision) : rowOf(row));
  };

  const watch = (kind: KindId, each: (change: WatchChange) => void): WatchHandle =>
    store.watch(kind, start, { events: (batch) => batch.forEach(each) });
  const handles = [
    watch("pods", onPod),
    ...referenced.map((kind) => watch(kind, onReferenced)),
    ...whole.map((kind) => watch(kind, onShared)),
  ];
  return {
    close() {
      closed = true;
      for (const handle of handles) handle.close();
    },
  };
}

function podsOf(view: View, node: string): readonly RowRef[] {
  return view.index("pods", "node", node);
}

function rowOf(row: RowRef): LinkRow {
  const { kind, namespace, name, revision } = row;
  return { kind, namespace, name, revision, object: row.bytes() };
}

function goneOf(row: RowRef, revision: number): LinkRow {
  return { kind: row.kind, namespace: row.namespace, name: row.name, revision };
}

/** A referenced object as it is now; one that does not exist is told as gone, so that the node knows. */
function fetch(view: View, need: Need): LinkRow {
  const row = view.get(need.kind, need.namespace, need.name);
  return row === undefined ? { ...need, revision: view.revision } : rowOf(row);
}

/** Which objects this node's pods name, counted by pod. */
class References {
  readonly #byPod = new Map<string, readonly Need[]>();
  readonly #counts = new Map<string, number>();

  has(key: string): boolean {
    return this.#counts.has(key);
  }

  set(podUid: string, needs: readonly Need[]): { readonly added: readonly Need[]; readonly removed: readonly Need[] } {
    const before = this.#byPod.get(podUid) ?? [];
    if (needs.length === 0) this.#byPod.delete(podUid);
    else this.#byPod.set(podUid, needs);
    const added = needs.filter((need) => this.#count(needKey(need), 1) === 1);
    const removed = before.filter((need) => this.#count(needKey(need), -1) === 0);
    return { added, removed };
  }

  #count(key: string, by: 1 | -1): number {
    const count = (this.#counts.get(key) ?? 0) + by;
    if (count === 0) this.#counts.delete(key);
    else this.#counts.set(key, count);
    return count;
  }
}
