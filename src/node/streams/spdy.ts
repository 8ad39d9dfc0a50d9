import { concatBytes, utf8 } from "../../util/bytes.ts";
import { InvariantError } from "../../util/errors.ts";

/**
 * SPDY/3.1 frames, as much as containerd's streaming server needs of a client: opening streams,
 * data with half-close, pings. The answers' header blocks are not read.
 *
 * Header blocks are one zlib stream over the connection. Ours is made of stored blocks, which need
 * no compressor; the server takes it, since nothing makes a sender compress.
 */

export type SpdyFrame =
  | {
      readonly kind: "data";
      readonly stream: number;
      readonly bytes: Uint8Array;
      readonly isLast: boolean;
    }
  | { readonly kind: "reset"; readonly stream: number }
  | { readonly kind: "ping"; readonly id: number }
  /** The server opens no streams and is about to go. */
  | { readonly kind: "goAway" }
  /** A reply, settings, a window: nothing to do. */
  | { readonly kind: "other"; readonly type: number };

const controlBit = 0x80000000;
const version = 3;
const frameHead = 8;
const flagFin = 1;
const type = { synStream: 1, reset: 3, ping: 6, goAway: 7 } as const;
/** What one DATA frame carries at most; the form allows 16 MiB. */
const dataBytesMax = 256 * 1024;

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
  const entries = Object.entries(headers);
  const block = concatBytes([
    u32(entries.length),
    ...entries.flatMap(([name, value]) => [name, value].flatMap(lengthAndText)),
  ]);
  // Priority and slot are zero.
  const body = [u32(stream), u32(0), Uint8Array.of(0, 0), compressor.next(block)];
  return controlFrame(type.synStream, concatBytes(body));
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
  return controlFrame(type.ping, u32(id));
}

function controlFrame(kind: number, body: Uint8Array): Uint8Array {
  return concatBytes([u32((controlBit | (version << 16) | kind) >>> 0), u32(body.length), body]);
}

function u32(value: number): Uint8Array {
  return Uint8Array.of(value >>> 24, (value >> 16) & 0xff, (value >> 8) & 0xff, value & 0xff);
}

export interface SpdyDecoder {
  /** Frames that are whole with these bytes. Throws an error for what is no SPDY. */
  push(bytes: Uint8Array): readonly SpdyFrame[];
}

export function createSpdyDecoder(): SpdyDecoder {
  let rest: Uint8Array = new Uint8Array(0);
  return {
    push: (bytes) => {
      const frames: SpdyFrame[] = [];
      let buffer = rest.length === 0 ? bytes : concatBytes([rest, bytes]);
      for (;;) {
        if (buffer.length < frameHead) break;
        const view = new DataView(buffer.buffer, buffer.byteOffset, buffer.length);
        const size = view.getUint32(4) & 0xffffff;
        if (buffer.length < frameHead + size) break;
        frames.push(decodeFrame(view, size, buffer));
        buffer = buffer.subarray(frameHead + size);
      }
      rest = buffer;
      return frames;
    },
  };
}

function decodeFrame(view: DataView, size: number, buffer: Uint8Array): SpdyFrame {
  const first = view.getUint32(0);
  if (first < controlBit) {
    const bytes = buffer.subarray(frameHead, frameHead + size);
    const isLast = (view.getUint8(4) & flagFin) !== 0;
    return { kind: "data", stream: first, bytes, isLast };
  }
  if (((first >>> 16) & 0x7fff) !== version) throw new Error("the other side does not speak SPDY/3");
  const kind = first & 0xffff;
  if (kind === type.reset && size >= 4) return { kind: "reset", stream: view.getUint32(frameHead) };
  if (kind === type.ping && size >= 4) return { kind: "ping", id: view.getUint32(frameHead) };
  if (kind === type.goAway) return { kind: "goAway" };
  return { kind: "other", type: kind };
}
