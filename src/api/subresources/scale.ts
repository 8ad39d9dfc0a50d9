import type { WriteReply } from "../../actors/runtime/command.ts";
import type { Draft, Kind, KubeObject } from "../../kinds/kind.ts";
import { scaleKind } from "../../kinds/subresources.ts";
import type { Json } from "../../util/json.ts";
import { ageColumn, ageOf, column, nameColumn } from "../../kinds/table.ts";
import { invariant } from "../../util/errors.ts";
import { isObject, valueAt } from "../json-values.ts";
import { notFound } from "../../kinds/status-errors.ts";
import { invalidOptions } from "../refusals.ts";
import { bodyOf, existing, settleName, settleNamespace, type Evaluation } from "../verbs/evaluation.ts";
import { patchedForm } from "../verbs/patch.ts";
import { draftOf, replace } from "../verbs/replace.ts";

/** PUT and PATCH on `/scale`: one number of the object, behind a form of its own. */
export function changeScale(evaluation: Evaluation): WriteReply {
  const { kind, request } = evaluation;
  const row = existing(evaluation, request.name);
  if (row === undefined) throw notFound(kind, request.name);
  const scale =
    request.verb === "patch"
      ? patchedForm(evaluation, scaleKind, scaleOf(kind, row.object()) as unknown as Json)
      : bodyOf(evaluation);
  settleNamespace(evaluation, scale);
  settleName(evaluation, scale);
  const replicas = Number(valueAt(scale, "spec.replicas") ?? 0);
  if (replicas < 0) {
    throw invalidOptions("Scale.autoscaling", request.name, [
      {
        reason: "FieldValueInvalid",
        field: "spec.replicas",
        message: `Invalid value: ${replicas}: must be greater than or equal to 0`,
      },
    ]);
  }
  const draft = draftOf(row);
  setAt(draft, scalePaths(kind).spec, replicas);
  draft.metadata.uid = scale.metadata.uid ?? "";
  draft.metadata.resourceVersion = scale.metadata.resourceVersion ?? "";
  const reply = replace(evaluation, { row, draft, rules: "main" });
  return reply.object === undefined ? reply : { ...reply, object: scaleOf(kind, reply.object) };
}

/** The Scale that `/scale` shows of an object. */
export function scaleOf(kind: Kind, object: KubeObject): KubeObject {
  const paths = scalePaths(kind);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.selector(object);
  const scale = {
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: {
      name,
      ...(namespace === undefined ? {} : { namespace }),
      uid,
      resourceVersion,
      creationTimestamp,
    },
    spec: { replicas: Number(valueAt(object, paths.spec) ?? 0) },
    status: {
      replicas: Number(valueAt(object, paths.status) ?? 0),
      ...(selector === "" ? {} : { selector }),
    },
  };
  return scale;
}

/** The kind as its `/scale` is shown in tables. */
export function scaleView(kind: Kind): Kind {
  return {
    ...kind,
    columns: [
      nameColumn,
      column("Desired", "Replicas that are wanted.", { type: "integer" }),
      column("Available", "Replicas that there are.", { type: "integer" }),
      ageColumn,
    ],
    row: (scale, now) => ({
      cells: [
        scale.metadata.name,
        Number(valueAt(scale, "spec.replicas") ?? 0),
        Number(valueAt(scale, "status.replicas") ?? 0),
        ageOf(scale, now),
      ],
    }),
  };
}

function scalePaths(kind: Kind): NonNullable<Kind["subresources"]["scale"]> {
  const { scale } = kind.subresources;
  invariant(scale !== undefined, `${kind.id} has a scale subresource`);
  return scale;
}

function setAt(draft: Draft, path: string, value: number): void {
  const steps = path.split(".");
  let target: Record<string, unknown> = draft;
  for (const step of steps.slice(0, -1)) {
    const inner = target[step];
    const next = isObject(inner) ? (inner as Record<string, unknown>) : {};
    target[step] = next;
    target = next;
  }
  target[steps.at(-1)!] = value;
}
