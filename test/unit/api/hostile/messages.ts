import { P } from "../harness.ts";
import type { Hostile } from "./bodies.ts";

/** Bodies in protobuf, made by hand: the numbers are those of Pod (metadata 1, spec 2). */

function varint(value: number | bigint): readonly number[] {
  const out: number[] = [];
  let rest = BigInt(value);
  do {
    const low = Number(rest & 0x7fn);
    rest >>= 7n;
    out.push(rest > 0n ? low | 0x80 : low);
  } while (rest > 0n);
  return out;
}

/** A field with a length: text, bytes or message. */
export function field(number: number, ...parts: readonly (Uint8Array | readonly number[] | string)[]): Uint8Array {
  const content = Buffer.concat(
    parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Uint8Array.from(part))),
  );
  return Buffer.concat([Uint8Array.from([...varint(number * 8 + 2), ...varint(content.length)]), content]);
}

export function envelope(raw: Uint8Array | readonly number[], kind = "Pod", apiVersion = "v1"): Uint8Array {
  return Buffer.concat([Buffer.from("k8s\0"), field(1, field(1, apiVersion), field(2, kind)), field(2, raw)]);
}

function nested(levels: number): Uint8Array {
  let inner: Uint8Array = new Uint8Array();
  for (let level = 0; level < levels; level += 1) inner = field(2, inner);
  return inner;
}

function message(what: string, bytes: () => Uint8Array, code: number, says: RegExp): Hostile {
  const headers = { "content-type": "application/vnd.kubernetes.protobuf" };
  return { what: `protobuf: ${what}`, method: "POST", target: P, body: bytes, headers, code, says };
}

const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from([0x6b, 0x38, 0x73, 0, ...values]);
const emptyFields = (count: number): Uint8Array => new Uint8Array(count * 2).map((_, at) => (at % 2 === 0 ? 0x12 : 0));
/** Spec with supplementalGroups, whose numbers stand packed. */
const packed = (content: Uint8Array): Uint8Array => envelope(field(2, field(14, field(4, content))));

export const messages: readonly Hostile[] = [
  message(
    "nothing",
    () => new Uint8Array(),
    400,
    /does not appear to be a protobuf message, expected prefix \[107 56 115 0\]/,
  ),
  message("a text", () => Buffer.from("hello world"), 400, /expected prefix/),
  message("the prefix alone", () => bytes(), 422, /spec\.containers: Required value/),
  message("a length that lies", () => bytes(0x12, 0xff, 0xff, 0xff, 0xff, 0x0f), 400, /^unexpected EOF$/),
  message("a negative length", () => bytes(0x12, ...Array<number>(9).fill(0xff), 1), 400, /^unexpected EOF$/),
  message("an overlong number", () => bytes(...Array<number>(20).fill(0x80), 1), 400, /^proto: integer overflow$/),
  message("a tag of nothing", () => envelope([0, 0, 0]), 400, /^proto: illegal tag 0$/),
  message("groups 20,000 deep", () => envelope(new Uint8Array(20_000).fill(0x0b)), 400, /^proto: illegal wireType 3$/),
  message("a number in place of a message", () => envelope([0x08, 1]), 400, /^proto: wrong wireType = 0 for field 1$/),
  message("messages 300 deep", () => envelope(nested(300)), 422, /spec\.containers/),
  message(
    "1.5 million empty fields",
    () => envelope(emptyFields(1_500_000)),
    400,
    /^proto: exceeded max number of values: 200000$/,
  ),
  message(
    "a million empty containers",
    () => envelope(field(2, emptyFields(1_000_000))),
    400,
    /exceeded max number of values/,
  ),
  message(
    "a packed number without end",
    () => packed(new Uint8Array(1 << 20).fill(0xff)),
    400,
    /^proto: integer overflow$/,
  ),
  message("a packed number cut off", () => packed(Uint8Array.of(0x80)), 400, /^unexpected EOF$/),
  message(
    "a million packed numbers",
    () => packed(new Uint8Array(1 << 20).fill(1)),
    400,
    /exceeded max number of values/,
  ),
  message("another kind", () => envelope([], "Secret"), 400, /Secret in version "v1" cannot be handled as a Pod/),
  message("a kind with the name of a prototype", () => envelope([], "__proto__", "__proto__"), 400, /__proto__/),
  message(
    "a name that is no UTF-8",
    () => envelope(field(1, field(1, [0xff, 0xfe]))),
    422,
    /metadata\.name: Invalid value/,
  ),
  message(
    "managed fields with deep JSON",
    () => envelope(field(1, field(17, field(7, field(1, "[".repeat(100_000)))))),
    400,
    /^exceeded max depth$/,
  ),
  message("a time beyond all calendars", () => envelope(field(1, field(9, [0x08, ...varint(2n ** 62n)]))), 400, /./),
];
