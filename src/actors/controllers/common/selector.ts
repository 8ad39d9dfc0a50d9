/**
 * Plain questions about label selectors and label maps.
 */
import type { LabelSelector } from "../../../kinds/generated/types.ts";

type Labels = Readonly<Record<string, string>>;

export function isEmptySelector(selector: LabelSelector | undefined): boolean {
  return Object.keys(selector?.matchLabels ?? {}).length === 0 && (selector?.matchExpressions ?? []).length === 0;
}

/** Every pair of `wanted` stands in `labels`. */
export function containsAll(labels: Labels, wanted: Labels): boolean {
  return Object.entries(wanted).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value);
}
