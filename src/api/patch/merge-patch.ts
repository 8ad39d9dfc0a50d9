import type { Json, JsonObject } from "../../util/json.ts";
import { isObject, member } from "../json-values.ts";

/** JSON merge patch, RFC 7386: objects merge, null removes, everything else replaces. */
export function applyMergePatch(document: Json, patch: Json): Json {
  if (!isObject(patch)) return patch;
  const base: JsonObject = isObject(document) ? document : {};
  const kept = Object.entries(base).filter(([key]) => !Object.hasOwn(patch, key));
  const merged: [string, Json][] = kept;
  for (const [key, value] of Object.entries(patch)) {
    if (value !== null) merged.push([key, applyMergePatch(member(base, key) ?? null, value)]);
  }
  return Object.fromEntries(merged);
}
