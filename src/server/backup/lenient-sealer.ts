import type { Sealer } from "../../store/row.ts";
import { utf8 } from "../../util/bytes.ts";
import { InvariantError } from "../../util/errors.ts";
import type { Env } from "../../env/env.ts";
import { createKeyRing } from "../../store/sealer.ts";

/**
 * For a store that is only looked at or written out again: a row that no key at hand opens counts as
 * an object of its name without anything else, so that the rest can be walked. It seals nothing.
 */
export class LenientSealer implements Sealer {
  readonly #ring: Sealer | undefined;
  /** Rows that could not be opened, by what they were sealed for. */
  readonly unreadable: Set<string> = new Set();

  constructor(ring?: Sealer) {
    this.#ring = ring;
  }

  seal(): Uint8Array {
    throw new InvariantError("a store that is only looked at seals nothing");
  }

  open(sealed: Uint8Array, context: string): Uint8Array {
    if (this.#ring !== undefined) {
      try {
        return this.#ring.open(sealed, context);
      } catch (error) {
        if (!(error instanceof InvariantError)) throw error;
      }
    }
    this.unreadable.add(context);
    return utf8(JSON.stringify({ metadata: namesIn(context) }));
  }
}

/** `keys`: of 32 bytes, oldest first; none open nothing. */
export function lenientSealer(env: Pick<Env, "crypto" | "random">, keys: readonly Uint8Array[]): LenientSealer {
  if (keys.length === 0) return new LenientSealer();
  const random = env.random.stream("seal");
  return new LenientSealer(createKeyRing({ crypto: env.crypto, keys, randomBytes: (length) => random.bytes(length) }));
}

/** `secrets/default/password@17`, as `store/row.ts` names what it seals for. */
function namesIn(context: string): { readonly namespace?: string; readonly name: string } {
  const [, namespace = "", name = ""] = /^[^/]*\/([^/]*)\/(.*)@\d+$/.exec(context) ?? [];
  return namespace === "" ? { name } : { namespace, name };
}
