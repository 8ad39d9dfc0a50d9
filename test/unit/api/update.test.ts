import test from "ava";
import { CM, configMap, createRig, D, deployment, P, pod, type Loose, type Rig } from "./harness.ts";

const NS = "/api/v1/namespaces";
const put = (rig: Rig, target: string, body: Loose) => rig.call("PUT", target, { body });

function patch(rig: Rig, target: string, body: unknown, type = "merge-patch") {
  const headers = { "content-type": `application/${type}+json` };
  return rig.call("PATCH", target, { body, headers });
}

test("PUT with a stale resourceVersion is a 409, without one it replaces", async (t) => {
  const rig = await createRig();
  const { json: first } = await rig.post(CM, configMap("a"));
  await put(rig, `${CM}/a`, configMap("a", { k: "2" }));
  const stale = await put(rig, `${CM}/a`, { ...first, data: { k: "3" } });
  t.is(stale.code, 409);
  t.is(
    stale.json.message,
    'Operation cannot be fulfilled on configmaps "a": the object has been modified; please apply your changes to the latest version and try again',
  );
  t.is((await put(rig, `${CM}/a`, configMap("a", { k: "4" }))).code, 200);
});

test("PUT of the same content keeps the revision and makes no event", async (t) => {
  const rig = await createRig();
  const { json: first } = await rig.post(CM, configMap("a"));
  const before = rig.store.revision;
  const { code, json } = await put(rig, `${CM}/a`, configMap("a"));
  t.is(code, 200);
  t.is(json.metadata.resourceVersion, first.metadata.resourceVersion);
  t.is(rig.store.revision, before);
});

test("another uid, another name and another namespace in the body are refused", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("a"));
  const other = configMap("a");
  other.metadata.uid = "x";
  const uid = await put(rig, `${CM}/a`, other);
  t.is(uid.code, 409);
  t.regex(uid.json.message, /UID in precondition: x, UID in object meta:/);
  const name = await put(rig, `${CM}/a`, configMap("b"));
  t.is(name.code, 400);
  t.is(name.json.message, "the name of the object (b) does not match the name on the URL (a)");
});

test("PUT on an absent object is a 404, but creates a Lease, and a Lease's PUT needs its revision", async (t) => {
  const rig = await createRig();
  t.is((await put(rig, `${CM}/a`, configMap("a"))).code, 404);
  const leases = "/apis/coordination.k8s.io/v1/namespaces/n/leases";
  const lease = { metadata: { name: "l" }, spec: { holderIdentity: "x" } };
  t.is((await put(rig, `${leases}/l`, lease)).code, 201);
  const again = await put(rig, `${leases}/l`, lease);
  t.is(again.code, 422);
  t.is(
    again.json.message,
    'leases.coordination.k8s.io "l" is invalid: metadata.resourceVersion: Invalid value: 0: must be specified for an update',
  );
});

test("a status that is put with another spec, or without one, leaves the stored spec and its place alone", async (t) => {
  const rig = await createRig();
  const { json: made } = await rig.post(D, deployment("a"));
  const { spec, ...bare } = made;
  const without = await put(rig, `${D}/a/status`, { ...bare, status: { replicas: 1 } });
  t.is(without.code, 200);
  t.deepEqual(without.json.spec, spec);
  t.deepEqual(Object.keys(without.json), ["apiVersion", "kind", "metadata", "spec", "status"]);
  const other = await put(rig, `${D}/a/status`, { ...without.json, spec: { replicas: 9 }, status: { replicas: 2 } });
  t.deepEqual([other.json.spec, other.json.status], [spec, { replicas: 2 }]);
  const emptied = await put(rig, `${D}/a/status`, { ...bare, metadata: other.json.metadata, status: {} });
  t.is(emptied.code, 200);
  t.deepEqual(emptied.json.spec, spec);
});

test("generation counts changes of the spec, not of labels or status", async (t) => {
  const rig = await createRig();
  await rig.post(D, deployment("a"));
  const spec = await patch(rig, `${D}/a`, { spec: { replicas: 3 } });
  t.is(spec.json.metadata.generation, 2);
  const label = await patch(rig, `${D}/a`, { metadata: { labels: { a: "b" } } });
  t.is(label.json.metadata.generation, 2);
  t.deepEqual(label.json.metadata.labels, { a: "b" });
  const status = await patch(rig, `${D}/a/status`, { status: { replicas: 3 }, spec: { replicas: 9 } });
  t.is(status.json.metadata.generation, 2);
  t.is(status.json.spec.replicas, 3);
  t.is(status.json.status.replicas, 3);
  const main = await patch(rig, `${D}/a`, { status: { replicas: 9 }, spec: { paused: true } });
  t.is(main.json.status.replicas, 3, "the status is kept");
  t.is(main.json.metadata.generation, 3);
});

test("the scale is read and written as a form of its own", async (t) => {
  const rig = await createRig();
  const { json: made } = await rig.post(D, deployment("a"));
  const read = await rig.call("GET", `${D}/a/scale`);
  t.like(read.json, { kind: "Scale", apiVersion: "autoscaling/v1", spec: { replicas: 1 } });
  t.is(read.json.status.selector, "app=a");
  t.is(read.json.metadata.uid, made.metadata.uid);
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  const table = await rig.call("GET", `${D}/a/scale`, { headers: { accept } });
  t.deepEqual(table.json.rows[0].cells.slice(0, 3), ["a", 1, 0]);
  const patched = await patch(rig, `${D}/a/scale`, { spec: { replicas: 5 } });
  t.is(patched.json.spec.replicas, 5);
  t.is(patched.json.kind, "Scale");
  const { json: object } = await rig.call("GET", `${D}/a`);
  t.is(object.spec.replicas, 5);
  t.is(object.metadata.generation, 2);
  const body = { kind: "Scale", apiVersion: "autoscaling/v1", metadata: { name: "a" }, spec: {} };
  t.is((await put(rig, `${D}/a/scale`, body)).json.spec.replicas, 0);
  const negative = await patch(rig, `${D}/a/scale`, { spec: { replicas: -1 } });
  t.is(negative.code, 422);
  t.is(
    negative.json.message,
    'Scale.autoscaling "a" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  );
});

test("a pod is bound once", async (t) => {
  const rig = await createRig();
  await rig.post(P, pod("a"));
  const binding = { metadata: { name: "a" }, target: { kind: "Node", name: "n1" } };
  const { code, json } = await rig.post(`${P}/a/binding`, binding);
  t.is(code, 201);
  t.is(json.status, "Success");
  const bound = await rig.call("GET", `${P}/a`);
  t.is(bound.json.spec.nodeName, "n1");
  t.like(bound.json.status.conditions[0], { type: "PodScheduled", status: "True" });
  const again = await rig.post(`${NS}/n/bindings`, binding);
  t.is(again.code, 409);
  t.is(again.json.message, 'Operation cannot be fulfilled on pods/binding "a": pod a is already assigned to node "n1"');
  t.is((await rig.post(`${P}/a/binding`, { metadata: { name: "b" }, target: {} })).code, 400);
});

test("ephemeral containers may be added, not changed", async (t) => {
  const rig = await createRig();
  await rig.post(P, pod("a"));
  const add = (image: string) =>
    patch(
      rig,
      `${P}/a/ephemeralcontainers`,
      { spec: { ephemeralContainers: [{ name: "d", image }] } },
      "strategic-merge-patch",
    );
  const { code, json } = await add("busybox");
  t.is(code, 200);
  t.is(json.spec.ephemeralContainers[0].name, "d");
  t.is(json.metadata.generation, 2);
  const changed = await add("other");
  t.is(changed.code, 422);
  t.regex(changed.json.message, /existing ephemeral containers "d" may not be changed/);
});

test("DELETE answers a Status with the uid, and the object is gone", async (t) => {
  const rig = await createRig();
  const { json: made } = await rig.post(CM, configMap("a"));
  const { code, json } = await rig.call("DELETE", `${CM}/a`);
  t.is(code, 200);
  t.like(json, { kind: "Status", status: "Success" });
  t.false("code" in json, "Kubernetes leaves it out of a deletion");
  t.deepEqual(json.details, { name: "a", kind: "configmaps", uid: made.metadata.uid });
  t.is((await rig.call("GET", `${CM}/a`)).code, 404);
});

test("a bound pod stays for its grace, which a second DELETE can only shorten", async (t) => {
  const rig = await createRig();
  await rig.post(P, pod("a", { nodeName: "n1" }));
  const first = await rig.call("DELETE", `${P}/a`);
  t.is(first.code, 200);
  t.is(first.json.metadata.deletionGracePeriodSeconds, 30);
  t.is(first.json.metadata.generation, 2);
  const longer = await rig.call("DELETE", `${P}/a`, { body: { gracePeriodSeconds: 60 } });
  t.is(longer.json.metadata.deletionGracePeriodSeconds, 30);
  const shorter = await rig.call("DELETE", `${P}/a?gracePeriodSeconds=10`);
  t.is(shorter.json.metadata.deletionGracePeriodSeconds, 10);
  t.is(Date.parse(first.json.metadata.deletionTimestamp) - Date.parse(shorter.json.metadata.deletionTimestamp), 20_000);
  const now = await rig.call("DELETE", `${P}/a`, { body: { gracePeriodSeconds: 0 } });
  t.is(now.json.status, "Success");
  t.is((await rig.call("GET", `${P}/a`)).code, 404);
});

test("a pod without a node is gone at once", async (t) => {
  const rig = await createRig();
  await rig.post(P, pod("a"));
  t.is((await rig.call("DELETE", `${P}/a`)).json.status, "Success");
});

test("an eviction deletes the pod as a DELETE does", async (t) => {
  const rig = await createRig();
  await rig.post(P, pod("a", { nodeName: "n1" }));
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name: "a" } };
  const { code, json } = await rig.post(`${P}/a/eviction`, body);
  t.is(code, 201, JSON.stringify(json));
  t.is(json.status, "Success");
  t.truthy((await rig.call("GET", `${P}/a`)).json.metadata.deletionTimestamp);
});

test("a finalizer holds the object; removing the last one removes it", async (t) => {
  const rig = await createRig();
  const body = configMap("a");
  body.metadata.finalizers = ["a.b/c"];
  await rig.post(CM, body);
  const held = await rig.call("DELETE", `${CM}/a`);
  t.truthy(held.json.metadata.deletionTimestamp);
  t.is(held.json.metadata.deletionGracePeriodSeconds, 0);
  const more = await patch(rig, `${CM}/a`, { metadata: { finalizers: ["a.b/c", "d.e/f"] } });
  t.is(more.code, 422);
  t.regex(more.json.message, /no new finalizers can be added if the object is being deleted/);
  const again = await rig.post(CM, configMap("a"));
  t.is(again.json.message, 'object is being deleted: configmaps "a" already exists');
  t.is((await patch(rig, `${CM}/a`, { metadata: { finalizers: null } })).code, 200);
  t.is((await rig.call("GET", `${CM}/a`)).code, 404);
});

test("the propagation policy becomes the collector's finalizer", async (t) => {
  const rig = await createRig();
  await rig.post(D, deployment("a"));
  const options = { propagationPolicy: "Foreground" };
  const { json } = await rig.call("DELETE", `${D}/a`, { body: options });
  t.deepEqual(json.metadata.finalizers, ["foregroundDeletion"]);
  const both = { propagationPolicy: "Orphan", orphanDependents: true };
  t.is((await rig.call("DELETE", `${D}/a`, { body: both })).code, 422);
  const unknown = await rig.call("DELETE", `${D}/a`, { body: { propagationPolicy: "X" } });
  t.is(unknown.code, 422);
});

test("a wrong uid precondition of a DELETE is a 409", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("a"));
  const body = { preconditions: { uid: "x" } };
  const { code, json } = await rig.call("DELETE", `${CM}/a`, { body });
  t.is(code, 409);
  t.regex(json.message, /the UID in the precondition \(x\) does not match the UID in record/);
});

test("a collection is deleted by its selector", async (t) => {
  const rig = await createRig();
  for (const name of ["a", "b", "c"]) {
    const body = configMap(name);
    body.metadata.labels = { keep: String(name === "b") };
    await rig.post(CM, body);
  }
  const { code, json } = await rig.call("DELETE", `${CM}?labelSelector=keep!%3Dtrue`);
  t.is(code, 200);
  t.is(json.items.length, 2);
  const left = await rig.call("GET", CM);
  t.deepEqual(
    left.json.items.map((item: Loose) => item.metadata.name),
    ["b"],
  );
});

test("a namespace ends in two steps, and its finalizers go by /finalize", async (t) => {
  const rig = await createRig();
  const deleted = await rig.call("DELETE", `${NS}/n`);
  t.is(deleted.json.status.phase, "Terminating");
  t.deepEqual(deleted.json.spec.finalizers, ["kubernetes"]);
  t.is((await rig.call("DELETE", `${NS}/n`)).code, 200);
  const body = { ...deleted.json, spec: {} };
  const finalized = await rig.call("PUT", `${NS}/n/finalize`, { body });
  t.is(finalized.code, 200);
  t.is((await rig.call("GET", `${NS}/n`)).code, 404);
  await rig.post(NS, { metadata: { name: "default" } });
  const refused = await rig.call("DELETE", `${NS}/default`);
  t.is(refused.code, 403);
  t.is(refused.json.message, 'namespaces "default" is forbidden: this namespace may not be deleted');
});

test("PATCH types: JSON, merge and strategic; others are a 415, unknown fields are told", async (t) => {
  const rig = await createRig();
  await rig.post(D, deployment("a"));
  const json = await patch(rig, `${D}/a`, [{ op: "replace", path: "/spec/replicas", value: 2 }], "json-patch");
  t.is(json.json.spec.replicas, 2);
  const failing = await patch(rig, `${D}/a`, [{ op: "test", path: "/kind", value: "X" }], "json-patch");
  t.is(failing.code, 422);
  const strategic = await patch(
    rig,
    `${D}/a`,
    { spec: { template: { spec: { containers: [{ name: "d", image: "b" }] } } } },
    "strategic-merge-patch",
  );
  t.is(strategic.json.spec.template.spec.containers.length, 2);
  t.is((await rig.call("PATCH", `${D}/a`, { body: {}, headers: {} })).code, 415);
  const strict = await patch(rig, `${D}/a?fieldValidation=Strict`, { spec: { replicaz: 1 } });
  t.is(strict.code, 422);
  t.regex(
    strict.json.message,
    /^ "" is invalid: patch: Invalid value: .*: strict decoding error: unknown field "spec.replicaz"$/,
  );
  const told = await patch(rig, `${D}/a`, { spec: { replicaz: 1 } });
  t.deepEqual(told.headers["warning"], ['299 - "unknown field \\"spec.replicaz\\""']);
  t.is((await patch(rig, `${D}/zz`, {})).code, 404);
  const forced = await patch(rig, `${D}/a?force=true`, {});
  t.is(forced.code, 422);
  const stale = await patch(rig, `${D}/a`, { metadata: { resourceVersion: "1" } });
  t.is(stale.code, 409);
});

test("PUT of an immutable ConfigMap's data is refused, its labels may change", async (t) => {
  const rig = await createRig();
  await rig.post(CM, { ...configMap("a"), immutable: true });
  const { code, json } = await patch(rig, `${CM}/a`, { data: { k: "2" } });
  t.is(code, 422);
  t.regex(json.message, /data: Forbidden: field is immutable when `immutable` is set/);
  t.is((await patch(rig, `${CM}/a`, { metadata: { labels: { a: "b" } } })).code, 200);
});

test("a write whose answer a later leader knows without a body is answered as a success", async (t) => {
  const { host } = await createRig();
  const known = await createRig({
    host: {
      actors: host.actors,
      readBarrier: () => Promise.resolve(),
      write: () => Promise.resolve({ code: 200, revision: 9, warnings: [] }),
    },
  });
  const answer = await known.call("DELETE", `${CM}/a`);
  t.is(answer.code, 200);
  t.is(answer.json.status, "Success");
  t.deepEqual(answer.json.details, { name: "a", kind: "configmaps" });
});
