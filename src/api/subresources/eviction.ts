import type { WriteReply, WriteRequest } from "../../actors/runtime/command.ts";
import { badRequest, notFound } from "../../kinds/status-errors.ts";
import { success } from "../refusals.ts";
import { parseDeleteOptions } from "../delete-options.ts";
import { bodyOf, existing, type Evaluation } from "../verbs/evaluation.ts";
import { remove } from "../verbs/delete.ts";

/**
 * POST on a pod's `/eviction`: a DELETE that budgets may refuse. Budgets come with their kind; until
 * then every eviction is allowed.
 */
export function evictPod(evaluation: Evaluation): WriteReply {
  const { kind, request } = evaluation;
  const eviction = bodyOf(evaluation);
  const given = eviction.metadata.name ?? "";
  if (given !== "" && given !== request.name) {
    throw badRequest("name in URL does not match name in Eviction object");
  }
  if (existing(evaluation, request.name) === undefined) throw notFound(kind, request.name);
  const options = parseDeleteOptions(eviction["deleteOptions"] ?? {});
  const { subresource: _, object: __, ...rest } = request;
  const deletion: WriteRequest = {
    ...rest,
    ...options,
    verb: "delete",
    dryRun: request.dryRun === true || options.dryRun === true,
  };
  const reply = remove({ ...evaluation, request: deletion });
  return {
    code: 201,
    revision: reply.revision,
    status: success(201),
    warnings: reply.warnings,
  };
}
