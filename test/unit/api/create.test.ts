import test from "ava";
import { CM, configMap, createRig, D, deployment, P, pod } from "./harness.ts";

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
    500,
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
