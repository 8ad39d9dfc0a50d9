import type { Crypto } from "../env/env.ts";
import { concatBytes, equalBytes, toHex, utf8 } from "../util/bytes.ts";
import { invariant, InvariantError } from "../util/errors.ts";
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

/** Several master keys, oldest first: the newest seals, all open. */
export interface KeyRing extends Sealer {
  /** Name of the key that seals: what a sealed body begins with, in hex. */
  readonly current: string;
  /** Takes the keys of a rotation over. Those that were known before must be among them. */
  load(keys: readonly Uint8Array[]): void;
  /** Whether the key that seals now has sealed this body. */
  isCurrent(sealed: Uint8Array): boolean;
}

export interface KeyRingOptions {
  readonly crypto: Pick<Crypto, "seal" | "open" | "sha256">;
  readonly randomBytes: (length: number) => Uint8Array;
  readonly keys: readonly Uint8Array[];
}

const keyNameBytes = 4;

/**
 * Bodies that it seals begin with the name of their key, so that a key can be replaced while rows of
 * the old one are still in the log. A body without a name, from before keys had any, is the oldest
 * key's; its nonce may look like a name by chance, which the tag then tells.
 */
export function createKeyRing(options: KeyRingOptions): KeyRing {
  const { crypto, randomBytes } = options;
  let ring: readonly { readonly name: Uint8Array; readonly sealer: Sealer }[] = [];
  const load = (keys: readonly Uint8Array[]): void => {
    invariant(keys.length > 0, "there is a sealing key");
    ring = keys.map((key) => ({
      name: crypto.sha256(key).slice(0, keyNameBytes),
      sealer: createSealer({ crypto, key, randomBytes }),
    }));
  };
  load(options.keys);
  const newest = (): (typeof ring)[number] => {
    const last = ring.at(-1);
    invariant(last !== undefined, "there is a sealing key");
    return last;
  };
  const isNamed = (sealed: Uint8Array, name: Uint8Array): boolean => equalBytes(sealed.subarray(0, keyNameBytes), name);
  return {
    get current() {
      return toHex(newest().name);
    },
    load,
    isCurrent: (sealed) => isNamed(sealed, newest().name),
    seal: (plain, context) => concatBytes([newest().name, newest().sealer.seal(plain, context)]),
    open(sealed, context) {
      const named = ring.find(({ name }) => isNamed(sealed, name));
      if (named !== undefined) {
        try {
          return named.sealer.open(sealed.subarray(keyNameBytes), context);
        } catch (error) {
          if (!(error instanceof InvariantError)) throw error;
        }
      }
      invariant(ring[0] !== undefined, "there is a sealing key");
      return ring[0].sealer.open(sealed, context);
    },
  };
}
