/**
 * Node lifecycle: a node that was silent for too long is marked Unknown, its pods are marked not
 * ready, and its conditions become taints. Whether pods are driven away then is decided by zone, in
 * `node-lifecycle/zones.ts`.
 *
 * When a node was last heard is known to this leader alone; silence counts only from the moment
 * that it began to listen.
 */
import type { Node, NodeCondition, Pod } from "../../kinds/generated/types.ts";
import type { RowRef, TimedView } from "../../store/view.ts";
import { jsonEqual } from "../../util/equal.ts";
import type { Millis } from "../../util/time.ts";
import { formatTime, parseTime } from "../../util/time-format.ts";
import { nothing, type Controller, type Plan, type PlanWrite } from "../runtime/controller.ts";
import type { Note } from "../runtime/command.ts";
import { keysOf } from "./common/keys.ts";
import { isReady, withPodCondition } from "./common/pods.ts";
import { draftOf, noteOn, update, updateStatus } from "./common/writes.ts";
import { planWritesMax } from "./limits.ts";
import { nextTaints } from "./node-lifecycle/taints.ts";

const kind = "nodes";
const source = "node-controller";
/** Set on every node that was seen once. */
const ttlAnnotation = "node.alpha.kubernetes.io/ttl";

export interface NodeHealth {
  /** The last heartbeat that this leader heard, in its own time; undefined: none yet. */
  readonly lastHeard: (node: string) => { readonly atMs: Millis } | undefined;
  /** Since when this leader listens. */
  readonly listeningSinceMs: () => Millis;
  /** Silence after which a node is Unknown. */
  readonly graceMs: Millis;
}

export function createNodeLifecycle(health: NodeHealth): Controller {
  return {
    name: "node-lifecycle",
    source,
    about: "nodes",
    watches: [
      {
        kind,
        keys: (view, previous, next) => {
          // The state of a zone, and with it what its other nodes may expect, may have changed.
          const isSame = previous !== undefined && next !== undefined && previous.hot["ready"] === next.hot["ready"];
          const others = isSame ? [] : view.list(kind).filter((row) => row.hot["ready"] !== "True");
          return keysOf(next === undefined ? others : [next, ...others]);
        },
      },
    ],
    writes: [kind, "pods"],
    plan: (view, key) => plan(view, key, health),
  };
}

function plan(view: TimedView, key: string, health: NodeHealth): Plan {
  const row = view.get(kind, "", key);
  if (row === undefined || row.hot.deleting) return nothing;
  const node = row.object<Node>();
  if (node.metadata.annotations?.[ttlAnnotation] === undefined) return register(row, node);
  const silentAt = silenceEnds(node, health);
  if (view.now >= silentAt) {
    const silenced = silence(view, row, node);
    if (silenced !== undefined) return silenced;
  }
  const ready = node.status?.conditions?.find(({ type }) => type === "Ready");
  if (ready?.status !== "True") {
    const pods = podsNotReady(view, row);
    if (pods.writes.length > 0) return { ...pods, more: true };
  }
  const { taints, wakeAt } = nextTaints(view, row);
  const spec = { ...node.spec, taints: taints.length > 0 ? taints : undefined };
  const isSame = jsonEqual(taints, node.spec.taints ?? []);
  const wakes = [view.now < silentAt ? silentAt : undefined, wakeAt].filter((at) => at !== undefined);
  return {
    writes: isSame ? [] : [update(row, draftOf(node, { spec: defined(spec) }))],
    ...(wakes.length > 0 ? { wakeAt: Math.min(...wakes) } : {}),
  };
}

function defined(spec: Readonly<Record<string, unknown>>): unknown {
  return Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));
}

function register(row: RowRef, node: Node): Plan {
  const annotations = { ...node.metadata.annotations, [ttlAnnotation]: "0" };
  const message = `Node ${row.name} event: Registered Node ${row.name} in Controller`;
  return {
    writes: [update(row, draftOf(node, {}, { annotations }))],
    notes: [noteOn(row, source, { type: "Normal", reason: "RegisteredNode", message })],
    more: true,
  };
}

function silenceEnds(node: Node, health: NodeHealth): Millis {
  const created = parseTime(node.metadata.creationTimestamp) ?? 0;
  const heard = health.lastHeard(node.metadata.name)?.atMs ?? 0;
  return Math.max(heard, created, health.listeningSinceMs()) + health.graceMs;
}

const judged = ["Ready", "MemoryPressure", "DiskPressure", "PIDPressure"];

/** Everything that the node last said of itself is unknown now. */
function silence(view: TimedView, row: RowRef, node: Node): Plan | undefined {
  const now = formatTime(view.now);
  const old = node.status?.conditions ?? [];
  const wasReady = old.some(({ type, status }) => type === "Ready" && status === "True");
  const unknown = judged.map((type) => unknownCondition(type, old, now));
  const conditions = [...old.filter(({ type }) => !judged.includes(type)), ...unknown];
  const isSaid = judged.every((type) => old.find((each) => each.type === type)?.status === "Unknown");
  if (isSaid) return undefined;
  const message = `Node ${row.name} status is now: NodeNotReady`;
  const note = noteOn(row, source, { type: "Normal", reason: "NodeNotReady", message });
  return {
    writes: [updateStatus(row, node, { ...node.status, conditions })],
    notes: wasReady ? [note] : [],
    more: true,
  };
}

function unknownCondition(type: string, conditions: readonly NodeCondition[], now: string): NodeCondition {
  const old = conditions.find((each) => each.type === type);
  if (old?.status === "Unknown") return old;
  return {
    ...old,
    type,
    status: "Unknown",
    lastTransitionTime: now,
    ...(old === undefined
      ? { reason: "NodeStatusNeverUpdated", message: "Kubelet never posted node status." }
      : { reason: "NodeStatusUnknown", message: "Kubelet stopped posting node status." }),
  };
}

/** Pods of a node that is not ready take no traffic. */
function podsNotReady(view: TimedView, node: RowRef): Plan & { readonly writes: readonly PlanWrite[] } {
  const rows = view
    .index("pods", "node", node.name)
    .filter((row) => isReady(row.object<Pod>()))
    .slice(0, planWritesMax);
  const notes: Note[] = rows.map((row) =>
    noteOn(row, source, { type: "Warning", reason: "NodeNotReady", message: "Node is not ready" }),
  );
  const writes = rows.map((row) => {
    const pod = row.object<Pod>();
    const old = pod.status?.conditions?.find(({ type }) => type === "Ready");
    const condition = { ...old, type: "Ready", status: "False" };
    const conditions = withPodCondition(pod.status?.conditions, condition, formatTime(view.now));
    return updateStatus(row, pod, { ...pod.status, conditions });
  });
  return { writes, notes };
}
