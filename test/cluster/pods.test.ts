import test from "ava";
import { createCluster } from "../../src/testing/cluster.ts";
import { alive, condition, configMap, deployment, isReady, patch, pod, rolledOut, service } from "./kit.ts";

const P = "/api/v1/namespaces/default/pods";

test("a pod that is never restarted ends as Succeeded or Failed, and keeps what it ended with", async (t) => {
  await using cluster = await createCluster({
    nodes: 1,
    seed: 60,
    time: "virtual",
    script: ({ pod: name }) => ({ exit: { afterMs: 2_000, exitCode: name === "good" ? 0 : 3 } }),
  });
  const spec = { restartPolicy: "Never" };
  await cluster.apply([pod("good", { spec }), pod("bad", { spec })]);
  await cluster.until(() => cluster.get("pods", "good")!.status!.phase === "Succeeded");
  await cluster.until(() => cluster.get("pods", "bad")!.status!.phase === "Failed");
  const [container] = cluster.get("pods", "bad")!.status!.containerStatuses!;
  t.like(container!.state!.terminated!, { exitCode: 3, reason: "Error" });
  t.like(condition(cluster.get("pods", "good")!.status!.conditions, "Ready"), {
    status: "False",
    reason: "PodCompleted",
  });
  await cluster.delete("pods", "good");
  await cluster.until(() => cluster.get("pods", "good") === undefined, { withinMs: 5_000 });
});

test("init containers run one after another before the others start", async (t) => {
  await using cluster = await createCluster({
    nodes: 1,
    seed: 61,
    time: "virtual",
    script: ({ container }) => (container.startsWith("init") ? { exit: { afterMs: 1_000, exitCode: 0 } } : {}),
  });
  const initContainers = ["init-a", "init-b"].map((name) => ({ name, image: "init:1" }));
  await cluster.apply(pod("web", { spec: { initContainers } }));
  await cluster.advance(1_500);
  t.is(cluster.get("pods", "web")!.status!.phase, "Pending");
  t.is(condition(cluster.get("pods", "web")!.status!.conditions, "Initialized")!.status, "False");
  await cluster.until(() => isReady(cluster.get("pods", "web")!));
  const { initContainerStatuses, containerStatuses } = cluster.get("pods", "web")!.status!;
  const ended = initContainerStatuses!.map(({ state }) => state!.terminated!);
  t.true(ended[0]!.finishedAt! <= ended[1]!.startedAt!);
  t.true(ended[1]!.finishedAt! <= containerStatuses![0]!.state!.running!.startedAt!);
});

test("a failing liveness probe restarts the container, and says so", async (t) => {
  await using cluster = await createCluster({
    nodes: 1,
    seed: 62,
    time: "virtual",
    script: ({ attempt }) => ({ probe: (kind, runningMs) => kind !== "liveness" || attempt > 0 || runningMs < 5_000 }),
  });
  const livenessProbe = { httpGet: { path: "/", port: 80 }, periodSeconds: 1, failureThreshold: 2 };
  await cluster.apply(pod("web", { spec: { containers: [{ name: "app", image: "web:1", livenessProbe }] } }));
  await cluster.until(() => cluster.get("pods", "web")!.status?.containerStatuses?.[0]?.restartCount === 1);
  await cluster.until(() => isReady(cluster.get("pods", "web")!));
  const reasons = cluster.list("events").map(({ reason }) => reason);
  t.true(reasons.includes("Unhealthy"));
  t.true(reasons.includes("Killing"));
  await cluster.advance(60_000);
  t.is(cluster.get("pods", "web")!.status!.containerStatuses![0]!.restartCount, 1);
});

test("an eviction deletes the pod, and its Deployment replaces it elsewhere: a drain", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 63, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 4 }));
  await rolledOut(cluster, "web");
  await patch(cluster, "/api/v1/nodes/n1", { spec: { unschedulable: true } });
  for (const { metadata, spec } of alive(cluster, "web")) {
    if (spec.nodeName !== "n1") continue;
    const { name } = metadata;
    const eviction = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace: "default" } };
    const answer = await cluster.request("POST", `${P}/${name}/eviction`, eviction);
    t.is(answer.code, 201, answer.text);
  }
  await rolledOut(cluster, "web");
  await cluster.until(() => cluster.list("pods").every(({ spec }) => spec.nodeName === "n2"));
  t.is(cluster.list("pods").length, 4);
});

test("finalizers hold a deleted object until they are gone; it can be read meanwhile", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 64, time: "virtual" });
  const held = pod("held");
  await cluster.apply({ ...held, metadata: { ...held.metadata, finalizers: ["example.com/hold"] } });
  await cluster.until(() => isReady(cluster.get("pods", "held")!));
  await cluster.delete("pods", "held");
  await cluster.advance(60_000);
  t.truthy(cluster.get("pods", "held")!.metadata.deletionTimestamp);
  t.is(
    cluster
      .node("n1")
      .agent.node.pods.list()
      .filter(({ stage }) => stage === "running").length,
    0,
  );
  await patch(cluster, `${P}/held`, { metadata: { finalizers: null } });
  await cluster.until(() => cluster.get("pods", "held") === undefined, { withinMs: 5_000 });
});

test("a namespace says which finalizers hold it up, and goes when they are gone", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 65, time: "virtual" });
  await cluster.apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: "shop" } });
  const held = configMap("held");
  await cluster.apply({ ...held, metadata: { name: "held", namespace: "shop", finalizers: ["example.com/hold"] } });
  await cluster.delete("namespaces", "shop");
  await cluster.advance(20_000);
  const said = condition(cluster.get("namespaces", "shop")!.status!.conditions, "NamespaceFinalizersRemaining")!;
  t.is(said.status, "True");
  t.regex(said.message, /example\.com\/hold in 1 resource instances/);
  await patch(cluster, "/api/v1/namespaces/shop/configmaps/held", { metadata: { finalizers: null } });
  await cluster.until(() => cluster.get("namespaces", "shop") === undefined, { withinMs: 30_000 });
});

test("nodeSelector, taints and tolerations decide where a pod may run", async (t) => {
  await using cluster = await createCluster({
    nodes: [{ labels: { disk: "slow" } }, { labels: { disk: "fast" } }],
    seed: 66,
    time: "virtual",
  });
  const taint = { key: "team", value: "a", effect: "NoSchedule" };
  await patch(cluster, "/api/v1/nodes/n2", { spec: { taints: [taint] } });
  const spec = { nodeSelector: { disk: "fast" } };
  await cluster.apply(pod("kept-out", { spec }));
  const tolerations = [{ key: "team", operator: "Equal", value: "a", effect: "NoSchedule" }];
  await cluster.apply(pod("let-in", { spec: { ...spec, tolerations } }));
  await cluster.until(() => isReady(cluster.get("pods", "let-in")!));
  t.is(cluster.get("pods", "let-in")!.spec.nodeName, "n2");
  const why = condition(cluster.get("pods", "kept-out")!.status!.conditions, "PodScheduled")!;
  t.regex(why.message, /^0\/2 nodes are available: /);
  t.regex(why.message, /1 node\(s\) didn't match Pod's node affinity\/selector/);
  t.regex(why.message, /1 node\(s\) had untolerated taint/);
  await patch(cluster, "/api/v1/nodes/n2", { spec: { taints: null } });
  await cluster.until(() => isReady(cluster.get("pods", "kept-out")!));
});

test("addresses and ports of Services stay unique over a restart of the master", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 67, time: "virtual" });
  const nodePort = (name: string) => service(name, { type: "NodePort" });
  await cluster.apply([nodePort("a"), nodePort("b")]);
  await cluster.restartMaster();
  await cluster.apply([nodePort("c"), nodePort("d")]);
  const services = ["a", "b", "c", "d"].map((name) => cluster.get("services", name)!);
  t.is(new Set(services.map(({ spec }) => spec.clusterIP)).size, 4);
  t.is(new Set(services.map(({ spec }) => spec.ports![0]!.nodePort)).size, 4);
  const taken = services[0]!.spec.clusterIP;
  const refused = await cluster.request(
    "POST",
    "/api/v1/namespaces/default/services",
    service("e", { clusterIP: taken }),
  );
  t.is(refused.code, 422);
  t.regex(refused.json().message!, /provided IP is already allocated/);
});

test("an idle cluster writes nothing but the nodes' own word every five minutes", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 68, time: "virtual" });
  await cluster.apply([service("web"), deployment("web", {}, { readinessProbe: true })]);
  await rolledOut(cluster, "web");
  await cluster.advance(60_000);
  const before = cluster.master.store.revision;
  await cluster.advance(20 * 60_000);
  const changed = (["pods", "deployments.apps", "services", "events", "endpoints"] as const).flatMap((kind) =>
    cluster.list(kind).filter(({ metadata }) => Number(metadata.resourceVersion) > before),
  );
  t.deepEqual(changed, []);
  t.true(cluster.master.store.revision - before <= 10);
});

test("an Event goes an hour after it was last seen", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 69, time: "virtual" });
  await cluster.apply(pod("web"));
  await cluster.until(() => isReady(cluster.get("pods", "web")!));
  const about = () => cluster.list("events").filter(({ involvedObject }) => involvedObject.name === "web").length;
  await cluster.advance(55 * 60_000);
  t.true(about() > 0);
  await cluster.advance(20 * 60_000);
  t.is(about(), 0);
});
