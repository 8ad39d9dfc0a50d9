import test, { type ExecutionContext } from "ava";
import type { ScriptOf } from "../../src/node/simulated/script.ts";
import { createRng } from "../../src/sim/random.ts";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import { alive, deployment, imageOf, isReady, patch, service, setImage } from "./kit.ts";

/**
 * Users and failures at random, then quiet: whatever happened, the cluster must come to what was
 * asked for last, and nothing may be left over.
 */
const names = ["one", "two", "three"] as const;
const nodes = ["n1", "n2", "n3"] as const;
const brokenImage = "web:broken";
const script: ScriptOf = ({ image }) => (image === brokenImage ? { startError: "exec: no such file" } : {});

interface Wanted {
  replicas: number;
  image: string;
}

class Chaos {
  readonly wanted = new Map<string, Wanted>();
  readonly done: string[] = [];
  readonly #cluster: Cluster;
  readonly #below: (bound: number) => number;

  constructor(cluster: Cluster, below: (bound: number) => number) {
    this.#cluster = cluster;
    this.#below = below;
  }

  async step(): Promise<void> {
    const actions = [
      () => this.#scale(),
      () => this.#scale(),
      () => this.#update(),
      () => this.#update(),
      () => this.#deletePod(),
      () => this.#deletePod(),
      () => this.#deleteDeployment(),
      () => this.#cutOrHeal(),
      () => this.#cordonOrNot(),
      () => this.#restart(),
      () => this.#away(),
      () => this.#breakImage(),
      () => this.#deleteNode(),
    ];
    await this.#pick(actions)();
    await this.#cluster.advance(this.#below(4) === 0 ? this.#below(60_000) : this.#below(1_500));
  }

  #pick<T>(of: readonly T[]): T {
    return of[this.#below(of.length)]!;
  }

  async #ensure(name: string): Promise<Wanted> {
    let wanted = this.wanted.get(name);
    if (wanted === undefined) {
      wanted = { replicas: 1 + this.#below(4), image: "web:1" };
      this.wanted.set(name, wanted);
      const readinessProbe = this.#below(2) === 0;
      const annotations = { "simulated.troupe.dev/stop-ms": String(this.#below(3_000)) };
      await this.#cluster.apply(deployment(name, { replicas: wanted.replicas }, { readinessProbe, annotations }));
      this.done.push(`create ${name} ${wanted.replicas}`);
    }
    return wanted;
  }

  async #scale(): Promise<void> {
    const name = this.#pick(names);
    const wanted = await this.#ensure(name);
    wanted.replicas = this.#below(6);
    this.done.push(`scale ${name} ${wanted.replicas}`);
    const path = `/apis/apps/v1/namespaces/default/deployments/${name}/scale`;
    await patch(this.#cluster, path, { spec: { replicas: wanted.replicas } });
  }

  async #update(): Promise<void> {
    const name = this.#pick(names);
    const wanted = await this.#ensure(name);
    wanted.image = `web:${1 + this.#below(4)}`;
    this.done.push(`image ${name} ${wanted.image}`);
    await setImage(this.#cluster, name, wanted.image);
  }

  async #deletePod(): Promise<void> {
    const pods = this.#cluster.list("pods");
    if (pods.length === 0) return;
    const { name } = this.#pick(pods).metadata;
    this.done.push(`delete pod ${name}`);
    await this.#cluster.delete("pods", name, { body: this.#below(3) === 0 ? { gracePeriodSeconds: 0 } : {} });
  }

  async #deleteDeployment(): Promise<void> {
    const name = this.#pick(names);
    if (!this.wanted.delete(name)) return;
    const propagationPolicy = this.#pick(["Background", "Foreground"]);
    this.done.push(`delete ${name} ${propagationPolicy}`);
    // In the foreground the owner waits for pods that only their node can end.
    for (const node of this.#cluster.nodes) node.heal();
    await this.#cluster.delete("deployments.apps", name, { body: { propagationPolicy } });
    await this.#cluster.until(() => this.#cluster.get("deployments.apps", name) === undefined, { withinMs: 120_000 });
  }

  async #cutOrHeal(): Promise<void> {
    const node = this.#cluster.node(this.#pick(nodes));
    if (this.#below(2) === 0) node.cut();
    else node.heal();
    this.done.push(`cut or heal ${node.name}`);
    return Promise.resolve();
  }

  async #cordonOrNot(): Promise<void> {
    const name = this.#pick(nodes);
    if (this.#cluster.get("nodes", name) === undefined) return;
    const unschedulable = this.#below(2) === 0;
    this.done.push(`cordon ${name} ${unschedulable}`);
    await patch(this.#cluster, `/api/v1/nodes/${name}`, { spec: { unschedulable } });
  }

  async #restart(): Promise<void> {
    this.done.push("restart");
    await this.#cluster.restartMaster();
  }

  async #away(): Promise<void> {
    const ms = this.#below(400_000);
    this.done.push(`no master for ${ms} ms`);
    this.#cluster.crashMaster();
    await this.#cluster.advance(ms);
    await this.#cluster.startMaster();
  }

  async #breakImage(): Promise<void> {
    const name = this.#pick(names);
    const wanted = await this.#ensure(name);
    wanted.image = brokenImage;
    this.done.push(`break ${name}`);
    await setImage(this.#cluster, name, brokenImage);
  }

  async #deleteNode(): Promise<void> {
    const name = this.#pick(nodes);
    if (this.#cluster.get("nodes", name) === undefined) return;
    this.done.push(`delete node ${name}`);
    await this.#cluster.delete("nodes", name);
  }

  /** Ends what a user would have to end: cut cables, cordons, images that do not start. */
  async mend(): Promise<void> {
    for (const name of nodes) this.#cluster.node(name).heal();
    // A deleted node finds that out with its next word, five minutes after the last at most.
    const all = (): boolean => this.#cluster.list("nodes").length === nodes.length;
    await this.#cluster.until(all, { withinMs: 330_000 });
    for (const name of nodes) await patch(this.#cluster, `/api/v1/nodes/${name}`, { spec: { unschedulable: null } });
    for (const [name, wanted] of this.wanted) {
      if (wanted.image !== brokenImage) continue;
      wanted.image = "web:9";
      await setImage(this.#cluster, name, wanted.image);
    }
  }
}

function checkQuiet(t: ExecutionContext, cluster: Cluster, wanted: ReadonlyMap<string, Wanted>): void {
  for (const name of names) {
    const { replicas, image } = wanted.get(name) ?? { replicas: 0, image: "" };
    const pods = alive(cluster, name);
    t.is(pods.length, replicas, name);
    t.deepEqual(new Set(pods.map(imageOf)), new Set(replicas === 0 ? [] : [image]), name);
    t.true(pods.every(isReady), name);
    const status = cluster.get("deployments.apps", name)?.status;
    t.is(status?.availableReplicas ?? 0, replicas, name);
    t.is(status?.updatedReplicas ?? 0, replicas, name);
    const ready = cluster
      .list("endpointslices.discovery.k8s.io")
      .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name)
      .flatMap(({ endpoints }) => endpoints ?? []);
    t.true(ready.every(({ conditions }) => conditions?.ready === true));
    const addresses = pods.map((pod) => pod.status!.podIP!);
    t.deepEqual(sorted(ready.flatMap((each) => each.addresses)), sorted(addresses), name);
  }
  const all = cluster.list("pods");
  t.is(
    all.length,
    [...wanted.values()].reduce((sum, { replicas }) => sum + replicas, 0),
    "no pod is left over",
  );
  t.is(new Set(all.map(({ status }) => status!.podIP)).size, all.length, "no address twice");
  const owners = new Set(cluster.list("deployments.apps").map(({ metadata }) => metadata.uid));
  t.true(cluster.list("replicasets.apps").every(({ metadata }) => owners.has(metadata.ownerReferences![0]!.uid)));
  for (const { metadata, spec, status } of cluster.list("nodes")) {
    t.deepEqual(spec.taints ?? [], [], metadata.name);
    t.is(status!.conditions!.find(({ type }) => type === "Ready")!.status, "True", metadata.name);
  }
  for (const node of cluster.nodes) {
    const held = node.agent.node.pods.list().map(({ uid }) => uid);
    const bound = all.filter(({ spec }) => spec.nodeName === node.name).map(({ metadata }) => metadata.uid);
    t.deepEqual(sorted(held), sorted(bound), `${node.name} runs what is bound to it and nothing else`);
  }
  t.is(cluster.master.store.systemRows("quarantine").length, 0);
  t.is(cluster.master.store.systemRows("dead-letter").length, 0);
  t.deepEqual(
    cluster.env.lines.filter(({ level }) => level === "error").map(({ event, fields }) => [event, fields]),
    [],
  );
}

const sorted = (texts: readonly string[]): readonly string[] => texts.toSorted((a, b) => (a < b ? -1 : 1));

const seeds = (process.env["CHAOS_SEEDS"] ?? "304,306,317,319").split(",").map(Number);

for (const seed of seeds) {
  test(`after any mishaps the cluster comes to what was asked for last (seed ${seed})`, async (t) => {
    const random = createRng(seed, "chaos");
    const below = (bound: number): number => random.below(bound);
    await using cluster = await createCluster({ nodes: 3, seed, time: "virtual", script });
    await cluster.apply(names.map((name) => service(name)));
    const chaos = new Chaos(cluster, below);
    try {
      for (let steps = 0; steps < 30; steps += 1) await chaos.step();
      await chaos.mend();
      await cluster.advance(900_000);
      checkQuiet(t, cluster, chaos.wanted);
    } catch (error) {
      t.log(chaos.done.join("\n"));
      throw error;
    }
  });
}
