import { invariant } from "./errors.ts";

/**
 * Binary layouts are written and read with these two, so that every format of ours (log, outcomes,
 * snapshots) has the same primitives: big-endian fixed integers, LEB128 varints for safe integers,
 * length-prefixed UTF-8 and bytes. A short or malformed input breaks an invariant; it never yields
 * a wrong value.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** UTF-8 of `text`; lone surrogates become U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes of the UTF-8 of the first `end` characters; ASCII, which most texts are, is not encoded for it. */
export function utf8Length(text: string, end: number): number {
  for (let at = 0; at < end; at += 1) {
    if (text.charCodeAt(at) > 0x7f) return encoder.encode(text.slice(0, end)).length;
  }
  return end;
}

export function textOf(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}

export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

export function concatBytes(parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const all = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

const hexDigits = "0123456789abcdef";

/** Lower case, two digits a byte. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += `${hexDigits[byte >> 4]}${hexDigits[byte & 15]}`;
  return text;
}

export function fromHex(hex: string): Uint8Array {
  invariant(/^([0-9a-f]{2})*$/.test(hex), "hex text has two lower-case digits a byte");
  const bytes = new Uint8Array(hex.length / 2);
  for (let i = 0; i < bytes.length; i++) {
    bytes[i] = Number.parseInt(hex.slice(2 * i, 2 * i + 2), 16);
  }
  return bytes;
}

const shortText = 100;
/** UTF-8 bytes of one UTF-16 unit. */
const utf8UnitBytesMax = 3;

const chunkBytes = 64 * 1_024;
const chunk = { bytes: new Uint8Array(0), used: 0 };

/**
 * Zeroed bytes. Small ones are cut from a common piece of memory, since an engine takes longer to set one up
 * than to fill it; the piece lives as long as the last of them.
 */
function room(count: number): Uint8Array {
  if (count > chunkBytes / 8) return new Uint8Array(count);
  if (chunk.used + count > chunk.bytes.length) {
    chunk.bytes = new Uint8Array(chunkBytes);
    chunk.used = 0;
  }
  const start = chunk.used;
  chunk.used += count;
  return chunk.bytes.subarray(start, start + count);
}

const numberBytes = new Uint8Array(8);
const numberView = new DataView(numberBytes.buffer);

/** Appends to one growing buffer. `finish` hands the buffer out without a copy; the writer is used up then, or `reset`. */
export class Writer {
  #bytes: Uint8Array;
  #length = 0;

  constructor(capacity = 256) {
    this.#bytes = room(Math.max(capacity, 16));
  }

  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  u16(value: number): this {
    this.#reserve(2);
    this.#bytes[this.#length++] = value >>> 8;
    this.#bytes[this.#length++] = value;
    return this;
  }

  u32(value: number): this {
    this.#reserve(4);
    this.#bytes[this.#length++] = value >>> 24;
    this.#bytes[this.#length++] = value >>> 16;
    this.#bytes[this.#length++] = value >>> 8;
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** 48 bits: terms, indexes and sequence numbers of fixed-width records. */
  u48(value: number): this {
    invariant(value >= 0 && value < 2 ** 48, "a 48-bit integer fits its field");
    this.u16(Math.floor(value / 2 ** 32));
    return this.u32(value >>> 0);
  }

  f64(value: number): this {
    numberView.setFloat64(0, value);
    return this.raw(numberBytes);
  }

  /** Seven bits a byte, low bits first, for 0 … 2^53-1. */
  varint(value: number): this {
    invariant(Number.isSafeInteger(value) && value >= 0, "a varint is a safe natural number");
    this.#reserve(8);
    let rest = value;
    while (rest > 0x7f) {
      this.#bytes[this.#length++] = (rest % 128) | 0x80;
      rest = Math.floor(rest / 128);
    }
    this.#bytes[this.#length++] = rest;
    return this;
  }

  /** The bytes alone, without a length. */
  raw(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  /** The UTF-8 alone, without a length. */
  text(text: string): this {
    let rest = text;
    this.#reserve(rest.length);
    for (;;) {
      const { read, written } = encoder.encodeInto(rest, this.#bytes.subarray(this.#length));
      this.#length += written;
      if (read === rest.length) return this;
      rest = rest.slice(read);
      this.#reserve(rest.length * utf8UnitBytesMax);
    }
  }

  /** Length, then the bytes. */
  bytes(bytes: Uint8Array): this {
    return this.varint(bytes.length).raw(bytes);
  }

  /** Length of the UTF-8, then the UTF-8. Short ASCII, which names are, needs no encoder. */
  string(text: string): this {
    const { length } = text;
    if (length > shortText) return this.bytes(encoder.encode(text));
    this.#reserve(length + 1);
    const start = this.#length + 1;
    for (let i = 0; i < length; i++) {
      const unit = text.charCodeAt(i);
      if (unit > 0x7f) return this.bytes(encoder.encode(text));
      this.#bytes[start + i] = unit;
    }
    this.#bytes[this.#length] = length;
    this.#length = start + length;
    return this;
  }

  /** Begins anew in the same buffer: what `finish` answered before is overwritten. */
  reset(): this {
    this.#length = 0;
    return this;
  }

  finish(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #reserve(count: number): void {
    const wanted = this.#length + count;
    if (wanted <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(wanted, this.#bytes.length * 2));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

/** Reads what `Writer` wrote. Byte slices are views on the input, not copies. */
export class Reader {
  readonly #bytes: Uint8Array;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes;
    this.#at = at;
  }

  /** Offset of the next byte. */
  get at(): number {
    return this.#at;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  get done(): boolean {
    return this.#at === this.#bytes.length;
  }

  u8(): number {
    return this.#bytes[this.#take(1)] as number;
  }

  u16(): number {
    return this.u8() * 2 ** 8 + this.u8();
  }

  u32(): number {
    return this.u16() * 2 ** 16 + this.u16();
  }

  u48(): number {
    const high = this.u16();
    return high * 2 ** 32 + this.u32();
  }

  f64(): number {
    numberBytes.set(this.raw(8));
    return numberView.getFloat64(0);
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      invariant(Number.isSafeInteger(value), "a varint is a safe natural number");
      if (byte < 0x80) return value;
    }
  }

  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  bytes(): Uint8Array {
    return this.raw(this.varint());
  }

  string(): string {
    return decoder.decode(this.bytes());
  }

  /** States that the layout was read to its last byte. */
  end(): void {
    invariant(this.done, "a record ends where its layout ends");
  }

  #take(count: number): number {
    const at = this.#at;
    invariant(at + count <= this.#bytes.length, "a record is not shorter than its layout");
    this.#at = at + count;
    return at;
  }
}
