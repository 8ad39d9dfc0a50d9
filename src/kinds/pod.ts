import { dnsLabel, subdomainName } from "../util/names.ts";
import { formatTime } from "../util/time-format.ts";
import { allVerbs, defineKind } from "./define.ts";
import type { LabelSelector, Pod, PodSpec, Toleration } from "./generated/types.ts";
import type { Draft, HotRecord, Kind, PrepareContext } from "./kind.ts";
import { hasCondition, podRow } from "./pod-cells.ts";
import { defaultPodSpec } from "./pod-defaults.ts";
import { effectiveResources, isTerminal, qosClass, resourceNumbers, type ResourceNumbers } from "./pod-resources.ts";
import { validatePodStatus, validatePodUpdate } from "./pod-update.ts";
import { validateNewPod, validatePod } from "./pod-validate.ts";
import { podSchema } from "./schemas/pod.ts";
import { ageColumn, column, nameColumn } from "./table.ts";

/** Containers that run together on one node. */

export interface HostPort {
  readonly protocol: string;
  /** Empty: all addresses of the node. */
  readonly hostIP: string;
  readonly port: number;
}

export interface PodHot extends HotRecord {
  /** Empty: not bound yet. */
  readonly nodeName: string;
  readonly nominatedNodeName: string;
  readonly phase: string;
  /** Condition Ready is True. */
  readonly ready: boolean;
  /** RFC 3339 since when, undefined if it is not ready. */
  readonly readySince: string | undefined;
  readonly podIP: string;
  readonly podIPs: readonly string[];
  readonly schedulerName: string;
  readonly requests: ResourceNumbers;
  readonly priority: number;
  readonly tolerations: readonly Toleration[];
  readonly hostPorts: readonly HostPort[];
  readonly hostNetwork: boolean;
  /** Restarts of all containers together. */
  readonly restarts: number;
  /** Succeeded or Failed. */
  readonly terminal: boolean;
  readonly deletionTimestamp: string | undefined;
  readonly deletionGraceSeconds: number | undefined;
  /** Scheduling gates hold it back. */
  readonly gated: boolean;
  readonly creationTimestamp: string;
  /** Names of ConfigMaps and Secrets of its namespace that its node needs. */
  readonly configMaps: readonly string[];
  readonly secrets: readonly string[];
}

export const pods: Kind = defineKind<Pod>({
  id: "pods",
  group: "",
  version: "v1",
  kind: "Pod",
  plural: "pods",
  singular: "pod",
  shortNames: ["po"],
  categories: ["all"],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "Containers that run together on one node and share its network and volumes.",
  schema: podSchema,
  name: subdomainName,
  generation: "spec",
  subresources: {
    status: true,
    others: ["attach", "binding", "ephemeralcontainers", "eviction", "exec", "log", "portforward", "resize"],
  },
  defaults: (draft) => {
    defaultPodSpec(draft["spec"] as PodSpec, false);
    convert(draft);
  },
  prepareCreate,
  prepareUpdate: (draft) => dropGated(draft),
  prepareStatus: (draft, old) => {
    setOwners(draft, old);
    const status = (draft["status"] ??= {}) as Record<string, unknown>;
    status["qosClass"] ??= old.status?.qosClass;
    status["observedGeneration"] ??= old.status?.observedGeneration;
  },
  validate: validatePod,
  validateCreate: validateNewPod,
  validateUpdate: validatePodUpdate,
  validateStatus: validatePodStatus,
  warnings: (pod, old) => (old === undefined ? warnings(pod) : []),
  grace,
  inert: [
    "spec.affinity.podAffinity",
    "spec.affinity.podAntiAffinity",
    "spec.topologySpreadConstraints",
    "spec.resourceClaims",
    "spec.schedulingGroup",
    "spec.resources",
    "spec.runtimeClassName",
    "spec.priorityClassName",
    "spec.setHostnameAsFQDN",
    "spec.hostUsers",
    "spec.containers[].restartPolicyRules",
    "spec.containers[].volumeDevices",
    ...[
      "awsElasticBlockStore",
      "azureDisk",
      "azureFile",
      "cephfs",
      "cinder",
      "csi",
      "ephemeral",
      "fc",
      "flexVolume",
      "flocker",
      "gcePersistentDisk",
      "gitRepo",
      "glusterfs",
      "image",
      "iscsi",
      "nfs",
      "persistentVolumeClaim",
      "photonPersistentDisk",
      "portworxVolume",
      "quobyte",
      "rbd",
      "scaleIO",
      "storageos",
      "vsphereVolume",
    ].map((source) => `spec.volumes[].${source}`),
  ],
  columns: [
    nameColumn,
    column("Ready", "Containers that are ready, of all that run for the pod's life."),
    column("Status", "What the pod is doing, in one word."),
    column("Restarts", "How often containers were started again, and when last."),
    ageColumn,
    column("IP", "Address of the pod.", { wide: true }),
    column("Node", "Node on which the pod runs.", { wide: true }),
    column("Nominated Node", "Node on which room is being made for the pod.", { wide: true }),
    column("Readiness Gates", "Conditions from outside that are met, of all.", { wide: true }),
  ],
  row: podRow,
  selectable: {
    "spec.nodeName": (pod) => pod.spec.nodeName ?? "",
    "spec.host": (pod) => pod.spec.nodeName ?? "",
    "spec.restartPolicy": (pod) => pod.spec.restartPolicy ?? "",
    "spec.schedulerName": (pod) => pod.spec.schedulerName ?? "",
    "spec.serviceAccountName": (pod) => pod.spec.serviceAccountName ?? "",
    "spec.hostNetwork": (pod) => String(pod.spec.hostNetwork ?? false),
    "status.phase": (pod) => pod.status?.phase ?? "",
    "status.podIP": (pod) => pod.status?.podIPs?.[0]?.ip ?? pod.status?.podIP ?? "",
    "status.podIPs": () => "",
    "status.nominatedNodeName": (pod) => pod.status?.nominatedNodeName ?? "",
  },
  hot: (pod) => podHot(pod),
  indexes: {
    // The empty name holds the pods that wait for a node.
    node: (hot) => [(hot as PodHot).nodeName],
    phase: (hot) => [(hot as PodHot).phase],
    // Pods that wait and have a priority above the usual one: few among thousands that wait.
    waiting: (hot) => {
      const { nodeName, priority } = hot as PodHot;
      return nodeName === "" && priority > 0 ? ["urgent"] : [];
    },
  },
  machine: "pod",
});

/** Old forms of fields that Kubernetes still reads. */
function convert(draft: Draft): void {
  const spec = draft["spec"] as { terminationGracePeriodSeconds?: number };
  if ((spec.terminationGracePeriodSeconds ?? 0) < 0) spec.terminationGracePeriodSeconds = 1;
  const status = draft["status"] as { podIP?: string; podIPs?: readonly { readonly ip: string }[] } | undefined;
  if (status === undefined) return;
  const first = status.podIPs?.[0]?.ip;
  if (status.podIP === undefined && first !== undefined) status.podIP = first;
  else if (status.podIP !== undefined && first !== status.podIP) {
    status.podIPs = [{ ip: status.podIP }];
  }
}

/** Features that are off are dropped silently, as Kubernetes drops them. */
function dropGated(draft: Draft): void {
  const spec = draft["spec"] as { -readonly [K in keyof PodSpec]: PodSpec[K] };
  delete spec.schedulingGroup;
  for (const list of [spec.containers, spec.initContainers]) {
    for (const container of list ?? []) {
      if (container.lifecycle === undefined) continue;
      delete (container.lifecycle as { stopSignal?: string }).stopSignal;
    }
  }
  for (const volume of spec.volumes ?? []) {
    for (const source of volume.projected?.sources ?? []) {
      const writable = source as { clusterTrustBundle?: unknown; podCertificate?: unknown };
      delete writable.clusterTrustBundle;
      delete writable.podCertificate;
    }
  }
}

function prepareCreate(draft: Draft, context: PrepareContext): void {
  const spec = draft["spec"] as PodSpec;
  dropGated(draft);
  const gated = (spec.schedulingGates ?? []).length > 0;
  const condition = {
    type: "PodScheduled",
    status: "False",
    lastTransitionTime: formatTime(context.now),
    reason: "SchedulingGated",
    message: "Scheduling is blocked due to non-empty scheduling gates",
  };
  draft["status"] = {
    phase: "Pending",
    ...(gated ? { conditions: [condition] } : {}),
    qosClass: qosClass(spec),
  };
  mergeLabelKeys(spec, draft.metadata.labels ?? {});
}

interface KeyedTerm {
  labelSelector?: LabelSelector;
  readonly matchLabelKeys?: readonly string[];
  readonly mismatchLabelKeys?: readonly string[];
}

/** `matchLabelKeys` become plain expressions with the pod's own values. */
function mergeLabelKeys(spec: PodSpec, labels: Readonly<Record<string, string>>): void {
  const { podAffinity, podAntiAffinity } = spec.affinity ?? {};
  const terms: readonly KeyedTerm[] = [podAffinity, podAntiAffinity].flatMap((affinity) => [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map((item) => item.podAffinityTerm),
  ]);
  for (const term of [...terms, ...((spec.topologySpreadConstraints ?? []) as readonly KeyedTerm[])]) {
    const selector = term.labelSelector;
    if (selector === undefined) continue;
    const added = [
      ...(term.matchLabelKeys ?? []).map((key) => ({ key, operator: "In" })),
      ...(term.mismatchLabelKeys ?? []).map((key) => ({ key, operator: "NotIn" })),
    ]
      .filter(({ key }) => Object.hasOwn(labels, key))
      .map(({ key, operator }) => ({ key, operator, values: [labels[key] ?? ""] }));
    if (added.length === 0) continue;
    term.labelSelector = {
      ...selector,
      matchExpressions: [...(selector.matchExpressions ?? []), ...added],
    };
  }
}

const oldNodeLabels: Readonly<Record<string, string>> = {
  "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
  "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
};

/** What surprises people about a new pod. */
function warnings(pod: Pod): readonly string[] {
  const found: string[] = [];
  const problems = dnsLabel(pod.metadata.name);
  if (problems.length > 0) {
    found.push(
      `metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [${problems.join(" ")}]`,
    );
  }
  for (const key of Object.keys(pod.spec.nodeSelector ?? {})) {
    const advice = Object.hasOwn(oldNodeLabels, key) ? oldNodeLabels[key] : undefined;
    if (advice !== undefined) found.push(`spec.nodeSelector[${key}]: ${advice}`);
  }
  return found;
}

function setOwners(draft: Draft, old: Pod): void {
  const { ownerReferences } = old.metadata;
  if (ownerReferences === undefined) delete draft.metadata.ownerReferences;
  else draft.metadata.ownerReferences = ownerReferences;
}

/** Seconds that a deletion leaves the pod: none if no node has it or it is over. */
function grace(pod: Pod, requested: number | undefined): number {
  const seconds = requested ?? pod.spec.terminationGracePeriodSeconds ?? 0;
  if ((pod.spec.nodeName ?? "") === "" || isTerminal(pod)) return 0;
  return seconds < 0 ? 1 : seconds;
}

function podHot(pod: Pod): Omit<PodHot, keyof HotRecord> {
  const { metadata, spec, status } = pod;
  const ready = hasCondition(pod, "Ready");
  const since = status?.conditions?.find((item) => item.type === "Ready")?.lastTransitionTime;
  const statuses = [...(status?.initContainerStatuses ?? []), ...(status?.containerStatuses ?? [])];
  const podIP = status?.podIP ?? status?.podIPs?.[0]?.ip ?? "";
  return {
    nodeName: spec.nodeName ?? "",
    nominatedNodeName: status?.nominatedNodeName ?? "",
    phase: status?.phase ?? "",
    ready,
    readySince: ready ? since : undefined,
    podIP,
    podIPs: (status?.podIPs ?? []).map((item) => item.ip),
    schedulerName: spec.schedulerName ?? "",
    requests: resourceNumbers(effectiveResources(spec, "requests")),
    priority: spec.priority ?? 0,
    tolerations: spec.tolerations ?? [],
    hostPorts: hostPorts(spec),
    hostNetwork: spec.hostNetwork ?? false,
    restarts: statuses.reduce((sum, item) => sum + item.restartCount, 0),
    terminal: isTerminal(pod),
    deletionTimestamp: metadata.deletionTimestamp,
    deletionGraceSeconds: metadata.deletionGracePeriodSeconds,
    gated: (spec.schedulingGates ?? []).length > 0,
    creationTimestamp: metadata.creationTimestamp,
    ...references(spec),
  };
}

function hostPorts(spec: PodSpec): readonly HostPort[] {
  const found: HostPort[] = [];
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    for (const { hostPort, hostIP, protocol } of container.ports ?? []) {
      if ((hostPort ?? 0) === 0) continue;
      found.push({ protocol: protocol ?? "TCP", hostIP: hostIP ?? "", port: hostPort ?? 0 });
    }
  }
  return found;
}

/** Names of the objects that must reach the node before the pod can start. */
function references(spec: PodSpec): Pick<PodHot, "configMaps" | "secrets"> {
  const configMaps = new Set<string>();
  const secrets = new Set<string>();
  const note = (set: Set<string>, name: string | undefined): void => {
    if (name !== undefined && name !== "") set.add(name);
  };
  const containers = [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
  for (const container of containers) {
    for (const { valueFrom } of container.env ?? []) {
      note(configMaps, valueFrom?.configMapKeyRef?.name);
      note(secrets, valueFrom?.secretKeyRef?.name);
    }
    for (const source of container.envFrom ?? []) {
      note(configMaps, source.configMapRef?.name);
      note(secrets, source.secretRef?.name);
    }
  }
  for (const volume of spec.volumes ?? []) {
    note(configMaps, volume.configMap?.name);
    note(secrets, volume.secret?.secretName);
    for (const source of volume.projected?.sources ?? []) {
      note(configMaps, source.configMap?.name);
      note(secrets, source.secret?.name);
    }
  }
  for (const { name } of spec.imagePullSecrets ?? []) note(secrets, name);
  return { configMaps: [...configMaps].sort(), secrets: [...secrets].sort() };
}
