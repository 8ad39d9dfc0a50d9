import type { Json, JsonObject, MutableJson } from "../util/json.ts";
import { setKey } from "../util/json-text.ts";
import { conversionError } from "./conversion-error.ts";
import { decodeScalar, goScalarName, jsonTypeName } from "./decode-scalar.ts";
import { flatten, zeroOf } from "./flat-schema.ts";
import type { Draft } from "./kind.ts";
import type { Field, ListSchema, MapSchema, ObjectSchema, Schema } from "./schema.ts";

/**
 * JSON data to a draft of one kind, as Go's decoder and encoder together would do it: unknown
 * fields dropped (and told), nulls and meaningless zeros dropped, scalars canonical, fields in the
 * order of the schema, maps sorted by key. Equal objects have equal JSON afterwards.
 */

export interface DecodeOptions {
  /** `Ignore` does not look for unknown fields. */
  readonly validation: "Ignore" | "Warn" | "Strict";
  /**
   * Whose words a type error has: those of Go's JSON decoder (`json: cannot unmarshal …`), or those of
   * Kubernetes' conversion of data that is decoded already, which strategic merge patches go through.
   */
  readonly words?: "decoder" | "converter";
}

export interface Decoded {
  readonly draft: Draft;
  /** `unknown field "spec.replicaz"`. */
  readonly unknown: readonly string[];
  /** Type errors in Go's words; the first is what Kubernetes answers. Empty = the draft is good. */
  readonly errors: readonly string[];
}

/** Never throws. `apiVersion` and `kind` are taken as they stand ("" if absent). */
export function decodeJson(schema: ObjectSchema, value: Json, options: DecodeOptions): Decoded {
  const decoder = new Decoder(options.validation !== "Ignore", options.words === "converter");
  const draft: Draft = { apiVersion: "", kind: "", metadata: {} };
  if (!isObject(value)) {
    decoder.errors.push(`json: cannot unmarshal ${jsonTypeName(value)} into Go value of type ${goTypeName(schema)}`);
    return { draft, unknown: [], errors: decoder.errors };
  }
  for (const name of ["apiVersion", "kind"] as const) {
    const given = value[name];
    if (typeof given === "string") draft[name] = given;
    else if (given !== undefined && given !== null) {
      decoder.mismatch(schema, [name], jsonTypeName(given), "string");
    }
  }
  const rest = decoder.object(schema, value, true);
  for (const [name, member] of Object.entries(rest)) setKey(draft, name, member);
  return { draft, unknown: decoder.unknown, errors: decoder.errors };
}

/** `v1.PodSpec`, `[]v1.Container`, `map[string]string`: how Go prints a type. */
function goTypeName(schema: Schema): string {
  switch (schema.type) {
    case "object":
      return schema.name.split(".").slice(-2).join(".");
    case "list":
      return `[]${goTypeName(schema.items)}`;
    case "map":
      return `map[string]${goTypeName(schema.values)}`;
    default:
      return goScalarName(schema.type);
  }
}

function isObject(value: Json): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

class Decoder {
  readonly unknown: string[] = [];
  readonly errors: string[] = [];
  private readonly strict: boolean;
  private readonly path: (string | number)[] = [];
  /** The innermost object: Go names it in its errors. */
  private owner: ObjectSchema | undefined;
  private readonly converts: boolean;

  constructor(strict: boolean, converts: boolean) {
    this.strict = strict;
    this.converts = converts;
  }

  mismatch(owner: ObjectSchema, path: readonly (string | number)[], what: string, type: string): void {
    const struct = owner.name.split(".").at(-1) ?? "";
    const field = path.filter((step) => typeof step === "string").join(".");
    this.errors.push(`json: cannot unmarshal ${what} into Go struct field ${struct}.${field} of type ${type}`);
  }

  private mismatchHere(value: Json, schema: Schema): void {
    const what = jsonTypeName(value);
    if (this.converts) this.errors.push(conversionError(value, schema));
    else if (this.owner === undefined) {
      this.errors.push(`json: cannot unmarshal ${what} into Go value of type ${goTypeName(schema)}`);
    } else this.mismatch(this.owner, this.path, what, goTypeName(schema));
  }

  object(schema: ObjectSchema, value: JsonObject, root = false): Record<string, Json> {
    const outer = this.owner;
    this.owner = schema;
    const flat = flatten(schema);
    if (this.strict) {
      for (const key of Object.keys(value)) {
        if (flat.byName.has(key) || (root && (key === "apiVersion" || key === "kind"))) continue;
        this.path.push(key);
        this.unknown.push(`unknown field "${pathText(this.path)}"`);
        this.path.pop();
      }
    }
    const out: Record<string, Json> = {};
    for (const [name, field] of flat.fields) {
      const given = value[name];
      // Few of the fields are there, and those that seem to be may be inherited.
      const member = given === undefined || !Object.hasOwn(value, name) ? undefined : this.member(name, field, given);
      const kept = member ?? (field.required === true ? zeroField(field) : undefined);
      if (kept !== undefined) out[name] = kept;
    }
    this.owner = outer;
    return out;
  }

  private member(name: string, field: Field, given: Json): Json | undefined {
    if (given === null) return undefined;
    this.path.push(name);
    const value = this.value(field.schema, given);
    this.path.pop();
    return value === undefined || isMeaningless(field, value) ? undefined : value;
  }

  /** Undefined: an error was recorded. */
  value(schema: Schema, given: Json): Json | undefined {
    switch (schema.type) {
      case "object":
        if (isObject(given)) return this.object(schema, given);
        this.mismatchHere(given, schema);
        return undefined;
      case "list":
        return this.list(schema, given);
      case "map":
        return this.map(schema, given);
      default: {
        const result = decodeScalar(schema.type, given);
        if (result.kind === "value") return result.value;
        if (result.kind === "problem") this.errors.push(result.text);
        else if (this.owner === undefined || this.converts) this.mismatchHere(given, schema);
        else this.mismatch(this.owner, this.path, result.what, goTypeName(schema));
        return undefined;
      }
    }
  }

  private list(schema: ListSchema, given: Json): Json | undefined {
    if (!Array.isArray(given)) {
      this.mismatchHere(given, schema);
      return undefined;
    }
    const out: Json[] = [];
    for (const [index, item] of (given as readonly Json[]).entries()) {
      this.path.push(index);
      const value = item === null ? this.zero(schema.items) : this.value(schema.items, item);
      this.path.pop();
      if (value !== undefined) out.push(value);
    }
    return out;
  }

  private map(schema: MapSchema, given: Json): Json | undefined {
    if (!isObject(given)) {
      this.mismatchHere(given, schema);
      return undefined;
    }
    const out: Record<string, MutableJson> = {};
    const keys = Object.keys(given);
    for (const key of keys.length > 1 ? keys.toSorted() : keys) {
      const item = given[key];
      if (item === undefined) continue;
      this.path.push(key);
      const value = item === null ? this.zero(schema.values) : this.value(schema.values, item);
      this.path.pop();
      if (value !== undefined) setKey(out, key, value);
    }
    return out;
  }

  /** What Go makes of `null` inside a list or map. */
  private zero(schema: Schema): Json | undefined {
    switch (schema.type) {
      case "object":
        return this.object(schema, {});
      case "list":
        return [];
      case "map":
        return {};
      case "quantity":
        return "0";
      case "bytes":
        return "";
      default:
        return zeroOf(schema.type);
    }
  }
}

/** Zero and empty where they say nothing: Go's `omitempty` drops them. */
function isMeaningless(field: Field, value: Json): boolean {
  if (field.presence === true || field.required === true) return false;
  switch (field.schema.type) {
    case "string":
      return value === "";
    case "bool":
      return value === false;
    case "int32":
    case "int64":
    case "double":
      return value === 0;
    case "list":
      return Array.isArray(value) && value.length === 0;
    case "map":
      return isObject(value) && Object.keys(value).length === 0;
    default:
      return false;
  }
}

function zeroField(field: Field): Json | undefined {
  const { schema } = field;
  if (schema.type === "object" || schema.type === "list" || schema.type === "map") return undefined;
  return field.presence === true ? undefined : zeroOf(schema.type);
}

function pathText(path: readonly (string | number)[]): string {
  let out = "";
  for (const step of path) {
    if (typeof step === "number") out += `[${step}]`;
    else out += out === "" ? step : `.${step}`;
  }
  return out;
}
