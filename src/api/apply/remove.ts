import type { ListSchema, Schema } from "../../kinds/schema.ts";
import { setKey } from "../../util/json-text.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { isList, isObject } from "../json-values.ts";
import { fieldElement } from "./field-path.ts";
import type { FieldSet } from "./field-set.ts";
import { behind, itemElement, structureOf } from "./structure.ts";

/** The object without the fields of a set; what held them stays, though it be empty. */
export function removeFields(schema: Schema, value: JsonObject, fields: FieldSet): JsonObject {
  const rest = strip(schema, value, fields);
  return isObject(rest) ? rest : {};
}

function strip(schema: Schema | undefined, value: Json, fields: FieldSet): Json {
  if (schema === undefined || structureOf(schema) === "leaf" || fields.below.size === 0) return value;
  if (schema.type === "list") return isList(value) ? stripItems(schema, value, fields) : value;
  return isObject(value) ? stripFields(schema, value, fields) : value;
}

function stripFields(schema: Schema, value: JsonObject, fields: FieldSet): Json {
  const out: Record<string, Json> = {};
  for (const [name, inner] of Object.entries(value)) {
    const node = fields.below.get(fieldElement(name));
    if (node?.owned === true) continue;
    setKey(out, name, node === undefined ? inner : strip(behind(schema, name), inner, node));
  }
  return out;
}

function stripItems(schema: ListSchema, list: readonly Json[], fields: FieldSet): Json {
  const out: Json[] = [];
  for (const [place, item] of list.entries()) {
    const node = fields.below.get(itemElement(schema, item, place));
    if (node?.owned === true) continue;
    out.push(node === undefined ? item : strip(schema.items, item, node));
  }
  return out;
}
