/**
 * The arithmetic of a rollout: how many pods more or fewer each ReplicaSet gets in one pass.
 *
 * Invariants: the sum of targets never exceeds replicas + surge because of a pass, and what a pass
 * takes away leaves at least replicas - maxUnavailable available pods, by the counts that it sees.
 */
import type { Deployment } from "../../../kinds/generated/types.ts";
import { scaled } from "../common/int-or-percent.ts";
import { maxReplicas } from "./annotations.ts";
import { byAge, sumOf, totalOf, type Health, type RolloutSet } from "./sets.ts";

/** A target for a set. */
export type Resize = readonly [set: RolloutSet, replicas: number];

export interface Bounds {
  readonly replicas: number;
  /** Pods above `replicas` that may exist during the rollout. */
  readonly surge: number;
  /** Pods below `replicas` that may be missing during the rollout. */
  readonly unavailable: number;
}

export function isRolling(deployment: Deployment): boolean {
  return deployment.spec.strategy?.type !== "Recreate";
}

export function boundsOf(deployment: Deployment): Bounds {
  const replicas = deployment.spec.replicas ?? 1;
  if (!isRolling(deployment)) return { replicas, surge: 0, unavailable: 0 };
  const { maxSurge = "25%", maxUnavailable = "25%" } = deployment.spec.strategy?.rollingUpdate ?? {};
  const surge = scaled(maxSurge, replicas, "ceil");
  const wanted = scaled(maxUnavailable, replicas, "floor");
  // With both at zero no step would be possible.
  const unavailable = surge === 0 && wanted === 0 ? 1 : wanted;
  return { replicas, surge, unavailable: Math.min(unavailable, replicas) };
}

/** Size of the newest set after this pass, given the pods of all sets together. */
export function newestSize(deployment: Deployment, bounds: Bounds, current: number, total: number): number {
  if (!isRolling(deployment)) return bounds.replicas;
  const room = bounds.replicas + bounds.surge - total;
  if (room <= 0) return current;
  return current + Math.max(0, Math.min(room, bounds.replicas - current));
}

/** What the old sets lose in this pass: sick pods first, then as many as availability allows. */
export function shrinkOlds(
  bounds: Bounds,
  newest: RolloutSet,
  olds: readonly RolloutSet[],
  health: (set: RolloutSet) => Health,
): readonly Resize[] {
  const all = [...olds, newest];
  const availableMin = bounds.replicas - bounds.unavailable;
  const missing = newest.replicas - health(newest).available;
  const budget = totalOf(all) - availableMin - missing;
  if (budget <= 0) return [];

  const sick = new Map<RolloutSet, number>();
  let left = budget;
  for (const set of olds.toSorted(byAge)) {
    const gone = Math.min(left, health(set).sick);
    sick.set(set, gone);
    left -= gone;
  }
  let surplus = Math.min(left, sumOf(all, (set) => health(set).available) - availableMin);
  const resizes: Resize[] = [];
  for (const set of olds.toSorted(byAge)) {
    const remaining = set.replicas - (sick.get(set) ?? 0);
    const gone = Math.max(0, Math.min(remaining, surplus));
    surplus -= gone;
    if (remaining - gone !== set.replicas) resizes.push([set, remaining - gone]);
  }
  return resizes;
}

/** Spreads a change of `replicas` in the middle of a rollout over the active sets by their size. */
export function proportional(bounds: Bounds, statusReplicas: number, active: readonly RolloutSet[]): readonly Resize[] {
  const allowed = bounds.replicas > 0 ? bounds.replicas + bounds.surge : 0;
  const delta = allowed - totalOf(active);
  const sorted = active.toSorted((a, b) => b.replicas - a.replicas || (delta > 0 ? byAge(b, a) : byAge(a, b)));
  let given = 0;
  const resizes = sorted.map((set): [RolloutSet, number] => {
    const share = delta === given ? 0 : shareOf(set, bounds, statusReplicas);
    const rest = delta - given;
    const part = delta > 0 ? Math.min(share, rest) : Math.max(share, rest);
    given += delta === 0 ? 0 : part;
    return [set, set.replicas + (delta === 0 ? 0 : part)];
  });
  const first = resizes[0];
  if (first !== undefined && delta !== 0) first[1] = Math.max(0, first[1] + delta - given);
  return resizes;
}

/** Growth of a set in proportion to the size that the Deployment had when the set was last scaled. */
function shareOf(set: RolloutSet, bounds: Bounds, statusReplicas: number): number {
  if (bounds.replicas === 0) return -set.replicas;
  const former = maxReplicas(set.annotations) || statusReplicas || bounds.replicas;
  return Math.round((set.replicas * (bounds.replicas + bounds.surge)) / former) - set.replicas;
}
