import type { WriteReply } from "../../actors/runtime/command.ts";
import type { Draft } from "../../kinds/kind.ts";
import { invariant } from "../../util/errors.ts";
import { notFound } from "../../kinds/status-errors.ts";
import { bodyOf, existing, settleName, settleNamespace, type Evaluation } from "../verbs/evaluation.ts";
import { patch } from "../verbs/patch.ts";
import { replace } from "../verbs/replace.ts";

/** PUT and PATCH on `/status`: the stored spec and labels stay. It never creates. */
export function changeStatus(evaluation: Evaluation): WriteReply {
  const { kind, request } = evaluation;
  if (request.verb === "patch") return patch(evaluation, "status");
  const body = statusPart(evaluation);
  settleNamespace(evaluation, body);
  settleName(evaluation, body);
  const row = existing(evaluation, request.name);
  if (row === undefined) throw notFound(kind, request.name);
  const { metadata, status } = body;
  const draft: Draft = { ...row.object(), metadata, status };
  if (status === undefined) delete draft["status"];
  return replace(evaluation, { row, draft, rules: "status" });
}

/** What of the body counts; the rest need not be copied. */
function statusPart(evaluation: Evaluation): Draft & { readonly status?: unknown } {
  const { object } = evaluation.request;
  invariant(object !== undefined, "a status write carries an object");
  const { apiVersion, kind, metadata, status } = object;
  return bodyOf(evaluation, { apiVersion, kind, metadata, status });
}
