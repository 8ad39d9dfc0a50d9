import { concatBytes } from "./bytes.ts";

/**
 * Reads one zlib stream (RFC 1950, 1951) as it comes, in pure code: a header block of SPDY must be
 * read before the next frame is looked at, and Node's own stream answers only later. The decoder is a
 * generator that stops wherever the input ends, in the middle of a symbol too.
 *
 * Memory is bounded: the last 32 KiB of output and what one `push` may give.
 */
export interface Inflater {
  /** What these bytes give. Throws `InflateError` for a broken stream or more than `bytesMax` of output. */
  push(bytes: Uint8Array, bytesMax: number): Uint8Array;
}

export class InflateError extends Error {
  override readonly name = "InflateError";
}

type Wait<T> = Generator<undefined, T, undefined>;

interface State {
  input: Uint8Array;
  at: number;
  bits: number;
  bitCount: number;
  /** What earlier pushes gave, as far back as a copy may reach. */
  history: Uint8Array;
  output: number[];
  outputMax: number;
}

const historyBytesMax = 32 * 1024;

/** `dictionary`: what both sides know before the first byte, if the stream's head asks for it. */
export function createInflater(dictionary: Uint8Array): Inflater {
  const state: State = {
    input: new Uint8Array(0),
    at: 0,
    bits: 0,
    bitCount: 0,
    history: new Uint8Array(0),
    output: [],
    outputMax: 0,
  };
  const decoder = decode(state, dictionary);
  decoder.next();
  return {
    push: (bytes, bytesMax) => {
      state.input = bytes;
      state.at = 0;
      state.output = [];
      state.outputMax = bytesMax;
      decoder.next();
      const given = Uint8Array.from(state.output);
      state.history = concatBytes([state.history, given]).slice(-historyBytesMax);
      return given;
    },
  };
}

function* decode(state: State, dictionary: Uint8Array): Wait<never> {
  yield undefined;
  yield* readHead(state, dictionary);
  for (;;) {
    const isLast = (yield* take(state, 1)) === 1;
    const form = yield* take(state, 2);
    if (form === 0) yield* copyStored(state);
    else if (form === 1) yield* decodeSymbols(state, fixedLengths, fixedDistances);
    else if (form === 2) {
      const { lengths, distances } = yield* readTables(state);
      yield* decodeSymbols(state, lengths, distances);
    } else throw new InflateError("a block of an unknown form");
    if (!isLast) continue;
    yield undefined;
    throw new InflateError("the compressed stream has ended");
  }
}

function* readHead(state: State, dictionary: Uint8Array): Wait<void> {
  const method = yield* take(state, 8);
  const flags = yield* take(state, 8);
  if ((method & 15) !== 8 || ((method << 8) | flags) % 31 !== 0) throw new InflateError("no zlib stream");
  if ((flags & 0x20) === 0) return;
  let id = 0;
  for (let index = 0; index < 4; index += 1) id = id * 256 + (yield* take(state, 8));
  if (id !== adler32(dictionary)) throw new InflateError("an unknown dictionary");
  state.history = dictionary;
}

export function adler32(bytes: Uint8Array): number {
  let low = 1;
  let high = 0;
  for (const byte of bytes) {
    low = (low + byte) % 65_521;
    high = (high + low) % 65_521;
  }
  return high * 65_536 + low;
}

/** The next `count` bits (at most 16), the first one lowest; waits for input. */
function* take(state: State, count: number): Wait<number> {
  while (state.bitCount < count) {
    if (state.at === state.input.length) {
      yield undefined;
      continue;
    }
    state.bits |= state.input[state.at]! << state.bitCount;
    state.at += 1;
    state.bitCount += 8;
  }
  const value = state.bits & ((1 << count) - 1);
  state.bits >>>= count;
  state.bitCount -= count;
  return value;
}

function* copyStored(state: State): Wait<void> {
  // The rest of the byte belongs to nobody.
  yield* take(state, state.bitCount % 8);
  const length = yield* take(state, 16);
  const check = yield* take(state, 16);
  if (length !== (~check & 0xffff)) throw new InflateError("a stored block with a wrong length");
  for (let index = 0; index < length; index += 1) give(state, yield* take(state, 8));
}

function give(state: State, byte: number): void {
  if (state.output.length >= state.outputMax) throw new InflateError(`more than ${state.outputMax} bytes at once`);
  state.output.push(byte);
}

/** Codes by length, and the symbols in the order of their codes. */
interface Huffman {
  readonly counts: readonly number[];
  readonly symbols: readonly number[];
}

const codeBitsMax = 15;

function huffman(lengths: readonly number[]): Huffman {
  const counts = Array.from({ length: codeBitsMax + 1 }, (_, length) => lengths.filter((l) => l === length).length);
  let left = 1;
  for (let length = 1; length <= codeBitsMax; length += 1) {
    left = left * 2 - counts[length]!;
    if (left < 0) throw new InflateError("more codes than fit");
  }
  const symbols = lengths
    .map((length, symbol) => ({ length, symbol }))
    .filter(({ length }) => length > 0)
    .sort((a, b) => a.length - b.length || a.symbol - b.symbol)
    .map(({ symbol }) => symbol);
  return { counts, symbols };
}

function* symbolOf(state: State, { counts, symbols }: Huffman): Wait<number> {
  let code = 0;
  let first = 0;
  let index = 0;
  for (let length = 1; length <= codeBitsMax; length += 1) {
    code |= yield* take(state, 1);
    const count = counts[length]!;
    if (code - first < count) return symbols[index + code - first]!;
    index += count;
    first = (first + count) << 1;
    code <<= 1;
  }
  throw new InflateError("a code that stands for nothing");
}

const lengthBases = [
  3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258,
];
const lengthBits = [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];
const distanceBases = [
  1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145,
  8193, 12_289, 16_385, 24_577,
];
const distanceBits = [0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13];
const endOfBlock = 256;

function* decodeSymbols(state: State, lengths: Huffman, distances: Huffman): Wait<void> {
  for (;;) {
    const symbol = yield* symbolOf(state, lengths);
    if (symbol < endOfBlock) give(state, symbol);
    else if (symbol === endOfBlock) return;
    else {
      const base = lengthBases[symbol - 257];
      if (base === undefined) throw new InflateError("a length that there is not");
      const length = base + (yield* take(state, lengthBits[symbol - 257]!));
      const far = yield* symbolOf(state, distances);
      const from = distanceBases[far];
      if (from === undefined) throw new InflateError("a distance that there is not");
      copyBack(state, length, from + (yield* take(state, distanceBits[far]!)));
    }
  }
}

function copyBack(state: State, length: number, distance: number): void {
  const { output, history } = state;
  if (distance > output.length + history.length) throw new InflateError("a copy from before the beginning");
  for (let index = 0; index < length; index += 1) {
    const at = output.length - distance;
    give(state, at >= 0 ? output[at]! : history[history.length + at]!);
  }
}

/** The order in which the lengths of the code-length code are sent. */
const lengthOrder = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

function* readTables(state: State): Wait<{ readonly lengths: Huffman; readonly distances: Huffman }> {
  const lengthCount = (yield* take(state, 5)) + 257;
  const distanceCount = (yield* take(state, 5)) + 1;
  const ordered = (yield* take(state, 4)) + 4;
  const codeLengths = Array.from({ length: 19 }, () => 0);
  for (const position of lengthOrder.slice(0, ordered)) codeLengths[position] = yield* take(state, 3);
  const code = huffman(codeLengths);
  const all: number[] = [];
  while (all.length < lengthCount + distanceCount) {
    const symbol = yield* symbolOf(state, code);
    if (symbol < 16) {
      all.push(symbol);
      continue;
    }
    if (symbol === 16 && all.length === 0) throw new InflateError("nothing to repeat");
    const value = symbol === 16 ? all.at(-1)! : 0;
    const times =
      symbol === 16
        ? 3 + (yield* take(state, 2))
        : symbol === 17
          ? 3 + (yield* take(state, 3))
          : 11 + (yield* take(state, 7));
    for (let count = 0; count < times; count += 1) all.push(value);
  }
  if (all.length > lengthCount + distanceCount) throw new InflateError("more code lengths than were announced");
  return { lengths: huffman(all.slice(0, lengthCount)), distances: huffman(all.slice(lengthCount)) };
}

const repeated = (times: number, value: number): readonly number[] => Array.from({ length: times }, () => value);
const fixedLengths: Huffman = huffman([
  ...repeated(144, 8),
  ...repeated(112, 9),
  ...repeated(24, 7),
  ...repeated(8, 8),
]);
const fixedDistances: Huffman = huffman(repeated(30, 5));
