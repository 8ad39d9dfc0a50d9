/**
 * Drives pods off nodes with NoExecute taints: at once where a pod tolerates one of them not at all,
 * else when the shortest of its tolerations has run out. If the taint goes before, nothing happens.
 */
import type { Pod, Taint, Toleration } from "../../kinds/generated/types.ts";
import type { PodHot } from "../../kinds/pod.ts";
import { tolerates } from "../../kinds/tolerations.ts";
import type { RowRef, TimedView } from "../../store/view.ts";
import { jsonEqual } from "../../util/equal.ts";
import type { Millis } from "../../util/time.ts";
import { formatTime, parseTime } from "../../util/time-format.ts";
import { nothing, type Controller, type Plan } from "../runtime/controller.ts";
import { keyOf, rowOf } from "./common/keys.ts";
import { podCondition, withPodCondition } from "./common/pods.ts";
import { noteOn, remove, updateStatus } from "./common/writes.ts";

const source = "taint-eviction-controller";
const reason = "DeletionByTaintManager";

export const taintEviction: Controller = {
  name: "taint-eviction",
  source,
  about: "pods",
  watches: [
    {
      kind: "pods",
      keys: (view, previous, next) => {
        if (next === undefined || next.hot.deleting) return [];
        const node = (next.hot as PodHot).nodeName;
        const isNews = previous === undefined || previous.hot["nodeName"] !== node || !sameTolerations(previous, next);
        return isNews && node !== "" && evictingTaints(view.get("nodes", "", node)).length > 0 ? [keyOf(next)] : [];
      },
    },
    {
      kind: "nodes",
      keys: (view, previous, next) =>
        next === undefined || jsonEqual(evictingTaints(previous), evictingTaints(next))
          ? []
          : view.index("pods", "node", next.name).map(keyOf),
    },
  ],
  writes: ["pods"],
  plan,
};

function sameTolerations(previous: RowRef, next: RowRef): boolean {
  return jsonEqual(previous.object<Pod>().spec.tolerations, next.object<Pod>().spec.tolerations);
}

function evictingTaints(node: RowRef | undefined): readonly Taint[] {
  return ((node?.hot["taints"] ?? []) as readonly Taint[]).filter(({ effect }) => effect === "NoExecute");
}

function plan(view: TimedView, key: string): Plan {
  const row = rowOf(view, "pods", key);
  if (row === undefined || row.hot.deleting) return nothing;
  const pod = row.object<Pod>();
  const node = pod.spec.nodeName ?? "";
  const taints = node === "" ? [] : evictingTaints(view.get("nodes", "", node));
  const dueAt = evictionTime(taints, pod.spec.tolerations ?? []);
  if (dueAt === Infinity) return nothing;
  if (view.now < dueAt) return { writes: [], wakeAt: dueAt };
  if (podCondition(pod, "DisruptionTarget")?.reason === reason) return { writes: [remove(row)] };
  const condition = {
    type: "DisruptionTarget",
    status: "True",
    reason,
    message: "Taint manager: deleting due to NoExecute taint",
  };
  const conditions = withPodCondition(pod.status?.conditions, condition, formatTime(view.now));
  const message = `Marking for deletion Pod ${key}`;
  return {
    writes: [updateStatus(row, pod, { ...pod.status, conditions })],
    notes: [noteOn(row, source, { type: "Normal", reason: "TaintManagerEviction", message })],
    more: true,
  };
}

/** 0: at once. Infinity: every taint is tolerated for good. */
function evictionTime(taints: readonly Taint[], tolerations: readonly Toleration[]): Millis {
  const times = taints.map((taint) => {
    const matching = tolerations.filter((toleration) => tolerates([toleration], taint));
    if (matching.length === 0) return 0;
    const seconds = matching.map(({ tolerationSeconds }) => tolerationSeconds).filter((each) => each !== undefined);
    if (seconds.length === 0) return Infinity;
    const since = parseTime(taint.timeAdded);
    // Without a time nothing has begun yet; the node's controller adds one.
    return since === undefined ? Infinity : since + Math.max(0, Math.min(...seconds)) * 1000;
  });
  return Math.min(Infinity, ...times);
}
