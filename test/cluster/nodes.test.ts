import test from "ava";
import { createCluster } from "../../src/testing/cluster.ts";
import { alive, condition, deployment, isReady, patch, pod, rolledOut } from "./kit.ts";

test("a silent node: Unknown, then tainted, then its pods run elsewhere; what it kept ends when it is back", async (t) => {
  await using cluster = await createCluster({ nodes: 3, seed: 40, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 6 }));
  await rolledOut(cluster, "web");
  const onIt = alive(cluster, "web").filter(({ spec }) => spec.nodeName === "n1");
  t.true(onIt.length > 0);
  const node = () => cluster.get("nodes", "n1")!;
  cluster.node("n1").cut();
  await cluster.advance(40_000);
  t.is(condition(node().status!.conditions, "Ready")!.status, "True", "within the grace");
  await cluster.until(() => condition(node().status!.conditions, "Ready")!.status === "Unknown", { withinMs: 30_000 });
  t.like(condition(node().status!.conditions, "Ready")!, {
    reason: "NodeStatusUnknown",
    message: "Kubelet stopped posting node status.",
  });
  await cluster.until(() => (node().spec.taints ?? []).length === 2);
  t.deepEqual(
    node()
      .spec.taints!.map(({ key, effect }) => `${key}:${effect}`)
      .toSorted(),
    ["node.kubernetes.io/unreachable:NoExecute", "node.kubernetes.io/unreachable:NoSchedule"],
  );
  await cluster.until(() => onIt.every(({ metadata }) => !isReady(cluster.get("pods", metadata.name)!)));

  await cluster.advance(280_000);
  t.is(
    alive(cluster, "web").filter(({ spec }) => spec.nodeName === "n1").length,
    onIt.length,
    "tolerated for five minutes",
  );
  await cluster.until(() => alive(cluster, "web").filter(isReady).length === 6);
  t.true(alive(cluster, "web").every(({ spec }) => spec.nodeName !== "n1"));
  t.truthy(
    cluster.get("pods", onIt[0]!.metadata.name)!.metadata.deletionTimestamp,
    "nobody knows whether it still runs",
  );

  cluster.node("n1").heal();
  await cluster.until(() => onIt.every(({ metadata }) => cluster.get("pods", metadata.name) === undefined));
  await cluster.until(() => condition(node().status!.conditions, "Ready")!.status === "True");
  await cluster.until(() => (node().spec.taints ?? []).length === 0);
  t.is(alive(cluster, "web").filter(isReady).length, 6);
});

test("a pod that tolerates an unreachable node for a shorter time goes sooner", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 41, time: "virtual" });
  const toleration = { key: "node.kubernetes.io/unreachable", operator: "Exists", effect: "NoExecute" };
  const spec = { tolerations: [{ ...toleration, tolerationSeconds: 10 }] };
  await cluster.apply(deployment("web", { replicas: 2 }, { spec }));
  await rolledOut(cluster, "web");
  cluster.node("n2").cut();
  await cluster.until(
    () =>
      alive(cluster, "web").length === 2 &&
      alive(cluster, "web").every((each) => isReady(each) && each.spec.nodeName === "n1"),
    {
      withinMs: 90_000,
    },
  );
  t.pass();
});

test("pods of a deleted node are removed, and run elsewhere", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 42, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 4 }));
  await rolledOut(cluster, "web");
  cluster.node("n1").cut();
  await cluster.delete("nodes", "n1");
  await cluster.until(() => cluster.list("pods").every(({ spec }) => spec.nodeName === "n2"), { withinMs: 180_000 });
  await rolledOut(cluster, "web");
  t.is(alive(cluster, "web").length, 4);
});

test("a pod without room says why, and is scheduled as soon as there is room", async (t) => {
  await using cluster = await createCluster({ nodes: [{ cpus: 2 }], seed: 43, time: "virtual" });
  await cluster.apply([pod("big", { requests: { cpu: "1500m" } })]);
  await cluster.until(() => isReady(cluster.get("pods", "big")!));
  await cluster.apply(pod("waiting", { requests: { cpu: "1" } }));
  await cluster.until(
    () => condition(cluster.get("pods", "waiting")!.status?.conditions, "PodScheduled") !== undefined,
  );
  const scheduled = condition(cluster.get("pods", "waiting")!.status!.conditions, "PodScheduled")!;
  t.like(scheduled, { status: "False", reason: "Unschedulable" });
  t.regex(scheduled.message, /^0\/1 nodes are available: 1 Insufficient cpu\./);
  t.is(cluster.get("pods", "waiting")!.status!.phase, "Pending");
  const events = cluster.list("events").filter(({ reason }) => reason === "FailedScheduling");
  t.regex(events[0]!.message!, /^0\/1 nodes are available/);
  await cluster.delete("pods", "big");
  await cluster.until(() => isReady(cluster.get("pods", "waiting")!));
  t.is(condition(cluster.get("pods", "waiting")!.status!.conditions, "PodScheduled")!.status, "True");
});

test("a node that joins takes the pods that waited for room", async (t) => {
  await using cluster = await createCluster({ nodes: [{ cpus: 2 }], seed: 44, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 4 }, { requests: { cpu: "900m" } }));
  await cluster.advance(10_000);
  t.is(alive(cluster, "web").filter(isReady).length, 2);
  await cluster.addNode("n9", { cpus: 2 });
  await rolledOut(cluster, "web");
  t.is(alive(cluster, "web").filter(({ spec }) => spec.nodeName === "n9").length, 2);
});

test("a cordoned node gets no new pods, and keeps those that it has", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 45, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 2 }));
  await rolledOut(cluster, "web");
  await patch(cluster, "/api/v1/nodes/n1", { spec: { unschedulable: true } });
  await cluster.apply(deployment("more", { replicas: 4 }));
  await rolledOut(cluster, "more");
  t.true(alive(cluster, "more").every(({ spec }) => spec.nodeName === "n2"));
  t.is(alive(cluster, "web").filter(isReady).length, 2);
});

test("each node has a range of its own, and pods have addresses of their node's", async (t) => {
  await using cluster = await createCluster({ nodes: 3, seed: 46, time: "virtual" });
  const ranges = cluster.list("nodes").map(({ spec }) => spec.podCIDR!);
  t.is(new Set(ranges).size, 3);
  await cluster.apply(deployment("web", { replicas: 6 }));
  await rolledOut(cluster, "web");
  const addresses = alive(cluster, "web").map(({ spec, status }) => {
    const range = cluster.get("nodes", spec.nodeName!)!.spec.podCIDR!;
    t.true(status!.podIP!.startsWith(range.replace(/\d+\/\d+$/, "")), `${status!.podIP} in ${range}`);
    return status!.podIP;
  });
  t.is(new Set(addresses).size, 6);
});

test("Events of a container that keeps crashing are counted up, and its pod says CrashLoopBackOff", async (t) => {
  await using cluster = await createCluster({
    nodes: 1,
    seed: 47,
    time: "virtual",
    script: () => ({ exit: { afterMs: 1_000, exitCode: 1 } }),
  });
  await cluster.apply(pod("crash"));
  await cluster.advance(180_000);
  const { status } = cluster.get("pods", "crash")!;
  const [container] = status!.containerStatuses!;
  t.true(container!.restartCount! >= 3, `${container!.restartCount}`);
  await cluster.until(() => cluster.get("pods", "crash")!.status!.containerStatuses![0]!.state?.waiting !== undefined);
  t.is(cluster.get("pods", "crash")!.status!.containerStatuses![0]!.state!.waiting!.reason, "CrashLoopBackOff");
  const about = cluster.list("events").filter(({ involvedObject }) => involvedObject.name === "crash");
  const backOff = about.filter(({ reason }) => reason === "BackOff");
  t.is(backOff.length, 1, about.map(({ reason, message }) => `${reason}: ${message}`).join("\n"));
  t.true((backOff[0]!.count ?? 1) > 1);
  t.is(about.filter(({ reason }) => reason === "Started").length, 1);
});

test("after a short outage of a node its pods are Ready again, and take traffic", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 48, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 4 }));
  await rolledOut(cluster, "web");
  const before = alive(cluster, "web").map(({ metadata }) => metadata.uid);
  cluster.node("n1").cut();
  const onIt = () => alive(cluster, "web").filter(({ spec }) => spec.nodeName === "n1");
  await cluster.until(() => onIt().every((each) => !isReady(each)), { withinMs: 90_000 });
  cluster.node("n1").heal();
  await cluster.until(() => alive(cluster, "web").every(isReady), { withinMs: 5_000 });
  t.deepEqual(
    alive(cluster, "web").map(({ metadata }) => metadata.uid),
    before,
  );
});

test("a pod that was removed without its node is ended by it, without complaint", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 49, time: "virtual" });
  await cluster.apply(pod("web", { annotations: { "simulated.troupe.dev/stop-ms": "2000" } }));
  await cluster.until(() => isReady(cluster.get("pods", "web")!));
  cluster.node("n1").cut();
  await cluster.delete("pods", "web", { body: { gracePeriodSeconds: 0 } });
  cluster.node("n1").heal();
  await cluster.until(() => cluster.node("n1").agent.node.pods.list().length === 0);
  t.is(cluster.get("pods", "web"), undefined);
  t.deepEqual(
    cluster.env.lines.filter(({ level }) => level === "error"),
    [],
  );
});
