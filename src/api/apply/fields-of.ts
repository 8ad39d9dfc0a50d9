import type { ListSchema, Schema } from "../../kinds/schema.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { isList, isObject } from "../json-values.ts";
import { fieldElement, fieldName, type PathElement } from "./field-path.ts";
import { attach, newSet, type FieldSet, type FieldSetDraft } from "./field-set.ts";
import { behind, behindElement, declared, indexItems, structureOf } from "./structure.ts";

/**
 * All fields that a configuration names: leaves, items of lists, entries of maps. A declared field
 * that only holds others is not a member itself.
 */
export function fieldsOf(schema: Schema, value: Json): FieldSet {
  const set = newSet();
  fill(set, schema, value);
  set.owned = false;
  return set;
}

function fill(node: FieldSetDraft, schema: Schema | undefined, value: Json): void {
  const structure = schema === undefined ? "leaf" : structureOf(schema);
  if (schema === undefined || structure === "leaf") node.owned = true;
  else if (schema.type === "list") {
    if (isList(value)) fillItems(node, schema, value);
  } else if (isObject(value)) fillFields(node, schema, value);
}

function fillFields(node: FieldSetDraft, schema: Schema, value: JsonObject): void {
  for (const [name, inner] of Object.entries(value)) {
    const child = newSet();
    fill(child, behind(schema, name), inner);
    const isBare = inner === null || (isObject(inner) && Object.keys(inner).length === 0);
    if (isBare || declared(schema, name) === undefined) child.owned = true;
    keep(node, fieldElement(name), child);
  }
}

/** Of an item that stands twice only the place is owned: nobody can tell its fields apart. */
function fillItems(node: FieldSetDraft, schema: ListSchema, list: readonly Json[]): void {
  const { items } = indexItems(schema, list);
  for (const [element, same] of items) {
    const child = newSet();
    if (same.length === 1) fill(child, schema.items, same[0]!);
    child.owned = true;
    keep(node, element, child);
  }
}

function keep(node: FieldSetDraft, element: PathElement, child: FieldSetDraft): void {
  if (child.owned || child.below.size > 0) attach(node, element, child);
}

/** The set with every declared field added that holds fields of the set. */
export function withHolders(set: FieldSet, schema: Schema | undefined): FieldSet {
  const below = new Map<PathElement, FieldSet>();
  for (const [element, node] of set.below) {
    const name = fieldName(element);
    const holds = node.below.size > 0 && name !== undefined && schema !== undefined;
    const isHolder = holds && declared(schema, name) !== undefined;
    const inner = node.below.size === 0 ? node : withHolders(node, behindElement(schema, element));
    below.set(element, isHolder && !inner.owned ? { owned: true, below: inner.below } : inner);
  }
  return { owned: set.owned, below };
}
