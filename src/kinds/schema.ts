/**
 * The language in which kinds declare their fields. One declaration serves decoding (JSON and
 * protobuf), strict and lenient field validation, defaults, strategic merge, apply, OpenAPI and
 * `kubectl explain`.
 */

export type ScalarType =
  | "string"
  | "bool"
  | "int32"
  | "int64"
  | "double"
  /** base64 in JSON, raw in protobuf */
  | "bytes"
  /** canonicalised on decode */
  | "quantity"
  | "intOrString"
  /** RFC 3339 UTC seconds */
  | "time"
  /** RFC 3339 UTC with six decimals */
  | "microTime"
  | "duration"
  /** any JSON (RawExtension) */
  | "json"
  | "fieldsV1";

export interface ScalarSchema {
  readonly type: ScalarType;
}

export interface ListSchema {
  readonly type: "list";
  readonly items: Schema;
  readonly list: "atomic" | "set" | "map";
  /** Keys of an associative list for apply. */
  readonly keys?: readonly string[];
  /** Strategic merge: `merge` by this key (absent for scalars). */
  readonly patch?: {
    readonly strategy: "merge" | "replace" | "merge,retainKeys";
    readonly key?: string;
  };
}

/** Maps have string keys. A list as value is a message with one repeated field in protobuf. */
export interface MapSchema {
  readonly type: "map";
  readonly values: Schema;
  readonly atomic?: true;
}

export interface ObjectSchema {
  readonly type: "object";
  /** OpenAPI definition name, `io.k8s.api.core.v1.PodSpec`. */
  readonly name: string;
  readonly description: string;
  readonly fields: Readonly<Record<string, Field>>;
  readonly atomic?: true;
}

/** A schema used before it is declared, or shared; resolved lazily (JSONSchemaProps is recursive). */
export type Schema = ScalarSchema | ListSchema | MapSchema | ObjectSchema;

export interface Field {
  /** Protobuf field number. */
  readonly number: number;
  readonly schema: Schema;
  readonly description: string;
  readonly required?: true;
  /** Value filled in on decode where the field is absent (or empty, for strings). */
  readonly default?: string | number | boolean;
  /**
   * A zero or empty value says something else than absence, so it is kept. Other fields that are
   * not required lose theirs on decode, so that equal objects have equal bytes.
   */
  readonly presence?: true;
  /** Nested message in protobuf whose members stand directly in the parent in JSON. */
  readonly inline?: true;
  /** Kept on the wire only, never in JSON. */
  readonly wireOnly?: true;
  /** `retainKeys` of an object (Deployment strategy). */
  readonly retainKeys?: true;
}

type SchemaOrScalar = Schema | ScalarType;

function toSchema(schema: SchemaOrScalar): Schema {
  return typeof schema === "string" ? { type: schema } : schema;
}

export function object(
  name: string,
  description: string,
  fields: Readonly<Record<string, Field>>,
  options: { readonly atomic?: true } = {},
): ObjectSchema {
  return { type: "object", name, description, fields, ...options };
}

export function field(
  number: number,
  schema: SchemaOrScalar,
  description: string,
  options: Omit<Field, "number" | "schema" | "description"> = {},
): Field {
  return { number, schema: toSchema(schema), description, ...options };
}

export function list(
  kind: ListSchema["list"],
  items: SchemaOrScalar,
  options: Pick<ListSchema, "keys" | "patch"> = {},
): ListSchema {
  return { type: "list", list: kind, items: toSchema(items), ...options };
}

export function map(values: SchemaOrScalar, options: { readonly atomic?: true } = {}): MapSchema {
  return { type: "map", values: toSchema(values), ...options };
}
