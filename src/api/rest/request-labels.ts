import type { KindIndex } from "../kind-index.ts";
import { noLabels, type RequestLabels } from "./metrics.ts";
import { mediaType } from "./negotiate.ts";
import { reviewResources, bindingResource, subresourcesOf } from "./resources.ts";
import type { ResourceRoute, Route } from "./route.ts";
import type { Target } from "./target.ts";

type Labels = RequestLabels;

interface Asked {
  /** Undefined: refused before it was known. */
  readonly route: Route | undefined;
  readonly target: Target | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Only names that the catalogue knows: what clients make up must not become a counter. */
export function requestLabels(catalogue: KindIndex, { route, target, headers }: Asked): Labels {
  if (route === undefined) return without[""];
  if (route.kind === "path") return without[route.verb === "get" ? "GET" : "OTHER"];
  const { group, version, plural } = route;
  const isSame = (resource: { group: string; version: string; plural: string }): boolean =>
    resource.group === group && resource.version === version && resource.plural === plural;
  const kind = catalogue.byResource(group, version, plural);
  const isKnown = kind !== undefined || isSame(bindingResource) || reviewResources.some(isSame);
  if (!isKnown) return without.OTHER;
  const subresource =
    kind === undefined ? undefined : subresourcesOf(kind).find((sub) => sub.name === route.subresource);
  return shared({
    verb: verbOf(route, headers),
    group,
    version,
    resource: plural,
    subresource: subresource?.name ?? "",
    scope: scopeOf(route),
    dryRun: target?.query.get("dryRun") === "All" ? "All" : "",
  });
}

const without = {
  "": { verb: "", ...noLabels },
  GET: { verb: "GET", ...noLabels },
  OTHER: { verb: "OTHER", ...noLabels },
} as const;

/** All that were ever made, by resource: as many as counters, which the catalogue bounds. */
const made = new Map<string, Labels[]>();

/** Equal labels as one object, so that whoever prints them does it once. */
function shared(labels: Labels): Labels {
  const { verb, group, version, resource, subresource, scope, dryRun } = labels;
  const all = made.get(resource) ?? [];
  for (const known of all) {
    const isSame =
      known.verb === verb &&
      known.scope === scope &&
      known.subresource === subresource &&
      known.dryRun === dryRun &&
      known.group === group &&
      known.version === version;
    if (isSame) return known;
  }
  all.push(labels);
  made.set(resource, all);
  return labels;
}

const verbs: Readonly<Record<string, string>> = {
  get: "GET",
  list: "LIST",
  watch: "WATCH",
  create: "POST",
  update: "PUT",
  patch: "PATCH",
  delete: "DELETE",
  deletecollection: "DELETECOLLECTION",
};
const connecting: ReadonlySet<string> = new Set(["attach", "exec", "portforward", "log"]);

function verbOf({ verb, subresource }: ResourceRoute, headers: Asked["headers"]): string {
  if (connecting.has(subresource)) return "CONNECT";
  if (verb === "patch" && mediaType(headers["content-type"]) === "application/apply-patch+yaml") return "APPLY";
  return (Object.hasOwn(verbs, verb) ? verbs[verb] : undefined) ?? "OTHER";
}

function scopeOf({ name, hasNamespace, verb }: ResourceRoute): RequestLabels["scope"] {
  if (name !== "" || verb === "create") return "resource";
  return hasNamespace ? "namespace" : "cluster";
}
