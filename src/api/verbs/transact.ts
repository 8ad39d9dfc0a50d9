import type { Decide, Transaction, WriteReply, WriteRequest } from "../../actors/runtime/command.ts";
import type { KubeObject } from "../../kinds/kind.ts";
import { StatusError } from "../../util/errors.ts";

/**
 * Several writes in one transaction: each sees those before it, and a refusal of one, which says
 * which it was, refuses all. A dry run is evaluated in the same way, so that later operations find
 * what earlier ones would have made; the host then forgets the writes.
 */
export function transact(decide: Decide, transaction: Transaction, request: WriteRequest): WriteReply {
  const before = transaction.revision;
  const parts = (request.operations ?? []).map((operation, at) => {
    try {
      const reply = decide(transaction, { ...operation, dryRun: false });
      return request.dryRun === true ? asDryRun(reply, before) : reply;
    } catch (error) {
      throw error instanceof Error ? atOperation(error, at) : error;
    }
  });
  const revision = request.dryRun === true ? before : transaction.revision;
  return { code: 200, revision, parts, warnings: [] };
}

/** A revision that nothing will ever have is not shown. */
function asDryRun(reply: WriteReply, before: number): WriteReply {
  const { object } = reply;
  if (object === undefined || Number(object.metadata.resourceVersion) <= before) return reply;
  const { resourceVersion: _, ...metadata } = object.metadata;
  return { ...reply, object: { ...object, metadata } as KubeObject };
}

/** Says which operation it was: `operations[2]` as a further cause of its own Status. */
export function atOperation(error: Error, at: number): Error {
  if (!(error instanceof StatusError)) return error;
  const { status } = error;
  const cause = { reason: "TransactionOperation", field: `operations[${at}]`, message: "this operation was refused" };
  const details = { ...status.details, causes: [...(status.details?.causes ?? []), cause] };
  return new StatusError({ ...status, details }, { cause: error });
}
