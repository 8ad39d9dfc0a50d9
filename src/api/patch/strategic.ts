import { flatten } from "../../kinds/flat-schema.ts";
import type { ListSchema, ObjectSchema, Schema } from "../../kinds/schema.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { jsonEqual } from "../../util/equal.ts";
import { canonicalText, isList, isObject, member } from "../json-values.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import { refusal } from "../refusals.ts";

/**
 * Strategic merge patch: a merge patch that knows the schema. Lists with a merge key merge item by
 * item; directives (`$patch`, `$retainKeys`, `$deleteFromPrimitiveList/<f>`, `$setElementOrder/<f>`)
 * say what plain data cannot. Directives never reach the result.
 */
export function applyStrategicPatch(schema: ObjectSchema, document: Json, patch: Json): Json {
  if (!isObject(patch)) throw badRequest("a strategic merge patch must be an object");
  return mergeObject(schema, isObject(document) ? document : {}, patch);
}

const deletePrefix = "$deleteFromPrimitiveList/";
const orderPrefix = "$setElementOrder/";

function mergeObject(schema: Schema | undefined, original: JsonObject, patch: JsonObject): JsonObject {
  const directive = member(patch, "$patch");
  if (directive === "delete") return {};
  if (directive === "replace") return plain(schema, without(patch, "$patch"));
  if (directive !== undefined && directive !== "merge") {
    throw badRequest(`unknown $patch directive: ${JSON.stringify(directive)}`);
  }
  const result = new Map<string, Json>(Object.entries(retained(original, patch)));
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith("$")) continue;
    if (value === null) result.delete(key);
    else {
      const before = result.get(key);
      result.set(key, mergeValue(memberSchema(schema, key), before, value));
    }
  }
  for (const [key, value] of Object.entries(patch)) {
    if (key.startsWith(deletePrefix)) deleteScalars(result, key.slice(deletePrefix.length), value);
  }
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith(orderPrefix)) continue;
    const name = key.slice(orderPrefix.length);
    reorder(result, name, { order: value, schema, original: member(original, name) });
  }
  return Object.fromEntries(result);
}

/** Schema of member `name` of a value of `schema`; undefined where nothing is known about it. */
function memberSchema(schema: Schema | undefined, name: string): Schema | undefined {
  if (schema?.type === "object") return flatten(schema).byName.get(name)?.schema;
  return schema?.type === "map" ? schema.values : undefined;
}

function mergeValue(schema: Schema | undefined, before: Json | undefined, patch: Json): Json {
  if (isObject(patch)) return mergeObject(schema, isObject(before) ? before : {}, patch);
  if (isList(patch)) {
    const strategy = schema?.type === "list" ? schema.patch : undefined;
    if (schema?.type !== "list" || strategy === undefined || strategy.strategy === "replace") {
      return plain(schema, patch);
    }
    const items = isList(before) ? before : [];
    return strategy.key === undefined
      ? mergeScalars(items, patch)
      : mergeByKey(schema, strategy.key, { before: items, patch });
  }
  return patch;
}

/** The value as data: what stands in a patch where nothing stood before. */
function plain<T extends Json>(schema: Schema | undefined, value: T): T;
function plain(schema: Schema | undefined, value: Json): Json {
  if (isList(value)) {
    const items = schema?.type === "list" ? schema.items : undefined;
    return value
      .filter((item) => !isObject(item) || (item["$patch"] ?? "merge") === "merge")
      .map((item) => plain(items, item));
  }
  return isObject(value) ? mergeObject(schema, {}, value) : value;
}

function without(object: JsonObject, key: string): JsonObject {
  return Object.fromEntries(Object.entries(object).filter(([name]) => name !== key));
}

function retained(original: JsonObject, patch: JsonObject): JsonObject {
  const keep = member(patch, "$retainKeys");
  if (keep === undefined) return original;
  if (!isList(keep)) throw badRequest("invalid patch format of retainKeys");
  const names = new Set(keep);
  for (const [key, value] of Object.entries(patch)) {
    if (!key.startsWith("$") && value !== null && !names.has(key)) {
      throw badRequest("invalid patch format of retainKeys");
    }
  }
  return Object.fromEntries(Object.entries(original).filter(([key]) => names.has(key)));
}

function mergeScalars(before: readonly Json[], patch: readonly Json[]): readonly Json[] {
  const result = [...before];
  for (const value of patch) {
    if (!result.some((present) => jsonEqual(present, value))) result.push(value);
  }
  return result;
}

function deleteScalars(result: Map<string, Json>, name: string, values: Json): void {
  if (!isList(values)) throw badRequest("invalid patch format of primitive list");
  const list = result.get(name);
  if (!isList(list)) return;
  result.set(
    name,
    list.filter((item) => !values.some((value) => jsonEqual(value, item))),
  );
}

function mergeByKey(
  schema: ListSchema,
  key: string,
  lists: { readonly before: readonly Json[]; readonly patch: readonly Json[] },
): readonly Json[] {
  const { patch } = lists;
  const replaces = patch.some((item) => isObject(item) && item["$patch"] === "replace" && !Object.hasOwn(item, key));
  if (replaces) return plain(schema, patch);
  let result = [...lists.before];
  for (const item of patch) {
    if (!isObject(item)) throw badRequest("a list with a merge key takes objects in a strategic merge patch");
    const value = keyOf(item, key);
    if (item["$patch"] === "delete") {
      result = result.filter((present) => !hasKey(present, key, value));
      continue;
    }
    const at = result.findIndex((present) => hasKey(present, key, value));
    if (at < 0) result.push(mergeObject(schema.items, {}, item));
    else result[at] = mergeObject(schema.items, result[at] as JsonObject, item);
  }
  return result;
}

function keyOf(item: JsonObject, key: string): Json {
  const value = member(item, key);
  if (value === undefined) {
    throw refusal(422, "Invalid", `map: ${canonicalText(item)} does not contain declared merge key: ${key}`);
  }
  return value;
}

function hasKey(item: Json, key: string, value: Json): boolean {
  return isObject(item) && jsonEqual(member(item, key), value);
}

/**
 * Brings the merged list into the order that the client asks for. Items that the client does not
 * name keep their place relative to those that stood in the original list.
 */
function reorder(
  result: Map<string, Json>,
  name: string,
  wanted: {
    readonly order: Json;
    readonly schema: Schema | undefined;
    readonly original: Json | undefined;
  },
): void {
  const list = result.get(name);
  if (!isList(wanted.order)) throw badRequest("invalid patch format of setElementOrder list");
  if (!isList(list)) return;
  const field = memberSchema(wanted.schema, name);
  const key = field?.type === "list" ? field.patch?.key : undefined;
  const identity = (item: Json): string =>
    canonicalText(key !== undefined && isObject(item) ? (member(item, key) ?? null) : item);
  const order = wanted.order.map(identity);
  const rank = new Map(order.map((id, position) => [id, position]));
  const named = list
    .filter((item) => rank.has(identity(item)))
    .sort((a, b) => rank.get(identity(a))! - rank.get(identity(b))!);
  const others = list.filter((item) => !rank.has(identity(item)));
  const before = isList(wanted.original) ? wanted.original.map(identity) : [];
  result.set(
    name,
    interleave(others, named, (item) => before.indexOf(identity(item))),
  );
}

function interleave(others: readonly Json[], named: readonly Json[], place: (item: Json) => number): readonly Json[] {
  const result: Json[] = [];
  let next = 0;
  for (const item of named) {
    while (next < others.length) {
      const here = place(others[next]!);
      const there = place(item);
      if (here < 0 || there < 0 || here > there) break;
      result.push(others[next]!);
      next += 1;
    }
    result.push(item);
  }
  return [...result, ...others.slice(next)];
}
