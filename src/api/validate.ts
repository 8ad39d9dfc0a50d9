import { createFieldErrors, statusInvalid } from "../kinds/errors.ts";
import type { FieldErrors } from "../kinds/field-errors.ts";
import type { Draft, Kind, KubeObject } from "../kinds/kind.ts";
import { validateMetadataUpdate } from "../kinds/metadata.ts";
import { validateCreate, validateStatus, validateUpdate } from "../kinds/validate.ts";
import type { StatusCause } from "../util/errors.ts";

/** The checks of a finished draft, all in one 422. */

/** A new object. */
export function validateNew(kind: Kind, draft: Draft): void {
  const errors = createFieldErrors();
  validateCreate(kind, draft, errors);
  refuse(kind, draft, errors);
}

/** Which rules a change is judged by. */
export type ChangeRules = "main" | "status" | "part" | "checked";

/** A changed object. `main` runs the rules for updates, `part` those that hold always, `checked` only those of metadata. */
export function validateChanged(kind: Kind, draft: Draft, old: KubeObject, rules: ChangeRules): void {
  const errors = createFieldErrors();
  switch (rules) {
    case "main":
      validateUpdate(kind, draft, old, errors);
      break;
    case "status":
      validateStatus(kind, draft, old, errors);
      break;
    case "part":
      validateMetadataUpdate(kind, draft.metadata, old.metadata, errors);
      kind.validate?.(draft as unknown as KubeObject, errors);
      break;
    case "checked":
      validateMetadataUpdate(kind, draft.metadata, old.metadata, errors);
  }
  refuse(kind, draft, errors);
}

/** Rules that an update shares with creation may speak twice: each cause stands once. */
function refuse(kind: Kind, draft: Draft, errors: FieldErrors): void {
  if (errors.causes.length === 0) return;
  const seen = new Map<string, StatusCause>();
  for (const cause of errors.causes) {
    const key = `${cause.reason} ${cause.field} ${cause.message}`;
    if (!seen.has(key)) seen.set(key, cause);
  }
  throw statusInvalid(kind, draft.metadata.name ?? "", { causes: [...seen.values()] });
}
