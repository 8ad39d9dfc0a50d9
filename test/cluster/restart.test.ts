import test from "ava";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import type { SeenEvent, SimExchange } from "../../src/testing/exchange.ts";
import { createRng } from "../../src/sim/random.ts";
import { alive, configMap, deployment, isReady, rolledOut, setImage } from "./kit.ts";

const path = "/api/v1/namespaces/default/configmaps";

/** A client that follows a collection as client libraries do: it resumes at the last revision that it saw. */
class Follower {
  readonly seen: SeenEvent[] = [];
  #exchange: SimExchange | undefined;
  #taken = 0;
  #from: string;

  constructor(from: string) {
    this.#from = from;
  }

  connect(cluster: Cluster): void {
    this.#exchange = cluster.open("GET", `${path}?watch=true&allowWatchBookmarks=true&resourceVersion=${this.#from}`);
    this.#taken = 0;
  }

  /** Takes what has arrived, also of a connection that has broken since. */
  take(): void {
    for (const event of this.#exchange?.events.slice(this.#taken) ?? []) {
      this.#taken += 1;
      this.#from = event.object.metadata.resourceVersion;
      if (event.type !== "BOOKMARK") this.seen.push(event);
    }
  }
}

/** Writers that begin a request whenever they have none; what was acknowledged is kept, by name. */
class Writers {
  readonly acknowledged = new Map<string, string>();
  readonly refused: string[] = [];
  /** Requests whose connection broke: nobody knows whether they happened. */
  lost = 0;
  readonly #open = new Map<string, { readonly exchange: SimExchange; readonly value: string }>();
  readonly #below: (bound: number) => number;
  #value = 0;

  constructor(below: (bound: number) => number) {
    this.#below = below;
  }

  step(cluster: Cluster): void {
    for (const [name, { exchange, value }] of this.#open) {
      if (exchange.ended) this.#answered(name, exchange.status, value);
      if (exchange.lost) this.lost += 1;
      if (exchange.ended || exchange.lost) this.#open.delete(name);
    }
    while (this.#open.size < 4) {
      const name = `c${this.#below(8)}`;
      if (this.#open.has(name)) return;
      this.#value += 1;
      const value = String(this.#value);
      const body = configMap(name, { value });
      const exchange = this.acknowledged.has(name)
        ? cluster.open("PUT", `${path}/${name}`, body)
        : cluster.open("POST", path, body);
      this.#open.set(name, { exchange, value });
    }
  }

  #answered(name: string, status: number, value: string): void {
    // A create whose answer was lost may have happened: 409 is right then, and an update goes next.
    if (status === 200 || status === 201 || status === 409) this.acknowledged.set(name, status === 409 ? "0" : value);
    else this.refused.push(`${name}: ${status}`);
  }
}

for (const seed of [101, 102, 103, 104, 105, 106]) {
  test(`no acknowledged write is lost and a watch has neither gap nor repeat over crashes (seed ${seed})`, async (t) => {
    await using cluster = await createCluster({ nodes: 0, seed, time: "virtual" });
    const chance = createRng(seed, "test");
    const below = (bound: number): number => chance.below(bound);
    const follower = new Follower(String(cluster.master.store.revision));
    const known = new Set(cluster.list("configmaps").map(({ metadata }) => metadata.name));
    const writers = new Writers(below);
    for (let life = 0; life < 5; life += 1) {
      follower.connect(cluster);
      for (let steps = 20 + below(60); steps > 0; steps -= 1) {
        writers.step(cluster);
        await cluster.advance(1 + below(3));
        follower.take();
      }
      if (life === 2) await cluster.run(cluster.master.raft.takeSnapshot());
      // Power fails while requests are under way.
      writers.step(cluster);
      await cluster.advance(below(3));
      follower.take();
      await cluster.restartMaster();
    }
    writers.step(cluster);
    follower.connect(cluster);
    await cluster.advance(1_000);
    follower.take();

    t.deepEqual(writers.refused, []);
    t.true(writers.acknowledged.size > 4);
    t.true(writers.lost > 3, `crashes hit ${writers.lost} requests`);
    for (const [name, value] of writers.acknowledged) {
      const found = cluster.get("configmaps", name)?.data?.["value"];
      t.true(Number(found) >= Number(value), `${name}: ${value} was acknowledged, ${found} is there`);
    }
    const revisions = follower.seen.map(({ object }) => Number(object.metadata.resourceVersion));
    t.deepEqual(
      revisions,
      [...new Set(revisions)].toSorted((a, b) => a - b),
      "in order, none twice",
    );
    const model = new Map<string, string>();
    for (const { type, object } of follower.seen) {
      t.is(type, model.has(object.metadata.name) ? "MODIFIED" : "ADDED");
      model.set(object.metadata.name, object.metadata.resourceVersion);
    }
    const rows = cluster
      .list("configmaps", { namespace: "default" })
      .filter(({ metadata }) => !known.has(metadata.name))
      .map(({ metadata }) => [metadata.name, metadata.resourceVersion] as const);
    t.deepEqual(Object.fromEntries(model), Object.fromEntries(rows));
  });
}

for (const seed of [111, 112, 113]) {
  test(`a rolling update goes on over crashes of the master and keeps its bounds (seed ${seed})`, async (t) => {
    await using cluster = await createCluster({ nodes: 2, seed, time: "virtual" });
    const chance = createRng(seed, "test");
    const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } };
    const shape = { readinessProbe: true, annotations: { "simulated.troupe.dev/ready-after-ms": "300" } };
    await cluster.apply(deployment("web", { replicas: 4, strategy }, shape));
    await rolledOut(cluster, "web");
    await setImage(cluster, "web", "web:2");
    for (let crash = 0; crash < 4; crash += 1) {
      for (let steps = chance.below(80); steps > 0; steps -= 1) {
        await cluster.advance(5);
        t.true(alive(cluster, "web").length <= 5);
        t.true(alive(cluster, "web").filter(isReady).length >= 4);
      }
      await cluster.restartMaster();
    }
    await rolledOut(cluster, "web");
    t.is(alive(cluster, "web").length, 4);
    t.is(cluster.list("replicasets.apps").length, 2);
    const restarts = alive(cluster, "web").map(({ status }) => status!.containerStatuses![0]!.restartCount);
    t.deepEqual(new Set(restarts), new Set([0]), "a master's death restarts no container");
  });
}

test("timers live on over a restart: the progress deadline is told although the master was away", async (t) => {
  await using cluster = await createCluster({
    nodes: 1,
    seed: 120,
    time: "virtual",
    script: () => ({ startError: "no" }),
  });
  await cluster.apply(deployment("web", { replicas: 1, progressDeadlineSeconds: 60 }));
  await cluster.advance(30_000);
  cluster.crashMaster();
  await cluster.advance(45_000);
  await cluster.startMaster();
  await cluster.until(
    () =>
      cluster
        .get("deployments.apps", "web")!
        .status!.conditions!.some(({ reason }) => reason === "ProgressDeadlineExceeded"),
    { withinMs: 40_000 },
  );
  t.pass();
});

test("a master that was away for long gives its nodes a fresh grace before it calls them silent", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 121, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 4 }));
  await rolledOut(cluster, "web");
  const before = alive(cluster, "web").map(({ metadata }) => metadata.uid);
  cluster.crashMaster();
  await cluster.advance(600_000);
  await cluster.startMaster();
  for (let round = 0; round < 60; round += 1) {
    await cluster.advance(1_000);
    for (const node of cluster.list("nodes")) {
      t.is(node.status!.conditions!.find(({ type }) => type === "Ready")!.status, "True");
      t.deepEqual(node.spec.taints ?? [], []);
    }
  }
  t.deepEqual(
    alive(cluster, "web").map(({ metadata }) => metadata.uid),
    before,
  );
});
