import type { Node, NodeCondition, NodeStatus } from "../../kinds/generated/types.ts";
import type { Draft } from "../../kinds/kind.ts";
import type { Image } from "../cri/cri.ts";
import { formatTime } from "../../util/time-format.ts";
import type { Millis } from "../../util/time.ts";
import {
  diskPressurePercent,
  imagesMaxCount,
  inodePressurePercent,
  memoryPressureBytes,
  podsMaxCount,
  pressureHoldMs,
} from "./limits.ts";

/** The Node object and its status, from facts. Pure; reasons and messages are the kubelet's. */
export interface MachineFacts {
  readonly name: string;
  readonly hostname: string;
  readonly addresses: readonly string[];
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly diskBytes: number;
  readonly architecture: string;
  readonly machineId: string;
  readonly systemUuid: string;
  readonly bootId: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  /** `containerd://1.6.20`. */
  readonly runtimeVersion: string;
  readonly version: string;
  /** Kept back from pods. */
  readonly reserved?: { readonly cpuMilli?: number; readonly memoryBytes?: number };
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: Node["spec"]["taints"];
}

export interface Health {
  /** Undefined: the runtime did not answer. */
  readonly runtime: { readonly ready: boolean; readonly network: boolean; readonly message: string } | undefined;
  readonly memoryAvailableBytes: number;
  readonly disk: { readonly availablePercent: number; readonly inodesFreePercent: number };
  readonly images: readonly Image[];
}

/** When a pressure was last seen, by condition type; carried from one status to the next. */
export type Pressures = Readonly<Record<string, Millis>>;

export function nodeDraft(facts: MachineFacts): Draft {
  return {
    apiVersion: "v1",
    kind: "Node",
    metadata: {
      name: facts.name,
      labels: nodeLabels(facts),
      annotations: { "volumes.kubernetes.io/controller-managed-attach-detach": "true" },
    },
    spec: facts.taints === undefined ? {} : { taints: facts.taints },
  };
}

/** Kept true on every start; other labels of the object are left alone. */
export function nodeLabels(facts: MachineFacts): Readonly<Record<string, string>> {
  return {
    "beta.kubernetes.io/arch": facts.architecture,
    "beta.kubernetes.io/os": "linux",
    "kubernetes.io/arch": facts.architecture,
    "kubernetes.io/hostname": facts.hostname,
    "kubernetes.io/os": "linux",
    ...facts.labels,
  };
}

export function allocatableOf(facts: MachineFacts): Readonly<Record<string, string>> {
  const cpuMilli = facts.cpus * 1_000 - (facts.reserved?.cpuMilli ?? 0);
  // The hard eviction threshold is not given away either.
  const memory = facts.memoryBytes - (facts.reserved?.memoryBytes ?? 0) - memoryPressureBytes;
  return {
    cpu: cpuMilli % 1_000 === 0 ? String(cpuMilli / 1_000) : `${cpuMilli}m`,
    "ephemeral-storage": String(Math.floor(facts.diskBytes * (1 - diskPressurePercent / 100))),
    memory: kibi(memory),
    pods: String(podsMaxCount),
  };
}

export function nodeStatus(
  facts: MachineFacts,
  health: Health,
  old: NodeStatus | undefined,
  times: { readonly now: Millis; readonly pressures: Pressures },
): { readonly status: NodeStatus; readonly pressures: Pressures } {
  const { pressures, conditions } = conditionsOf(health, old, times);
  const status: NodeStatus = {
    ...old,
    capacity: {
      cpu: String(facts.cpus),
      "ephemeral-storage": kibi(facts.diskBytes),
      memory: kibi(facts.memoryBytes),
      pods: String(podsMaxCount),
    },
    allocatable: allocatableOf(facts),
    conditions,
    addresses: [
      ...facts.addresses.map((address) => ({ type: "InternalIP", address })),
      { type: "Hostname", address: facts.hostname },
    ],
    nodeInfo: {
      machineID: facts.machineId,
      systemUUID: facts.systemUuid,
      bootID: facts.bootId,
      kernelVersion: facts.kernelVersion,
      osImage: facts.osImage,
      containerRuntimeVersion: facts.runtimeVersion,
      kubeletVersion: facts.version,
      kubeProxyVersion: facts.version,
      operatingSystem: "linux",
      architecture: facts.architecture,
    },
    images: health.images
      .toSorted((a, b) => b.sizeBytes - a.sizeBytes || (a.id < b.id ? -1 : 1))
      .slice(0, imagesMaxCount)
      .map(({ repoTags, repoDigests, sizeBytes }) => ({ names: [...repoDigests, ...repoTags], sizeBytes })),
  };
  return { status, pressures };
}

function conditionsOf(
  health: Health,
  old: NodeStatus | undefined,
  times: { readonly now: Millis; readonly pressures: Pressures },
): { readonly conditions: readonly NodeCondition[]; readonly pressures: Pressures } {
  const { now } = times;
  const pressures: Record<string, Millis> = { ...times.pressures };
  const make = (type: string, status: string, reason: string, message: string): NodeCondition => {
    const before = (old?.conditions ?? []).find((condition) => condition.type === type);
    const at = formatTime(now);
    const since = before?.status === status ? (before.lastTransitionTime ?? at) : at;
    return { type, status, lastHeartbeatTime: at, lastTransitionTime: since, reason, message };
  };
  const pressure = (type: string, seen: boolean, has: string, no: string, words: string): NodeCondition => {
    if (seen) pressures[type] = now;
    const holds = pressures[type] !== undefined && now - pressures[type] <= pressureHoldMs;
    if (!holds) delete pressures[type];
    return holds
      ? make(type, "True", has, `kubelet has ${words}`)
      : make(type, "False", no, `kubelet has ${noWord[type]!}`);
  };
  const { disk } = health;
  const own = [
    pressure(
      "MemoryPressure",
      health.memoryAvailableBytes < memoryPressureBytes,
      "KubeletHasInsufficientMemory",
      "KubeletHasSufficientMemory",
      "insufficient memory available",
    ),
    pressure(
      "DiskPressure",
      disk.availablePercent < diskPressurePercent || disk.inodesFreePercent < inodePressurePercent,
      "KubeletHasDiskPressure",
      "KubeletHasNoDiskPressure",
      "disk pressure",
    ),
    pressure(
      "PIDPressure",
      false,
      "KubeletHasInsufficientPID",
      "KubeletHasSufficientPID",
      "insufficient PID available",
    ),
    make("Ready", ...readiness(health)),
  ];
  const others = (old?.conditions ?? []).filter(({ type }) => !own.some((condition) => condition.type === type));
  return { conditions: [...others, ...own], pressures };
}

const noWord: Readonly<Record<string, string>> = {
  MemoryPressure: "sufficient memory available",
  DiskPressure: "no disk pressure",
  PIDPressure: "sufficient PID available",
};

function readiness({ runtime }: Health): readonly [status: string, reason: string, message: string] {
  if (runtime === undefined) return ["False", "KubeletNotReady", "container runtime is down"];
  if (!runtime.ready) return ["False", "KubeletNotReady", `container runtime not ready: ${runtime.message}`];
  if (!runtime.network) return ["False", "KubeletNotReady", `container runtime network not ready: ${runtime.message}`];
  return ["True", "KubeletReady", "kubelet is posting ready status"];
}

function kibi(bytes: number): string {
  return `${Math.floor(bytes / 1_024)}Ki`;
}
