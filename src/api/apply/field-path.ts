import { goQuote } from "../../util/gojson.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { canonicalText, isObject } from "../json-values.ts";

/**
 * Steps of the paths in which ownership of fields is kept. A step is held as the text that fieldsV1
 * gives it: `f:name` a field, `k:{"name":"c"}` an item of a list by its keys, `v:"x"` an item of a
 * set, `i:0` an item by its place. Texts are canonical, so equal steps are equal strings.
 */
export type PathElement = string;

export type FieldPath = readonly PathElement[];

/** A step that cannot be read: the list of managed fields came from a client and is worth nothing. */
export class FieldPathError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "FieldPathError";
  }
}

export function fieldElement(name: string): PathElement {
  return `f:${name}`;
}

/** Keys in any order. */
export function keyElement(keys: JsonObject): PathElement {
  return `k:${canonicalText(keys)}`;
}

export function valueElement(value: Json): PathElement {
  return `v:${canonicalText(value)}`;
}

/** Name of a field step; undefined for steps into lists. */
export function fieldName(element: PathElement): string | undefined {
  return element.startsWith("f:") ? element.slice(2) : undefined;
}

/**
 * A step of a client in canonical form; undefined for kinds of steps that later versions may know.
 * Throws `FieldPathError`.
 */
export function readElement(text: string): PathElement | undefined {
  if (text.length < 2) throw new FieldPathError("key must be 2 characters long:");
  if (text[1] !== ":") throw new FieldPathError(`missing colon: ${text}`);
  const content = text.slice(2);
  switch (text[0]) {
    case "f":
      return text;
    case "k": {
      const keys = parse(content);
      if (!isObject(keys)) throw new FieldPathError(`not an object of keys: ${content}`);
      return keyElement(keys);
    }
    case "v":
      return valueElement(parse(content));
    case "i":
      if (!/^-?[0-9]{1,15}$/.test(content)) throw new FieldPathError(`not an index: ${content}`);
      return `i:${Number(content)}`;
    default:
      return undefined;
  }
}

function parse(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch (error) {
    throw new FieldPathError(String(error));
  }
}

const ranks: Readonly<Record<string, number>> = { f: 0, k: 1, v: 2, i: 3 };

/** Order in which fieldsV1 lists steps: fields by name, keys, values, places. */
export function compareElements(left: PathElement, right: PathElement): number {
  const byKind = ranks[left[0]!]! - ranks[right[0]!]!;
  if (byKind !== 0) return byKind;
  if (left === right) return 0;
  switch (left[0]) {
    case "k":
      return compareKeys(parse(left.slice(2)) as JsonObject, parse(right.slice(2)) as JsonObject);
    case "v":
      return compareScalars(parse(left.slice(2)), parse(right.slice(2)));
    case "i":
      return Number(left.slice(2)) - Number(right.slice(2));
    default:
      return left < right ? -1 : 1;
  }
}

function compareKeys(left: JsonObject, right: JsonObject): number {
  const others = Object.entries(right);
  for (const [index, [name, value]] of Object.entries(left).entries()) {
    const other = others[index];
    if (other === undefined) return 1;
    if (name !== other[0]) return name < other[0] ? -1 : 1;
    const order = compareScalars(value, other[1]);
    if (order !== 0) return order;
  }
  return Object.keys(left).length - others.length;
}

/** Numbers before texts before truth values, as the library of Kubernetes sorts them. */
function compareScalars(left: Json, right: Json): number {
  const kinds = ["number", "string", "boolean"];
  const byKind = kinds.indexOf(typeof left) - kinds.indexOf(typeof right);
  if (byKind !== 0) return byKind;
  if (typeof left === "number") return left - Number(right);
  const [a, b] = [canonicalText(left), canonicalText(right)];
  return a === b ? 0 : a < b ? -1 : 1;
}

/** `.spec.containers[name="c"].image`: as messages print a path. */
export function pathText(path: FieldPath): string {
  return path.map(elementText).join("");
}

export function elementText(element: PathElement): string {
  const content = element.slice(2);
  switch (element[0]) {
    case "f":
      return `.${content}`;
    case "k": {
      const keys = Object.entries(parse(content) as JsonObject);
      return `[${keys.map(([name, value]) => `${name}=${scalarText(value)}`).join(",")}]`;
    }
    case "v":
      return `[=${scalarText(parse(content))}]`;
    default:
      return `[${content}]`;
  }
}

function scalarText(value: Json): string {
  return typeof value === "string" ? goQuote(value) : canonicalText(value);
}
