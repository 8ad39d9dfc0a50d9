import { allKinds as kinds } from "../catalogue.ts";
import type { Field, ObjectSchema, Schema } from "../schema.ts";
import { flatten } from "../flat-schema.ts";
import { secretReferenceSchema } from "../schemas/core-shared.ts";
import { deleteOptionsSchema, listMetaSchema, managedFieldsEntrySchema } from "../schemas/meta.ts";
import { reviewKinds, subresourceBodies } from "../subresources.ts";

/**
 * Text of `types.ts`: one interface a schema, so that the types can never say something else than
 * what is decoded. `npm run types` writes it; a test compares the committed file.
 */
export function generateTypes(): string {
  const writer = new Writer();
  for (const shared of [managedFieldsEntrySchema, listMetaSchema, secretReferenceSchema]) writer.visit(shared);
  for (const kind of kinds) writer.root(kind.schema);
  for (const body of [...Object.values(subresourceBodies), ...reviewKinds]) writer.root(body.schema);
  writer.visit(deleteOptionsSchema);
  return `${header}\n${writer.interfaces.join("\n")}\n${typesByResource()}\n${typesByName()}`;
}

/** What a typed client answers, by the name of the resource. */
function typesByResource(): string {
  const member = (id: string): string => (id.includes(".") ? JSON.stringify(id) : id);
  const lines = kinds.map((kind) => `  readonly ${member(kind.id)}: ${typeName(kind.schema)};\n`);
  return `/** Every kind's type, by the name of its resource. */\nexport interface KindTypes {\n${lines.join("")}}\n`;
}

/** The same by what objects say of themselves; of two kinds with one name the first. */
function typesByName(): string {
  const types = new Map(kinds.toReversed().map(({ kind, schema }) => [kind, typeName(schema)]));
  const lines = [...types].toReversed().map(([name, type]) => `  readonly ${name}: ${type};\n`);
  return `/** Every kind's type, by its name. */\nexport interface KindsByName {\n${lines.join("")}}\n`;
}

const header = `// Generated from the schemas by \`npm run types\`; a test keeps it true. Do not edit.
import type { KubeObject, ObjectMeta, OwnerReference } from "../kind.ts";

export type { ObjectMeta, OwnerReference };
`;

/** Declared by hand in `kind.ts`, because everything needs them. */
const imported = new Set(["ObjectMeta", "OwnerReference"]);

class Writer {
  readonly interfaces: string[] = [];
  private readonly written = new Set<string>(imported);

  /** An object with apiVersion, kind and metadata of its own. */
  root(schema: ObjectSchema): void {
    this.write(schema, true);
  }

  visit(schema: Schema): void {
    if (schema.type === "object") this.write(schema, false);
    else if (schema.type === "list") this.visit(schema.items);
    else if (schema.type === "map") this.visit(schema.values);
  }

  /**
   * Of two schemas with one name (EndpointPort) the first stands for both: it is the stricter one,
   * and EndpointSlices of this program always name their ports' numbers.
   */
  private write(schema: ObjectSchema, root: boolean): void {
    const name = typeName(schema);
    if (this.written.has(name)) return;
    this.written.add(name);
    for (const field of Object.values(schema.fields)) this.visit(field.schema);
    const lines = flatten(schema)
      .fields.filter(([member]) => !(root && member === "metadata"))
      .map(([member, field]) => `  readonly ${member}${mark(member, field, root)}: ${typeText(field.schema)};\n`);
    const base = root ? " extends KubeObject" : "";
    this.interfaces.push(`export interface ${name}${base} {\n${lines.join("")}}\n`);
  }
}

/** Decoding gives every kind a spec; other fields are as the schema says. */
function mark(member: string, field: Field, root: boolean): "" | "?" {
  return field.required === true || (root && member === "spec") ? "" : "?";
}

function typeName(schema: ObjectSchema): string {
  return schema.name.split(".").at(-1) ?? schema.name;
}

function typeText(schema: Schema): string {
  switch (schema.type) {
    case "object":
      return typeName(schema);
    case "list": {
      const item = typeText(schema.items);
      return `readonly ${item.includes("|") ? `(${item})` : item}[]`;
    }
    case "map":
      return `Readonly<Record<string, ${typeText(schema.values)}>>`;
    case "bool":
      return "boolean";
    case "int32":
    case "int64":
    case "double":
      return "number";
    case "intOrString":
      return "number | string";
    case "json":
    case "fieldsV1":
      return "unknown";
    case "string":
    case "bytes":
    case "quantity":
    case "time":
    case "microTime":
    case "duration":
      return "string";
  }
}
