import type { User } from "../../src/actors/runtime/command.ts";
import { reviewResources, subresourcesOf } from "../../src/api/rest/resources.ts";
import type { Rng } from "../../src/env/env.ts";
import { kinds } from "../../src/kinds/catalogue.ts";
import type { Kind } from "../../src/kinds/kind.ts";
import { deleteOptionsKind, subresourceBodies } from "../../src/kinds/subresources.ts";
import type { MutableJson } from "../../src/util/json.ts";
import { broken, encoded, names, namespaces, objectOf, patchOf, type Body } from "./bodies.ts";
import { escaped, hostileTexts, hostileValue, oneIn, pick, valueOf } from "./values.ts";

/** One request, drawn from a stream: every endpoint, codec and patch type, many of them nearly valid. */
export interface FuzzRequest {
  readonly method: string;
  readonly target: string;
  readonly body?: Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly user: Pick<User, "name" | "groups"> | "anonymous";
}

const admin = { name: "admin", groups: ["system:masters"] };
const others: readonly FuzzRequest["user"][] = [
  { name: "system:node:n1", groups: ["system:nodes"] },
  { name: "eve", groups: ["staff"] },
  "anonymous",
];

const accepts = [
  "application/json",
  "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
  "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io",
  "application/yaml",
  "application/vnd.kubernetes.protobuf,application/json",
  "*/*",
  "image/png",
  ";;q=,,",
];

const queries: readonly (readonly [string, readonly string[]])[] = [
  [
    "labelSelector",
    [
      "app=a",
      "app in (a,b)",
      "!app",
      "app notin (x),tier",
      "app>1",
      "a constructor b",
      "((",
      "app=a,",
      "x".repeat(300),
    ],
  ],
  [
    "fieldSelector",
    ["metadata.name=a", "status.phase=Running", "spec.nodeName!=n1", "x=y", "metadata.name=\\", "type=Normal"],
  ],
  ["limit", ["1", "2", "500", "-1", "x", "99999999999999999999"]],
  ["continue", ["x", Buffer.from('{"v":"meta.k8s.io/v1","rv":5,"start":"default/a\\u0000"}').toString("base64url")]],
  ["resourceVersion", ["0", "1", "20", "999999", "-1", "1e3", ""]],
  ["resourceVersionMatch", ["Exact", "NotOlderThan", "x"]],
  ["watch", ["1", "true", "false", "x"]],
  ["allowWatchBookmarks", ["true"]],
  ["sendInitialEvents", ["true", "false"]],
  ["timeoutSeconds", ["1", "0", "-1", "x"]],
  ["dryRun", ["All", "x", ""]],
  ["fieldManager", ["m", "other", "\u0007", "x".repeat(129)]],
  ["fieldValidation", ["Strict", "Warn", "Ignore", "x"]],
  ["force", ["true", "false", "x"]],
  ["gracePeriodSeconds", ["0", "1", "-1", "1e9"]],
  ["propagationPolicy", ["Background", "Foreground", "Orphan", "x"]],
  ["orphanDependents", ["true", "false"]],
  ["includeObject", ["None", "Object", "x"]],
  ["tailLines", ["1", "-1"]],
  ["container", ["a", "__proto__"]],
  ["command", ["ls"]],
  ["stdout", ["true"]],
  ["pretty", ["true"]],
];

/** A value that the option of a query likes to have, or does not. */
export function queryValue(rng: Rng, option: string): string {
  const values = queries.find(([name]) => name === option)![1];
  return oneIn(rng, 12) ? pick(rng, hostileTexts) : pick(rng, values);
}

/** Mostly somebody who may do everything. */
export function drawUser(rng: Rng): FuzzRequest["user"] {
  return oneIn(rng, 15) ? pick(rng, others) : admin;
}

const paths = [
  "/",
  "/api",
  "/apis",
  "/api/v1",
  "/apis/apps",
  "/apis/apps/v1",
  "/version",
  "/healthz",
  "/livez/ping",
  "/readyz?verbose&exclude=ping",
  "/metrics",
  "/openapi/v3",
  "/openapi/v3/api/v1",
  "/apis/actors.troupe.dev/v1alpha1/actors",
  "/api/v1/watch/pods",
  "/api/v1/namespaces/default/bindings",
  "/%",
  "/api/v1/%2e%2e",
  "//",
  "*",
];

function query(rng: Rng, apply: boolean): string {
  const parts: string[] = apply && !oneIn(rng, 10) ? [`fieldManager=${pick(rng, ["m", "other"])}`] : [];
  if (apply && oneIn(rng, 2)) parts.push("force=true");
  for (let left = pick(rng, [0, 0, 0, 1, 1, 2, 3]); left > 0; left -= 1) {
    const [name, values] = pick(rng, queries);
    const value = oneIn(rng, 12) ? pick(rng, hostileTexts) : pick(rng, values);
    parts.push(`${name}=${oneIn(rng, 30) ? value : escaped(value)}`);
  }
  return parts.length === 0 ? "" : `?${parts.join("&")}`;
}

const methods = ["GET", "GET", "POST", "POST", "POST", "PUT", "PUT", "PATCH", "PATCH", "PATCH", "DELETE"];
const oddMethods = ["HEAD", "OPTIONS", "TRACE", "CONNECT", "get", "__proto__", ""];

export function drawRequest(rng: Rng): FuzzRequest {
  const method = oneIn(rng, 100) ? pick(rng, oddMethods) : pick(rng, methods);
  const user = drawUser(rng);
  const headers: Record<string, string> = {};
  if (oneIn(rng, 4)) headers["accept"] = pick(rng, accepts);
  if (oneIn(rng, 200)) headers["impersonate-user"] = pick(rng, ["eve", "system:node:n1", ...hostileTexts]);
  if (oneIn(rng, 300)) headers["authorization"] = `Bearer ${pick(rng, ["x", "virtual.%7B%7D", "a.b.c", "%"])}`;
  if (oneIn(rng, 300)) headers["content-encoding"] = pick(rng, ["gzip", "identity", "br", ...hostileTexts]);
  if (oneIn(rng, 5)) headers["user-agent"] = pick(rng, ["kubectl/v1.33", "/", "__proto__/1"]);
  if (oneIn(rng, 30)) return elsewhere(rng, { method, user, headers });
  const kind = pick(rng, kinds);
  const { target, name, namespace, subresource } = place(rng, kind, method);
  const body = bodyFor(rng, { kind, method, name, namespace, subresource });
  if (body !== undefined) headers["content-type"] = body.contentType;
  const isApply = body?.contentType === "application/apply-patch+yaml";
  return {
    method,
    target: `${target}${query(rng, isApply)}`,
    headers,
    user,
    ...(body === undefined ? {} : { body: body.bytes }),
  };
}

/** Paths without a kind, and reviews. */
function elsewhere(
  rng: Rng,
  given: Pick<FuzzRequest, "method" | "user"> & { readonly headers: Record<string, string> },
): FuzzRequest {
  const { headers } = given;
  if (oneIn(rng, 2)) {
    const review = pick(rng, reviewResources);
    const body = encoded(rng, review, valueOf(rng, review.schema));
    headers["content-type"] = body.contentType;
    return {
      ...given,
      target: `/apis/${review.group}/${review.version}/${review.plural}${query(rng, false)}`,
      body: body.bytes,
    };
  }
  const target = oneIn(rng, 3) ? `${pick(rng, paths)}/${escaped(pick(rng, hostileTexts))}` : pick(rng, paths);
  return { ...given, target };
}

interface Place {
  readonly target: string;
  readonly name: string;
  readonly namespace: string;
  readonly subresource: string;
}

function place(rng: Rng, kind: Kind, method: string): Place {
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const namespace = pick(rng, namespaces);
  const name = oneIn(rng, 40) ? pick(rng, hostileTexts) : pick(rng, names);
  const step = escaped(name);
  const inNamespace = kind.scope === "Namespaced" && !oneIn(rng, 30) ? `/namespaces/${namespace}` : "";
  const collection = `${root}${inNamespace}/${kind.plural}`;
  const isCollection = method === "POST" ? !oneIn(rng, 8) : method === "GET" ? oneIn(rng, 2) : oneIn(rng, 40);
  if (isCollection) return { target: collection, name, namespace, subresource: "" };
  const subresources = subresourcesOf(kind).map((each) => each.name);
  const wants = subresources.length > 0 && (method === "POST" || oneIn(rng, 5));
  const subresource = wants ? pick(rng, subresources) : oneIn(rng, 150) ? pick(rng, hostileTexts) : "";
  const behind = subresource === "" ? "" : `/${escaped(subresource)}`;
  return { target: `${collection}/${step}${behind}`, name, namespace, subresource };
}

function bodyFor(
  rng: Rng,
  at: Omit<Place, "target"> & { readonly kind: Kind; readonly method: string },
): Body | undefined {
  const { kind, method, name, namespace, subresource } = at;
  if (method === "GET") return undefined;
  if (method === "DELETE") {
    if (!oneIn(rng, 3)) return undefined;
    return encoded(rng, deleteOptionsKind, valueOf(rng, deleteOptionsKind.schema));
  }
  const own = Object.hasOwn(subresourceBodies, subresource) ? subresourceBodies[subresource] : undefined;
  const object: MutableJson = own === undefined ? objectOf(rng, kind, name, namespace) : valueOf(rng, own.schema);
  if (method === "PATCH") return patchOf(rng, object);
  if (oneIn(rng, 60))
    return broken(rng, { bytes: Buffer.from(JSON.stringify(hostileValue(rng))), contentType: "application/json" });
  return encoded(rng, own ?? kind, object);
}
