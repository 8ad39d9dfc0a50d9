import test from "ava";
import { limits } from "../../../src/api/limits.ts";
import type { Call } from "../../../src/api/rest/call.ts";
import { sendPieces } from "../../../src/api/rest/send-pieces.ts";
import type { Clock } from "../../../src/env/env.ts";
import { CM, configMap, createRig, D, deployment, FakeExchange, P, pod, type Loose, type Rig } from "./harness.ts";

const table = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
const names = (list: Loose): string[] => list.items.map((item: Loose) => item.metadata.name);

async function fill(rig: Rig, ...list: readonly string[]): Promise<void> {
  for (const name of list) {
    const body = configMap(name);
    body.metadata.labels = { name };
    await rig.post(CM, body);
  }
}

test("a list is a kind of its own, in the order of names, at one revision", async (t) => {
  const rig = await createRig();
  await fill(rig, "b", "a", "c");
  const { json } = await rig.call("GET", CM);
  t.like(json, { kind: "ConfigMapList", apiVersion: "v1" });
  t.deepEqual(names(json), ["a", "b", "c"]);
  t.is(json.metadata.resourceVersion, String(rig.store.revision));
  const all = await rig.call("GET", "/api/v1/configmaps/");
  t.is(all.json.items.length, 3);
});

test("pages keep the revision of the first, and count what remains without a selector", async (t) => {
  const rig = await createRig();
  await fill(rig, "a", "b", "c", "d", "e");
  const first = await rig.call("GET", `${CM}?limit=2`);
  t.is(first.json.metadata.remainingItemCount, 3);
  await fill(rig, "b1");
  const token = encodeURIComponent(first.json.metadata.continue);
  const second = await rig.call("GET", `${CM}?limit=2&continue=${token}`);
  t.deepEqual(names(second.json), ["c", "d"]);
  t.is(second.json.metadata.resourceVersion, first.json.metadata.resourceVersion);
  const selected = await rig.call("GET", `${CM}?limit=1&labelSelector=name`);
  t.is(selected.json.metadata.remainingItemCount, undefined);
  t.truthy(selected.json.metadata.continue);
  const bad = await rig.call("GET", `${CM}?continue=xyz`);
  t.is(bad.code, 400);
  t.regex(bad.json.message, /^continue key is not valid/);
  const both = await rig.call("GET", `${CM}?continue=${token}&resourceVersion=5`);
  t.is(both.code, 400);
});

const selections: readonly (readonly [string, readonly string[]])[] = [
  ["labelSelector=name%3Da", ["a"]],
  ["labelSelector=name%20in%20(a,b)", ["a", "b"]],
  ["labelSelector=name%20notin%20(a)", ["b", "c"]],
  ["labelSelector=absent%20notin%20(a)", ["a", "b", "c"]],
  ["labelSelector=!name", []],
  ["fieldSelector=metadata.name%3Db", ["b"]],
  ["fieldSelector=metadata.name!%3Db,metadata.namespace%3Dn", ["a", "c"]],
];
for (const [query, expected] of selections) {
  test(`a list with ${decodeURIComponent(query)} is ${expected.join(", ") || "empty"}`, async (t) => {
    const rig = await createRig();
    await fill(rig, "a", "b", "c");
    const { json } = await rig.call("GET", `${CM}?${query}`);
    t.deepEqual(names(json), expected);
  });
}

const refused: readonly (readonly [string, number, RegExp])[] = [
  [`${CM}?labelSelector=a%20b`, 400, /unable to parse requirement|found/],
  [`${CM}?fieldSelector=data.k%3Dv`, 400, /is not a known field selector/],
  [`${P}?fieldSelector=spec.x%3Dv`, 400, /^field label not supported: spec.x$/],
  [`${CM}?resourceVersionMatch=Exact`, 422, /resourceVersionMatch: Forbidden/],
  [`${CM}?resourceVersionMatch=Exact&resourceVersion=0`, 422, /is forbidden for resourceVersion "0"/],
  [`${CM}?sendInitialEvents=true`, 422, /sendInitialEvents is forbidden for list/],
  [`${CM}?watch=1&sendInitialEvents=true`, 422, /requires setting resourceVersionMatch to NotOlderThan/],
  [`${CM}?resourceVersion=-1`, 400, /resourceVersion/],
  [`${CM}?limit=-1`, 400, /limit/],
  [`${CM}/..%2fx`, 400, /Name parameter invalid/],
  [`/api/v1/namespaces/n/nodes`, 404, /could not find the requested resource/],
  [`/api/v1/nothing`, 404, /could not find the requested resource/],
  [`/nothing`, 404, /could not find the requested resource/],
];
for (const [target, code, message] of refused) {
  test(`GET ${target} is a ${code}`, async (t) => {
    const rig = await createRig();
    const answer = await rig.call("GET", target);
    t.is(answer.code, code, answer.text);
    t.regex(answer.json.message, message);
  });
}

test("an old revision can be read exactly, a future one is a 504 after three seconds", async (t) => {
  const rig = await createRig();
  await fill(rig, "a");
  const at = rig.store.revision;
  await fill(rig, "b");
  const exact = await rig.call("GET", `${CM}?resourceVersion=${at}&resourceVersionMatch=Exact`);
  t.deepEqual(names(exact.json), ["a"]);
  const newer = await rig.call("GET", `${CM}?resourceVersion=${at}&resourceVersionMatch=NotOlderThan`);
  t.deepEqual(names(newer.json), ["a", "b"]);
  const began = rig.env.clock.mono();
  const future = await rig.call("GET", `${CM}?resourceVersion=999`);
  t.is(future.code, 504);
  t.is(future.json.details.causes[0].reason, "ResourceVersionTooLarge");
  t.true(rig.env.clock.mono() - began >= 3_000);
});

test("a Table has the kind's columns and the objects' metadata", async (t) => {
  const rig = await createRig();
  await rig.post(D, deployment("a"));
  const { json } = await rig.call("GET", D, { headers: { accept: table } });
  t.like(json, { kind: "Table", apiVersion: "meta.k8s.io/v1" });
  t.is(json.columnDefinitions[0].name, "Name");
  t.is(json.rows[0].cells[1], "0/1");
  t.is(json.rows[0].object.kind, "PartialObjectMetadata");
  t.is(json.rows[0].object.spec, undefined);
  t.is(json.metadata.resourceVersion, String(rig.store.revision));
  const one = await rig.call("GET", `${D}/a?includeObject=Object`, { headers: { accept: table } });
  t.is(one.json.rows[0].object.spec.replicas, 1);
});

test("PartialObjectMetadata, YAML, and a type that nobody serves", async (t) => {
  const rig = await createRig();
  await fill(rig, "a");
  const accept = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1";
  const partial = await rig.call("GET", CM, { headers: { accept } });
  t.is(partial.json.kind, "PartialObjectMetadataList");
  t.deepEqual(Object.keys(partial.json.items[0]), ["kind", "apiVersion", "metadata"]);
  const yaml = await rig.call("GET", `${CM}/a`, { headers: { accept: "application/yaml" } });
  t.regex(yaml.text, /^apiVersion: v1\nkind: ConfigMap\n/);
  const preferred = { accept: "application/vnd.kubernetes.protobuf,application/json" };
  t.is((await rig.call("GET", `${CM}/a`, { headers: preferred })).code, 200);
  const image = await rig.call("GET", `${CM}/a`, { headers: { accept: "image/png" } });
  t.is(image.code, 406);
  t.regex(image.json.message, /^only the following media types are accepted: application\/json/);
});

test("discovery: the old documents and the aggregated one, which is not sent twice", async (t) => {
  const rig = await createRig();
  const core = await rig.call("GET", "/api/v1");
  const eviction = core.json.resources.find(({ name }: Loose) => name === "pods/eviction");
  t.like(eviction, { group: "policy", version: "v1", kind: "Eviction" });
  const groups = await rig.call("GET", "/apis");
  t.true(groups.json.groups.some(({ name }: Loose) => name === "apps"));
  t.is((await rig.call("GET", "/apis/apps")).json.preferredVersion.groupVersion, "apps/v1");
  const accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json";
  const aggregated = await rig.call("GET", "/apis?timeout=32s", { headers: { accept } });
  t.is(aggregated.headers["content-type"], "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList");
  const apps = aggregated.json.items.find((item: Loose) => item.metadata.name === "apps");
  const deployments = apps.versions[0].resources[0];
  t.is(deployments.responseKind.kind, "Deployment");
  t.deepEqual(
    deployments.subresources.map((sub: Loose) => sub.subresource),
    ["scale", "status"],
  );
  const etag = String(aggregated.headers["etag"]);
  const again = await rig.call("GET", "/apis", { headers: { accept, "if-none-match": etag } });
  t.is(again.code, 304);
});

test("health, version and metrics", async (t) => {
  let problem: string | undefined;
  const rig = await createRig({ readiness: [{ name: "store", problem: () => problem }] });
  t.is((await rig.call("GET", "/livez")).text, "ok");
  t.is((await rig.call("GET", "/readyz?verbose")).text, "[+]ping ok\n[+]store ok\nreadyz check passed\n");
  problem = "behind";
  const failed = await rig.call("GET", "/readyz");
  t.is(failed.code, 500);
  t.is(failed.text, "[+]ping ok\n[-]store failed: reason withheld\nreadyz check failed\n");
  t.is((await rig.call("GET", "/livez")).code, 200);
  t.is((await rig.call("GET", "/readyz?exclude=store")).text, "ok");
  t.is(
    (await rig.call("GET", "/readyz?verbose&exclude=store&exclude=b&exclude=a")).text,
    '[+]ping ok\n[+]store excluded: ok\nwarn: some health checks cannot be excluded: no matches for "a","b"\nreadyz check passed\n',
  );
  t.is((await rig.call("GET", "/readyz/ping")).text, "ok");
  const one = await rig.call("GET", "/readyz/store");
  t.deepEqual([one.code, one.text], [500, "internal server error: behind\n"]);
  t.is((await rig.call("GET", "/readyz/nonesuch")).code, 404);
  t.is((await rig.call("GET", "/version/")).json.gitVersion, "v1.33.0+troupe");
  await rig.post(`${CM}?dryRun=All`, configMap("a"));
  const metrics = await rig.call("GET", "/metrics");
  t.is(metrics.headers["content-type"], "text/plain; version=0.0.4; charset=utf-8");
  for (const line of [
    /^apiserver_request_total\{code="200",component="apiserver",dry_run="",group="",resource="",scope="",subresource="",verb="GET",version=""\} \d+$/m,
    /^apiserver_request_total\{code="201",component="apiserver",dry_run="All",group="",resource="configmaps",scope="resource",subresource="",verb="POST",version="v1"\} 1$/m,
    /^apiserver_request_duration_seconds_bucket\{.*verb="POST",version="v1",le="\+Inf"\} \d+$/m,
    /^apiserver_current_inflight_requests\{request_kind="readOnly"\} 1$/m,
    /^apiserver_flowcontrol_current_executing_seats\{priority_level="system"\} 1$/m,
  ]) {
    t.regex(metrics.text, line);
  }
  for (const line of metrics.text.trim().split("\n")) {
    t.regex(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z_]+="[^"]*",?)+\})? [0-9.e+-]+)$/);
  }
});

test("large answers of reads are packed for those who take them so; watches and small ones never", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("large", { k: "x".repeat(150_000) }));
  const gzip = { "accept-encoding": "br;q=0.9, gzip" };
  const packed = rig.open("GET", CM, { headers: gzip });
  const one = rig.open("GET", `${CM}/large`, { headers: gzip });
  const plain = rig.open("GET", CM, { headers: { "accept-encoding": "identity, gzip;q=0" } });
  const small = rig.open("GET", `${CM}?fieldSelector=metadata.name%3Dnone`, { headers: gzip });
  const watched = rig.open("GET", `${CM}?watch=1`, { headers: gzip });
  await rig.env.advance(20);
  for (const exchange of [packed, one]) {
    t.true(exchange.response?.gzip);
    t.is(exchange.response?.headers["content-encoding"], "gzip");
    t.is(exchange.response?.headers["vary"], "Accept-Encoding");
  }
  for (const exchange of [plain, small, watched]) {
    t.is((exchange.response ?? exchange.head)?.headers["content-encoding"], undefined);
  }
});

test("a page whose revision is gone is a 410 with a token that goes on at the newest", async (t) => {
  const rig = await createRig();
  await fill(rig, "a", "b", "c", "d");
  const first = await rig.call("GET", `${CM}?limit=2`);
  await fill(rig, "e");
  rig.store.compactHistory("configmaps", rig.store.revision);
  const gone = await rig.call("GET", `${CM}?limit=2&continue=${encodeURIComponent(first.json.metadata.continue)}`);
  t.is(gone.code, 410);
  t.is(gone.json.reason, "Expired");
  t.regex(gone.json.message, /^The provided continue parameter is too old to display a consistent list result\./);
  const rest = await rig.call("GET", `${CM}?continue=${encodeURIComponent(gone.json.metadata.continue)}`);
  t.deepEqual(names(rest.json), ["c", "d", "e"]);
  t.is(rest.json.metadata.resourceVersion, String(rig.store.revision));
});

test("a verb that a known path does not have is a 405", async (t) => {
  const rig = await createRig();
  t.is((await rig.call("PUT", CM, { body: {} })).code, 405);
  t.is((await rig.call("DELETE", "/api/v1/namespaces")).code, 405);
  t.is((await rig.call("POST", `${P}/a/log`)).code, 405);
  t.is((await rig.call("POST", "/version")).code, 405);
});

test("who may not is told so in Kubernetes' words", async (t) => {
  const rig = await createRig({ authorizer: { authorize: () => ({ allowed: false, reason: "" }) } });
  const nobody = { user: "anonymous" as const };
  const { code, json } = await rig.call("GET", `${P}/x`, nobody);
  t.is(code, 403);
  t.is(
    json.message,
    'pods "x" is forbidden: User "system:anonymous" cannot get resource "pods" in API group "" in the namespace "n"',
  );
  const nodes = await rig.call("GET", "/api/v1/nodes", nobody);
  t.regex(nodes.json.message, /^nodes is forbidden: .* cannot list resource "nodes" .* at the cluster scope$/);
  const path = await rig.call("GET", "/metrics", nobody);
  t.is(path.json.message, 'forbidden: User "system:anonymous" cannot get path "/metrics"');
  const exec = await rig.call("GET", `${P}/x/exec?command=sh`, nobody);
  t.regex(exec.json.message, /cannot create resource "pods\/exec"/);
});

test("questions about oneself are answered", async (t) => {
  const rig = await createRig();
  const who = await rig.post("/apis/authentication.k8s.io/v1/selfsubjectreviews", {});
  t.is(who.code, 201);
  t.is(who.json.status.userInfo.username, "admin");
  const spec = { resourceAttributes: { verb: "get", resource: "pods" } };
  const may = await rig.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", { spec });
  t.is(may.json.status.allowed, true);
  const rules = await rig.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", {
    spec: { namespace: "n" },
  });
  t.deepEqual(rules.json.status.resourceRules[0].verbs, ["*"]);
  const nowhere = await rig.post("/apis/authorization.k8s.io/v1/selfsubjectrulesreviews", { spec: {} });
  t.deepEqual([nowhere.code, nowhere.json.message], [400, "no namespace on request"]);
  const nothing = await rig.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", { spec: {} });
  t.is(nothing.code, 422);
  t.regex(nothing.json.message, /exactly one of nonResourceAttributes or resourceAttributes must be specified$/);
  const both = { resourceAttributes: {}, nonResourceAttributes: { path: "/x", verb: "get" } };
  const either = await rig.post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews", { spec: both });
  t.regex(either.json.message, /cannot be specified in combination with resourceAttributes$/);
});

test("kubectl 1.27 asks who it is in the versions before v1; discovery prefers v1", async (t) => {
  const rig = await createRig();
  for (const version of ["v1beta1", "v1alpha1"]) {
    const { json } = await rig.post(`/apis/authentication.k8s.io/${version}/selfsubjectreviews`, {});
    t.is(json.apiVersion, `authentication.k8s.io/${version}`);
    t.is(json.status.userInfo.username, "admin");
  }
  const group = await rig.call("GET", "/apis/authentication.k8s.io");
  t.is(group.json.preferredVersion.version, "v1");
  t.deepEqual(
    group.json.versions.map(({ version }: Loose) => version),
    ["v1", "v1beta1", "v1alpha1"],
  );
});

test("a ServiceAccount's token is bound to what it names", async (t) => {
  const rig = await createRig();
  const SA = "/api/v1/namespaces/n/serviceaccounts";
  await rig.post(SA, { metadata: { name: "bob" } });
  const { json: bound } = await rig.post(P, pod("a"));
  const spec = {
    audiences: ["x"],
    expirationSeconds: 700,
    boundObjectRef: { kind: "Pod", apiVersion: "v1", name: "a", uid: bound.metadata.uid },
  };
  const { code, json } = await rig.post(`${SA}/bob/token`, { spec });
  t.is(code, 201, JSON.stringify(json));
  const claims = JSON.parse(json.status.token);
  t.like(claims, { namespace: "n", audiences: ["x"], expirationSeconds: 700 });
  t.deepEqual(claims.pod, { name: "a", uid: bound.metadata.uid });
  const short = await rig.post(`${SA}/bob/token`, { spec: { expirationSeconds: 10 } });
  t.is(short.code, 422);
  t.regex(short.json.message, /may not specify a duration less than 10 minutes/);
  t.is((await rig.post(`${SA}/none/token`, {})).code, 404);
  const other = { spec: { ...spec, boundObjectRef: { ...spec.boundObjectRef, uid: "older" } } };
  t.is((await rig.post(`${SA}/bob/token`, other)).code, 409);
});

test("actors are listed and read by name", async (t) => {
  const rig = await createRig();
  const list = await rig.call("GET", "/apis/actors.troupe.dev/v1/actors");
  t.is(list.json.kind, "ActorList");
  t.is((await rig.call("GET", "/apis/actors.troupe.dev/v1/actors/none")).code, 404);
  for (const actor of list.json.items) {
    const one = await rig.call("GET", `/apis/actors.troupe.dev/v1/actors/${actor.metadata.name}`);
    t.is(one.json.spec.path, actor.spec.path);
  }
});

/** A clock on which every look takes a millisecond: what works for long sees the time pass. */
function tickingClock(): { readonly clock: Clock; readonly turns: () => number } {
  let [nowMs, turns] = [0, 0];
  const clock: Clock = {
    wall: () => 0,
    mono: () => (nowMs += 1),
    after: (delayMs, run) => {
      turns += 1;
      nowMs += delayMs;
      setImmediate(run);
      return { cancel: () => undefined };
    },
  };
  return { clock, turns: () => turns };
}

async function sent(pieces: readonly string[], exchange: FakeExchange): Promise<number> {
  const { clock, turns } = tickingClock();
  const call = { exchange, door: { env: { clock } } } as unknown as Call;
  const iterator = pieces.map((text) => Buffer.from(text)).values();
  await sendPieces(call, "application/json", iterator);
  return turns();
}

test("a list that takes long to make lets others have turns; a short one is one body", async (t) => {
  const exchange = new FakeExchange("GET", CM);
  t.true((await sent(Array.from({ length: 100 }, String), exchange)) >= 100 / limits.listTurnMs - 1);
  t.is(exchange.text, Array.from({ length: 100 }, String).join(""));
  t.truthy(exchange.response);
  t.falsy(exchange.head);
});

test("a large list waits for a client that does not take it, and gives it up after a minute", async (t) => {
  const piece = "x".repeat(limits.listChunkBytes);
  const quick = new FakeExchange("GET", CM);
  await sent([piece, piece, "end"], quick);
  t.is(quick.text, `${piece}${piece}end`);
  t.true(quick.ended);
  const slow = new FakeExchange("GET", CM);
  slow.pending = limits.streamPendingBytesMax + 1;
  await sent([piece, piece, "end"], slow);
  t.is(slow.written.length, 1, "no more than it takes is made");
  t.true(slow.isCut);
});

test("a Table and a list of metadata show what the object's own bytes say", async (t) => {
  const rig = await createRig();
  const body = configMap("odd", { "a-b": '"}' });
  body.metadata.annotations = { "x/quoted": 'a "quoted" \\ back}slash {', "x/y": "ü\\" };
  await rig.post(CM, body);
  const { metadata } = (await rig.call("GET", `${CM}/odd`)).json;
  t.is(metadata.annotations["x/y"], "ü\\");
  const asTable = (await rig.call("GET", CM, { headers: { accept: table } })).json;
  t.deepEqual(asTable.rows[0].object.metadata, metadata);
  const partial = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
  const asMetadata = (await rig.call("GET", CM, { headers: { accept: partial } })).json;
  t.deepEqual(asMetadata.items[0].metadata, metadata);
  const whole = (await rig.call("GET", `${CM}?includeObject=Object`, { headers: { accept: table } })).json;
  t.like(whole.rows[0].object, { kind: "ConfigMap", data: { "a-b": '"}' } });
});
