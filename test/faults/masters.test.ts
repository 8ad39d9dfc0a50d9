// Faults of masters and of what they tell each other: a leader that dies or is cut off under load,
// messages that are lost, doubled or out of order, disks that fail.
import test, { type ExecutionContext } from "ava";
import { createCluster, type Cluster } from "troupe/testing";
import { alive, deployment, isReady } from "../cluster/kit.ts";
import { configMap, configMapsPath, followersOf, leaderOf, Load, stateOf, writtenOn } from "../cluster/masters-kit.ts";
import { actorAt, forks } from "./kit.ts";

const fork = forks({ masters: 3, nodes: 0, seed: 10, keeper: true }, async (cluster) => {
  await cluster.advance(2_000);
});

const lone = forks({ nodes: 0, seed: 11, keeper: true }, async (cluster) => {
  await cluster.advance(2_000);
});

/** Never two that lead in one term; those that a cut has left behind lead in an older one. */
function oneLeaderATerm(t: ExecutionContext, cluster: Cluster): void {
  const terms = cluster.members.filter(({ isUp, isLeader }) => isUp && isLeader).map(({ master }) => master.raft.term);
  t.is(new Set(terms).size, terms.length);
}

/** All masters hold the same, and it is what clients were told. */
async function isOneHistory(t: ExecutionContext, cluster: Cluster, load: Load): Promise<void> {
  await cluster.advance(3_000);
  t.is(load.unanswered, 0);
  t.is(new Set(cluster.members.map(stateOf)).size, 1);
  const written = new Set(writtenOn(leaderOf(cluster)));
  t.deepEqual(
    load.acknowledged.filter((name) => !written.has(name)),
    [],
    "what was acknowledged is there",
  );
  t.true(written.size <= load.acknowledged.length + load.lost, "nothing happened that nobody asked for");
}

test("a leader that dies under load loses no write and does none twice; clients of the others see a pause", async (t) => {
  await using cluster = await fork(1);
  const killed = leaderOf(cluster);
  const others = followersOf(cluster);
  const load = new Load(cluster, 40, (client) => others[client % 2]?.name ?? "");
  await load.run(300);
  killed.kill();
  await load.run(800);
  await load.finish();
  t.deepEqual(load.refused, []);
  t.is(load.lost, 0);
  t.true(load.longestMs < 3_000, `${load.longestMs} ms`);
  await killed.start();
  await isOneHistory(t, cluster, load);
  t.is(writtenOn(killed).length, load.acknowledged.length);
});

test("whatever point of a write the leader dies at, its client at another master is answered once, with what holds", async (t) => {
  for (const [seed, killPoint] of (["K1", "K2", "K3", "K4"] as const).entries()) {
    await using cluster = await fork(20 + seed);
    const killed = leaderOf(cluster);
    const [follower] = followersOf(cluster);
    const where = { master: killed.name };
    const fault = cluster.fault({ kind: "crash", where, when: { killPoint, nth: 1 } });
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "load-" } };
    const write = cluster.open("POST", configMapsPath, body, { via: follower?.name ?? "" });
    await cluster.until(() => write.ended, { withinMs: 10_000, stepMs: 5 });
    t.is(fault.hits, 1, killPoint);
    t.is(write.status, 201, killPoint);
    await cluster.until(() => cluster.lives === 1);
    await cluster.advance(3_000);
    for (const member of cluster.members) t.is(writtenOn(member).length, 1, `${killPoint} ${member.name}`);
    t.is(new Set(cluster.members.map(stateOf)).size, 1);
  }
});

test("a leader that hears the others and is not heard steps down; it acknowledges nothing meanwhile", async (t) => {
  await using cluster = await fork(2);
  const old = leaderOf(cluster);
  const where = { path: `/peer/${old.name}/**` };
  const fault = cluster.fault({ seam: "net", kind: "drop", where, for: { ms: 6_000 } });
  const write = cluster.open("POST", configMapsPath, configMap("late"), { via: old.name });
  for (let step = 0; step < 40; step += 1) {
    await cluster.advance(100);
    oneLeaderATerm(t, cluster);
  }
  t.true(fault.hits > 0);
  t.false(write.ended && write.status === 201, "it cannot know whether the write holds");
  t.false(old.isLeader);
  t.not(leaderOf(cluster).name, old.name);
  await cluster.apply(configMap("meanwhile"));
  await cluster.until(() => write.ended, { withinMs: 20_000 });
  t.is(write.status, 201);
  await cluster.advance(2_000);
  t.is(new Set(cluster.members.map(stateOf)).size, 1);
});

test("a leader that is cut off leaves no effect of its term: what its controllers had decided is the next one's to decide", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 1, seed: 12 });
  await cluster.apply(deployment("web", { replicas: 0 }));
  await cluster.advance(1_000);
  const old = leaderOf(cluster);
  const cut = [`/peer/${old.name}/**`, `/peer/*/${old.name}/*`].map((path) =>
    cluster.fault({ seam: "net", kind: "drop", where: { path }, for: { ms: 10_000 } }),
  );
  const headers = { "content-type": "application/merge-patch+json" };
  const path = "/apis/apps/v1/namespaces/default/deployments/web";
  const patched = cluster.open("PATCH", path, { spec: { replicas: 2 } }, { headers, via: old.name });
  const { store } = old.master;
  // Its controllers decide on pods that nobody else ever hears of.
  await cluster.until(() => store.tip.list("pods").length === 2, { stepMs: 5, withinMs: 2_000 });
  t.is(store.committed.list("pods").length, 0);
  await cluster.advance(5_000);
  t.false(old.isLeader, "it has stepped down by itself");
  t.false(patched.ended);
  t.true(cut.every(({ hits }) => hits > 0));
  await cluster.until(() => patched.ended && alive(cluster, "web").filter(isReady).length === 2, { withinMs: 60_000 });
  t.is(patched.status, 200);
  await cluster.advance("10s");
  t.is(alive(cluster, "web").length, 2);
  t.is(new Set(cluster.members.map(stateOf)).size, 1);
});

test("messages between masters that are lost are missed by nobody", async (t) => {
  await using cluster = await fork(3);
  const fault = cluster.fault({
    seam: "net",
    kind: "drop",
    where: { path: "/peer/**" },
    when: { p: 0.2 },
    for: { ms: 3_000 },
  });
  const load = new Load(cluster, 6, (client) => `m${1 + (client % 3)}`);
  await load.run(2_000);
  oneLeaderATerm(t, cluster);
  await load.finish();
  t.true(fault.hits > 20);
  t.deepEqual(load.refused, []);
  t.true(load.acknowledged.length > 20);
  await isOneHistory(t, cluster, load);
  t.is(writtenOn(leaderOf(cluster)).length, load.acknowledged.length);
});

test("commands, answers and appends that come twice and overtake each other happen and count once", async (t) => {
  await using cluster = await fork(4);
  const where = { path: "/peer/**" };
  const twice = cluster.fault({ seam: "net", kind: "duplicate", where, when: { p: 0.5 } });
  const order = cluster.fault({ seam: "net", kind: "reorder", where, when: { p: 0.4 } });
  const others = followersOf(cluster);
  const load = new Load(cluster, 6, (client) => others[client % 2]?.name ?? "");
  await load.run(1_500);
  await load.finish();
  t.true(twice.hits > 50 && order.hits > 50);
  t.deepEqual(load.refused, []);
  await isOneHistory(t, cluster, load);
  t.is(writtenOn(leaderOf(cluster)).length, load.acknowledged.length);
});

test("a follower that hears late answers no read with what is old", async (t) => {
  await using cluster = await fork(5);
  const leader = leaderOf(cluster);
  const [lagging] = followersOf(cluster);
  const via = lagging?.name ?? "";
  const where = { path: `/peer/${leader.name}/${via}/*` };
  const fault = cluster.fault({ seam: "net", kind: "delay", where, args: { ms: 300 } });
  await cluster.advance(1_000);
  for (let round = 0; round < 5; round += 1) {
    const name = `round-${round}`;
    await cluster.request("POST", configMapsPath, configMap(name), { via: leader.name });
    t.is(lagging?.master.store.committed.get("configmaps", "default", name), undefined, "it lags");
    t.is((await cluster.request("GET", `${configMapsPath}/${name}`, undefined, { via })).code, 200);
  }
  t.true(fault.hits > 0);
});

test("a watch at a follower goes on over the leader's death: nothing is missing, doubled or out of order", async (t) => {
  await using cluster = await fork(6);
  const killed = leaderOf(cluster);
  const [follower] = followersOf(cluster);
  const via = follower?.name ?? "";
  const watch = cluster.open("GET", `${configMapsPath}?watch=true&resourceVersion=0`, undefined, { via });
  const fault = cluster.fault({ kind: "crash", where: { master: killed.name }, when: { killPoint: "K3", nth: 5 } });
  const load = new Load(cluster, 6, () => via);
  await load.run(2_500);
  await load.finish();
  await cluster.advance(1_000);
  t.is(fault.hits, 1);
  const seen = watch.events.filter(({ type, object }) => type === "ADDED" && object.metadata.name.startsWith("load-"));
  t.deepEqual(seen.map(({ object }) => object.metadata.name).toSorted(), load.acknowledged.toSorted());
  const revisions = watch.events.map(({ object }) => Number(object.metadata.resourceVersion));
  t.deepEqual(
    revisions,
    revisions.toSorted((a, b) => a - b),
  );
  watch.disconnect();
});

test("a watch that broke with its master goes on at the next revision: nothing is missing and nothing comes twice", async (t) => {
  await using cluster = await lone(7);
  const seen: string[] = [];
  let revision = String(cluster.revision);
  for (let life = 0; life < 3; life += 1) {
    const fault = cluster.fault({ kind: "crash", when: { killPoint: "K4", nth: 4 } });
    const query = `?watch=true&resourceVersion=${revision}`;
    const watch = cluster.open("GET", `${configMapsPath}${query}`);
    const name = (at: number): string => `life-${life}-${at}`;
    const writes = [0, 1, 2, 3, 4].map((at) => cluster.open("POST", configMapsPath, configMap(name(at))));
    await cluster.until(() => cluster.lives === life + 1 || writes.every(({ ended }) => ended));
    for (let at = 0; at < 5; at += 1) {
      if (cluster.get("ConfigMap", name(at)) === undefined) await cluster.apply(configMap(name(at)));
    }
    if (fault.hits === 0) fault.clear();
    await cluster.advance(500);
    for (const { object } of watch.events) {
      seen.push(object.metadata.name);
      revision = object.metadata.resourceVersion;
    }
  }
  t.true(cluster.lives >= 2, `${cluster.lives} deaths`);
  const rest = cluster.open("GET", `${configMapsPath}?watch=true&resourceVersion=${revision}`);
  await cluster.advance(500);
  seen.push(...rest.events.map(({ object }) => object.metadata.name));
  const all = cluster.list("ConfigMap", { namespace: "default" }).map(({ metadata }) => metadata.name);
  t.deepEqual(seen.toSorted(), all.filter((name) => name.startsWith("life-")).toSorted());
});

test("a disk that fails ends its master before anything is acknowledged on it; the next one answers", async (t) => {
  await using cluster = await fork(8);
  const failing = leaderOf(cluster);
  const [follower] = followersOf(cluster);
  cluster.failDisk("EIO");
  const write = cluster.open("POST", configMapsPath, configMap("one"), { via: follower?.name ?? "" });
  await cluster.until(() => write.ended, { withinMs: 10_000, stepMs: 10 });
  t.is(write.status, 201);
  await cluster.until(() => cluster.lives === 1);
  await cluster.advance(3_000);
  t.true(failing.isUp);
  t.is(new Set(cluster.members.map(stateOf)).size, 1);
  await using alone = await lone(9);
  alone.failDisk("EIO");
  const lost = alone.open("POST", configMapsPath, configMap("one"));
  await alone.until(() => alone.lives === 1 || lost.ended, { stepMs: 10 });
  t.true(lost.lost, "nobody was told that it holds");
  t.is(alone.lives, 1);
});

test("a disk that is full for a moment delays a write, and ends nobody", async (t) => {
  await using cluster = await lone(10);
  cluster.failDisk("ENOSPC");
  const write = cluster.open("POST", configMapsPath, configMap("one"));
  await cluster.until(() => write.ended, { withinMs: 60_000 });
  t.is(write.status, 201);
  t.is(cluster.lives, 0);
  await cluster.restartMaster();
  t.truthy(cluster.get("ConfigMap", "one"));
});

test("a leader whose scope keeps failing hands over to another master", async (t) => {
  await using cluster = await fork(11);
  const failing = leaderOf(cluster);
  const where = { path: "/leader/sweeps/sweep", master: failing.name };
  const fault = cluster.fault({ seam: "process", kind: "crash", where });
  await cluster.advance("40s");
  t.true(fault.hits >= 2);
  t.not(leaderOf(cluster).name, failing.name);
  t.is(cluster.lives, 0, "no process ended of it");
  t.is((await actorAt(cluster, "/leader"))?.status?.status, "live");
  t.is((await cluster.request("POST", configMapsPath, configMap("one"))).code, 201);
});
