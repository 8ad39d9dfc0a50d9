import { concatBytes, textOf, utf8 } from "../bytes.ts";
import { InvariantError } from "../errors.ts";
import { createInflater, InflateError, type Inflater } from "../inflate.ts";
import { spdyDictionary } from "./dictionary.ts";

/**
 * Frames of SPDY/3.1, the protocol under exec, attach and port-forward. The decoder holds back nothing
 * but a control frame that is not whole: data leave as they come, so that a frame of 16 MiB costs no
 * memory, and are the same bytes however the input was cut.
 *
 * Header blocks are one zlib stream for each direction of the connection. Ours is made of stored
 * blocks, which need no compressor: nothing makes a sender compress.
 */
export type SpdyFrame =
  | { readonly kind: "open"; readonly stream: number; readonly headers: SpdyHeaders; readonly isLast: boolean }
  /** The answer to an `open` of ours. */
  | { readonly kind: "reply"; readonly stream: number; readonly isLast: boolean }
  /** A piece of a data frame; `isLast` only on its last piece. */
  | { readonly kind: "data"; readonly stream: number; readonly bytes: Uint8Array; readonly isLast: boolean }
  | { readonly kind: "reset"; readonly stream: number; readonly code: number }
  | { readonly kind: "ping"; readonly id: number }
  | { readonly kind: "goAway"; readonly code: number }
  /** The peer takes so many more bytes; stream 0: on the whole connection. */
  | { readonly kind: "window"; readonly stream: number; readonly bytes: number }
  /** The window that each stream begins with, from the peer's settings. */
  | { readonly kind: "initialWindow"; readonly bytes: number }
  | { readonly kind: "other"; readonly type: number };

/** Lower-case names; of several values the first. */
export type SpdyHeaders = ReadonlyMap<string, string>;

/** What the other side sent is no SPDY/3.1, or more than is taken. */
export class SpdyError extends Error {
  override readonly name = "SpdyError";
}

const controlBit = 0x80000000;
const version = 3;
const frameHeadBytes = 8;
const flagFin = 1;
const types = { open: 1, reply: 2, reset: 3, settings: 4, ping: 6, goAway: 7, headers: 8, window: 9 } as const;
const settingInitialWindow = 7;
const streamMask = 0x7fffffff;
/** What one DATA frame carries at most; the form allows 16 MiB. */
const dataBytesMax = 256 * 1024;
/** A control frame as it is sent, and its headers unpacked. */
const controlBytesMax = 64 * 1024;
const headerBytesMax = 64 * 1024;
const headersMax = 128;

export interface HeaderCompressor {
  next(block: Uint8Array): Uint8Array;
}

/** Its first output begins with zlib's two bytes, so one is needed for each connection. */
export function createHeaderCompressor(): HeaderCompressor {
  let isFirst = true;
  return {
    next: (block) => {
      if (block.length > 0xffff) throw new InvariantError("a header block has at most 65535 bytes");
      const length = block.length;
      const stored = Uint8Array.of(0, length & 0xff, length >> 8, ~length & 0xff, (~length >> 8) & 0xff);
      const head = isFirst ? [Uint8Array.of(0x78, 0x01)] : [];
      isFirst = false;
      // An empty block behind it, as a flush makes it: Go's reader hands nothing out before.
      return concatBytes([...head, stored, block, Uint8Array.of(0, 0, 0, 0xff, 0xff)]);
    },
  };
}

export function synStream(
  stream: number,
  headers: Readonly<Record<string, string>>,
  compressor: HeaderCompressor,
): Uint8Array {
  // Priority and slot are zero.
  const body = [u32(stream), u32(0), Uint8Array.of(0, 0), compressor.next(headerBlock(headers))];
  return controlFrame(types.open, concatBytes(body));
}

export function synReply(stream: number, compressor: HeaderCompressor): Uint8Array {
  return controlFrame(types.reply, concatBytes([u32(stream), compressor.next(headerBlock({}))]));
}

function headerBlock(headers: Readonly<Record<string, string>>): Uint8Array {
  const entries = Object.entries(headers);
  return concatBytes([
    u32(entries.length),
    ...entries.flatMap(([name, value]) => [name, value].flatMap(lengthAndText)),
  ]);
}

function lengthAndText(text: string): Uint8Array[] {
  const bytes = utf8(text);
  return [u32(bytes.length), bytes];
}

/** One or more frames; only the last has the FIN. */
export function dataFrames(stream: number, bytes: Uint8Array, isLast: boolean): Uint8Array {
  const frames: Uint8Array[] = [];
  let offset = 0;
  do {
    const piece = bytes.subarray(offset, offset + dataBytesMax);
    offset += piece.length;
    const flags = isLast && offset >= bytes.length ? flagFin : 0;
    frames.push(u32(stream), u32(((flags << 24) | piece.length) >>> 0), piece);
  } while (offset < bytes.length);
  return concatBytes(frames);
}

export function pingFrame(id: number): Uint8Array {
  return controlFrame(types.ping, u32(id));
}

export function resetFrame(stream: number, code: number): Uint8Array {
  return controlFrame(types.reset, concatBytes([u32(stream), u32(code)]));
}

export function goAwayFrame(lastStream: number, code: number): Uint8Array {
  return controlFrame(types.goAway, concatBytes([u32(lastStream), u32(code)]));
}

export function windowFrame(stream: number, bytes: number): Uint8Array {
  return controlFrame(types.window, concatBytes([u32(stream), u32(bytes)]));
}

/** The settings of a peer that takes `bytes` on each stream before it says more. */
export function initialWindowFrame(bytes: number): Uint8Array {
  return controlFrame(types.settings, concatBytes([u32(1), u32(settingInitialWindow), u32(bytes)]));
}

function controlFrame(kind: number, body: Uint8Array): Uint8Array {
  return concatBytes([u32((controlBit | (version << 16) | kind) >>> 0), u32(body.length), body]);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}

export interface SpdyDecoder {
  /** What is complete with these bytes. Throws `SpdyError`; nothing may be pushed after it. */
  push(bytes: Uint8Array): readonly SpdyFrame[];
}

/** `carried`: what is left of the data frame that is being received. */
interface Carried {
  readonly stream: number;
  left: number;
  readonly isLast: boolean;
}

export function createSpdyDecoder(): SpdyDecoder {
  const inflater = createInflater(spdyDictionary);
  let rest: Uint8Array = new Uint8Array(0);
  let carried: Carried | undefined;
  return {
    push: (bytes) => {
      const frames: SpdyFrame[] = [];
      let buffer = rest.length === 0 ? bytes : concatBytes([rest, bytes]);
      for (;;) {
        if (carried !== undefined) {
          const piece = buffer.subarray(0, carried.left);
          buffer = buffer.subarray(piece.length);
          carried.left -= piece.length;
          const { stream, left } = carried;
          const isLast = carried.isLast && left === 0;
          if (piece.length > 0 || isLast) frames.push({ kind: "data", stream, bytes: piece, isLast });
          if (left > 0) break;
          carried = undefined;
        }
        if (buffer.length < frameHeadBytes) break;
        const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
        const first = view.getUint32(0);
        const size = view.getUint32(4) & 0xffffff;
        const isFin = (view.getUint8(4) & flagFin) !== 0;
        if (first < controlBit) {
          carried = { stream: first, left: size, isLast: isFin };
          buffer = buffer.subarray(frameHeadBytes);
          continue;
        }
        if (((first >>> 16) & 0x7fff) !== version) throw new SpdyError("the other side does not speak SPDY/3");
        if (size > controlBytesMax) throw new SpdyError(`a control frame of ${size} bytes`);
        if (buffer.length < frameHeadBytes + size) break;
        const body = buffer.subarray(frameHeadBytes, frameHeadBytes + size);
        frames.push(decodeControl({ type: first & 0xffff, body, isFin }, inflater));
        buffer = buffer.subarray(frameHeadBytes + size);
      }
      // A copy: the caller's buffer is not held for a few bytes of it.
      rest = buffer.slice();
      return frames;
    },
  };
}

interface Control {
  readonly type: number;
  readonly body: Uint8Array;
  readonly isFin: boolean;
}

function decodeControl({ type, body, isFin }: Control, inflater: Inflater): SpdyFrame {
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  const word = (index: number): number => {
    if (body.length < 4 * (index + 1)) throw new SpdyError(`a control frame of type ${type} is cut short`);
    return view.getUint32(4 * index);
  };
  const stream = (): number => word(0) & streamMask;
  switch (type) {
    case types.open: {
      word(1);
      const headers = readHeaders(body.subarray(10), inflater);
      return { kind: "open", stream: stream(), headers, isLast: isFin };
    }
    case types.reply:
      stream();
      readHeaders(body.subarray(4), inflater);
      return { kind: "reply", stream: stream(), isLast: isFin };
    case types.headers:
      // Nothing of it is of use, but the blocks behind it build on this one.
      stream();
      readHeaders(body.subarray(4), inflater);
      return { kind: "other", type };
    case types.reset:
      return { kind: "reset", stream: stream(), code: word(1) };
    case types.settings:
      return settings(word, word(0));
    case types.ping:
      return { kind: "ping", id: word(0) };
    case types.goAway:
      return { kind: "goAway", code: body.length >= 8 ? word(1) : 0 };
    case types.window:
      return { kind: "window", stream: stream(), bytes: word(1) & streamMask };
    default:
      return { kind: "other", type };
  }
}

function settings(word: (index: number) => number, count: number): SpdyFrame {
  for (let index = 0; index < count; index += 1) {
    const id = word(1 + 2 * index) & 0xffffff;
    const value = word(2 + 2 * index);
    if (id === settingInitialWindow) return { kind: "initialWindow", bytes: value & streamMask };
  }
  return { kind: "other", type: types.settings };
}

function readHeaders(packed: Uint8Array, inflater: Inflater): SpdyHeaders {
  const block = inflate(packed, inflater);
  const view = new DataView(block.buffer, block.byteOffset, block.length);
  let at = 0;
  const number = (): number => {
    if (at + 4 > block.length) throw new SpdyError("a header block is cut short");
    at += 4;
    return view.getUint32(at - 4);
  };
  const text = (): string => {
    const length = number();
    if (at + length > block.length) throw new SpdyError("a header block is cut short");
    at += length;
    return textOf(block.subarray(at - length, at));
  };
  const count = number();
  if (count > headersMax) throw new SpdyError(`${count} headers`);
  const headers = new Map<string, string>();
  for (let index = 0; index < count; index += 1) {
    const name = text().toLowerCase();
    headers.set(name, text().split("\u0000")[0]!);
  }
  return headers;
}

function inflate(packed: Uint8Array, inflater: Inflater): Uint8Array {
  try {
    return inflater.push(packed, headerBytesMax);
  } catch (error) {
    if (error instanceof InflateError) throw new SpdyError(`a header block: ${error.message}`, { cause: error });
    throw error;
  }
}
