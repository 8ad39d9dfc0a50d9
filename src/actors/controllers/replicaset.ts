/**
 * ReplicaSet: keeps as many active pods as the spec says.
 *
 * A plan adopts and releases first and goes on in its next turn, so that what follows sees final
 * ownership. Creations and the clearing of ReplicaFailure stand in one transaction: a refusal
 * drops both, and `refused` records the condition instead.
 */
import type { Pod, ReplicaSet, ReplicaSetStatus } from "../../kinds/generated/types.ts";
import type { RowRef, TimedView } from "../../store/view.ts";
import { nothing, type Controller, type Plan, type PlanWrite } from "../runtime/controller.ts";
import type { Note } from "../runtime/command.ts";
import type { Status } from "../../util/errors.ts";
import { jsonEqual } from "../../util/equal.ts";
import { isMoreThanStatus, rowOf, watchOwn, watchOwned } from "./common/keys.ts";
import { childName } from "./common/names.ts";
import { adopted, claims, controllerReference, released } from "./common/owners.ts";
import { availableFrom, isActive, isAssigned, isReady, isTerminal, isTerminating } from "./common/pods.ts";
import { containsAll } from "./common/selector.ts";
import { labelMatcher, matchesLabels, selects } from "../../util/selector.ts";
import type { Millis } from "../../util/time.ts";
import { formatTime } from "../../util/time-format.ts";
import { create, draftOf, noteOn, remove, update, updateStatus } from "./common/writes.ts";
import { burstReplicasMax, replicaSetPaceMs, unplacedPodsPerSecond } from "./limits.ts";
import { victims } from "./replicaset/victims.ts";

const source = "replicaset-controller";

export const replicaset: Controller = {
  name: "replicaset",
  source,
  about: "replicasets.apps",
  watches: [
    { ...watchOwn("replicasets.apps"), urgent: isMoreThanStatus },
    {
      ...watchOwned("pods", "replicasets.apps", (owner, orphan) =>
        selects(owner.object<ReplicaSet>().spec.selector, orphan.hot.labels),
      ),
      urgent: isCountedAnew,
    },
  ],
  writes: ["pods", "replicasets.apps"],
  paceMs: replicaSetPaceMs,
  plan,
  refused,
};

/** Whether a set may have to make or delete pods after this change of one, or to let it go. */
function isCountedAnew(previous: RowRef | undefined, next: RowRef | undefined): boolean {
  if (previous === undefined || next === undefined) return true;
  const [was, is] = [previous.hot, next.hot];
  return (
    was.deleting !== is.deleting ||
    was["terminal"] !== is["terminal"] ||
    was.controller !== is.controller ||
    !jsonEqual(was.labels, is.labels)
  );
}

function plan(view: TimedView, key: string): Plan {
  const row = rowOf(view, "replicasets.apps", key);
  if (row === undefined) return nothing;
  const set = row.object<ReplicaSet>();
  const claimed = claims(view, "pods", set, podMatch(set));
  const claiming = claimWrites(set, claimed.adopt, claimed.release);
  if (claiming.length > 0) return { writes: claiming, more: true };

  const pods = claimed.owned.map((pod) => pod.object<Pod>());
  const scaling =
    set.metadata.deletionTimestamp === undefined
      ? scale({ view, row, set, rows: claimed.owned, pods })
      : { ...nothing, notes: [] };
  const status = nextStatus(set, pods, view.now, scaling.more !== true);
  // Pods that this plan makes or deletes bring the next turn, which counts them; only the clearing
  // of a failure belongs into the transaction that proves it over.
  const isDue = scaling.writes.length === 0 || (hasFailed(set) && scaling.more !== true);
  const writes =
    !isDue || jsonEqual(status, set.status) ? scaling.writes : [...scaling.writes, updateStatus(row, set, status)];
  const wakeAt = Math.min(scaling.wakeAt ?? Infinity, nextAvailable(set, pods, view.now) ?? Infinity);
  return { ...scaling, writes, ...(wakeAt === Infinity ? {} : { wakeAt }) };
}

function podMatch(set: ReplicaSet): (pod: RowRef) => boolean {
  const matcher = labelMatcher(set.spec.selector);
  return (pod) => matcher !== undefined && matchesLabels(matcher, pod.hot.labels);
}

function claimWrites(set: ReplicaSet, adopt: readonly RowRef[], release: readonly RowRef[]): readonly PlanWrite[] {
  const adopting = adopt
    .filter((row) => isActive(row.object<Pod>()))
    .map((row) => update(row, draftOf(row.object(), {}, { ownerReferences: adopted(row.object(), set) })));
  const releasing = release.map((row) =>
    update(row, draftOf(row.object(), {}, { ownerReferences: released(row.object(), set.metadata.uid) })),
  );
  return [...adopting, ...releasing].slice(0, burstReplicasMax);
}

interface Scaling {
  readonly view: TimedView;
  readonly row: RowRef;
  readonly set: ReplicaSet;
  readonly rows: readonly RowRef[];
  readonly pods: readonly Pod[];
}

function scale({ view, row, set, rows, pods }: Scaling): Plan & { readonly notes: readonly Note[] } {
  const active = rows.filter((_, at) => isActive(pods[at]!));
  const missing = (set.spec.replicas ?? 1) - active.length;
  if (missing > 0) {
    const room = roomForPods(pods, view.now);
    // After a refusal one pod at a time is tried: what the quota still allows is created.
    const count = Math.min(missing, hasFailed(set) ? Math.min(room, 1) : room);
    const writes = newPods(view, set, count);
    const notes = writes.map((write) =>
      noteOn(row, source, {
        type: "Normal",
        reason: "SuccessfulCreate",
        message: `Created pod: ${write.op === "create" ? write.object.metadata.name : ""}`,
      }),
    );
    if (count === missing) return { writes, notes };
    return count === room ? { writes, notes, wakeAt: nextSecond(view.now) } : { writes, notes, more: true };
  }
  if (missing < 0) {
    const surplus = victims({ view, set, active, count: Math.min(-missing, burstReplicasMax) });
    const notes = surplus.map((pod) =>
      noteOn(row, source, {
        type: "Normal",
        reason: "SuccessfulDelete",
        message: `Deleted pod: ${pod.name}`,
      }),
    );
    const writes = surplus.map((pod) => remove(pod));
    return { writes, notes, ...(surplus.length < -missing ? { more: true } : {}) };
  }
  return { writes: [], notes: [] };
}

/**
 * How many pods the set may make now, so that no number of replicas takes the masters' time and memory
 * from the others. By creation times, which are whole seconds: nothing has to be remembered.
 */
function roomForPods(pods: readonly Pod[], now: Millis): number {
  const second = formatTime(now);
  const made = pods.filter(({ metadata }) => metadata.creationTimestamp === second).length;
  const unplaced = pods.filter((pod) => isActive(pod) && !isAssigned(pod)).length;
  return Math.max(0, (unplaced < burstReplicasMax ? burstReplicasMax : unplacedPodsPerSecond) - made);
}

function nextSecond(now: Millis): Millis {
  return (Math.floor(now / 1000) + 1) * 1000;
}

/** Names follow from the owner and the revision that the plan sees: pure, and never used twice. */
function newPods(view: TimedView, set: ReplicaSet, count: number): readonly PlanWrite[] {
  const { namespace = "", name, uid } = set.metadata;
  const { metadata: meta, ...template } = set.spec.template ?? {};
  const taken = new Set<string>();
  return Array.from({ length: count }, (_, at) => {
    const pod = childName(
      `${name}-`,
      `${uid}/${view.revision}/${at}`,
      (candidate) => taken.has(candidate) || view.get("pods", namespace, candidate) !== undefined,
    );
    taken.add(pod);
    return create("pods", {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: pod,
        generateName: `${name}-`,
        namespace,
        ...(meta?.labels === undefined ? {} : { labels: meta.labels }),
        ...(meta?.annotations === undefined ? {} : { annotations: meta.annotations }),
        ...(meta?.finalizers === undefined ? {} : { finalizers: meta.finalizers }),
        ownerReferences: [controllerReference(set)],
      },
      ...template,
    });
  });
}

function hasFailed(set: ReplicaSet): boolean {
  return (set.status?.conditions ?? []).some(({ type }) => type === "ReplicaFailure");
}

function nextStatus(set: ReplicaSet, pods: readonly Pod[], now: number, isClean: boolean): ReplicaSetStatus {
  const active = pods.filter(isActive);
  const templateLabels = set.spec.template?.metadata?.labels ?? {};
  const minReady = set.spec.minReadySeconds ?? 0;
  const isAvailable = (pod: Pod): boolean => (availableFrom(pod, minReady) ?? Infinity) <= now;
  const conditions = (set.status?.conditions ?? []).filter(({ type }) => !(isClean && type === "ReplicaFailure"));
  const count = (matches: (pod: Pod) => boolean): number => active.filter(matches).length;
  return {
    replicas: active.length,
    ...nonZero(
      "fullyLabeledReplicas",
      count((pod) => containsAll(pod.metadata.labels ?? {}, templateLabels)),
    ),
    ...nonZero("readyReplicas", count(isReady)),
    ...nonZero("availableReplicas", count(isAvailable)),
    terminatingReplicas: pods.filter((pod) => isTerminating(pod) && !isTerminal(pod)).length,
    ...(set.metadata.generation === undefined ? {} : { observedGeneration: set.metadata.generation }),
    ...(conditions.length > 0 ? { conditions } : {}),
  };
}

/** Counts of zero are left out, as Kubernetes leaves them out. */
function nonZero(member: string, count: number): Readonly<Record<string, number>> {
  return count > 0 ? { [member]: count } : {};
}

function nextAvailable(set: ReplicaSet, pods: readonly Pod[], now: number): number | undefined {
  const minReady = set.spec.minReadySeconds ?? 0;
  const future = pods
    .filter(isActive)
    .map((pod) => availableFrom(pod, minReady))
    .filter((at) => at !== undefined && at > now);
  return future.length === 0 ? undefined : Math.min(...(future as number[]));
}

/** A pod could not be created or deleted: the first message stands in the condition until a clean pass. */
function refused(view: TimedView, key: string, write: PlanWrite, status: Status): Plan {
  const row = rowOf(view, "replicasets.apps", key);
  const isEnding = (status.details?.causes ?? []).some((cause) => cause.reason === "NamespaceTerminating");
  if (row === undefined || write.kind !== "pods" || isEnding) return nothing;
  if (write.op === "update") return nothing;
  const set = row.object<ReplicaSet>();
  const reason = write.op === "create" ? "FailedCreate" : "FailedDelete";
  const message = status.message ?? status.reason ?? "refused";
  const verb = write.op === "create" ? "creating" : "deleting";
  const note = noteOn(row, source, {
    type: "Warning",
    reason,
    message: `Error ${verb}: ${message}`,
  });
  if (hasFailed(set)) return { writes: [], notes: [note] };
  const condition = {
    type: "ReplicaFailure",
    status: "True",
    lastTransitionTime: formatTime(view.now),
    reason,
    message,
  };
  const pods = claims(view, "pods", set, podMatch(set)).owned.map((pod) => pod.object<Pod>());
  const next = nextStatus(set, pods, view.now, false);
  const conditions = [...(next.conditions ?? []), condition];
  return { writes: [updateStatus(row, set, { ...next, conditions })], notes: [note] };
}
