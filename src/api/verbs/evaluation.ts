import type { Transaction, WriteReply, WriteRequest } from "../../actors/runtime/command.ts";
import type { Draft, Kind, KubeObject, OwnerReference } from "../../kinds/kind.ts";
import { inertWarnings } from "../../kinds/inert.ts";
import type { RowRef } from "../../store/view.ts";
import { jsonEqual } from "../../util/equal.ts";
import { invariant } from "../../util/errors.ts";
import type { Admission } from "../admission/admission.ts";
import { cloneJson } from "../json-values.ts";
import type { KindIndex } from "../kind-index.ts";
import { badRequest } from "../../kinds/status-errors.ts";

/** One write under evaluation: what every verb works on. */
export interface Evaluation {
  readonly transaction: Transaction;
  readonly request: WriteRequest;
  readonly kind: Kind;
  readonly catalogue: KindIndex;
  readonly admission: readonly Admission[];
  /** Texts for the Warning header, in the order in which they arise. */
  readonly warnings: string[];
}

/** A copy of the request's object, or of a part of it: the same request may be evaluated again after a failover. */
export function bodyOf({ request }: Evaluation, object: Draft | undefined = request.object): Draft {
  invariant(object !== undefined, `${request.verb} carries an object`);
  return cloneJson(object) as Draft;
}

export function existing(evaluation: Evaluation, name: string): RowRef | undefined {
  const { transaction, request, kind } = evaluation;
  return transaction.get(kind.id, request.namespace, name);
}

/** The body's namespace is the URL's, or absent; cluster kinds have none. */
export function settleNamespace(evaluation: Evaluation, draft: Draft): void {
  const { kind, request } = evaluation;
  if (kind.scope === "Cluster") {
    delete draft.metadata.namespace;
    return;
  }
  const given = draft.metadata.namespace ?? "";
  if (given !== "" && given !== request.namespace) {
    throw badRequest("the namespace of the provided object does not match the namespace sent on the request");
  }
  draft.metadata.namespace = request.namespace;
}

/** The body's name is the URL's. */
export function settleName(evaluation: Evaluation, draft: Draft): void {
  const { request } = evaluation;
  const given = draft.metadata.name ?? "";
  if (given === "") {
    draft.metadata.name = request.name;
  } else if (given !== request.name) {
    throw badRequest(`the name of the object (${given}) does not match the name on the URL (${request.name})`);
  }
}

/**
 * The same owner twice counts once, and the client is told; one uid with different words stays. In the words
 * of Kubernetes, which looks at patches only behind admission.
 */
export function dropDoubledOwners({ request, warnings }: Evaluation, { metadata }: Draft): void {
  const { ownerReferences } = metadata;
  if (ownerReferences === undefined || ownerReferences.length < 2) return;
  const kept: OwnerReference[] = [];
  const doubled: string[] = [];
  const uids = new Set<string>();
  for (const owner of ownerReferences) {
    if (uids.has(owner.uid) && kept.some((other) => jsonEqual(other, owner))) doubled.push(owner.uid);
    else kept.push(owner);
    uids.add(owner.uid);
  }
  if (doubled.length === 0) return;
  metadata.ownerReferences = kept;
  const when = request.verb === "patch" ? " after mutating admission happens" : "";
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${doubled.join(", ")}`,
  );
}

/** True: a plugin had its say, and may have changed the draft. */
export function admit(evaluation: Evaluation, draft: Draft | undefined, old: KubeObject | undefined): boolean {
  const { transaction, request, kind } = evaluation;
  let hasRun = false;
  for (const plugin of evaluation.admission) {
    if (!plugin.applies(kind, request)) continue;
    plugin.admit({ transaction, kind, request, draft, old });
    hasRun = true;
  }
  return hasRun;
}

export function warn(evaluation: Evaluation, draft: Draft, old: KubeObject | undefined): void {
  const { kind, warnings } = evaluation;
  const object = asObject(draft);
  if (kind.warnings !== undefined) warnings.push(...kind.warnings(object, old));
  if (kind.inert !== undefined) warnings.push(...inertWarnings(kind, object));
}

export function replyObject(evaluation: Evaluation, code: number, object: KubeObject, revision: number): WriteReply {
  return { code, revision, object, warnings: evaluation.warnings };
}

/** A finished draft as the object that clients see. */
export function asObject(draft: Draft): KubeObject {
  return draft as unknown as KubeObject;
}
