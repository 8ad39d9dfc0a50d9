import type { Crypto } from "../../env/env.ts";
import type { Kind } from "../../kinds/kind.ts";
import { pathNotFound } from "../../kinds/status-errors.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import type { Call } from "./call.ts";
import { negotiate } from "./negotiate.ts";
import { respond, respondJson, type Headers } from "./respond.ts";
import { allResources, type Resource } from "./resources.ts";
import { contentTypeOf, inFormat } from "./shapes.ts";

/** Which groups, versions and resources there are: the old documents and the aggregated one, made when first asked for. */
export interface Discovery {
  serve(call: Call): void;
}

interface GroupVersion {
  readonly group: string;
  readonly version: string;
  readonly resources: readonly Resource[];
}

interface DiscoveryOptions {
  readonly kinds: readonly Kind[];
  readonly crypto: Crypto;
  readonly serverAddress: string;
}

export function createDiscovery(options: DiscoveryOptions): Discovery {
  let made: Documents | undefined;
  return {
    serve: (call) => {
      made ??= documentsOf(options);
      serveDocument(call, made);
    },
  };
}

function documentsOf(options: DiscoveryOptions): Documents {
  const versions = groupVersions(allResources(options.kinds));
  const documents = new Map<string, unknown>();
  documents.set("/api", apiVersions(options.serverAddress));
  documents.set("/apis", groupList(versions));
  for (const entry of versions) {
    const path = entry.group === "" ? `/api/${entry.version}` : `/apis/${apiVersionOf(entry)}`;
    documents.set(path, resourceList(entry));
    if (entry.group !== "") documents.set(`/apis/${entry.group}`, groupOf(versions, entry.group));
  }
  const aggregated = new Map<string, Aggregated>();
  for (const version of ["v2", "v2beta1"] as const) {
    for (const path of ["/api", "/apis"]) {
      const served = versions.filter((entry) => (entry.group === "") === (path === "/api"));
      const text = JSON.stringify(aggregatedList(version, served));
      const hash = options.crypto.sha256(Buffer.from(text));
      const etag = `"${Buffer.from(hash).toString("hex").toUpperCase()}"`;
      aggregated.set(`${path} ${version}`, { etag, body: Buffer.from(`${text}\n`) });
    }
  }
  return { documents, aggregated };
}

interface Documents {
  readonly documents: ReadonlyMap<string, unknown>;
  readonly aggregated: ReadonlyMap<string, Aggregated>;
}

interface Aggregated {
  readonly etag: string;
  readonly body: Uint8Array;
}

function serveDocument(call: Call, { documents, aggregated }: Documents): void {
  const { exchange, target } = call;
  const { path } = target;
  const document = documents.get(path);
  if (document === undefined) throw pathNotFound();
  const isRoot = path === "/api" || path === "/apis";
  const accepted = negotiate(exchange.headers["accept"], isRoot ? ["discovery"] : []);
  if (accepted.shape.kind !== "discovery") {
    const body = inFormat(accepted.format, JSON.stringify(document));
    const contentType = contentTypeOf(accepted.format);
    respond(exchange, { code: 200, contentType, body, headers: vary });
    return;
  }
  const { version } = accepted.shape;
  const { etag, body } = aggregated.get(`${path} ${version}`)!;
  const contentType = `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`;
  if ((exchange.headers["if-none-match"] ?? "").includes(etag)) {
    const empty = new Uint8Array();
    respond(exchange, { code: 304, contentType, body: empty, headers: { ...vary, etag } });
  } else {
    respond(exchange, { code: 200, contentType, body, headers: { ...vary, etag } });
  }
}

const vary: Headers = { vary: "Accept" };

/** `/`: the paths that there are, for people. */
export function serveRoot(call: Call): void {
  const groups = new Set(call.door.catalogue.all.map(({ group }) => group));
  const paths = [
    "/api",
    "/api/v1",
    "/apis",
    ...[...groups].filter((group) => group !== "").map((group) => `/apis/${group}`),
    "/healthz",
    "/livez",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/readyz",
    "/version",
  ];
  respondJson(call.exchange, { paths });
}

/** Groups in the order of the catalogue, the core group first; versions likewise. */
function groupVersions(resources: readonly Resource[]): readonly GroupVersion[] {
  const found = new Map<string, Resource[]>();
  for (const resource of resources) {
    const key = apiVersionOf(resource);
    const list = found.get(key);
    if (list === undefined) found.set(key, [resource]);
    else list.push(resource);
  }
  return [...found.values()]
    .map((list) => ({
      group: list[0]!.group,
      version: list[0]!.version,
      resources: list.toSorted((a, b) => (a.plural < b.plural ? -1 : 1)),
    }))
    .toSorted((a, b) => Number(a.group !== "") - Number(b.group !== ""));
}

function apiVersions(serverAddress: string): unknown {
  return {
    kind: "APIVersions",
    versions: ["v1"],
    serverAddressByClientCIDRs: [{ clientCIDR: "0.0.0.0/0", serverAddress }],
  };
}

function groupList(versions: readonly GroupVersion[]): unknown {
  const names = [...new Set(versions.map(({ group }) => group))].filter((group) => group !== "");
  return {
    kind: "APIGroupList",
    apiVersion: "v1",
    groups: names.map((name) => {
      const { kind: _, apiVersion: __, ...group } = groupOf(versions, name);
      return group;
    }),
  };
}

interface GroupDocument {
  readonly kind: "APIGroup";
  readonly apiVersion: "v1";
  readonly name: string;
  readonly versions: readonly { readonly groupVersion: string; readonly version: string }[];
  readonly preferredVersion: unknown;
}

function groupOf(versions: readonly GroupVersion[], name: string): GroupDocument {
  const own = versions
    .filter(({ group }) => group === name)
    .map((entry) => ({ groupVersion: apiVersionOf(entry), version: entry.version }));
  return { kind: "APIGroup", apiVersion: "v1", name, versions: own, preferredVersion: own[0] };
}

function resourceList(entry: GroupVersion): unknown {
  const resources = entry.resources.flatMap((resource) => {
    const { plural, singular, scope, kind, verbs, shortNames, categories } = resource;
    const namespaced = scope === "Namespaced";
    const own = {
      name: plural,
      singularName: singular,
      namespaced,
      kind,
      verbs,
      ...(shortNames.length === 0 ? {} : { shortNames }),
      ...(categories.length === 0 ? {} : { categories }),
    };
    const below = resource.subresources.map((sub) => ({
      name: `${plural}/${sub.name}`,
      singularName: "",
      namespaced,
      ...(sub.group === resource.group && sub.version === resource.version
        ? {}
        : { group: sub.group, version: sub.version }),
      kind: sub.kind,
      verbs: sub.verbs,
    }));
    return [own, ...below];
  });
  return { kind: "APIResourceList", apiVersion: "v1", groupVersion: apiVersionOf(entry), resources };
}

function aggregatedList(version: "v2" | "v2beta1", entries: readonly GroupVersion[]): unknown {
  const names = [...new Set(entries.map(({ group }) => group))];
  const items = names.map((name) => ({
    metadata: { ...(name === "" ? {} : { name }), creationTimestamp: null },
    versions: entries
      .filter(({ group }) => group === name)
      .map((entry) => ({
        version: entry.version,
        resources: entry.resources.map(aggregatedResource),
        freshness: "Current",
      })),
  }));
  return {
    kind: "APIGroupDiscoveryList",
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items,
  };
}

function aggregatedResource(resource: Resource): unknown {
  const { plural, singular, scope, kind, verbs, shortNames, categories } = resource;
  return {
    resource: plural,
    responseKind: { group: resource.group, version: resource.version, kind },
    scope: scope === "Namespaced" ? "Namespaced" : "Cluster",
    singularResource: singular,
    verbs,
    ...(shortNames.length === 0 ? {} : { shortNames }),
    ...(categories.length === 0 ? {} : { categories }),
    ...(resource.subresources.length === 0
      ? {}
      : {
          subresources: resource.subresources.map((sub) => ({
            subresource: sub.name,
            responseKind: { group: sub.group, version: sub.version, kind: sub.kind },
            verbs: sub.verbs,
          })),
        }),
  };
}
