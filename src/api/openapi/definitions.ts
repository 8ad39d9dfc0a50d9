import { enumOf } from "../../kinds/enums.ts";
import { flatten } from "../../kinds/flat-schema.ts";
import type { Field, ListSchema, ObjectSchema, ScalarType, Schema } from "../../kinds/schema.ts";
import { deleteOptionsSchema, listMetaSchema } from "../../kinds/schemas/meta.ts";
import { subresourceBodies } from "../../kinds/subresources.ts";
import type { MutableJsonObject } from "../../util/json.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import type { Resource } from "../rest/resources.ts";

/**
 * Definitions of OpenAPI from the kinds' schemas. Version 2 and 3 differ in how they refer to each
 * other and in how they spell the few types that are a number or a text.
 */
export interface Dialect {
  readonly version: 2 | 3;
  /** Prefix of references. */
  readonly prefix: "#/definitions/" | "#/components/schemas/";
}

export const dialects: { readonly v2: Dialect; readonly v3: Dialect } = {
  v2: { version: 2, prefix: "#/definitions/" },
  v3: { version: 3, prefix: "#/components/schemas/" },
};

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

const meta = "io.k8s.apimachinery.pkg.apis.meta.v1";
const names: Partial<Record<ScalarType, string>> = {
  quantity: "io.k8s.apimachinery.pkg.api.resource.Quantity",
  intOrString: "io.k8s.apimachinery.pkg.util.intstr.IntOrString",
  time: `${meta}.Time`,
  microTime: `${meta}.MicroTime`,
  duration: `${meta}.Duration`,
  json: "io.k8s.apimachinery.pkg.runtime.RawExtension",
  fieldsV1: `${meta}.FieldsV1`,
};

/** All definitions that the resources need, by name, sorted. */
export function definitionsOf(
  resources: readonly Resource[],
  dialect: Dialect,
): Readonly<Record<string, MutableJsonObject>> {
  const found = new Map<string, MutableJsonObject>();
  const kinds = new Map<string, GroupVersionKind[]>();
  const addKind = (schema: ObjectSchema, kind: GroupVersionKind): void => {
    const { group, version } = kind;
    kinds.set(schema.name, [...(kinds.get(schema.name) ?? []), { group, version, kind: kind.kind }]);
    collect(schema, dialect, found);
  };
  const seen = new Set<string>();
  for (const resource of resources) {
    addKind(resource.schema, resource);
    for (const sub of resource.subresources) {
      const body = Object.hasOwn(subresourceBodies, sub.name) ? subresourceBodies[sub.name] : undefined;
      if (body === undefined || seen.has(body.schema.name)) continue;
      seen.add(body.schema.name);
      if (!kinds.has(body.schema.name)) addKind(body.schema, body);
    }
    const apiVersion = apiVersionOf(resource);
    if (!kinds.get(deleteOptionsSchema.name)?.some((known) => apiVersionOf(known) === apiVersion)) {
      const { group, version } = resource;
      addKind(deleteOptionsSchema, { group, version, kind: "DeleteOptions" });
    }
    if (resource.verbs.includes("list")) addList(resource, { dialect, found, kinds });
  }
  for (const [name, list] of kinds) {
    const definition = found.get(name)!;
    const own = definition["properties"] as MutableJsonObject;
    definition["properties"] = { ...typeMeta, ...own };
    definition["x-kubernetes-group-version-kind"] = list.map((kind) => ({ ...kind }));
  }
  collect(listMetaSchema, dialect, found);
  addStatus(found, dialect);
  addScalars(found, dialect);
  return Object.fromEntries([...found].toSorted(([a], [b]) => (a < b ? -1 : 1)));
}

const typeMeta: MutableJsonObject = {
  apiVersion: {
    type: "string",
    description: "Version of the schema in which this object is written, with its group.",
  },
  kind: { type: "string", description: "Kind of the object, in CamelCase." },
};

function addList(
  resource: Resource,
  target: {
    readonly dialect: Dialect;
    readonly found: Map<string, MutableJsonObject>;
    readonly kinds: Map<string, GroupVersionKind[]>;
  },
): void {
  const name = `${resource.schema.name}List`;
  const { dialect, found, kinds } = target;
  const { group, version, kind } = resource;
  kinds.set(name, [{ group, version, kind: `${kind}List` }]);
  found.set(name, {
    type: "object",
    description: `A list of ${resource.plural}.`,
    required: ["items"],
    properties: {
      items: {
        type: "array",
        description: "The objects.",
        items: referenceTo(resource.schema.name, dialect),
      },
      metadata: { ...referenceTo(listMetaSchema.name, dialect) },
    },
  });
}

function collect(schema: Schema, dialect: Dialect, found: Map<string, MutableJsonObject>): void {
  if (schema.type === "list") return collect(schema.items, dialect, found);
  if (schema.type === "map") return collect(schema.values, dialect, found);
  if (schema.type !== "object" || found.has(schema.name)) return;
  const definition: MutableJsonObject = { type: "object" };
  found.set(schema.name, definition);
  if (schema.description !== "") definition["description"] = schema.description;
  const required: string[] = [];
  const properties: MutableJsonObject = {};
  for (const [name, field] of flatten(schema).fields) {
    properties[name] = propertyOf(field, dialect);
    // Clients that read the older document take no notice of them.
    const values = dialect.version === 3 ? enumOf(schema.name, name) : undefined;
    if (values !== undefined) properties[name] = { ...properties[name], enum: [...values] };
    if (field.required === true) required.push(name);
    collect(field.schema, dialect, found);
  }
  if (required.length > 0) definition["required"] = required;
  definition["properties"] = properties;
  if (schema.atomic === true) definition["x-kubernetes-map-type"] = "atomic";
}

function propertyOf(field: Field, dialect: Dialect): MutableJsonObject {
  const property: MutableJsonObject = { ...typeOf(field.schema, dialect) };
  if (field.description !== "") property["description"] = field.description;
  if (field.default !== undefined) property["default"] = field.default;
  if (field.retainKeys === true) property["x-kubernetes-patch-strategy"] = "retainKeys";
  if (dialect.version === 3 && property["$ref"] !== undefined) {
    const { $ref, ...rest } = property;
    return { ...rest, allOf: [{ $ref: $ref! }] };
  }
  return property;
}

function referenceTo(name: string, dialect: Dialect): { $ref: string } {
  return { $ref: `${dialect.prefix}${name}` };
}

function typeOf(schema: Schema, dialect: Dialect): MutableJsonObject {
  switch (schema.type) {
    case "object":
      return referenceTo(schema.name, dialect);
    case "list":
      return listOf(schema, dialect);
    case "map":
      return {
        type: "object",
        additionalProperties: typeOf(schema.values, dialect),
        ...(schema.atomic === true ? { "x-kubernetes-map-type": "atomic" } : {}),
      };
    default:
      return scalarOf(schema.type, dialect);
  }
}

function listOf(schema: ListSchema, dialect: Dialect): MutableJsonObject {
  const { patch, keys } = schema;
  return {
    type: "array",
    items: typeOf(schema.items, dialect),
    "x-kubernetes-list-type": schema.list,
    ...(keys === undefined ? {} : { "x-kubernetes-list-map-keys": [...keys] }),
    ...(patch === undefined ? {} : { "x-kubernetes-patch-strategy": patch.strategy }),
    ...(patch?.key === undefined ? {} : { "x-kubernetes-patch-merge-key": patch.key }),
  };
}

function scalarOf(type: ScalarType, dialect: Dialect): MutableJsonObject {
  const name = names[type];
  if (name !== undefined) return referenceTo(name, dialect);
  switch (type) {
    case "bool":
      return { type: "boolean" };
    case "int32":
    case "int64":
      return { type: "integer", format: type };
    case "double":
      return { type: "number", format: "double" };
    case "bytes":
      return { type: "string", format: "byte" };
    default:
      return { type: "string" };
  }
}

function addScalars(found: Map<string, MutableJsonObject>, { version }: Dialect): void {
  const either = (format?: string): MutableJsonObject =>
    version === 2
      ? { type: "string", ...(format === undefined ? {} : { format }) }
      : {
          oneOf: [{ type: format === undefined ? "number" : "integer" }, { type: "string" }],
          ...(format === undefined ? {} : { format }),
        };
  const add = (type: ScalarType, definition: MutableJsonObject): void => {
    found.set(names[type]!, definition);
  };
  add("quantity", { ...either(), description: "An amount with a suffix: 500m, 1Gi." });
  add("intOrString", {
    ...either("int-or-string"),
    description: "A number, or a text such as a percentage or a port's name.",
  });
  add("time", { type: "string", format: "date-time", description: "A time, RFC 3339." });
  add("microTime", {
    type: "string",
    format: "date-time",
    description: "A time with microseconds, RFC 3339.",
  });
  add("duration", { type: "string", description: "A length of time: 1h30m." });
  add("json", { type: "object", description: "Any object." });
  add("fieldsV1", { type: "object", description: "A set of fields, as a tree." });
}

/** `Status` is no kind of the catalogue, but an answer of every operation. */
function addStatus(found: Map<string, MutableJsonObject>, dialect: Dialect): void {
  found.set(`${meta}.Status`, {
    type: "object",
    description: "The answer where there is no object to answer with.",
    properties: {
      ...typeMeta,
      code: { type: "integer", format: "int32", description: "The HTTP status code." },
      message: { type: "string", description: "What happened, for people." },
      reason: { type: "string", description: "What happened, in one word." },
      status: { type: "string", description: "Success or Failure." },
      details: { type: "object", description: "More about it, by reason." },
      metadata: { ...referenceTo(listMetaSchema.name, dialect) },
    },
    "x-kubernetes-group-version-kind": [{ group: "", kind: "Status", version: "v1" }],
  });
}
