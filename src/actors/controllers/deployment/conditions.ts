/**
 * A Deployment's status: counts from its ReplicaSets, and the three conditions Available,
 * Progressing and ReplicaFailure. A condition is left as it is while its status and reason stay.
 */
import type { Deployment, DeploymentCondition, DeploymentStatus } from "../../../kinds/generated/types.ts";
import type { Millis } from "../../../util/time.ts";
import { formatTime, parseTime } from "../../../util/time-format.ts";
import { boundsOf } from "./rollout.ts";
import { sumOf, type RolloutSet } from "./sets.ts";

type Conditions = readonly DeploymentCondition[];
type ConditionText = Required<Pick<DeploymentCondition, "type" | "status" | "reason" | "message">>;

/** `progressDeadlineSeconds` of this value means: no deadline, no Progressing condition. */
const neverSeconds = 2_147_483_647;
const defaultDeadlineSeconds = 600;

export const reasons = {
  available: "NewReplicaSetAvailable",
  created: "NewReplicaSetCreated",
  found: "FoundNewReplicaSet",
  updated: "ReplicaSetUpdated",
  timedOut: "ProgressDeadlineExceeded",
  createError: "ReplicaSetCreateError",
  paused: "DeploymentPaused",
  resumed: "DeploymentResumed",
} as const;

export interface StatusInput {
  readonly deployment: Deployment;
  readonly newest: RolloutSet | undefined;
  readonly olds: readonly RolloutSet[];
  readonly now: Millis;
  /** Conditions to start from; those of the stored status if absent. */
  readonly conditions?: Conditions;
  readonly collisionCount?: number;
}

export function hasDeadline(deployment: Deployment): boolean {
  return (deployment.spec.progressDeadlineSeconds ?? defaultDeadlineSeconds) !== neverSeconds;
}

export function progressing(conditions: Conditions | undefined): DeploymentCondition | undefined {
  return conditions?.find(({ type }) => type === "Progressing");
}

/** `conditions` with one set, unless it stands there with the same status and reason. */
export function withCondition(conditions: Conditions, next: ConditionText, now: Millis): Conditions {
  const old = conditions.find(({ type }) => type === next.type);
  if (old !== undefined && old.status === next.status && old.reason === next.reason) {
    return conditions;
  }
  const time = formatTime(now);
  const lastTransitionTime = old !== undefined && old.status === next.status ? (old.lastTransitionTime ?? time) : time;
  return [
    ...conditions.filter(({ type }) => type !== next.type),
    { ...next, lastUpdateTime: time, lastTransitionTime },
  ];
}

/** Counts and availability, without a judgement on progress. */
export function countedStatus(input: StatusInput): DeploymentStatus {
  const { deployment, newest, olds, now } = input;
  const all = newest === undefined ? olds : [...olds, newest];
  const sum = (member: "replicas" | "readyReplicas" | "availableReplicas" | "terminatingReplicas") =>
    sumOf(all, ({ set }) => set.status?.[member] ?? 0);
  const replicas = sum("replicas");
  const availableReplicas = sum("availableReplicas");
  const bounds = boundsOf(deployment);
  const isAvailable = availableReplicas >= bounds.replicas - bounds.unavailable;
  const conditions = withCondition(
    input.conditions ?? deployment.status?.conditions ?? [],
    isAvailable
      ? {
          type: "Available",
          status: "True",
          reason: "MinimumReplicasAvailable",
          message: "Deployment has minimum availability.",
        }
      : {
          type: "Available",
          status: "False",
          reason: "MinimumReplicasUnavailable",
          message: "Deployment does not have minimum availability.",
        },
    now,
  );
  const collisionCount = input.collisionCount ?? deployment.status?.collisionCount;
  return {
    ...(deployment.metadata.generation === undefined ? {} : { observedGeneration: deployment.metadata.generation }),
    ...nonZero("replicas", replicas),
    ...nonZero("updatedReplicas", newest?.set.status?.replicas ?? 0),
    ...nonZero("readyReplicas", sum("readyReplicas")),
    ...nonZero("availableReplicas", availableReplicas),
    ...nonZero("unavailableReplicas", Math.max(0, replicas - availableReplicas)),
    terminatingReplicas: sum("terminatingReplicas"),
    ...(collisionCount === undefined ? {} : { collisionCount }),
    conditions,
  };
}

/** Counts plus what they say about the rollout: progressing, complete, or out of time. */
export function rolloutStatus(input: StatusInput): DeploymentStatus {
  const { deployment, newest, olds, now } = input;
  const status = countedStatus(input);
  let conditions = status.conditions ?? [];
  const current = progressing(conditions);
  if (!hasDeadline(deployment)) conditions = without(conditions, "Progressing");
  const wasComplete = (status.replicas ?? 0) === (status.updatedReplicas ?? 0) && current?.reason === reasons.available;
  if (hasDeadline(deployment) && !wasComplete) {
    const subject = newest === undefined ? `Deployment "${deployment.metadata.name}"` : `ReplicaSet "${newest.name}"`;
    const judged = judge(deployment, status, current, now);
    if (judged !== undefined) {
      const next = { type: "Progressing", ...judged, message: `${subject} ${judged.message}` };
      // Progress moves lastUpdateTime, which the deadline counts from, even under the same reason.
      const base = judged.reason === reasons.updated ? restarted(conditions, now) : conditions;
      conditions = withCondition(base, next, now);
    }
  }
  const failure = failureOf(newest, olds);
  conditions = failure === undefined ? without(conditions, "ReplicaFailure") : withCondition(conditions, failure, now);
  return { ...status, conditions };
}

function judge(
  deployment: Deployment,
  status: DeploymentStatus,
  current: DeploymentCondition | undefined,
  now: Millis,
): Omit<ConditionText, "type"> | undefined {
  if (isComplete(deployment, status)) {
    return { status: "True", reason: reasons.available, message: "has successfully progressed." };
  }
  if (hasProgressed(deployment.status, status)) {
    return { status: "True", reason: reasons.updated, message: "is progressing." };
  }
  const deadline = deadlineAt(deployment, current);
  if (deadline !== undefined && now > deadline) {
    return { status: "False", reason: reasons.timedOut, message: "has timed out progressing." };
  }
  return undefined;
}

/** When the rollout will be out of time; undefined if it is complete, late already or unjudged. */
export function deadlineAt(deployment: Deployment, current: DeploymentCondition | undefined): Millis | undefined {
  if (!hasDeadline(deployment) || current === undefined) return undefined;
  if (current.reason === reasons.available || current.reason === reasons.timedOut) return undefined;
  const since = parseTime(current.lastUpdateTime);
  if (since === undefined) return undefined;
  return since + (deployment.spec.progressDeadlineSeconds ?? defaultDeadlineSeconds) * 1000;
}

/** Every replica is of the newest template and available, and no old one is left. */
export function isComplete(deployment: Deployment, status: DeploymentStatus | undefined): boolean {
  const wanted = deployment.spec.replicas ?? 1;
  return (
    status !== undefined &&
    (status.updatedReplicas ?? 0) === wanted &&
    (status.replicas ?? 0) === wanted &&
    (status.availableReplicas ?? 0) === wanted &&
    (status.observedGeneration ?? 0) >= (deployment.metadata.generation ?? 0)
  );
}

function hasProgressed(old: DeploymentStatus | undefined, next: DeploymentStatus): boolean {
  const olds = (status: DeploymentStatus | undefined): number =>
    (status?.replicas ?? 0) - (status?.updatedReplicas ?? 0);
  return (
    (next.updatedReplicas ?? 0) > (old?.updatedReplicas ?? 0) ||
    olds(next) < olds(old) ||
    (next.readyReplicas ?? 0) > (old?.readyReplicas ?? 0) ||
    (next.availableReplicas ?? 0) > (old?.availableReplicas ?? 0)
  );
}

/** Progressing gets another reason, so that setting it anew takes; its transition time stays. */
function restarted(conditions: Conditions, now: Millis): Conditions {
  const lastUpdateTime = formatTime(now);
  return conditions.map((condition) =>
    condition.type === "Progressing" ? { ...condition, reason: "", lastUpdateTime } : condition,
  );
}

function without(conditions: Conditions, type: string): Conditions {
  return conditions.filter((condition) => condition.type !== type);
}

/** The newest set's failure, else the first of an old one. */
function failureOf(newest: RolloutSet | undefined, olds: readonly RolloutSet[]): ConditionText | undefined {
  const sets = newest === undefined ? olds : [newest, ...olds];
  const found = sets.flatMap(({ set }) => set.status?.conditions ?? []).find(({ type }) => type === "ReplicaFailure");
  if (found === undefined) return undefined;
  const { type, status, reason = "", message = "" } = found;
  return { type, status, reason, message };
}

function nonZero(member: string, count: number): Readonly<Record<string, number>> {
  return count > 0 ? { [member]: count } : {};
}
