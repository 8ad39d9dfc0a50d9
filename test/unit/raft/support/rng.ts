import type { Rng } from "../../../../src/env/env.ts";

/** A seeded Rng (xorshift32 over a mixed seed): the same seed gives the same draws on every machine. */
export function createRng(seed: number): Rng {
  let state = mix(seed) || 0x9e3779b9;
  const u32 = (): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state;
  };
  const bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => u32() >>> 24);
  return {
    u32,
    below: (bound) => Math.floor((u32() / 2 ** 32) * bound),
    bytes,
    uuid: () => uuidOf(bytes(16)),
  };
}

/** Neighbouring seeds must not give neighbouring streams. */
function mix(seed: number): number {
  let value = (seed + 0x6d2b79f5) >>> 0;
  value = Math.imul(value ^ (value >>> 15), value | 1);
  value ^= value + Math.imul(value ^ (value >>> 7), value | 61);
  return (value ^ (value >>> 14)) >>> 0;
}

function uuidOf(bytes: Uint8Array): string {
  const hex = [...bytes].map((byte) => byte.toString(16).padStart(2, "0"));
  hex[6] = `4${(hex[6] as string)[1]}`;
  hex[8] = `${(((bytes[8] as number) & 0x3f) | 0x80).toString(16)}`;
  const text = hex.join("");
  return [text.slice(0, 8), text.slice(8, 12), text.slice(12, 16), text.slice(16, 20), text.slice(20)].join("-");
}
