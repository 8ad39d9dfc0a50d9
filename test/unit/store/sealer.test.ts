import test from "ava";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { createRng } from "../../../src/sim/random.ts";
import { createKeyRing, createSealer, type KeyRing } from "../../../src/store/sealer.ts";
import { concatBytes, fromHex, textOf, toHex, utf8 } from "../../../src/util/bytes.ts";
import { InvariantError } from "../../../src/util/errors.ts";

const key = (of: number): Uint8Array => new Uint8Array(32).fill(of);
const place = "secrets/default/s@7";

function ring(...keys: readonly Uint8Array[]): KeyRing {
  const random = createRng(1, "seal");
  return createKeyRing({ crypto: realCrypto, keys, randomBytes: (length) => random.bytes(length) });
}

test("a body names its key: it opens after newer keys were added, and not without its own", (t) => {
  const first = ring(key(1));
  const sealed = first.seal(utf8("hunter2"), place);
  t.is(toHex(sealed.subarray(0, 4)), first.current);
  t.true(first.isCurrent(sealed));
  const both = ring(key(1), key(2));
  t.is(textOf(both.open(sealed, place)), "hunter2");
  t.false(both.isCurrent(sealed));
  t.not(both.current, first.current);
  t.throws(() => ring(key(2)).open(sealed, place), { instanceOf: InvariantError });
});

test("a key that is loaded seals from then on", (t) => {
  const keys = ring(key(1));
  const before = keys.seal(utf8("old"), place);
  keys.load([key(1), key(2)]);
  const after = keys.seal(utf8("new"), place);
  t.false(keys.isCurrent(before));
  t.true(keys.isCurrent(after));
  t.is(textOf(keys.open(before, place)), "old");
  t.is(textOf(keys.open(after, place)), "new");
});

test("a body opens in its own place only, and not with a flipped bit", (t) => {
  const keys = ring(key(1), key(2));
  const sealed = keys.seal(utf8("hunter2"), place);
  t.throws(() => keys.open(sealed, "secrets/default/s@8"), { instanceOf: InvariantError });
  for (let at = 0; at < sealed.length; at += 1) {
    const bent = sealed.slice();
    bent[at] = (bent[at] ?? 0) ^ 1;
    t.throws(() => keys.open(bent, place), { instanceOf: InvariantError }, `byte ${at}`);
  }
  t.throws(() => keys.open(sealed.subarray(0, 3), place), { instanceOf: InvariantError });
});

test("bodies from before keys had names are the oldest key's, also where the nonce looks like a name", (t) => {
  const keys = ring(key(1), key(2));
  for (const start of ["00000000", keys.current, ring(key(1)).current]) {
    const nonce = concatBytes([fromHex(start), new Uint8Array(8)]);
    const old = createSealer({ crypto: realCrypto, key: key(1), randomBytes: () => nonce });
    t.is(textOf(keys.open(old.seal(utf8("ancient"), place), place)), "ancient", start);
  }
});
