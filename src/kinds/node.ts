import { quantityValue, roundUpToMilli } from "../util/quantity.ts";
import { subdomainName } from "../util/names.ts";
import type { Millis } from "../util/time.ts";
import { allVerbs, defineKind } from "./define.ts";
import type { Node, NodeSpec, NodeStatus, Taint } from "./generated/types.ts";
import type { Draft, HotRecord, Kind, TableRow } from "./kind.ts";
import { resourceNumbers, type ResourceNumbers } from "./pod-resources.ts";
import { nodeSchema } from "./schemas/node.ts";
import { ageColumn, ageOf, column, nameColumn } from "./table.ts";

/** A machine that runs pods. */

export interface NodeHot extends HotRecord {
  readonly unschedulable: boolean;
  readonly taints: readonly Taint[];
  readonly allocatable: ResourceNumbers;
  /** Pods that the node takes at most. */
  readonly podsMax: number;
  /** Condition Ready. */
  readonly ready: "True" | "False" | "Unknown";
  readonly podCIDRs: readonly string[];
  readonly addresses: readonly { readonly type: string; readonly address: string }[];
}

export const nodes: Kind = defineKind<Node>({
  id: "nodes",
  group: "",
  version: "v1",
  kind: "Node",
  plural: "nodes",
  singular: "node",
  shortNames: ["no"],
  categories: [],
  scope: "Cluster",
  verbs: allVerbs,
  storage: "rows",
  description: "A machine that runs pods.",
  schema: nodeSchema,
  name: subdomainName,
  generation: "none",
  subresources: { status: true, others: ["proxy"] },
  defaults,
  prepareCreate: (draft) => dropOld(draft),
  prepareUpdate: (draft) => dropOld(draft),
  prepareStatus: (draft) => dropOld(draft),
  columns: [
    nameColumn,
    column("Status", "Whether the node is ready, and whether it takes new pods."),
    column("Roles", "Roles, from labels."),
    ageColumn,
    column("Version", "Version of the agent on the node."),
    column("Internal-IP", "Address inside the cluster.", { wide: true }),
    column("External-IP", "Address for the outside.", { wide: true }),
    column("OS-Image", "Operating system.", { wide: true }),
    column("Kernel-Version", "Kernel and architecture.", { wide: true }),
    column("Container-Runtime", "Runtime and its version.", { wide: true }),
  ],
  row,
  selectable: { "spec.unschedulable": (node) => String(node.spec.unschedulable ?? false) },
  hot: (node) => nodeHot(node),
  machine: "node",
});

type Writable<T> = { -readonly [K in keyof T]: T[K] };

function defaults(draft: Draft): void {
  const spec = draft["spec"] as Writable<NodeSpec>;
  // The old field mirrors the first of the new ones; written alone, or differing, it wins.
  if (spec.podCIDR !== undefined && spec.podCIDRs?.[0] !== spec.podCIDR) {
    spec.podCIDRs = [spec.podCIDR];
  } else if (spec.podCIDR === undefined && spec.podCIDRs?.[0] !== undefined) {
    spec.podCIDR = spec.podCIDRs[0];
  }
  const status = draft["status"] as Writable<NodeStatus> | undefined;
  if (status === undefined) return;
  if (status.allocatable === undefined && status.capacity !== undefined) {
    status.allocatable = { ...status.capacity };
  }
  for (const list of [status.capacity, status.allocatable] as (Record<string, string> | undefined)[]) {
    for (const [key, value] of Object.entries(list ?? {})) {
      if (list !== undefined) list[key] = roundUpToMilli(value);
    }
  }
}

/** Dynamic configuration of agents is gone from Kubernetes; its fields are dropped. */
function dropOld(draft: Draft): void {
  delete (draft["spec"] as Writable<NodeSpec>).configSource;
  const status = draft["status"] as Writable<NodeStatus> | undefined;
  if (status !== undefined) delete status.config;
}

function readyCondition(node: Node): string | undefined {
  return node.status?.conditions?.find((item) => item.type === "Ready")?.status;
}

function nodeHot(node: Node): Omit<NodeHot, keyof HotRecord> {
  const ready = readyCondition(node);
  const { spec, status } = node;
  return {
    unschedulable: spec.unschedulable ?? false,
    taints: spec.taints ?? [],
    allocatable: resourceNumbers(status?.allocatable),
    podsMax: quantityValue(status?.allocatable?.["pods"]),
    ready: ready === "True" || ready === "False" ? ready : "Unknown",
    podCIDRs: spec.podCIDRs ?? [],
    addresses: status?.addresses ?? [],
  };
}

function row(node: Node, now: Millis): TableRow {
  const info = node.status?.nodeInfo;
  const addressOf = (type: string): string =>
    node.status?.addresses?.find((item) => item.type === type)?.address ?? "<none>";
  const architecture = info?.architecture ?? "";
  const kernel = unknownIfEmpty(info?.kernelVersion);
  return {
    cells: [
      node.metadata.name,
      statusText(node),
      roles(node),
      ageOf(node, now),
      info?.kubeletVersion ?? "",
      addressOf("InternalIP"),
      addressOf("ExternalIP"),
      unknownIfEmpty(info?.osImage),
      architecture === "" || kernel === "<unknown>" ? kernel : `${kernel} (${architecture})`,
      unknownIfEmpty(info?.containerRuntimeVersion),
    ],
  };
}

function unknownIfEmpty(text: string | undefined): string {
  return text === undefined || text === "" ? "<unknown>" : text;
}

function statusText(node: Node): string {
  const ready = readyCondition(node);
  const status = ready === undefined ? "Unknown" : ready === "True" ? "Ready" : "NotReady";
  return node.spec.unschedulable === true ? `${status},SchedulingDisabled` : status;
}

const rolePrefix = "node-role.kubernetes.io/";

function roles(node: Node): string {
  const found = new Set<string>();
  for (const [key, value] of Object.entries(node.metadata.labels ?? {})) {
    if (key.startsWith(rolePrefix) && key.length > rolePrefix.length) {
      found.add(key.slice(rolePrefix.length));
    } else if (key === "kubernetes.io/role" && value !== "") found.add(value);
  }
  return found.size === 0 ? "<none>" : [...found].sort().join(",");
}
