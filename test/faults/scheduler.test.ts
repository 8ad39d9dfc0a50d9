// Faults of the scheduler: pods that it fails on, news that it does not hear, and a master that dies
// between a choice and its binding.
import test from "ava";
import type { Cluster } from "troupe/testing";
import { isReady, pod } from "../cluster/kit.ts";
import { actorAt, conditionOf, forks, over, quarantined, release, told } from "./kit.ts";

const pods = "/api/v1/namespaces/default/pods";

const fork = forks({ nodes: [{ cpus: 2 }, { cpus: 2 }], seed: 3, keeper: true }, async (cluster) => {
  await cluster.advance(5_000);
});

const isBound = (cluster: Cluster, name: string): boolean => (cluster.get("Pod", name)?.spec.nodeName ?? "") !== "";

/** Two fit on a node. */
const half = (name: string) => pod(name, { requests: { cpu: "900m" } });

test("a pod that the scheduler fails on is left alone by itself, says so, and is bound when it is released", async (t) => {
  await using cluster = await fork(1);
  const fault = cluster.fault({ seam: "evaluator", kind: "crash", where: { path: "/sched/default/bad" } });
  await cluster.apply([pod("bad"), pod("good")]);
  await cluster.until(() => isReady(cluster.get("Pod", "good")!));
  await cluster.advance(3_000);
  t.is(fault.hits, 4);
  t.deepEqual(await quarantined(cluster), ["/sched/default/bad"]);
  t.is(conditionOf(cluster.get("Pod", "bad"), "ActorQuarantined"), "True");
  t.is(told(cluster, "ActorQuarantined", "bad"), 1);
  t.is((await actorAt(cluster, "/sched"))?.status?.restarts, 0);
  fault.clear();
  t.is(await release(cluster, "sched.default.bad"), 200);
  await cluster.until(() => isReady(cluster.get("Pod", "bad")!), { withinMs: 10_000 });
  t.is(conditionOf(cluster.get("Pod", "bad"), "ActorQuarantined"), undefined);
});

test("a master that dies between choice and binding binds once, and no node gets more than it has", async (t) => {
  await using cluster = await fork(2);
  const bound = new Map<string, string>();
  const look = (): void => {
    for (const { metadata, spec } of cluster.list("Pod")) {
      if (spec.nodeName === undefined) continue;
      t.is(bound.get(metadata.uid) ?? spec.nodeName, spec.nodeName, "a pod is never bound anew");
      bound.set(metadata.uid, spec.nodeName);
    }
  };
  const where = { path: "/sched" };
  const fault = cluster.fault({ seam: "append", kind: "crash", where, when: { nth: 2 }, for: { count: 2 } });
  for (const name of ["a", "b", "c", "d", "e"]) {
    // Its binding may end the master before the client has its answer.
    while (cluster.get("Pod", name) === undefined) await over(cluster, cluster.open("POST", pods, half(name)));
    await cluster.advance(500);
    look();
  }
  await cluster.until(() => {
    look();
    return cluster.list("Pod").filter(isReady).length === 4;
  });
  await cluster.advance(5_000);
  look();
  t.is(fault.hits, 2);
  t.is(cluster.lives, 2);
  for (const name of ["n1", "n2"]) t.is([...bound.values()].filter((node) => node === name).length, 2);
});

test("pods that the scheduler was never told of are found at its audit", async (t) => {
  await using cluster = await fork(3);
  const fault = cluster.fault({ seam: "mailbox", kind: "drop", where: { path: "/sched/**" }, for: { ms: 10_000 } });
  await cluster.apply([pod("a"), pod("b")]);
  await cluster.advance(20_000);
  t.true(fault.hits >= 2);
  t.false(isBound(cluster, "a"));
  await cluster.until(() => isBound(cluster, "a") && isBound(cluster, "b"), { withinMs: 600_000, stepMs: 5_000 });
});

test("room that becomes free while nobody tells the scheduler is used at its audit", async (t) => {
  await using cluster = await fork(4);
  await cluster.apply([half("a"), half("b"), half("c"), half("d")]);
  await cluster.until(() => cluster.list("Pod").filter(isReady).length === 4);
  await cluster.apply(half("late"));
  await cluster.advance(2_000);
  t.is(conditionOf(cluster.get("Pod", "late"), "PodScheduled"), "False");
  t.is(told(cluster, "FailedScheduling", "late"), 1);
  const fault = cluster.fault({ seam: "mailbox", kind: "drop", where: { path: "/sched/**" }, for: { ms: 60_000 } });
  await cluster.delete("Pod", "a");
  await cluster.advance("1m");
  t.true(fault.hits > 0);
  t.false(isBound(cluster, "late"));
  await cluster.until(() => isBound(cluster, "late"), { withinMs: 600_000, stepMs: 5_000 });
});

test("what is known of a pod when its turn comes late is what it is then, not what it was when it came", async (t) => {
  await using cluster = await fork(5);
  const where = { path: "/sched/**" };
  const fault = cluster.fault({ seam: "mailbox", kind: "delay", where, args: { ms: 400 }, for: { ms: 1_000 } });
  await cluster.apply([pod("gone"), pod("moved")]);
  for (const name of ["gone", "moved"]) await cluster.delete("Pod", name, { body: { gracePeriodSeconds: 0 } });
  await cluster.apply(pod("moved", { spec: { nodeSelector: { "kubernetes.io/hostname": "n2" } } }));
  const { uid } = cluster.get("Pod", "moved")!.metadata;
  await cluster.until(() => isReady(cluster.get("Pod", "moved")!));
  t.true(fault.hits >= 3);
  t.is(cluster.get("Pod", "gone"), undefined);
  await cluster.advance("5s");
  t.deepEqual(await quarantined(cluster), []);
  t.like(cluster.get("Pod", "moved"), { metadata: { uid }, spec: { nodeName: "n2" } });
});

test("news that come twice and out of order put no more on a node than it has", async (t) => {
  await using cluster = await fork(6);
  const where = { path: "/sched/**" };
  const twice = cluster.fault({ seam: "mailbox", kind: "duplicate", where, when: { p: 0.5 } });
  const order = cluster.fault({ seam: "mailbox", kind: "reorder", where });
  const names = ["a", "b", "c", "d", "e", "f"];
  await cluster.apply(names.map(half));
  await cluster.advance(5_000);
  t.true(twice.hits > 0 && order.hits > 0);
  const on = (node: string) => cluster.list("Pod").filter(({ spec }) => spec.nodeName === node);
  t.deepEqual([on("n1").length, on("n2").length], [2, 2]);
  const [first, second] = on("n1");
  await cluster.delete("Pod", first!.metadata.name);
  await cluster.delete("Pod", second!.metadata.name);
  await cluster.until(() => cluster.list("Pod").every((each) => isReady(each)));
  t.deepEqual([on("n1").length, on("n2").length], [2, 2]);
});

test("a scheduler that crashes at a message takes its scope along once; controllers and waiting pods go on", async (t) => {
  await using cluster = await fork(7);
  const fault = cluster.fault({ seam: "mailbox", kind: "crash", where: { path: "/sched/**" }, when: { nth: 1 } });
  await cluster.apply([pod("a"), pod("b")]);
  await cluster.until(() => isReady(cluster.get("Pod", "a")!) && isReady(cluster.get("Pod", "b")!));
  t.is(fault.hits, 1);
  t.is((await actorAt(cluster, "/sched"))?.status?.restarts, 1);
  t.is((await actorAt(cluster, "/leader"))?.status?.restarts, 0);
  t.is(cluster.lives, 0);
});

test("a scheduler that crashes again within half a minute is its scope's failure: that is built anew over the same state", async (t) => {
  await using cluster = await fork(8);
  const where = { path: "/sched/**" };
  const first = cluster.fault({ seam: "mailbox", kind: "crash", where, when: { nth: 1 } });
  await cluster.apply(pod("a"));
  await cluster.until(() => isBound(cluster, "a"));
  const second = cluster.fault({ seam: "mailbox", kind: "crash", where, when: { nth: 1 } });
  await cluster.apply(pod("b"));
  await cluster.until(() => isBound(cluster, "b"));
  t.deepEqual([first.hits, second.hits], [1, 1]);
  t.is((await actorAt(cluster, "/leader"))?.status?.restarts, 1);
  t.is((await actorAt(cluster, "/sched"))?.status?.restarts, 0, "it is another one");
  t.is(cluster.lives, 0);
});
