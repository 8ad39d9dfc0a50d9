import test from "ava";
import { createCluster } from "../../src/testing/cluster.ts";
import { deployment } from "./kit.ts";
import { configMap, configMapsPath, followersOf, leaderOf, Load, stateOf, writtenOn } from "./masters-kit.ts";

test("three masters elect a leader, and each takes writes and answers with what was written through another", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 1, seed: 5 });
  t.is(cluster.members.filter(({ isLeader }) => isLeader).length, 1);
  for (const { name } of cluster.members) {
    const answer = await cluster.request("POST", configMapsPath, configMap(`by-${name}`), { via: name });
    t.is(answer.code, 201, answer.text);
    for (const other of cluster.members) {
      const read = await cluster.request("GET", `${configMapsPath}/by-${name}`, undefined, { via: other.name });
      t.is(read.code, 200, `${other.name} knows what ${name} was told`);
    }
  }
  const again = await cluster.request("POST", configMapsPath, configMap("by-m1"), {
    via: followersOf(cluster)[0]?.name ?? "",
  });
  t.is(again.code, 409);
  t.is(again.json().reason, "AlreadyExists");
  await cluster.settled();
  t.is(new Set(cluster.members.map(stateOf)).size, 1);
});

for (const seed of [1, 2, 3]) {
  test(`the leader is killed under load: clients of the others see a pause and no error, and no write happens twice or is lost (seed ${seed})`, async (t) => {
    await using cluster = await createCluster({ masters: 3, nodes: 0, seed });
    const killed = leaderOf(cluster);
    const others = followersOf(cluster);
    const load = new Load(cluster, 10, (client) => others[client % 2]?.name ?? "");
    await load.run(500);
    killed.kill();
    await load.run(4_000);
    await load.finish();
    t.deepEqual(load.refused, []);
    t.is(load.lost, 0);
    t.true(load.longestMs < 3_000, `the longest pause is ${load.longestMs} ms`);
    await killed.start();
    await cluster.advance(2_000);
    await cluster.settled();
    for (const member of cluster.members) {
      t.deepEqual([...writtenOn(member)].toSorted(), load.acknowledged.toSorted(), member.name);
    }
    t.is(new Set(cluster.members.map(stateOf)).size, 1);
  });
}

test("a leader that dies every few seconds loses nothing that it acknowledged", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 0, seed: 11 });
  const load = new Load(cluster, 12, (client) => `m${1 + (client % 3)}`);
  for (let round = 0; round < 8; round += 1) {
    await load.run(1_500);
    const killed = leaderOf(cluster);
    killed.kill();
    await load.run(1_500);
    await killed.start();
  }
  await load.run(3_000);
  await load.finish();
  await cluster.settled();
  t.deepEqual(load.refused, []);
  t.true(load.lost > 0, "connections to the killed masters broke");
  t.is(new Set(cluster.members.map(stateOf)).size, 1);
  const written = new Set(writtenOn(leaderOf(cluster)));
  t.deepEqual(
    load.acknowledged.filter((name) => !written.has(name)),
    [],
  );
  t.true(written.size <= load.acknowledged.length + load.lost, "nothing happened that nobody asked for");
});

test("a watch on a follower goes on over a failover: it misses nothing and repeats nothing", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 0, seed: 4 });
  const killed = leaderOf(cluster);
  const [follower] = followersOf(cluster);
  const via = follower?.name ?? "";
  const watch = cluster.open("GET", `${configMapsPath}?watch=true&resourceVersion=0`, undefined, { via });
  const load = new Load(cluster, 8, () => via);
  await load.run(400);
  killed.kill();
  await load.run(3_000);
  await load.finish();
  await cluster.settled();
  const seen = watch.events.map(({ object }) => object.metadata.name).filter((name) => name.startsWith("load-"));
  t.deepEqual(seen.toSorted(), load.acknowledged.toSorted());
  const revisions = watch.events.map(({ object }) => Number(object.metadata.resourceVersion));
  t.deepEqual(
    revisions,
    revisions.toSorted((a, b) => a - b),
  );
  t.false(watch.ended || watch.lost);
  watch.disconnect();
});

test("a leader that is cut off acknowledges nothing and steps down; its client's write happens once, behind the cut", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 0, seed: 6 });
  const old = leaderOf(cluster);
  old.cut();
  const write = cluster.open("POST", configMapsPath, configMap("late"), { via: old.name });
  const read = cluster.open("GET", `${configMapsPath}/late`, undefined, { via: old.name });
  await cluster.advance(3_000);
  t.false(write.ended, "it cannot know whether the write holds");
  t.false(read.ended, "it cannot know what holds");
  t.false(old.isLeader);
  const next = leaderOf(cluster);
  t.not(next.name, old.name);
  // What the old leader had in flight is gone; the new one's controllers act alone.
  await cluster.apply(configMap("meanwhile"));
  old.heal();
  await cluster.until(() => write.ended && read.ended);
  t.is(write.status, 201, write.text);
  await cluster.settled();
  t.is(new Set(cluster.members.map(stateOf)).size, 1);
  t.truthy(old.master.store.committed.get("configmaps", "default", "meanwhile"));
});

test("controllers of the new leader plan within a second of its election, and nodes link to it", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 2, seed: 8 });
  await cluster.apply(deployment("before", { replicas: 2 }));
  await cluster.until(() => cluster.get("Deployment", "before")?.status?.readyReplicas === 2);
  const [follower] = followersOf(cluster);
  leaderOf(cluster).kill();
  await cluster.until(() => cluster.leader !== undefined, { stepMs: 1 });
  const posted = cluster.open(
    "POST",
    "/apis/apps/v1/namespaces/default/deployments",
    deployment("behind", { replicas: 2 }),
    { via: follower?.name ?? "" },
  );
  await cluster.until(() => cluster.list("ReplicaSet").length === 2, { withinMs: 1_000, stepMs: 1 });
  await cluster.until(() => posted.ended);
  t.is(posted.status, 201);
  await cluster.until(() => cluster.get("Deployment", "behind")?.status?.readyReplicas === 2, { withinMs: 20_000 });
  t.is(cluster.get("Deployment", "before")?.status?.readyReplicas, 2);
});

test("a follower that lags never answers a linearizable read with an old state", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 0, seed: 9 });
  const leader = leaderOf(cluster);
  const [lagging] = followersOf(cluster);
  const via = lagging?.name ?? "";
  cluster.peers.delaysMs.set(`${leader.id}>${lagging?.id ?? 0}`, 300);
  await cluster.advance(1_000);
  for (let round = 0; round < 10; round += 1) {
    const name = `round-${round}`;
    await cluster.request("POST", configMapsPath, configMap(name), { via: leader.name });
    t.is(lagging?.master.store.committed.get("configmaps", "default", name), undefined, "it lags");
    const cached = await cluster.request("GET", `${configMapsPath}/${name}?resourceVersion=0`, undefined, { via });
    t.is(cached.code, 404, "resourceVersion=0 is what is here");
    const read = await cluster.request("GET", `${configMapsPath}/${name}`, undefined, { via });
    t.is(read.code, 200);
  }
});

test("a follower that was down for long is brought up with a snapshot, and its watches and writes go on", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 0, seed: 10 });
  const [sleeper] = followersOf(cluster);
  sleeper?.kill();
  for (let at = 0; at < 30; at += 1) await cluster.apply(configMap(`while-down-${at}`));
  const { master } = leaderOf(cluster);
  const taking = master.raft.takeSnapshot();
  await cluster.run(taking);
  await sleeper?.start();
  await cluster.advance(2_000);
  const via = sleeper?.name ?? "";
  t.is((await cluster.request("POST", configMapsPath, configMap("up-again"), { via })).code, 201);
  await cluster.settled();
  t.is(new Set(cluster.members.map(stateOf)).size, 1);
});

test("commands and answers that arrive twice, the second time late, happen and count once", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 0, seed: 12 });
  cluster.peers.doubledWithinMs = 200;
  const killed = leaderOf(cluster);
  const others = followersOf(cluster);
  const load = new Load(cluster, 6, (client) => others[client % 2]?.name ?? "");
  await load.run(1_000);
  killed.kill();
  await load.run(1_000);
  await load.finish();
  await cluster.advance(1_000);
  t.deepEqual(load.refused, []);
  t.true(load.acknowledged.length > 50);
  t.deepEqual([...writtenOn(leaderOf(cluster))].toSorted(), load.acknowledged.toSorted());
});

test("the death of a leader holds up the clients of the others for some tens of milliseconds", async (t) => {
  for (const seed of [1, 2, 3, 4]) {
    await using cluster = await createCluster({ masters: 3, nodes: 0, seed });
    await cluster.advance(3_000);
    const others = followersOf(cluster);
    leaderOf(cluster).kill();
    const killedAtMs = cluster.env.clock.mono();
    const writes = others.map(({ name }) => {
      const body = configMap(`behind-${name}`);
      return cluster.open("POST", configMapsPath, body, { via: name });
    });
    await cluster.until(() => writes.every(({ ended }) => ended), { stepMs: 1 });
    const gapMs = cluster.env.clock.mono() - killedAtMs;
    t.true(gapMs <= 60, `seed ${seed}: ${gapMs} virtual ms`);
    t.deepEqual(
      writes.map(({ status }) => status),
      [201, 201],
    );
  }
});

test("logs are read through any master; when nodes were heard is known to each", async (t) => {
  await using cluster = await createCluster({ masters: 3, nodes: 1, seed: 21, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 1 }));
  await cluster.advance(8_000);
  const { name } = cluster.list("pods")[0]!.metadata;
  const missing = await cluster.request("GET", "/api/v1/namespaces/default/pods/none/log", undefined, {
    via: followersOf(cluster)[0]?.name ?? "",
  });
  t.is(missing.code, 404);
  for (const member of cluster.members) {
    const log = await cluster.request("GET", `/api/v1/namespaces/default/pods/${name}/log`, undefined, {
      via: member.name,
    });
    t.is(log.code, 200, `${member.name}: ${log.text}`);
    t.regex(log.text, /simulated container app/);
    const lease = await cluster.request(
      "GET",
      "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/n1",
      undefined,
      { via: member.name },
    );
    t.regex(String((lease.json() as { spec?: { renewTime?: string } }).spec?.renewTime), /^\d{4}-/, member.name);
  }
});
