import test from "ava";
import { createCluster, type Cluster } from "../../src/testing/main.ts";
import { alive, configMap, deployment, rolledOut, setImage } from "./kit.ts";

/** A cluster as data: forks, snapshots, and what becomes of both. */

async function shop(seed: number): Promise<Cluster> {
  const cluster = await createCluster({ nodes: 3, seed });
  await cluster.apply(deployment("web", { replicas: 4 }));
  await cluster.apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "s" }, stringData: { word: "secret" } });
  await rolledOut(cluster, "web");
  await cluster.settled();
  return cluster;
}

/** What of the pods a fork must not touch. */
const running = (cluster: Cluster): readonly string[] =>
  cluster
    .list("Pod")
    .map(
      ({ metadata, status }) =>
        `${metadata.name} ${metadata.uid} ${status?.podIP ?? ""} ${status?.containerStatuses?.[0]?.containerID ?? ""} ` +
        `${status?.containerStatuses?.[0]?.restartCount ?? 0}`,
    );

test("a fork stands where its parent stands, and its containers go on unharmed", async (t) => {
  await using parent = await shop(11);
  await using fork = await parent.fork();
  t.is(fork.digest, parent.digest);
  t.deepEqual(running(fork), running(parent));
  const before = running(parent);
  await fork.advance("30m");
  t.deepEqual(running(fork), before);
  t.is(fork.get("Secret", "s")?.data?.["word"], "c2VjcmV0");
  t.true(fork.list("Node").every(({ spec }) => (spec.taints ?? []).length === 0));
});

test("parent and fork go their own ways", async (t) => {
  await using parent = await shop(12);
  await using fork = await parent.fork();
  await setImage(fork, "web", "web:2");
  await rolledOut(fork, "web");
  fork.node("n1").kill();
  await parent.apply(configMap("parents"));
  await parent.delete("Deployment", "web");
  await parent.settled();
  await fork.advance("10m");
  t.is(fork.get("ConfigMap", "parents"), undefined);
  t.is(fork.get("Deployment", "web")?.status?.readyReplicas, 4);
  t.is(alive(fork, "web").filter(({ spec }) => spec.nodeName === "n1").length, 0);
  t.is(parent.list("Pod").length, 0);
});

test("a fork's master that dies comes back with what it began on and what it wrote since", async (t) => {
  await using parent = await shop(13);
  await using fork = await parent.fork();
  await fork.apply(configMap("since"));
  fork.crashMaster();
  await fork.startMaster();
  await fork.settled();
  t.truthy(fork.get("ConfigMap", "since"));
  t.is(fork.get("Deployment", "web")?.status?.readyReplicas, 4);
  await fork.run(fork.master.raft.takeSnapshot());
  await fork.restartMaster();
  t.truthy(fork.get("ConfigMap", "since"));
  t.is(fork.list("Pod").length, 4);
});

test("the same fork and seed give the same branch, another seed another; nothing is drawn twice", async (t) => {
  await using parent = await shop(14);
  const branch = async (seed?: number): Promise<{ digest: string; uids: readonly string[] }> => {
    await using fork = await parent.fork(seed === undefined ? {} : { seed });
    await setImage(fork, "web", "web:2");
    await rolledOut(fork, "web");
    await fork.settled();
    return { digest: fork.digest, uids: fork.list("Pod").map(({ metadata }) => metadata.uid) };
  };
  const [first, second, other] = [await branch(), await branch(), await branch(5)];
  t.is(first.digest, second.digest);
  t.not(first.digest, other.digest);
  const known = new Set(parent.list("Pod").map(({ metadata }) => metadata.uid));
  t.false(first.uids.some((uid) => known.has(uid)));
});

test("only what is settled is copied", async (t) => {
  await using parent = await shop(15);
  parent.open("POST", "/api/v1/namespaces/default/configmaps", configMap("a"));
  await t.throwsAsync(parent.fork(), { message: /await cluster.settled/ });
  await parent.settled();
  await using fork = await parent.fork();
  t.is(fork.revision, parent.revision);
});

test("a snapshot is data, and a cluster begins on it as on a fork", async (t) => {
  await using parent = await shop(16);
  await using restored = await createCluster({ from: structuredClone(await parent.snapshot()) });
  t.is(restored.digest, parent.digest);
  const before = running(parent);
  await restored.advance("10m");
  t.deepEqual(running(restored), before);
  await using grandchild = await restored.fork();
  await grandchild.delete("Deployment", "web");
  await grandchild.settled();
  t.is(grandchild.list("Pod").length, 0);
  t.is(restored.list("Pod").length, 4);
});

test("what a script has begun ends in the fork at the same moment", async (t) => {
  await using parent = await createCluster({ script: () => ({ exit: { afterMs: 600_000, exitCode: 0 } }) });
  const spec = { restartPolicy: "Never", containers: [{ name: "job", image: "job:1" }] };
  await parent.apply({ apiVersion: "v1", kind: "Pod", metadata: { name: "job" }, spec });
  await parent.advance("5m");
  await parent.settled();
  await using fork = await parent.fork();
  await parent.advance("6m");
  await fork.advance("6m");
  const finished = (cluster: Cluster) =>
    cluster.get("Pod", "job")?.status?.containerStatuses?.[0]?.state?.terminated?.finishedAt;
  t.truthy(finished(fork));
  t.is(finished(fork), finished(parent));
});

test("a cluster of three masters is forked as well, and loses one of them", async (t) => {
  await using parent = await createCluster({ masters: 3, nodes: 1, seed: 17 });
  await parent.apply(deployment("web", { replicas: 2 }));
  await rolledOut(parent, "web");
  await parent.settled();
  await using fork = await parent.fork();
  await fork.advance(1);
  fork.leader?.kill();
  await fork.until(() => fork.leader !== undefined);
  await setImage(fork, "web", "web:2");
  await rolledOut(fork, "web");
  t.is(parent.get("Deployment", "web")?.metadata.generation, 1);
});

test("what is opened at a fork before time passes in it is answered once it does", async (t) => {
  await using parent = await createCluster({ nodes: 0, seed: 17 });
  await parent.settled();
  await using fork = await parent.fork();
  const exchange = fork.open("GET", "/api/v1/namespaces/default");
  t.false(exchange.lost);
  await fork.until(() => exchange.ended);
  t.is(exchange.status, 200);
});
