/**
 * Which pods a ReplicaSet deletes when it has too many: those whose loss hurts least. The first
 * difference in this order decides: not yet on a node; earlier phase; not ready; lower deletion
 * cost; more siblings on its node; ready for a shorter time; more restarts; newer.
 */
import type { Pod, ReplicaSet } from "../../../kinds/generated/types.ts";
import type { RowRef, TimedView } from "../../../store/view.ts";
import type { Millis } from "../../../util/time.ts";
import { controllerOf } from "../common/owners.ts";
import { isActive, isAssigned, isReady, readySince, restartsOf } from "../common/pods.ts";
import { parseTime } from "../../../util/time-format.ts";

const costAnnotation = "controller.kubernetes.io/pod-deletion-cost";
const phaseOrder: Readonly<Record<string, number>> = { Pending: 0, Unknown: 1, Running: 2 };

interface Candidate {
  readonly row: RowRef;
  readonly pod: Pod;
  readonly siblings: number;
}

interface Choice {
  readonly view: TimedView;
  readonly set: ReplicaSet;
  readonly active: readonly RowRef[];
  readonly count: number;
}

export function victims({ view, set, active, count }: Choice): readonly RowRef[] {
  const perNode = siblingsPerNode(view, set);
  const candidates = active.map((row) => {
    const pod = row.object<Pod>();
    return { row, pod, siblings: perNode.get(pod.spec.nodeName ?? "") ?? 0 };
  });
  return candidates
    .toSorted((a, b) => compare(a, b, view.now))
    .slice(0, count)
    .map(({ row }) => row);
}

/** Active pods of all ReplicaSets of the same controller, counted by node. */
function siblingsPerNode(view: TimedView, set: ReplicaSet): ReadonlyMap<string, number> {
  const controller = controllerOf(set);
  const family =
    controller === undefined
      ? [set.metadata.uid]
      : view.index("replicasets.apps", "owner", controller.uid).map((row) => row.hot.uid);
  const counts = new Map<string, number>();
  for (const row of family.flatMap((uid) => view.index("pods", "owner", uid))) {
    const pod = row.object<Pod>();
    const node = pod.spec.nodeName ?? "";
    if (isActive(pod)) counts.set(node, (counts.get(node) ?? 0) + 1);
  }
  return counts;
}

function compare(a: Candidate, b: Candidate, now: Millis): number {
  return (
    Number(isAssigned(a.pod)) - Number(isAssigned(b.pod)) ||
    phaseOf(a.pod) - phaseOf(b.pod) ||
    Number(isReady(a.pod)) - Number(isReady(b.pod)) ||
    costOf(a.pod) - costOf(b.pod) ||
    b.siblings - a.siblings ||
    byAge(a.pod, b.pod, [readySince(a.pod), readySince(b.pod)], now) ||
    restartsOf(b.pod) - restartsOf(a.pod) ||
    byAge(a.pod, b.pod, [createdAt(a.pod), createdAt(b.pod)], now) ||
    (a.pod.metadata.uid < b.pod.metadata.uid ? -1 : 1)
  );
}

function phaseOf(pod: Pod): number {
  return phaseOrder[pod.status?.phase ?? "Pending"] ?? 0;
}

/** A malformed cost counts as 0. */
function costOf(pod: Pod): number {
  const text = pod.metadata.annotations?.[costAnnotation];
  return text !== undefined && /^(0|-?[1-9]\d*)$/.test(text) ? Number(text) : 0;
}

function createdAt(pod: Pod): Millis | undefined {
  return parseTime(pod.metadata.creationTimestamp);
}

/**
 * The younger first, but ages are compared by powers of two, so that among pods of about one age
 * the uid decides: otherwise every scale-down would hit the newest node.
 */
function byAge(a: Pod, b: Pod, [since, other]: readonly [Millis | undefined, Millis | undefined], now: Millis): number {
  if (since === undefined || other === undefined || since === other) return 0;
  const difference = magnitude(now - since) - magnitude(now - other);
  if (difference !== 0) return difference;
  return a.metadata.uid < b.metadata.uid ? -1 : 1;
}

function magnitude(ageMs: Millis): number {
  return ageMs > 0 ? Math.floor(Math.log2(ageMs * 1e6)) : -1;
}
