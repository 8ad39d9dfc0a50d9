import type { Decide, WriteReply } from "../actors/runtime/command.ts";
import type { Kind } from "../kinds/kind.ts";
import type { Admission } from "./admission/admission.ts";
import { indexKinds } from "./kind-index.ts";
import { methodNotAllowed, pathNotFound } from "../kinds/status-errors.ts";
import { bindPod } from "./subresources/binding.ts";
import { changeEphemeralContainers } from "./subresources/ephemeralcontainers.ts";
import { evictPod } from "./subresources/eviction.ts";
import { finalize } from "./subresources/finalize.ts";
import { changeScale } from "./subresources/scale.ts";
import { changeStatus } from "./subresources/status.ts";
import { create } from "./verbs/create.ts";
import { remove } from "./verbs/delete.ts";
import type { Evaluation } from "./verbs/evaluation.ts";
import { patch } from "./verbs/patch.ts";
import { transact } from "./verbs/transact.ts";
import { update } from "./verbs/update.ts";

export interface DecideOptions {
  readonly kinds: readonly Kind[];
  /** In the order in which they run. */
  readonly admission: readonly Admission[];
}

/**
 * The pure evaluator of writes: prepare, admission, validation, preconditions, and the row that
 * follows. It reads and writes through the transaction only, so the leader can run it at the tip
 * and again after a failover with the same result for the same rows.
 */
export function createDecide(options: DecideOptions): Decide {
  const catalogue = indexKinds(options.kinds);
  const decideOne: Decide = (transaction, request) => {
    if (request.verb === "transact") return transact(decideOne, transaction, request);
    const kind = catalogue.byId(request.kind);
    if (kind === undefined) throw pathNotFound();
    const { admission } = options;
    const evaluation: Evaluation = {
      transaction,
      request,
      kind,
      catalogue,
      admission,
      warnings: [],
    };
    return decide(evaluation);
  };
  return decideOne;
}

function decide(evaluation: Evaluation): WriteReply {
  const { request } = evaluation;
  const subresource = request.subresource ?? "";
  if (subresource !== "") return decideSubresource(evaluation, subresource);
  switch (request.verb) {
    case "create":
      return create(evaluation);
    case "update":
      return update(evaluation);
    case "patch":
      return patch(evaluation, "main");
    case "delete":
      return remove(evaluation);
    case "transact":
      throw pathNotFound();
  }
}

const subresources: Readonly<Record<string, (evaluation: Evaluation) => WriteReply>> = {
  status: changeStatus,
  scale: changeScale,
  binding: bindPod,
  eviction: evictPod,
  finalize,
  ephemeralcontainers: changeEphemeralContainers,
};

function decideSubresource(evaluation: Evaluation, subresource: string): WriteReply {
  const run = Object.hasOwn(subresources, subresource) ? subresources[subresource] : undefined;
  if (run === undefined) throw pathNotFound();
  const { request, kind } = evaluation;
  if (request.verb === "delete") throw methodNotAllowed(kind, "delete");
  return run(evaluation);
}
