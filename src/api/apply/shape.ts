import type { Json, JsonObject } from "../../util/json.ts";
import { isObject } from "../json-values.ts";

/**
 * What a new object looks like to ownership: which fields it has, in their order, not what they hold. Objects of
 * one shape belong to their creator in the same way, so that it is found out once for all of them.
 *
 * A shape is a place in one tree of names: a step for each field, and one more into an object and out of it again.
 * So two objects have one shape exactly if their walks end at the same place, and nothing is made to find that out.
 */
export interface Shape {
  /** Behind a field of this name. */
  readonly fields: Map<string, Shape>;
  inside: Shape | undefined;
  outside: Shape | undefined;
}

const newShape = (): Shape => ({ fields: new Map(), inside: undefined, outside: undefined });

/** Names that users make up could fill it: what is met when it is full has no shape. */
const placesMax = 8_192;
let places = 0;
const root = newShape();

function grow(): Shape | undefined {
  if (places >= placesMax) return undefined;
  places += 1;
  return newShape();
}

/**
 * Undefined where values count as well (items of lists are told apart by what they hold, and what is empty is a
 * leaf), and where shapes enough are known.
 */
export function shapeOf(object: JsonObject): Shape | undefined {
  return walk(root, object);
}

function walk(from: Shape, object: JsonObject): Shape | undefined {
  let at = from;
  for (const name in object) {
    const value = object[name];
    if (value === undefined) continue;
    const field = at.fields.get(name) ?? newField(at, name);
    if (field === undefined) return undefined;
    const behind = typeof value === "object" ? throughObject(field, value) : field;
    if (behind === undefined) return undefined;
    at = behind;
  }
  return at;
}

function newField(at: Shape, name: string): Shape | undefined {
  const field = grow();
  if (field !== undefined) at.fields.set(name, field);
  return field;
}

/** Where a walk comes out that goes through a field that is no scalar. */
function throughObject(field: Shape, value: Json): Shape | undefined {
  if (!isObject(value)) return undefined;
  const inside = (field.inside ??= grow());
  const last = inside && walk(inside, value);
  if (last === undefined || last === inside) return undefined;
  return (last.outside ??= grow());
}
