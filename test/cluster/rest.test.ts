import test from "ava";
import { createAuthenticator } from "../../src/auth/authenticator.ts";
import { createAuthorizer } from "../../src/auth/authorizer.ts";
import type { Authenticator, Authorizer, TokenIssuer } from "../../src/auth/auth-api.ts";
import type { ClientCertificate } from "../../src/env/http.ts";
import type { View } from "../../src/store/view.ts";
import { CM, configMap, createRig, P, pod, type Answer, type Loose, type Rig } from "../unit/api/harness.ts";

/** The REST door with its own authenticator and authorizer, over the real verbs, host and store. */

const tokenIssuer: TokenIssuer = {
  issue: (claims) =>
    Promise.resolve({
      token: Buffer.from(JSON.stringify(claims)).toString("base64url"),
      expirationTimestamp: "2030-01-01T00:00:00Z",
    }),
  verify: (token) => Promise.resolve(JSON.parse(Buffer.from(token, "base64url").toString())),
};

const master = { commonName: "admin", organizations: ["system:masters"] };

interface Cluster {
  readonly rig: Rig;
  readonly as: (
    certificate: ClientCertificate | undefined,
    method: string,
    target: string,
    body?: unknown,
  ) => Promise<Answer>;
  readonly bearer: (token: string, method: string, target: string) => Promise<Answer>;
}

async function createCluster(): Promise<Cluster> {
  // The door asks for the rows of a store that is made together with it.
  let view: View | undefined;
  const rows: View = {
    get revision() {
      return view!.revision;
    },
    get: (...args) => view!.get(...args),
    list: (...args) => view!.list(...args),
    index: (...args) => view!.index(...args),
  };
  const authenticator: Authenticator = createAuthenticator({ tokenIssuer, view: rows });
  const authorizer: Authorizer = createAuthorizer({ view: rows });
  const rig = await createRig({ authenticator, authorizer, tokenIssuer });
  view = rig.store.committed;
  const as: Cluster["as"] = (certificate, method, target, body) =>
    rig.call(method, target, {
      ...(certificate === undefined ? {} : { certificate }),
      ...(body === undefined ? {} : { body }),
    });
  await as(master, "POST", "/api/v1/namespaces", { metadata: { name: "n" } });
  return {
    rig,
    as,
    bearer: (token, method, target) => rig.call(method, target, { headers: { authorization: `Bearer ${token}` } }),
  };
}

test("without a certificate only health and version answer", async (t) => {
  const { as } = await createCluster();
  t.is((await as(undefined, "GET", "/readyz")).code, 200);
  t.is((await as(undefined, "GET", "/version")).code, 200);
  t.is((await as(undefined, "GET", "/api")).code, 403);
  t.is((await as(undefined, "GET", P)).code, 403);
});

test("a ServiceAccount's token says who it is, may little, and ends with the account", async (t) => {
  const { as, bearer } = await createCluster();
  const accounts = "/api/v1/namespaces/n/serviceaccounts";
  await as(master, "POST", accounts, { metadata: { name: "bob" } });
  const issued = await as(master, "POST", `${accounts}/bob/token`, {});
  const { token } = issued.json.status;
  const who = await bearer(token, "POST", "/apis/authentication.k8s.io/v1/selfsubjectreviews");
  t.is(who.code, 400, "an empty body is no review");
  t.is((await bearer(token, "GET", "/apis")).code, 200);
  const denied = await bearer(token, "GET", P);
  t.is(denied.code, 403);
  t.regex(denied.json.message, /User "system:serviceaccount:n:bob" cannot list resource "pods"/);
  await as(master, "DELETE", `${accounts}/bob`);
  t.is((await bearer(token, "GET", "/apis")).code, 401);
});

test("a node reads the Secrets of its own pods and no other", async (t) => {
  const { as, rig } = await createCluster();
  const node = { commonName: "system:node:n1", organizations: ["system:nodes"] };
  const secrets = "/api/v1/namespaces/n/secrets";
  for (const name of ["mine", "theirs"]) {
    await as(master, "POST", secrets, { metadata: { name }, data: { k: "dg==" } });
    const volumes = [{ name: "s", secret: { secretName: name } }];
    const nodeName = name === "mine" ? "n1" : "n2";
    await as(master, "POST", P, pod(name, { nodeName, volumes }));
  }
  t.is((await as(node, "GET", `${secrets}/mine`)).json.data.k, "dg==");
  t.is((await as(node, "GET", `${secrets}/theirs`)).code, 403);
  t.is((await as(node, "GET", secrets)).code, 403);
  const body = { status: { phase: "Running" } };
  const headers = { "content-type": "application/merge-patch+json" };
  const report = (name: string): Promise<Answer> =>
    rig.call("PATCH", `${P}/${name}/status`, { body, headers, certificate: node });
  t.is((await report("mine")).json.status.phase, "Running");
  t.is((await report("theirs")).code, 403);
});

test("list and watch together miss nothing and repeat nothing, also after a cut", async (t) => {
  const { rig, as } = await createCluster();
  const seen = new Map<string, string>();
  let revision = "";
  const take = (object: Loose): void => {
    seen.set(object.metadata.name, object.data.k);
    revision = object.metadata.resourceVersion;
  };
  const write = (name: string, k: string): Promise<Answer> =>
    as(master, "PUT", `${CM}/${name}`, configMap(name, { k }));
  for (const name of ["a", "b", "c"]) await as(master, "POST", CM, configMap(name, { k: "0" }));
  const first = await as(master, "GET", `${CM}?limit=2`);
  await write("a", "1");
  const token = encodeURIComponent(first.json.metadata.continue);
  const second = await as(master, "GET", `${CM}?limit=2&continue=${token}`);
  for (const object of [...first.json.items, ...second.json.items]) take(object);
  t.is(seen.get("a"), "0", "the pages show one revision");
  revision = first.json.metadata.resourceVersion;
  for (let round = 0; round < 3; round += 1) {
    const target = `${CM}?watch=1&resourceVersion=${revision}`;
    const exchange = rig.open("GET", target, { certificate: master });
    await write("b", `b${round}`);
    await rig.env.advance(10);
    for (const { object } of exchange.events) take(object);
    exchange.disconnect();
    await write("c", `c${round}`);
  }
  const last = rig.open("GET", `${CM}?watch=1&resourceVersion=${revision}`, { certificate: master });
  await rig.env.advance(10);
  t.is(last.events.length, 1);
  for (const { object } of last.events) take(object);
  t.deepEqual(Object.fromEntries(seen), { a: "1", b: "b2", c: "c2" });
});
