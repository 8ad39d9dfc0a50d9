// Server-side apply and managedFields through the whole pipeline, as clients see them.
import test from "ava";
import { defaultTolerations } from "../../../src/api/admission/default-tolerations.ts";
import { managerOfAgent } from "../../../src/api/rest/write.ts";
import {
  admin,
  CM,
  configMap,
  createRig,
  D,
  deployment,
  P,
  pod,
  type Answer,
  type Loose,
  type Rig,
} from "./harness.ts";

const yaml = { "content-type": "application/apply-patch+yaml" };

interface ApplyOptions {
  readonly manager?: string;
  readonly force?: boolean;
  readonly query?: string;
}

function apply(rig: Rig, target: string, body: unknown, options: ApplyOptions = {}): Promise<Answer> {
  const { manager = "m", force = false, query = "" } = options;
  const text = `${target}?fieldManager=${manager}${force ? "&force=true" : ""}${query}`;
  return rig.call("PATCH", text, { body, headers: yaml });
}

const named = (kind: "ConfigMap" | "Pod" | "Deployment", name: string, more: Loose = {}): Loose => ({
  apiVersion: kind === "Deployment" ? "apps/v1" : "v1",
  kind,
  ...more,
  metadata: { name, ...more.metadata },
});
const settings = (data: Record<string, string>): Loose => named("ConfigMap", "a", { data });
const replicas = (count: number): Loose => named("Deployment", "d", { spec: { replicas: count } });

/** `kubectl Update status`, in the order of the list. */
const managers = (object: Loose): readonly string[] =>
  (object.metadata.managedFields ?? []).map(({ manager, operation, subresource }: Loose) =>
    [manager, operation, subresource].filter(Boolean).join(" "),
  );
const fieldsOf = (object: Loose, manager: string): Loose =>
  object.metadata.managedFields.find((entry: Loose) => entry.manager === manager)?.fieldsV1;

test("a created Deployment belongs to its client, defaults included", async (t) => {
  const rig = await createRig();
  const spec = deployment("d").spec;
  spec.template.spec.containers[0].ports = [{ containerPort: 80 }];
  const { json } = await rig.call("POST", `${D}?fieldManager=kubectl-create`, {
    body: named("Deployment", "d", { spec }),
  });
  t.deepEqual(json.metadata.managedFields, [
    {
      manager: "kubectl-create",
      operation: "Update",
      apiVersion: "apps/v1",
      time: json.metadata.creationTimestamp,
      fieldsType: "FieldsV1",
      fieldsV1: {
        "f:spec": {
          "f:progressDeadlineSeconds": {},
          "f:replicas": {},
          "f:revisionHistoryLimit": {},
          "f:selector": {},
          "f:strategy": {
            "f:rollingUpdate": { ".": {}, "f:maxSurge": {}, "f:maxUnavailable": {} },
            "f:type": {},
          },
          "f:template": {
            "f:metadata": { "f:labels": { ".": {}, "f:app": {} } },
            "f:spec": {
              "f:containers": {
                'k:{"name":"c"}': {
                  ".": {},
                  "f:image": {},
                  "f:imagePullPolicy": {},
                  "f:name": {},
                  "f:ports": {
                    ".": {},
                    'k:{"containerPort":80,"protocol":"TCP"}': { ".": {}, "f:containerPort": {}, "f:protocol": {} },
                  },
                  "f:resources": {},
                  "f:terminationMessagePath": {},
                  "f:terminationMessagePolicy": {},
                },
              },
              "f:dnsPolicy": {},
              "f:restartPolicy": {},
              "f:schedulerName": {},
              "f:securityContext": {},
              "f:terminationGracePeriodSeconds": {},
            },
          },
        },
      },
    },
  ]);
});

const agents: readonly (readonly [string, string])[] = [
  ["kubectl/v1.33.1 (linux/amd64) kubernetes/1", "kubectl"],
  ["", "unknown"],
  ["/x", "unknown"],
  ["a\u0007b\u00a0c d/1", "abc d"],
  ["é".repeat(100), "é".repeat(64)],
];
for (const [agent, manager] of agents) {
  test(`the User-Agent ${JSON.stringify(agent).slice(0, 30)} is a manager`, (t) => {
    t.is(managerOfAgent(agent), manager);
  });
}

test("apply creates with 201, a second time it is a 200 that writes nothing, later too", async (t) => {
  const rig = await createRig();
  const first = await apply(rig, `${CM}/a`, "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {k: v}\n");
  t.is(first.code, 201);
  t.deepEqual(managers(first.json), ["m Apply"]);
  t.deepEqual(fieldsOf(first.json, "m"), { "f:data": { "f:k": {} } });
  await rig.env.advance(5_000);
  const again = await apply(rig, `${CM}/a`, settings({ k: "v" }));
  t.is(again.code, 200);
  t.deepEqual(again.json, first.json);
});

test("an applied pod goes through admission and defaults as a created one does", async (t) => {
  const rig = await createRig();
  const applied = await apply(rig, `${P}/a`, { ...pod("a"), metadata: { name: "a" } });
  const created = await rig.post(P, pod("b"));
  t.is(applied.code, 201);
  t.deepEqual(applied.json.spec, created.json.spec);
  t.deepEqual(applied.json.status, created.json.status);
  const absent = await apply(rig, "/api/v1/namespaces/absent/configmaps/a", settings({}));
  t.is(absent.code, 404);
  t.is(absent.json.message, 'namespaces "absent" not found');
});

test("what admission adds again is no change: neither generation nor revision move", async (t) => {
  const rig = await createRig({}, [defaultTolerations]);
  const body = { ...pod("a", { tolerations: [{ key: "x", operator: "Exists" }] }), metadata: { name: "a" } };
  const first = await apply(rig, `${P}/a`, body);
  const again = await apply(rig, `${P}/a`, body);
  t.is(first.json.spec.tolerations.length, 3);
  t.is(again.json.metadata.generation, 1);
  t.is(again.json.metadata.resourceVersion, first.json.metadata.resourceVersion);
});

test("managers of equal values share; who gives up a shared field leaves it, the last one removes it", async (t) => {
  const rig = await createRig();
  await apply(rig, `${CM}/a`, settings({ k: "v", own: "1" }));
  const shared = await apply(rig, `${CM}/a`, settings({ k: "v" }), { manager: "n" });
  t.is(shared.code, 200);
  t.deepEqual(fieldsOf(shared.json, "n"), { "f:data": { "f:k": {} } });
  t.deepEqual(fieldsOf(shared.json, "m"), { "f:data": { "f:k": {}, "f:own": {} } });
  const dropped = await apply(rig, `${CM}/a`, named("ConfigMap", "a"));
  t.deepEqual(dropped.json.data, { k: "v" });
  t.deepEqual(managers(dropped.json), ["n Apply"]);
  const last = await apply(rig, `${CM}/a`, named("ConfigMap", "a"), { manager: "n" });
  t.is(last.json.data, undefined);
  t.is(last.json.metadata.managedFields, undefined);
});

test("another value is a conflict with a cause; force takes the field", async (t) => {
  const rig = await createRig();
  await apply(rig, `${CM}/a`, settings({ k: "v" }));
  const refused = await apply(rig, `${CM}/a`, settings({ k: "w" }), { manager: "n" });
  t.is(refused.code, 409);
  t.deepEqual(refused.json, {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: 'Apply failed with 1 conflict: conflict with "m": .data.k',
    reason: "Conflict",
    details: {
      causes: [{ reason: "FieldManagerConflict", message: 'conflict with "m"', field: ".data.k" }],
    },
    code: 409,
  });
  const forced = await apply(rig, `${CM}/a`, settings({ k: "w" }), { manager: "n", force: true });
  t.is(forced.code, 200);
  t.deepEqual(forced.json.data, { k: "w" });
  t.deepEqual(managers(forced.json), ["n Apply"]);
});

test("the scale takes the replicas from their applier, who conflicts then or lets them go", async (t) => {
  const rig = await createRig();
  const { spec } = deployment("d");
  await apply(rig, `${D}/d`, named("Deployment", "d", { spec: { ...spec, replicas: 1 } }));
  const scale = { apiVersion: "autoscaling/v1", kind: "Scale", metadata: { name: "d" }, spec: { replicas: 4 } };
  await rig.call("PUT", `${D}/d/scale?fieldManager=hpa`, { body: scale });
  const { json } = await rig.call("GET", `${D}/d`);
  t.deepEqual(managers(json), ["m Apply", "hpa Update scale"]);
  t.deepEqual(fieldsOf(json, "hpa"), { "f:spec": { "f:replicas": {} } });
  t.is(json.metadata.generation, 2);
  const refused = await apply(rig, `${D}/d`, named("Deployment", "d", { spec: { ...spec, replicas: 1 } }));
  t.is(
    refused.json.message,
    'Apply failed with 1 conflict: conflict with "hpa" with subresource "scale" using apps/v1: .spec.replicas',
  );
  const without = await apply(rig, `${D}/d`, named("Deployment", "d", { spec }));
  t.is(without.json.spec.replicas, 4);
  t.is(without.json.metadata.generation, 2);
});

test("a Scale can be applied too, and never creates", async (t) => {
  const rig = await createRig();
  await rig.post(D, deployment("d"));
  const scale = (count: number): Loose => ({
    apiVersion: "autoscaling/v1",
    kind: "Scale",
    metadata: { name: "d" },
    spec: { replicas: count },
  });
  const taken = await apply(rig, `${D}/d/scale`, scale(3));
  t.is(taken.code, 409);
  const forced = await apply(rig, `${D}/d/scale`, scale(3), { force: true });
  t.is(forced.json.kind, "Scale");
  t.is(forced.json.spec.replicas, 3);
  const { json } = await rig.call("GET", `${D}/d`);
  t.deepEqual(managers(json), ["m Apply scale", "unknown Update"]);
  t.is((await apply(rig, `${D}/none/scale`, { ...scale(1), metadata: { name: "none" } })).code, 404);
});

test("status is applied through its own resource only, and its owners are kept apart", async (t) => {
  const rig = await createRig();
  await rig.post(P, pod("a"));
  const status = { conditions: [{ type: "a/b", status: "True" }] };
  const body = named("Pod", "a", { status, spec: { hostname: "x" }, metadata: { labels: { a: "b" } } });
  const main = await apply(rig, `${P}/a`, named("Pod", "a", { status }), { manager: "main" });
  t.is(main.code, 200);
  t.false(managers(main.json).includes("main Apply"));
  const { json } = await apply(rig, `${P}/a/status`, body, { manager: "gate" });
  t.is(json.spec.hostname, undefined);
  t.deepEqual(
    json.status.conditions.filter(({ type }: Loose) => type === "a/b"),
    status.conditions,
  );
  t.deepEqual(fieldsOf(json, "gate"), {
    "f:metadata": { "f:labels": { "f:a": {} } },
    "f:status": { "f:conditions": { 'k:{"type":"a/b"}': { ".": {}, "f:status": {}, "f:type": {} } } },
  });
  t.true(managers(json).includes("gate Apply status"));
  const absent = await apply(rig, `${P}/none/status`, named("Pod", "none", { status }));
  t.is(absent.code, 404);
});

test("an object that nobody tracked belongs to what was there before the first apply", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("a", { k: "v", l: "v" }));
  const cleared = await rig.call("PATCH", `${CM}/a`, {
    body: [{ op: "replace", path: "/metadata/managedFields", value: [{}] }],
    headers: { "content-type": "application/json-patch+json" },
  });
  t.is(cleared.json.metadata.managedFields, undefined);
  const updated = await rig.call("PATCH", `${CM}/a`, {
    body: { data: { l: "w" } },
    headers: { "content-type": "application/merge-patch+json" },
  });
  t.is(updated.json.metadata.managedFields, undefined, "a cleared object stays untracked");
  const refused = await apply(rig, `${CM}/a`, settings({ k: "w" }));
  t.is(refused.json.message, 'Apply failed with 1 conflict: conflict with "before-first-apply" using v1: .data.k');
  const applied = await apply(rig, `${CM}/a`, settings({ k: "v" }));
  t.deepEqual(managers(applied.json), ["m Apply", "before-first-apply Update"]);
});

test("an empty list in a PUT clears the managers, no list keeps them, a list that nobody can read too", async (t) => {
  const rig = await createRig();
  const created = await rig.post(CM, configMap("a"));
  const kept = await rig.call("PUT", `${CM}/a`, { body: configMap("a") });
  t.is(kept.json.metadata.resourceVersion, created.json.metadata.resourceVersion);
  const put = (managedFields: unknown): Promise<Answer> =>
    rig.call("PUT", `${CM}/a`, { body: { ...configMap("a"), metadata: { name: "a", managedFields } } });
  t.deepEqual(managers((await put([{ manager: "x" }])).json), ["unknown Update"]);
  t.deepEqual(managers((await put([])).json), []);
});

test("ordinary writes share the work: who changes a field owns it, a no-op changes nothing", async (t) => {
  const rig = await createRig();
  const patch = (manager: string, data: Record<string, string | null>): Promise<Answer> =>
    rig.call("PATCH", `${CM}/a?fieldManager=${manager}`, {
      body: { data },
      headers: { "content-type": "application/merge-patch+json" },
    });
  await rig.call("POST", `${CM}?fieldManager=one`, { body: configMap("a", { k: "1", l: "1" }) });
  await rig.env.advance(2_000);
  const two = await patch("two", { k: "2", n: "2" });
  t.deepEqual(fieldsOf(two.json, "one"), { "f:data": { ".": {}, "f:l": {} } });
  t.deepEqual(fieldsOf(two.json, "two"), { "f:data": { "f:k": {}, "f:n": {} } });
  const [one, other] = two.json.metadata.managedFields;
  t.true(one.time < other.time);
  await rig.env.advance(2_000);
  t.is((await patch("three", { k: "2" })).json.metadata.resourceVersion, two.json.metadata.resourceVersion);
  const removed = await patch("three", { n: null });
  t.deepEqual(managers(removed.json), ["one Update", "two Update"]);
});

test("the eleventh client makes the two oldest one", async (t) => {
  const rig = await createRig();
  await rig.call("POST", `${CM}?fieldManager=m0`, { body: configMap("a", { k0: "v" }) });
  let last: Answer | undefined;
  for (let at = 1; at <= 11; at += 1) {
    await rig.env.advance(1_000);
    last = await rig.call("PATCH", `${CM}/a?fieldManager=m${at}`, {
      body: { data: { [`k${at}`]: "v" } },
      headers: { "content-type": "application/merge-patch+json" },
    });
  }
  const names = managers(last!.json);
  t.is(names.length, 10);
  t.is(names[0], "ancient-changes Update");
  t.deepEqual(Object.keys(fieldsOf(last!.json, "ancient-changes")["f:data"]), [".", "f:k0", "f:k1", "f:k2"]);
});

const annotation = "kubectl.kubernetes.io/last-applied-configuration";

test("kubectl may change what its client-side apply set, and keeps its annotation up to date", async (t) => {
  const rig = await createRig();
  const before = { ...settings({ k: "v", gone: "v" }), metadata: { name: "a", annotations: {} } };
  await rig.call("POST", `${CM}?fieldManager=kubectl-client-side-apply`, {
    body: { ...before, metadata: { name: "a", annotations: { [annotation]: `${JSON.stringify(before)}\n` } } },
  });
  const stranger = await apply(rig, `${CM}/a`, settings({ k: "w" }), { manager: "ci" });
  t.is(stranger.code, 409);
  const { json, code } = await apply(rig, `${CM}/a`, settings({ k: "w" }), { manager: "kubectl" });
  t.is(code, 200);
  t.is(json.data.k, "w");
  t.is(
    json.metadata.annotations[annotation],
    '{"apiVersion":"v1","data":{"k":"w"},"kind":"ConfigMap","metadata":{"name":"a"}}\n',
  );
});

test("kubectl does not take what others changed after its client-side apply", async (t) => {
  const rig = await createRig();
  const before = settings({ k: "v" });
  await rig.call("POST", `${CM}?fieldManager=kubectl-client-side-apply`, {
    body: { ...before, metadata: { name: "a", annotations: { [annotation]: JSON.stringify(before) } } },
  });
  await rig.call("PATCH", `${CM}/a?fieldManager=other`, {
    body: { data: { k: "x" } },
    headers: { "content-type": "application/merge-patch+json" },
  });
  const refused = await apply(rig, `${CM}/a`, settings({ k: "w" }), { manager: "kubectl" });
  t.is(refused.json.message, 'Apply failed with 1 conflict: conflict with "other" using v1: .data.k');
});

interface Refusal {
  readonly what: string;
  readonly target?: string;
  readonly query?: string;
  readonly body?: unknown;
  readonly code: number;
  readonly message: string;
}

const refusals: readonly Refusal[] = [
  {
    what: "no manager",
    query: "",
    code: 422,
    message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  },
  {
    what: "a manager that cannot be printed",
    query: "fieldManager=a%07b",
    code: 422,
    message:
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\ab": invalid character U+0007 (at position 1)',
  },
  {
    what: "a manager of 129 bytes",
    query: `fieldManager=${"a".repeat(129)}`,
    code: 422,
    message: 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
  },
  {
    what: "managed fields",
    body: named("ConfigMap", "a", { metadata: { managedFields: [] } }),
    code: 400,
    message: "metadata.managedFields must be nil",
  },
  {
    what: "another kind",
    body: { ...configMap("a"), kind: "Secret" },
    code: 400,
    message: "invalid object type: /v1, Kind=Secret",
  },
  { what: "no type", body: { metadata: { name: "a" } }, code: 400, message: "invalid object type: /, Kind=" },
  {
    what: "another version",
    body: { ...configMap("a"), apiVersion: "x/v2" },
    code: 400,
    message: "invalid object type: x/v2, Kind=ConfigMap",
  },
  {
    what: "a list",
    body: "- a\n",
    code: 400,
    message:
      "error decoding YAML: error unmarshaling JSON: while decoding JSON: json: cannot unmarshal array into Go value of type map[string]interface {}",
  },
  {
    what: "another name",
    body: configMap("b"),
    code: 400,
    message: "the name of the object (b) does not match the name on the URL (a)",
  },
  {
    what: "no name for a new object",
    target: `${CM}/new`,
    body: { apiVersion: "v1", kind: "ConfigMap" },
    code: 400,
    message: "the name of the object (new based on URL) was undeterminable: name must be provided",
  },
  {
    what: "another namespace",
    body: named("ConfigMap", "a", { metadata: { namespace: "other" } }),
    code: 400,
    message: "the namespace of the provided object does not match the namespace sent on the request",
  },
  {
    what: "a uid for a new object",
    target: `${CM}/new`,
    body: named("ConfigMap", "new", { metadata: { uid: "u" } }),
    code: 409,
    message:
      'Operation cannot be fulfilled on configmaps "new": uid mismatch: the provided object specified uid u, and no existing object was found',
  },
  {
    what: "another uid",
    body: named("ConfigMap", "a", { metadata: { uid: "u" } }),
    code: 409,
    message: "Precondition failed: UID in precondition: u",
  },
  {
    what: "a stale revision",
    body: named("ConfigMap", "a", { metadata: { resourceVersion: "1" } }),
    code: 409,
    message:
      'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
  },
  {
    what: "an unknown field",
    body: { ...configMap("a"), dat: {} },
    code: 400,
    message: "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .dat: field not declared in schema",
  },
  {
    what: "a wrong type",
    body: named("ConfigMap", "a", { data: { k: 1 } }),
    code: 400,
    message:
      "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .data.k: expected string, got &value.valueUnstructured{Value:1}",
  },
  {
    what: "a label that is not valid",
    body: named("ConfigMap", "a", { metadata: { labels: { a: "/" } } }),
    code: 422,
    message: 'ConfigMap "a" is invalid: metadata.labels: Invalid value: "/"',
  },
  { what: "a dry run of another kind", query: "fieldManager=m&dryRun=x", code: 422, message: "dryRun: Unsupported" },
];
for (const { what, target = `${CM}/a`, query = "fieldManager=m", body = settings({}), code, message } of refusals) {
  test(`an apply with ${what} is a ${code}`, async (t) => {
    const rig = await createRig();
    const { json: stored } = await rig.post(CM, configMap("a"));
    const answer = await rig.call("PATCH", `${target}?${query}`, { body, headers: yaml });
    t.is(answer.code, code);
    t.true(answer.json.message.includes(message), answer.json.message);
    t.deepEqual((await rig.call("GET", `${CM}/a`)).json, stored);
    t.is((await rig.call("GET", `${CM}/new`)).code, 404);
  });
}

test("CBOR is a 415 that names the four types of patches", async (t) => {
  const rig = await createRig();
  const headers = { "content-type": "application/apply-patch+cbor" };
  const { code, json } = await rig.call("PATCH", `${CM}/a?fieldManager=m`, { body: "x", headers });
  t.is(code, 415);
  t.is(
    json.message,
    "the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml",
  );
});

test("keys that stand twice: refused when strict, told when not, nothing when ignored", async (t) => {
  const rig = await createRig();
  const body = '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a"},"data":{"k":"1","k":"2"}}';
  const text = (line: number) =>
    `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  line ${line}: key "k" already set in map`;
  const strict = await apply(rig, `${CM}/a`, body, { query: "&fieldValidation=Strict" });
  t.is(strict.code, 400);
  t.is(strict.json.message, text(1));
  const yamlBody = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata:\n  k: a\n  k: b\n";
  const inYaml = await apply(rig, `${CM}/a`, yamlBody, { query: "&fieldValidation=Strict" });
  t.is(inYaml.json.message, text(6));
  const warned = await apply(rig, `${CM}/a`, body);
  t.is(warned.code, 201);
  t.deepEqual(warned.headers["warning"], ['299 - "line 1: key \\"k\\" already set in map"']);
  const ignored = await apply(rig, `${CM}/a`, body, { query: "&fieldValidation=Ignore" });
  t.is(ignored.headers["warning"], undefined);
  t.deepEqual(ignored.json.data, { k: "2" });
});

test("a dry run of an apply answers as if, for new and old objects, and stores nothing", async (t) => {
  const rig = await createRig();
  const created = await apply(rig, `${CM}/a`, settings({ k: "v" }), { query: "&dryRun=All" });
  t.is(created.code, 201);
  t.is((await rig.call("GET", `${CM}/a`)).code, 404);
  const { json: stored } = await apply(rig, `${CM}/a`, settings({ k: "v" }));
  const changed = await apply(rig, `${CM}/a`, settings({ k: "w" }), { query: "&dryRun=All" });
  t.deepEqual(changed.json.data, { k: "w" });
  t.deepEqual((await rig.call("GET", `${CM}/a`)).json, stored);
});

test("who may patch but not create applies to what is there only", async (t) => {
  const rig = await createRig({
    authorizer: {
      authorize: (_user, attributes) => ({ allowed: attributes.verb !== "create" || !attributes.resource, reason: "" }),
    },
  });
  const { code, json } = await apply(rig, `${CM}/a`, settings({}));
  t.is(code, 403);
  t.is(
    json.message,
    'configmaps "a" is forbidden: User "admin" cannot create resource "configmaps" in API group "" in the namespace "n"',
  );
});

test("an apply moves the generation with the spec alone", async (t) => {
  const rig = await createRig();
  const { spec } = deployment("d");
  const first = await apply(rig, `${D}/d`, named("Deployment", "d", { spec }));
  t.is(first.json.metadata.generation, 1);
  const more = named("Deployment", "d", { spec, metadata: { labels: { a: "b" } } });
  t.is((await apply(rig, `${D}/d`, more)).json.metadata.generation, 1);
  t.is((await apply(rig, `${D}/d`, { ...more, spec: { ...spec, replicas: 2 } })).json.metadata.generation, 2);
  t.is((await apply(rig, `${D}/d`, replicas(3), { manager: "n", force: true })).json.metadata.generation, 3);
});

test("quantities are compared as they are written: another spelling is a conflict for others, not for the owner", async (t) => {
  const rig = await createRig();
  const { spec } = deployment("d");
  const withCpu = (cpu: string): Loose => {
    const [container] = spec.template.spec.containers;
    const template = { ...spec.template, spec: { containers: [{ ...container, resources: { limits: { cpu } } }] } };
    return named("Deployment", "d", { spec: { ...spec, template } });
  };
  const first = await apply(rig, `${D}/d`, withCpu("1000m"));
  t.is(first.json.spec.template.spec.containers[0].resources.limits.cpu, "1");
  await rig.env.advance(2_000);
  t.is(
    (await apply(rig, `${D}/d`, withCpu("1000m"))).json.metadata.resourceVersion,
    first.json.metadata.resourceVersion,
  );
  t.is((await apply(rig, `${D}/d`, withCpu("1000m"), { manager: "n" })).code, 409);
});

test("controllers and nodes leave no entries: not by creating, not by their statuses", async (t) => {
  const rig = await createRig();
  const user = admin;
  const run = (request: Loose): Promise<Loose> =>
    Promise.all([
      rig.host.write(
        { namespace: "n", user, fieldManager: "rs-controller", tracking: "sparse", ...request },
        { class: "controller", deadlineMs: 60_000 },
      ),
      rig.env.advance(100),
    ]).then(([reply]) => reply);
  const created = await run({ verb: "create", kind: "pods", name: "a", object: pod("a") });
  t.is(created.object.metadata.managedFields, undefined);
  const { json } = await rig.post(P, pod("b"));
  const status = { ...json, status: { ...json.status, phase: "Running" } };
  const reported = await run({ verb: "update", kind: "pods", name: "b", subresource: "status", object: status });
  t.is(reported.object.status.phase, "Running");
  t.deepEqual(reported.object.metadata.managedFields, json.metadata.managedFields);
  const labelled = { ...reported.object, metadata: { ...reported.object.metadata, labels: { a: "b" } } };
  const changed = await run({ verb: "update", kind: "pods", name: "b", object: labelled });
  t.deepEqual(managers(changed.object), ["rs-controller Update", "unknown Update"]);
});

test("a client's field of the status is lost to the node that changes it", async (t) => {
  const rig = await createRig();
  const { json } = await rig.post(P, pod("b"));
  await rig.call("PATCH", `${P}/b/status?fieldManager=tester`, {
    body: { status: { message: "mine" } },
    headers: { "content-type": "application/merge-patch+json" },
  });
  const status = { ...json, metadata: { name: "b" }, status: { ...json.status, message: "theirs" } };
  const [reply] = await Promise.all([
    rig.host.write(
      {
        verb: "update",
        kind: "pods",
        namespace: "n",
        name: "b",
        subresource: "status",
        user: admin,
        object: status,
        tracking: "sparse",
        fieldManager: "kubelet",
      },
      { class: "node", deadlineMs: 60_000 },
    ),
    rig.env.advance(100),
  ]);
  t.deepEqual(managers(reply.object), ["kubelet Update status", "unknown Update"]);
});

test("binding a pod is nobody's field", async (t) => {
  const rig = await createRig();
  const { json } = await rig.post(P, pod("a"));
  await rig.post(`${P}/a/binding`, {
    apiVersion: "v1",
    kind: "Binding",
    metadata: { name: "a" },
    target: { name: "n1" },
  });
  const bound = await rig.call("GET", `${P}/a`);
  t.is(bound.json.spec.nodeName, "n1");
  t.deepEqual(bound.json.metadata.managedFields, json.metadata.managedFields);
});

test("__proto__ is an ordinary key of a map, and no field of an object", async (t) => {
  const rig = await createRig();
  const text = (data: string): string =>
    `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","labels":{"constructor":"x"}},"data":${data}}`;
  const { json, text: answer } = await apply(rig, `${CM}/a`, text('{"__proto__":"x"}'));
  t.true(answer.includes('"data":{"__proto__":"x"}'));
  t.true(answer.includes('"f:data":{"f:__proto__":{}}'));
  t.is(json.metadata.labels.constructor, "x");
  const refused = await apply(
    rig,
    `${CM}/a`,
    '{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","__proto__":{}}}',
  );
  t.is(refused.code, 400);
  t.regex(refused.json.message, /\.metadata\.__proto__: field not declared in schema/);
});

interface PatchCase {
  readonly what: string;
  readonly type: "json" | "merge" | "strategic-merge";
  readonly body: unknown;
  readonly query?: string;
  readonly code: number;
  readonly message?: string;
}

const strategicSpec = (container: Loose): Loose => ({ spec: { template: { spec: { containers: [container] } } } });
const patchCases: readonly PatchCase[] = [
  {
    what: "a failing test",
    type: "json",
    body: [{ op: "test", path: "/spec/replicas", value: 7 }],
    code: 422,
    message: "the server rejected our request due to an error in our request",
  },
  {
    what: "10,001 operations",
    type: "json",
    body: Array.from({ length: 10_001 }, () => ({ op: "test", path: "/kind", value: "Deployment" })),
    code: 413,
    message: "The allowed maximum operations in a JSON patch is 10000, got 10001",
  },
  {
    what: "an unknown field, strict",
    type: "strategic-merge",
    body: { spec: { replicaz: 1, paused: true } },
    query: "fieldValidation=Strict",
    code: 422,
    message:
      ' "" is invalid: patch: Invalid value: "map[spec:map[paused:true replicaz:1]]": strict decoding error: unknown field "spec.replicaz"',
  },
  {
    what: "a text for a number",
    type: "strategic-merge",
    body: { spec: { replicas: "x" } },
    code: 422,
    message: ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:x]]": unrecognized type: int32',
  },
  {
    what: "an item without its key",
    type: "strategic-merge",
    body: strategicSpec({ image: "b" }),
    code: 422,
  },
  {
    what: "an unknown field, ignored",
    type: "merge",
    body: { spec: { replicaz: 1 } },
    query: "fieldValidation=Ignore",
    code: 200,
  },
  { what: "an unknown validation", type: "merge", body: {}, query: "fieldValidation=x", code: 422 },
  {
    what: "force",
    type: "merge",
    body: {},
    query: "force=false",
    code: 422,
    message: 'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
  },
  {
    what: "a stale revision",
    type: "merge",
    body: { metadata: { resourceVersion: "1" } },
    code: 409,
    message:
      'Operation cannot be fulfilled on deployments.apps "d": the object has been modified; please apply your changes to the latest version and try again',
  },
  { what: "another uid", type: "merge", body: { metadata: { uid: "u" } }, code: 409 },
  { what: "a dry run", type: "merge", body: { spec: { replicas: 5 } }, query: "dryRun=All", code: 200 },
];
for (const { what, type, body, query = "", code, message } of patchCases) {
  test(`a ${type} patch with ${what} is a ${code} and stores nothing`, async (t) => {
    const rig = await createRig();
    const { json: stored } = await rig.post(D, deployment("d"));
    const headers = { "content-type": `application/${type}-patch+json` };
    const answer = await rig.call("PATCH", `${D}/d?${query}`, { body, headers });
    t.is(answer.code, code, answer.text);
    if (message !== undefined) t.is(answer.json.message, message);
    t.deepEqual((await rig.call("GET", `${D}/d`)).json, stored);
  });
}
