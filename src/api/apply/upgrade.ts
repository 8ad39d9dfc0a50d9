import { annotationsBytesMax } from "../../kinds/metadata.ts";
import { goJson } from "../../util/gojson.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { byteLength } from "../../util/names.ts";
import { isObject, member } from "../json-values.ts";
import { compare } from "./compare.ts";
import { difference, emptySet, union, type FieldSet } from "./field-set.ts";
import { fieldsOf } from "./fields-of.ts";
import type { Territory } from "./ownership.ts";
import { TypedError } from "./structure.ts";
import { checkTyped } from "./typed-check.ts";

/**
 * The way from `kubectl apply` to `kubectl apply --server-side`: the annotation in which the client
 * kept what it applied last says which fields were its own.
 */

/** Only this manager is the client that wrote the annotation. */
export const upgradingManager = "kubectl";

const annotation = "kubectl.kubernetes.io/last-applied-configuration";

/** Text of the annotation; empty: there is none. */
function lastApplied(object: JsonObject): string {
  const metadata = member(object, "metadata");
  const annotations = isObject(metadata) ? member(metadata, "annotations") : undefined;
  const text = isObject(annotations) ? member(annotations, annotation) : undefined;
  return typeof text === "string" ? text : "";
}

/**
 * Fields of the live object that still are as the client applied them last: it may change them
 * whoever owns them. Empty where the annotation is absent or of no use.
 */
export function fieldsLastApplied(territory: Territory, live: JsonObject): FieldSet {
  const config = parseObject(lastApplied(live));
  if (config === undefined || config["apiVersion"] !== territory.apiVersion) return emptySet;
  const { apiVersion: _version, kind: _kind, ...body } = config;
  try {
    checkTyped(territory.schema, body);
    checkTyped(territory.schema, live);
    const { added, modified, removed } = compare(territory.schema, body, live);
    return difference(fieldsOf(territory.schema, body), union(union(added, modified), removed));
  } catch (error) {
    if (error instanceof TypedError) return emptySet;
    throw error;
  }
}

function parseObject(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/**
 * The object with the annotation brought up to date, where it has one: the old client can go on
 * from there. Dropped if it would make the annotations too large.
 */
export function withLastApplied(object: JsonObject, config: JsonObject): JsonObject {
  if (lastApplied(object) === "") return object;
  const metadata = member(object, "metadata") as JsonObject;
  const { [annotation]: _old, ...others } = member(metadata, "annotations") as Readonly<Record<string, string>>;
  const text = `${goJson(sorted(stripped(config)))}\n`;
  let bytes = byteLength(annotation) + byteLength(text);
  for (const [key, value] of Object.entries(others)) bytes += byteLength(key) + byteLength(value);
  const annotations = bytes > annotationsBytesMax ? others : { ...others, [annotation]: text };
  return { ...object, metadata: { ...metadata, annotations } };
}

function stripped(config: JsonObject): JsonObject {
  const metadata = member(config, "metadata");
  const annotations = isObject(metadata) ? member(metadata, "annotations") : undefined;
  if (!isObject(metadata) || !isObject(annotations)) return config;
  const { [annotation]: _own, ...others } = annotations;
  return { ...config, metadata: { ...metadata, annotations: others } };
}

function sorted(value: Json): Json {
  if (Array.isArray(value)) return value.map(sorted);
  if (!isObject(value)) return value;
  const members = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(members.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
