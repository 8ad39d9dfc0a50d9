import type { Field, ListSchema, Schema } from "../../kinds/schema.ts";
import { jsonEqual } from "../../util/equal.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { isList, isObject, member } from "../json-values.ts";
import { fieldElement, type PathElement } from "./field-path.ts";
import { childOf, insert, newSet, type FieldSet, type FieldSetDraft } from "./field-set.ts";
import { behind, declared, indexItems, isBlank, structureOf } from "./structure.ts";

/** What differs between two objects; no field is in more than one of the sets. */
export interface Comparison {
  readonly added: FieldSet;
  readonly modified: FieldSet;
  readonly removed: FieldSet;
}

/** Throws `TypedError` if an item of a list cannot be told from the others. */
export function compare(schema: Schema, before: JsonObject, after: JsonObject): Comparison {
  const comparing = new Comparing();
  comparing.visit(schema, before, after);
  return comparing;
}

class Comparing implements Comparison {
  readonly added: FieldSetDraft = newSet();
  readonly modified: FieldSetDraft = newSet();
  readonly removed: FieldSetDraft = newSet();
  private readonly path: PathElement[] = [];

  visit(schema: Schema | undefined, before: Json | undefined, after: Json | undefined): void {
    if (before === after) return;
    const isLeaf = schema === undefined || structureOf(schema) === "leaf" || (isBlank(before) && isBlank(after));
    if (isLeaf) {
      if (before === undefined) insert(this.added, this.path);
      else if (after === undefined) insert(this.removed, this.path);
      else if (!jsonEqual(before, after)) insert(this.modified, this.path);
      return;
    }
    if (before === undefined) this.whole(this.added, schema, after!);
    else if (after === undefined) this.whole(this.removed, schema, before);
    // Most of two objects is equal, and that is found out faster as a whole.
    else if (jsonEqual(before, after)) return;
    else if (schema.type === "list") this.items(schema, listOf(before), listOf(after));
    else this.fields(schema, fieldsIn(before) ?? nothing, fieldsIn(after) ?? nothing);
  }

  /** Everything at this place came or went. */
  private whole(set: FieldSetDraft, schema: Schema, value: Json): void {
    let node = set;
    for (const element of this.path) node = childOf(node, element);
    fillWhole(node, schema, value);
  }

  private fields(schema: Schema, before: JsonObject, after: JsonObject): void {
    const one = (name: string): void => {
      const absent = zeroOf(name, declared(schema, name));
      const left = member(before, name) ?? absent;
      const right = member(after, name) ?? absent;
      if (left === right) return;
      this.path.push(fieldElement(name));
      this.visit(behind(schema, name), left, right);
      this.path.pop();
    };
    for (const name of Object.keys(before)) one(name);
    for (const name of Object.keys(after)) if (!Object.hasOwn(before, name)) one(name);
  }

  private items(schema: ListSchema, before: readonly Json[], after: readonly Json[]): void {
    const left = indexItems(schema, before).items;
    const right = indexItems(schema, after).items;
    for (const element of new Set([...left.keys(), ...right.keys()])) {
      this.path.push(element);
      this.item(schema, left.get(element) ?? [], right.get(element) ?? []);
      this.path.pop();
    }
  }

  /** Items that stand more than once are compared as one value. */
  private item(schema: ListSchema, before: readonly Json[], after: readonly Json[]): void {
    if (before.length < 2 && after.length < 2) this.visit(schema.items, before[0], after[0]);
    else if (before.length >= 2 && after.length >= 2) {
      if (!jsonEqual(before, after)) insert(this.modified, this.path);
    } else if (before.length >= 2) {
      this.visit(schema.items, undefined, after[0]);
      insert(this.removed, this.path);
    } else {
      this.visit(schema.items, before[0], undefined);
      insert(this.added, this.path);
    }
  }
}

/** Every place inside the value, and those that hold them. */
function fillWhole(node: FieldSetDraft, schema: Schema | undefined, value: Json): void {
  node.owned = true;
  if (schema === undefined || structureOf(schema) === "leaf" || isBlank(value)) return;
  if (schema.type === "list") {
    for (const [element, same] of indexItems(schema, listOf(value)).items) {
      const child = childOf(node, element);
      child.owned = true;
      if (same.length === 1) fillWhole(child, schema.items, same[0]!);
    }
    return;
  }
  const fields = fieldsIn(value) ?? nothing;
  for (const name of Object.keys(fields)) {
    fillWhole(childOf(node, fieldElement(name)), behind(schema, name), fields[name]!);
  }
}

function listOf(value: Json | undefined): readonly Json[] {
  return isList(value) ? value : [];
}

function fieldsIn(value: Json | undefined): JsonObject | undefined {
  return isObject(value) ? value : undefined;
}

const always: ReadonlySet<string> = new Set([
  "metadata",
  "spec",
  "status",
  "template",
  "jobTemplate",
  "strategy",
  "updateStrategy",
  "resources",
  "podSelector",
  "scaleTargetRef",
  "loadBalancer",
  "nodeInfo",
  "daemonEndpoints",
  "kubeletEndpoint",
]);
const nothing: JsonObject = {};
const noItems: readonly Json[] = [];

/**
 * What stands for an absent field inside an object that is in both: fields that are plain structs in
 * Kubernetes' types, and required lists, are never absent there, so nobody comes to own them by
 * filling them.
 */
function zeroOf(name: string, field: Field | undefined): Json | undefined {
  if (field === undefined) return undefined;
  if (field.schema.type === "object") return always.has(name) || field.required === true ? nothing : undefined;
  return field.schema.type === "list" && field.required === true ? noItems : undefined;
}
