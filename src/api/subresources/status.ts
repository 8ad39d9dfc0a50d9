import type { WriteReply } from "../../actors/runtime/command.ts";
import { notFound } from "../../kinds/status-errors.ts";
import { bodyOf, existing, settleName, settleNamespace, type Evaluation } from "../verbs/evaluation.ts";
import { patch } from "../verbs/patch.ts";
import { replace } from "../verbs/replace.ts";

/** PUT and PATCH on `/status`: the stored spec and labels stay. It never creates. */
export function changeStatus(evaluation: Evaluation): WriteReply {
  const { kind, request } = evaluation;
  if (request.verb === "patch") return patch(evaluation, "status");
  const draft = bodyOf(evaluation);
  settleNamespace(evaluation, draft);
  settleName(evaluation, draft);
  const row = existing(evaluation, request.name);
  if (row === undefined) throw notFound(kind, request.name);
  return replace(evaluation, { row, draft, rules: "status" });
}
