// Faults at the named seams of the control plane, by the record that users write: each is one row of
// the catalogue of what must hold, in virtual time.
import test, { type ExecutionContext } from "ava";
import type { KillPoint } from "../../src/env/fault-table.ts";
import type { Pod } from "../../src/kinds/generated/types.ts";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import type { SimExchange } from "../../src/testing/exchange.ts";
import { alive, configMap, deployment, isReady, pod, rolledOut, service } from "./kit.ts";

const seeds = [1, 2, 3];
const maps = "/api/v1/namespaces/default/configmaps";

/** Lets time pass until the answer is there, or its connection is not. */
const over = (cluster: Cluster, exchange: SimExchange): Promise<void> =>
  cluster.until(() => exchange.ended || exchange.lost, { stepMs: 1 });

/** What must hold of every settled cluster: owners exist, addresses and names are one's own, endpoints are the ready pods. */
function whole(t: ExecutionContext, cluster: Cluster, what: string): void {
  const pods = cluster.list("pods");
  const owners = new Set([...cluster.list("replicasets.apps"), ...pods].map(({ metadata }) => metadata.uid));
  for (const { metadata } of pods) {
    for (const owner of metadata.ownerReferences ?? []) t.true(owners.has(owner.uid), `${what}: ${metadata.name}`);
  }
  const addresses = pods.flatMap(({ status }) => status?.podIP ?? []);
  t.is(new Set(addresses).size, addresses.length, `${what}: one address a pod`);
  for (const { metadata } of cluster.list("services", { namespace: "default" })) {
    if (metadata.name === "kubernetes") continue;
    t.deepEqual(endpointsOf(cluster, metadata.name), readyAddresses(cluster, metadata.name), `${what}: endpoints`);
  }
}

function endpointsOf(cluster: Cluster, name: string): readonly string[] {
  return cluster
    .list("endpointslices.discovery.k8s.io", { namespace: "default" })
    .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name)
    .flatMap(({ endpoints }) => endpoints ?? [])
    .filter(({ conditions }) => conditions?.ready !== false)
    .flatMap(({ addresses }) => addresses)
    .toSorted();
}

function readyAddresses(cluster: Cluster, app: string): readonly string[] {
  return cluster
    .list("pods")
    .filter((each) => each.metadata.labels?.["app"] === app && isReady(each))
    .flatMap(({ status }) => status?.podIP ?? [])
    .toSorted();
}

for (const killPoint of ["K1", "K2", "K3", "K4"] as const satisfies readonly KillPoint[]) {
  test(`${killPoint}: a write whose master dies there is there once or not at all, and its retry makes one of it`, async (t) => {
    for (const seed of seeds) {
      await using cluster = await createCluster({ nodes: 0, seed, time: "virtual", keeper: true });
      await cluster.advance(5_000);
      const fault = cluster.fault({ kind: "crash", when: { killPoint, nth: 1 } });
      const exchange = cluster.open("POST", maps, configMap("one", { at: "first" }));
      await over(cluster, exchange);
      t.true(exchange.lost, `${killPoint} ${seed}: nobody was told`);
      t.is(fault.hits, 1);
      await cluster.until(() => cluster.lives === 1);
      const found = cluster.get("configmaps", "one");
      // Before the log has it, it is lost; once it is durable or committed it must not be.
      if (killPoint === "K1") t.is(found, undefined, `${seed}`);
      else t.is(found?.data?.["at"], "first", `${killPoint} ${seed}`);
      const again = await cluster.request("POST", maps, configMap("one", { at: "second" }));
      t.is(again.code, killPoint === "K1" ? 201 : 409);
      t.is(cluster.get("configmaps", "one")!.data!["at"], killPoint === "K1" ? "second" : "first");
    }
  });
}

test("a power loss at any moment of a write leaves it whole or leaves nothing, never half of a plan", async (t) => {
  let kept = 0;
  for (let seed = 1; seed <= 20; seed += 1) {
    await using cluster = await createCluster({ nodes: 0, seed, time: "virtual", keeper: true });
    await cluster.advance(5_000);
    const exchange = cluster.open("POST", maps, configMap("one", { size: "x".repeat(5_000) }));
    await cluster.advance(seed % 8);
    const answered = exchange.ended;
    await cluster.restartMaster();
    const found = cluster.get("configmaps", "one");
    if (answered) t.truthy(found, `${seed}: what was acknowledged stays`);
    if (found !== undefined) {
      kept += 1;
      t.is(found.data!["size"]!.length, 5_000);
    }
  }
  t.true(kept > 0 && kept < 20, `${kept} of 20 were kept: both ends were tried`);
});

test("controllers and scheduler go on where a dead master left them, whichever entry it died at", async (t) => {
  let died = 0;
  for (const killPoint of ["K1", "K2", "K3", "K4"] as const) {
    for (const nth of [2, 5, 9, 14]) {
      const seed = 100 + nth;
      await using cluster = await createCluster({ nodes: 2, seed, time: "virtual", keeper: true });
      await cluster.apply(service("web"));
      await cluster.advance(5_000);
      const fault = cluster.fault({ kind: "crash", when: { killPoint, nth } });
      const watch = new Set<string>();
      const exchange = cluster.open(
        "POST",
        "/apis/apps/v1/namespaces/default/deployments",
        deployment("web", { replicas: 4 }),
      );
      await cluster.until(() => {
        for (const { metadata } of cluster.list("pods")) watch.add(metadata.uid);
        // Entries that come together are committed together: there may be fewer of them than that.
        return fault.hits === 1 || cluster.list("pods").filter(isReady).length === 4;
      });
      died += fault.hits;
      await cluster.until(() => cluster.lives === fault.hits);
      if (exchange.lost && cluster.get("deployments.apps", "web") === undefined) {
        await cluster.apply(deployment("web", { replicas: 4 }));
      }
      await rolledOut(cluster, "web");
      for (const { metadata } of cluster.list("pods")) watch.add(metadata.uid);
      t.is(watch.size, 4, `${killPoint} ${nth}: no second child was ever made`);
      await cluster.advance(5_000);
      whole(t, cluster, `${killPoint} ${nth}`);
    }
  }
  t.true(died >= 12, `${died} of 16`);
});

test("a command that arrives twice is one command", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 11, time: "virtual" });
  await cluster.advance(5_000);
  const before = cluster.master.store.revision;
  const fault = cluster.fault({ seam: "mailbox", kind: "duplicate", where: { path: "admin" } });
  const codes = [];
  // Done twice it would be two objects: their names are made up.
  const made = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "made-" } };
  for (let at = 0; at < 3; at += 1) codes.push((await cluster.request("POST", maps, made)).code);
  t.deepEqual(codes, [201, 201, 201]);
  t.is(fault.hits, 3);
  t.is(cluster.master.store.revision, before + 3);
  t.is(
    cluster.list("configmaps", { namespace: "default" }).filter(({ metadata }) => metadata.name.startsWith("made-"))
      .length,
    3,
  );
});

test("of two updates from one revision one is refused and none is lost, in whichever order they arrive", async (t) => {
  for (const seed of seeds) {
    await using cluster = await createCluster({ nodes: 0, seed, time: "virtual" });
    await cluster.apply(configMap("shared", { a: "0", b: "0" }));
    cluster.fault({ seam: "mailbox", kind: "reorder", where: { path: "configmaps/default/shared" }, when: { p: 0.5 } });
    for (let round = 1; round <= 5; round += 1) {
      const read = cluster.get("configmaps", "shared")!;
      const put = (key: "a" | "b") =>
        cluster.open("PUT", `${maps}/shared`, { ...read, data: { ...read.data, [key]: String(round) } });
      const both = [put("a"), put("b")] as const;
      await over(cluster, both[0]);
      await over(cluster, both[1]);
      t.deepEqual(
        both.map(({ status }) => status).toSorted((a, b) => a - b),
        [200, 409],
        `${seed}`,
      );
      const winner = both[0].status === 200 ? "a" : "b";
      t.is(cluster.get("configmaps", "shared")!.data![winner], String(round));
    }
  }
});

test("a flood on one object is refused with 429 beyond its mailbox; others are answered as before", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 12, time: "virtual" });
  await cluster.apply([configMap("hot"), configMap("cold")]);
  const path = `${maps}/hot`;
  const headers = { "content-type": "application/merge-patch+json" };
  const patch = (target: string, value: string) => cluster.open("PATCH", target, { data: { value } }, { headers });
  const took = async (exchange: SimExchange): Promise<number> => {
    const began = cluster.env.clock.mono();
    await over(cluster, exchange);
    return cluster.env.clock.mono() - began;
  };
  let alone = 0;
  for (const value of ["a", "b", "c", "d", "e"]) alone = Math.max(alone, await took(patch(`${maps}/cold`, value)));
  // Held back for a moment, so that all of them wait at once.
  cluster.fault({
    seam: "mailbox",
    kind: "delay",
    where: { path: "configmaps/default/hot" },
    args: { ms: 5 },
    for: { count: 200 },
  });
  const flood = Array.from({ length: 200 }, (_, at) => patch(path, String(at)));
  await cluster.advance(4);
  const among = await took(patch(`${maps}/cold`, "among"));
  t.true(among <= 2 * alone, `${among} ms against ${alone} ms`);
  for (const exchange of flood) await over(cluster, exchange);
  const refused = flood.filter(({ status }) => status === 429);
  t.true(refused.length > 0, "its mailbox is bounded");
  t.true(refused.every(({ answerHeaders }) => answerHeaders["retry-after"] !== undefined));
  const taken = flood.filter(({ status }) => status === 200).length;
  t.is(taken + refused.length, 200);
  t.true(taken >= 64, `${taken} were taken`);
});

test("an owner that is made anew under its old name keeps none of the old one's children, and loses none of its own", async (t) => {
  for (const seed of seeds) {
    await using cluster = await createCluster({ nodes: 1, seed, time: "virtual" });
    await cluster.apply(deployment("web", { replicas: 2 }));
    await rolledOut(cluster, "web");
    const old = cluster.get("deployments.apps", "web")!.metadata.uid;
    const oldSets = new Set(cluster.list("replicasets.apps").map(({ metadata }) => metadata.uid));
    // The collector hears of the deletion only when the new owner is there.
    cluster.fault({
      seam: "mailbox",
      kind: "delay",
      where: { path: "/ctl/garbage-collector/**" },
      args: { ms: 3_000 },
      for: { ms: 2_000 },
    });
    await cluster.delete("deployments.apps", "web");
    await cluster.until(() => cluster.get("deployments.apps", "web") === undefined);
    await cluster.apply(deployment("web", { replicas: 2 }, { image: "web:2" }));
    await cluster.until(() => cluster.list("replicasets.apps").every(({ metadata }) => !oldSets.has(metadata.uid)), {
      withinMs: 700_000,
    });
    await rolledOut(cluster, "web");
    await cluster.advance(30_000);
    const now = cluster.get("deployments.apps", "web")!.metadata.uid;
    t.not(now, old);
    const sets = cluster.list("replicasets.apps");
    t.deepEqual(
      sets.map(({ metadata }) => metadata.ownerReferences![0]!.uid),
      [now],
    );
    t.is(alive(cluster, "web").length, 2);
    whole(t, cluster, `${seed}`);
  }
});

test("a thousand flaps of readiness are joined, and end in the ready pods", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 13, time: "virtual" });
  const pods = Array.from({ length: 10 }, (_, at) =>
    pod(`p${at}`, { labels: { app: "web" }, spec: { nodeName: "x" } }),
  );
  // A node without an agent: nobody else says how its pods are.
  await cluster.apply([{ apiVersion: "v1", kind: "Node", metadata: { name: "x" } }, service("web"), ...pods]);
  await cluster.advance(2_000);
  const slices = (): readonly { readonly metadata: { readonly resourceVersion: string } }[] =>
    cluster.list("endpointslices.discovery.k8s.io", { namespace: "default" });
  const seen = new Set<string>();
  const headers = { "content-type": "application/merge-patch+json" };
  const flaps: SimExchange[] = [];
  for (let flap = 0; flap < 1_000; flap += 1) {
    const at = flap % 10;
    // Behind the last flap the even ones are ready.
    const ready = flap < 990 ? flap % 3 === 0 : at % 2 === 0;
    const conditions = [{ type: "Ready", status: ready ? "True" : "False" }];
    const podIP = `10.42.0.${at + 10}`;
    const status = { phase: "Running", podIP, podIPs: [{ ip: podIP }], conditions };
    flaps.push(cluster.open("PATCH", `/api/v1/namespaces/default/pods/p${at}/status`, { status }, { headers }));
    // As many as one object's mailbox takes.
    if (flap % 500 !== 499) continue;
    for (const exchange of flaps) {
      await over(cluster, exchange);
      for (const { metadata } of slices()) seen.add(metadata.resourceVersion);
    }
  }
  t.is(flaps.filter(({ status }) => status === 200).length, 1_000);
  await cluster.advance(5_000);
  for (const { metadata } of slices()) seen.add(metadata.resourceVersion);
  t.true(seen.size < 300, `${seen.size} versions of slices for 1,000 flaps`);
  const even = [10, 12, 14, 16, 18].map((at) => `10.42.0.${at}`);
  t.deepEqual(endpointsOf(cluster, "web"), even);
});

test("a master that dies between pick and bind binds once, and no node holds more than it has", async (t) => {
  for (const seed of seeds) {
    const nodes = [{ cpus: 2 }, { cpus: 2 }];
    await using cluster = await createCluster({ nodes, seed, time: "virtual", keeper: true });
    await cluster.advance(2_000);
    const fault = cluster.fault({
      seam: "append",
      kind: "crash",
      where: { path: "/sched" },
      when: { nth: 1 + (seed % 3) },
    });
    const bound = new Map<string, string>();
    const look = (): void => {
      for (const { metadata, spec } of cluster.list("pods")) {
        if (spec.nodeName === undefined) continue;
        t.is(bound.get(metadata.uid) ?? spec.nodeName, spec.nodeName, "a pod is never bound anew");
        bound.set(metadata.uid, spec.nodeName);
      }
    };
    const names = ["a", "b", "c", "d", "e"];
    for (const name of names) {
      const wanted = pod(name, { requests: { cpu: "900m" } });
      const exchange = cluster.open("POST", "/api/v1/namespaces/default/pods", wanted);
      await over(cluster, exchange);
      if (exchange.lost) await cluster.until(() => cluster.lives === 1);
      if (cluster.get("pods", name) === undefined) await cluster.apply(wanted);
    }
    await cluster.until(() => {
      look();
      return cluster.list("pods").filter(isReady).length === 4;
    });
    await cluster.advance(10_000);
    look();
    t.is(fault.hits, 1);
    t.is(bound.size, 4, "the fifth has no place");
    for (const name of ["n1", "n2"]) t.is([...bound.values()].filter((node) => node === name).length, 2);
  }
});

test("a pod that is gone or changed when its turn comes is not bound to what was picked for it before", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 14, time: "virtual" });
  cluster.fault({
    seam: "mailbox",
    kind: "delay",
    where: { path: "/sched/**" },
    args: { ms: 400 },
    for: { ms: 1_000 },
  });
  await cluster.apply([pod("gone"), pod("moved")]);
  await cluster.delete("pods", "gone", { body: { gracePeriodSeconds: 0 } });
  await cluster.delete("pods", "moved", { body: { gracePeriodSeconds: 0 } });
  await cluster.apply(pod("moved", { spec: { nodeSelector: { "kubernetes.io/hostname": "n2" } } }));
  const { uid } = cluster.get("pods", "moved")!.metadata;
  await cluster.until(() => isReady(cluster.get("pods", "moved")!));
  t.is(cluster.get("pods", "gone"), undefined);
  t.like(cluster.get("pods", "moved"), { metadata: { uid }, spec: { nodeName: "n2" } });
});

test("a report whose answer is lost is told again, and changes nothing", async (t) => {
  for (const kind of ["crash", "duplicate"] as const) {
    await using cluster = await createCluster({ nodes: 1, seed: 15, time: "virtual" });
    const lost = cluster.fault({
      seam: "link",
      kind,
      where: { path: kind === "crash" ? "/link/n1/down/result" : "/link/n1/up/report" },
      when: { p: 0.3 },
      for: { ms: 60_000 },
    });
    await cluster.apply(deployment("web", { replicas: 3 }));
    await rolledOut(cluster, "web", 600_000);
    await cluster.advance(90_000);
    t.true(lost.hits > 0);
    const pods: readonly Pod[] = alive(cluster, "web");
    t.true(pods.every(isReady));
    t.deepEqual(
      pods.map(({ status }) => status!.containerStatuses![0]!.restartCount),
      [0, 0, 0],
    );
    const starts = cluster.list("events").filter(({ reason }) => reason === "Started");
    t.is(
      starts.reduce((sum, { count }) => sum + (count ?? 1), 0),
      3,
      kind,
    );
  }
});
