/** Calls that answer many messages: lists, watches, logs, histories, actors. */
import type { ActorTransition, ActorView } from "../../actors/runtime/actor.ts";
import type { WatchChange } from "../../store/store-api.ts";
import { deletedBody } from "../../store/row-version.ts";
import { tooManyRequests } from "../../kinds/status-errors.ts";
import { methodNotRouted } from "../refusals.ts";
import { concatBytes } from "../../util/bytes.ts";
import type { StatusError } from "../../util/errors.ts";
import { eventTypes } from "../../util/grpc.ts";
import type { Call, Door } from "../rest/call.ts";
import { handle, resolve as resolveTarget, serveResource, type Asked } from "../rest/door.ts";
import { awaitFreshness } from "../rest/freshness.ts";
import { parseListOptions } from "../rest/list-options.ts";
import { readList, type ReadPage, type ReadTarget } from "../rest/read.ts";
import type { ResourceRoute } from "../rest/route.ts";
import { createSelection } from "../rest/selection.ts";
import { deleteCollection, readDeleteOptions } from "../rest/write.ts";
import { refusalOf } from "./door.ts";
import { MessageExchange, type Caller } from "./exchange.ts";
import { grpcLimits } from "./limits.ts";
import type {
  ActorMessage,
  ActorsPage,
  ActorsRequest,
  DeleteCollectionRequest,
  HistoryPage,
  HistoryRequest,
  HistoryVersion,
  ListPage,
  ListRequest,
  LogChunk,
  LogsRequest,
  TransitionMessage,
  TransitionsPage,
  TransitionsRequest,
  WatchBatch,
  WatchRequest,
} from "./messages.ts";
import { deleteBody, logsWish, routeOf, targetOf } from "./requests.ts";
import { framesOf } from "./watch-frames.ts";

/** Where the messages of one call go. */
export interface MessageSink<M> {
  write(message: M, bytes: number): void;
  /** Bytes that the transport has not taken yet. */
  readonly pending: number;
  /** Resolves when little is pending, or the client has gone. */
  drained(): Promise<void>;
  readonly closed: boolean;
}

const none = new Uint8Array(0);

interface StreamParts {
  readonly method: string;
  readonly path: string;
  readonly body?: Uint8Array;
  /** Takes the pieces of a streamed answer; answers what ends the call. */
  readonly chunk?: (bytes: Uint8Array) => StatusError | undefined;
  readonly pending?: () => number;
}

/** Resolves when the answer is complete or the caller has gone; rejects with the StatusError that ended it. */
function run(door: Door, caller: Caller, parts: StreamParts, ask: () => Asked): Promise<void> {
  return new Promise((resolve, reject) => {
    const exchange = new MessageExchange(parts, caller, {
      respond(response) {
        if (response.status >= 300) return reject(refusalOf(response));
        if (response.body.length > 0) parts.chunk?.(response.body);
        resolve();
      },
      chunk(bytes) {
        const failure = parts.chunk?.(bytes);
        if (failure === undefined) return;
        reject(failure);
        exchange.close();
      },
      end: resolve,
      get pending() {
        return parts.pending?.() ?? 0;
      },
    });
    caller.onClose(() => {
      resolve();
      exchange.close();
    });
    void handle(door, exchange, ask);
  });
}

/** All pages at one revision; what `continue` names goes on there. */
export function serveListPages(
  door: Door,
  caller: Caller,
  request: ListRequest,
  sink: MessageSink<ListPage>,
): Promise<void> {
  const { labelSelector, fieldSelector, limit = 0, resourceVersion } = request;
  return run(door, caller, { method: "GET", path: "/troupe.v1.Api/List" }, () => {
    const route = routeOf(door.catalogue, "list", request.ref, "collection");
    const target = targetOf("List", {
      labelSelector,
      fieldSelector,
      limit: limit === 0 ? "" : String(limit),
      continue: request.continue,
      resourceVersion,
      resourceVersionMatch: request.resourceVersionMatch,
    });
    return { target, route, serve: (call) => sendPages(call, route, { request, sink }) };
  });
}

async function sendPages(
  call: Call,
  route: ResourceRoute,
  { request, sink }: { readonly request: ListRequest; readonly sink: MessageSink<ListPage> },
): Promise<void> {
  const { kind, namespace, name } = readable(call, route, "list");
  const asked = parseListOptions(call.target.query, false);
  const selection = createSelection(kind, { namespace, name, ...asked });
  const pageRows = Math.min(request.pageSize || grpcLimits.pageRows, grpcLimits.pageRowsMax);
  let left = asked.limit > 0 ? asked.limit : Number.POSITIVE_INFINITY;
  let options = { ...asked, limit: Math.min(left, pageRows) };
  // Without a limit of the client's, N asks for at least N, and all pages show the first one's revision.
  if (asked.limit === 0 && asked.continueToken === "" && asked.match === "") {
    await awaitFreshness(call.door, asked.resourceVersion);
    options = { ...options, resourceVersion: "0" };
  }
  for (;;) {
    const page = await readList(call, { kind, options, selection });
    left -= page.rows.length;
    const next = page.meta.continue;
    const isLast = next === undefined || left <= 0;
    sendPage(sink, page, isLast ? next : undefined);
    if (isLast || sink.closed) break;
    await sink.drained();
    options = {
      ...options,
      limit: Math.min(left, pageRows),
      continueToken: next,
      resourceVersion: "",
      match: "",
    };
  }
  call.exchange.respond({ status: 200, headers: {}, body: none });
}

/** Rows of one page; in several messages where one would be too large. */
function sendPage(sink: MessageSink<ListPage>, { rows, meta }: ReadPage, next: string | undefined): void {
  const { resourceVersion, remainingItemCount } = meta;
  let objects: Uint8Array[] = [];
  let bytes = 0;
  for (const row of rows) {
    const object = row.bytes();
    if (bytes > 0 && bytes + object.length > grpcLimits.pageBytesMax) {
      sink.write({ resourceVersion, objects }, bytes);
      objects = [];
      bytes = 0;
    }
    objects.push(object);
    bytes += object.length;
  }
  const remaining = next === undefined || remainingItemCount === undefined ? {} : { remainingItemCount };
  sink.write({ resourceVersion, objects, ...(next === undefined ? {} : { continue: next }), ...remaining }, bytes);
}

function readable(call: Call, route: ResourceRoute, verb: "list" | "deletecollection" | "watch"): ReadTarget {
  const target = resolveTarget(call.door, route);
  if (!target.kind.verbs.includes(verb)) throw methodNotRouted();
  return target;
}

export function serveWatchBatches(
  door: Door,
  caller: Caller,
  request: WatchRequest,
  sink: MessageSink<WatchBatch>,
): Promise<void> {
  const { bookmarks, sendInitialEvents, timeoutSeconds } = request;
  const chunk = (bytes: Uint8Array): StatusError | undefined => {
    const { events, failure } = framesOf(bytes);
    if (events.length > 0) sink.write({ events }, bytes.length);
    return failure;
  };
  const parts = { method: "GET", path: "/troupe.v1.Api/Watch", chunk, pending: () => sink.pending };
  return run(door, caller, parts, () => {
    const route = routeOf(door.catalogue, "watch", request.ref, "either");
    const target = targetOf("Watch", {
      labelSelector: request.labelSelector,
      fieldSelector: request.fieldSelector,
      resourceVersion: request.resourceVersion,
      resourceVersionMatch: request.resourceVersionMatch,
      allowWatchBookmarks: bookmarks === true ? "true" : "",
      sendInitialEvents: sendInitialEvents == null ? "" : String(sendInitialEvents),
      timeoutSeconds: timeoutSeconds == null ? "" : String(timeoutSeconds),
    });
    return { target, route, serve: (call) => serveResource(call, route) };
  });
}

export function serveLogChunks(
  door: Door,
  caller: Caller,
  request: LogsRequest,
  sink: MessageSink<LogChunk>,
): Promise<void> {
  const chunk = (data: Uint8Array): undefined => {
    sink.write({ data }, data.length);
  };
  const parts = { method: "GET", path: "/troupe.v1.Api/Logs", chunk, pending: () => sink.pending };
  return run(door, caller, parts, () => {
    const { route, target } = logsWish(door.catalogue, request);
    return { target, route, serve: (call) => serveResource(call, route) };
  });
}

export async function serveDeleteCollection(
  door: Door,
  caller: Caller,
  request: DeleteCollectionRequest,
): Promise<ListPage> {
  let page: ReadPage | undefined;
  const parts = {
    method: "DELETE",
    path: "/troupe.v1.Api/DeleteCollection",
    body: deleteBody(request.options),
  };
  await run(door, caller, parts, () => {
    const route = routeOf(door.catalogue, "deletecollection", request.ref, "collection");
    const { labelSelector, fieldSelector } = request;
    const target = targetOf("DeleteCollection", { labelSelector, fieldSelector });
    const serve = async (call: Call): Promise<void> => {
      const wishes = await readDeleteOptions(call);
      page = await deleteCollection(call, readable(call, route, "deletecollection"), wishes);
      call.exchange.respond({ status: 200, headers: {}, body: none });
    };
    return { target, route, serve };
  });
  return { resourceVersion: page?.meta.resourceVersion ?? "", objects: page?.rows.map((row) => row.bytes()) ?? [] };
}

/** What a watch of this one object would have shown, from the start of the window. */
export function serveHistory(
  door: Door,
  caller: Caller,
  request: HistoryRequest,
  sink: MessageSink<HistoryPage>,
): Promise<void> {
  return run(door, caller, { method: "GET", path: "/troupe.v1.Api/History" }, () => {
    const route = routeOf(door.catalogue, "watch", request.ref, "named");
    const serve = async (call: Call): Promise<void> => {
      const { kind, namespace, name } = readable(call, route, "watch");
      await awaitFreshness(call.door, "");
      const { store } = call.door;
      const floor = store.floor(kind.id);
      const versions: HistoryVersion[] = [];
      const handle = store.watch(kind.id, Math.max(floor, request.afterRevision ?? 0), {
        events(batch) {
          for (const change of batch) {
            const row = change.next ?? change.previous;
            if (row?.name === name && row.namespace === namespace) versions.push(versionOf(change));
          }
        },
      });
      handle.close();
      for (let at = 0; at === 0 || at < versions.length; at += grpcLimits.messageRowsMax) {
        const part = versions.slice(at, at + grpcLimits.messageRowsMax);
        sink.write(
          { versions: part, floor },
          part.reduce((sum, { object }) => sum + object.length, 0),
        );
        await sink.drained();
      }
      call.exchange.respond({ status: 200, headers: {}, body: none });
    };
    return { target: targetOf("History", {}), route, serve };
  });
}

function versionOf({ previous, next, revision, now = 0 }: WatchChange): HistoryVersion {
  const common = { revision, time: Math.floor(now) };
  if (next !== undefined) {
    return { ...common, type: previous === undefined ? eventTypes.ADDED : eventTypes.MODIFIED, object: next.bytes() };
  }
  const object = previous === undefined ? none : concatBytes(deletedBody(previous, revision));
  return { ...common, type: eventTypes.DELETED, object };
}

export function serveActors(
  door: Door,
  caller: Caller,
  request: ActorsRequest,
  sink: MessageSink<ActorsPage>,
): Promise<void> {
  return run(door, caller, { method: "GET", path: "/troupe.v1.Api/Actors" }, () => {
    const ref = { group: "actors.troupe.dev", resource: "actors" };
    const route = routeOf(door.catalogue, "list", ref, "collection");
    const serve = async (call: Call): Promise<void> => {
      const { prefix = "" } = request;
      const actors = call.door.host.actors
        .list()
        .filter(({ path }) => path.startsWith(prefix))
        .map(actorMessage);
      for (let at = 0; at === 0 || at < actors.length; at += grpcLimits.messageRowsMax) {
        sink.write({ actors: actors.slice(at, at + grpcLimits.messageRowsMax) }, grpcLimits.messageRowsMax * 100);
        await sink.drained();
      }
      call.exchange.respond({ status: 200, headers: {}, body: none });
    };
    return { target: targetOf("Actors", {}), route, serve };
  });
}

/** Ends when the caller goes, or when it does not read: what it missed nobody keeps. */
export function serveTransitions(
  door: Door,
  caller: Caller,
  request: TransitionsRequest,
  sink: MessageSink<TransitionsPage>,
): Promise<void> {
  return run(door, caller, { method: "GET", path: "/troupe.v1.Api/Transitions" }, () => {
    const ref = { group: "actors.troupe.dev", resource: "actors" };
    const route = routeOf(door.catalogue, "list", ref, "collection");
    const serve = (call: Call): void => {
      const { prefix = "" } = request;
      const { actors } = call.door.host;
      const stop = actors.follow?.(
        { kinds: call.door.catalogue.all, lookMs: grpcLimits.transitionsLookMs },
        (found) => {
          const transitions = found.filter(({ path }) => path.startsWith(prefix)).map(transitionMessage);
          if (transitions.length === 0) return;
          if (sink.pending > grpcLimits.transitionsPendingBytesMax) {
            return call.exchange.respond({ status: 429, headers: {}, body: slowReader });
          }
          sink.write({ transitions }, transitions.length * 200);
        },
      );
      call.exchange.onClose(() => stop?.());
    };
    return { target: targetOf("Transitions", {}), route, serve };
  });
}

const slowReader = Buffer.from(
  JSON.stringify(tooManyRequests("transitions are not read as fast as they come", { retryAfterSeconds: 1 }).status),
);

function transitionMessage({ at, ...rest }: ActorTransition): TransitionMessage {
  return { ...rest, at: Math.floor(at) };
}

function actorMessage(view: ActorView): ActorMessage {
  const { path, machine, version, state, supervisor, since, restarts, mailbox, status, lastError } = view;
  const failed = lastError === undefined ? {} : { lastError };
  return { path, machine, version, state, supervisor, since: Math.floor(since), restarts, mailbox, status, ...failed };
}
