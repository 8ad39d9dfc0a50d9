import type { WriteReply } from "../../actors/runtime/command.ts";
import type { Draft, Kind, KubeObject } from "../../kinds/kind.ts";
import type { RowRef } from "../../store/view.ts";
import { applyDefaults } from "../../kinds/defaults.ts";
import { prepareStatus, prepareUpdate, setGeneration } from "../../kinds/prepare.ts";
import { validateChanged, type ChangeRules } from "../validate.ts";
import { jsonEqual } from "../../util/equal.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import { encodeManagers, type Managers } from "../apply/managers.ts";
import { cloneJson } from "../json-values.ts";
import { conflict, modifiedText } from "../../kinds/status-errors.ts";
import { invalidOptions } from "../refusals.ts";
import { admit, asObject, dropDoubledOwners, replyObject, warn, type Evaluation } from "./evaluation.ts";
import { fieldsOfChanged, sameManagers, setManagedFields } from "./managed-fields.ts";

/**
 * How a stored object is replaced, whoever asks: PUT, PATCH, or a subresource.
 *
 * Invariants: identity and server-owned metadata are the stored ones; an unchanged object is not
 * written and keeps its revision; a terminating object that has lost its last finalizer is removed
 * in the same write.
 */
export interface Change {
  readonly row: RowRef;
  readonly draft: Draft;
  /**
   * `main`: everything but the status is the client's. `status`: the status and annotations are.
   * `part`: the caller has already put its part into a copy of the stored object; `checked`: and has
   * checked it.
   */
  readonly rules: ChangeRules;
  /** The part is one that counts as a new generation. */
  readonly isNewGeneration?: boolean;
  /** Who owns what after an apply; absent: found by comparing. */
  readonly managers?: Managers;
}

export function replace(evaluation: Evaluation, change: Change): WriteReply {
  const { kind, transaction, request } = evaluation;
  const { row, draft } = change;
  const old = row.object();
  checkRevision(evaluation, draft, row);
  checkUid(evaluation, draft, old);
  const given = draft.metadata.managedFields;
  keepIdentity(kind, draft, old);
  if (change.rules === "main" || change.rules === "status") dropDoubledOwners(evaluation, draft);
  prepare(evaluation, change, old);
  setManagedFields(
    draft,
    change.managers === undefined
      ? fieldsOfChanged(evaluation, { draft, old, given })
      : encodeManagers(change.managers),
  );
  const isAdmitted = admit(evaluation, draft, old);
  if (isAdmitted && change.rules === "main") setGeneration(kind, draft, old);
  draft.metadata.resourceVersion = old.metadata.resourceVersion;
  validateChanged(kind, draft, old, change.rules);
  if (change.rules === "main") warn(evaluation, draft, old);
  if (isUnchanged(draft, old)) return replyObject(evaluation, 200, old, row.revision);
  if (request.dryRun === true) return replyObject(evaluation, 200, asObject(draft), row.revision);
  if (isFinished(kind, draft)) return removeFinished(evaluation, row, draft);
  const object = transaction.put(kind.id, draft, row.revision);
  return replyObject(evaluation, 200, object, Number(object.metadata.resourceVersion));
}

/** Times of managed fields alone are no change. */
function isUnchanged(draft: Draft, old: KubeObject): boolean {
  const { managedFields } = draft.metadata;
  const { managedFields: before, ...rest } = old.metadata;
  if (managedFields === before) return jsonEqual(draft, old);
  if (!sameManagers(managedFields, before)) return false;
  const { managedFields: _fields, ...others } = draft.metadata;
  return jsonEqual({ ...draft, metadata: others }, { ...old, metadata: rest });
}

/** A copy of the stored object that a subresource may change. */
export function draftOf(row: RowRef): Draft {
  return cloneJson(row.object()) as unknown as Draft;
}

function checkRevision(evaluation: Evaluation, draft: Draft, row: RowRef): void {
  const { kind, request } = evaluation;
  const given = draft.metadata.resourceVersion ?? "";
  const expected = [given, request.preconditions?.resourceVersion ?? ""];
  for (const revision of expected) {
    if (revision !== "" && revision !== "0" && revision !== String(row.revision)) {
      throw conflict(kind, row.name, modifiedText);
    }
  }
  const unconditional = expected.every((revision) => revision === "");
  if (unconditional && kind.updateNeedsRevision === true && request.verb === "update") {
    throw invalidOptions(kind.id, row.name, [
      {
        reason: "FieldValueInvalid",
        field: "metadata.resourceVersion",
        message: "Invalid value: 0: must be specified for an update",
      },
    ]);
  }
}

function checkUid(evaluation: Evaluation, draft: Draft, old: KubeObject): void {
  const { kind, request } = evaluation;
  for (const uid of [draft.metadata.uid ?? "", request.preconditions?.uid ?? ""]) {
    if (uid !== "" && uid !== old.metadata.uid) {
      throw conflict(
        kind,
        old.metadata.name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${old.metadata.uid}`,
      );
    }
  }
}

function keepIdentity(kind: Kind, draft: Draft, old: KubeObject): void {
  draft.apiVersion = apiVersionOf(kind);
  draft.kind = kind.kind;
  const kept = old.metadata;
  const meta = draft.metadata;
  meta.name = kept.name;
  meta.uid = kept.uid;
  meta.creationTimestamp = kept.creationTimestamp;
  if (kept.namespace !== undefined) meta.namespace = kept.namespace;
  keep("generateName");
  keep("generation");
  keep("deletionTimestamp");
  keep("deletionGracePeriodSeconds");

  function keep<K extends "generateName" | "generation" | "deletionTimestamp" | "deletionGracePeriodSeconds">(
    field: K,
  ): void {
    if (kept[field] === undefined) {
      // To delete what is not there costs an engine as much as to delete what is.
      if (field in meta) delete meta[field];
    } else meta[field] = kept[field] as NonNullable<(typeof meta)[K]>;
  }
}

function prepare(evaluation: Evaluation, change: Change, old: KubeObject): void {
  const { kind, transaction, request } = evaluation;
  const { draft, rules } = change;
  const context = { now: transaction.now, user: request.user.name };
  if (rules === "main") {
    applyDefaults(kind, draft);
    prepareUpdate(kind, draft, old, context);
  } else if (rules === "status") {
    prepareStatus(kind, draft, old, context);
  } else if (change.isNewGeneration === true) {
    draft.metadata.generation = (old.metadata.generation ?? 0) + 1;
  }
}

/** Nothing holds a terminating object any more. */
function isFinished(kind: Kind, draft: Draft): boolean {
  const meta = draft.metadata;
  if (meta.deletionTimestamp === undefined) return false;
  if ((meta.deletionGracePeriodSeconds ?? 0) !== 0) return false;
  return (meta.finalizers ?? []).length === 0 && specFinalizers(kind, draft).length === 0;
}

/** The second list of finalizers, which only kinds with a `finalize` subresource have (Namespace). */
export function specFinalizers(kind: Kind, object: Draft | KubeObject): readonly string[] {
  if (kind.subresources.others?.includes("finalize") !== true) return [];
  const spec = (object as unknown as { spec?: { finalizers?: readonly string[] } }).spec;
  return spec?.finalizers ?? [];
}

function removeFinished(evaluation: Evaluation, row: RowRef, draft: Draft): WriteReply {
  const { kind, transaction } = evaluation;
  const revision = transaction.remove(kind.id, row.namespace, row.name, row.revision);
  draft.metadata.resourceVersion = String(revision);
  return replyObject(evaluation, 200, asObject(draft), revision);
}
