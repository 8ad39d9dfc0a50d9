// Faults of agents, their runtime and their links, by the record that users write: containers are
// the truth, an agent may die at any call, and what is late is fenced.
import test, { type ExecutionContext } from "ava";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import { alive, deployment, isReady, patch, pod, rolledOut } from "./kit.ts";

/** Running containers of a node by pod and container: never two of one. */
async function noTwins(t: ExecutionContext, cluster: Cluster, what: string): Promise<void> {
  for (const { name, runtime } of cluster.nodes) {
    const running = (await runtime.listContainers({ state: "running" })).map(
      ({ labels, metadata }) => `${labels["io.kubernetes.pod.uid"]}/${metadata.name}`,
    );
    t.is(new Set(running).size, running.length, `${what}: twins on ${name}`);
  }
}

/** What runs belongs to pods that there are. */
async function noLeak(t: ExecutionContext, cluster: Cluster, what: string): Promise<void> {
  const uids = new Set(cluster.list("pods").map(({ metadata }) => metadata.uid));
  for (const { name, runtime } of cluster.nodes) {
    for (const { labels } of await runtime.listPodSandboxes()) {
      t.true(uids.has(labels["io.kubernetes.pod.uid"]!), `${what}: a sandbox is left on ${name}`);
    }
  }
}

const calls = [
  "runPodSandbox",
  "createContainer",
  "startContainer",
  "containerStatus",
  "listContainers",
  "listPodSandboxes",
  "stopContainer",
  "stopPodSandbox",
  "removePodSandbox",
] as const;

for (const call of calls) {
  test(`an agent that dies at ${call}, before it and behind it, goes on from what runs`, async (t) => {
    await using cluster = await createCluster({ nodes: 1, seed: 200, time: "virtual" });
    await cluster.advance(2_000);
    const fault = cluster.fault({
      seam: "cri",
      kind: "crash",
      where: { path: `/node/n1/cri/${call}` },
      when: { nth: 2 },
      for: { count: 2 },
    });
    const looking = async (condition: () => boolean): Promise<void> => {
      for (let step = 0; step < 1_200 && !condition(); step += 1) {
        await cluster.advance(100);
        await noTwins(t, cluster, call);
      }
      t.true(condition(), `${call}: ${String(condition)}`);
    };
    await cluster.apply(deployment("web", { replicas: 3 }));
    await looking(() => alive(cluster, "web").filter(isReady).length === 3);
    const first = alive(cluster, "web")[0]!.metadata;
    await cluster.delete("pods", first.name);
    await looking(
      () => cluster.get("pods", first.name) === undefined && alive(cluster, "web").filter(isReady).length === 3,
    );
    await patch(cluster, "/apis/apps/v1/namespaces/default/deployments/web", { spec: { replicas: 1 } });
    await looking(() => cluster.list("pods").length === 1 && alive(cluster, "web").filter(isReady).length === 1);
    await cluster.advance(70_000);
    await noLeak(t, cluster, call);
    t.is(fault.hits, cluster.node("n1").restarts, "each crash is one restart of the agent");
    t.true(fault.hits >= 1, `${call} is called (${fault.seen})`);
    t.is(alive(cluster, "web")[0]!.status!.containerStatuses![0]!.restartCount, 0, "the container was adopted");
  });
}

test("an agent that keeps dying while a rollout goes through loses no pod and leaves none over", async (t) => {
  for (const seed of [1, 2, 3]) {
    await using cluster = await createCluster({ nodes: 2, seed, time: "virtual" });
    await cluster.apply(deployment("web", { replicas: 4 }, { readinessProbe: true }));
    await rolledOut(cluster, "web");
    const fault = cluster.fault({
      seam: "cri",
      kind: "crash",
      where: { node: "*" },
      when: { p: 0.02 },
      for: { ms: 30_000, count: 20 },
    });
    await patch(cluster, "/apis/apps/v1/namespaces/default/deployments/web", {
      spec: { template: { metadata: { labels: { app: "web", round: "2" } } } },
    });
    for (let step = 0; step < 100; step += 1) {
      await cluster.advance(300);
      await noTwins(t, cluster, `${seed}`);
    }
    await rolledOut(cluster, "web");
    await cluster.advance(70_000);
    t.true(fault.hits > 0, `${seed}`);
    t.is(alive(cluster, "web").filter(isReady).length, 4);
    await noLeak(t, cluster, `${seed}`);
  }
});

test("a runtime that does not answer for one pod keeps no other waiting, and is asked again", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 201, time: "virtual" });
  await cluster.advance(2_000);
  const hung = cluster.fault({
    seam: "cri",
    kind: "hang",
    where: { path: "/node/n1/cri/startContainer" },
    when: { nth: 1 },
  });
  await cluster.apply([pod("first"), pod("second"), pod("third")]);
  const ready = (): number => cluster.list("pods").filter(isReady).length;
  await cluster.until(() => ready() === 2, { withinMs: 10_000 });
  t.is(hung.hits, 1);
  await cluster.advance(30_000);
  t.is(ready(), 2, "it still hangs");
  await cluster.until(() => ready() === 3, { withinMs: 300_000 });
  await noTwins(t, cluster, "hang");
});

test("calls that fail, and calls that happen without an answer, make no second container", async (t) => {
  for (const kind of ["error", "drop"] as const) {
    await using cluster = await createCluster({ nodes: 1, seed: 202, time: "virtual" });
    await cluster.advance(2_000);
    const fault = cluster.fault({ seam: "cri", kind, where: { node: "n1" }, when: { p: 0.2 }, for: { ms: 20_000 } });
    await cluster.apply(deployment("web", { replicas: 3 }));
    for (let step = 0; step < 100; step += 1) {
      await cluster.advance(300);
      await noTwins(t, cluster, kind);
    }
    await rolledOut(cluster, "web", 600_000);
    t.true(fault.hits > 0);
    await patch(cluster, "/apis/apps/v1/namespaces/default/deployments/web", { spec: { replicas: 0 } });
    await cluster.until(() => cluster.list("pods").length === 0);
    await cluster.advance(70_000);
    await noLeak(t, cluster, kind);
  }
});

test("an agent that stood still for six minutes wakes to find its pods replaced, ends them, and spoils nothing", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 203, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 4 }));
  await rolledOut(cluster, "web");
  const stopped = alive(cluster, "web").filter(({ spec }) => spec.nodeName === "n1");
  t.true(stopped.length > 0);
  cluster.node("n1").pause();
  await cluster.advance(360_000);
  await cluster.until(() => alive(cluster, "web").filter(isReady).length === 4, { withinMs: 120_000 });
  t.true(alive(cluster, "web").every(({ spec }) => spec.nodeName === "n2"));
  const uids = alive(cluster, "web").map(({ metadata }) => metadata.uid);
  const containers = await cluster.node("n1").runtime.listContainers({ state: "running" });
  t.is(containers.length, stopped.length, "they ran on meanwhile");
  cluster.node("n1").resume();
  await cluster.until(() => stopped.every(({ metadata }) => cluster.get("pods", metadata.name) === undefined));
  await cluster.advance(70_000);
  t.deepEqual(
    alive(cluster, "web").map(({ metadata }) => metadata.uid),
    uids,
  );
  t.true(alive(cluster, "web").every(isReady));
  t.is((await cluster.node("n1").runtime.listContainers({ state: "running" })).length, 0);
  await noLeak(t, cluster, "pause");
});

test("a link that is open at one end only is given up, and its node goes on before it is thought lost", async (t) => {
  for (const path of ["/link/n1/up/heartbeat", "/link/n1/down/rows"]) {
    await using cluster = await createCluster({ nodes: 1, seed: 204, time: "virtual" });
    await cluster.advance(5_000);
    const fault = cluster.fault({ seam: "link", kind: "hang", where: { path }, when: { nth: 1 } });
    await cluster.apply(pod("late"));
    await cluster.until(() => fault.hits === 1, { withinMs: 30_000 });
    await cluster.until(() => isReady(cluster.get("pods", "late")!), { withinMs: 15_000 });
    await cluster.advance(60_000);
    const ready = cluster.get("nodes", "n1")!.status!.conditions!.find(({ type }) => type === "Ready")!;
    t.is(ready.status, "True");
    t.is(cluster.list("events").filter(({ reason }) => reason === "NodeNotReady").length, 0);
  }
});

test("reports that come twice or late, and links that break under them, leave the newest status", async (t) => {
  for (const kind of ["duplicate", "crash"] as const) {
    await using cluster = await createCluster({ nodes: 1, seed: 205, time: "virtual" });
    await cluster.apply(pod("one", { readinessProbe: true }));
    await cluster.until(() => isReady(cluster.get("pods", "one")!));
    const fault = cluster.fault({
      seam: "link",
      kind,
      where: { path: "/link/n1/up/report" },
      when: { p: 0.5 },
      for: { ms: 40_000 },
    });
    const { runtime } = cluster.node("n1");
    for (let round = 1; round <= 3; round += 1) {
      const [running] = await runtime.listContainers({ state: "running" });
      runtime.exit(running!.id, 1);
      await cluster.until(
        () => {
          const status = cluster.get("pods", "one")!.status!.containerStatuses![0]!;
          return status.restartCount === round && isReady(cluster.get("pods", "one")!);
        },
        { withinMs: 200_000 },
      );
    }
    t.true(fault.hits > 0, kind);
    await cluster.advance(60_000);
    t.is(cluster.get("pods", "one")!.status!.containerStatuses![0]!.restartCount, 3);
  }
});
