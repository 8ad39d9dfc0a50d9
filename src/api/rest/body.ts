import { yaml } from "../../env/packages.ts";
import { decodeJson, type Decoded } from "../../kinds/decode-json.ts";
import { decodeProtobuf, ProtobufError } from "../../kinds/decode-protobuf.ts";
import { badRequest, entityTooLarge } from "../../kinds/status-errors.ts";
import { toHex } from "../../util/bytes.ts";
import { messageOf, type StatusError } from "../../util/errors.ts";
import { goQuote } from "../../util/gojson.ts";
import type { Json } from "../../util/json.ts";
import { JsonSyntaxError, parseJsonText } from "../../util/json-text.ts";
import { settleForm, type DecodedForm, type Form, type Validation } from "../form.ts";
import { limits } from "../limits.ts";
import { invalidOptions } from "../refusals.ts";
import type { Call } from "./call.ts";
import { bodyFormat, type BodyFormat } from "./negotiate.ts";
import type { Query } from "./target.ts";

/** Reads a body in any of the three formats into a draft of the form. Throws 400, 413, 415. */
export async function readForm(call: Call, form: Form): Promise<DecodedForm> {
  const format = bodyFormat(call.exchange.headers["content-type"]);
  const validation = fieldValidation(call.target.query);
  const bytes = await call.exchange.body(limits.bodyBytesMax);
  return decodeBytes(form, bytes, { format, validation });
}

function decodeBytes(
  form: Form,
  bytes: Uint8Array,
  options: { readonly format: BodyFormat; readonly validation: Validation },
): DecodedForm {
  const { format, validation } = options;
  if (format === "protobuf") return settleForm(form, fromProtobuf(form, bytes), options);
  const { value, duplicates, doubledKeys } = parseForm(form, bytes, format);
  const decoded = decodeJson(form.schema, value, { validation });
  return settleForm(form, decoded, { validation, duplicates, doubledKeys });
}

/** What cannot be read at all is not known to be of any kind. Throws 400. */
function parseForm(form: Form, bytes: Uint8Array, format: "json" | "yaml"): ParsedText {
  const unrecognized = (problem: string): StatusError =>
    badRequest(`the object provided is unrecognized (must be of type ${form.kind}): ${problem} (${summaryOf(bytes)})`);
  try {
    return readText(bytes, format);
  } catch (error) {
    if (error instanceof JsonSyntaxError) {
      throw unrecognized(`couldn't get version/kind; json parse error: ${error.message}`);
    }
    if (error instanceof YamlError) throw unrecognized(error.message);
    throw error;
  }
}

const summaryBytesMax = 30;

/** The beginning of a body: as text where it looks like an object, else in hex. */
function summaryOf(bytes: Uint8Array): string {
  if (bytes.length === 0) return "<empty>";
  const start = bytes.subarray(0, summaryBytesMax);
  const shown = bytes[0] === openBrace ? new TextDecoder().decode(start) : toHex(start);
  return bytes.length > summaryBytesMax ? `${shown} ...` : shown;
}

const openBrace = 123;

function fromProtobuf(form: Form, bytes: Uint8Array): Decoded {
  try {
    return decodeProtobuf(form.schema, bytes);
  } catch (error) {
    if (error instanceof ProtobufError) throw badRequest(error.message);
    throw error;
  }
}

export interface ParsedText {
  readonly value: Json;
  /** Of JSON: paths of keys that stand twice in one object. */
  readonly duplicates: readonly string[];
  /** Of YAML: `line 5: key "a" already set in map`, as Go's reader says it. */
  readonly doubledKeys: readonly string[];
}

/** JSON or YAML text as data. Throws 400. */
export function parseText(bytes: Uint8Array, format: "json" | "yaml"): ParsedText {
  try {
    return readText(bytes, format);
  } catch (error) {
    if (error instanceof JsonSyntaxError) throw badRequest(error.message);
    if (error instanceof YamlError) throw badRequest(`error converting YAML to JSON: ${error.message}`);
    throw error;
  }
}

/** The text is no YAML; the message begins as Go's reader begins it. */
class YamlError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "YamlError";
  }
}

/** Throws `JsonSyntaxError` and `YamlError`, and 400 for what is no text. */
function readText(bytes: Uint8Array, format: "json" | "yaml"): ParsedText {
  const text = utf8(bytes);
  if (format === "yaml" && !/^\s*[{[]/.test(text)) return parseYaml(text);
  const { value, duplicates } = parseJsonText(text);
  if (format === "json" || duplicates.length === 0) return { value, duplicates, doubledKeys: [] };
  // JSON that was sent as YAML: only the YAML reader knows lines. It is asked where there is something to say.
  const { doubledKeys } = parseYaml(text);
  return { value, duplicates: [], doubledKeys };
}

const strictDecoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function utf8(bytes: Uint8Array): string {
  try {
    return strictDecoder.decode(bytes);
  } catch (error) {
    throw badRequest(`the body is not valid UTF-8: ${String(error)}`);
  }
}

/**
 * YAML 1.1 with merge keys, as Go's reader takes it: `0644` is octal, `no` is false. Its numbers in
 * base 60 and its timestamps are no part of what clients mean, so they stay texts. Reading YAML costs
 * twenty times what JSON costs, so less of it is taken.
 */
function parseYaml(text: string): ParsedText {
  if (text.length > limits.yamlBytesMax) {
    throw entityTooLarge(`Request entity too large: limit of YAML is ${limits.yamlBytesMax}, send JSON instead`);
  }
  const document = yaml().parseDocument(text, {
    version: "1.1",
    merge: true,
    uniqueKeys: false,
    // Both would say every problem of the text in lines of their own: quadratic for hostile texts.
    prettyErrors: false,
    logLevel: "error",
    customTags: (tags) =>
      tags.filter((tag) => {
        if (typeof tag === "string") return tag !== "timestamp";
        return tag.tag !== "tag:yaml.org,2002:timestamp" && !("format" in tag && tag.format === "TIME");
      }),
  });
  const [error] = document.errors;
  if (error !== undefined) {
    const line = text.slice(0, error.pos[0]).split("\n").length;
    throw new YamlError(`yaml: line ${line}: ${error.message}`);
  }
  try {
    const json = JSON.stringify(document.toJS({ maxAliasCount: 100 }));
    const doubledKeys: string[] = [];
    collectDoubled(document.contents, lineCounter(text), doubledKeys);
    return { value: parseJsonText(json ?? "null").value, duplicates: [], doubledKeys };
  } catch (problem) {
    throw new YamlError(`yaml: ${messageOf(problem)}`, { cause: problem });
  }
}

/** The reader keeps the last of keys that stand twice in one map; the others are told, in the order of the text. */
function collectDoubled(node: unknown, lineAt: (offset: number) => number, found: string[]): void {
  const { isMap, isScalar, isSeq } = yaml();
  if (isSeq(node)) {
    for (const item of node.items) collectDoubled(item, lineAt, found);
  } else if (isMap(node)) {
    const seen = new Set<unknown>();
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? key.value : undefined;
      if (isScalar(key) && seen.has(name)) {
        found.push(`line ${lineAt(offsetOf(value) ?? offsetOf(key) ?? 0)}: key ${shownKey(name)} already set in map`);
      }
      seen.add(name);
      collectDoubled(value, lineAt, found);
    }
  }
}

/** Where a value begins. What is written as nothing begins behind its key. */
function offsetOf(node: unknown): number | undefined {
  return yaml().isNode(node) ? node.range?.[0] : undefined;
}

/** Go's `%#v` of a key. */
function shownKey(key: unknown): string {
  return typeof key === "string" ? goQuote(key) : String(key);
}

/** Lines count from 1. Offsets are asked for in rising order. */
function lineCounter(text: string): (offset: number) => number {
  let line = 1;
  let at = 0;
  return (offset) => {
    for (; at < offset && at < text.length; at += 1) if (text[at] === "\n") line += 1;
    return line;
  };
}

/** `Warn` where nothing is said. Throws 422. */
export function fieldValidation(query: Query): Validation {
  const given = query.get("fieldValidation") ?? "";
  if (given === "" || given === "Warn") return "Warn";
  if (given === "Strict" || given === "Ignore") return given;
  throw invalidOptions("CreateOptions.meta.k8s.io", "", [
    {
      reason: "FieldValueNotSupported",
      field: "fieldValidation",
      message: `Unsupported value: ${JSON.stringify(given)}: supported values: "", "Ignore", "Warn", "Strict"`,
    },
  ]);
}
