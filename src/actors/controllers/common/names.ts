/**
 * Names of children. A plan is pure, so a child's suffix is a hash of what it is made for, in the
 * alphabet that Kubernetes uses for generated names (no vowels, no look-alikes).
 */
const alphabet = "bcdfghjklmnpqrstvwxz2456789";
const suffixLength = 5;
/** Longest base such that base + suffix is a DNS label. */
const baseLengthMax = 63 - suffixLength;

/** `base` (as `web-`) and five characters that follow from `seed`; the first such name that is free. */
export function childName(base: string, seed: string, isTaken: (name: string) => boolean): string {
  const stem = base.slice(0, baseLengthMax);
  for (let attempt = 0; ; attempt += 1) {
    const name = stem + safeHash(attempt === 0 ? seed : `${seed}#${attempt}`, suffixLength);
    if (!isTaken(name)) return name;
  }
}

/** `length` characters (at most 10) of the alphabet, decided by `text` alone. */
export function safeHash(text: string, length: number): string {
  let result = "";
  let low = fnv1a(text, 0x811c9dc5);
  let high = fnv1a(text, 0x9e3779b9);
  for (let at = 0; at < length; at += 1) {
    const lane = at % 2 === 0 ? low : high;
    result += alphabet[lane % alphabet.length];
    if (at % 2 === 0) low = Math.floor(low / alphabet.length);
    else high = Math.floor(high / alphabet.length);
  }
  return result;
}

function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let at = 0; at < text.length; at += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  }
  // A final avalanche, so that texts that differ in the last character only differ everywhere.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35) >>> 0;
  return (hash ^ (hash >>> 16)) >>> 0;
}
