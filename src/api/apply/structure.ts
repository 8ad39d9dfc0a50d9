import { flatten, zeroOf } from "../../kinds/flat-schema.ts";
import type { Field, ListSchema, ScalarSchema, Schema } from "../../kinds/schema.ts";
import { setKey } from "../../util/json-text.ts";
import type { Json } from "../../util/json.ts";
import { isList, isObject, member } from "../json-values.ts";
import { elementText, fieldName, keyElement, valueElement, type PathElement } from "./field-path.ts";

/**
 * How apply sees a value of a schema: as a leaf that one manager owns whole, as fields, or as items
 * that are owned one by one. Objects and maps are granular and lists atomic unless the schema says
 * otherwise.
 */
export function structureOf(schema: Schema): "leaf" | "fields" | "items" {
  switch (schema.type) {
    case "object":
    case "map":
      return schema.atomic === true ? "leaf" : "fields";
    case "list":
      return schema.list === "atomic" ? "leaf" : "items";
    default:
      return "leaf";
  }
}

/** A value that does not fit its schema: what was wrong, by path. */
export class TypedError extends Error {
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    const lines = problems.map(({ path, text }) => (path === "" ? text : `${path}: ${text}`));
    super(lines.length === 1 ? lines[0]! : ["errors:", ...lines.map((line) => `  ${line}`)].join("\n"));
    this.name = "TypedError";
    this.problems = problems;
  }
}

export interface Problem {
  readonly path: string;
  readonly text: string;
}

/** Declared field of an object; undefined for maps and unknown names. */
export function declared(schema: Schema, name: string): Field | undefined {
  return schema.type === "object" ? flatten(schema).byName.get(name) : undefined;
}

/** Schema of what lies behind the name; undefined where nothing is known. */
export function behind(schema: Schema, name: string): Schema | undefined {
  return schema.type === "map" ? schema.values : declared(schema, name)?.schema;
}

/** Schema behind a step of a path. */
export function behindElement(schema: Schema | undefined, element: PathElement): Schema | undefined {
  if (schema === undefined) return undefined;
  const name = fieldName(element);
  if (name !== undefined) return behind(schema, name);
  return schema.type === "list" ? schema.items : undefined;
}

/** The step that leads to an item of an associative list. Throws `TypedError`. */
export function itemElement(schema: ListSchema, item: Json, place: number): PathElement {
  const fail = (text: string): TypedError => new TypedError([{ path: "", text: `element ${place}: ${text}` }]);
  if (schema.list === "set") {
    if (isObject(item)) throw fail("associative list without keys has an element that's a map type");
    if (isList(item)) throw fail("not supported: associative list with lists as elements");
    if (item === null) throw fail("associative list without keys has an element that's an explicit null");
    return valueElement(item);
  }
  if (item === null) throw fail("associative list with keys may not have a null element");
  if (!isObject(item)) throw fail("associative list with keys may not have non-map elements");
  const keys: Record<string, Json> = {};
  const names = schema.keys ?? [];
  for (const name of names) {
    const value = member(item, name) ?? keyDefault(declared(schema.items, name));
    if (value !== undefined) setKey(keys, name, value);
  }
  if (Object.keys(keys).length === 0) {
    const quoted = names.map((name) => JSON.stringify(name)).join(" ");
    throw fail(
      `associative list with keys has an element that omits all key fields [${quoted}] (and doesn't have default values for any key fields)`,
    );
  }
  return keyElement(keys);
}

/** A key that is absent counts as its default, or as the zero that a required field holds then. */
function keyDefault(field: Field | undefined): Json | undefined {
  if (field?.default !== undefined) return field.default;
  return field?.required === true ? zeroOf((field.schema as ScalarSchema).type) : undefined;
}

export interface Indexed {
  /** One a place. */
  readonly elements: readonly PathElement[];
  /** Items by step; several where the list repeats a key. */
  readonly items: ReadonlyMap<PathElement, readonly Json[]>;
}

/** A list by the steps to its items. Throws `TypedError`. */
export function indexItems(schema: ListSchema, list: readonly Json[]): Indexed {
  const elements = list.map((item, place) => itemElement(schema, item, place));
  const items = new Map<PathElement, Json[]>();
  for (const [place, element] of elements.entries()) {
    const known = items.get(element);
    if (known === undefined) items.set(element, [list[place]!]);
    else known.push(list[place]!);
  }
  return { elements, items };
}

/** Text about a key that stands twice. */
export function duplicateText(element: PathElement): string {
  return `duplicate entries for key ${elementText(element)}`;
}

/** Null, absent, or without content: such values are leaves whatever their schema. */
export function isBlank(value: Json | undefined): boolean {
  if (value === undefined || value === null) return true;
  if (isList(value)) return value.length === 0;
  return isObject(value) && Object.keys(value).length === 0;
}
