import type { ContainerStatus, Pod } from "../../kinds/generated/types.ts";
import { mayRestart } from "./actions.ts";
import { isSidecar } from "./model.ts";

export type PodPhase = "Pending" | "Running" | "Succeeded" | "Failed";

/**
 * A pod's phase from its containers' statuses; the first rule that fits wins. `ended`: nothing will
 * be restarted any more, whatever the policy says. Sidecars keep a pod Running but their exit codes
 * never count.
 */
export function podPhase(pod: Pod, statuses: readonly ContainerStatus[], ended: boolean): PodPhase {
  const init = countInit(pod, statuses);
  if (init.failed) return "Failed";
  const sum = countRegular(pod, statuses);
  const initialized = pod.spec.containers.some(({ name }) => {
    const status = statuses.find((candidate) => candidate.name === name);
    return hasRun(status);
  });
  const sidecars = countSidecars(pod, statuses);
  if (init.pending > 0 || (sidecars.pending > 0 && !initialized)) return "Pending";
  if (sum.waiting + sidecars.waiting > 0) return "Pending";
  const unknown = sum.unknown + sidecars.unknown;
  if (unknown > 0) return "Pending";
  if (sum.running + sidecars.running > 0) return "Running";
  if (sum.stopped === 0) return "Pending";
  if (!ended && sum.stopped !== sum.final) return "Running";
  return sum.stopped === sum.succeeded ? "Succeeded" : "Failed";
}

export function hasRun(status: ContainerStatus | undefined): boolean {
  return (
    status?.state?.running !== undefined ||
    status?.state?.terminated !== undefined ||
    status?.lastState?.terminated !== undefined
  );
}

function countInit(pod: Pod, statuses: readonly ContainerStatus[]): { pending: number; failed: boolean } {
  let pending = 0;
  let failed = false;
  for (const container of pod.spec.initContainers ?? []) {
    if (isSidecar(container)) continue;
    const status = statuses.find(({ name }) => name === container.name);
    const end =
      status?.state?.terminated ?? (status?.state?.waiting === undefined ? undefined : status.lastState?.terminated);
    if (end === undefined) pending += 1;
    else if (end.exitCode !== 0 && !mayRestart(pod, container, "init", end.exitCode)) failed = true;
  }
  return { pending, failed };
}

function countSidecars(
  pod: Pod,
  statuses: readonly ContainerStatus[],
): { pending: number; running: number; waiting: number; unknown: number } {
  const sum = { pending: 0, running: 0, waiting: 0, unknown: 0 };
  for (const container of pod.spec.initContainers ?? []) {
    if (!isSidecar(container)) continue;
    const status = statuses.find(({ name }) => name === container.name);
    if (status?.state?.running !== undefined) {
      sum.running += 1;
      if (status.started !== true) sum.pending += 1;
    } else if (status?.state?.terminated === undefined) {
      if (status?.state?.waiting === undefined) sum.unknown += 1;
      else if (status.lastState?.terminated === undefined) {
        sum.pending += 1;
        sum.waiting += 1;
      }
    }
  }
  return sum;
}

function countRegular(
  pod: Pod,
  statuses: readonly ContainerStatus[],
): {
  running: number;
  waiting: number;
  stopped: number;
  final: number;
  succeeded: number;
  unknown: number;
} {
  const sum = { running: 0, waiting: 0, stopped: 0, final: 0, succeeded: 0, unknown: 0 };
  for (const container of pod.spec.containers) {
    const status = statuses.find(({ name }) => name === container.name);
    const end = status?.state?.terminated;
    const last = status?.state?.waiting === undefined ? undefined : status.lastState?.terminated;
    if (status?.state?.running !== undefined) sum.running += 1;
    else if (end !== undefined || last !== undefined) {
      sum.stopped += 1;
      const exitCode = (end ?? last)?.exitCode ?? 0;
      if (!mayRestart(pod, container, "regular", exitCode)) sum.final += 1;
      if (end?.exitCode === 0) sum.succeeded += 1;
    } else if (status?.state?.waiting !== undefined) sum.waiting += 1;
    else sum.unknown += 1;
  }
  return sum;
}
