import { randomBytes, randomUUID } from "node:crypto";
import type { Random, Rng } from "../env.ts";

const poolBytes = 4_096;

let pool = randomBytes(poolBytes);
let used = 0;

function u32(): number {
  if (used + 4 > poolBytes) {
    pool = randomBytes(poolBytes);
    used = 0;
  }
  const value = pool.readUInt32LE(used);
  used += 4;
  return value;
}

const rng: Rng = {
  u32,
  below(bound) {
    // Values above the last whole multiple would favour small results; they are drawn again.
    const limit = 2 ** 32 - (2 ** 32 % bound);
    let value = u32();
    while (value >= limit) value = u32();
    return value % bound;
  },
  bytes: (length) => new Uint8Array(randomBytes(length)),
  uuid: () => randomUUID(),
};

/** The machine's random source; streams differ by name only where a seed is involved. */
export const realRandom: Random = { stream: () => rng };
