/** Base64 (RFC 4648, padded) without Node's Buffer, for pure code. */

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const values: ReadonlyMap<string, number> = new Map(Array.from(alphabet).map((char, index) => [char, index]));

export function encodeBase64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 3) {
    const left = bytes.length - at;
    const group = ((bytes[at] ?? 0) << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0);
    parts.push(
      alphabet.charAt(group >> 18),
      alphabet.charAt((group >> 12) & 63),
      left > 1 ? alphabet.charAt((group >> 6) & 63) : "=",
      left > 2 ? alphabet.charAt(group & 63) : "=",
    );
  }
  return parts.join("");
}

/** Undefined: not padded base64. Line breaks are skipped, as Go does it. */
export function decodeBase64(text: string): Uint8Array | undefined {
  const clean = text.replace(/[\r\n]/g, "");
  if (clean.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(clean)) return undefined;
  const padding = clean.endsWith("==") ? 2 : clean.endsWith("=") ? 1 : 0;
  const bytes = new Uint8Array((clean.length / 4) * 3 - padding);
  for (let at = 0, out = 0; at < clean.length; at += 4) {
    let group = 0;
    for (let index = 0; index < 4; index += 1) {
      group = (group << 6) | (values.get(clean.charAt(at + index)) ?? 0);
    }
    for (let shift = 16; shift >= 0 && out < bytes.length; shift -= 8) {
      bytes[out] = (group >> shift) & 255;
      out += 1;
    }
  }
  return bytes;
}

/** Bytes that padded base64 stands for, without decoding it. */
export function base64Length(text: string): number {
  const padding = text.endsWith("==") ? 2 : text.endsWith("=") ? 1 : 0;
  return Math.floor(text.length / 4) * 3 - padding;
}
