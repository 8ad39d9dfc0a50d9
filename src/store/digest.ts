import type { Digest, Revision } from "./revision.ts";

/**
 * The state digest: an additive set hash in two 32-bit lanes. Each live row and each system row adds
 * one term; a write subtracts the old term and adds the new one, so that the cost does not grow
 * with the state, and the order of history does not matter: equal state, equal digest.
 *
 * A term mixes the hash of the key, the revision and the CRC-32 of the stored bytes (sealed rows:
 * of the ciphertext). Layout and constants are frozen in docs/formats.md.
 */

/** One row's term; both lanes are signed 32-bit integers, which engines keep unboxed. */
export interface Lanes {
  readonly a: number;
  readonly b: number;
}

export const noLanes: Lanes = { a: 0, b: 0 };

const seedA = 0x9e3779b9 | 0;
const seedB = 0x85ebca6b | 0;

/** Term of a row version: `crc` is that of the row as it is stored. */
export function rowLanes(
  kind: string,
  key: string,
  version: { readonly revision: Revision; readonly crc: number },
): Lanes {
  const { revision, crc } = version;
  return {
    a: mix(hashText(hashText(seedA, kind), key), revision, crc),
    b: mix(hashText(hashText(seedB, kind), key), revision, crc),
  };
}

/** Term of a system row: like a row of kind `!table` at revision 0. */
export function systemLanes(table: string, key: string, crc: number): Lanes {
  return rowLanes(`!${table}`, key, { revision: 0, crc });
}

export function sumLanes(a: Lanes, b: Lanes): Lanes {
  return { a: (a.a + b.a) | 0, b: (a.b + b.b) | 0 };
}

export function minusLanes(a: Lanes, b: Lanes): Lanes {
  return { a: (a.a - b.a) | 0, b: (a.b - b.b) | 0 };
}

export function digestOf(lanes: Lanes): Digest {
  return { a: lanes.a >>> 0, b: lanes.b >>> 0 };
}

export function equalDigests(a: Digest, b: Digest): boolean {
  return a.a === b.a && a.b === b.b;
}

/** FNV-1a over the UTF-16 units, two steps a unit, then a zero step that ends the text. */
function hashText(seed: number, text: string): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    hash = Math.imul(hash ^ (unit & 0xff), 0x01000193);
    hash = Math.imul(hash ^ (unit >>> 8), 0x01000193);
  }
  return Math.imul(hash, 0x01000193) ^ text.length;
}

function mix(hash: number, revision: Revision, crc: number): number {
  let mixed = step(hash, revision | 0);
  mixed = step(mixed, Math.floor(revision / 2 ** 32) | 0);
  mixed = step(mixed, crc | 0);
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x7feb352d);
  mixed = Math.imul(mixed ^ (mixed >>> 15), 0x846ca68b);
  return mixed ^ (mixed >>> 16);
}

function step(hash: number, word: number): number {
  const scrambled = Math.imul(word, 0xcc9e2d51);
  const rotated = (scrambled << 15) | (scrambled >>> 17);
  const joined = hash ^ Math.imul(rotated, 0x1b873593);
  return (Math.imul((joined << 13) | (joined >>> 19), 5) + 0xe6546b64) | 0;
}
