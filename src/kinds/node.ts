import { jsonEqual } from "../util/equal.ts";
import { cidrProblems, parseCidr } from "../util/ip.ts";
import { labelValue, qualifiedName, subdomainName } from "../util/names.ts";
import { quantityValue, roundUpToMilli } from "../util/quantity.ts";
import type { Millis } from "../util/time.ts";
import { allVerbs, defineKind } from "./define.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { Node, NodeSpec, NodeStatus, Taint } from "./generated/types.ts";
import type { Draft, HotRecord, Kind, TableRow } from "./kind.ts";
import { resourceNumbers, type ResourceNumbers } from "./pod-resources.ts";
import { oneOf } from "./pod-validate-context.ts";
import { taintEffects } from "./pod-validate-scheduling.ts";
import { validateAmount } from "./resource-names.ts";
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
  validate,
  validateUpdate: (node, old, errors) => {
    validate(node, errors);
    validateChange(node, old, errors);
  },
  validateStatus: (node, old, errors) => validateChange(node, old, errors),
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

function validate(node: Node, errors: FieldErrors): void {
  validateTaints(errors, node.spec.taints ?? []);
  validateAmounts(errors, node);
  const cidrs = node.spec.podCIDRs ?? [];
  for (const [index, cidr] of cidrs.entries()) {
    invalidEach(errors, `spec.podCIDRs[${index}]`, cidr, cidrProblems(cidr));
  }
  const families = new Set(cidrs.map((cidr) => parseCidr(cidr)?.family));
  if (cidrs.length > 1 && families.size < cidrs.length) {
    errors.invalid("spec.podCIDRs", cidrs, "may specify no more than one CIDR for each IP family");
  }
}

/** Kubernetes says these paths wrongly below metadata. */
function validateTaints(errors: FieldErrors, taints: readonly Taint[]): void {
  const seen = new Set<string>();
  for (const [index, taint] of taints.entries()) {
    const path = `metadata.taints[${index}]`;
    const { key, value = "", effect } = taint;
    invalidEach(errors, `${path}.key`, key, qualifiedName(key));
    const problems = labelValue(value);
    if (problems.length > 0) errors.invalid(`${path}.value`, value, problems.join(";"));
    oneOf(errors, `${path}.effect`, effect, taintEffects);
    if (seen.has(`${key}:${effect}`)) {
      const shown = { Key: key, Value: value, Effect: effect, TimeAdded: taint.timeAdded ?? null };
      errors.duplicate(path, shown, "taints must be unique by key and effect pair");
    }
    seen.add(`${key}:${effect}`);
  }
}

function validateAmounts(errors: FieldErrors, node: Node): void {
  for (const which of ["capacity", "allocatable"] as const) {
    for (const [name, amount] of Object.entries(node.status?.[which] ?? {})) {
      validateAmount(errors, `status.${which}.${name}`, name, amount);
    }
  }
}

function validateChange(node: Node, old: Node, errors: FieldErrors): void {
  validateAmounts(errors, node);
  const seen = new Set<string>();
  for (const [index, { type, address }] of (node.status?.addresses ?? []).entries()) {
    const shown = { Type: type, Address: address };
    if (seen.has(`${type} ${address}`)) errors.duplicate(`status.addresses[${index}]`, shown);
    seen.add(`${type} ${address}`);
  }
  if ((old.spec.podCIDRs ?? []).length > 0 && !jsonEqual(old.spec.podCIDRs, node.spec.podCIDRs)) {
    errors.forbidden("spec.podCIDRs", 'node updates may not change podCIDR except from "" to valid');
  }
  if ((old.spec.providerID ?? "") !== "" && old.spec.providerID !== node.spec.providerID) {
    const text = 'node updates may not change providerID except from "" to valid';
    errors.forbidden("spec.providerID", text);
  }
}
