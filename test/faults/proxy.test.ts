// Faults of the node's proxy: the proxy of production, over a kernel that is a record.
import test from "ava";
import type { Cluster } from "troupe/testing";
import { alive, deployment, isReady, patch, rolledOut, service } from "../cluster/kit.ts";
import { actorAt, forks } from "./kit.ts";

const at = (cluster: Cluster): number => cluster.env.clock.mono();
const scale = "/apis/apps/v1/namespaces/default/deployments/web";

const asleep = forks({ nodes: [{ proxy: true }, { proxy: true }], seed: 6 }, async (cluster) => {
  await cluster.apply([service("web"), deployment("web", { replicas: 2 })]);
  await rolledOut(cluster, "web");
  await cluster.advance(5_000);
});

/** A kernel holds nothing before its proxy has begun. */
async function fork(seed: number): Promise<Cluster> {
  const cluster = await asleep(seed);
  await cluster.advance("3s");
  return cluster;
}

const addresses = (cluster: Cluster): readonly string[] =>
  alive(cluster, "web")
    .filter(isReady)
    .flatMap(({ status }) => status?.podIP ?? [])
    .toSorted();

/** New connections of every node are led to the ready pods, and nowhere else. */
const isTrue = (cluster: Cluster): boolean =>
  cluster.nodes.every(({ kernel }) => addresses(cluster).every((ip) => kernel.targets.includes(ip))) &&
  cluster.list("Pod").length === addresses(cluster).length &&
  cluster.nodes.every(
    ({ kernel }) => !kernel.targets.some((ip) => ip.startsWith("10.42.") && !addresses(cluster).includes(ip)),
  );

test("rules that the kernel refuses leave the last good ones; they are tried again after pauses that grow", async (t) => {
  await using cluster = await fork(1);
  const { kernel } = cluster.node("n1");
  const before = kernel.targets;
  const where = { path: "/node/n1/proxy" };
  const fault = cluster.fault({ seam: "nft", kind: "error", where, for: { ms: 15_000 } });
  await patch(cluster, scale, { spec: { replicas: 4 } });
  await cluster.advance("14s");
  t.deepEqual(kernel.targets, before);
  t.is(addresses(cluster).length, 4);
  // News try at once, and what failed after 0.2, 0.4, 0.8 … seconds.
  t.true(fault.hits >= 4 && fault.hits <= 16, `${fault.hits} times`);
  t.is((await actorAt(cluster, "/node/n1/proxy"))?.status?.restarts, 0);
  await cluster.until(() => isTrue(cluster), { withinMs: 15_000 });
});

test("a proxy that crashes is made anew and loads the whole table; the rules stand meanwhile", async (t) => {
  await using cluster = await fork(2);
  const { kernel } = cluster.node("n1");
  const [before, loads] = [kernel.targets, kernel.loads];
  const fault = cluster.fault({ seam: "nft", kind: "crash", where: { path: "/node/n1/proxy" }, for: { count: 2 } });
  await patch(cluster, scale, { spec: { replicas: 4 } });
  await cluster.until(
    () => {
      if (fault.hits < 2) t.deepEqual(kernel.targets, before);
      return fault.hits === 2;
    },
    { stepMs: 20 },
  );
  await cluster.until(() => addresses(cluster).length === 4 && isTrue(cluster), { withinMs: 20_000 });
  t.is(kernel.loads, loads + 1);
  await cluster.advance("15s");
  t.is((await actorAt(cluster, "/node/n1/proxy"))?.status?.restarts, 2);
  t.is(cluster.node("n1").restarts, 0);
});

test("a pod that goes is stopped when every proxy has taken it out, or after two seconds where one cannot", async (t) => {
  await using cluster = await fork(3);
  const running = (uid: string): boolean =>
    cluster.nodes.some(({ runtime }) =>
      runtime.records().containers.some(({ status, subject }) => subject.uid === uid && status.state === "running"),
    );
  const [first, second] = alive(cluster, "web");
  const late = cluster.fault({
    seam: "link",
    kind: "delay",
    where: { path: "/link/*/up/heartbeat" },
    args: { ms: 300 },
  });
  await cluster.delete("Pod", first!.metadata.name);
  await cluster.until(
    () => {
      const led = cluster.nodes.some(({ kernel }) => kernel.targets.includes(first!.status!.podIP!));
      t.false(led && !running(first!.metadata.uid), "it is led to and does not run");
      return cluster.get("Pod", first!.metadata.name) === undefined;
    },
    { stepMs: 20, withinMs: 30_000 },
  );
  t.true(late.hits > 0);
  late.clear();
  await cluster.advance("5s");
  const stuck = cluster.fault({ seam: "nft", kind: "error", where: { path: "/node/n1/proxy" }, for: { ms: 20_000 } });
  const began = at(cluster);
  await cluster.delete("Pod", second!.metadata.name);
  await cluster.until(() => !running(second!.metadata.uid), { stepMs: 50, withinMs: 30_000 });
  t.true(stuck.hits > 0);
  const tookMs = at(cluster) - began;
  t.true(tookMs >= 1_500 && tookMs <= 4_000, `${tookMs} ms`);
});

test("rules that someone flushes are back within half a minute", async (t) => {
  await using cluster = await fork(4);
  const { kernel } = cluster.node("n2");
  const { loads } = kernel;
  kernel.flush();
  t.deepEqual(kernel.targets, []);
  await cluster.until(() => isTrue(cluster), { withinMs: 31_000 });
  t.is(kernel.loads, loads + 1);
});

test("a proxy whose agent died learns of what changed meanwhile, and leads nobody to what is gone", async (t) => {
  await using cluster = await fork(5);
  const before = addresses(cluster);
  const { kernel } = cluster.node("n2");
  const led = (): readonly string[] => kernel.targets.filter((ip) => before.includes(ip));
  cluster.node("n2").kill();
  await cluster.delete("Service", "web");
  await cluster.advance("5s");
  t.deepEqual(led(), before, "nobody has told it");
  const where = { path: "/link/n2/down/rows" };
  const fault = cluster.fault({ seam: "link", kind: "delay", where, args: { ms: 500 } });
  await cluster.node("n2").start();
  await cluster.until(() => led().length === 0, { withinMs: 10_000 });
  t.true(fault.hits > 0);
});
