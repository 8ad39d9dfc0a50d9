import { flatten } from "../../kinds/flat-schema.ts";
import type { ListSchema, ObjectSchema, Schema } from "../../kinds/schema.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { canonicalText, isList, isObject, member } from "../json-values.ts";
import { badRequest } from "../../kinds/status-errors.ts";
import type { StatusError } from "../../util/errors.ts";
import { goPlain } from "../../util/gojson.ts";
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
  if (directive !== undefined && directive !== "merge") throw unknownDirective(directive, patch);
  checkOrders(schema, patch);
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

function unknownDirective(directive: Json, patch: JsonObject): StatusError {
  return badRequest(`unknown patch type: ${goPlain(directive)} in map: ${goPlain(patch)}`);
}

/** A directive of an item, where only `delete` and a `replace` of the whole list mean something. */
function unmergeable(directive: Json, item: JsonObject): StatusError {
  if (directive === "merge") return badRequest("merging lists cannot yet be specified in the patch");
  return unknownDirective(directive, item);
}

function listOfLists(): StatusError {
  return refusal(422, "Invalid", "lists of lists are not supported", {});
}

/** The type that Go decodes such a value into. */
function goType(value: Json): string {
  if (value === null) return "<nil>";
  if (isList(value)) return "[]interface {}";
  if (typeof value === "string") return "string";
  if (typeof value === "boolean") return "bool";
  if (typeof value === "number") return Number.isInteger(value) ? "int64" : "float64";
  return "map[string]interface {}";
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
  const present = new Set(before.map(canonicalText));
  for (const value of patch) {
    const text = canonicalText(value);
    if (present.has(text)) continue;
    present.add(text);
    result.push(value);
  }
  return result;
}

function deleteScalars(result: Map<string, Json>, name: string, values: Json): void {
  if (!isList(values)) throw badRequest("invalid patch format of primitive list");
  if (values.some(isList)) throw listOfLists();
  const list = result.get(name);
  if (!isList(list)) return;
  const gone = new Set(values.map(canonicalText));
  result.set(
    name,
    list.filter((item) => !gone.has(canonicalText(item))),
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
  const result = new KeyedList(lists.before, key);
  for (const item of patch) {
    if (isList(item)) throw listOfLists();
    if (!isObject(item)) throw badRequest(`list element types are not identical: ${goPlain([lists.before, patch])}`);
    const value = canonicalText(keyOf(item, key));
    const directive = member(item, "$patch");
    if (directive === "delete") result.delete(value);
    else if (directive !== undefined) throw unmergeable(directive, item);
    else result.merge(value, (present) => mergeObject(schema.items, present, item));
  }
  return result.items;
}

/** A list whose items are found by their merge key without looking through it for each. */
class KeyedList {
  /** Undefined: deleted. */
  readonly #items: (Json | undefined)[];
  /** Places by the text of the key, first one first. */
  readonly #places = new Map<string, number[]>();

  constructor(items: readonly Json[], key: string) {
    this.#items = [...items];
    for (const [place, item] of items.entries()) {
      const value = isObject(item) ? member(item, key) : undefined;
      if (value !== undefined) this.#add(canonicalText(value), place);
    }
  }

  get items(): readonly Json[] {
    return this.#items.filter((item) => item !== undefined);
  }

  delete(value: string): void {
    for (const place of this.#places.get(value) ?? []) this.#items[place] = undefined;
    this.#places.delete(value);
  }

  /** Merges into the first item with this key, or into an empty one at the end. */
  merge(value: string, merged: (present: JsonObject) => JsonObject): void {
    const place = this.#places.get(value)?.[0];
    if (place === undefined) this.#add(value, this.#items.push(merged({})) - 1);
    else this.#items[place] = merged(this.#items[place] as JsonObject);
  }

  #add(value: string, place: number): void {
    const places = this.#places.get(value);
    if (places === undefined) this.#places.set(value, [place]);
    else places.push(place);
  }
}

function keyOf(item: JsonObject, key: string): Json {
  const value = member(item, key);
  if (value === undefined) {
    throw refusal(422, "Invalid", `map: ${goPlain(item)} does not contain declared merge key: ${key}`);
  }
  return value;
}

/** What a patch lists stands in the order that it asks for, and nothing stands there that the order does not name. */
function checkOrders(schema: Schema | undefined, patch: JsonObject): void {
  for (const [directive, order] of Object.entries(patch)) {
    if (!directive.startsWith(orderPrefix) || !isList(order)) continue;
    const name = directive.slice(orderPrefix.length);
    const list = member(patch, name);
    if (!isList(list) || list.length === 0 || order.length === 0) continue;
    const field = memberSchema(schema, name);
    const key = field?.type === "list" ? field.patch?.key : undefined;
    const identity = (item: Json): string =>
      canonicalText(key !== undefined && isObject(item) ? keyOf(item, key) : item);
    const listed = list.filter((item) => !isObject(item) || member(item, "$patch") === undefined).map(identity);
    let next = 0;
    for (const item of order) if (next < listed.length && identity(item) === listed[next]) next += 1;
    if (next === listed.length) continue;
    throw badRequest(
      `The order in patch list:\n${goPlain(list)}\n doesn't match $setElementOrder list:\n${goPlain(order)}\n`,
    );
  }
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
  if (!isList(wanted.order)) throw badRequest(`expected a []interface {}, but received a ${goType(wanted.order)}`);
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
  const before = new Map<string, number>();
  for (const [place, item] of (isList(wanted.original) ? wanted.original : []).entries()) {
    const id = identity(item);
    if (!before.has(id)) before.set(id, place);
  }
  result.set(
    name,
    interleave(others, named, (item) => before.get(identity(item)) ?? -1),
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
