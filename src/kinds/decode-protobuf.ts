import { encodeBase64 } from "../util/base64.ts";
import { formatDuration } from "../util/duration.ts";
import type { MutableJson } from "../util/json.ts";
import { JsonSyntaxError, parseJsonText, setKey, valuesMax } from "../util/json-text.ts";
import { instantToMicroTime, instantToTime } from "../util/time-format.ts";
import { decodeJson, type Decoded } from "./decode-json.ts";
import type { MapSchema, ObjectSchema, ScalarType, Schema } from "./schema.ts";

/**
 * Kubernetes' protobuf bodies, which kubectl sends from 1.32 on: the envelope `k8s\0` + `Unknown`
 * around one message. The message is read by the kind's schema into the JSON that the same object
 * has, and goes through the JSON decoder, so that both forms store equal objects.
 */

/** The bytes are not such a body; answered as 400. */
export class ProtobufError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "ProtobufError";
  }
}

export interface ProtobufEnvelope {
  readonly apiVersion: string;
  readonly kind: string;
  /** The message itself. */
  readonly raw: Uint8Array;
}

const magic = [0x6b, 0x38, 0x73, 0x00];

/** Opens the envelope. Throws `ProtobufError`. */
export function openEnvelope(bytes: Uint8Array): ProtobufEnvelope {
  if (!magic.every((byte, index) => bytes[index] === byte)) {
    throw new ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]");
  }
  let typeMeta: Uint8Array = new Uint8Array();
  let raw: Uint8Array = new Uint8Array();
  for (const field of fieldsOf(bytes.subarray(magic.length))) {
    if (field.number === 1) typeMeta = bytesOf(field);
    else if (field.number === 2) raw = bytesOf(field);
  }
  const names = ["", ""];
  for (const field of fieldsOf(typeMeta)) {
    if (field.number === 1 || field.number === 2) names[field.number - 1] = textOf(field);
  }
  return { apiVersion: names[0] ?? "", kind: names[1] ?? "", raw };
}

/** A whole body (envelope and message) of one kind. Throws `ProtobufError`. */
export function decodeProtobuf(schema: ObjectSchema, bytes: Uint8Array): Decoded {
  const { apiVersion, kind, raw } = openEnvelope(bytes);
  const value = message(schema, raw, { depth: 0, budget: { left: valuesMax } });
  return decodeJson(schema, { ...value, apiVersion, kind }, { validation: "Ignore" });
}

interface WireField {
  readonly number: number;
  readonly value: bigint | Uint8Array;
}

const depthMax = 64;

/** Where the reader stands: how deep, and how many more values the body may have. */
interface Where {
  readonly depth: number;
  readonly budget: { left: number };
}

function inside(where: Where): Where {
  return { depth: where.depth + 1, budget: where.budget };
}

function* fieldsOf(bytes: Uint8Array): Generator<WireField> {
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = bytes[at];
      if (byte === undefined) throw new ProtobufError("unexpected EOF");
      at += 1;
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
    throw new ProtobufError("proto: integer overflow");
  };
  const take = (length: number): Uint8Array => {
    if (length > bytes.length - at) throw new ProtobufError("unexpected EOF");
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const number = Math.floor(tag / 8);
    if (number < 1) throw new ProtobufError(`proto: illegal tag ${number}`);
    switch (tag % 8) {
      case 0:
        yield { number, value: varint() };
        break;
      case 1:
        yield { number, value: littleEndian(take(8)) };
        break;
      case 2:
        yield { number, value: take(Number(varint())) };
        break;
      case 5:
        yield { number, value: littleEndian(take(4)) };
        break;
      default:
        throw new ProtobufError(`proto: illegal wireType ${tag % 8}`);
    }
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((sum, byte) => sum * 256n + BigInt(byte), 0n);
}

function bytesOf(field: WireField): Uint8Array {
  if (typeof field.value === "bigint") {
    throw new ProtobufError(`proto: wrong wireType = 0 for field ${field.number}`);
  }
  return field.value;
}

function intOf(field: WireField): bigint {
  if (typeof field.value !== "bigint") {
    throw new ProtobufError(`proto: wrong wireType = 2 for field ${field.number}`);
  }
  return BigInt.asIntN(64, field.value);
}

const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

function textOf(field: WireField): string {
  return utf8.decode(bytesOf(field));
}

type Numbered = ReadonlyMap<number, { readonly name: string; readonly schema: Schema; readonly inline: boolean }>;
const numbered = new WeakMap<ObjectSchema, Numbered>();

function numbersOf(schema: ObjectSchema): Numbered {
  const known = numbered.get(schema);
  if (known !== undefined) return known;
  const map = new Map(
    Object.entries(schema.fields)
      .filter(([, field]) => field.wireOnly !== true)
      .map(([name, field]) => [field.number, { name, schema: field.schema, inline: field.inline === true }]),
  );
  numbered.set(schema, map);
  return map;
}

function message(schema: ObjectSchema, bytes: Uint8Array, where: Where): Record<string, MutableJson> {
  if (where.depth > depthMax) throw new ProtobufError("proto: exceeded max depth");
  const out: Record<string, MutableJson> = {};
  const known = numbersOf(schema);
  for (const field of fieldsOf(bytes)) {
    spend(where);
    const target = known.get(field.number);
    if (target === undefined) continue;
    const { name, schema: type, inline } = target;
    if (inline && type.type === "object") {
      Object.assign(out, message(type, bytesOf(field), inside(where)));
    } else if (type.type === "list") {
      const list = (out[name] ??= []) as MutableJson[];
      for (const item of items(type.items, field)) {
        spend(where);
        list.push(single(type.items, item, where));
      }
    } else if (type.type === "map") {
      mapEntry((out[name] ??= {}) as Record<string, MutableJson>, type, bytesOf(field), where);
    } else out[name] = single(type, field, where);
  }
  return out;
}

/** Numbers of a list may stand packed in one field. */
function* items(schema: Schema, field: WireField): Generator<WireField> {
  const packable = schema.type === "int32" || schema.type === "int64" || schema.type === "bool";
  if (!packable || typeof field.value === "bigint") {
    yield field;
    return;
  }
  let value = 0n;
  let shift = 0n;
  for (const byte of field.value) {
    if (shift >= 70n) throw new ProtobufError("proto: integer overflow");
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte >= 0x80) continue;
    yield { number: field.number, value: BigInt.asUintN(64, value) };
    value = 0n;
    shift = 0n;
  }
  if (shift > 0n) throw new ProtobufError("unexpected EOF");
}

/** Two bytes make an empty message: without a bound a body would become millions of objects. */
function spend(where: Where): void {
  where.budget.left -= 1;
  if (where.budget.left < 0) throw new ProtobufError(`proto: exceeded max number of values: ${valuesMax}`);
}

function mapEntry(out: Record<string, MutableJson>, schema: MapSchema, bytes: Uint8Array, where: Where): void {
  let key = "";
  let value: MutableJson = null;
  for (const field of fieldsOf(bytes)) {
    if (field.number === 1) key = textOf(field);
    else if (field.number === 2) value = single(schema.values, field, where);
  }
  setKey(out, key, value);
}

function single(schema: Schema, field: WireField, where: Where): MutableJson {
  switch (schema.type) {
    case "object":
      return message(schema, bytesOf(field), inside(where));
    case "list": {
      // A list as a map's value is wrapped in a message of its own.
      const list: MutableJson[] = [];
      for (const item of fieldsOf(bytesOf(field))) {
        spend(where);
        if (item.number === 1) list.push(single(schema.items, item, inside(where)));
      }
      return list;
    }
    case "map": {
      const out: Record<string, MutableJson> = {};
      mapEntry(out, schema, bytesOf(field), inside(where));
      return out;
    }
    default:
      return scalar(schema.type, field);
  }
}

function scalar(type: ScalarType, field: WireField): MutableJson {
  switch (type) {
    case "string":
      return textOf(field);
    case "bool":
      return intOf(field) !== 0n;
    case "int32":
      return Number(BigInt.asIntN(32, intOf(field)));
    case "int64":
      return Number(intOf(field));
    case "double":
      return new Float64Array(new BigUint64Array([BigInt.asUintN(64, intOf(field))]).buffer)[0] ?? 0;
    case "bytes":
      return encodeBase64(bytesOf(field));
    case "quantity":
      return textIn(bytesOf(field), 1);
    case "intOrString":
      return intOrString(bytesOf(field));
    case "time":
    case "microTime":
      return time(type, bytesOf(field));
    case "duration":
      return formatDuration(numberIn(bytesOf(field), 1));
    case "json":
    case "fieldsV1":
      return rawJson(bytesOf(field));
  }
}

function textIn(bytes: Uint8Array, number: number): string {
  let text = "";
  for (const field of fieldsOf(bytes)) if (field.number === number) text = textOf(field);
  return text === "" ? "0" : text;
}

function numberIn(bytes: Uint8Array, number: number): bigint {
  let value = 0n;
  for (const field of fieldsOf(bytes)) if (field.number === number) value = intOf(field);
  return value;
}

function intOrString(bytes: Uint8Array): MutableJson {
  if (numberIn(bytes, 1) === 0n) return Number(BigInt.asIntN(32, numberIn(bytes, 2)));
  let text = "";
  for (const field of fieldsOf(bytes)) if (field.number === 3) text = textOf(field);
  return text;
}

function time(type: "time" | "microTime", bytes: Uint8Array): MutableJson {
  const instant = {
    seconds: Number(numberIn(bytes, 1)),
    nanos: Number(BigInt.asIntN(32, numberIn(bytes, 2))),
  };
  if (instant.seconds === 0 && instant.nanos === 0) return null;
  return type === "time" ? instantToTime(instant) : instantToMicroTime(instant);
}

function rawJson(bytes: Uint8Array): MutableJson {
  for (const field of fieldsOf(bytes)) {
    if (field.number !== 1) continue;
    const text = textOf(field);
    if (text === "") return null;
    try {
      return parseJsonText(text).value as MutableJson;
    } catch (error) {
      if (error instanceof JsonSyntaxError) throw new ProtobufError(error.message);
      throw error;
    }
  }
  return null;
}
