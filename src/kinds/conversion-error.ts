import type { Json } from "../util/json.ts";
import { goScalarName, jsonTypeName } from "./decode-scalar.ts";
import type { Schema } from "./schema.ts";

/**
 * What Kubernetes says where data of one type stands in the place of another and the data is converted,
 * not decoded: a merged strategic patch. Go counts a whole number as convertible to a text, which is then
 * refused in words of its own.
 */
export function conversionError(value: Json, schema: Schema): string {
  const from = goKind(value);
  switch (schema.type) {
    case "object":
      return `cannot restore struct from: ${from}`;
    case "list":
    case "bytes":
      return `cannot restore slice from ${from}`;
    case "map":
      return `cannot restore map from ${from}`;
    case "string":
    case "bool":
    case "int32":
    case "int64":
    case "double": {
      const to = goScalarName(schema.type);
      const isNumber = from === "int64" || from === "float64";
      const isConvertible = (from === "int64" && to === "string") || (isNumber && /^(int|float)/.test(to));
      return isConvertible ? `cannot convert ${from} to ${to}` : `unrecognized type: ${to}`;
    }
    // The rest read themselves from JSON.
    default:
      return `json: cannot unmarshal ${jsonTypeName(value)} into Go value of type ${goScalarName(schema.type)}`;
  }
}

/** Go's kind of the decoded value. */
function goKind(value: Json): string {
  if (Array.isArray(value)) return "slice";
  switch (typeof value) {
    case "number":
      return Number.isInteger(value) ? "int64" : "float64";
    case "boolean":
      return "bool";
    case "string":
      return "string";
    default:
      return "map";
  }
}
