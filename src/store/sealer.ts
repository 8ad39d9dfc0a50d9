import type { Crypto } from "../env/env.ts";
import { concatBytes, utf8 } from "../util/bytes.ts";
import { invariant } from "../util/errors.ts";
import type { Sealer } from "./row.ts";

const keyBytes = 32;
const nonceBytes = 12;

/**
 * AES-256-GCM with a key of its own for each row version: SHA-256 over the master key and the row's
 * context. So a sealed body opens in its own place only, and a nonce is never used twice with one
 * key, however many rows there are.
 */
export function createSealer(options: {
  readonly crypto: Pick<Crypto, "seal" | "open" | "sha256">;
  /** 32 bytes, equal on all masters. */
  readonly key: Uint8Array;
  readonly randomBytes: (length: number) => Uint8Array;
}): Sealer {
  const { crypto, key, randomBytes } = options;
  invariant(key.length === keyBytes, "the sealing key has 32 bytes");
  const keyFor = (context: string): Uint8Array => crypto.sha256(concatBytes([key, utf8(context)]));
  return {
    seal: (plain, context) => crypto.seal(keyFor(context), plain, randomBytes(nonceBytes)),
    open: (sealed, context) => crypto.open(keyFor(context), sealed),
  };
}
