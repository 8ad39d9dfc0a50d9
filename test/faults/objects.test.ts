// Faults of the actors of objects: commands that are lost, doubled, out of order or poisoned, machines
// that fail, and masters that die at any point of a write.
import test from "ava";
import type { Cluster, SimExchange } from "troupe/testing";
import { configMap, pod } from "../cluster/kit.ts";
import { actorAt, conditionOf, forks, maps, merge, over, quarantined, release, told } from "./kit.ts";

const pods = "/api/v1/namespaces/default/pods";
const gate = { schedulingGates: [{ name: "example.com/wait" }] };
const at = (cluster: Cluster): number => cluster.env.clock.mono();

/** Nothing runs in it but what writes do by themselves, and a keeper starts the master again. */
const fork = forks({ nodes: 0, seed: 1, keeper: true }, async (cluster) => {
  await cluster.apply({ apiVersion: "v1", kind: "Node", metadata: { name: "x" } });
  await cluster.advance(5_000);
});

/** A pod of a node without an agent: its states are those that the test writes. */
const bad = pod("bad", { spec: { nodeName: "x" } });
const badMachine = { seam: "evaluator", kind: "crash", where: { kind: "pods", name: "bad" } } as const;
const badPath = "/obj/core/pods/default/bad";
const badName = "obj.core.pods.default.bad";

async function setReady(cluster: Cluster, ready: boolean, name = "bad"): Promise<void> {
  const status = { phase: "Running", conditions: [{ type: "Ready", status: ready ? "True" : "False" }] };
  const answer = await cluster.request("PATCH", `${pods}/${name}/status`, { status }, { headers: merge });
  if (answer.code !== 200) throw new Error(answer.text);
}

/** More faults in five seconds than an actor is allowed. */
async function drive(cluster: Cluster): Promise<void> {
  await cluster.apply(bad);
  for (const ready of [true, false, true]) {
    await setReady(cluster, ready);
    await cluster.advance(300);
  }
}

test("a command that arrives twice happens once", async (t) => {
  await using cluster = await fork(1);
  const before = cluster.revision;
  const fault = cluster.fault({ seam: "mailbox", kind: "duplicate", where: { path: "admin" } });
  for (let round = 0; round < 3; round += 1) {
    // Done twice it would be two objects: their names are made up.
    const made = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "made-" } };
    t.is((await cluster.request("POST", maps, made)).code, 201);
  }
  t.is(fault.hits, 3);
  t.is(cluster.revision, before + 3);
});

test("of two updates of one version one is refused and none is lost, in whichever order they arrive", async (t) => {
  await using cluster = await fork(2);
  await cluster.apply(configMap("shared", { a: "0", b: "0" }));
  const where = { path: "configmaps/default/shared" };
  const fault = cluster.fault({ seam: "mailbox", kind: "reorder", where, when: { p: 0.5 } });
  for (let round = 1; round <= 6; round += 1) {
    const read = cluster.get("ConfigMap", "shared")!;
    const put = (key: "a" | "b"): SimExchange =>
      cluster.open("PUT", `${maps}/shared`, { ...read, data: { ...read.data, [key]: String(round) } });
    const both = [put("a"), put("b")] as const;
    for (const each of both) await over(cluster, each);
    t.deepEqual(
      both.map(({ status }) => status).toSorted((a, b) => a - b),
      [200, 409],
    );
    const winner = both[0].status === 200 ? "a" : "b";
    t.is(cluster.get("ConfigMap", "shared")?.data?.[winner], String(round));
  }
  t.true(fault.hits > 0 && fault.hits < fault.seen);
});

test("a command that is lost on its way is answered: whether it happened is unknown, and its retry makes one of it", async (t) => {
  await using cluster = await fork(3);
  await cluster.apply(configMap("one"));
  const where = { path: "configmaps/default/one" };
  const fault = cluster.fault({ seam: "mailbox", kind: "drop", where, for: { count: 1 } });
  const lost = cluster.open("PATCH", `${maps}/one`, { data: { at: "first" } }, { headers: merge });
  await cluster.until(() => lost.ended, { withinMs: 65_000, stepMs: 1_000 });
  t.is(fault.hits, 1);
  t.is(lost.status, 504);
  const again = await cluster.request("PATCH", `${maps}/one`, { data: { at: "second" } }, { headers: merge });
  t.is(again.code, 200);
  t.is(cluster.get("ConfigMap", "one")?.data?.["at"], "second");
});

test("a flood on one object is refused with 429 beyond its mailbox, and others are answered meanwhile", async (t) => {
  await using cluster = await fork(4);
  await cluster.apply([configMap("hot"), configMap("cold")]);
  // Held back for a moment, so that all of them wait at once.
  const where = { path: "configmaps/default/hot" };
  const fault = cluster.fault({ seam: "mailbox", kind: "delay", where, args: { ms: 5 }, for: { count: 150 } });
  const patch = (name: string, value: string): SimExchange =>
    cluster.open("PATCH", `${maps}/${name}`, { data: { value } }, { headers: merge });
  const flood = Array.from({ length: 150 }, (_, value) => patch("hot", String(value)));
  const other = patch("cold", "among");
  await over(cluster, other);
  t.is(other.status, 200);
  for (const exchange of flood) await over(cluster, exchange);
  const refused = flood.filter(({ status }) => status === 429);
  t.is(fault.hits, 150);
  t.true(refused.length > 0 && refused.length <= 150 - 64, `${refused.length} were refused`);
  t.true(refused.every(({ answerHeaders }) => answerHeaders["retry-after"] !== undefined));
});

test("a command that blows up is an error of its own: nothing of it is kept, and the next one is done", async (t) => {
  await using cluster = await fork(5);
  const before = cluster.revision;
  const fault = cluster.fault({
    seam: "mailbox",
    kind: "poison",
    where: { path: "admin#evaluate" },
    for: { count: 1 },
  });
  const made = await cluster.request("POST", maps, configMap("one"));
  t.is(made.code, 500);
  t.is(fault.hits, 1);
  t.is(cluster.revision, before);
  t.is(cluster.lives, 0, "no process ended of it");
  t.is((await cluster.request("POST", maps, configMap("one"))).code, 201);
});

test("a machine that fails never refuses a write: the row wins", async (t) => {
  await using cluster = await fork(6);
  const fault = cluster.fault(badMachine);
  t.is((await cluster.request("POST", pods, bad)).code, 201);
  t.true(fault.hits >= 1);
  await setReady(cluster, true);
  t.is(conditionOf(cluster.get("Pod", "bad"), "Ready"), "True");
  t.is((await cluster.request("DELETE", `${pods}/bad?gracePeriodSeconds=0`)).code, 200);
  t.is(cluster.get("Pod", "bad"), undefined);
});

test("an event that failed three times is a dead letter that is shown, and the actor goes on with the next", async (t) => {
  await using cluster = await fork(7);
  const fault = cluster.fault({ ...badMachine, for: { count: 3 } });
  await cluster.apply(bad);
  await cluster.advance(5_000);
  t.is(fault.hits, 3);
  const shown = await cluster.request("GET", `/apis/actors.troupe.dev/v1/actors/${badName}`);
  const letters = shown.json<{ status: { deadLetters?: { event: string; error: string }[] } }>().status.deadLetters;
  t.deepEqual(
    letters?.map(({ event, error }) => [event, error]),
    [["bound", "fault injected: crash"]],
  );
  const steps = cluster.fault({ ...badMachine, when: { p: 0 } });
  await setReady(cluster, true);
  await cluster.advance(1_000);
  t.is(steps.seen, 1, "the next event, and that one is not tried again");
  t.deepEqual(await quarantined(cluster), []);
});

test("a failed event is tried again after a pause that grows, not at once", async (t) => {
  await using cluster = await fork(8);
  const fault = cluster.fault(badMachine);
  await cluster.apply(bad);
  const began = at(cluster);
  const tries: number[] = [];
  await cluster.until(
    () => {
      if (fault.hits > tries.length + 1) tries.push(at(cluster) - began);
      return tries.length === 2;
    },
    { stepMs: 5, withinMs: 3_000 },
  );
  const [second = 0, third = 0] = tries;
  t.true(second >= 60 && second <= 130, `${second} ms`);
  t.true(third - second >= 150 && third - second <= 250, `${third - second} ms`);
});

test("more than three faults in five seconds quarantine the actor: by a condition and an Event, and its row lives on", async (t) => {
  await using cluster = await fork(9);
  const fault = cluster.fault(badMachine);
  await drive(cluster);
  t.true(fault.hits >= 4);
  t.deepEqual(await quarantined(cluster), [badPath]);
  t.is((await actorAt(cluster, badPath))?.status?.lastError, "fault injected: crash");
  t.is(conditionOf(cluster.get("Pod", "bad"), "ActorQuarantined"), "True");
  t.is(told(cluster, "ActorQuarantined", "bad"), 1);
  const { hits } = fault;
  await setReady(cluster, true);
  t.is(fault.hits, hits, "its machine is left alone");
  t.is(conditionOf(cluster.get("Pod", "bad"), "Ready"), "True");
});

test("a fault every two seconds quarantines nobody", async (t) => {
  await using cluster = await fork(10);
  await cluster.apply(bad);
  const fault = cluster.fault(badMachine);
  for (let round = 0; round < 8; round += 1) {
    await setReady(cluster, round % 2 === 0);
    await cluster.advance(2_000);
  }
  t.true(fault.hits >= 8);
  t.deepEqual(await quarantined(cluster), []);
  t.is(conditionOf(cluster.get("Pod", "bad"), "ActorQuarantined"), undefined);
});

test("a quarantine holds over the death of the master, until it is released, which is told", async (t) => {
  await using cluster = await fork(11);
  const fault = cluster.fault(badMachine);
  await drive(cluster);
  await cluster.restartMaster();
  await cluster.advance(2_000);
  t.deepEqual(await quarantined(cluster), [badPath]);
  const { hits } = fault;
  await setReady(cluster, true);
  t.is(fault.hits, hits, "also the next master leaves it alone");
  fault.clear();
  t.is(await release(cluster, badName), 200);
  t.deepEqual(await quarantined(cluster), []);
  t.is(conditionOf(cluster.get("Pod", "bad"), "ActorQuarantined"), undefined);
  await cluster.advance(1_000);
  t.is(told(cluster, "ActorReleased", "bad"), 1);
});

test("a quarantined actor is tried every five minutes, and one further fault brings it back", async (t) => {
  await using cluster = await fork(12);
  const fault = cluster.fault(badMachine);
  await drive(cluster);
  await cluster.advance("4m50s");
  t.deepEqual(await quarantined(cluster), [badPath]);
  await cluster.advance("20s");
  t.deepEqual(await quarantined(cluster), []);
  const { hits } = fault;
  await setReady(cluster, true);
  t.is(fault.hits, hits + 1);
  t.deepEqual(await quarantined(cluster), [badPath], "one fault was enough");
  fault.clear();
  await cluster.advance("5m10s");
  t.deepEqual(await quarantined(cluster), []);
  await setReady(cluster, false);
  await cluster.advance(1_000);
  t.deepEqual(await quarantined(cluster), []);
});

test("a machine that fails for fifty objects is left out of use, and its kind is stored all the same", async (t) => {
  await using cluster = await fork(13);
  const where = { kind: "pods", name: "many-*" };
  const fault = cluster.fault({ seam: "evaluator", kind: "crash", where });
  for (let each = 0; each < 51; each += 1) await cluster.apply(pod(`many-${each}`, { spec: gate }));
  t.true(fault.hits >= 50);
  const answer = await cluster.request("GET", "/apis/actors.troupe.dev/v1/actors/obj.core.pods.default.many-50");
  t.is(answer.json<{ status: { state: string } }>().status.state, "stored-only");
  t.is(
    (
      await cluster.request(
        "PATCH",
        `${pods}/many-50`,
        { metadata: { labels: { touched: "yes" } } },
        { headers: merge },
      )
    ).code,
    200,
  );
  const { seen } = fault;
  await cluster.apply(pod("many-51", { spec: gate }));
  t.is(fault.seen, seen, "nobody asks the machine any more");
});

test("a retry is for the object that failed, not for another one of its name", async (t) => {
  await using cluster = await fork(14);
  const fault = cluster.fault({ ...badMachine, for: { count: 1 } });
  await cluster.apply(bad);
  t.is(fault.hits, 1);
  await cluster.delete("Pod", "bad", { body: { gracePeriodSeconds: 0 } });
  await cluster.apply(bad);
  const steps = cluster.fault({ ...badMachine, when: { p: 0 } });
  await cluster.advance(2_000);
  t.is(steps.seen, 0);
});

test("finalizers hold an object over the death of masters; it goes with the last of them, and cannot be revived", async (t) => {
  await using cluster = await fork(15);
  const path = `${maps}/held`;
  const held = configMap("held");
  const metadata = { ...held.metadata, finalizers: ["example.com/a", "example.com/b"] };
  await cluster.apply({ ...held, metadata });
  for (const [killPoint, change] of [
    ["K4", () => cluster.open("DELETE", path)],
    ["K3", () => cluster.open("PATCH", path, { metadata: { finalizers: ["example.com/b"] } }, { headers: merge })],
    ["K4", () => cluster.open("PATCH", path, { metadata: { deletionTimestamp: null } }, { headers: merge })],
  ] as const) {
    const lives = cluster.lives;
    const fault = cluster.fault({ kind: "crash", when: { killPoint, nth: 1 }, for: { ms: 2_000, count: 1 } });
    const exchange = change();
    await over(cluster, exchange);
    await cluster.advance(3_000);
    t.is(cluster.lives - lives, fault.hits);
    t.truthy(cluster.get("ConfigMap", "held")?.metadata.deletionTimestamp, `${killPoint}: it is on its way out`);
  }
  t.true(cluster.lives >= 2);
  t.deepEqual(cluster.get("ConfigMap", "held")?.metadata.finalizers, ["example.com/b"]);
  await cluster.request("PATCH", path, { metadata: { finalizers: null } }, { headers: merge });
  t.is(cluster.get("ConfigMap", "held"), undefined);
});

test("what was acknowledged is there after a power loss in the moment of the answer", async (t) => {
  for (const seed of [1, 2, 3]) {
    await using cluster = await fork(100 + seed);
    const exchange = cluster.open("POST", maps, configMap("one"));
    await cluster.until(() => exchange.ended, { stepMs: 0.25 });
    t.is(exchange.status, 201);
    cluster.crashMaster();
    await cluster.startMaster();
    t.truthy(cluster.get("ConfigMap", "one"), `seed ${seed}`);
  }
});

test("a write whose master dies before its entry is not there; behind its entry it is there once, whatever its retry says", async (t) => {
  await using cluster = await fork(16);
  for (const killPoint of ["K1", "K2", "K3", "K4"] as const) {
    const name = killPoint.toLowerCase();
    const lives = cluster.lives;
    const fault = cluster.fault({ kind: "crash", when: { killPoint, nth: 1 } });
    const exchange = cluster.open("POST", maps, configMap(name, { at: "first" }));
    await over(cluster, exchange);
    t.true(exchange.lost, `${killPoint}: nobody was told`);
    t.is(fault.hits, 1);
    await cluster.until(() => cluster.lives === lives + 1);
    const isThere = killPoint !== "K1";
    t.is(cluster.get("ConfigMap", name)?.data?.["at"], isThere ? "first" : undefined, killPoint);
    const again = await cluster.request("POST", maps, configMap(name, { at: "second" }));
    t.is(again.code, isThere ? 409 : 201, killPoint);
    t.is(cluster.get("ConfigMap", name)?.data?.["at"], isThere ? "first" : "second", killPoint);
  }
});
