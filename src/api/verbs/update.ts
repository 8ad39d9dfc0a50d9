import type { WriteReply } from "../../actors/runtime/command.ts";
import { notFound } from "../../kinds/status-errors.ts";
import { create } from "./create.ts";
import { bodyOf, existing, settleName, settleNamespace, type Evaluation } from "./evaluation.ts";
import { replace } from "./replace.ts";

/** PUT. Creates only the kinds that say so. */
export function update(evaluation: Evaluation): WriteReply {
  const { kind, request } = evaluation;
  const draft = bodyOf(evaluation);
  settleNamespace(evaluation, draft);
  settleName(evaluation, draft);
  const row = existing(evaluation, request.name);
  if (row === undefined) {
    // Who names a uid means an object that was there.
    const meansOne = request.preconditions?.uid !== undefined;
    if (kind.createOnUpdate !== true || meansOne) throw notFound(kind, request.name);
    const named = { ...evaluation, request: { ...request, object: draft } };
    return create(named);
  }
  return replace(evaluation, { row, draft, rules: "main" });
}
