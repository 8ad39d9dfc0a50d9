import type { Timer } from "../../env/env.ts";
import type { HttpStream } from "../../env/http.ts";
import type { Lease } from "../../kinds/generated/types.ts";
import type { Kind, KubeObject } from "../../kinds/kind.ts";
import type { WatchChange, WatchHandle } from "../../store/store-api.ts";
import type { RowRef } from "../../store/view.ts";
import { stringifyJson } from "../../util/json-text.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import { limits } from "../limits.ts";
import type { Call } from "./call.ts";
import { awaitFreshness } from "./freshness.ts";
import { parseListOptions, parseRevision, type ListOptions } from "./list-options.ts";
import { negotiate } from "./negotiate.ts";
import { shapeContext, type ReadTarget } from "./read.ts";
import { statusOf } from "./respond.ts";
import { createSelection, type Selection } from "./selection.ts";
import { objectText, tableBookmark, tableText, type ShapeContext } from "./shapes.ts";

/**
 * GET with `watch`. The state at the start (unless a revision is named), then every change after
 * it, once and in order; whoever cannot keep up is cut and resumes by revision.
 */
export async function serveWatch(call: Call, target: ReadTarget): Promise<void> {
  const { door, exchange } = call;
  const { kind, namespace, name } = target;
  const accepted = negotiate(exchange.headers["accept"], ["table", "partial"]);
  const options = parseListOptions(call.target.query, true);
  const selection = createSelection(kind, { namespace, name, ...options });
  const { resourceVersion } = options;
  if (resourceVersion === "" || options.sendInitialEvents === true) {
    await awaitFreshness(door, resourceVersion);
  }
  const uncount = door.watchCounts.open(call.user.name);
  const stream = exchange.stream({
    status: 200,
    headers: { "content-type": "application/json", "cache-control": "no-cache, private" },
  });
  const session: Session = {
    call,
    kind,
    options,
    selection,
    stream,
    context: shapeContext(call, kind, accepted),
    state: {
      kind: "open",
      queued: [],
      isFlushPlanned: false,
      columnsSent: false,
      allowedBytes: 0,
      writtenBytes: 0,
      stall: undefined,
    },
    uncount,
    timers: [],
    handle: undefined,
    leases: new Map(),
  };
  door.metrics.longRunning("WATCH", 1);
  exchange.onClose(() => close(session));
  start(session);
  planEnd(session);
}

interface Session {
  readonly call: Call;
  readonly kind: Kind;
  readonly options: ListOptions;
  readonly selection: Selection;
  readonly stream: HttpStream;
  readonly context: ShapeContext;
  state:
    | {
        readonly kind: "open";
        queued: Uint8Array[];
        isFlushPlanned: boolean;
        columnsSent: boolean;
        /** What may wait in the transport: a large start is no slowness. */
        allowedBytes: number;
        /** Given to the transport so far, and the look at whether it takes it. */
        writtenBytes: number;
        stall: Timer | undefined;
      }
    | { readonly kind: "closed" };
  readonly timers: Timer[];
  readonly uncount: () => void;
  handle: WatchHandle | undefined;
  /** Leases without rows that were sent, and when each was renewed then. */
  leases: ReadonlyMap<string, { readonly row: RowRef; readonly renewTime: string }>;
}

type EventType = "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";

function start(session: Session): void {
  const { call, kind, options, selection } = session;
  const { store } = call.door;
  try {
    const from = sendsInitialState(options)
      ? sendInitialState(session)
      : options.resourceVersion === "" || options.resourceVersion === "0"
        ? store.revision
        : parseRevision(options.resourceVersion);
    followLeases(session);
    session.handle = store.watch(kind.id, from, {
      events: (batch) => {
        for (const change of batch) sendChange(session, change, selection);
      },
    });
  } catch (error) {
    sendText(session, "ERROR", stringifyJson(statusOf(error)));
    finish(session);
  }
}

function sendsInitialState(options: ListOptions): boolean {
  const { resourceVersion, sendInitialEvents } = options;
  return sendInitialEvents ?? (resourceVersion === "" || resourceVersion === "0");
}

/** Synthetic ADDED events of what is now; answers the revision that they show. */
function sendInitialState(session: Session): number {
  const { call, kind, selection, options } = session;
  const { namespace, filter } = selection;
  const page = call.door.store.page(kind.id, {
    ...(namespace === "" ? {} : { namespace }),
    ...(filter === undefined ? {} : { filter }),
  });
  for (const row of page.rows) sendRow(session, "ADDED", row);
  sendLeases(session);
  if (options.sendInitialEvents === true && options.bookmarks) {
    sendBookmark(session, page.revision, { "k8s.io/initial-events-end": "true" });
  }
  return page.revision;
}

/** Leases of nodes are no rows, and move on by themselves: they are looked at as often as they are renewed. */
function followLeases(session: Session): void {
  const { call, kind, selection } = session;
  if (!call.door.leases.covers(kind.id, selection.namespace)) return;
  // Whoever resumes has seen them: only what changes from now on is news.
  if (session.leases.size === 0) session.leases = leasesNow(session);
  repeat(session, limits.leaseIntervalMs, () => sendLeases(session));
}

function leasesNow(session: Session): Session["leases"] {
  const { call, kind, selection } = session;
  const rows = call.door.leases.list(kind.id, selection.namespace).filter((row) => isSelected(selection, row));
  return new Map(rows.map((row) => [row.name, { row, renewTime: row.object<Lease>().spec.renewTime ?? "" }]));
}

/** What is new, renewed or gone since they were last sent. */
function sendLeases(session: Session): void {
  const { leases: before, call, kind } = session;
  const now = leasesNow(session);
  session.leases = now;
  const sendLease = (type: EventType, row: RowRef): void => {
    send(session, encodeEvent(type, shaped(session, row.object())));
    if (session.state.kind === "open") session.state.columnsSent = true;
  };
  for (const [name, { row, renewTime }] of now) {
    const known = before.get(name);
    if (known?.renewTime !== renewTime) sendLease(known === undefined ? "ADDED" : "MODIFIED", row);
  }
  for (const [name, { row }] of before) {
    // A stored lease that took its place is announced by its own row.
    const isStored = call.door.store.committed.get(kind.id, row.namespace, name) !== undefined;
    if (!now.has(name) && !isStored) sendLease("DELETED", row);
  }
}

function sendChange(session: Session, change: WatchChange, selection: Selection): void {
  const was = change.previous !== undefined && isSelected(selection, change.previous);
  const is = change.next !== undefined && isSelected(selection, change.next);
  if (is) sendRow(session, was ? "MODIFIED" : "ADDED", change.next!);
  else if (was) sendDeleted(session, change.previous!, change.revision);
}

function isSelected(selection: Selection, row: RowRef): boolean {
  if (selection.namespace !== "" && row.namespace !== selection.namespace) return false;
  return selection.filter?.(row) ?? true;
}

function sendRow(session: Session, type: EventType, row: RowRef): void {
  sendCached(session, { type, revision: row.revision, row }, () =>
    session.context.shape.kind === "full" ? row.bytes() : shaped(session, row.object()),
  );
}

/** The last state, with the revision of the deletion (or of the change that left the selection). */
function sendDeleted(session: Session, row: RowRef, revision: number): void {
  sendCached(session, { type: "DELETED", revision, row }, () => {
    const last = row.object();
    const metadata = { ...last.metadata, resourceVersion: String(revision) };
    return shaped(session, { ...last, metadata });
  });
}

function sendCached(
  session: Session,
  event: { readonly type: EventType; readonly revision: number; readonly row: RowRef },
  object: () => Uint8Array,
): void {
  const { type, revision, row } = event;
  const { kind, call, context, state } = session;
  if (state.kind === "closed") return;
  const { shape, includeObject } = context;
  const version = "version" in shape ? shape.version : "";
  const columns = shape.kind === "table" && !state.columnsSent ? "columns" : "";
  const key = [kind.id, row.namespace, row.name, revision, type].join("/");
  const form = [shape.kind, version, includeObject, columns].join(" ");
  send(
    session,
    call.door.events.take(`${key} ${form}`, () => encodeEvent(type, object())),
  );
  state.columnsSent = true;
}

function shaped(session: Session, object: KubeObject): Uint8Array {
  const { context, state, call } = session;
  const now = call.door.env.clock.wall();
  if (context.shape.kind === "table") {
    const columns = state.kind === "open" && !state.columnsSent;
    const meta = { resourceVersion: object.metadata.resourceVersion };
    return Buffer.from(tableText({ ...context, now }, { meta, objects: [object], columns }));
  }
  return Buffer.from(objectText(context, object));
}

const objectStart: Readonly<Record<EventType, Uint8Array>> = {
  ADDED: Buffer.from('{"type":"ADDED","object":'),
  MODIFIED: Buffer.from('{"type":"MODIFIED","object":'),
  DELETED: Buffer.from('{"type":"DELETED","object":'),
  BOOKMARK: Buffer.from('{"type":"BOOKMARK","object":'),
  ERROR: Buffer.from('{"type":"ERROR","object":'),
};
const objectEnd = Buffer.from("}\n");

function encodeEvent(type: EventType, object: Uint8Array): Uint8Array {
  return Buffer.concat([objectStart[type], object, objectEnd]);
}

function sendText(session: Session, type: EventType, text: string): void {
  send(session, encodeEvent(type, Buffer.from(text)));
}

function sendBookmark(session: Session, revision: number, annotations?: Readonly<Record<string, string>>): void {
  const { kind, context } = session;
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(annotations === undefined ? {} : { annotations }),
  };
  if (context.shape.kind === "table") {
    sendText(session, "BOOKMARK", tableBookmark(context, metadata));
    return;
  }
  const names =
    context.shape.kind === "partial"
      ? { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${context.shape.version}` }
      : { kind: kind.kind, apiVersion: apiVersionOf(kind) };
  sendText(session, "BOOKMARK", JSON.stringify({ ...names, metadata }));
}

/** All events of one turn leave in one write. */
function send(session: Session, bytes: Uint8Array): void {
  const { state } = session;
  if (state.kind === "closed") return;
  state.queued.push(bytes);
  if (state.isFlushPlanned) return;
  state.isFlushPlanned = true;
  queueMicrotask(() => flush(session));
}

function flush(session: Session): void {
  const { state, stream } = session;
  if (state.kind === "closed") return;
  state.isFlushPlanned = false;
  const { queued } = state;
  state.queued = [];
  const bytes = queued.length === 1 ? queued[0]! : Buffer.concat(queued);
  const max = limits.watchQueuedBytesMax;
  if (stream.pending <= max) state.allowedBytes = max + bytes.length;
  else if (stream.pending + bytes.length > state.allowedBytes) return cut(session);
  stream.write(bytes);
  state.writtenBytes += bytes.length;
  if (state.stall === undefined && stream.pending > 0) planStall(session);
}

/** A slow client may take its time, but it must take something: one that is gone never does. */
function planStall(session: Session): void {
  const { state, stream, call } = session;
  if (state.kind === "closed") return;
  const taken = state.writtenBytes - stream.pending;
  const look = (): void => {
    state.stall = undefined;
    if (session.state.kind === "closed" || stream.pending === 0) return;
    if (state.writtenBytes - stream.pending <= taken) cut(session);
    else planStall(session);
  };
  state.stall = call.door.env.clock.after(limits.watchStalledMs, look, { daemon: true });
}

/** The client cannot keep up; it resumes by revision, and nobody else has waited for it. */
function cut(session: Session): void {
  const { call, kind, stream } = session;
  const fields = { kind: kind.id, user: call.user.name, pendingBytes: stream.pending };
  call.door.env.log("info", "watch.cut", fields);
  close(session);
  stream.cut();
}

function planEnd(session: Session): void {
  const { call, options } = session;
  if (session.state.kind === "closed") return;
  const { clock, random } = call.door.env;
  const spreadMs = random.stream("api.watch").below(limits.watchSpreadMsMax);
  const { timeoutSeconds } = options;
  const lengthMs = timeoutSeconds === undefined ? limits.watchMsMin + spreadMs : timeoutSeconds * 1_000;
  session.timers.push(clock.after(lengthMs, () => finish(session), { daemon: true }));
  if (!options.bookmarks || session.handle === undefined) return;
  if (lengthMs > limits.bookmarkBeforeEndMs) {
    const last = lengthMs - limits.bookmarkBeforeEndMs;
    session.timers.push(clock.after(last, () => bookmark(session), { daemon: true }));
  }
  repeat(session, limits.bookmarkIntervalMs, () => bookmark(session));
}

function repeat(session: Session, everyMs: number, run: () => void): void {
  const timer = session.call.door.env.clock.after(
    everyMs,
    () => {
      if (session.state.kind === "closed") return;
      session.timers.splice(session.timers.indexOf(timer), 1);
      run();
      repeat(session, everyMs, run);
    },
    { daemon: true },
  );
  session.timers.push(timer);
}

function bookmark(session: Session): void {
  if (session.handle !== undefined) sendBookmark(session, session.handle.upTo);
}

/** A clean end: what is queued still goes out. */
function finish(session: Session): void {
  const { state, stream } = session;
  if (state.kind === "closed") return;
  if (state.queued.length > 0) stream.write(Buffer.concat(state.queued));
  close(session);
  stream.end();
}

function close(session: Session): void {
  if (session.state.kind === "closed") return;
  session.state.stall?.cancel();
  session.state = { kind: "closed" };
  session.uncount();
  session.handle?.close();
  for (const timer of session.timers) timer.cancel();
  session.call.door.metrics.longRunning("WATCH", -1);
}
