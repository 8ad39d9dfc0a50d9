import type { Container, Pod } from "../../kinds/generated/types.ts";
import { quantityMilli, quantityNanos, quantityValue } from "../../util/quantity.ts";
import type { LinuxResources } from "../cri/cri.ts";
import { containersOf, isSidecar } from "./model.ts";

/** Quality of service, cgroup values and OOM scores of a pod: plain arithmetic over its spec. */
export type Qos = "Guaranteed" | "Burstable" | "BestEffort";

/** The cgroup of a whole pod; the agent makes and removes it, the runtime puts containers below. */
export interface PodCgroup {
  /** From the root of the hierarchy: `/troupe-c-n1/burstable/pod<uid>`. */
  readonly path: string;
  readonly cpuShares: number;
  /** Microseconds of `cpuPeriodUs`; absent: no limit. */
  readonly cpuQuotaUs?: number;
  readonly cpuPeriodUs: number;
  readonly memoryLimitBytes?: number;
}

const cpuPeriodUs = 100_000;
/** Priority from which a pod is critical for its node (`system-node-critical`). */
const nodeCriticalPriority = 2_000_001_000;

type Amounts = Readonly<Record<string, string>> | undefined;

export function podQos(pod: Pod): Qos {
  const sources =
    pod.spec.resources === undefined
      ? containersOf(pod)
          .filter(({ role }) => role !== "ephemeral")
          .map(({ container }) => container.resources ?? {})
      : [pod.spec.resources];
  const sums = { requests: [0n, 0n], limits: [0n, 0n] };
  let anything = false;
  let bothLimits = true;
  for (const { requests, limits } of sources) {
    for (const [index, name] of ["cpu", "memory"].entries()) {
      const request = quantityNanos(requests?.[name]);
      const limit = quantityNanos(limits?.[name]);
      anything ||= request > 0n || limit > 0n;
      bothLimits &&= limit > 0n;
      sums.requests[index]! += request;
      sums.limits[index]! += limit;
    }
  }
  if (!anything) return "BestEffort";
  const equal = sums.requests.every((sum, index) => sum === sums.limits[index]);
  return bothLimits && equal ? "Guaranteed" : "Burstable";
}

/**
 * What a pod asks for or may use of one resource, in nanos: sidecars run beside the others, plain
 * init containers one at a time before them; pod-level values replace the sum; overhead is added.
 */
export function podAmount(pod: Pod, name: string, of: "requests" | "limits"): bigint {
  const amount = (container: Container): bigint => quantityNanos(container.resources?.[of]?.[name]);
  let beside = 0n;
  let before = 0n;
  for (const container of pod.spec.initContainers ?? []) {
    if (isSidecar(container)) beside += amount(container);
    const need = isSidecar(container) ? beside : beside + amount(container);
    if (need > before) before = need;
  }
  const together = pod.spec.containers.reduce((sum, container) => sum + amount(container), beside);
  const own = pod.spec.resources?.[of]?.[name];
  const base = own === undefined ? (together > before ? together : before) : quantityNanos(own);
  const overhead = quantityNanos(pod.spec.overhead?.[name]);
  return of === "limits" && base === 0n ? 0n : base + overhead;
}

function cpuShares(milli: number): number {
  return Math.min(262_144, Math.max(2, Math.floor((milli * 1_024) / 1_000)));
}

function cpuQuotaUs(milli: number): number {
  return Math.max(1_000, Math.floor((milli * cpuPeriodUs) / 1_000));
}

export function podCgroup(pod: Pod, root: string): PodCgroup {
  const qos = podQos(pod);
  const folder = qos === "Guaranteed" ? "" : `/${qos.toLowerCase()}`;
  const nanoPerMilli = 1_000_000n;
  const requestMilli = Number(podAmount(pod, "cpu", "requests") / nanoPerMilli);
  const limited = (name: string): boolean =>
    pod.spec.resources?.limits?.[name] !== undefined ||
    containersOf(pod).every(
      ({ container, role }) => role === "ephemeral" || container.resources?.limits?.[name] !== undefined,
    );
  const cpuLimitMilli = Number(podAmount(pod, "cpu", "limits") / nanoPerMilli);
  const memoryLimit = Number(podAmount(pod, "memory", "limits") / 1_000_000_000n);
  return {
    path: `${root}${folder}/pod${pod.metadata.uid}`,
    cpuShares: cpuShares(requestMilli > 0 ? requestMilli : limited("cpu") ? cpuLimitMilli : 0),
    cpuPeriodUs,
    ...(limited("cpu") && cpuLimitMilli > 0 ? { cpuQuotaUs: cpuQuotaUs(cpuLimitMilli) } : {}),
    ...(limited("memory") && memoryLimit > 0 ? { memoryLimitBytes: memoryLimit } : {}),
  };
}

export function containerResources(pod: Pod, container: Container, memoryCapacityBytes: number): LinuxResources {
  const limits: Amounts = container.resources?.limits;
  const requests: Amounts = container.resources?.requests;
  const cpuLimit = quantityMilli(limits?.["cpu"]);
  const cpuRequest = quantityMilli(requests?.["cpu"] ?? limits?.["cpu"]);
  const memory = quantityValue(limits?.["memory"]);
  return {
    cpuPeriod: cpuPeriodUs,
    cpuShares: cpuShares(cpuRequest),
    ...(cpuLimit > 0 ? { cpuQuota: cpuQuotaUs(cpuLimit) } : {}),
    ...(memory > 0 ? { memoryLimitInBytes: memory, memorySwapLimitInBytes: memory } : {}),
    oomScoreAdj: oomScoreAdj(pod, container, memoryCapacityBytes),
  };
}

export function oomScoreAdj(pod: Pod, container: Container, capacityBytes: number): number {
  if ((pod.spec.priority ?? 0) >= nodeCriticalPriority) return -997;
  const qos = podQos(pod);
  if (qos === "Guaranteed") return -997;
  if (qos === "BestEffort") return 1_000;
  const requestOf = (each: Container): number =>
    quantityValue(each.resources?.requests?.["memory"] ?? each.resources?.limits?.["memory"]);
  const score = (bytes: number): number =>
    Math.min(999, Math.max(3, 1_000 - Math.floor((1_000 * bytes) / Math.max(1, capacityBytes))));
  const own = score(requestOf(container));
  const sidecar = (pod.spec.initContainers ?? []).some((each) => each.name === container.name && isSidecar(each));
  if (!sidecar) return own;
  return Math.min(own, score(Math.min(...pod.spec.containers.map(requestOf))));
}
