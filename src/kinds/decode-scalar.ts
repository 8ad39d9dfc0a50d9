import { decodeBase64, encodeBase64 } from "../util/base64.ts";
import { formatDuration, parseDuration } from "../util/duration.ts";
import { goQuote } from "../util/gojson.ts";
import type { Json } from "../util/json.ts";
import { canonicalQuantity, quantityError } from "../util/quantity.ts";
import { canonicalMicroTime, canonicalTime } from "../util/time-format.ts";
import type { ScalarType } from "./schema.ts";

/** One JSON value of a scalar type, checked and brought to its canonical form. */
export type ScalarResult =
  | { readonly kind: "value"; readonly value: Json }
  /** Go's `cannot unmarshal <what> into …`. */
  | { readonly kind: "mismatch"; readonly what: string }
  /** The type's own complaint. */
  | { readonly kind: "problem"; readonly text: string };

/** How Go names a JSON value in its errors, where no number was wanted. */
export function jsonTypeName(value: Json): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "array";
  switch (typeof value) {
    case "string":
      return "string";
    case "boolean":
      return "bool";
    case "object":
      return "object";
    default:
      return "number";
  }
}

/** How Go names a scalar type. */
export function goScalarName(type: ScalarType): string {
  const names: Readonly<Record<ScalarType, string>> = {
    string: "string",
    bool: "bool",
    int32: "int32",
    int64: "int64",
    double: "float64",
    bytes: "[]uint8",
    quantity: "resource.Quantity",
    intOrString: "intstr.IntOrString",
    time: "v1.Time",
    microTime: "v1.MicroTime",
    duration: "v1.Duration",
    json: "runtime.RawExtension",
    fieldsV1: "v1.FieldsV1",
  };
  return names[type];
}

function good(value: Json): ScalarResult {
  return { kind: "value", value };
}

function mismatch(value: Json): ScalarResult {
  return { kind: "mismatch", what: jsonTypeName(value) };
}

/** `value` is not null. */
export function decodeScalar(type: ScalarType, value: Json): ScalarResult {
  switch (type) {
    case "string":
      return typeof value === "string" ? good(value) : mismatch(value);
    case "bool":
      return typeof value === "boolean" ? good(value) : mismatch(value);
    case "int32":
    case "int64":
      return integer(type, value);
    case "double":
      return typeof value === "number" ? good(value) : mismatch(value);
    case "intOrString":
      return typeof value === "string" ? good(value) : integer("int32", value);
    case "bytes":
      return base64(value);
    case "quantity":
      return quantity(value);
    case "time":
      return time(value, canonicalTime);
    case "microTime":
      return time(value, canonicalMicroTime);
    case "duration":
      return duration(value);
    case "json":
    case "fieldsV1":
      return good(value);
  }
}

function integer(type: "int32" | "int64", value: Json): ScalarResult {
  // Rows hold plain JSON numbers: an integer that a double would round is refused, never changed.
  if (typeof value !== "number") return mismatch(value);
  const limit = type === "int32" ? 2_147_483_647 : Number.MAX_SAFE_INTEGER;
  const fits = Number.isInteger(value) && value <= limit && value >= -limit - 1;
  return fits ? good(value === 0 ? 0 : value) : { kind: "mismatch", what: `number ${value}` };
}

function base64(value: Json): ScalarResult {
  if (typeof value !== "string") return mismatch(value);
  const bytes = decodeBase64(value);
  if (bytes === undefined) {
    return { kind: "problem", text: `illegal base64 data at input byte ${illegalByte(value)}` };
  }
  return good(/[\r\n]/.test(value) ? encodeBase64(bytes) : value);
}

function illegalByte(text: string): number {
  const at = text.search(/[^A-Za-z0-9+/=\r\n]/);
  return at >= 0 ? at : Math.floor(text.length / 4) * 4;
}

function quantity(value: Json): ScalarResult {
  // A bare number is a quantity too.
  const text = typeof value === "number" ? String(value) : value;
  if (typeof text !== "string") return { kind: "problem", text: quantityError };
  const canonical = canonicalQuantity(text);
  return canonical === undefined ? { kind: "problem", text: quantityError } : good(canonical);
}

function time(value: Json, canonical: (text: string) => string | undefined): ScalarResult {
  if (typeof value !== "string") return mismatch(value);
  const text = canonical(value);
  if (text !== undefined) return good(text);
  const quoted = goQuote(value);
  const layout = '"2006-01-02T15:04:05Z07:00"';
  return {
    kind: "problem",
    text: `parsing time ${quoted} as ${layout}: cannot parse ${quoted} as "2006"`,
  };
}

function duration(value: Json): ScalarResult {
  if (typeof value !== "string") return mismatch(value);
  const nanos = parseDuration(value);
  return nanos === undefined
    ? { kind: "problem", text: `time: invalid duration ${goQuote(value)}` }
    : good(formatDuration(nanos));
}
