/**
 * Old ReplicaSets as history: going back to one, and forgetting the oldest.
 */
import type { Deployment } from "../../../kinds/generated/types.ts";
import type { RowRef } from "../../../store/view.ts";
import type { Plan, PlanWrite } from "../../runtime/controller.ts";
import { draftOf, noteOn, remove, update } from "../common/writes.ts";
import { rollbackAnnotation, rolledBack, rolloutOf } from "./annotations.ts";
import { sameTemplate, withoutHash, type RolloutSet } from "./sets.ts";

/** `revisionHistoryLimit` of this value means: keep all. */
const unlimited = 2_147_483_647;
const defaultLimit = 10;

/** Sets beyond the limit, lowest rollout first, if nothing of them is left to look at. */
export function expiredHistory(deployment: Deployment, olds: readonly RolloutSet[]): readonly PlanWrite[] {
  const limit = deployment.spec.revisionHistoryLimit ?? defaultLimit;
  const kept = olds.filter(({ row }) => !row.hot.deleting);
  if (limit === unlimited || kept.length <= limit) return [];
  return kept
    .toSorted((a, b) => rolloutOf(a.annotations) - rolloutOf(b.annotations))
    .slice(0, kept.length - limit)
    .filter(
      ({ set, replicas }) =>
        replicas === 0 &&
        (set.status?.replicas ?? 0) === 0 &&
        (set.status?.observedGeneration ?? 0) >= (set.metadata.generation ?? 0),
    )
    .map(({ row }) => remove(row));
}

interface RollbackInput {
  readonly row: RowRef;
  readonly deployment: Deployment;
  readonly sets: readonly RolloutSet[];
  readonly source: string;
}

/** Answers the annotation that asks for a rollback, and removes it; undefined if there is none. */
export function rollback({ row, deployment, sets, source }: RollbackInput): Plan | undefined {
  const text = deployment.metadata.annotations?.[rollbackAnnotation];
  if (text === undefined || !/^\d+$/.test(text)) return undefined;
  const wanted = Number(text) === 0 ? lastRollout(sets) : Number(text);
  const target = sets.find((set) => wanted > 0 && rolloutOf(set.annotations) === wanted);
  const answer = (type: "Normal" | "Warning", reason: string, message: string): Plan => {
    const { [rollbackAnnotation]: _, ...annotations } = deployment.metadata.annotations ?? {};
    const draft =
      type === "Normal" && target !== undefined
        ? draftOf(
            deployment,
            { spec: { ...deployment.spec, template: withoutHash(target.set.spec.template) } },
            { annotations: rolledBack(deployment, target.set) },
          )
        : draftOf(deployment, {}, { annotations });
    return {
      writes: [update(row, draft)],
      notes: [noteOn(row, source, { type, reason, message })],
      more: true,
    };
  };
  const name = deployment.metadata.name;
  if (target === undefined) {
    const what = wanted === 0 ? "last revision" : "the revision to rollback to";
    return answer("Warning", "DeploymentRollbackRevisionNotFound", `Unable to find ${what}.`);
  }
  if (sameTemplate(target.set.spec.template, deployment.spec.template)) {
    const message = `The rollback revision contains the same template as current deployment "${name}"`;
    return answer("Warning", "DeploymentRollbackTemplateUnchanged", message);
  }
  const message = `Rolled back deployment "${name}" to revision ${wanted}`;
  return answer("Normal", "DeploymentRollback", message);
}

/** The second highest number: what stood before the present rollout; 0 if there is none. */
function lastRollout(sets: readonly RolloutSet[]): number {
  const numbers = sets.map((set) => rolloutOf(set.annotations)).toSorted((a, b) => b - a);
  return numbers[1] ?? 0;
}
