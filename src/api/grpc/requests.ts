/**
 * What a message asks, in the words of the pipeline: verb, place, options and body. The values of
 * options are those that the REST door reads from a query, so one reader checks both.
 */
import type { KindIndex } from "../kind-index.ts";
import type { ResourceRoute } from "../rest/route.ts";
import { noQuery, type Query, type Target } from "../rest/target.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import { utf8 } from "../../util/bytes.ts";
import { patchTypes, type PatchTypeName } from "../../util/grpc.ts";
import type {
  ApplyRequest,
  CreateRequest,
  DeleteOptions,
  DeleteRequest,
  GetRequest,
  LogsRequest,
  Operation,
  PatchRequest,
  Ref,
  WriteOptions,
} from "./messages.ts";

/** One request that the REST pipeline can serve. */
export interface Wish {
  readonly method: string;
  readonly route: ResourceRoute;
  readonly target: Target;
  readonly body: Uint8Array;
  readonly contentType: string;
}

type Options = Readonly<Record<string, string | readonly string[] | undefined>>;

const json = "application/json";
const none = new Uint8Array(0);

/** Options as a query; what is empty was not said. */
function queryOf(options: Options): Query {
  const said = Object.keys(options).filter((name) => (options[name] ?? "") !== "");
  if (said.length === 0) return noQuery;
  const values = new Map<string, readonly string[]>();
  for (const name of said) {
    const value = options[name] ?? "";
    values.set(name, typeof value === "string" ? [value] : value);
  }
  return {
    get: (name) => values.get(name)?.[0],
    all: (name) => values.get(name) ?? [],
    has: (name) => values.has(name),
    isEmpty: false,
    flag: (name) => values.get(name)?.[0] === "true",
  };
}

/** Subresources that are streams: no part of a call with one answer. */
const streamed: ReadonlySet<string> = new Set(["log", "exec", "attach", "portforward", "proxy"]);

/** Throws 400 where a name is needed and none is given, or one is given for a collection. */
export function routeOf(
  catalogue: KindIndex,
  verb: string,
  ref: Ref | null | undefined,
  named: "named" | "collection" | "either",
): ResourceRoute {
  const { group = "", resource = "", namespace = "", name = "", subresource = "" } = ref ?? {};
  if (resource === "") throw badRequest("ref.resource is required");
  if (named === "named" && name === "") throw badRequest("ref.name is required");
  if (named === "collection" && name !== "")
    throw badRequest("ref.name must be empty: this call is about a collection");
  if (streamed.has(subresource)) throw badRequest(`${resource}/${subresource} is a stream: no call of one answer`);
  const id = group === "" ? resource : `${resource}.${group}`;
  const version = ref?.version || (catalogue.byId(id)?.version ?? "v1");
  return {
    kind: "resource",
    verb,
    group,
    version,
    plural: resource,
    // A namespace is its own: who may read it is asked inside it.
    namespace: resource === "namespaces" ? name : namespace,
    name,
    subresource,
    rest: [],
    hasNamespace: namespace !== "",
  };
}

export function targetOf(rpc: string, query: Options): Target {
  const path = `/troupe.v1.Api/${rpc}`;
  return { path, steps: ["troupe.v1.Api", rpc], query: queryOf(query) };
}

export function getWish(catalogue: KindIndex, request: GetRequest): Wish {
  return {
    method: "GET",
    route: routeOf(catalogue, "get", request.ref, "named"),
    target: targetOf("Get", { resourceVersion: request.resourceVersion }),
    body: none,
    contentType: json,
  };
}

/** One of the writes that may stand in a transaction. Throws 400 where none is set. */
export function writeWish(catalogue: KindIndex, operation: Operation): Wish {
  const { create, replace, apply, patch } = operation;
  if (create != null) return bodyWish(catalogue, { rpc: "Create", verb: "create", method: "POST" }, create);
  if (replace != null) return bodyWish(catalogue, { rpc: "Replace", verb: "update", method: "PUT" }, replace);
  if (apply != null) return applyWish(catalogue, apply);
  if (patch != null) return patchWish(catalogue, patch);
  if (operation.delete != null) return deleteWish(catalogue, operation.delete);
  throw badRequest("an operation is one of create, replace, apply, patch, delete");
}

function bodyWish(
  catalogue: KindIndex,
  how: { readonly rpc: string; readonly verb: "create" | "update"; readonly method: string },
  request: CreateRequest,
): Wish {
  // A new object's name stands in the object; a subresource is created under an object.
  const isUnder = how.verb === "update" || (request.ref?.subresource ?? "") !== "";
  return {
    method: how.method,
    route: routeOf(catalogue, how.verb, request.ref, isUnder ? "named" : "collection"),
    target: targetOf(how.rpc, writeQuery(request.options)),
    body: bytesOf(request.object),
    contentType: json,
  };
}

function applyWish(catalogue: KindIndex, request: ApplyRequest): Wish {
  return {
    method: "PATCH",
    route: routeOf(catalogue, "patch", request.ref, "named"),
    target: targetOf("Apply", { ...writeQuery(request.options), force: request.force === true ? "true" : "" }),
    body: bytesOf(request.object),
    // JSON is YAML; the type says that it is an apply.
    contentType: "application/apply-patch+yaml",
  };
}

const patchMedia: Readonly<Record<PatchTypeName, string>> = {
  json: "application/json-patch+json",
  merge: "application/merge-patch+json",
  strategic: "application/strategic-merge-patch+json",
};

function patchWish(catalogue: KindIndex, request: PatchRequest): Wish {
  const type = (Object.keys(patchTypes) as PatchTypeName[]).find((name) => patchTypes[name] === request.type);
  if (type === undefined) throw badRequest("type is one of JSON, MERGE, STRATEGIC");
  return {
    method: "PATCH",
    route: routeOf(catalogue, "patch", request.ref, "named"),
    target: targetOf("Patch", writeQuery(request.options)),
    body: bytesOf(request.patch),
    contentType: patchMedia[type],
  };
}

function deleteWish(catalogue: KindIndex, request: DeleteRequest): Wish {
  return {
    method: "DELETE",
    route: routeOf(catalogue, "delete", request.ref, "named"),
    target: targetOf("Delete", {}),
    body: deleteBody(request.options),
    contentType: json,
  };
}

/** DeleteOptions as their JSON form. */
export function deleteBody(options: DeleteOptions | null | undefined): Uint8Array {
  if (options == null) return none;
  const { gracePeriodSeconds, propagationPolicy, uid, resourceVersion, dryRun } = options;
  const said = (text: string | undefined): string | undefined => (text === "" ? undefined : text);
  const preconditions = { uid: said(uid), resourceVersion: said(resourceVersion) };
  const isGuarded = Object.values(preconditions).some((value) => value !== undefined);
  const body = {
    gracePeriodSeconds: gracePeriodSeconds ?? undefined,
    propagationPolicy: said(propagationPolicy),
    preconditions: isGuarded ? preconditions : undefined,
    dryRun: dryRun === true ? ["All"] : undefined,
  };
  return utf8(JSON.stringify(body));
}

export function logsWish(catalogue: KindIndex, request: LogsRequest): Wish {
  const { ref, container, follow, previous, timestamps, sinceTime } = request;
  const number = (value: number | null | undefined): string | undefined => (value == null ? undefined : String(value));
  const flag = (value: boolean | undefined): string => (value === true ? "true" : "");
  return {
    method: "GET",
    route: { ...routeOf(catalogue, "get", podRef(ref), "named"), subresource: "log" },
    target: targetOf("Logs", {
      container,
      follow: flag(follow),
      previous: flag(previous),
      timestamps: flag(timestamps),
      tailLines: number(request.tailLines),
      limitBytes: number(request.limitBytes),
      sinceSeconds: number(request.sinceSeconds),
      sinceTime,
    }),
    body: none,
    contentType: json,
  };
}

function podRef(ref: Ref | null | undefined): Ref {
  return { resource: "pods", namespace: ref?.namespace ?? "", name: ref?.name ?? "" };
}

const nothingSaid: Options = {};

function writeQuery(options: WriteOptions | null | undefined): Options {
  if (options == null) return nothingSaid;
  const { fieldManager, fieldValidation, dryRun } = options;
  return { fieldManager, fieldValidation, dryRun: dryRun === true ? "All" : "" };
}

/** protobufjs gives an empty list where a bytes field is absent. */
function bytesOf(bytes: Uint8Array | undefined): Uint8Array {
  return bytes === undefined || bytes.length === 0 ? none : bytes;
}
