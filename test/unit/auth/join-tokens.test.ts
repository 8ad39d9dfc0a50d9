// Join tokens: the form, what is stored of them, when they are over.
import test from "ava";
import {
  factsOfToken,
  formatJoinToken,
  hashOfTokenSecret,
  isExpired,
  newTokenParts,
  parseJoinToken,
  tokenObject,
} from "../../../src/auth/join-tokens.ts";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import type { Secret } from "../../../src/kinds/generated/types.ts";

const pin = "0123456789abcdef".repeat(4);

/** As the API would store it: texts become bytes. */
function stored(object: object): Secret {
  const { stringData = {}, ...rest } = object as Secret;
  const data = Object.entries(stringData).map(([key, value]) => [key, Buffer.from(value).toString("base64")]);
  return { ...rest, data: Object.fromEntries(data) as Record<string, string> };
}

test("a token is read as it was written, and nothing else is one", (t) => {
  const token = { pin, id: "abc123", secret: "0123456789abcdef" };
  const words = formatJoinToken(token);
  t.is(words, `TRP1${pin}::abc123.0123456789abcdef`);
  t.deepEqual(parseJoinToken(` ${words}\n`), token);
  for (const wrong of [
    "",
    "abc123.0123456789abcdef",
    words.slice(0, -1),
    words.toUpperCase(),
    words.replace("::", ":"),
  ]) {
    t.is(parseJoinToken(wrong), undefined, wrong);
  }
});

test("id and secret are drawn from the letters that Kubernetes allows", (t) => {
  let next = 0;
  const { id, secret } = newTokenParts((bound) => (next += 7) % bound);
  t.regex(id, /^[a-z0-9]{6}$/);
  t.regex(secret, /^[a-z0-9]{16}$/);
});

test("what is stored tells role and end, and the secret's hash alone", (t) => {
  const hash = hashOfTokenSecret(realCrypto, "0123456789abcdef");
  const facts = { id: "abc123", hash, role: "master", expiration: "2030-01-01T00:00:00Z", description: "x" } as const;
  const secret = stored(tokenObject(facts));
  t.deepEqual(factsOfToken(secret), facts);
  t.false(JSON.stringify(secret).includes(Buffer.from("0123456789abcdef").toString("base64")));
});

test("a Secret that only looks like a token is none", (t) => {
  const facts = { id: "abc123", hash: "00", role: "node", expiration: "", description: "" } as const;
  const good = stored(tokenObject(facts));
  t.deepEqual(factsOfToken(good), facts);
  t.is(factsOfToken({ ...good, type: "Opaque" }), undefined);
  t.is(factsOfToken({ ...good, metadata: { ...good.metadata, name: "bootstrap-token-zzzzzz" } }), undefined);
  t.is(factsOfToken({ ...good, data: { ...good.data, "auth-extra-groups": "" } }), undefined);
  t.is(factsOfToken({ ...good, data: { ...good.data, "usage-bootstrap-authentication": "" } }), undefined);
});

test("a token without an end is never over; one whose end cannot be read is", (t) => {
  const end = "2030-01-01T00:00:00Z";
  t.false(isExpired({ expiration: "" }, Date.parse(end)));
  t.false(isExpired({ expiration: end }, Date.parse(end) - 1));
  t.true(isExpired({ expiration: end }, Date.parse(end)));
  t.true(isExpired({ expiration: "tomorrow" }, 0));
});
