import { createCipheriv, createDecipheriv, createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import { InvariantError } from "../../util/errors.ts";
import type { Crypto } from "../env.ts";

/**
 * Hashing and sealing over Node's native code. CRC-32 is the IEEE one, because zlib computes it
 * several times faster than any CRC-32C written in JavaScript.
 */

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export const realCrypto: Crypto = {
  crc32: (bytes, seed) => crc32(bytes, seed),
  sha256: (bytes) => createHash("sha256").update(bytes).digest(),
  seal,
  open,
};

function seal(key: Uint8Array, plain: Uint8Array, nonce: Uint8Array): Uint8Array {
  const cipher = createCipheriv("aes-256-gcm", key, nonce);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

function open(key: Uint8Array, sealed: Uint8Array): Uint8Array {
  if (sealed.length < NONCE_BYTES + TAG_BYTES) {
    throw new InvariantError("sealed bytes hold a nonce and a tag");
  }
  const nonce = sealed.subarray(0, NONCE_BYTES);
  const body = sealed.subarray(NONCE_BYTES, sealed.length - TAG_BYTES);
  const decipher = createDecipheriv("aes-256-gcm", key, nonce);
  decipher.setAuthTag(sealed.subarray(sealed.length - TAG_BYTES));
  try {
    return Buffer.concat([decipher.update(body), decipher.final()]);
  } catch (error) {
    throw new InvariantError("the tag of sealed bytes matches", { cause: error });
  }
}
