import type { Kind, KubeObject } from "./kind.ts";

/** Fields by which lists and watches may be narrowed. */

/** A field's text; undefined: the kind cannot be selected by it. */
export function selectableValue(kind: Kind, object: KubeObject, field: string): string | undefined {
  if (field === "metadata.name") return object.metadata.name;
  if (field === "metadata.namespace") return object.metadata.namespace ?? "";
  const select = Object.hasOwn(kind.selectable, field) ? kind.selectable[field] : undefined;
  return select?.(object);
}

/** What a 400 says about a field that cannot be selected by; undefined: it can. */
export function fieldSelectorProblem(kind: Kind, field: string): string | undefined {
  if (field === "metadata.name" || field === "metadata.namespace") return undefined;
  if (Object.hasOwn(kind.selectable, field)) return undefined;
  if (Object.keys(kind.selectable).length > 0) return `field label not supported: ${field}`;
  return `"${field}" is not a known field selector: only "metadata.name", "metadata.namespace"`;
}
