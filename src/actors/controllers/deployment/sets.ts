/**
 * The ReplicaSets of a Deployment as a plan works on them: the stored object and the changes made
 * so far, written once at the end.
 */
import type { Deployment, Pod, PodTemplateSpec, ReplicaSet } from "../../../kinds/generated/types.ts";
import type { RowRef, View } from "../../../store/view.ts";
import type { PlanWrite } from "../../runtime/controller.ts";
import { canonical } from "../common/canonical.ts";
import { jsonEqual } from "../../../util/equal.ts";
import { safeHash } from "../common/names.ts";
import { availableFrom, isActive, isReady } from "../common/pods.ts";
import { draftOf, update } from "../common/writes.ts";
import type { Millis } from "../../../util/time.ts";

export const hashLabel = "pod-template-hash";
const hashLength = 10;

export interface RolloutSet {
  readonly row: RowRef;
  readonly set: ReplicaSet;
  readonly name: string;
  /** What spec.replicas shall be. */
  replicas: number;
  minReadySeconds: number;
  annotations: Readonly<Record<string, string>>;
  /** Its active pods as they are now, which the counts of its status follow. */
  pods(): readonly Pod[];
}

export function rolloutSet(view: View, row: RowRef): RolloutSet {
  const set = row.object<ReplicaSet>();
  return {
    row,
    set,
    name: set.metadata.name,
    replicas: set.spec.replicas ?? 1,
    minReadySeconds: set.spec.minReadySeconds ?? 0,
    annotations: set.metadata.annotations ?? {},
    pods: () =>
      view
        .index("pods", "owner", row.hot.uid)
        .map((pod) => pod.object<Pod>())
        .filter(isActive),
  };
}

/** What a set's pods and its status, which follows them, say together. */
export interface Health {
  /** Available by both: as many remain at least if the set is cut to its present target. */
  readonly available: number;
  /** Not ready by both: as many can go before one that is ready. */
  readonly sick: number;
  /** They differ: the set's own controller has yet to act. */
  readonly lags: boolean;
}

export function healthOf(set: RolloutSet, now: Millis): Health {
  const told = set.set.status?.availableReplicas ?? 0;
  const pods = set.pods();
  const found = pods.filter((pod) => (availableFrom(pod, set.minReadySeconds) ?? Infinity) <= now).length;
  const ready = pods.filter(isReady).length;
  return {
    available: Math.min(told, found, set.replicas),
    sick: Math.max(0, set.replicas - Math.max(told, ready)),
    lags: told !== found,
  };
}

export function sumOf(sets: readonly RolloutSet[], value: (set: RolloutSet) => number): number {
  return sets.reduce((sum, set) => sum + value(set), 0);
}

export function totalOf(sets: readonly RolloutSet[]): number {
  return sumOf(sets, (set) => set.replicas);
}

/**
 * Pods that exist or will: a set that was cut keeps its pods until its own controller has acted, and may
 * have made some that its status does not count yet.
 */
export function heldBy(set: RolloutSet): number {
  const { metadata, status } = set.set;
  const isSeen = (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);
  return Math.max(set.replicas, isSeen ? (status?.replicas ?? 0) : set.pods().length);
}

/** Oldest first; the name decides among those of one second. */
export function byAge(a: RolloutSet, b: RolloutSet): number {
  const [left, right] = [a.set.metadata.creationTimestamp, b.set.metadata.creationTimestamp];
  if (left !== right) return left < right ? -1 : 1;
  return a.name < b.name ? -1 : 1;
}

/**
 * The oldest set with the Deployment's template, and all others. A set that bears the name of that
 * template was made for it, even if the API has filled in defaults since: else a difference in
 * defaults would make one set after another.
 */
export function newestAndOlds(
  deployment: Deployment,
  sets: readonly RolloutSet[],
): readonly [newest: RolloutSet | undefined, olds: readonly RolloutSet[]] {
  const sorted = sets.toSorted(byAge);
  const name = `${deployment.metadata.name}-${templateHash(deployment, deployment.status?.collisionCount ?? 0)}`;
  const newest =
    sorted.find(({ set }) => sameTemplate(set.spec.template, deployment.spec.template)) ??
    sorted.find((set) => set.name === name);
  return [newest, sorted.filter((set) => set !== newest)];
}

/** Equal but for the label that tells templates apart. */
export function sameTemplate(a: PodTemplateSpec | undefined, b: PodTemplateSpec | undefined): boolean {
  return jsonEqual(withoutHash(a), withoutHash(b));
}

/** The template without the hash label, as a Deployment carries it. */
export function withoutHash(template: PodTemplateSpec | undefined): unknown {
  const labels = { ...template?.metadata?.labels };
  delete labels[hashLabel];
  // An empty map and none mean the same; so do a null timestamp and none.
  const meta = Object.entries({ ...template?.metadata, labels }).filter(
    ([, value]) => value !== null && !(typeof value === "object" && Object.keys(value).length === 0),
  );
  return { ...template, metadata: Object.fromEntries(meta) };
}

export function templateHash(deployment: Deployment, collisions: number): string {
  return safeHash(`${canonical(withoutHash(deployment.spec.template))}/${collisions}`, hashLength);
}

/** One update for each set that differs from what is stored. */
export function changedSets(sets: readonly RolloutSet[]): readonly PlanWrite[] {
  return sets
    .filter(
      ({ set, replicas, minReadySeconds, annotations }) =>
        replicas !== (set.spec.replicas ?? 1) ||
        minReadySeconds !== (set.spec.minReadySeconds ?? 0) ||
        !jsonEqual(annotations, set.metadata.annotations ?? {}),
    )
    .map(({ row, set, replicas, minReadySeconds, annotations }) =>
      update(
        row,
        draftOf(
          set,
          {
            spec: {
              ...set.spec,
              replicas,
              ...(minReadySeconds === (set.spec.minReadySeconds ?? 0) ? {} : { minReadySeconds }),
            },
          },
          { annotations },
        ),
      ),
    );
}
