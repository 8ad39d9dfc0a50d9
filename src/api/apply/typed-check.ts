import type { ListSchema, ScalarType, Schema } from "../../kinds/schema.ts";
import { goPlain } from "../../util/gojson.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { isList, isObject } from "../json-values.ts";
import { elementText, type PathElement } from "./field-path.ts";
import { behind, duplicateText, itemElement, TypedError, type Problem } from "./structure.ts";

/**
 * Does an applied configuration fit the schema? Stricter than decoding: unknown fields and repeated
 * keys are refused, because nobody could own them. The texts are those of Kubernetes' library.
 */
export function checkTyped(schema: Schema, value: Json): void {
  const problems: Problem[] = [];
  visit(schema, value, { path: "", problems });
  if (problems.length > 0) throw new TypedError(problems);
}

interface Place {
  readonly path: string;
  readonly problems: Problem[];
}

function visit(schema: Schema, value: Json, place: Place): void {
  if (value === null) return;
  const fail = (text: string): void => void place.problems.push({ path: place.path, text });
  switch (schema.type) {
    case "object":
    case "map":
      if (isObject(value)) visitFields(schema, value, place);
      else fail(`expected map, got ${goPointer(value)}`);
      return;
    case "list":
      if (isList(value)) visitItems(schema, value, place);
      else fail(`expected list, got ${goPointer(value)}`);
      return;
    default: {
      const problem = scalarProblem(schema.type, value);
      if (problem !== undefined) fail(problem);
    }
  }
}

function visitFields(schema: Schema, value: JsonObject, place: Place): void {
  for (const [name, inner] of Object.entries(value)) {
    const path = `${place.path}.${name}`;
    const next = behind(schema, name);
    if (next === undefined) {
      place.problems.push({ path, text: "field not declared in schema" });
      return;
    }
    visit(next, inner, { path, problems: place.problems });
  }
}

function visitItems(schema: ListSchema, list: readonly Json[], place: Place): void {
  const seen = new Set<PathElement>();
  for (const [index, item] of list.entries()) {
    let element: PathElement = `i:${index}`;
    if (schema.list !== "atomic") {
      const found = elementOf(schema, item, index);
      if (typeof found !== "string") {
        place.problems.push({ path: place.path, text: found.text });
        return;
      }
      element = found;
      if (seen.has(element)) place.problems.push({ path: place.path, text: duplicateText(element) });
      seen.add(element);
    }
    visit(schema.items, item, { path: place.path + elementText(element), problems: place.problems });
  }
}

function elementOf(schema: ListSchema, item: Json, index: number): PathElement | Problem {
  try {
    return itemElement(schema, item, index);
  } catch (error) {
    if (error instanceof TypedError) return error.problems[0]!;
    throw error;
  }
}

function scalarProblem(type: ScalarType, value: Json): string | undefined {
  switch (type) {
    case "int32":
    case "int64":
    case "double":
      return typeof value === "number" ? undefined : `expected numeric (int or float), got ${goType(value)}`;
    case "bool":
      return typeof value === "boolean" ? undefined : `expected boolean, got ${goPointer(value)}`;
    case "string":
    case "bytes":
    case "duration":
      return typeof value === "string"
        ? undefined
        : `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case "json":
    case "fieldsV1":
      return undefined;
    default:
      return isObject(value) || isList(value) ? `expected any scalar, got ${goPointer(value)}` : undefined;
  }
}

function goType(value: Json): string {
  if (isObject(value)) return "map[string]interface {}";
  if (isList(value)) return "[]interface {}";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return "string";
}

/** How Go's `%v` prints a pointer to a struct with this one value. */
function goPointer(value: Json): string {
  return `&{${goPlain(value)}}`;
}

function goSyntax(value: Json): string {
  if (isObject(value)) {
    const members = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
    return `map[string]interface {}{${members.map(([key, inner]) => `${JSON.stringify(key)}:${goSyntax(inner)}`).join(", ")}}`;
  }
  if (isList(value)) return `[]interface {}{${value.map(goSyntax).join(", ")}}`;
  return value === null ? "interface {}(nil)" : JSON.stringify(value);
}
