import type { FieldErrors } from "./field-errors.ts";
import type { Draft, Kind, KubeObject } from "./kind.ts";
import { validateMetadata, validateMetadataUpdate } from "./metadata.ts";

/**
 * All rules for one write, in Kubernetes' order: metadata first, then the kind's own. Errors of
 * both are gathered together.
 */

/** A new object. */
export function validateCreate(kind: Kind, draft: Draft, errors: FieldErrors): void {
  const object = asObject(draft);
  validateMetadata(kind, draft.metadata, errors);
  kind.validate?.(object, errors);
  kind.validateCreate?.(object, errors);
}

/** A changed object. A kind with `validateUpdate` runs its `validate` from there, in its own order. */
export function validateUpdate(kind: Kind, draft: Draft, old: KubeObject, errors: FieldErrors): void {
  const object = asObject(draft);
  validateMetadataUpdate(kind, draft.metadata, old.metadata, errors);
  if (kind.validateUpdate === undefined) kind.validate?.(object, errors);
  else kind.validateUpdate(object, old, errors);
}

/** A write of `/status`. */
export function validateStatus(kind: Kind, draft: Draft, old: KubeObject, errors: FieldErrors): void {
  validateMetadataUpdate(kind, draft.metadata, old.metadata, errors);
  kind.validateStatus?.(asObject(draft), old, errors);
}

function asObject(draft: Draft): KubeObject {
  return draft as unknown as KubeObject;
}
