import test from "ava";
import { limits } from "../../../src/api/limits.ts";
import { CM, configMap, createRig, P, pod, type FakeExchange, type Loose, type Rig } from "./harness.ts";

const table = "application/json;as=Table;v=v1;g=meta.k8s.io";

async function watch(rig: Rig, target: string, accept?: string): Promise<FakeExchange> {
  const exchange = rig.open("GET", target, accept === undefined ? {} : { headers: { accept } });
  await rig.env.advance(10);
  return exchange;
}

const shown = (exchange: FakeExchange): string[] =>
  exchange.events.map((event: Loose) => `${event.type} ${event.object.metadata.name}`);

function labelled(name: string, labels: Record<string, string>): Loose {
  const body = configMap(name);
  body.metadata.labels = labels;
  return body;
}

test("a watch from a revision sees everything after it, once and in order", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("before"));
  const from = rig.store.revision;
  await rig.post(CM, configMap("a"));
  const exchange = await watch(rig, `${CM}?watch=True&resourceVersion=${from}`);
  t.is(exchange.head?.headers["content-type"], "application/json");
  await rig.call("PUT", `${CM}/a`, { body: configMap("a", { k: "2" }) });
  await rig.call("DELETE", `${CM}/a`);
  await rig.env.advance(10);
  t.deepEqual(shown(exchange), ["ADDED a", "MODIFIED a", "DELETED a"]);
  const revisions = exchange.events.map((event) => Number(event.object.metadata.resourceVersion));
  t.deepEqual(revisions, [from + 1, from + 2, from + 3], "DELETED carries the deletion's revision");
});

test("a watch without a revision begins with what is there", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("a"));
  const exchange = await watch(rig, `/api/v1/watch/namespaces/n/configmaps`);
  await rig.post(CM, configMap("b"));
  await rig.env.advance(10);
  t.deepEqual(shown(exchange), ["ADDED a", "ADDED b"]);
});

test("who enters a selection is ADDED, who leaves it is DELETED", async (t) => {
  const rig = await createRig();
  const exchange = await watch(rig, `${CM}?watch=1&labelSelector=app%3Dx`);
  await rig.post(CM, labelled("a", { app: "x" }));
  await rig.call("PUT", `${CM}/a`, { body: labelled("a", { app: "y" }) });
  const leaving = rig.store.revision;
  await rig.call("PUT", `${CM}/a`, { body: labelled("a", { app: "y", b: "" }) });
  await rig.call("PUT", `${CM}/a`, { body: labelled("a", { app: "x" }) });
  await rig.env.advance(10);
  t.deepEqual(shown(exchange), ["ADDED a", "DELETED a", "ADDED a"]);
  t.is(exchange.events[1].object.metadata.resourceVersion, String(leaving));
});

test("a watch on one field sees only the objects that have it", async (t) => {
  const rig = await createRig();
  const exchange = await watch(rig, `${P}?watch=1&fieldSelector=spec.nodeName%3Dn1`);
  await rig.post(P, pod("a", { nodeName: "n1" }));
  await rig.post(P, pod("b", { nodeName: "n2" }));
  await rig.env.advance(10);
  t.deepEqual(shown(exchange), ["ADDED a"]);
});

test("sendInitialEvents ends the state with a bookmark that says so", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("a"));
  const query = "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
  const exchange = await watch(rig, `${CM}?${query}`);
  t.deepEqual(
    exchange.events.map(({ type }) => type),
    ["ADDED", "BOOKMARK"],
  );
  const { metadata, kind } = exchange.events[1].object;
  t.is(kind, "ConfigMap");
  t.is(metadata.annotations["k8s.io/initial-events-end"], "true");
  t.is(metadata.resourceVersion, String(rig.store.revision));
});

test("bookmarks come every minute and shortly before the end, which is clean", async (t) => {
  const rig = await createRig();
  const query = "watch=1&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=90";
  const exchange = await watch(rig, `${CM}?${query}`);
  await rig.env.advance(61_000);
  t.deepEqual(
    exchange.events.map(({ type }) => type),
    ["BOOKMARK"],
  );
  await rig.env.advance(28_000);
  t.is(exchange.events.length, 2);
  t.false(exchange.ended);
  await rig.env.advance(2_000);
  t.true(exchange.ended);
});

test("a revision below the floor is an ERROR event with 410, on a 200", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("a"));
  await rig.post(CM, configMap("b"));
  rig.store.compactHistory("configmaps", rig.store.revision);
  const exchange = await watch(rig, `${CM}?watch=1&resourceVersion=1`);
  t.is(exchange.head?.status, 200);
  t.is(exchange.events[0].type, "ERROR");
  t.like(exchange.events[0].object, { code: 410, reason: "Expired" });
  t.true(exchange.ended);
});

test("a Table watch describes its columns once", async (t) => {
  const rig = await createRig();
  await rig.post(CM, configMap("a"));
  const exchange = await watch(rig, `${CM}?watch=1`, table);
  await rig.post(CM, configMap("b"));
  await rig.env.advance(10);
  const [first, second] = exchange.events;
  t.is(first.object.kind, "Table");
  t.is(first.object.columnDefinitions[0].name, "Name");
  t.is(second.object.columnDefinitions, null);
  t.is(second.object.rows[0].cells[0], "b");
});

test("who does not read is cut, and nobody else notices", async (t) => {
  const rig = await createRig();
  const slow = await watch(rig, `${CM}?watch=1`);
  const quick = await watch(rig, `${CM}?watch=1`);
  slow.pending = 2 * 1024 * 1024;
  await rig.post(CM, configMap("a"));
  await rig.env.advance(10);
  t.true(slow.isCut);
  t.deepEqual(shown(slow), []);
  t.false(quick.ended);
  t.deepEqual(shown(quick), ["ADDED a"]);
});

test("a watcher that takes nothing of what waits for it is cut after five seconds, a slow one is not", async (t) => {
  const rig = await createRig();
  const gone = await watch(rig, `${CM}?watch=1`);
  const slow = await watch(rig, `${CM}?watch=1`);
  gone.pending = 1_000;
  slow.pending = 1_000;
  await rig.post(CM, configMap("a"));
  await rig.env.advance(4_900);
  slow.pending = 900;
  await rig.env.advance(200);
  t.true(gone.isCut);
  t.false(slow.isCut);
  await rig.env.advance(4_800);
  t.false(slow.isCut);
  await rig.env.advance(1_000);
  t.true(slow.isCut);
});

test("one user's watches are bounded; the next is a 429 until one ends", async (t) => {
  const rig = await createRig();
  const open: FakeExchange[] = [];
  for (let count = 0; count < 2_000; count += 1) open.push(rig.open("GET", `${CM}?watch=1&resourceVersion=1`));
  await rig.env.advance(20);
  t.true(open.every(({ head }) => head?.status === 200));
  t.is((await rig.call("GET", `${CM}?watch=1`)).code, 429);
  const other = { name: "eve", groups: ["system:authenticated"] };
  const theirs = rig.open("GET", `${CM}?watch=1`, { user: other });
  await rig.env.advance(20);
  t.is(theirs.head?.status, 200);
  open[0]!.disconnect();
  const next = rig.open("GET", `${CM}?watch=1`);
  await rig.env.advance(20);
  t.is(next.head?.status, 200);
});

test("a client that goes away leaves nothing behind", async (t) => {
  const rig = await createRig();
  const exchange = await watch(rig, `${CM}?watch=1&allowWatchBookmarks=true`);
  exchange.disconnect();
  await rig.post(CM, configMap("a"));
  await rig.env.advance(120_000);
  t.deepEqual(exchange.written, []);
  t.regex((await rig.call("GET", "/metrics")).text, /longrunning_requests\{component="apiserver",verb="WATCH"\} 0/);
});

/** Watches until so many are in one group that what comes shortly after another is joined. */
async function crowd(rig: Rig, target: string, accept?: string): Promise<FakeExchange[]> {
  const all: FakeExchange[] = [];
  for (let i = 0; i < limits.watchJoinMembersMin; i++) all.push(await watch(rig, target, accept));
  return all;
}

test("where many watch the same, a change after a pause leaves at once and what follows shortly in one write", async (t) => {
  const rig = await createRig();
  const all = await crowd(rig, `${CM}?watch=1`);
  await rig.post(CM, configMap("a"));
  for (const name of ["b", "c", "d"]) {
    rig.open("POST", CM, { body: configMap(name) });
    await rig.env.advance(1);
  }
  t.deepEqual([...new Set(all.map((each) => shown(each).join()))], ["ADDED a"]);
  await rig.env.advance(limits.watchJoinMs);
  for (const each of all) {
    t.deepEqual(shown(each), ["ADDED a", "ADDED b", "ADDED c", "ADDED d"]);
    t.is(each.written.length, 2);
  }
  t.is(all[0]!.written[1], all[1]!.written[1], "the bytes are the same ones for all");
});

test("who joins a crowd while changes wait for it gets each of them once", async (t) => {
  const rig = await createRig();
  const all = await crowd(rig, `${CM}?watch=1`);
  const from = rig.store.revision;
  for (const name of ["a", "b"]) await rig.post(CM, configMap(name));
  const now = rig.open("GET", `${CM}?watch=1&resourceVersion=${rig.store.revision}`);
  const back = rig.open("GET", `${CM}?watch=1&resourceVersion=${from}`);
  await rig.post(CM, configMap("c"));
  await rig.env.advance(2 * limits.watchJoinMs);
  t.deepEqual(shown(now), ["ADDED c"]);
  t.deepEqual(shown(back), ["ADDED a", "ADDED b", "ADDED c"]);
  t.deepEqual(shown(all[0]!), ["ADDED a", "ADDED b", "ADDED c"]);
});

test("a bookmark never overtakes the changes that it covers", async (t) => {
  const rig = await createRig();
  const all = await crowd(rig, `${CM}?watch=1&allowWatchBookmarks=true&resourceVersion=0`);
  await rig.env.advance(limits.bookmarkIntervalMs - limits.watchJoinMembersMin * 10 - 5);
  for (const name of ["a", "b"]) {
    await rig.post(CM, configMap(name));
    await rig.env.advance(1);
  }
  await rig.env.advance(500);
  for (const each of all) {
    const revisions = each.events.map((event: Loose) => Number(event.object.metadata.resourceVersion));
    t.deepEqual(
      revisions,
      revisions.toSorted((a, b) => a - b),
    );
    t.is(each.events.filter(({ type }) => type === "BOOKMARK").length, 1);
    t.is(each.events.length, 3);
  }
});

test("in a crowd of Table watches each is told its columns once, whenever it joins", async (t) => {
  const rig = await createRig();
  const all = await crowd(rig, `${CM}?watch=1&resourceVersion=0`, table);
  await rig.post(CM, configMap("a"));
  await rig.env.advance(1);
  const late = await watch(rig, `${CM}?watch=1&resourceVersion=${rig.store.revision}`, table);
  await rig.post(CM, configMap("b"));
  await rig.env.advance(2 * limits.watchJoinMs);
  const described = (exchange: FakeExchange): boolean[] =>
    exchange.events.map((event) => event.object.columnDefinitions !== null);
  for (const each of all) t.deepEqual(described(each), [true, false]);
  t.deepEqual(described(late), [true]);
});

test("a watch from a revision that is still to come leaves out what comes up to it", async (t) => {
  const rig = await createRig();
  const exchange = await watch(rig, `${CM}?watch=1&resourceVersion=${rig.store.revision + 1}`);
  for (const name of ["a", "b"]) await rig.post(CM, configMap(name));
  await rig.env.advance(10);
  t.deepEqual(shown(exchange), ["ADDED b"]);
});

test("a watch whose history an installed snapshot does not hold ends with 410", async (t) => {
  const rig = await createRig();
  const exchange = await watch(rig, `${CM}?watch=1`);
  const other = await createRig();
  for (const name of ["a", "b", "c"]) await other.post(CM, configMap(name));
  other.store.compactHistory("configmaps", other.store.revision);
  rig.store.adopt(other.store.state);
  await rig.env.advance(10);
  t.like(exchange.events.at(-1), { type: "ERROR", object: { code: 410, reason: "Expired" } });
  t.true(exchange.ended);
});
