import type { WriteReply } from "../../actors/runtime/command.ts";
import type { Draft, KubeObject } from "../../kinds/kind.ts";
import type { RowRef } from "../../store/view.ts";
import { conflict, forbidden, notFound } from "../../kinds/status-errors.ts";
import { deletedDetails, success } from "../refusals.ts";
import { formatTime, parseTime } from "../../util/time-format.ts";
import { admit, asObject, existing, replyObject, type Evaluation } from "./evaluation.ts";
import { draftOf, specFinalizers } from "./replace.ts";

/**
 * DELETE of one object. It is gone at once, or it stays with a deletionTimestamp: while its grace
 * runs (a bound pod, until its node deletes it with grace 0) or while finalizers hold it.
 */
export function remove(evaluation: Evaluation): WriteReply {
  const { kind, request } = evaluation;
  const row = existing(evaluation, request.name);
  if (row === undefined) throw notFound(kind, request.name);
  const old = row.object();
  if (kind.undeletable?.includes(request.name) === true) {
    throw forbidden(kind, request.name, `this ${kind.singular} may not be deleted`);
  }
  checkPreconditions(evaluation, old);
  admit(evaluation, undefined, old);
  const draft = draftOf(row);
  settleFinalizers(evaluation, draft);
  const grace = kind.grace?.(old, request.gracePeriodSeconds) ?? 0;
  if (old.metadata.deletionTimestamp !== undefined) {
    return removeAgain(evaluation, { row, draft, old, grace });
  }
  const held = (draft.metadata.finalizers ?? []).length > 0;
  if (grace === 0 && !held && specFinalizers(kind, draft).length === 0 && !isNamespace(evaluation)) {
    return gone(evaluation, row, old);
  }
  const { transaction } = evaluation;
  draft.metadata.deletionTimestamp = formatTime(transaction.now + grace * 1_000);
  draft.metadata.deletionGracePeriodSeconds = grace;
  bumpGeneration(draft);
  if (isNamespace(evaluation)) {
    delete draft.metadata.deletionGracePeriodSeconds;
    draft["status"] = { ...(draft["status"] as object | undefined), phase: "Terminating" };
  }
  return stay(evaluation, row, draft);
}

/** Only kinds with a second list of finalizers end by `finalize`. */
function isNamespace(evaluation: Evaluation): boolean {
  return evaluation.kind.subresources.others?.includes("finalize") === true;
}

interface Again {
  readonly row: RowRef;
  readonly draft: Draft;
  readonly old: KubeObject;
  readonly grace: number;
}

/** A second DELETE may only shorten the grace; at 0 it removes what no finalizer holds. */
function removeAgain(evaluation: Evaluation, again: Again): WriteReply {
  const { row, draft, old, grace } = again;
  const meta = draft.metadata;
  const held = (meta.finalizers ?? []).length > 0 || specFinalizers(evaluation.kind, draft).length > 0;
  const running = old.metadata.deletionGracePeriodSeconds ?? 0;
  const remaining = Math.min(grace, running);
  if (remaining === 0 && !held) return gone(evaluation, row, old);
  if (remaining < running) {
    meta.deletionTimestamp = formatTime((parseTime(meta.deletionTimestamp) ?? 0) + (remaining - running) * 1_000);
    meta.deletionGracePeriodSeconds = remaining;
    bumpGeneration(draft);
    return stay(evaluation, row, draft);
  }
  const sameFinalizers = (meta.finalizers ?? []).join() === (old.metadata.finalizers ?? []).join();
  return sameFinalizers ? replyObject(evaluation, 200, old, row.revision) : stay(evaluation, row, draft);
}

function stay(evaluation: Evaluation, row: RowRef, draft: Draft): WriteReply {
  const { kind, transaction, request } = evaluation;
  if (request.dryRun === true) return replyObject(evaluation, 200, asObject(draft), row.revision);
  const object = transaction.put(kind.id, draft, row.revision);
  return replyObject(evaluation, 200, object, Number(object.metadata.resourceVersion));
}

/** Kinds whose DELETE answers the object although it is gone. */
const answersObject: ReadonlySet<string> = new Set(["services", "serviceaccounts", "namespaces"]);

function gone(evaluation: Evaluation, row: RowRef, old: KubeObject): WriteReply {
  const { kind, transaction, request } = evaluation;
  const revision =
    request.dryRun === true ? row.revision : transaction.remove(kind.id, row.namespace, row.name, row.revision);
  if (answersObject.has(kind.id)) {
    const last = draftOf(row);
    last.metadata.resourceVersion = String(revision);
    return replyObject(evaluation, 200, asObject(last), revision);
  }
  const status = success(200, deletedDetails(kind, row.name, old.metadata.uid));
  return { code: 200, revision, status, warnings: evaluation.warnings };
}

function checkPreconditions(evaluation: Evaluation, old: KubeObject): void {
  const { kind, request } = evaluation;
  const { uid, resourceVersion } = request.preconditions ?? {};
  const { name } = old.metadata;
  const named = isNamespace(evaluation) ? kind : { group: kind.group, plural: kind.kind };
  if (uid !== undefined && uid !== old.metadata.uid) {
    throw conflict(
      named,
      name,
      isNamespace(evaluation)
        ? `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`
        : `the UID in the precondition (${uid}) does not match the UID in record (${old.metadata.uid}). The object might have been deleted and then recreated`,
    );
  }
  if (resourceVersion !== undefined && resourceVersion !== old.metadata.resourceVersion) {
    throw conflict(
      named,
      name,
      `the ResourceVersion in the precondition (${resourceVersion}) does not match the ResourceVersion in record (${old.metadata.resourceVersion}). The object might have been modified`,
    );
  }
}

const orphan = "orphan";
const foreground = "foregroundDeletion";

/** The policy of the request becomes one of the two finalizers of the garbage collector. */
function settleFinalizers(evaluation: Evaluation, draft: Draft): void {
  const policy = evaluation.request.propagationPolicy;
  if (policy === undefined || evaluation.kind.kind === "Event") return;
  const finalizers = (draft.metadata.finalizers ?? []).filter((name) => name !== orphan && name !== foreground);
  if (policy === "Orphan") finalizers.push(orphan);
  if (policy === "Foreground") finalizers.push(foreground);
  if (finalizers.length === 0) delete draft.metadata.finalizers;
  else draft.metadata.finalizers = finalizers;
}

function bumpGeneration(draft: Draft): void {
  const generation = draft.metadata.generation ?? 0;
  if (generation > 0) draft.metadata.generation = generation + 1;
}
