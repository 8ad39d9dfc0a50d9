/**
 * Deployment: rolls its pods from one template to the next through ReplicaSets, and keeps the old
 * ones as history. The rollout's arithmetic, the conditions and the annotations stand in
 * `deployment/`.
 *
 * Each turn does the first of these that is due: adopt and release; note a pause or resumption; a
 * rollback; scale while paused or after an edit of `replicas`; a step of the strategy. A turn
 * writes the Deployment at most once.
 */
import type { Deployment, DeploymentStatus, Pod, ReplicaSet } from "../../kinds/generated/types.ts";
import type { RowRef, TimedView } from "../../store/view.ts";
import type { Status } from "../../util/errors.ts";
import type { Note } from "../runtime/command.ts";
import { nothing, type Controller, type Plan, type PlanWrite } from "../runtime/controller.ts";
import { jsonEqual } from "../../util/equal.ts";
import { isMoreThanStatus, keyOf, rowOf, watchOwn, watchOwned } from "./common/keys.ts";
import { adopted, claims, controllerReference, released } from "./common/owners.ts";
import { isTerminal } from "./common/pods.ts";
import { isEmptySelector } from "./common/selector.ts";
import { selects } from "../../util/selector.ts";
import { create, draftOf, noteOn, update, updateStatus, updateSubresource } from "./common/writes.ts";
import { desiredReplicas, ofNewest, rolloutAnnotation, rolloutOf, withSizes } from "./deployment/annotations.ts";
import {
  countedStatus,
  deadlineAt,
  hasDeadline,
  isComplete,
  progressing,
  reasons,
  rolloutStatus,
  withCondition,
} from "./deployment/conditions.ts";
import { expiredHistory, rollback } from "./deployment/history.ts";
import { deploymentPaceMs, rolloutLagMs } from "./limits.ts";
import { boundsOf, isRolling, newestSize, proportional, shrinkOlds, type Bounds } from "./deployment/rollout.ts";
import {
  byAge,
  changedSets,
  hashLabel,
  healthOf,
  heldBy,
  newestAndOlds,
  rolloutSet,
  templateHash,
  sumOf,
  totalOf,
  type RolloutSet,
} from "./deployment/sets.ts";

const kind = "deployments.apps";
const setKind = "replicasets.apps";
const source = "deployment-controller";

export const deployment: Controller = {
  name: "deployment",
  source,
  about: "deployments.apps",
  watches: [
    { ...watchOwn(kind), urgent: isMoreThanStatus },
    watchOwned(setKind, kind, (owner, orphan) => selects(owner.object<Deployment>().spec.selector, orphan.hot.labels)),
    { kind: "pods", keys: (view, previous, next) => deploymentsOfGonePod(view, previous, next) },
  ],
  writes: [kind, setKind],
  paceMs: deploymentPaceMs,
  plan,
  refused,
};

/** Recreate waits for the end of the last old pod, which no ReplicaSet's row shows. */
function deploymentsOfGonePod(
  view: TimedView,
  previous: RowRef | undefined,
  next: RowRef | undefined,
): readonly string[] {
  const owner = previous?.hot.controller;
  if (previous === undefined || owner === undefined) return [];
  if (next !== undefined && !isTerminal(next.object<Pod>())) return [];
  const inNamespace = { namespace: previous.namespace };
  const set = view.list(setKind, inNamespace).find((row) => row.hot.uid === owner);
  const found = view.list(kind, inNamespace).find((row) => row.hot.uid === set?.hot.controller);
  return found === undefined ? [] : [keyOf(found)];
}

/** What the steps of one turn share. Sets are changed in place and written at its end. */
interface Turn {
  readonly view: TimedView;
  readonly row: RowRef;
  readonly object: Deployment;
  readonly bounds: Bounds;
  readonly newest: RolloutSet | undefined;
  readonly olds: readonly RolloutSet[];
  readonly notes: Note[];
}

function plan(view: TimedView, key: string): Plan {
  const row = rowOf(view, kind, key);
  if (row === undefined) return nothing;
  const object = row.object<Deployment>();
  if (isEmptySelector(object.spec.selector)) return selectsAll(row, object);
  const claimed = claims(view, setKind, object, (set) => selects(object.spec.selector, set.hot.labels));
  const claiming = claimWrites(object, claimed.adopt, claimed.release);
  if (claiming.length > 0) return { writes: claiming, more: true };

  const sets = claimed.owned.map((set) => rolloutSet(view, set));
  const [newest, olds] = newestAndOlds(object, sets);
  const turn = { view, row, object, bounds: boundsOf(object), newest, olds, notes: [] };
  if (object.metadata.deletionTimestamp !== undefined) return finish(turn, countedStatus(turnInput(turn)));
  const paused = pauseCondition(turn);
  if (paused !== undefined) return paused;
  const isPaused = object.spec.paused === true;
  const numbered = newest === undefined ? undefined : number(turn, newest);
  if (numbered !== undefined) return numbered;
  if (!isPaused) {
    const rolledBack = rollback({ row, deployment: object, sets, source });
    if (rolledBack !== undefined) return rolledBack;
  }
  if (isPaused || isScalingEvent(turn)) {
    rescale(turn);
    const history = isPaused ? expiredHistory(object, olds) : [];
    return finish(turn, countedStatus(turnInput(turn)), history);
  }
  return isRolling(object) ? roll(turn) : recreate(turn);
}

function turnInput(turn: Turn): Parameters<typeof countedStatus>[0] {
  const { object, newest, olds, view } = turn;
  return { deployment: object, newest, olds, now: view.now };
}

/** Ends a turn: the changed sets, the status if it differs, and when to look at the deadline. */
function finish(turn: Turn, status: DeploymentStatus, more: readonly PlanWrite[] = []): Plan {
  const { row, object, newest, olds, notes, view } = turn;
  const sets = newest === undefined ? olds : [...olds, newest];
  const gone = new Set(more.map((write) => (write.op === "delete" ? write.uid : "")));
  const kept = sets.filter((set) => !gone.has(set.row.hot.uid));
  const writes = [...changedSets(kept), ...more];
  if (!jsonEqual(status, object.status)) writes.push(updateStatus(row, object, status));
  const deadline = object.spec.paused === true ? undefined : deadlineAt(object, progressing(status.conditions));
  const isDue = deadline !== undefined && deadline >= view.now;
  return { writes, notes, ...(isDue ? { wakeAt: deadline + 1 } : {}) };
}

function selectsAll(row: RowRef, object: Deployment): Plan {
  const { generation = 0 } = object.metadata;
  if ((object.status?.observedGeneration ?? 0) >= generation) return nothing;
  const note = noteOn(row, source, {
    type: "Warning",
    reason: "SelectingAll",
    message: "This deployment is selecting all pods. A non-empty selector is required.",
  });
  const status = { ...object.status, observedGeneration: generation };
  return { writes: [updateStatus(row, object, status)], notes: [note] };
}

function claimWrites(object: Deployment, adopt: readonly RowRef[], release: readonly RowRef[]): readonly PlanWrite[] {
  const references = (row: RowRef, isAdopted: boolean) => ({
    ownerReferences: isAdopted ? adopted(row.object(), object) : released(row.object(), object.metadata.uid),
  });
  return [
    ...adopt.map((row) => update(row, draftOf(row.object(), {}, references(row, true)))),
    ...release.map((row) => update(row, draftOf(row.object(), {}, references(row, false)))),
  ];
}

/** The Progressing condition says since when a rollout is paused, so that no deadline runs. */
function pauseCondition(turn: Turn): Plan | undefined {
  const { object, row, view } = turn;
  const current = progressing(object.status?.conditions);
  if (!hasDeadline(object) || current?.reason === reasons.timedOut) return undefined;
  const isPaused = object.spec.paused === true;
  if (isPaused === (current?.reason === reasons.paused)) return undefined;
  const conditions = withCondition(
    object.status?.conditions ?? [],
    {
      type: "Progressing",
      status: "Unknown",
      reason: isPaused ? reasons.paused : reasons.resumed,
      message: isPaused ? "Deployment is paused" : "Deployment is resumed",
    },
    view.now,
  );
  return { writes: [updateStatus(row, object, { ...object.status, conditions })], more: true };
}

/** Gives the newest set its rollout number and the Deployment the same one. */
function number(turn: Turn, newest: RolloutSet): Plan | undefined {
  const { object, row, olds } = turn;
  const rollout = 1 + Math.max(0, ...olds.map((old) => rolloutOf(old.annotations)));
  newest.annotations = ofNewest(object, newest.annotations, rollout);
  newest.minReadySeconds = object.spec.minReadySeconds ?? 0;
  const writes = [...changedSets([newest])];
  const reached = newest.annotations[rolloutAnnotation];
  const annotations = object.metadata.annotations ?? {};
  if (reached !== undefined && annotations[rolloutAnnotation] !== reached) {
    const next = { ...annotations, [rolloutAnnotation]: reached };
    // Through the status: as a write of the object it would count as a new generation.
    writes.push(updateSubresource(row, "status", draftOf(object, {}, { annotations: next })));
  }
  return writes.length === 0 ? undefined : { writes, more: true };
}

function isScalingEvent({ bounds, newest, olds }: Turn): boolean {
  return activeOf(newest, olds).some((set) => {
    const desired = desiredReplicas(set.annotations);
    return desired !== undefined && desired !== bounds.replicas;
  });
}

function activeOf(newest: RolloutSet | undefined, olds: readonly RolloutSet[]): RolloutSet[] {
  const all = newest === undefined ? [...olds] : [...olds, newest];
  return all.filter((set) => set.replicas > 0);
}

/** Follows an edit of `replicas` without moving the rollout. */
function rescale(turn: Turn): void {
  const { object, bounds, newest, olds } = turn;
  const active = activeOf(newest, olds);
  if (active.length <= 1) {
    const only = active[0] ?? newest ?? olds.toSorted(byAge).at(-1);
    if (only !== undefined) resize(turn, only, bounds.replicas);
    return;
  }
  if (newest !== undefined && isSaturated(newest, bounds)) {
    for (const old of olds) if (old.replicas > 0) resize(turn, old, 0);
    return;
  }
  if (!isRolling(object)) return;
  for (const [set, replicas] of proportional(bounds, object.status?.replicas ?? 0, active)) {
    resize(turn, set, replicas);
  }
}

function isSaturated(newest: RolloutSet, { replicas }: Bounds): boolean {
  return (
    desiredReplicas(newest.annotations) === replicas &&
    newest.replicas === replicas &&
    (newest.set.status?.availableReplicas ?? 0) === replicas
  );
}

/** Sets a target, notes it, and records the sizes that later scaling starts from. */
function resize(turn: Turn, set: RolloutSet, replicas: number): void {
  const { bounds, row, notes } = turn;
  set.annotations = withSizes(set.annotations, bounds.replicas, bounds.replicas + bounds.surge);
  if (set.replicas === replicas) return;
  notes.push(scalingNote(row, set.name, set.replicas, replicas));
  set.replicas = replicas;
}

function scalingNote(row: RowRef, name: string, from: number, to: number): Note {
  return noteOn(row, source, {
    type: "Normal",
    reason: "ScalingReplicaSet",
    message: `Scaled ${to > from ? "up" : "down"} replica set ${name} from ${from} to ${to}`,
  });
}

function roll(turn: Turn): Plan {
  const { object, bounds, newest, olds } = turn;
  if (newest === undefined) return createNewest(turn);
  const wanted =
    newest.replicas > bounds.replicas
      ? bounds.replicas
      : newestSize(object, bounds, newest.replicas, sumOf([...olds, newest], heldBy));
  if (wanted !== newest.replicas) {
    resize(turn, newest, wanted);
    return finish(turn, statusOf(turn));
  }
  if (totalOf(olds) === 0) return finish(turn, statusOf(turn), historyIfComplete(turn));
  const health = new Map([...olds, newest].map((set) => [set, healthOf(set, turn.view.now)]));
  const shrunk = shrinkOlds(bounds, newest, olds, (set) => health.get(set)!);
  for (const [set, replicas] of shrunk) resize(turn, set, replicas);
  const plan = finish(turn, statusOf(turn), shrunk.length === 0 ? historyIfComplete(turn) : []);
  if (![...health.values()].some(({ lags }) => lags)) return plan;
  // A pod that is soon again what its set's status says of it leads to no write that would call this plan.
  const again = turn.view.now + rolloutLagMs;
  return { ...plan, wakeAt: Math.min(plan.wakeAt ?? again, again) };
}

/** All old pods end before the first new one starts. */
function recreate(turn: Turn): Plan {
  const { bounds, newest, olds, view } = turn;
  const active = olds.filter((old) => old.replicas > 0);
  for (const old of active) resize(turn, old, 0);
  const hasOldPods = olds.some(
    (old) =>
      (old.set.status?.replicas ?? 0) > 0 ||
      view.index("pods", "owner", old.row.hot.uid).some((pod) => !isTerminal(pod.object<Pod>())),
  );
  if (active.length > 0 || hasOldPods) return finish(turn, statusOf(turn));
  if (newest === undefined) return createNewest(turn);
  if (newest.replicas !== bounds.replicas) resize(turn, newest, bounds.replicas);
  return finish(turn, statusOf(turn), historyIfComplete(turn));
}

function historyIfComplete({ object, olds }: Turn): readonly PlanWrite[] {
  return isComplete(object, object.status) ? expiredHistory(object, olds) : [];
}

/** The rollout's status; a Deployment that finds its set before it ever judged says so first. */
function statusOf(turn: Turn): DeploymentStatus {
  const { object, newest, view } = turn;
  const stored = object.status?.conditions ?? [];
  const isUnjudged = hasDeadline(object) && progressing(stored) === undefined;
  const conditions =
    newest !== undefined && isUnjudged
      ? withCondition(
          stored,
          {
            type: "Progressing",
            status: "True",
            reason: reasons.found,
            message: `Found new replica set "${newest.name}"`,
          },
          view.now,
        )
      : stored;
  return rolloutStatus({ ...turnInput(turn), conditions });
}

/** A ReplicaSet for the present template. A name that is taken raises the collision count. */
function createNewest(turn: Turn): Plan {
  const { view, row, object, bounds, olds, notes } = turn;
  const { namespace = "" } = object.metadata;
  const collisions = object.status?.collisionCount ?? 0;
  const hash = templateHash(object, collisions);
  const name = `${object.metadata.name}-${hash}`;
  if (view.get(setKind, namespace, name) !== undefined) {
    const status = { ...object.status, collisionCount: collisions + 1 };
    return { writes: [updateStatus(row, object, status)], more: true };
  }
  const replicas = newestSize(object, bounds, 0, sumOf(olds, heldBy));
  const rollout = 1 + Math.max(0, ...olds.map((old) => rolloutOf(old.annotations)));
  if (replicas > 0) notes.push(scalingNote(row, name, 0, replicas));
  const status = countedStatus(turnInput(turn));
  const conditions = hasDeadline(object)
    ? withCondition(
        status.conditions ?? [],
        {
          type: "Progressing",
          status: "True",
          reason: reasons.created,
          message: `Created new replica set "${name}"`,
        },
        view.now,
      )
    : (status.conditions ?? []);
  const sizes = withSizes({}, bounds.replicas, bounds.replicas + bounds.surge);
  const set = setDraft(object, name, hash);
  set.metadata.annotations = ofNewest(object, sizes, rollout);
  set["spec"] = { ...(set["spec"] as ReplicaSet["spec"]), replicas };
  const finished = finish(turn, { ...status, conditions });
  return { ...finished, writes: [create(setKind, set), ...finished.writes], more: true };
}

function setDraft(object: Deployment, name: string, hash: string): ReturnType<typeof draftOf> {
  const { selector, template, minReadySeconds } = object.spec;
  const labels = { ...template.metadata?.labels, [hashLabel]: hash };
  return {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: {
      name,
      namespace: object.metadata.namespace ?? "",
      labels,
      ownerReferences: [controllerReference(object)],
    },
    spec: {
      ...(minReadySeconds === undefined ? {} : { minReadySeconds }),
      selector: {
        ...selector,
        matchLabels: { ...selector.matchLabels, [hashLabel]: hash },
      },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** The API refused a new ReplicaSet: the rollout does not progress, and says why. */
function refused(view: TimedView, key: string, write: PlanWrite, status: Status): Plan {
  const row = rowOf(view, kind, key);
  const isEnding = (status.details?.causes ?? []).some((cause) => cause.reason === "NamespaceTerminating");
  if (row === undefined || write.op !== "create" || isEnding) return nothing;
  const object = row.object<Deployment>();
  const message = `Failed to create new replica set "${write.object.metadata.name}": ${status.message ?? ""}`;
  const note = noteOn(row, source, { type: "Warning", reason: reasons.createError, message });
  const conditions = withCondition(
    object.status?.conditions ?? [],
    { type: "Progressing", status: "False", reason: reasons.createError, message },
    view.now,
  );
  if (!hasDeadline(object) || jsonEqual(conditions, object.status?.conditions ?? [])) {
    return { writes: [], notes: [note] };
  }
  return { writes: [updateStatus(row, object, { ...object.status, conditions })], notes: [note] };
}
