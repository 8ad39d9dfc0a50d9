import type { WriteReply, WriteRequest } from "../../actors/runtime/command.ts";
import { decodeJson } from "../../kinds/decode-json.ts";
import type { Draft } from "../../kinds/kind.ts";
import type { ObjectSchema } from "../../kinds/schema.ts";
import { badRequest, notFound, unsupportedMediaType } from "../../kinds/status-errors.ts";
import type { Json } from "../../util/json.ts";
import { invariant } from "../../util/errors.ts";
import { settleForm, type Form } from "../form.ts";
import { goJson, goPlain } from "../../util/gojson.ts";
import { isObject } from "../json-values.ts";
import { applyJsonPatch } from "../patch/json-patch.ts";
import { applyMergePatch } from "../patch/merge-patch.ts";
import { applyStrategicPatch } from "../patch/strategic.ts";
import { invalidPatch } from "../refusals.ts";
import { apply } from "./apply.ts";
import { existing, settleName, settleNamespace, type Evaluation } from "./evaluation.ts";
import { replace } from "./replace.ts";

/** PATCH on the object itself or on its status. */
export function patch(evaluation: Evaluation, rules: "main" | "status"): WriteReply {
  const { kind, request } = evaluation;
  if (request.patch?.type === "apply") return apply(evaluation, rules);
  const row = existing(evaluation, request.name);
  if (row === undefined) throw notFound(kind, request.name);
  const draft = patchedForm(evaluation, kind, row.object() as unknown as Json);
  settleNamespace(evaluation, draft);
  settleName(evaluation, draft);
  return replace(evaluation, { row, draft, rules });
}

/** Applies the request's patch to a document and decodes the result; warnings are noted. */
export function patchedForm(evaluation: Evaluation, form: Form, document: Json): Draft {
  const { request, warnings } = evaluation;
  const patched = applyPatch(request, form.schema, document);
  if (!isObject(patched)) throw badRequest("a patch must leave an object");
  const validation = request.fieldValidation ?? "Warn";
  const isStrategic = request.patch?.type === "strategic";
  const decoded = decodeJson(form.schema, patched, { validation, words: isStrategic ? "converter" : "decoder" });
  const { errors, unknown } = decoded;
  const [problem = strictProblem(validation, unknown)] = errors;
  if (problem !== undefined) {
    throw invalidPatch(isStrategic ? goPlain(request.patch.body) : goJson(patched), problem);
  }
  const settled = settleForm(form, decoded, { validation });
  warnings.push(...settled.warnings);
  return settled.draft;
}

function strictProblem(validation: string, unknown: readonly string[]): string | undefined {
  return validation === "Strict" && unknown.length > 0 ? `strict decoding error: ${unknown.join(", ")}` : undefined;
}

const plainPatchTypes = [
  "application/json-patch+json",
  "application/merge-patch+json",
  "application/strategic-merge-patch+json",
];

function applyPatch(request: WriteRequest, schema: ObjectSchema, document: Json): Json {
  const patch = request.patch;
  invariant(patch !== undefined, "a patch request carries a patch");
  switch (patch.type) {
    case "json":
      return applyJsonPatch(document, patch.body);
    case "merge":
      return applyMergePatch(document, patch.body);
    case "strategic":
      return applyStrategicPatch(schema, document, patch.body);
    case "apply":
      // Only whole objects, their status and their scale have owners of fields.
      throw unsupportedMediaType(plainPatchTypes);
  }
}
