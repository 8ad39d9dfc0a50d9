import type {
  Container,
  ContainerState,
  ContainerStats,
  ContainerStatus,
  FilesystemUsage,
  Image,
  Labels,
  LinuxResources,
  RuntimeCondition,
  RuntimeStatus,
  Sandbox,
  SandboxMetadata,
  SandboxState,
  SandboxStatus,
} from "./cri.ts";

/**
 * From decoded CRI messages to the agent's plain objects: words for states, ms for times, no
 * nulls. Decoded messages have their defaults on the prototype (absent sub-messages are null).
 */

/** protobufjs gives int64 as Long where that package is present. */
export type Int64 = number | { toNumber(): number };

export interface RawSandbox {
  readonly id: string;
  readonly metadata: SandboxMetadata | null;
  readonly state: number;
  readonly createdAt: Int64;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly runtimeHandler: string;
}

export interface RawSandboxStatus extends RawSandbox {
  readonly network: {
    readonly ip: string;
    readonly additionalIps: readonly { readonly ip: string }[];
  } | null;
}

interface RawContainerMetadata {
  readonly name: string;
  readonly attempt: number;
}

interface RawImageSpec {
  readonly image: string;
}

export interface RawContainer {
  readonly id: string;
  readonly podSandboxId: string;
  readonly metadata: RawContainerMetadata | null;
  readonly image: RawImageSpec | null;
  readonly imageRef: string;
  readonly state: number;
  readonly createdAt: Int64;
  readonly labels: Labels;
  readonly annotations: Labels;
}

interface RawResources {
  readonly cpuPeriod: Int64;
  readonly cpuQuota: Int64;
  readonly cpuShares: Int64;
  readonly memoryLimitInBytes: Int64;
  readonly oomScoreAdj: Int64;
  readonly cpusetCpus: string;
  readonly cpusetMems: string;
  readonly unified: Labels;
  readonly memorySwapLimitInBytes: Int64;
}

export interface RawContainerStatus {
  readonly id: string;
  readonly metadata: RawContainerMetadata | null;
  readonly state: number;
  readonly createdAt: Int64;
  readonly startedAt: Int64;
  readonly finishedAt: Int64;
  readonly exitCode: number;
  readonly image: RawImageSpec | null;
  readonly imageRef: string;
  readonly reason: string;
  readonly message: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly logPath: string;
  readonly resources: { readonly linux: RawResources | null } | null;
}

interface RawValue {
  readonly value: Int64;
}

interface RawFilesystem {
  readonly fsId: { readonly mountpoint: string } | null;
  readonly usedBytes: RawValue | null;
  readonly inodesUsed: RawValue | null;
}

export interface RawContainerStats {
  readonly attributes: { readonly id: string; readonly labels: Labels } | null;
  readonly cpu: { readonly usageCoreNanoSeconds: RawValue | null } | null;
  readonly memory: {
    readonly workingSetBytes: RawValue | null;
    readonly usageBytes: RawValue | null;
  } | null;
  readonly writableLayer: RawFilesystem | null;
}

export interface RawImage {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly size: Int64;
  readonly uid: RawValue | null;
  readonly username: string;
  readonly pinned: boolean;
}

export interface RawStatus {
  readonly status: { readonly conditions: readonly RuntimeCondition[] } | null;
}

export function decodeStatus(raw: RawStatus): RuntimeStatus {
  const conditions = (raw.status?.conditions ?? []).map(({ type, status, reason, message }) => ({
    type,
    status,
    reason,
    message,
  }));
  const holds = (type: string): boolean => conditions.some((condition) => condition.type === type && condition.status);
  return { runtimeReady: holds("RuntimeReady"), networkReady: holds("NetworkReady"), conditions };
}

export function decodeSandbox(raw: RawSandbox): Sandbox {
  return {
    id: raw.id,
    metadata: {
      name: raw.metadata?.name ?? "",
      uid: raw.metadata?.uid ?? "",
      namespace: raw.metadata?.namespace ?? "",
      attempt: raw.metadata?.attempt ?? 0,
    },
    state: raw.state === sandboxStates.ready ? "ready" : "notReady",
    createdAtMs: nanosToMs(raw.createdAt),
    labels: raw.labels,
    annotations: raw.annotations,
    runtimeHandler: raw.runtimeHandler,
  };
}

export function decodeSandboxStatus(raw: RawSandboxStatus): SandboxStatus {
  return {
    ...decodeSandbox(raw),
    ip: raw.network?.ip ?? "",
    additionalIps: (raw.network?.additionalIps ?? []).map(({ ip }) => ip),
  };
}

export const sandboxStates: Readonly<Record<SandboxState, number>> = { ready: 0, notReady: 1 };

export const containerStates: Readonly<Record<ContainerState, number>> = {
  created: 0,
  running: 1,
  exited: 2,
  unknown: 3,
};

const containerStateWords: readonly ContainerState[] = ["created", "running", "exited", "unknown"];

function containerState(state: number): ContainerState {
  return containerStateWords[state] ?? "unknown";
}

export function decodeContainer(raw: RawContainer): Container {
  return {
    id: raw.id,
    podSandboxId: raw.podSandboxId,
    metadata: containerMetadata(raw.metadata),
    image: raw.image?.image ?? "",
    imageRef: raw.imageRef,
    state: containerState(raw.state),
    createdAtMs: nanosToMs(raw.createdAt),
    labels: raw.labels,
    annotations: raw.annotations,
  };
}

export function decodeContainerStatus(raw: RawContainerStatus): ContainerStatus {
  return {
    id: raw.id,
    metadata: containerMetadata(raw.metadata),
    state: containerState(raw.state),
    createdAtMs: nanosToMs(raw.createdAt),
    startedAtMs: nanosToMs(raw.startedAt),
    finishedAtMs: nanosToMs(raw.finishedAt),
    exitCode: raw.exitCode,
    image: raw.image?.image ?? "",
    imageRef: raw.imageRef,
    reason: raw.reason,
    message: raw.message,
    labels: raw.labels,
    annotations: raw.annotations,
    logPath: raw.logPath,
    resources: raw.resources?.linux ? decodeResources(raw.resources.linux) : undefined,
  };
}

function containerMetadata(raw: RawContainerMetadata | null): RawContainerMetadata {
  return { name: raw?.name ?? "", attempt: raw?.attempt ?? 0 };
}

function decodeResources(raw: RawResources): LinuxResources {
  return {
    cpuPeriod: int64(raw.cpuPeriod),
    cpuQuota: int64(raw.cpuQuota),
    cpuShares: int64(raw.cpuShares),
    memoryLimitInBytes: int64(raw.memoryLimitInBytes),
    oomScoreAdj: int64(raw.oomScoreAdj),
    cpusetCpus: raw.cpusetCpus,
    cpusetMems: raw.cpusetMems,
    unified: raw.unified,
    memorySwapLimitInBytes: int64(raw.memorySwapLimitInBytes),
  };
}

export function decodeContainerStats(raw: RawContainerStats): ContainerStats {
  return {
    id: raw.attributes?.id ?? "",
    labels: raw.attributes?.labels ?? {},
    cpuNanoSeconds: valueOf(raw.cpu?.usageCoreNanoSeconds),
    workingSetBytes: valueOf(raw.memory?.workingSetBytes),
    memoryUsageBytes: valueOf(raw.memory?.usageBytes),
    writableLayerBytes: valueOf(raw.writableLayer?.usedBytes),
    writableLayerInodes: valueOf(raw.writableLayer?.inodesUsed),
  };
}

export function decodeFilesystem(raw: RawFilesystem): FilesystemUsage {
  return {
    mountpoint: raw.fsId?.mountpoint ?? "",
    usedBytes: valueOf(raw.usedBytes),
    inodesUsed: valueOf(raw.inodesUsed),
  };
}

export function decodeImage(raw: RawImage): Image {
  return {
    id: raw.id,
    repoTags: raw.repoTags,
    repoDigests: raw.repoDigests,
    sizeBytes: int64(raw.size),
    uid: raw.uid ? int64(raw.uid.value) : undefined,
    username: raw.username,
    pinned: raw.pinned,
  };
}

function valueOf(value: RawValue | null | undefined): number {
  return value ? int64(value.value) : 0;
}

export function int64(value: Int64): number {
  return typeof value === "number" ? value : value.toNumber();
}

/** A double keeps a quarter of a microsecond here: enough to order what the runtime made. */
function nanosToMs(nanos: Int64): number {
  return int64(nanos) / 1e6;
}
