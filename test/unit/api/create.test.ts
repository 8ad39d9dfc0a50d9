import test from "ava";
import { CM, configMap, createRig, D, deployment, P, pod, type Loose } from "./harness.ts";

test("a valid POST is stored with uid, creationTimestamp and resourceVersion", async (t) => {
  const rig = await createRig();
  const { code, json } = await rig.post(P, pod("a"));
  t.is(code, 201);
  t.regex(json.metadata.uid, /^[0-9a-f-]{36}$/);
  t.is(json.metadata.creationTimestamp, "2026-01-01T00:00:00Z");
  t.true(Number(json.metadata.resourceVersion) > 0);
  t.is(json.metadata.generation, 1);
  t.deepEqual(json.spec.securityContext, {});
  t.is(json.status.phase, "Pending");
});

test("the same name again is a 409 that names it", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("a"));
  const { code, json } = await rig.post(CM, configMap("a"));
  t.is(code, 409);
  t.is(json.message, 'configmaps "a" already exists');
  t.is(json.reason, "AlreadyExists");
  t.like(json.details, { name: "a", kind: "configmaps" });
});

test("a name is required, and generateName makes one of 63 characters", async (t) => {
  const rig = await createRig();
  const none = await rig.post(CM, { metadata: {} });
  t.is(none.code, 422);
  t.is(none.json.message, 'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required');
  const short = await rig.post(CM, { metadata: { generateName: "a-" } });
  t.regex(short.json.metadata.name, /^a-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  const long = await rig.post(CM, { metadata: { generateName: "a".repeat(70) } });
  t.regex(long.json.metadata.name, /^a{58}[a-z0-9]{5}$/);
});

const refused: readonly (readonly [string, string, unknown, number, RegExp])[] = [
  ["an upper-case name", CM, configMap("A_b"), 422, /a lowercase RFC 1123 subdomain must consist/],
  ["an absent namespace", "/api/v1/namespaces/x/configmaps", configMap("a"), 404, /^namespaces "x" not found$/],
  [
    "another namespace in the body",
    CM,
    { metadata: { name: "a", namespace: "m" } },
    400,
    /the namespace of the provided object does not match/,
  ],
  [
    "a resourceVersion",
    CM,
    { metadata: { name: "a", resourceVersion: "1" } },
    400,
    /resourceVersion should not be set/,
  ],
  ["text that is no JSON", CM, "{", 400, /unexpected end of JSON input/],
  ["another kind", CM, { apiVersion: "v1", kind: "Secret", metadata: { name: "a" } }, 400, /Secret/],
  [
    "a long annotation",
    CM,
    { metadata: { name: "a", annotations: { a: "x".repeat(262_145) } } },
    422,
    /metadata\.annotations: Too long/,
  ],
];

for (const [what, target, body, code, message] of refused) {
  test(`POST with ${what} is a ${code}`, async (t) => {
    const rig = await createRig();
    const answer = await rig.post(target, body);
    t.is(answer.code, code, answer.text);
    t.regex(answer.json.message, message);
  });
}

test("a body of more than 3 MiB is a 413", async (t) => {
  const rig = await createRig();
  const { code, json } = await rig.post(CM, "x".repeat(3 * 1024 * 1024 + 1));
  t.is(code, 413);
  t.is(json.message, "Request entity too large: limit is 3145728");
});

test("a YAML body and a body without Content-Type are accepted, an image is not", async (t) => {
  const rig = await createRig();
  const yaml = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yam}\ndata: {mode: '0644'}\n";
  const headers = { "content-type": "application/yaml" };
  t.is((await rig.call("POST", CM, { body: yaml, headers })).code, 201);
  const image = await rig.call("POST", CM, { body: "x", headers: { "content-type": "image/png" } });
  t.is(image.code, 415);
});

test("what clients send of the server's fields is ignored", async (t) => {
  const rig = await createRig();
  const body = { ...deployment("a"), status: {} };
  body.metadata.creationTimestamp = null;
  body.metadata.uid = "mine";
  const { code, json } = await rig.post(D, body);
  t.is(code, 201);
  t.not(json.metadata.uid, "mine");
  t.is(json.spec.replicas, 1);
});

test("a dry run answers as if, and stores nothing", async (t) => {
  const rig = await createRig();
  t.is((await rig.post(`${CM}?dryRun=All`, configMap("a"))).code, 201);
  t.is((await rig.call("GET", `${CM}/a`)).code, 404);
  const wrong = await rig.post(`${CM}?dryRun=x`, configMap("a"));
  t.is(wrong.code, 422);
  t.regex(wrong.json.message, /dryRun: Unsupported value/);
});

test("unknown and duplicate fields: refused when strict, told when not", async (t) => {
  const rig = await createRig();
  const text = '{"metadata":{"name":"a"},"dataa":{},"data":{"k":"1"},"data":{"k":"2"}}';
  const strict = await rig.post(`${CM}?fieldValidation=Strict`, text);
  t.is(strict.code, 400);
  t.is(
    strict.json.message,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "dataa", duplicate field "data"',
  );
  const warned = await rig.post(`${CM}?fieldValidation=Warn`, text);
  t.is(warned.code, 201);
  t.deepEqual(warned.headers["warning"], ['299 - "unknown field \\"dataa\\""', '299 - "duplicate field \\"data\\""']);
  t.is((await rig.post(`${CM}?fieldValidation=Ignore`, text)).code, 409);
});

test("nothing is created in a terminating namespace", async (t) => {
  const rig = await createRig();
  await rig.call("DELETE", "/api/v1/namespaces/n");
  const { code, json } = await rig.post(CM, configMap("a"));
  t.is(code, 403);
  t.is(
    json.message,
    'configmaps "a" is forbidden: unable to create new content in namespace n because it is being terminated',
  );
  t.is(json.details.causes[0].reason, "NamespaceTerminating");
});

test("keys that stand twice in YAML are told with their lines, and refused where that is asked", async (t) => {
  const rig = await createRig();
  const body = `apiVersion: v1
kind: ConfigMap
metadata:
  name: a
  name: b
data:
  k: "1"
  k:
  k: {}
  k: |
    2
  5: x
  5: z
bogus: 1
`;
  const headers = { "content-type": "application/yaml" };
  const lines = [
    'line 5: key "name" already set in map',
    'line 8: key "k" already set in map',
    'line 9: key "k" already set in map',
    'line 10: key "k" already set in map',
    "line 13: key 5 already set in map",
  ];
  const strict = await rig.call("POST", `${CM}?fieldValidation=Strict`, { body, headers });
  t.is(strict.code, 400);
  t.is(
    strict.json.message,
    `ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: yaml: unmarshal errors:\n${lines.map((line) => `  ${line}`).join("\n")}, unknown field "bogus"`,
  );
  const warned = await rig.call("POST", CM, { body, headers });
  t.is(warned.code, 201, warned.text);
  const said = [...lines, 'unknown field "bogus"'].map((line) => `299 - "${line.replaceAll('"', '\\"')}"`);
  t.deepEqual(warned.headers["warning"], said);
  t.is(warned.json.metadata.name, "b");
});

test("an owner that stands twice counts once, and the client is told", async (t) => {
  const rig = await createRig();
  const owner = { apiVersion: "v1", kind: "ConfigMap", name: "o", uid: "u1" };
  const other = { ...owner, name: "p" };
  const twice = configMap("a");
  twice.metadata.ownerReferences = [owner, { ...owner, uid: "u2" }, owner, other, owner];
  const rest = (when: string) =>
    `.metadata.ownerReferences contains duplicate entries${when}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: `;
  const created = await rig.post(CM, twice);
  t.is(created.code, 201);
  t.deepEqual(created.json.metadata.ownerReferences, [owner, { ...owner, uid: "u2" }, other]);
  t.deepEqual(created.headers["warning"], [`299 - "${rest("")}u1, u1"`]);
  const put = await rig.call("PUT", `${CM}/a`, { body: { ...twice, data: { k: "2" } } });
  t.deepEqual(put.headers["warning"], [`299 - "${rest("")}u1, u1"`]);
  t.is(put.json.metadata.ownerReferences.length, 3);
  const add = [{ op: "add", path: "/metadata/ownerReferences/-", value: owner }];
  const headers = { "content-type": "application/json-patch+json" };
  const patched = await rig.call("PATCH", `${CM}/a`, { body: add, headers });
  t.is(patched.code, 200);
  t.deepEqual(patched.headers["warning"], [`299 - "${rest(" after mutating admission happens")}u1"`]);
  const once = configMap("b");
  once.metadata.ownerReferences = [owner, other];
  t.is((await rig.post(CM, once)).headers["warning"], undefined);
});

test("managed fields that a client sends are checked: names, sub-resources and types", async (t) => {
  const rig = await createRig();
  const entry = {
    manager: "m",
    operation: "Update",
    apiVersion: "v1",
    fieldsType: "FieldsV1",
    fieldsV1: { "f:data": { "f:k": {} } },
  };
  await rig.call("POST", `${CM}?fieldManager=other`, { body: configMap("a") });
  const send = (change: object) => {
    const body = configMap("a");
    body.metadata.managedFields = [{ ...entry, ...change }];
    return rig.call("PUT", `${CM}/a?dryRun=All&fieldManager=third`, { body });
  };
  const long = await send({ manager: "x".repeat(129) });
  t.is(long.code, 422);
  t.is(
    long.json.message,
    'ConfigMap "a" is invalid: metadata.managedFields[0].manager: Too long: may not be more than 128 bytes',
  );
  const odd = await send({ manager: "a\u0007" });
  t.is(odd.code, 422);
  t.is(
    odd.json.message,
    'ConfigMap "a" is invalid: metadata.managedFields[0].manager: Invalid value: "a\\a": invalid character U+0007 (at position 1)',
  );
  const part = await send({ subresource: "s".repeat(257) });
  t.is(
    part.json.message,
    'ConfigMap "a" is invalid: metadata.managedFields[0].subresource: Too long: may not be more than 256 bytes',
  );
  for (const change of [{ manager: 5 }, { operation: {} }, { fieldsType: [] }, { time: "yesterday" }]) {
    t.is((await send(change)).code, 400, JSON.stringify(change));
  }
  // What no server made is no list: that of the object stays, as in Kubernetes.
  for (const change of [{ operation: "Own" }, { fieldsType: "FieldsV2" }, { fieldsV1: { x: {} } }]) {
    const answer = await send(change);
    t.is(answer.code, 200, answer.text);
    t.deepEqual(
      answer.json.metadata.managedFields?.map(({ manager }: Loose) => manager),
      ["other"],
    );
  }
  const taken = await send({});
  t.deepEqual(
    taken.json.metadata.managedFields.map(({ manager }: Loose) => manager),
    ["m"],
  );
});
