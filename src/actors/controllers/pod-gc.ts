/**
 * Removes pods that nobody else will: those on nodes that are gone, those that end without ever
 * having had a node, those on nodes that are out of service, and the oldest of too many ended ones.
 *
 * Since when a node is missing stands in a condition of the pod, so that a restart forgets nothing.
 */
import type { Node, Pod, PodCondition } from "../../kinds/generated/types.ts";
import type { PodHot } from "../../kinds/pod.ts";
import type { RowRef, TimedView, View } from "../../store/view.ts";
import { formatTime, parseTime } from "../../util/time-format.ts";
import { nothing, type Controller, type Plan, type PlanWrite } from "../runtime/controller.ts";
import { keyOf, rowOf } from "./common/keys.ts";
import { isTerminal, podCondition, withPodCondition } from "./common/pods.ts";
import { remove, updateStatus } from "./common/writes.ts";
import { orphanQuarantineMs, planWritesMax, terminatedPodsMax } from "./limits.ts";

const terminatedKey = "terminated";
const nodeGone = "troupe.dev/NodeGone";
const outOfService = "node.kubernetes.io/out-of-service";

export const podGc: Controller = {
  name: "pod-gc",
  source: "pod-garbage-collector",
  about: "pods",
  watches: [
    {
      kind: "pods",
      keys: (view, previous, next) => {
        if (next === undefined) return [];
        const hasEnded = next.hot["terminal"] === true && previous?.hot["terminal"] !== true;
        const node = nodeOf(next);
        const isLost = node !== "" && view.get("nodes", "", node) === undefined;
        const isSuspect = isLost || next.hot.deleting;
        return [...(hasEnded ? [terminatedKey] : []), ...(isSuspect ? [keyOf(next)] : [])];
      },
    },
    {
      kind: "nodes",
      keys: (view, previous, next) => {
        const name = (next ?? previous)?.name ?? "";
        const isKnown = previous !== undefined && next !== undefined && sameTaints(previous, next);
        return isKnown ? [] : view.index("pods", "node", name).map(keyOf);
      },
    },
  ],
  writes: ["pods"],
  plan: (view, key) => (key === terminatedKey ? trim(view) : planPod(view, key)),
};

function nodeOf(row: RowRef): string {
  return (row.hot as PodHot).nodeName;
}

function sameTaints(previous: RowRef, next: RowRef): boolean {
  return isOutOfService(previous) === isOutOfService(next) && isReadyNode(previous) === isReadyNode(next);
}

function isOutOfService(row: RowRef): boolean {
  return (row.object<Node>().spec.taints ?? []).some(({ key }) => key === outOfService);
}

function isReadyNode(row: RowRef): boolean {
  return (row.object<Node>().status?.conditions ?? []).some(
    ({ type, status }) => type === "Ready" && status === "True",
  );
}

function planPod(view: TimedView, key: string): Plan {
  const row = rowOf(view, "pods", key);
  if (row === undefined) return nothing;
  const pod = row.object<Pod>();
  const name = pod.spec.nodeName ?? "";
  if (name === "") return row.hot.deleting ? end(view, row) : nothing;
  const node = view.get("nodes", "", name);
  if (node === undefined) return orphaned(view, row);
  if (row.hot.deleting && isOutOfService(node) && !isReadyNode(node)) return end(view, row);
  const marked = podCondition(pod, nodeGone);
  if (marked?.status !== "True") return nothing;
  const conditions = (pod.status?.conditions ?? []).filter((condition) => condition !== marked);
  return { writes: [updateStatus(row, pod, { ...pod.status, conditions })] };
}

/** The node is missing: it may come back for a while, then the pod goes. */
function orphaned(view: TimedView, row: RowRef): Plan {
  const pod = row.object<Pod>();
  const since = parseTime(podCondition(pod, nodeGone)?.lastTransitionTime);
  if (since === undefined) {
    const condition = { type: nodeGone, status: "True", reason: "NodeGone", message: "node no longer exists" };
    return { writes: [withCondition(view, row, condition, pod.status?.phase)], more: true };
  }
  const dueAt = since + orphanQuarantineMs;
  if (view.now < dueAt) return { writes: [], wakeAt: dueAt };
  return end(view, row, {
    type: "DisruptionTarget",
    status: "True",
    reason: "DeletionByPodGC",
    message: "PodGC: node no longer exists",
  });
}

/** A pod that has not ended is marked as failed first, so that its owner sees why it is gone. */
function end(view: TimedView, row: RowRef, condition?: Omit<PodCondition, "lastTransitionTime">): Plan {
  const pod = row.object<Pod>();
  if (!isTerminal(pod)) return { writes: [withCondition(view, row, condition, "Failed")], more: true };
  const isHeld = row.hot.deleting && pod.metadata.deletionGracePeriodSeconds === 0;
  return isHeld ? nothing : { writes: [remove(row, { gracePeriodSeconds: 0 })] };
}

function withCondition(
  view: TimedView,
  row: RowRef,
  condition: Omit<PodCondition, "lastTransitionTime"> | undefined,
  phase: string | undefined,
): PlanWrite {
  const pod = row.object<Pod>();
  const conditions =
    condition === undefined
      ? pod.status?.conditions
      : withPodCondition(pod.status?.conditions, condition, formatTime(view.now));
  const status = {
    ...pod.status,
    ...(phase === undefined ? {} : { phase }),
    ...(conditions === undefined ? {} : { conditions }),
  };
  return updateStatus(row, pod, status);
}

/** Deletes the oldest ended pods beyond the limit, evicted ones before others. */
function trim(view: View): Plan {
  const ended = ["Succeeded", "Failed"]
    .flatMap((phase) => view.index("pods", "phase", phase))
    .filter((row) => !row.hot.deleting);
  const surplus = ended.length - terminatedPodsMax;
  if (surplus <= 0) return nothing;
  const candidates = ended.map((row) => ({ row, pod: row.object<Pod>() }));
  const sorted = candidates.toSorted((a, b) => byEvictionAndAge(a.pod, b.pod));
  const writes = sorted
    .slice(0, Math.min(surplus, planWritesMax))
    .map(({ row }) => remove(row, { gracePeriodSeconds: 0 }));
  return { writes, ...(surplus > planWritesMax ? { more: true } : {}) };
}

function byEvictionAndAge(a: Pod, b: Pod): number {
  const evicted = Number(b.status?.reason === "Evicted") - Number(a.status?.reason === "Evicted");
  if (evicted !== 0) return evicted;
  const [left, right] = [a.metadata, b.metadata].map(
    ({ creationTimestamp, namespace, name }) => `${creationTimestamp} ${namespace}/${name}`,
  ) as [string, string];
  return left < right ? -1 : 1;
}
