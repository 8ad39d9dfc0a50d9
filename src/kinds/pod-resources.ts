import { addQuantities, compareQuantities, quantityMilli, quantityValue } from "../util/quantity.ts";
import type { Container, Pod, PodSpec } from "./generated/types.ts";

/** What a pod asks of a node: sums over its containers, as scheduler and node count them. */

export type ResourceList = Readonly<Record<string, string>>;

/** Requests as numbers, for planners. */
export interface ResourceNumbers {
  /** Thousandths of a core. */
  readonly cpuMilli: number;
  readonly memoryBytes: number;
  readonly ephemeralBytes: number;
  /** `domain/name`, `hugepages-…`: whole units or bytes. */
  readonly extended: Readonly<Record<string, number>>;
}

/** An init container that runs beside the others for the pod's whole life. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

/**
 * Effective requests or limits: the larger of what runs in the end and of what any init step
 * needs; pod-level values replace theirs; overhead is added.
 */
export function effectiveResources(spec: PodSpec, which: "requests" | "limits"): ResourceList {
  const total = containerResources(spec, which);
  for (const [key, value] of Object.entries(spec.resources?.[which] ?? {})) {
    if (key === "cpu" || key === "memory" || key.startsWith("hugepages-")) total[key] = value;
  }
  for (const [key, value] of Object.entries(spec.overhead ?? {})) {
    if (which === "requests" || (total[key] !== undefined && total[key] !== "0")) {
      total[key] = addQuantities(total[key], value);
    }
  }
  return total;
}

/** Sum over containers alone, without pod-level values and overhead. */
export function containerResources(spec: PodSpec, which: "requests" | "limits"): Record<string, string> {
  const running: Record<string, string> = {};
  const sidecars: Record<string, string> = {};
  const peak: Record<string, string> = {};
  for (const container of spec.containers ?? []) add(running, container.resources?.[which]);
  for (const container of spec.initContainers ?? []) {
    const own = container.resources?.[which];
    if (isSidecar(container)) {
      add(running, own);
      add(sidecars, own);
      raise(peak, sidecars);
    } else {
      const need = { ...sidecars };
      add(need, own);
      raise(peak, need);
    }
  }
  raise(running, peak);
  return running;
}

function add(total: Record<string, string>, more: ResourceList | undefined): void {
  for (const [key, value] of Object.entries(more ?? {})) {
    total[key] = addQuantities(total[key], value);
  }
}

function raise(total: Record<string, string>, floor: ResourceList): void {
  for (const [key, value] of Object.entries(floor)) {
    const current = total[key];
    if (current === undefined || compareQuantities(current, value) < 0) total[key] = value;
  }
}

export function resourceNumbers(list: ResourceList | undefined): ResourceNumbers {
  const extended: Record<string, number> = {};
  for (const [key, value] of Object.entries(list ?? {})) {
    if (key.includes("/") || key.startsWith("hugepages-")) extended[key] = quantityValue(value);
  }
  return {
    cpuMilli: quantityMilli(list?.["cpu"]),
    memoryBytes: quantityValue(list?.["memory"]),
    ephemeralBytes: quantityValue(list?.["ephemeral-storage"]),
    extended,
  };
}

/** Guaranteed, Burstable or BestEffort, by cpu and memory alone. */
export function qosClass(spec: PodSpec): "Guaranteed" | "Burstable" | "BestEffort" {
  const parts =
    spec.resources === undefined
      ? [...(spec.containers ?? []), ...(spec.initContainers ?? [])].map((item) => item.resources)
      : [spec.resources];
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  let complete = true;
  for (const part of parts) {
    for (const key of ["cpu", "memory"]) {
      const request = part?.requests?.[key];
      const limit = part?.limits?.[key];
      if (compareQuantities(request, undefined) > 0) {
        requests[key] = addQuantities(requests[key], request ?? "0");
      }
      if (compareQuantities(limit, undefined) > 0) {
        limits[key] = addQuantities(limits[key], limit ?? "0");
      } else complete = false;
    }
  }
  if (Object.keys(requests).length === 0 && Object.keys(limits).length === 0) return "BestEffort";
  const equal = ["cpu", "memory"].every(
    (key) =>
      limits[key] !== undefined && requests[key] !== undefined && compareQuantities(requests[key], limits[key]) === 0,
  );
  return complete && equal ? "Guaranteed" : "Burstable";
}

/** Is the pod over for good? */
export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}
