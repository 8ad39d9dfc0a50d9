import type { Field, ObjectSchema, ScalarType } from "./schema.ts";

/** A schema's fields as JSON shows them: inlined messages opened, wire-only fields left out. */
export interface FlatSchema {
  readonly fields: readonly (readonly [name: string, field: Field])[];
  readonly byName: ReadonlyMap<string, Field>;
}

const cache = new WeakMap<ObjectSchema, FlatSchema>();

/** Computed once a schema. */
export function flatten(schema: ObjectSchema): FlatSchema {
  const known = cache.get(schema);
  if (known !== undefined) return known;
  const fields: (readonly [string, Field])[] = [];
  for (const [name, field] of Object.entries(schema.fields)) {
    if (field.wireOnly === true) continue;
    if (field.inline === true && field.schema.type === "object") {
      fields.push(...flatten(field.schema).fields);
    } else fields.push([name, field]);
  }
  const flat: FlatSchema = { fields, byName: new Map(fields) };
  cache.set(schema, flat);
  return flat;
}

/** What Go holds in a required field that was not given; undefined for types without a zero text. */
export function zeroOf(type: ScalarType): string | number | boolean | undefined {
  switch (type) {
    case "string":
      return "";
    case "bool":
      return false;
    case "int32":
    case "int64":
    case "double":
    case "intOrString":
      return 0;
    case "bytes":
    case "quantity":
    case "time":
    case "microTime":
    case "duration":
    case "json":
    case "fieldsV1":
      return undefined;
  }
}
