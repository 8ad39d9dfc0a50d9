import type { WriteReply } from "../../actors/runtime/command.ts";
import type { Draft, Kind, KubeObject } from "../../kinds/kind.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import { scaleKind } from "../../kinds/subresources.ts";
import type { Json } from "../../util/json.ts";
import { ageColumn, ageOf, column, nameColumn } from "../../kinds/table.ts";
import { invariant } from "../../util/errors.ts";
import { decodeForm } from "../form.ts";
import { isObject, valueAt } from "../json-values.ts";
import { notFound } from "../../kinds/status-errors.ts";
import { invalidOptions } from "../refusals.ts";
import { bodyOf, existing, settleName, settleNamespace, type Evaluation } from "../verbs/evaluation.ts";
import { applyBody, type ApplyPatch } from "../verbs/apply.ts";
import { patchedForm } from "../verbs/patch.ts";
import { draftOf, replace } from "../verbs/replace.ts";

/** PUT and PATCH on `/scale`: one number of the object, behind a form of its own. */
export function changeScale(evaluation: Evaluation): WriteReply {
  const { kind, request } = evaluation;
  const row = existing(evaluation, request.name);
  if (row === undefined) throw notFound(kind, request.name);
  if (request.patch?.type === "apply") return applyScale(evaluation, request.patch);
  const scale =
    request.verb === "patch"
      ? patchedForm(evaluation, scaleKind, scaleOf(kind, row.object()) as unknown as Json)
      : bodyOf(evaluation);
  settleNamespace(evaluation, scale);
  settleName(evaluation, scale);
  const replicas = checkedReplicas(request.name, Number(valueAt(scale, "spec.replicas") ?? 0));
  const draft = draftOf(row);
  setAt(draft, scalePaths(kind).spec, replicas);
  draft.metadata.uid = scale.metadata.uid ?? "";
  draft.metadata.resourceVersion = scale.metadata.resourceVersion ?? "";
  const reply = replace(evaluation, { row, draft, rules: "main" });
  return reply.object === undefined ? reply : { ...reply, object: scaleOf(kind, reply.object) };
}

/** A Scale that is applied is an apply of the one field behind it. */
function applyScale(evaluation: Evaluation, patch: ApplyPatch): WriteReply {
  const { kind, request } = evaluation;
  const { draft } = decodeForm(scaleKind, patch.body, { validation: "Ignore" });
  settleNamespace(evaluation, draft);
  settleName(evaluation, draft);
  const { name, namespace, uid, resourceVersion } = draft.metadata;
  const config: Draft = {
    apiVersion: apiVersionOf(kind),
    kind: kind.kind,
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
  };
  const replicas = valueAt(patch.body, "spec.replicas");
  if (replicas !== undefined) setAt(config, scalePaths(kind).spec, checkedReplicas(request.name, Number(replicas)));
  const reply = applyBody(evaluation, { ...patch, body: config as unknown as Json }, "main");
  return reply.object === undefined ? reply : { ...reply, object: scaleOf(kind, reply.object) };
}

function checkedReplicas(name: string, replicas: number): number {
  if (replicas >= 0) return replicas;
  throw invalidOptions("Scale.autoscaling", name, [
    {
      reason: "FieldValueInvalid",
      field: "spec.replicas",
      message: `Invalid value: ${replicas}: must be greater than or equal to 0`,
    },
  ]);
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
