// Faults over times that must be kept: a deadline is met once, not before and not much later, whoever
// dies or jumps meanwhile.
import test from "ava";
import type { Cluster } from "troupe/testing";
import { alive, deployment, isReady, patch, pod, rolledOut } from "../cluster/kit.ts";
import { forks, told } from "./kit.ts";

const at = (cluster: Cluster): number => cluster.env.clock.mono();

const fork = forks({ nodes: 1, seed: 8, keeper: true }, async (cluster) => {
  await cluster.advance(5_000);
});

/** Virtual time until it holds, in ms. */
async function waits(cluster: Cluster, condition: () => boolean, withinMs = 200_000): Promise<number> {
  const began = at(cluster);
  await cluster.until(condition, { withinMs, stepMs: 250 });
  return at(cluster) - began;
}

/** A pod that stands a taint of its node for a minute. */
const patient = pod("patient", {
  spec: { tolerations: [{ key: "example.com/bad", operator: "Exists", effect: "NoExecute", tolerationSeconds: 60 }] },
});

async function taint(cluster: Cluster): Promise<void> {
  await cluster.apply(patient);
  await cluster.until(() => isReady(cluster.get("Pod", "patient")!));
  const taints = [{ key: "example.com/bad", effect: "NoExecute" }];
  await patch(cluster, "/api/v1/nodes/n1", { spec: { taints } });
}

const isLeaving = (cluster: Cluster): boolean =>
  cluster.get("Pod", "patient")?.metadata.deletionTimestamp !== undefined ||
  cluster.get("Pod", "patient") === undefined;

const progressReason = (cluster: Cluster): string | undefined =>
  cluster.get("Deployment", "web")?.status?.conditions?.find(({ type }) => type === "Progressing")?.reason;

test("a toleration that runs out does so once and in time, although the master dies on the way", async (t) => {
  await using cluster = await fork(1);
  await taint(cluster);
  const began = at(cluster);
  await cluster.advance("25s");
  const fault = cluster.fault({ kind: "crash", when: { killPoint: "K4", nth: 1 } });
  await cluster.apply({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "last" } }).catch(() => undefined);
  await cluster.until(() => cluster.lives === 1);
  t.is(fault.hits, 1);
  await waits(cluster, () => isLeaving(cluster));
  const tookMs = at(cluster) - began;
  t.true(tookMs >= 58_000 && tookMs <= 65_000, `${tookMs} ms`);
  await cluster.advance("10s");
  t.is(told(cluster, "TaintManagerEviction"), 1);
});

test("a toleration's time is not begun anew by a controller that crashes", async (t) => {
  await using cluster = await fork(2);
  await taint(cluster);
  const began = at(cluster);
  await cluster.advance("30s");
  const where = { path: "/ctl/taint-eviction/**" };
  const fault = cluster.fault({ seam: "mailbox", kind: "crash", where, when: { nth: 1 } });
  await cluster.apply(pod("other", { spec: { nodeName: "n1" } }));
  await cluster.until(() => fault.hits === 1, { withinMs: 5_000 });
  await waits(cluster, () => isLeaving(cluster));
  const tookMs = at(cluster) - began;
  t.true(tookMs >= 58_000 && tookMs <= 65_000, `${tookMs} ms`);
});

test("a clock that jumps ahead makes nothing run out early", async (t) => {
  await using cluster = await fork(3);
  await taint(cluster);
  const began = at(cluster);
  await cluster.advance("5s");
  cluster.env.clock.skewMs = 3_600_000;
  // Its controller looks anew at what is due.
  const where = { path: "/ctl/taint-eviction/**" };
  const fault = cluster.fault({ seam: "mailbox", kind: "crash", where, when: { nth: 1 } });
  await cluster.apply(pod("other", { spec: { nodeName: "n1" } }));
  await waits(cluster, () => isLeaving(cluster));
  const tookMs = at(cluster) - began;
  t.is(fault.hits, 1);
  // The cluster's clock follows by a twentieth at most.
  t.true(tookMs >= 54_000 && tookMs <= 65_000, `${tookMs} ms`);
});

test("a rollout that gets nowhere is said to at its deadline, although its controller crashes and is told everything twice", async (t) => {
  await using cluster = await fork(4);
  const never = { annotations: { "simulated.troupe.dev/ready-after-ms": "900000" }, readinessProbe: true };
  const where = { path: "/ctl/deployment/**" };
  const twice = cluster.fault({ seam: "mailbox", kind: "duplicate", where, when: { p: 0.5 } });
  await cluster.apply(deployment("web", { replicas: 1, progressDeadlineSeconds: 60 }, never));
  await cluster.advance("30s");
  const crash = cluster.fault({ seam: "mailbox", kind: "crash", where, when: { nth: 1 } });
  twice.clear();
  await patch(cluster, "/apis/apps/v1/namespaces/default/deployments/web", {
    metadata: { labels: { touched: "yes" } },
  });
  await cluster.until(() => crash.hits === 1, { withinMs: 5_000 });
  t.true(twice.hits > 0);
  await cluster.advance("20s");
  t.not(progressReason(cluster), "ProgressDeadlineExceeded");
  const tookMs = await waits(cluster, () => progressReason(cluster) === "ProgressDeadlineExceeded");
  t.true(tookMs <= 25_000, `${tookMs} ms later than it may`);
});

test("a pod counts as available when it was ready long enough, not when the news of it came twice or late", async (t) => {
  await using cluster = await fork(5);
  const where = { path: "/ctl/replicaset/**" };
  const faults = [
    cluster.fault({ seam: "mailbox", kind: "duplicate", where, when: { p: 0.5 } }),
    cluster.fault({ seam: "mailbox", kind: "delay", where, args: { ms: 1_000 }, when: { p: 0.5 } }),
  ];
  await cluster.apply(deployment("web", { replicas: 2, minReadySeconds: 20 }));
  await cluster.until(() => alive(cluster, "web").filter(isReady).length === 2);
  await cluster.advance("17s");
  t.is(cluster.get("Deployment", "web")?.status?.availableReplicas ?? 0, 0);
  const tookMs = await waits(cluster, () => cluster.get("Deployment", "web")?.status?.availableReplicas === 2);
  t.true(tookMs <= 8_000, `${tookMs} ms`);
  t.true(faults.every(({ hits }) => hits > 0));
});

test("Events go after an hour, also those that a dead master was to remove", async (t) => {
  await using cluster = await fork(6);
  await cluster.apply(pod("one"));
  await cluster.until(() => told(cluster, "Started", "one") === 1);
  await cluster.advance("30m");
  const where = { path: "/ctl/event-ttl/**" };
  const fault = cluster.fault({ seam: "evaluator", kind: "crash", where, for: { count: 2 } });
  await cluster.restartMaster();
  await cluster.advance("25m");
  t.is(told(cluster, "Started", "one"), 1);
  await waits(cluster, () => told(cluster, "Started", "one") === 0, 900_000);
  t.is(fault.hits, 2);
});

test("a pod's own deadline is met while its agent is dead, and the pod ends once", async (t) => {
  await using cluster = await fork(7);
  const spec = { activeDeadlineSeconds: 30, restartPolicy: "Never", terminationGracePeriodSeconds: 1 };
  await cluster.apply(pod("short", { spec }));
  await cluster.until(() => isReady(cluster.get("Pod", "short")!));
  await cluster.advance("10s");
  const fault = cluster.fault({
    seam: "cri",
    kind: "crash",
    where: { path: "/node/n1/cri/stopContainer" },
    for: { count: 1 },
  });
  cluster.node("n1").kill();
  await cluster.advance("5s");
  await cluster.node("n1").start();
  await cluster.advance("10s");
  t.is(cluster.get("Pod", "short")?.status?.phase, "Running");
  await waits(cluster, () => cluster.get("Pod", "short")?.status?.phase === "Failed", 30_000);
  t.is(cluster.get("Pod", "short")?.status?.reason, "DeadlineExceeded");
  await cluster.advance("1m");
  t.is(fault.hits, 1);
  t.is(
    cluster
      .node("n1")
      .runtime.records()
      .containers.filter(({ status }) => status.state === "running").length,
    0,
  );
});

test("a link that is reset again and again is dialled with pauses between, neither at once nor ever more rarely", async (t) => {
  await using cluster = await fork(8);
  await rolledOutOnce(cluster);
  const where = { path: "/link/n1/up/hello" };
  const fault = cluster.fault({ seam: "link", kind: "crash", where, for: { ms: 10_000 } });
  cluster.node("n1").cut();
  cluster.node("n1").heal();
  await cluster.advance("10s");
  t.true(fault.hits >= 8 && fault.hits <= 30, `${fault.hits} times`);
  const tookMs = await waits(
    cluster,
    () =>
      cluster
        .get("Node", "n1")
        ?.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true,
  );
  t.true(tookMs <= 2_000);
  await cluster.apply(pod("late"));
  await cluster.until(() => isReady(cluster.get("Pod", "late")!), { withinMs: 5_000 });
});

async function rolledOutOnce(cluster: Cluster): Promise<void> {
  await cluster.apply(deployment("web", { replicas: 1 }));
  await rolledOut(cluster, "web");
}
