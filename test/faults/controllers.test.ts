// Faults of the controllers: triggers that are lost, late, doubled or out of order, plans that throw,
// controllers that crash, and masters that die under them.
import test, { type ExecutionContext } from "ava";
import type { Cluster } from "troupe/testing";
import {
  alive,
  configMap,
  deployment,
  imageOf,
  isReady,
  namespace,
  patch,
  pod,
  rolledOut,
  service,
  setImage,
} from "../cluster/kit.ts";
import { actorAt, conditionOf, forks, maps, merge, over, quarantined, release, told } from "./kit.ts";

const at = (cluster: Cluster): number => cluster.env.clock.mono();
const deployments = "/apis/apps/v1/namespaces/default/deployments";

const fork = forks({ nodes: 2, seed: 2, keeper: true }, async (cluster) => {
  await cluster.apply(service("web"));
  await cluster.advance(5_000);
});

/** Addresses that a Service leads to. */
function endpointsOf(cluster: Cluster, name: string): readonly string[] {
  return cluster
    .list("EndpointSlice", { namespace: "default", labels: { "kubernetes.io/service-name": name } })
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses)
    .toSorted();
}

const readyAddresses = (cluster: Cluster, app: string): readonly string[] =>
  alive(cluster, app)
    .filter(isReady)
    .flatMap(({ status }) => status?.podIP ?? [])
    .toSorted();

/** Three pods of one ReplicaSet, and the Service leads to them. */
function isWhole(t: ExecutionContext, cluster: Cluster, what = ""): void {
  t.is(cluster.list("ReplicaSet").length, 1, what);
  t.is(alive(cluster, "web").filter(isReady).length, 3, what);
  t.deepEqual(endpointsOf(cluster, "web"), readyAddresses(cluster, "web"), what);
}

test("controllers that hear of nothing find at their next audit what there is to do", async (t) => {
  await using cluster = await fork(1);
  const lost = cluster.fault({ seam: "mailbox", kind: "drop", where: { path: "/ctl/**" }, for: { ms: 20_000 } });
  await cluster.apply(deployment("web"));
  await cluster.advance(30_000);
  t.true(lost.hits > 0);
  t.is(cluster.list("ReplicaSet").length, 0, "nobody knows of it");
  await rolledOut(cluster, "web", 610_000);
  await cluster.advance(2_000);
  isWhole(t, cluster);
});

test("triggers that come twice and in another order lead to the same end", async (t) => {
  await using cluster = await fork(2);
  const where = { path: "/ctl/**" };
  const twice = cluster.fault({ seam: "mailbox", kind: "duplicate", where, when: { p: 0.3 } });
  const order = cluster.fault({ seam: "mailbox", kind: "reorder", where, when: { p: 0.7 } });
  await cluster.apply(deployment("other", { replicas: 2 }));
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web", 60_000);
  await rolledOut(cluster, "other", 60_000);
  await cluster.advance(5_000);
  t.true(twice.hits > 0 && order.hits > 0);
  t.is(cluster.list("ReplicaSet").length, 2);
  t.is(alive(cluster, "web").length, 3);
  await cluster.delete("Deployment", "other");
  await cluster.until(() => cluster.list("Pod").length === 3, { withinMs: 60_000 });
  t.is(cluster.list("ReplicaSet").length, 1);
  t.deepEqual(endpointsOf(cluster, "web"), readyAddresses(cluster, "web"));
});

test("a key whose plan throws waits longer after each failure, and keeps no other key waiting", async (t) => {
  await using cluster = await fork(3);
  const where = { path: "/ctl/deployment/default/bad" };
  const fault = cluster.fault({ seam: "evaluator", kind: "crash", where, for: { count: 3 } });
  await cluster.apply([deployment("bad", { replicas: 1 }), deployment("web")]);
  const tries: number[] = [];
  await cluster.until(
    () => {
      if (fault.hits > tries.length) tries.push(at(cluster));
      return cluster.list("ReplicaSet").some(({ metadata }) => metadata.name.startsWith("bad-"));
    },
    { stepMs: 5 },
  );
  const [first = 0, second = 0, third = 0] = tries;
  t.is(fault.hits, 3);
  t.true(third - second >= 1.5 * (second - first), `${second - first} and ${third - second} ms`);
  t.true(at(cluster) - third >= 1.5 * (third - second));
  t.is(alive(cluster, "web").length, 3, "the other one was made meanwhile");
});

test("a key that keeps failing is left alone, says so at its object, and is planned at once when it is released", async (t) => {
  await using cluster = await fork(4);
  const where = { path: "/ctl/deployment/default/web" };
  const fault = cluster.fault({ seam: "evaluator", kind: "crash", where });
  await cluster.apply(deployment("web"));
  await cluster.advance(3_000);
  t.is(fault.hits, 4);
  t.deepEqual(await quarantined(cluster), ["/ctl/deployment/default/web"]);
  t.is(conditionOf(cluster.get("Deployment", "web"), "ActorQuarantined"), "True");
  t.is(told(cluster, "ActorQuarantined", "web"), 1);
  fault.clear();
  await cluster.advance(3_000);
  t.is(cluster.list("ReplicaSet").length, 0, "nobody tries it");
  t.is(await release(cluster, "ctl.deployment.default.web"), 200);
  await cluster.until(() => cluster.list("ReplicaSet").length === 1, { withinMs: 1_000 });
  await rolledOut(cluster, "web");
  t.is(conditionOf(cluster.get("Deployment", "web"), "ActorQuarantined"), undefined);
});

test("a key that was left alone is tried again by itself after five minutes", async (t) => {
  await using cluster = await fork(5);
  const where = { path: "/ctl/deployment/default/web" };
  const fault = cluster.fault({ seam: "evaluator", kind: "crash", where, for: { ms: 60_000 } });
  await cluster.apply(deployment("web"));
  await cluster.advance("1m");
  t.deepEqual(await quarantined(cluster), ["/ctl/deployment/default/web"]);
  t.is(fault.hits, 4);
  await rolledOut(cluster, "web", 310_000);
  t.deepEqual(await quarantined(cluster), []);
});

test("a controller that crashes at a message is started again by its supervisor, and misses nothing; its siblings go on", async (t) => {
  await using cluster = await fork(6);
  await cluster.advance("5s");
  const before = (await actorAt(cluster, "/ctl/namespace"))?.status?.since;
  const where = { path: "/ctl/replicaset/**" };
  const fault = cluster.fault({ seam: "mailbox", kind: "crash", where, when: { nth: 1 } });
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web");
  t.is(fault.hits, 1);
  const crashed = await actorAt(cluster, "/ctl/replicaset");
  t.is(crashed?.status?.restarts, 1);
  t.regex(crashed?.status?.lastError ?? "", /fault injected: crash/);
  t.is((await actorAt(cluster, "/ctl/namespace"))?.status?.since, before);
  t.is((await actorAt(cluster, "/leader"))?.status?.restarts, 0);
});

test("a controller that cannot start is tried again after pauses that grow", async (t) => {
  await using cluster = await fork(7);
  const crash = { seam: "mailbox", kind: "crash", where: { path: "/ctl/replicaset/**" }, when: { nth: 1 } } as const;
  cluster.fault(crash);
  const fault = cluster.fault({
    seam: "process",
    kind: "crash",
    where: { path: "/ctl/replicaset" },
    for: { count: 4 },
  });
  await cluster.apply(deployment("web"));
  const tries: number[] = [];
  await cluster.until(
    () => {
      if (fault.hits > tries.length) tries.push(at(cluster));
      return alive(cluster, "web").length === 3;
    },
    { stepMs: 10 },
  );
  t.is(fault.hits, 4);
  t.is(tries.length, 4);
  const pauses = tries.slice(1).map((time, index) => time - (tries[index] ?? 0));
  t.true(
    pauses.every((pause, index) => index === 0 || pause > 1.3 * (pauses[index - 1] ?? 0)),
    pauses.join(" "),
  );
  t.is((await actorAt(cluster, "/ctl/replicaset"))?.status?.restarts, 5);
});

test("controllers that all fail are no longer restarted one by one: their scope fails, then the process, and its next life converges", async (t) => {
  await using cluster = await fork(8);
  const fault = cluster.fault({ seam: "process", kind: "crash", where: { path: "/ctl/*" }, for: { ms: 8_000 } });
  await cluster.restartMaster();
  const answer = await cluster.request("POST", deployments, deployment("web"));
  t.is(answer.code, 201, "writes are taken while nobody acts on them");
  await cluster.until(() => cluster.lives > 0, { withinMs: 10_000 });
  t.true(fault.hits > 10);
  await rolledOut(cluster, "web");
  await cluster.advance(2_000);
  isWhole(t, cluster);
});

test("the collector takes an owner for what it is, not for its name: children go with their own", async (t) => {
  await using cluster = await fork(9);
  await cluster.apply(deployment("web", { replicas: 2 }));
  await rolledOut(cluster, "web");
  const old = new Set([...cluster.list("ReplicaSet"), ...alive(cluster, "web")].map(({ metadata }) => metadata.uid));
  // It hears of the deletion only when the new owner is there.
  const where = { path: "/ctl/garbage-collector/**" };
  const fault = cluster.fault({ seam: "mailbox", kind: "delay", where, args: { ms: 3_000 }, for: { ms: 2_000 } });
  await cluster.delete("Deployment", "web");
  await cluster.apply(deployment("web", {}, { image: "web:2" }));
  t.true(fault.hits > 0);
  await cluster.advance(30_000);
  await rolledOut(cluster, "web");
  isWhole(t, cluster);
  t.true([...cluster.list("ReplicaSet"), ...cluster.list("Pod")].every(({ metadata }) => !old.has(metadata.uid)));
});

test("a collector whose plans throw leaves no orphan behind", async (t) => {
  await using cluster = await fork(10);
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web");
  const where = { path: "/ctl/garbage-collector/**" };
  const fault = cluster.fault({ seam: "evaluator", kind: "crash", where, for: { count: 3 } });
  await cluster.delete("Deployment", "web");
  await cluster.until(() => cluster.list("ReplicaSet").length === 0 && cluster.list("Pod").length === 0, {
    withinMs: 90_000,
  });
  t.is(fault.hits, 3);
});

test("a rollout keeps within its bounds while plans throw, triggers come late and the master dies", async (t) => {
  await using cluster = await fork(11);
  const rollingUpdate = { maxSurge: 1, maxUnavailable: 1 };
  await cluster.apply(deployment("web", { replicas: 5, strategy: { rollingUpdate } }, { readinessProbe: true }));
  await rolledOut(cluster, "web");
  const record = { when: { p: 0.2 }, for: { ms: 6_000, count: 3 } };
  const faults = ["deployment", "replicaset"].flatMap((name) => [
    cluster.fault({ seam: "evaluator", kind: "crash", where: { path: `/ctl/${name}/**` }, ...record }),
    cluster.fault({ seam: "mailbox", kind: "delay", where: { path: `/ctl/${name}/**` }, args: { ms: 700 }, ...record }),
  ]);
  await setImage(cluster, "web", "web:2");
  let killed = false;
  const isDone = (): boolean =>
    alive(cluster, "web").length === 5 &&
    alive(cluster, "web").every((each) => imageOf(each) === "web:2" && isReady(each));
  for (let step = 0; step < 6_000 && !isDone(); step += 1) {
    await cluster.advance(20);
    const pods = alive(cluster, "web");
    t.true(pods.length <= 6, `${pods.length} pods`);
    t.true(pods.filter(isReady).length >= 4, `${pods.filter(isReady).length} are ready`);
    if (killed || !pods.some((each) => imageOf(each) === "web:2" && isReady(each))) continue;
    killed = true;
    await cluster.restartMaster();
  }
  t.true(isDone() && killed);
  t.true(faults.reduce((sum, { hits }) => sum + hits, 0) >= 3);
});

test("whichever entry of a rollout the master dies at, no pod is made twice", async (t) => {
  let died = 0;
  for (const [killPoint, nth] of [
    ["K1", 4],
    ["K2", 5],
    ["K3", 3],
    ["K4", 6],
  ] as const) {
    await using cluster = await fork(20 + nth);
    const fault = cluster.fault({ kind: "crash", when: { killPoint, nth } });
    const exchange = cluster.open("POST", deployments, deployment("web"));
    await over(cluster, exchange);
    if (cluster.get("Deployment", "web") === undefined) await cluster.apply(deployment("web"));
    const made = new Set<string>();
    await cluster.until(
      () => {
        for (const { metadata } of cluster.list("Pod")) made.add(metadata.uid);
        return alive(cluster, "web").filter(isReady).length === 3;
      },
      { stepMs: 10 },
    );
    await cluster.advance(3_000);
    t.is(cluster.lives, fault.hits);
    died += fault.hits;
    t.is(made.size, 3, killPoint);
    isWhole(t, cluster, killPoint);
  }
  t.true(died >= 3, `${died} of 4`);
});

test("a namespace that ends while its controller fails and the master dies goes as a whole, and not before what is in it", async (t) => {
  await using cluster = await fork(12);
  await cluster.apply(namespace("shop"));
  const held = {
    ...configMap("held"),
    metadata: { name: "held", namespace: "shop", finalizers: ["example.com/hold"] },
  };
  await cluster.apply([held, deployment("web", { replicas: 2 }, {}, "shop")]);
  await rolledOut(cluster, "web").catch(() => undefined);
  const where = { path: "/ctl/namespace/shop" };
  const throws = cluster.fault({ seam: "evaluator", kind: "crash", where, for: { count: 2 } });
  await cluster.delete("Namespace", "shop");
  const fault = cluster.fault({ kind: "crash", when: { killPoint: "K3", nth: 2 } });
  await cluster.until(() => cluster.lives === 1);
  t.is(fault.hits, 1);
  await cluster.advance("1m");
  t.is(throws.hits, 2);
  t.is(conditionOf(cluster.get("Namespace", "shop"), "NamespaceFinalizersRemaining"), "True");
  t.is(cluster.list("Pod", { namespace: "shop" }).length, 0);
  t.is((await cluster.request("POST", maps.replace("default", "shop"), configMap("late"))).code, 403);
  const path = `${maps.replace("default", "shop")}/held`;
  await cluster.request("PATCH", path, { metadata: { finalizers: null } }, { headers: merge });
  await cluster.until(() => cluster.get("Namespace", "shop") === undefined);
});

test("pods of a node that is silent take no traffic, although all that their Service's controllers hear comes twice", async (t) => {
  await using cluster = await fork(13);
  await cluster.apply(deployment("web", { replicas: 4 }));
  await rolledOut(cluster, "web");
  const where = { path: "/ctl/endpointslice/**" };
  const fault = cluster.fault({ seam: "mailbox", kind: "duplicate", where });
  cluster.node("n1").kill();
  await cluster.advance("1m");
  t.true(fault.hits > 0);
  const living = alive(cluster, "web").filter(({ spec }) => spec.nodeName === "n2");
  t.true(living.length > 0 && living.length < 4);
  t.deepEqual(endpointsOf(cluster, "web"), living.flatMap(({ status }) => status?.podIP ?? []).toSorted());
});

test("an owner whose children are refused says so, waits, and makes them when nothing refuses them any more", async (t) => {
  await using cluster = await fork(14);
  const where = { path: "/ctl/serviceaccount/**" };
  const fault = cluster.fault({ seam: "mailbox", kind: "drop", where, for: { ms: 10_000 } });
  await cluster.apply(namespace("late"));
  await cluster.apply(deployment("web", { replicas: 1 }, {}, "late"));
  await cluster.advance(15_000);
  t.true(fault.hits > 0);
  const [set] = cluster.list("ReplicaSet", { namespace: "late" });
  t.is(conditionOf(set, "ReplicaFailure"), "True");
  t.true(told(cluster, "FailedCreate") >= 1);
  const failures = told(cluster, "FailedCreate");
  t.true(failures < 12, `${failures}: it waits in between`);
  await cluster.apply({ apiVersion: "v1", kind: "ServiceAccount", metadata: { name: "default", namespace: "late" } });
  await cluster.until(() => cluster.list("Pod", { namespace: "late" }).length === 1, { withinMs: 61_000 });
  await cluster.advance(5_000);
  t.is(conditionOf(cluster.list("ReplicaSet", { namespace: "late" })[0], "ReplicaFailure"), undefined);
});

test("nodes that join together get ranges of their own, although their controller fails and the master dies in between", async (t) => {
  await using cluster = await fork(15);
  const where = { path: "/ctl/node-ipam/*" };
  const throws = cluster.fault({ seam: "evaluator", kind: "crash", where, for: { count: 2 } });
  const order = cluster.fault({ seam: "mailbox", kind: "reorder", where });
  const nodes = ["a", "b", "c", "d"].map((name) => ({ apiVersion: "v1", kind: "Node", metadata: { name } }));
  await cluster.apply(nodes.slice(0, 2));
  await cluster.restartMaster();
  await cluster.apply(nodes.slice(2));
  await cluster.advance(3_000);
  t.is(throws.hits, 2);
  t.true(order.hits > 0);
  const ranges = cluster.list("Node").flatMap(({ spec }) => spec.podCIDR ?? []);
  t.is(ranges.length, 6);
  t.is(new Set(ranges).size, 6);
});

test("when faults are over and all has come to its end, nobody writes any more", async (t) => {
  await using cluster = await fork(16);
  const where = { path: "/ctl/**" };
  const faults = (["duplicate", "reorder", "drop"] as const).map((kind) =>
    cluster.fault({ seam: "mailbox", kind, where, when: { p: 0.2 }, for: { ms: 10_000 } }),
  );
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web", 1_300_000);
  await cluster.advance("12m");
  t.true(faults.every(({ hits }) => hits > 0));
  await cluster.apply(pod("lone"));
  await cluster.until(() => isReady(cluster.get("Pod", "lone")!));
  await cluster.advance("30s");
  const before = cluster.revision;
  await cluster.advance("60s");
  t.is(cluster.revision, before);
  isWhole(t, cluster);
});

test("triggers that come late plan what is wanted by then, not what was wanted when they were sent", async (t) => {
  await using cluster = await fork(17);
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web");
  const where = { path: "/ctl/*set/**" };
  const fault = cluster.fault({ seam: "mailbox", kind: "delay", where, args: { ms: 300 }, for: { ms: 10_000 } });
  for (const replicas of [6, 1, 4, 3]) {
    await patch(cluster, `${deployments}/web`, { spec: { replicas } });
    await cluster.advance(150);
  }
  t.true(fault.hits > 0);
  await rolledOut(cluster, "web");
  await cluster.advance(40_000);
  isWhole(t, cluster);
});
