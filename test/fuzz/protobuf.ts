import type { ObjectSchema, Schema } from "../../src/kinds/schema.ts";

/** Writes JSON data as Kubernetes' protobuf, by the schema; what does not fit its field is left out. */

function varint(value: bigint): Uint8Array {
  const out: number[] = [];
  let rest = BigInt.asUintN(64, value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return Uint8Array.from(out);
}

function bytes(number: number, content: Uint8Array): Uint8Array {
  return Buffer.concat([varint(BigInt(number * 8 + 2)), varint(BigInt(content.length)), content]);
}

function text(number: number, content: string): Uint8Array {
  return bytes(number, Buffer.from(content));
}

function number(field: number, value: unknown): Uint8Array {
  const whole = typeof value === "number" && Number.isInteger(value) ? BigInt(value) : 0n;
  return Buffer.concat([varint(BigInt(field * 8)), varint(whole)]);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function encodeBody(kind: { readonly kind: string; readonly schema: ObjectSchema }, value: unknown): Uint8Array {
  const apiVersion = isObject(value) && typeof value["apiVersion"] === "string" ? value["apiVersion"] : "v1";
  const name = isObject(value) && typeof value["kind"] === "string" ? value["kind"] : kind.kind;
  const raw = message(kind.schema, value);
  return Buffer.concat([
    Buffer.from("k8s\0"),
    bytes(1, Buffer.concat([text(1, apiVersion), text(2, name)])),
    bytes(2, raw),
  ]);
}

function message(schema: ObjectSchema, value: unknown): Uint8Array {
  if (!isObject(value)) return new Uint8Array();
  const parts: Uint8Array[] = [];
  for (const [name, field] of Object.entries(schema.fields)) {
    if (field.inline === true && field.schema.type === "object") {
      parts.push(bytes(field.number, message(field.schema, value)));
    } else if (Object.hasOwn(value, name)) parts.push(...member(field.schema, field.number, value[name]));
  }
  return Buffer.concat(parts);
}

function member(schema: Schema, field: number, value: unknown): readonly Uint8Array[] {
  switch (schema.type) {
    case "object":
      return [bytes(field, message(schema, value))];
    case "list":
      return Array.isArray(value) ? value.flatMap((item) => member(schema.items, field, item)) : [];
    case "map":
      if (!isObject(value)) return [];
      return Object.entries(value).map(([key, item]) =>
        bytes(field, Buffer.concat([text(1, key), ...member(schema.values, 2, item)])),
      );
    case "bool":
      return [number(field, value === true ? 1 : 0)];
    case "int32":
    case "int64":
      return [number(field, value)];
    case "double":
      return [
        Buffer.concat([
          varint(BigInt(field * 8 + 1)),
          new Uint8Array(Float64Array.of(typeof value === "number" ? value : 0).buffer),
        ]),
      ];
    case "bytes":
      return [bytes(field, Buffer.from(words(value), "base64"))];
    case "quantity":
      return [bytes(field, text(1, words(value)))];
    case "intOrString":
      return [
        bytes(field, typeof value === "string" ? Buffer.concat([number(1, 1), text(3, value)]) : number(2, value)),
      ];
    case "time":
    case "microTime":
      return [bytes(field, number(1, Math.floor(Date.parse(words(value)) / 1_000) || 0))];
    case "duration":
      return [bytes(field, number(1, 1_000_000_000))];
    case "json":
    case "fieldsV1":
      return [bytes(field, text(1, JSON.stringify(value)))];
    case "string":
      return [text(field, words(value))];
  }
}

/** Not by `String`: a hostile object may have a `toString` that is none. */
function words(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
