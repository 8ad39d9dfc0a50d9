import type { User } from "../actors/runtime/command.ts";
import type { Pod } from "../kinds/generated/types.ts";
import type { RowRef, View } from "../store/view.ts";
import type { Attributes, Authorizer } from "./auth-api.ts";

/**
 * Who may what, until roles exist: masters everything; a node what its own pods need; whoever is
 * authenticated the discovery documents and questions about itself; anybody health and version.
 */
export function createAuthorizer(options: {
  /** Committed rows. */
  readonly view: View;
  /** Nodes may say what faults did there. */
  readonly faults?: boolean;
}): Authorizer {
  const { view, faults = false } = options;
  return {
    authorize: (user, attributes) => {
      const allowed = isAllowed({ view, faults }, user, attributes);
      return { allowed, reason: "" };
    },
  };
}

interface Known {
  readonly view: View;
  readonly faults: boolean;
}

function isAllowed(known: Known, user: User, attributes: Attributes): boolean {
  if (user.groups.includes("system:masters")) return true;
  if (!attributes.resource) return isPathAllowed(user, attributes.verb, attributes.path);
  if (!isAuthenticated(user)) return false;
  return isSelfReview(attributes) || isNodeAllowed(known, user, attributes);
}

function isAuthenticated(user: User): boolean {
  return user.groups.includes("system:authenticated");
}

const publicPaths = /^\/(?:healthz|livez|readyz|version)(?:\/|$)/;
const discoveryPaths = /^\/(?:$|(?:api|apis|openapi)(?:\/|$))/;

function isPathAllowed(user: User, verb: string, path: string): boolean {
  if (verb !== "get" && verb !== "head") return false;
  return publicPaths.test(path) || (isAuthenticated(user) && discoveryPaths.test(path));
}

type ResourceAttributes = Extract<Attributes, { readonly resource: true }>;

function isSelfReview({ verb, group, plural }: ResourceAttributes): boolean {
  if (verb !== "create") return false;
  if (group === "authentication.k8s.io") return plural === "selfsubjectreviews";
  return (
    group === "authorization.k8s.io" && (plural === "selfsubjectaccessreviews" || plural === "selfsubjectrulesreviews")
  );
}

const nodePrefix = "system:node:";
const read: ReadonlySet<string> = new Set(["get", "list", "watch"]);
const change: ReadonlySet<string> = new Set(["update", "patch"]);

function isNodeAllowed({ view, faults }: Known, user: User, attributes: ResourceAttributes): boolean {
  if (!user.groups.includes("system:nodes") || !user.name.startsWith(nodePrefix)) return false;
  const node = user.name.slice(nodePrefix.length);
  const { verb, plural, name } = attributes;
  if (name === "*" || plural === "*") return false;
  switch (resourceOf(attributes)) {
    case "nodes":
      return (
        read.has(verb) || (verb === "create" && (name === "" || name === node)) || (change.has(verb) && name === node)
      );
    case "nodes/status":
      return name === node && (verb === "get" || change.has(verb));
    case "services":
    case "endpointslices.discovery.k8s.io":
    case "namespaces":
      return read.has(verb);
    case "events":
    case "events.events.k8s.io":
      return verb === "create" || change.has(verb);
    case "leases.coordination.k8s.io":
      return attributes.namespace === "kube-node-lease" && (name === node || verb === "create");
    case "pods":
      return (verb === "get" || verb === "delete") && hasPod(view, node, attributes);
    case "pods/status":
      return change.has(verb) && hasPod(view, node, attributes);
    case "pods/eviction":
      return verb === "create" && hasPod(view, node, attributes);
    case "configmaps":
      return verb === "get" && podsNeed(view, node, attributes, "configMaps");
    case "secrets":
      return verb === "get" && podsNeed(view, node, attributes, "secrets");
    case "faults.faults.troupe.dev/status":
      return faults && verb === "patch";
    case "serviceaccounts/token":
      return verb === "create" && podsRunAs(view, node, attributes);
    default:
      return false;
  }
}

/** `pods/status`, `leases.coordination.k8s.io`. */
function resourceOf({ group, plural, subresource }: ResourceAttributes): string {
  const resource = group === "" ? plural : `${plural}.${group}`;
  return subresource === "" ? resource : `${resource}/${subresource}`;
}

function podsOf(view: View, node: string, namespace: string): readonly RowRef[] {
  return view.index("pods", "node", node).filter((row) => row.namespace === namespace);
}

/** A pod of this node, or one that is gone: the node must hear of that, not be refused. */
function hasPod(view: View, node: string, { namespace, name }: ResourceAttributes): boolean {
  const row = view.get("pods", namespace, name);
  return row === undefined ? name !== "" : row.hot["nodeName"] === node;
}

/** A pod that is bound to the node names the object: the pod's hot record lists those names. */
function podsNeed(
  view: View,
  node: string,
  { namespace, name }: ResourceAttributes,
  list: "configMaps" | "secrets",
): boolean {
  return podsOf(view, node, namespace).some((row) => {
    const names = row.hot[list];
    return Array.isArray(names) && names.includes(name);
  });
}

function podsRunAs(view: View, node: string, { namespace, name }: ResourceAttributes): boolean {
  return podsOf(view, node, namespace).some((row) => (row.object<Pod>().spec.serviceAccountName ?? "default") === name);
}
