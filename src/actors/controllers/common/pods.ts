/** What planners ask about a pod. */
import type { Pod, PodCondition } from "../../../kinds/generated/types.ts";
import type { Millis } from "../../../util/time.ts";
import { parseTime } from "../../../util/time-format.ts";

export function isTerminating(pod: Pod): boolean {
  return pod.metadata.deletionTimestamp !== undefined;
}

/** Its containers will not run again. */
export function isTerminal(pod: Pod): boolean {
  return pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed";
}

/** Counts as a replica: neither finished nor on its way out. */
export function isActive(pod: Pod): boolean {
  return !isTerminal(pod) && !isTerminating(pod);
}

/** Has a node. */
export function isAssigned(pod: Pod): boolean {
  return (pod.spec.nodeName ?? "") !== "";
}

export function podCondition(pod: Pod, type: string): PodCondition | undefined {
  return pod.status?.conditions?.find((condition) => condition.type === type);
}

export function isReady(pod: Pod): boolean {
  return podCondition(pod, "Ready")?.status === "True";
}

/** When it became ready, undefined while it is not. */
export function readySince(pod: Pod): Millis | undefined {
  const condition = podCondition(pod, "Ready");
  return condition?.status === "True" ? parseTime(condition.lastTransitionTime) : undefined;
}

/** From when on the pod counts as available; undefined while it is not ready. */
export function availableFrom(pod: Pod, minReadySeconds: number): Millis | undefined {
  if (!isReady(pod)) return undefined;
  if (minReadySeconds === 0) return 0;
  const since = readySince(pod);
  return since === undefined ? undefined : since + minReadySeconds * 1000;
}

export function restartsOf(pod: Pod): number {
  const statuses = pod.status?.containerStatuses ?? [];
  return statuses.reduce((most, status) => Math.max(most, status.restartCount), 0);
}

/** The status' conditions with one of them replaced or added; times move only with the status. */
export function withPodCondition(
  conditions: readonly PodCondition[] | undefined,
  condition: Omit<PodCondition, "lastTransitionTime">,
  now: string,
): readonly PodCondition[] {
  const old = conditions?.find((each) => each.type === condition.type);
  const lastTransitionTime = old !== undefined && old.status === condition.status ? old.lastTransitionTime : undefined;
  const next = { ...condition, lastTransitionTime: lastTransitionTime ?? now };
  if (old === undefined) return [...(conditions ?? []), next];
  return (conditions ?? []).map((each) => (each === old ? next : each));
}
