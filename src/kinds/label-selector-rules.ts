import { labelValue, qualifiedName } from "../util/names.ts";
import { invalidEach } from "./errors.ts";
import type { FieldErrors } from "./field-errors.ts";
import type { LabelSelector, NodeSelectorRequirement } from "./generated/types.ts";
import { validateLabels } from "./metadata.ts";

/** Rules for `meta/v1.LabelSelector` and what looks like it. */

export const operatorText = "not a valid selector operator";

export function validateLabelSelector(errors: FieldErrors, path: string, selector: LabelSelector | undefined): void {
  if (selector === undefined) return;
  validateLabels(errors, `${path}.matchLabels`, selector.matchLabels);
  for (const [index, item] of (selector.matchExpressions ?? []).entries()) {
    const here = `${path}.matchExpressions[${index}]`;
    validateOperator(errors, here, item);
    invalidEach(errors, `${here}.key`, item.key, qualifiedName(item.key));
    for (const [at, value] of (item.values ?? []).entries()) {
      invalidEach(errors, `${here}.values[${at}]`, value, labelValue(value));
    }
  }
}

/** How many values an operator takes. */
export function validateOperator(errors: FieldErrors, path: string, item: NodeSelectorRequirement): void {
  const count = (item.values ?? []).length;
  switch (item.operator) {
    case "In":
    case "NotIn":
      if (count === 0) {
        errors.required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'");
      }
      return;
    case "Exists":
    case "DoesNotExist":
      if (count > 0) {
        const text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
        errors.forbidden(`${path}.values`, text);
      }
      return;
    default:
      errors.invalid(`${path}.operator`, item.operator, operatorText);
  }
}
