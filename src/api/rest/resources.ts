import type { Kind } from "../../kinds/kind.ts";
import { bindingKind, reviewKinds } from "../../kinds/subresources.ts";
import type { ObjectSchema } from "../../kinds/schema.ts";

/**
 * Every resource that the REST door serves, with its subresources: what discovery, OpenAPI and the
 * router agree on.
 */
export interface Resource {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly singular: string;
  readonly kind: string;
  readonly scope: "Namespaced" | "Cluster";
  readonly shortNames: readonly string[];
  readonly categories: readonly string[];
  readonly verbs: readonly string[];
  readonly description: string;
  readonly schema: ObjectSchema;
  readonly subresources: readonly SubresourceInfo[];
}

export interface SubresourceInfo {
  readonly name: string;
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly verbs: readonly string[];
}

const created = {
  scope: "Cluster",
  shortNames: [],
  categories: [],
  verbs: ["create"],
  subresources: [],
} as const;

/** Resources that are answered, never stored. */
export const reviewResources: readonly Resource[] = reviewKinds.map((review) => ({
  ...review,
  ...created,
  description: review.schema.description,
}));

export const bindingResource: Resource = {
  ...bindingKind,
  ...created,
  plural: "bindings",
  singular: "binding",
  scope: "Namespaced",
  description: bindingKind.schema.description,
};

export function allResources(kinds: readonly Kind[]): readonly Resource[] {
  return [...kinds.map(resourceOf), bindingResource, ...reviewResources];
}

function resourceOf(kind: Kind): Resource {
  const { group, version, plural, singular, scope, shortNames, categories, description, schema } = kind;
  return {
    group,
    version,
    plural,
    singular,
    kind: kind.kind,
    scope,
    shortNames,
    categories,
    verbs: kind.verbs,
    description,
    schema,
    subresources: subresourcesOf(kind),
  };
}

const change = ["get", "patch", "update"];

/** The subresources that are served of a kind, by name. */
export function subresourcesOf(kind: Kind): readonly SubresourceInfo[] {
  const own = { group: kind.group, version: kind.version, kind: kind.kind };
  const found: SubresourceInfo[] = [];
  if (kind.subresources.status === true) found.push({ name: "status", ...own, verbs: change });
  if (kind.subresources.scale !== undefined) {
    found.push({ name: "scale", group: "autoscaling", version: "v1", kind: "Scale", verbs: change });
  }
  for (const name of kind.subresources.others ?? []) {
    const info = Object.hasOwn(others, name) ? others[name] : undefined;
    if (info !== undefined) found.push({ name, ...own, ...info });
  }
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

/** Facts of the remaining subresources; those that are not here are not served. */
const others: Readonly<Record<string, Partial<SubresourceInfo> & { verbs: readonly string[] }>> = {
  attach: { kind: "PodAttachOptions", verbs: ["create", "get"] },
  binding: { kind: "Binding", verbs: ["create"] },
  chart: { kind: "ActorChart", verbs: ["get"] },
  ephemeralcontainers: { verbs: change },
  explain: { kind: "ActorExplanation", verbs: ["get"] },
  release: { kind: "ActorRelease", verbs: ["create"] },
  eviction: { group: "policy", version: "v1", kind: "Eviction", verbs: ["create"] },
  exec: { kind: "PodExecOptions", verbs: ["create", "get"] },
  finalize: { verbs: ["update"] },
  log: { verbs: ["get"] },
  portforward: { kind: "PodPortForwardOptions", verbs: ["create", "get"] },
  token: {
    group: "authentication.k8s.io",
    version: "v1",
    kind: "TokenRequest",
    verbs: ["create"],
  },
};
