import type { Json, JsonObject } from "../util/json.ts";
import { setKey } from "../util/json-text.ts";

/**
 * Plain JSON handling that is safe for keys such as `__proto__`: a key is always an own property,
 * never a way to a prototype.
 */

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function isList(value: unknown): value is readonly Json[] {
  return Array.isArray(value);
}

/** A deep copy that may be changed. */
export function cloneJson<T>(value: T): T {
  return copy(value) as T;
}

function copy(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map(copy);
  // In one piece, which engines do in one step; then what is not plain in it.
  const result: Record<string, unknown> = { ...value };
  for (const key in result) {
    const inner = result[key];
    if (inner === undefined) Reflect.deleteProperty(result, key);
    else if (typeof inner === "object" && inner !== null) setKey(result, key, copy(inner));
  }
  return result;
}

/** Own member, or undefined. */
export function member(object: JsonObject, key: string): Json | undefined {
  return Object.hasOwn(object, key) ? object[key] : undefined;
}

/** Walks `spec.replicas`; undefined where a step is missing. */
export function valueAt(object: unknown, path: string): unknown {
  let value: unknown = object;
  for (const step of path.split(".")) {
    if (!isObject(value)) return undefined;
    value = member(value, step);
  }
  return value;
}

/** JSON text with sorted keys: equal values have equal texts. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  if (typeof value === "object" && value !== null) {
    const members = Object.entries(value)
      .filter(([, inner]) => inner !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, inner]) => `${JSON.stringify(key)}:${canonicalText(inner)}`);
    return `{${members.join(",")}}`;
  }
  return JSON.stringify(value) ?? "null";
}
