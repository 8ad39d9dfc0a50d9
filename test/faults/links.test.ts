// Faults of the links between masters and nodes, and of nodes as a whole: what is lost, doubled or
// late, links that are open at one end only, nodes that are cut off alone or together.
import test from "ava";
import { createCluster, StatusError, type Cluster } from "troupe/testing";
import { alive, deployment, isReady, patch, pod, rolledOut } from "../cluster/kit.ts";
import { conditionOf, forks, told } from "./kit.ts";

const fork = forks({ nodes: 2, seed: 7, keeper: true }, async (cluster) => {
  await cluster.advance(5_000);
});

const isNodeReady = (cluster: Cluster, name: string): boolean =>
  conditionOf(cluster.get("Node", name), "Ready") === "True";

/** Keys of the taints that say that a node is not heard. */
const taintsOf = (cluster: Cluster, name: string): readonly string[] =>
  (cluster.get("Node", name)?.spec.taints ?? []).map(({ key, effect }) => `${key}:${effect ?? ""}`);

const running = (cluster: Cluster, node: string): readonly string[] =>
  cluster
    .node(node)
    .runtime.records()
    .containers.filter(({ status }) => status.state === "running")
    .map(({ subject }) => subject.pod);

test("a link that is open at one end only is given up, and its node goes on before it is thought lost", async (t) => {
  for (const [seed, path] of ["/link/n1/up/heartbeat", "/link/n1/down/rows"].entries()) {
    await using cluster = await fork(seed);
    const fault = cluster.fault({ seam: "link", kind: "hang", where: { path }, when: { nth: 1 } });
    await cluster.apply(pod("late", { spec: { nodeName: "n1" } }));
    await cluster.until(() => fault.hits === 1, { withinMs: 30_000 });
    await cluster.until(() => isReady(cluster.get("Pod", "late")!), { withinMs: 15_000 });
    await cluster.advance("1m");
    t.true(isNodeReady(cluster, "n1"), path);
    t.is(told(cluster, "NodeNotReady"), 0, path);
  }
});

test("reports that a broken link has lost are told again over the next one", async (t) => {
  await using cluster = await fork(3);
  const where = { path: "/link/*/up/report" };
  const fault = cluster.fault({ seam: "link", kind: "crash", where, when: { p: 0.4 }, for: { ms: 20_000 } });
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web", 40_000);
  t.true(fault.hits > 0);
  t.true(alive(cluster, "web").every(isReady));
});

test("reports and their answers that come twice count once", async (t) => {
  await using cluster = await fork(4);
  const faults = ["/link/*/up/report", "/link/*/down/result"].map((path) =>
    cluster.fault({ seam: "link", kind: "duplicate", where: { path } }),
  );
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web");
  await cluster.advance("15s");
  t.true(faults.every(({ hits }) => hits > 0));
  t.is(told(cluster, "Started"), 3);
  const actors = await cluster.request("GET", "/apis/actors.troupe.dev/v1/actors");
  const { items } = actors.json<{ items: { spec: { path: string }; status: { restarts?: number } }[] }>();
  const links = items.filter(({ spec }) => /^\/node\/n\d\/link$/.test(spec.path));
  t.deepEqual(
    links.map(({ status }) => status.restarts ?? 0),
    [0, 0],
  );
});

test("what a node says of a pod that is gone is not said of its successor", async (t) => {
  await using cluster = await fork(5);
  const one = pod("one", { spec: { nodeName: "n1" } });
  await cluster.apply(one);
  await cluster.until(() => isReady(cluster.get("Pod", "one")!));
  const { runtime } = cluster.node("n1");
  const old = runtime.records().containers[0]!.status.id;
  const where = { path: "/link/n1/up/report" };
  const fault = cluster.fault({ seam: "link", kind: "delay", where, args: { ms: 2_000 }, for: { ms: 5_000 } });
  runtime.exit(old, 1);
  await cluster.advance(500);
  await cluster.delete("Pod", "one", { body: { gracePeriodSeconds: 0 } });
  await cluster.apply(one);
  const statuses = (): string => JSON.stringify(cluster.get("Pod", "one")?.status?.containerStatuses ?? []);
  await cluster.until(
    () => {
      t.false(statuses().includes(old), "it has the status of another one");
      return isReady(cluster.get("Pod", "one")!);
    },
    { stepMs: 20, withinMs: 30_000 },
  );
  t.true(fault.hits > 0);
  t.is(cluster.get("Pod", "one")?.status?.containerStatuses?.[0]?.restartCount, 0);
});

test("what was deleted while a node was cut off is ended when it is back", async (t) => {
  await using cluster = await fork(6);
  await cluster.apply([pod("gone", { spec: { nodeName: "n1" } }), pod("kept", { spec: { nodeName: "n1" } })]);
  await cluster.until(() => cluster.list("Pod").every((each) => isReady(each)));
  cluster.node("n1").cut();
  await cluster.delete("Pod", "gone", { body: { gracePeriodSeconds: 0 } });
  await cluster.advance("15s");
  t.deepEqual(running(cluster, "n1").toSorted(), ["gone", "kept"], "it knows nothing of it");
  cluster.node("n1").heal();
  await cluster.until(() => running(cluster, "n1").length === 1, { withinMs: 10_000 });
  t.deepEqual(running(cluster, "n1"), ["kept"]);
  await cluster.advance("5s");
  t.is(cluster.get("Pod", "kept")?.status?.containerStatuses?.[0]?.restartCount, 0);
});

test("a node that is cut off for less than its grace is neither marked nor left", async (t) => {
  await using cluster = await fork(7);
  await cluster.apply(deployment("web", { replicas: 4 }));
  await rolledOut(cluster, "web");
  const uids = alive(cluster, "web").map(({ metadata }) => metadata.uid);
  cluster.node("n1").cut();
  await cluster.advance("25s");
  t.deepEqual(taintsOf(cluster, "n1"), []);
  cluster.node("n1").heal();
  await cluster.advance("1m");
  t.is(told(cluster, "NodeNotReady"), 0);
  t.deepEqual(
    alive(cluster, "web").map(({ metadata }) => metadata.uid),
    uids,
  );
});

test("pods of a node that stays silent are told to leave once, behind their toleration, and are replaced once", async (t) => {
  await using cluster = await fork(8);
  const tolerations = ["not-ready", "unreachable"].map((key) => ({
    key: `node.kubernetes.io/${key}`,
    operator: "Exists",
    effect: "NoExecute",
    tolerationSeconds: 20,
  }));
  await cluster.apply(deployment("web", { replicas: 4 }, { spec: { tolerations } }));
  await rolledOut(cluster, "web");
  const lost = running(cluster, "n1").length;
  t.true(lost > 0);
  const where = { path: "/ctl/taint-eviction/**" };
  const fault = cluster.fault({ seam: "mailbox", kind: "duplicate", where });
  cluster.node("n1").cut();
  await cluster.advance("55s");
  t.true(taintsOf(cluster, "n1").includes("node.kubernetes.io/unreachable:NoExecute"));
  t.is(told(cluster, "TaintManagerEviction"), 0, "they tolerate it for a while");
  await cluster.advance("40s");
  await rolledOut(cluster, "web");
  t.true(fault.hits > 0);
  t.is(told(cluster, "TaintManagerEviction"), lost);
  t.is(alive(cluster, "web").length, 4);
  t.true(alive(cluster, "web").every(({ spec }) => spec.nodeName === "n2"));
  t.is(running(cluster, "n1").length, lost, "they run on where nobody can stop them");
  cluster.node("n1").heal();
  await cluster.until(() => running(cluster, "n1").length === 0 && taintsOf(cluster, "n1").length === 0);
  await cluster.advance("5s");
  t.is(alive(cluster, "web").filter(isReady).length, 4);
  t.is(cluster.list("Pod").length, 4);
});

test("when most nodes fall silent together most are not given up, and when all do nobody is: it may be the masters that are cut off", async (t) => {
  await using cluster = await createCluster({ nodes: 5, seed: 9 });
  await cluster.apply(deployment("web", { replicas: 5 }));
  await rolledOut(cluster, "web");
  const uids = new Set(alive(cluster, "web").map(({ metadata }) => metadata.uid));
  const kept = (): number => alive(cluster, "web").filter(({ metadata }) => uids.has(metadata.uid)).length;
  const givenUp = (): number =>
    cluster.nodes.filter(({ name }) => taintsOf(cluster, name).includes("node.kubernetes.io/unreachable:NoExecute"))
      .length;
  for (const name of ["n1", "n2", "n3", "n4"]) cluster.node(name).cut();
  await cluster.advance("8m");
  t.is(cluster.nodes.filter(({ name }) => !isNodeReady(cluster, name)).length, 4);
  // Two are noticed before it is seen that they are most.
  t.true(givenUp() <= 2, `${givenUp()} were given up`);
  t.true(kept() >= 3, `${kept()} of 5 pods are left`);
  cluster.node("n5").cut();
  await cluster.advance("1m");
  t.is(givenUp(), 0);
  const left = kept();
  await cluster.advance("8m");
  t.is(kept(), left);
  for (const { name } of cluster.nodes) cluster.node(name).heal();
  await cluster.until(() => alive(cluster, "web").filter(isReady).length === 5);
  t.is(kept(), left);
});

test("a new master gives every node a fresh grace before it thinks it lost", async (t) => {
  await using cluster = await fork(10);
  await cluster.apply(deployment("web", { replicas: 2 }));
  await rolledOut(cluster, "web");
  cluster.crashMaster();
  await cluster.advance("2m");
  const where = { path: "/link/*/up/hello" };
  const fault = cluster.fault({ seam: "link", kind: "hang", where, for: { ms: 15_000 } });
  await cluster.startMaster();
  await cluster.advance("30s");
  t.true(fault.hits > 0);
  t.is(told(cluster, "NodeNotReady"), 0);
  t.deepEqual([taintsOf(cluster, "n1"), taintsOf(cluster, "n2")], [[], []]);
  await cluster.advance("1m");
  t.true(isNodeReady(cluster, "n1") && isNodeReady(cluster, "n2"));
});

test("clocks that jump make no node silent and move no grace: the leader's own time counts", async (t) => {
  await using cluster = await fork(11);
  await cluster.apply(deployment("web", { replicas: 2 }));
  await rolledOut(cluster, "web");
  const uids = alive(cluster, "web").map(({ metadata }) => metadata.uid);
  for (const skewMs of [300_000, -300_000, 3_600_000]) {
    // One that is not heard for a while, and a controller that looks anew who is silent.
    cluster.node("n1").cut();
    await cluster.advance("10s");
    cluster.env.clock.skewMs = skewMs;
    const where = { path: "/ctl/node-lifecycle/*" };
    const fault = cluster.fault({ seam: "mailbox", kind: "crash", where, when: { nth: 1 } });
    await patch(cluster, "/api/v1/nodes/n2", { metadata: { labels: { skew: `of${skewMs}` } } });
    await cluster.advance("10s");
    t.is(fault.hits, 1);
    t.true(isNodeReady(cluster, "n1"), `${skewMs}`);
    cluster.node("n1").heal();
    await cluster.advance("10s");
  }
  t.is(told(cluster, "NodeNotReady"), 0);
  t.deepEqual(
    alive(cluster, "web").map(({ metadata }) => metadata.uid),
    uids,
  );
});

test("a node that speaks for another one's pods is refused, and nothing of it is kept", async (t) => {
  await using cluster = await fork(12);
  await cluster.apply([pod("mine", { spec: { nodeName: "n1" } }), pod("theirs", { spec: { nodeName: "n2" } })]);
  await cluster.until(() => cluster.list("Pod").every((each) => isReady(each)));
  const hostile = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
  const status = { status: { phase: "Failed" } };
  const headers = { "content-type": "application/merge-patch+json" };
  const path = "/api/v1/namespaces/default/pods";
  const refused = await cluster.request("PATCH", `${path}/theirs/status`, status, { user: hostile, headers });
  t.is(refused.code, 403);
  const { reporter } = cluster.node("n1").agent.link;
  const object = { ...cluster.get("Pod", "theirs")!, status: { phase: "Failed" } };
  const write = { verb: "update", kind: "pods", subresource: "status", namespace: "default", name: "theirs" } as const;
  const report = cluster.run(reporter.report({ ...write, object: object as never }));
  const error = await t.throwsAsync(report, { instanceOf: StatusError });
  t.is(error?.status.code, 403);
  const secret = await cluster.request("GET", "/api/v1/namespaces/kube-system/secrets", undefined, { user: hostile });
  t.is(secret.code, 403);
  t.is(cluster.get("Pod", "theirs")?.status?.phase, "Running");
  await patch(cluster, `${path}/mine`, { metadata: { labels: { still: "here" } } });
});
