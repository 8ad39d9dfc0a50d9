import type { Random, Rng } from "../env/env.ts";

/** Random streams from one seed: the same seed and name give the same draws, on every machine. */
export function createSimRandom(seed: number): Random {
  const streams = new Map<string, Rng>();
  return {
    stream(name) {
      let stream = streams.get(name);
      if (stream === undefined) {
        stream = createRng(seed, name);
        streams.set(name, stream);
      }
      return stream;
    },
  };
}

/** sfc32, seeded from the seed and the stream's name. */
export function createRng(seed: number, name: string): Rng {
  let a = 0x9e3779b9 ^ seed;
  let b = 0x243f6a88;
  let c = 0xb7e15162 ^ Math.imul(seed, 0x85ebca6b);
  let counter = 1;
  for (let at = 0; at < name.length; at += 1) b = Math.imul(b ^ name.charCodeAt(at), 0x01000193);
  const u32 = (): number => {
    const sum = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (c << 21) | (c >>> 11);
    c = (c + sum) | 0;
    return sum >>> 0;
  };
  for (let at = 0; at < 15; at += 1) u32();
  const bytes = (length: number): Uint8Array => {
    const out = new Uint8Array(length);
    for (let at = 0; at < length; at += 1) out[at] = u32() & 0xff;
    return out;
  };
  return {
    u32,
    below(bound) {
      const limit = 2 ** 32 - (2 ** 32 % bound);
      let value = u32();
      while (value >= limit) value = u32();
      return value % bound;
    },
    bytes,
    uuid() {
      const raw = bytes(16);
      raw[6] = ((raw[6] ?? 0) & 0x0f) | 0x40;
      raw[8] = ((raw[8] ?? 0) & 0x3f) | 0x80;
      const hex = [...raw].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
    },
  };
}
