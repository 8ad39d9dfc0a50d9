import type { WriteReply } from "../../actors/runtime/command.ts";
import { notFound } from "../../kinds/status-errors.ts";
import { bodyOf, existing, settleName, type Evaluation } from "../verbs/evaluation.ts";
import { draftOf, replace } from "../verbs/replace.ts";

/**
 * PUT on a Namespace's `/finalize`: takes `spec.finalizers` and nothing else. When the last one of a
 * terminating namespace goes, the namespace goes in the same write.
 */
export function finalize(evaluation: Evaluation): WriteReply {
  const { kind, request } = evaluation;
  const body = bodyOf(evaluation);
  settleName(evaluation, body);
  const row = existing(evaluation, request.name);
  if (row === undefined) throw notFound(kind, request.name);
  const draft = draftOf(row);
  const finalizers = (body["spec"] as { finalizers?: readonly string[] } | undefined)?.finalizers;
  const spec = { ...(draft["spec"] as Record<string, unknown> | undefined) };
  if (finalizers === undefined || finalizers.length === 0) delete spec["finalizers"];
  else spec["finalizers"] = [...finalizers];
  draft["spec"] = spec;
  draft.metadata.uid = body.metadata.uid ?? "";
  draft.metadata.resourceVersion = body.metadata.resourceVersion ?? "";
  return replace(evaluation, { row, draft, rules: "part" });
}
