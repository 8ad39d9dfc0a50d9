/**
 * The scheduler's queue, read off the pods themselves: nothing is kept that a restart could lose.
 *
 * - `active`: not tried yet.
 * - `backoff`: its binding was refused; the host of controllers spaces the attempts.
 * - `unschedulable`: no node could take it; it waits for a change that may help.
 * - `gated`: its owner holds it back.
 */
import type { Node, Pod } from "../../kinds/generated/types.ts";
import type { RowRef } from "../../store/view.ts";
import { jsonEqual } from "../../util/equal.ts";

export const schedulerName = "default-scheduler";

export type Tier = "active" | "backoff" | "unschedulable" | "gated";

/** Undefined: not a pod that this scheduler has to place. */
export function tierOf(pod: Pod): Tier | undefined {
  const { spec, status, metadata } = pod;
  if ((spec.nodeName ?? "") !== "" || metadata.deletionTimestamp !== undefined) return undefined;
  if (status?.phase === "Succeeded" || status?.phase === "Failed") return undefined;
  if ((spec.schedulerName ?? schedulerName) !== schedulerName) return undefined;
  if ((spec.schedulingGates ?? []).length > 0) return "gated";
  const condition = status?.conditions?.find(({ type }) => type === "PodScheduled");
  if (condition?.status !== "False") return "active";
  if (condition.reason === "SchedulerError") return "backoff";
  return condition.reason === "SchedulingGated" ? "active" : "unschedulable";
}

/** Higher priority first, then the pod that waits longer. */
export function before(a: Pod, b: Pod): number {
  const priority = (b.spec.priority ?? 0) - (a.spec.priority ?? 0);
  if (priority !== 0) return priority;
  const [left, right] = [keyOf(a), keyOf(b)];
  return left < right ? -1 : left > right ? 1 : 0;
}

function keyOf({ metadata }: Pod): string {
  return `${metadata.creationTimestamp} ${metadata.namespace}/${metadata.name}`;
}

/** Has a change of a waiting pod itself any part in where it can go? */
export function isRequeued(previous: Pod | undefined, next: Pod): boolean {
  if (tierOf(next) === undefined) return false;
  return (
    previous === undefined ||
    tierOf(previous) === undefined ||
    !jsonEqual(previous.spec, next.spec) ||
    !jsonEqual(previous.metadata.labels, next.metadata.labels)
  );
}

/** Does the end of a pod give a node room? */
export function freesRoom(previous: Pod | undefined, next: Pod | undefined): boolean {
  if (previous === undefined || !occupies(previous)) return false;
  return next === undefined || !occupies(next) || !jsonEqual(requests(previous), requests(next));
}

/** Can a node take pods after this change that it could not take before? */
export function mayTakeMore(previous: Node | undefined, next: Node | undefined): boolean {
  if (next === undefined) return false;
  return (
    previous === undefined ||
    !jsonEqual(previous.spec, next.spec) ||
    !jsonEqual(previous.metadata.labels, next.metadata.labels) ||
    !jsonEqual(previous.status?.allocatable, next.status?.allocatable)
  );
}

export function objectOf<O extends Pod | Node>(row: RowRef | undefined): O | undefined {
  return row?.object<O>();
}

function occupies(pod: Pod): boolean {
  return (pod.spec.nodeName ?? "") !== "" && pod.status?.phase !== "Succeeded" && pod.status?.phase !== "Failed";
}

function requests(pod: Pod): unknown {
  return [pod.spec.resources, pod.spec.containers.map(({ resources }) => resources)];
}
