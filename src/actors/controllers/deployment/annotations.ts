/**
 * What a Deployment writes on its ReplicaSets: the rollout number and its history, and the sizes
 * that proportional scaling starts from.
 */
import type { Deployment, ReplicaSet } from "../../../kinds/generated/types.ts";
import { revisionHistoryCharsMax } from "../limits.ts";

type Annotations = Readonly<Record<string, string>>;

export const rolloutAnnotation = "deployment.kubernetes.io/revision";
export const rollbackAnnotation = "deprecated.deployment.rollback.to";
const historyAnnotation = "deployment.kubernetes.io/revision-history";
const desiredAnnotation = "deployment.kubernetes.io/desired-replicas";
const maxAnnotation = "deployment.kubernetes.io/max-replicas";

/** Annotations that belong to one of the two kinds alone. */
const notCopied: ReadonlySet<string> = new Set([
  "kubectl.kubernetes.io/last-applied-configuration",
  rolloutAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  rollbackAnnotation,
]);

/** The number of a rollout; 0 where there is none or it is malformed. */
export function rolloutOf(annotations: Annotations | undefined): number {
  return count(annotations?.[rolloutAnnotation]) ?? 0;
}

export function desiredReplicas(annotations: Annotations): number | undefined {
  return count(annotations[desiredAnnotation]);
}

export function maxReplicas(annotations: Annotations): number | undefined {
  return count(annotations[maxAnnotation]);
}

export function withSizes(annotations: Annotations, desired: number, max: number): Annotations {
  return { ...annotations, [desiredAnnotation]: String(desired), [maxAnnotation]: String(max) };
}

/** The annotations of the newest ReplicaSet: its rollout number is raised, never lowered. */
export function ofNewest(deployment: Deployment, annotations: Annotations, rollout: number): Annotations {
  const result: Record<string, string> = { ...annotations };
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!notCopied.has(key)) result[key] = value;
  }
  const old = result[rolloutAnnotation];
  if (rolloutOf(result) < rollout) {
    result[rolloutAnnotation] = String(rollout);
    if (old !== undefined) result[historyAnnotation] = longer(result[historyAnnotation], old);
  }
  return result;
}

/** The Deployment's annotations after a rollback: those of the ReplicaSet, and its own special ones. */
export function rolledBack(deployment: Deployment, set: ReplicaSet): Annotations {
  const result: Record<string, string> = {};
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (notCopied.has(key) && key !== rollbackAnnotation) result[key] = value;
  }
  for (const [key, value] of Object.entries(set.metadata.annotations ?? {})) {
    if (!notCopied.has(key)) result[key] = value;
  }
  return result;
}

/** Appends a rollout number; the oldest are dropped when the list grows too long. */
function longer(history: string | undefined, rollout: string): string {
  const numbers = history === undefined || history === "" ? [] : history.split(",");
  numbers.push(rollout);
  while (numbers.length > 1 && numbers.join(",").length > revisionHistoryCharsMax) numbers.shift();
  return numbers.join(",");
}

function count(text: string | undefined): number | undefined {
  return text !== undefined && /^\d+$/.test(text) ? Number(text) : undefined;
}
