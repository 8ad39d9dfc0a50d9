import { X509Certificate, createPrivateKey, createPublicKey, generateKeyPairSync } from "node:crypto";
import test from "ava";
import { createIssuer } from "../../../src/auth/certificates.ts";
import { createTokenIssuer } from "../../../src/auth/tokens.ts";
import type { Clock, Rng } from "../../../src/env/env.ts";
import { StatusError } from "../../../src/util/errors.ts";

const now = Date.UTC(2026, 10, 21);
const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => now });

test("a leaf is signed by its authority, speaks for its names and carries its organisations", async (t) => {
  const authority = await issuer.authority("troupe-serving");
  const leaf = await issuer.leaf(authority, {
    commonName: "system:node:n1",
    organizations: ["system:nodes", "other"],
    usage: "server",
    names: ["kubernetes.default", "10.43.0.1", "::1"],
    validMs: 3_600_000,
  });
  const parsed = new X509Certificate(leaf.certificate);
  const parent = new X509Certificate(authority.certificate);
  t.true(parsed.verify(parent.publicKey));
  t.true(parent.ca);
  t.false(parsed.ca);
  t.is(parsed.checkHost("kubernetes.default"), "kubernetes.default");
  t.is(parsed.checkIP("10.43.0.1"), "10.43.0.1");
  t.is(parsed.checkIP("::1"), "::1");
  t.is(parsed.checkHost("elsewhere"), undefined);
  t.deepEqual(parsed.subject.split("\n"), ["O=system:nodes", "O=other", "CN=system:node:n1"]);
  t.true(parsed.checkPrivateKey(createPrivateKey(leaf.key)));
  t.is(new Date(parsed.validTo).getTime(), now + 3_600_000);
});

test("two authorities do not vouch for each other's leaves", async (t) => {
  const [one, other] = [await issuer.authority("a"), await issuer.authority("b")];
  const leaf = await issuer.leaf(one, { commonName: "x", usage: "client", validMs: 1_000 });
  t.false(new X509Certificate(leaf.certificate).verify(new X509Certificate(other.certificate).publicKey));
});

const clockAt = (at: { wall: number }): Clock => ({
  wall: () => at.wall,
  mono: () => 0,
  after: () => ({ cancel: () => undefined }),
});
const random: Rng = {
  u32: () => 1,
  below: () => 0,
  bytes: (length) => new Uint8Array(length),
  uuid: () => "00000000-0000-4000-8000-000000000000",
};

async function tokens(at: { wall: number }, pair = generateKeyPairSync("ec", { namedCurve: "P-256" })) {
  return createTokenIssuer({
    issuer: "https://kubernetes.default.svc.cluster.local",
    audiences: ["https://kubernetes.default.svc.cluster.local"],
    signingKey: pair.privateKey.export({ type: "pkcs8", format: "pem" }).toString(),
    verifyingKeys: [createPublicKey(pair.privateKey).export({ type: "spki", format: "pem" }).toString()],
    clock: clockAt(at),
    random,
  });
}

const claims = {
  namespace: "shop",
  serviceAccount: { name: "builder", uid: "u1" },
  pod: { name: "p", uid: "u2" },
  audiences: [],
  expirationSeconds: 3_607,
};

test("a token answers the claims that it was issued for, until it expires", async (t) => {
  const at = { wall: now };
  const issuing = await tokens(at);
  const { token, expirationTimestamp } = await issuing.issue(claims);
  t.is(expirationTimestamp, "2026-11-21T01:00:07Z");
  const verified = await issuing.verify(token);
  t.deepEqual(verified.serviceAccount, claims.serviceAccount);
  t.deepEqual(verified.pod, claims.pod);
  t.is(verified.expirationSeconds, 3_607);
  at.wall = now + 3_608_000;
  await t.throwsAsync(issuing.verify(token), { instanceOf: StatusError, message: "Unauthorized" });
});

test("a token of another key, another audience or with a changed letter is unauthorized", async (t) => {
  const at = { wall: now };
  const [ours, foreign] = [await tokens(at), await tokens(at)];
  const { token } = await ours.issue(claims);
  const other = await ours.issue({ ...claims, audiences: ["vault"] });
  for (const bad of [(await foreign.issue(claims)).token, other.token, `${token.slice(0, -3)}AAA`, "nonsense", ""]) {
    const error = await t.throwsAsync(ours.verify(bad), { instanceOf: StatusError });
    t.is(error?.status.code, 401);
  }
});
