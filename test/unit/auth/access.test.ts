import test from "ava";
import type { Attributes, TokenClaims } from "../../../src/auth/auth-api.ts";
import { createAuthenticator } from "../../../src/auth/authenticator.ts";
import { createAuthorizer } from "../../../src/auth/authorizer.ts";
import type { HttpExchange } from "../../../src/env/http.ts";
import type { RowRef, View } from "../../../src/store/view.ts";
import { StatusError } from "../../../src/util/errors.ts";

function row(kind: string, name: string, hot: Record<string, unknown> = {}): RowRef {
  const object = { spec: { serviceAccountName: "runner" }, metadata: { name } };
  return {
    kind,
    namespace: kind === "nodes" ? "" : "n",
    name,
    hot: { uid: `${name}-uid`, labels: {}, ...hot },
    object: () => object,
  } as unknown as RowRef;
}

const rows = [
  row("serviceaccounts", "runner"),
  row("nodes", "n1"),
  row("pods", "p1", { nodeName: "n1", configMaps: ["c1"], secrets: ["s1"] }),
  row("pods", "p2", { nodeName: "n2", configMaps: ["c2"], secrets: ["s2"] }),
];

const view: View = {
  revision: 1,
  get: (kind, _namespace, name) => rows.find((each) => each.kind === kind && each.name === name),
  list: (kind) => rows.filter((each) => each.kind === kind),
  index: (kind, _index, value) => rows.filter((each) => each.kind === kind && each.hot["nodeName"] === value),
};

const authorizer = createAuthorizer({ view });
const users = {
  admin: { name: "admin", groups: ["system:masters"] },
  node: { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] },
  account: { name: "system:serviceaccount:n:runner", groups: ["system:authenticated"] },
  nobody: { name: "system:anonymous", groups: ["system:unauthenticated"] },
};

function resource(verb: string, path: string, name = "", namespace = "n"): Attributes {
  const [id = "", subresource = ""] = path.split("/");
  const [plural = "", group = ""] = id.split(/\.(.*)/s);
  return { resource: true, verb, group, version: "v1", plural, subresource, namespace, name };
}

const path = (verb: string, where: string): Attributes => ({ resource: false, verb, path: where });

const cases: readonly (readonly [keyof typeof users, Attributes, boolean])[] = [
  ["admin", resource("delete", "secrets", "s1"), true],
  ["admin", path("get", "/metrics"), true],
  ["nobody", path("get", "/livez"), true],
  ["nobody", path("get", "/readyz/ping"), true],
  ["nobody", path("get", "/version"), true],
  ["nobody", path("get", "/api"), false],
  ["nobody", path("get", "/"), false],
  ["nobody", resource("create", "selfsubjectreviews.authentication.k8s.io"), false],
  ["account", path("get", "/apis/apps/v1"), true],
  ["account", path("get", "/openapi/v3"), true],
  ["account", path("get", "/metrics"), false],
  ["account", path("post", "/version"), false],
  ["account", resource("create", "selfsubjectaccessreviews.authorization.k8s.io"), true],
  ["account", resource("get", "pods", "p1"), false],
  ["node", resource("get", "nodes", "n2", ""), true],
  ["node", resource("update", "nodes", "n1", ""), true],
  ["node", resource("update", "nodes", "n2", ""), false],
  ["node", resource("patch", "nodes/status", "n1", ""), true],
  ["node", resource("delete", "nodes", "n1", ""), false],
  ["node", resource("get", "pods", "p1"), true],
  ["node", resource("get", "pods", "p2"), false],
  ["node", resource("list", "pods"), false],
  ["node", resource("patch", "pods/status", "p1"), true],
  ["node", resource("create", "pods/exec", "p1"), false],
  ["node", resource("get", "secrets", "s1"), true],
  ["node", resource("get", "secrets", "s2"), false],
  ["node", resource("list", "secrets"), false],
  ["node", resource("get", "configmaps", "c1"), true],
  ["node", resource("get", "configmaps", "c1", "m"), false],
  ["node", resource("create", "serviceaccounts/token", "runner"), true],
  ["node", resource("create", "serviceaccounts/token", "other"), false],
  ["node", resource("watch", "endpointslices.discovery.k8s.io"), true],
  ["node", resource("update", "leases.coordination.k8s.io", "n1", "kube-node-lease"), true],
  ["node", resource("update", "leases.coordination.k8s.io", "n2", "kube-node-lease"), false],
];

for (const [who, attributes, allowed] of cases) {
  const what = attributes.resource
    ? `${attributes.verb} ${attributes.plural}/${attributes.subresource} ${attributes.namespace}/${attributes.name}`
    : `${attributes.verb} ${attributes.path}`;
  test(`${who} ${allowed ? "may" : "may not"} ${what}`, (t) => {
    t.is(authorizer.authorize(users[who], attributes).allowed, allowed);
  });
}

function exchange(parts: Partial<HttpExchange>): HttpExchange {
  return { headers: {}, certificate: undefined, ...parts } as HttpExchange;
}

const claims: TokenClaims = {
  namespace: "n",
  serviceAccount: { name: "runner", uid: "runner-uid" },
  pod: { name: "p1", uid: "p1-uid" },
  audiences: ["troupe"],
  expirationSeconds: 600,
};

function authenticatorFor(found: TokenClaims): ReturnType<typeof createAuthenticator> {
  const tokenIssuer = {
    issue: () => Promise.reject(new Error("not used")),
    verify: () => Promise.resolve(found),
  };
  return createAuthenticator({ tokenIssuer, view });
}

test("a certificate is its common name, its organisations and an authenticated user", async (t) => {
  const certificate = { commonName: "eve", organizations: ["dev"] };
  const user = await authenticatorFor(claims).authenticate(exchange({ certificate }));
  t.deepEqual(user, { name: "eve", groups: ["dev", "system:authenticated"] });
});

test("without credentials nobody asks", async (t) => {
  t.is(await authenticatorFor(claims).authenticate(exchange({})), undefined);
});

test("a token is its ServiceAccount while all that it is bound to exists", async (t) => {
  const headers = { authorization: "Bearer x" };
  const user = await authenticatorFor(claims).authenticate(exchange({ headers }));
  t.is(user?.name, "system:serviceaccount:n:runner");
  t.deepEqual(user?.groups, ["system:serviceaccounts", "system:serviceaccounts:n", "system:authenticated"]);
  t.deepEqual(user?.extra?.["authentication.kubernetes.io/pod-name"], ["p1"]);
  for (const gone of [
    { ...claims, pod: { name: "p1", uid: "older" } },
    { ...claims, serviceAccount: { name: "runner", uid: "older" } },
    { ...claims, node: { name: "n9", uid: "x" } },
  ]) {
    const error = await t.throwsAsync(async () => authenticatorFor(gone).authenticate(exchange({ headers })), {
      instanceOf: StatusError,
    });
    t.is(error?.status.code, 401);
  }
});
