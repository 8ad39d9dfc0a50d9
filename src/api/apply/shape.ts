import type { Json, JsonObject } from "../../util/json.ts";
import { isObject } from "../json-values.ts";

/**
 * What a new object looks like to ownership, as a text: which fields it has, not what they hold. Objects of one
 * shape belong to their creator in the same way, so that it is found out once for all of them. Undefined where
 * values count as well: items of lists are told apart by what they hold, and what is empty is a leaf.
 */
export function shapeOf(object: JsonObject): string | undefined {
  let text = "";
  for (const name of Object.keys(object)) {
    const inner = shapeOfMember(object[name]);
    if (inner === undefined) return undefined;
    // With its length in front no name can look like two.
    if (inner !== absent) text += `${name.length}:${name}${inner}`;
  }
  return text.length > shapeCharsMax ? undefined : text;
}

const absent = "";
const scalar = ".";
/** Longer ones are not met twice. */
const shapeCharsMax = 1_024;

function shapeOfMember(value: Json | undefined): string | undefined {
  if (value === undefined) return absent;
  if (value === null) return undefined;
  if (typeof value !== "object") return scalar;
  const inner = isObject(value) ? shapeOf(value) : undefined;
  return inner === undefined || inner === "" ? undefined : `{${inner}}`;
}
