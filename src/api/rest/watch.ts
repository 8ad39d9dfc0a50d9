import type { Timer } from "../../env/env.ts";
import type { HttpStream } from "../../env/http.ts";
import type { Lease } from "../../kinds/generated/types.ts";
import type { Kind } from "../../kinds/kind.ts";
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
import { tableBookmark } from "./shapes.ts";
import {
  eventBytes,
  groupKey,
  rowEventBytes,
  shapedText,
  type EventForm,
  type EventType,
  type RowEvent,
} from "./watch-events.ts";
import { isSelected, rowEventOf, type Place } from "./watch-groups.ts";

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
    name,
    options,
    selection,
    stream,
    form: shapeContext(call, kind, accepted),
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
    place: undefined,
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
  /** Of the path; empty for a collection. */
  readonly name: string;
  readonly options: ListOptions;
  readonly selection: Selection;
  readonly stream: HttpStream;
  readonly form: EventForm;
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
  /** Undefined until what was there at the start has been sent. */
  place: Place | undefined;
  /** Leases without rows that were sent, and when each was renewed then. */
  leases: ReadonlyMap<string, { readonly row: RowRef; readonly renewTime: string }>;
}

function start(session: Session): void {
  const { call, options } = session;
  const { store } = call.door;
  try {
    const from = sendsInitialState(options)
      ? sendInitialState(session)
      : options.resourceVersion === "" || options.resourceVersion === "0"
        ? store.revision
        : parseRevision(options.resourceVersion);
    followLeases(session);
    if (from < store.revision) catchUp(session, from);
    session.place = joinGroup(session, from);
  } catch (error) {
    sendText(session, "ERROR", stringifyJson(statusOf(error)));
    finish(session);
  }
}

/** What was committed behind `from` until now. */
function catchUp(session: Session, from: number): void {
  const { call, kind, selection } = session;
  const handle = call.door.store.watch(kind.id, from, {
    events: (batch) => {
      for (const change of batch) {
        const event = rowEventOf(selection, change);
        if (event !== undefined) sendRowEvent(session, event);
      }
    },
  });
  handle.close();
}

function joinGroup(session: Session, from: number): Place {
  const { call, kind, form, selection, options, name } = session;
  const { labelSelector, fieldSelector } = options;
  const { namespace } = selection;
  const key = groupKey(kind, form, { namespace, name, labels: labelSelector, fields: fieldSelector });
  const wish = { form, selection, ...(from > call.door.store.revision ? { after: from } : {}) };
  return call.door.watchGroups.join(key, wish, {
    get needsColumns() {
      return needsColumns(session);
    },
    take: (bytes) => {
      if (session.state.kind === "closed") return;
      session.state.columnsSent = true;
      session.state.queued.push(bytes);
      flush(session);
    },
    expired: (error) => {
      sendText(session, "ERROR", stringifyJson(error.status));
      finish(session);
    },
  });
}

function needsColumns({ form, state }: Session): boolean {
  return form.shape.kind === "table" && state.kind === "open" && !state.columnsSent;
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
  for (const row of page.rows) sendRowEvent(session, { type: "ADDED", revision: row.revision, row });
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
  const { leases: before, call, kind, form } = session;
  const now = leasesNow(session);
  session.leases = now;
  const sendLease = (type: EventType, row: RowRef): void => {
    sendText(session, type, shapedText(call.door, form, row.object(), needsColumns(session)));
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

function sendRowEvent(session: Session, event: RowEvent): void {
  if (session.state.kind === "closed") return;
  send(session, rowEventBytes(session.call.door, session.form, event, needsColumns(session)));
  session.state.columnsSent = true;
}

function sendText(session: Session, type: EventType, text: string): void {
  send(session, eventBytes(type, text));
}

function sendBookmark(session: Session, revision: number, annotations?: Readonly<Record<string, string>>): void {
  const { kind, form } = session;
  const metadata = {
    resourceVersion: String(revision),
    creationTimestamp: null,
    ...(annotations === undefined ? {} : { annotations }),
  };
  if (form.shape.kind === "table") {
    sendText(session, "BOOKMARK", tableBookmark(form, metadata));
    return;
  }
  const names =
    form.shape.kind === "partial"
      ? { kind: "PartialObjectMetadata", apiVersion: `meta.k8s.io/${form.shape.version}` }
      : { kind: kind.kind, apiVersion: apiVersionOf(kind) };
  sendText(session, "BOOKMARK", JSON.stringify({ ...names, metadata }));
}

/** What is the session's own: behind everything that waits for it in its group; what comes in one turn leaves in one write. */
function send(session: Session, bytes: Uint8Array): void {
  session.place?.settle();
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
  if (queued.length === 0) return;
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
  if (!options.bookmarks || session.place === undefined) return;
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
  if (session.place !== undefined) sendBookmark(session, session.place.upTo);
}

/** A clean end: what is queued still goes out. */
function finish(session: Session): void {
  session.place?.settle();
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
  session.place?.leave();
  for (const timer of session.timers) timer.cancel();
  session.call.door.metrics.longRunning("WATCH", -1);
}
