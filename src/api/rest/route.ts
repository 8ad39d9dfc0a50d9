import type { Attributes } from "../../auth/auth-api.ts";
import type { Query, Target } from "./target.ts";

/**
 * From method and path to what is asked, by syntax alone: the same attributes are authorised and
 * then served, so no second reading of the URL can disagree with the first.
 */
export type Route = ResourceRoute | PathRoute;

export interface ResourceRoute {
  readonly kind: "resource";
  readonly verb: string;
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  /** Empty where the path names none. */
  readonly namespace: string;
  readonly name: string;
  readonly subresource: string;
  /** Steps behind the subresource (`proxy` paths). */
  readonly rest: readonly string[];
  readonly hasNamespace: boolean;
}

export interface PathRoute {
  readonly kind: "path";
  readonly verb: string;
  readonly path: string;
  readonly steps: readonly string[];
}

export function classify(method: string, target: Target): Route {
  const { steps, path } = target;
  const isCore = steps[0] === "api" && steps.length >= 3;
  const isGroup = steps[0] === "apis" && steps.length >= 4;
  if (!isCore && !isGroup) return { kind: "path", verb: method.toLowerCase(), path, steps };
  const group = isCore ? "" : steps[1]!;
  const version = isCore ? steps[1]! : steps[2]!;
  let rest = steps.slice(isCore ? 2 : 3);
  let watchPrefix = false;
  if (rest[0] === "watch" && rest.length > 1) {
    watchPrefix = true;
    rest = rest.slice(1);
  }
  const named = takeNamespace(rest);
  const [plural = "", name = "", subresource = "", ...behind] = named.rest;
  return {
    kind: "resource",
    verb: verbOf(method, { name, query: target.query, watchPrefix }),
    group,
    version,
    plural,
    namespace: plural === "namespaces" ? name : named.namespace,
    name,
    subresource,
    rest: behind,
    hasNamespace: named.hasNamespace,
  };
}

interface Named {
  readonly namespace: string;
  readonly hasNamespace: boolean;
  readonly rest: readonly string[];
}

/** `/namespaces/n`, `/namespaces/n/status` and `/finalize` are the namespace itself. */
function takeNamespace(steps: readonly string[]): Named {
  const own = steps[0] === "namespaces" && steps.length <= 3;
  const ofNamespace = own && (steps.length < 3 || steps[2] === "status" || steps[2] === "finalize");
  if (steps[0] !== "namespaces" || ofNamespace) {
    return { namespace: "", hasNamespace: false, rest: steps };
  }
  return { namespace: steps[1]!, hasNamespace: true, rest: steps.slice(2) };
}

function verbOf(
  method: string,
  where: { readonly name: string; readonly query: Query; readonly watchPrefix: boolean },
): string {
  switch (method) {
    case "POST":
      return "create";
    case "PUT":
      return "update";
    case "PATCH":
      return "patch";
    case "DELETE":
      return where.name === "" ? "deletecollection" : "delete";
    case "GET":
    case "HEAD":
      if (where.watchPrefix || (where.name === "" && where.query.flag("watch"))) return "watch";
      return where.name === "" ? "list" : "get";
    default:
      return method.toLowerCase();
  }
}

/** Subresources that run something: a GET that upgrades needs `create` as well (WebSockets). */
const running: ReadonlySet<string> = new Set(["exec", "attach", "portforward"]);

export function attributesOf(route: Route): Attributes {
  if (route.kind === "path") return { resource: false, verb: route.verb, path: route.path };
  const { group, version, plural, subresource, namespace, name } = route;
  return {
    resource: true,
    verb: running.has(subresource) && route.verb === "get" ? "create" : route.verb,
    group,
    version,
    plural,
    subresource,
    namespace,
    name,
  };
}
