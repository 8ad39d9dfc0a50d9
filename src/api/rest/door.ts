import type { User } from "../../actors/runtime/command.ts";
import type { ByteStream } from "../../env/host.ts";
import type {
  ClientCertificate,
  HttpExchange,
  HttpHandler,
  HttpHead,
  HttpResponse,
  HttpStream,
  WebSocketLike,
} from "../../env/http.ts";
import { badRequest, notFound, pathNotFound, tooManyRequests } from "../../kinds/status-errors.ts";
import type { StatusError } from "../../util/errors.ts";
import { pathSegment } from "../../util/names.ts";
import { requireAllowed } from "../authorize.ts";
import type { Attributes } from "../../auth/auth-api.ts";
import { indexKinds } from "../kind-index.ts";
import { createOpenApi } from "../openapi/documents.ts";
import { priorityOf, widthOf } from "../priority.ts";
import { methodNotRouted, unsupportedContentEncoding } from "../refusals.ts";
import { createSeats, type Release } from "../seats.ts";
import { serveToken } from "../subresources/token.ts";
import { serveChart, serveExplain, serveRelease } from "./actors.ts";
import type { Call, Door, RestDoorOptions } from "./call.ts";
import { createDiscovery, serveRoot } from "./discovery.ts";
import { createEventCache } from "./event-cache.ts";
import { serveHealth } from "./health.ts";
import { actingUser } from "./impersonate.ts";
import { createMetrics } from "./metrics.ts";
import { createNodeLeases } from "./node-leases.ts";
import { serveGet, serveList, type ReadTarget } from "./read.ts";
import { allResources, bindingResource, reviewResources, subresourcesOf, type Resource } from "./resources.ts";
import { requestLabels } from "./request-labels.ts";
import { respond, respondJson, overloadAnswer, respondStatus, statusOf } from "./respond.ts";
import { serveReview } from "./reviews.ts";
import { attributesOf, classify, type PathRoute, type ResourceRoute, type Route } from "./route.ts";
import { serveAttach, serveExec } from "./streams/command.ts";
import { serveLog } from "./streams/log.ts";
import { servePortForward } from "./streams/port-forward.ts";
import { parseTarget, type Target } from "./target.ts";
import { createVirtual } from "./virtual.ts";
import { createWatchCounts } from "./watch-counts.ts";
import { createWatchGroups } from "./watch-groups.ts";
import { serveWatch } from "./watch.ts";
import {
  serveCreate,
  serveDelete,
  serveDeleteCollection,
  serveLegacyBinding,
  servePatch,
  serveUpdate,
} from "./write.ts";

export type { RestDoorOptions, VersionInfo } from "./call.ts";

/** What both doors serve from: everything that is made once. */
export function openDoor(options: RestDoorOptions): Door {
  const { kinds, env, host } = options;
  const catalogue = indexKinds(kinds);
  const seats = options.seats ?? createSeats(env.clock);
  const events = createEventCache();
  return {
    ...options,
    seats,
    watchCounts: createWatchCounts(),
    catalogue,
    discovery: createDiscovery({
      kinds,
      crypto: env.crypto,
      serverAddress: options.serverAddress ?? "",
    }),
    openApi: createOpenApi({
      resources: allResources(kinds),
      crypto: env.crypto,
      version: options.version.gitVersion,
    }),
    metrics: createMetrics(seats.levels),
    events,
    watchGroups: createWatchGroups({ ...options, events }),
    virtual: createVirtual(host.actors),
    leases: createNodeLeases({
      kind: catalogue.byId("leases.coordination.k8s.io"),
      view: options.store.committed,
      lastHeard: options.lastHeard ?? (() => undefined),
    }),
  };
}

export function createRestDoor(options: RestDoorOptions): HttpHandler {
  return restHandler(openDoor(options));
}

/** The REST door: the URL says what is asked. */
export function restHandler(door: Door): HttpHandler {
  return (exchange) => void handle(door, exchange, askedByUrl);
}

/** What a request is about, and who serves it. */
export interface Asked {
  readonly target: Target;
  /** Undefined: `serve` authorises the parts of the request itself. */
  readonly route: Route | undefined;
  readonly serve: (call: Call) => Promise<void> | void;
}

function askedByUrl(exchange: HttpExchange): Asked {
  const target = parseTarget(exchange.target);
  const route = classify(exchange.method, target);
  return { target, route, serve: (call) => serve(call, route) };
}

/**
 * One request of either door: authenticate, classify, authorise, serve. Everything that is thrown on
 * the way is answered as a Status; an exchange that has begun to stream is ended instead.
 */
export async function handle(
  door: Door,
  exchange: HttpExchange,
  ask: (exchange: HttpExchange) => Asked,
): Promise<void> {
  const watched = new WatchedExchange(exchange);
  const began = door.env.clock.mono();
  const answered = door.metrics.begin(!readMethods.has(exchange.method));
  let route: Route | undefined;
  let target: Target | undefined;
  try {
    const found = door.authenticator.authenticate(exchange);
    const known = found instanceof Promise ? await found : found;
    const asking = known ?? anonymous;
    if (known !== undefined && exchange.belongsTo?.(known.name) === false) throw tooManyConnections(known.name);
    refusePacked(exchange);
    const user = actingUser(asking, exchange.headers, door.authorizer);
    const asked = ask(exchange);
    ({ route, target } = asked);
    const attributes = route && attributesOf(route);
    const call: Call = { door, exchange: watched, target, user, attributes };
    const taken = takeSeats(call, attributes);
    const release = taken instanceof Promise ? await taken : taken;
    try {
      if (attributes !== undefined) {
        if (!door.authorizer.authorize(user, attributes).allowed) await door.beforeRefusal?.();
        requireAllowed(door.authorizer, user, attributes);
      }
      await asked.serve(call);
    } finally {
      release();
    }
  } catch (error) {
    refuse(door, watched, error);
  }
  const labels = requestLabels(door.catalogue, { route, target, headers: exchange.headers });
  answered(labels, watched.code, door.env.clock.mono() - began);
}

/** Answers what was thrown, unless an answer has begun. */
function refuse(door: Door, watched: WatchedExchange, error: unknown): void {
  const prepared = overloadAnswer(error);
  if (prepared !== undefined && watched.code === 0) return watched.respond(prepared);
  const status = statusOf(error);
  if (status.code >= 500) {
    const fields = { target: watched.target, error: String(error), stack: stackOf(error) };
    door.env.log("error", "api.failed", fields);
  }
  if (watched.code === 0) respondStatus(watched, status);
}

const readMethods: ReadonlySet<string> = new Set(["GET", "HEAD"]);
const noRelease: Release = () => undefined;

function tooManyConnections(user: string): StatusError {
  return tooManyRequests(`user ${JSON.stringify(user)} has too many connections open`, { retryAfterSeconds: 5 });
}

/** A packed body could be a thousand times what came: bodies are taken as they are, and said to be. */
function refusePacked({ headers }: HttpExchange): void {
  const coding = (headers["content-encoding"] ?? "identity").trim().toLowerCase();
  if (coding !== "identity" && coding !== "") throw unsupportedContentEncoding(coding);
}

/** A watch that goes on where another ended reads nothing at its start. */
function goesOn(attributes: Attributes, { query }: Target): boolean {
  if (!attributes.resource || attributes.verb !== "watch" || query.has("sendInitialEvents")) return false;
  return !["", "0"].includes(query.get("resourceVersion") ?? "");
}

/** Watches and streams hold their seats only until they have begun. Throws 429. */
function takeSeats(call: Call, attributes: Attributes | undefined): Release | Promise<Release> {
  const { door, exchange, target, user } = call;
  const priority = priorityOf(user, attributes);
  if (priority === undefined || (attributes !== undefined && goesOn(attributes, target))) return noRelease;
  const limit = Number(target.query.get("limit") ?? 0);
  const bodyBytes = exchange.bodyBytes ?? Number(exchange.headers["content-length"] ?? 0);
  const width = widthOf(attributes, { limit: limit || 0, bodyBytes: bodyBytes || 0 });
  const { level, flow } = priority;
  return door.seats.take({ level, flow, width, onGone: (run) => exchange.onClose(run) });
}

function stackOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? "") : "";
}

const anonymous: User = { name: "system:anonymous", groups: ["system:unauthenticated"] };

/** The exchange, with the code that it was answered with (0: not yet). */
class WatchedExchange implements HttpExchange {
  code = 0;
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate: ClientCertificate | undefined;
  readonly remoteAddress: string;
  readonly isUpgrade: boolean;
  readonly bodyBytes?: number;
  readonly #inner: HttpExchange;

  constructor(exchange: HttpExchange) {
    this.#inner = exchange;
    this.method = exchange.method;
    this.target = exchange.target;
    this.headers = exchange.headers;
    this.certificate = exchange.certificate;
    this.remoteAddress = exchange.remoteAddress;
    this.isUpgrade = exchange.isUpgrade;
    if (exchange.bodyBytes !== undefined) this.bodyBytes = exchange.bodyBytes;
  }

  body(limitBytes: number): Promise<Uint8Array> {
    return this.#inner.body(limitBytes);
  }

  onClose(run: () => void): void {
    this.#inner.onClose(run);
  }

  respond(response: HttpResponse): void {
    this.code = response.status;
    this.#inner.respond(response);
  }

  stream(head: HttpHead): HttpStream {
    this.code = head.status;
    return this.#inner.stream(head);
  }

  upgrade(protocol: string): Promise<WebSocketLike> {
    this.code = 101;
    return this.#inner.upgrade(protocol);
  }

  switchProtocols(headers: HttpHead["headers"]): ByteStream {
    this.code = 101;
    return this.#inner.switchProtocols(headers);
  }
}

function serve(call: Call, route: Route): Promise<void> | void {
  return route.kind === "path" ? servePath(call, route) : serveResource(call, route);
}

/** Paths with nothing below them. */
const single: ReadonlySet<string> = new Set(["version", "metrics"]);
/** Paths that have a GET and nothing else: discovery, as its resources. */
const onlyRead: ReadonlySet<string> = new Set(["version", "api", "apis"]);

function servePath(call: Call, route: PathRoute): void {
  const { exchange, door } = call;
  if (route.verb !== "get" && route.verb !== "head") {
    throw methodNotRouted();
  }
  const [first = "", ...rest] = route.steps;
  if (rest.length > 0 && single.has(first)) throw pathNotFound();
  if (route.verb === "head" && onlyRead.has(first)) throw methodNotRouted();
  switch (first) {
    case "":
      serveRoot(call);
      return;
    case "healthz":
    case "livez":
    case "readyz":
      serveHealth(call);
      return;
    case "version":
      respondJson(exchange, door.version);
      return;
    case "metrics":
      respond(exchange, {
        code: 200,
        contentType: "text/plain; version=0.0.4; charset=utf-8",
        body: Buffer.from([door.metrics.text(), ...(door.moreMetrics?.() ?? [])].join("")),
      });
      return;
    case "api":
    case "apis":
      door.discovery.serve(call);
      return;
    case "openapi":
      door.openApi.serve(call);
      return;
    default:
      throw pathNotFound();
  }
}

/** The methods that resources know; HEAD is authorised as a GET, and has no route. */
const routedMethods: ReadonlySet<string> = new Set(["GET", "POST", "PUT", "PATCH", "DELETE"]);

export function serveResource(call: Call, route: ResourceRoute): Promise<void> | void {
  if (!routedMethods.has(call.exchange.method)) return refuseMethod(call, route);
  const { group, version, plural } = route;
  if (call.door.catalogue.byResource(group, version, plural) !== undefined) {
    return serveKind(call, route, resolve(call.door, route));
  }
  const review = reviewResources.find((resource) => isAbout(route, resource));
  if (review !== undefined) return serveReview(call, review, route.verb);
  if (isAbout(route, bindingResource)) {
    if (route.verb !== "create") throw methodNotRouted();
    const pods = call.door.catalogue.byId("pods");
    if (pods === undefined) throw pathNotFound();
    return serveLegacyBinding(call, pods, route.namespace);
  }
  return serveKind(call, route, resolve(call.door, route));
}

/** A path that leads nowhere does so for every method. */
function refuseMethod({ door }: Call, route: ResourceRoute): never {
  const isKnown = [...reviewResources, bindingResource].some((resource) => isAbout(route, resource));
  if (!isKnown) resolve(door, route);
  throw methodNotRouted();
}

function isAbout(route: ResourceRoute, resource: Resource): boolean {
  return route.group === resource.group && route.version === resource.version && route.plural === resource.plural;
}

/** The kind that the path names; a path of the wrong scope leads nowhere. */
export function resolve(door: Door, route: ResourceRoute): ReadTarget {
  const kind = door.catalogue.byResource(route.group, route.version, route.plural);
  if (kind === undefined) throw pathNotFound();
  const { name, subresource } = route;
  const isCluster = kind.scope === "Cluster";
  if (isCluster && route.hasNamespace) throw pathNotFound();
  if (!isCluster && !route.hasNamespace && name !== "") throw pathNotFound();
  if (name !== "") {
    const [problem] = pathSegment(name, false);
    if (problem !== undefined) {
      throw badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${problem}`);
    }
  }
  if (!isCluster && route.hasNamespace) {
    const [problem] = pathSegment(route.namespace, false);
    if (problem !== undefined) {
      throw badRequest(`Namespace parameter invalid: ${JSON.stringify(route.namespace)}: ${problem}`);
    }
  }
  return { kind, namespace: isCluster ? "" : route.namespace, name, subresource };
}

function serveKind(call: Call, route: ResourceRoute, target: ReadTarget): Promise<void> | void {
  const { kind, name, subresource } = target;
  if (subresource !== "") return serveSubresource(call, route, target);
  const { verb } = route;
  if (!kind.verbs.some((known) => known === verb)) throw methodNotRouted();
  switch (verb) {
    case "get":
      return serveGet(call, target);
    case "list":
      return serveList(call, target);
    case "watch":
      return serveWatch(call, target);
    case "create":
      if (name !== "" || (kind.scope === "Namespaced" && !route.hasNamespace)) {
        throw methodNotRouted();
      }
      return serveCreate(call, target);
    case "update":
    case "patch":
      if (name === "") throw methodNotRouted();
      return verb === "update" ? serveUpdate(call, target) : servePatch(call, target);
    case "delete":
      return serveDelete(call, target);
    case "deletecollection":
      return serveDeleteCollection(call, target);
    default:
      throw methodNotRouted();
  }
}

function serveSubresource(call: Call, route: ResourceRoute, target: ReadTarget): Promise<void> | void {
  const { kind, name, subresource } = target;
  const info = subresourcesOf(kind).find((sub) => sub.name === subresource);
  if (info === undefined || route.rest.length > 0) throw pathNotFound();
  if (!info.verbs.includes(route.verb)) throw methodNotRouted();
  if (name === "") throw notFound(kind, name);
  switch (subresource) {
    case "log":
      return serveLog(call, target);
    case "exec":
      return serveExec(call, target);
    case "attach":
      return serveAttach(call, target);
    case "portforward":
      return servePortForward(call, target);
    case "token":
      return serveToken(call, target);
    case "release":
      return serveRelease(call, target);
    case "explain":
      return serveExplain(call, target);
    case "chart":
      return serveChart(call, target);
    default:
      return serveObjectPart(call, route.verb, target);
  }
}

/** Subresources that are a part of the object. */
function serveObjectPart(call: Call, verb: string, target: ReadTarget): Promise<void> {
  switch (verb) {
    case "get":
      return serveGet(call, target);
    case "update":
      return serveUpdate(call, target);
    case "patch":
      return servePatch(call, target);
    default:
      return serveCreate(call, target);
  }
}
