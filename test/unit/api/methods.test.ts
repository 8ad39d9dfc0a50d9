import test from "ava";
import { attributesOf, classify } from "../../../src/api/rest/route.ts";
import { parseTarget } from "../../../src/api/rest/target.ts";
import { formatHttpDate } from "../../../src/util/time-format.ts";
import { CM, configMap, createRig, D, deployment, P, pod, type Loose, type Rig } from "./harness.ts";

/** Methods and paths without a route, packed bodies, and the options of a DELETE of many. */

const notAllowed = {
  code: 405,
  reason: "MethodNotAllowed",
  message: "the server does not allow this method on the requested resource",
};

test("a known path refuses a method that has no route there, in the words of Kubernetes", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("a"));
  const refused: readonly (readonly [string, string])[] = [
    ...["HEAD", "OPTIONS", "TRACE", "FOO", "get"].flatMap((method) =>
      [CM, `${CM}/a`, `${P}/x/log`, "/api/v1/nodes"].map((target) => [method, target] as const),
    ),
    ["PUT", CM],
    ["PATCH", CM],
    ["POST", `${CM}/a`],
    ["POST", "/api/v1/configmaps"],
    ["PUT", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"],
    ["GET", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"],
    ["GET", `${P}/x/binding`],
    ["POST", "/apis"],
    ["HEAD", "/api"],
    ["HEAD", "/version"],
    ["DELETE", "/version"],
  ];
  for (const [method, target] of refused) {
    const { code, json } = await rig.call(method, target);
    t.is(code, 405, `${method} ${target}`);
    t.like(json, notAllowed, `${method} ${target}`);
  }
  t.is((await rig.call("HEAD", "/healthz")).code, 200, "health may be asked for without its text");
  for (const method of ["HEAD", "GET"]) t.is((await rig.call(method, "/api/v1/nothings")).code, 404);
  const asked = attributesOf(classify("HEAD", parseTarget(CM)));
  t.like(asked, { verb: "list", plural: "configmaps" }, "who may not read is told no more");
});

test("an empty step in a path is not left out: such a path leads nowhere", async (t) => {
  const rig = await createRig();
  for (const target of ["//api//v1/pods", "//api/v1/pods", "/api//v1/pods", "/api/v1//pods", "//", "//healthz"]) {
    const { code, json } = await rig.call("GET", target);
    t.is(code, 404, target);
    t.is(json.message, "the server could not find the requested resource");
  }
  const asked = attributesOf(classify("GET", parseTarget("//api//v1/pods")));
  t.deepEqual(asked, { resource: false, verb: "get", path: "//api//v1/pods" }, "authorised as it was sent");
  t.is((await rig.call("GET", "/api/v1/pods/")).code, 200, "a slash at the end is no step");
});

test("a packed body is refused before anything is read of it, whatever it holds", async (t) => {
  const rig = await createRig();
  for (const coding of ["gzip", "deflate", "br", "GZIP", "gzip, gzip", "x"]) {
    const exchange = rig.open("POST", CM, { body: configMap("a"), headers: { "content-encoding": coding } });
    await rig.env.advance(10);
    t.is(exchange.response?.status, 415, coding);
    t.is(exchange.bodyReads, 0);
  }
  const plain = await rig.call("POST", CM, { body: configMap("a"), headers: { "content-encoding": "identity" } });
  t.is(plain.code, 201);
});

test("the hashed address of an OpenAPI document may be kept for a year, by old caches as well", async (t) => {
  const rig = await createRig();
  const index = await rig.call("GET", "/openapi/v3");
  const { serverRelativeURL } = index.json.paths["apis/apps/v1"];
  const { headers } = await rig.call("GET", serverRelativeURL);
  t.regex(String(headers["cache-control"]), /^public, immutable/);
  const expires = Date.parse(String(headers["expires"]));
  t.is(Math.round((expires - rig.env.clock.wall()) / 86_400_000), 365);
  t.is((await rig.call("GET", "/openapi/v3/apis/apps/v1")).headers["expires"], undefined);
});

test("the bookmark that ends the state of a Table says so in its row, also where no objects are asked for", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("a"));
  const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const accept = "application/json;as=Table;v=v1;g=meta.k8s.io";
  for (const [include, kind] of [
    ["Metadata", "PartialObjectMetadata"],
    ["None", "PartialObjectMetadata"],
    ["Object", "ConfigMap"],
  ]) {
    const exchange = rig.open("GET", `${CM}?${query}&includeObject=${include}`, { headers: { accept } });
    await rig.env.advance(10);
    const [first, second] = exchange.events;
    t.is(first.object.columnDefinitions.length, 3);
    t.is(second.type, "BOOKMARK");
    const { rows, metadata } = second.object;
    t.is(rows.length, 1, include);
    t.is(rows[0].object.kind, kind);
    t.is(rows[0].object.metadata.annotations["k8s.io/initial-events-end"], "true");
    t.is(metadata.resourceVersion, rows[0].object.metadata.resourceVersion);
  }
});

// ---- DELETE of many ----

async function names(rig: Rig, target: string): Promise<readonly string[]> {
  return (await rig.call("GET", target)).json.items.map(({ metadata }: Loose) => metadata.name);
}

async function three(): Promise<Rig> {
  const rig = await createRig();
  for (const name of ["a", "b", "c"]) await rig.post(CM, configMap(name));
  return rig;
}

test("a dry run of many answers what it would delete, and deletes nothing, said in query or body", async (t) => {
  const rig = await three();
  const before = rig.store.revision;
  for (const how of [{ target: `${CM}?dryRun=All` }, { target: CM, body: { dryRun: ["All"] } }]) {
    const { code, json } = await rig.call("DELETE", how.target, { body: how.body });
    t.is(code, 200);
    t.is(json.kind, "ConfigMapList");
    t.is(json.items.length, 3);
  }
  t.is(rig.store.revision, before);
  t.is((await rig.call("DELETE", `${CM}?dryRun=x`)).code, 422);
});

test("a limit deletes one page, and answers where the next begins", async (t) => {
  const rig = await three();
  const { json } = await rig.call("DELETE", `${CM}?limit=2`);
  t.is(json.items.length, 2);
  t.not(json.metadata.continue ?? "", "");
  t.deepEqual(await names(rig, CM), ["c"]);
});

test("a precondition holds for each of many: the first that does not meet it refuses the rest", async (t) => {
  const rig = await three();
  const wrong = await rig.call("DELETE", CM, { body: { preconditions: { uid: "x" } } });
  t.is(wrong.code, 409);
  t.regex(wrong.json.message, /the UID in the precondition \(x\) does not match the UID in record/);
  t.is((await rig.call("DELETE", CM, { body: { preconditions: { resourceVersion: "1" } } })).code, 409);
  t.deepEqual(await names(rig, CM), ["a", "b", "c"]);
  const { uid } = (await rig.call("GET", `${CM}/b`)).json.metadata;
  const one = await rig.call("DELETE", `${CM}?fieldSelector=metadata.name%3Db`, { body: { preconditions: { uid } } });
  t.is(one.code, 200);
  t.deepEqual(await names(rig, CM), ["a", "c"]);
});

test("grace and policy hold for each of many", async (t) => {
  const rig = await createRig();
  for (const name of ["a", "b"]) await rig.post(P, pod(name, { nodeName: "n1" }));
  await rig.call("DELETE", P, { body: { gracePeriodSeconds: 7 } });
  const { items } = (await rig.call("GET", P)).json;
  t.deepEqual(
    items.map(({ metadata }: Loose) => metadata.deletionGracePeriodSeconds),
    [7, 7],
  );
  await rig.call("DELETE", P, { body: { gracePeriodSeconds: 0 } });
  t.deepEqual(await names(rig, P), []);
  for (const name of ["a", "b"]) await rig.post(D, deployment(name));
  await rig.call("DELETE", `${D}?propagationPolicy=Orphan`);
  const orphaned = (await rig.call("GET", D)).json.items;
  t.deepEqual(
    orphaned.map(({ metadata }: Loose) => metadata.finalizers),
    [["orphan"], ["orphan"]],
  );
  const both = await rig.call("DELETE", D, { body: { propagationPolicy: "Orphan", orphanDependents: true } });
  t.is(both.code, 422);
});

test("a date of HTTP is written as everybody writes it", (t) => {
  for (let at = 0; at < 4e12; at += 86_400_000 * 37 + 12_345_678) t.is(formatHttpDate(at), new Date(at).toUTCString());
});
