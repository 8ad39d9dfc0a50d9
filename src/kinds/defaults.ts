import { flatten } from "./flat-schema.ts";
import type { Draft, Kind } from "./kind.ts";
import type { ObjectSchema, Schema } from "./schema.ts";

/**
 * Fills what a client may leave out: plain values that stand in the schema, then the kind's own
 * rules. Runs on every decoded body, before admission; running it twice changes nothing.
 */
export function applyDefaults(kind: Kind, draft: Draft): void {
  // Go has no absent structs: an object without a spec has an empty one.
  if (kind.schema.fields["spec"]?.schema.type === "object") draft["spec"] ??= {};
  fill(kind.schema, draft);
  kind.defaults?.(draft);
}

const withDefaults = new WeakMap<ObjectSchema, boolean>();

function fill(schema: Schema, value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  switch (schema.type) {
    case "object":
      if (hasDefaults(schema)) fillObject(schema, value as Record<string, unknown>);
      return;
    case "list":
      if (Array.isArray(value)) for (const item of value) fill(schema.items, item);
      return;
    case "map":
      for (const item of Object.values(value)) fill(schema.values, item);
      return;
    default:
      return;
  }
}

function fillObject(schema: ObjectSchema, value: Record<string, unknown>): void {
  for (const [name, field] of flatten(schema).fields) {
    if (field.default !== undefined && (value[name] === undefined || value[name] === "")) {
      value[name] = field.default;
    }
    if (value[name] !== undefined) fill(field.schema, value[name]);
  }
}

/** Most schemas have none inside, so that whole branches are left out. */
function hasDefaults(schema: ObjectSchema): boolean {
  const known = withDefaults.get(schema);
  if (known !== undefined) return known;
  // A recursive schema asks for itself: nothing new is found there.
  withDefaults.set(schema, false);
  const found = flatten(schema).fields.some(
    ([, field]) => field.default !== undefined || schemaHasDefaults(field.schema),
  );
  withDefaults.set(schema, found);
  return found;
}

function schemaHasDefaults(schema: Schema): boolean {
  if (schema.type === "object") return hasDefaults(schema);
  if (schema.type === "list") return schemaHasDefaults(schema.items);
  return schema.type === "map" && schemaHasDefaults(schema.values);
}
