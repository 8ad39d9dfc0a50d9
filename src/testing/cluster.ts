import type { User } from "../actors/runtime/command.ts";
import type { Controller } from "../actors/runtime/controller.ts";
import type { NodeStreams } from "../api/node-streams.ts";
import { serviceUnavailable } from "../kinds/status-errors.ts";
import { realCrypto } from "../env/real/crypto.ts";
import type { FaultPort } from "../env/faults.ts";
import type { CrumbNote } from "../env/watchdog.ts";
import { kinds } from "../kinds/catalogue.ts";
import type { Kind, KubeObject } from "../kinds/kind.ts";
import { createFaultTable, type ActiveFault, type FaultRecord, type FaultTable } from "../env/fault-table.ts";
import type { SimulatedAgent } from "../node/simulated/agent.ts";
import type { SimulatedRuntime } from "../node/simulated/runtime.ts";
import type { ScriptOf } from "../node/simulated/script.ts";
import { createSimDisk, type SimDisk } from "../sim/disk.ts";
import { createSimEnv, type SimEnv } from "../sim/env.ts";
import { createRng } from "../sim/random.ts";
import { invariant, type Status } from "../util/errors.ts";
import type { Millis } from "../util/time.ts";
import { Client } from "../client/client.ts";
import { SimExchange, type SimRequest } from "./exchange.ts";
import { createLife, type Life } from "./life.ts";
import { NativeTransport } from "./native.ts";
import { startSimMaster, type SimMaster } from "./sim-master.ts";
import { SimNetwork } from "./sim-network.ts";
import { SimNode } from "./sim-node.ts";
import type { TypedKind, TypedKinds } from "./typed-kinds.ts";

/**
 * A whole cluster in one process and in virtual time: the master of production on the real log over
 * a simulated disk, and nodes without containers on links in process. The seed decides everything
 * that chance decides elsewhere, so a run can be repeated.
 *
 *     await using cluster = await createCluster({ nodes: 2, seed: 7, time: "virtual" });
 *     await cluster.apply(deployment);
 *     await cluster.settled();
 */
export interface ClusterOptions {
  /** How many, or what each is like. They are named n1, n2 … */
  readonly nodes: number | readonly NodeOptions[];
  readonly seed: number;
  readonly time: "virtual";
  /** What the containers do; default: what their pods' annotations say. */
  readonly script?: ScriptOf;
  /** Run beside the controllers of production. */
  readonly controllers?: readonly Controller[];
  /** Without the controllers of production: only what writes do by themselves. */
  readonly bare?: boolean;
  /** Asked before the faults of `fault()`. */
  readonly faults?: FaultPort;
  /** A master that ends itself is started again, as a keeper does; otherwise its error is the test's. */
  readonly keeper?: boolean;
  /** Default true: stored objects are frozen, so that a planner that changes one fails. Benches say false. */
  readonly freezeObjects?: boolean;
}

export interface NodeOptions {
  /** Default 8. */
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly labels?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly code: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly text: string;
  json<T = Status>(): T;
}

export interface RequestOptions {
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: an administrator. `"anonymous"`: no certificate. */
  readonly user?: Pick<User, "name" | "groups"> | "anonymous";
}

/** An object as a client writes it. */
export type Manifest = {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly [field: string]: unknown };
  readonly [field: string]: unknown;
};

export interface ClusterNode {
  readonly name: string;
  /** Of this moment: another one after a restart. */
  readonly agent: SimulatedAgent;
  /** What runs there, whoever looks after it. */
  readonly runtime: SimulatedRuntime;
  /** How often the agent was started again after a fault. */
  readonly restarts: number;
  /** As `kill -9` of the agent, until `start`. */
  kill(): void;
  start(): Promise<void>;
  /** As SIGSTOP of the agent, and SIGCONT. */
  pause(): void;
  resume(): void;
  /** Its network is gone: nothing reaches it, and nobody is told. */
  cut(): void;
  heal(): void;
}

export class Cluster implements AsyncDisposable {
  readonly env: SimEnv;
  readonly #options: ClusterOptions;
  readonly #disk: SimDisk;
  readonly #network: SimNetwork;
  readonly #nodes = new Map<string, SimNode>();
  readonly #faults: FaultTable;
  readonly #exchanges = new Set<SimExchange>();
  readonly #transports = new Set<NativeTransport>();
  #life: Life;
  #master: SimMaster | undefined;
  #fatal: Error | undefined;
  /** Keys of what is sealed at rest, oldest first; read when a master starts. */
  sealingKeys: readonly Uint8Array[] = [new Uint8Array(32)];
  /** How often the keeper has started the master again. */
  lives = 0;

  constructor(options: ClusterOptions) {
    const { seed, faults } = options;
    this.#options = options;
    let table: FaultTable | undefined;
    const port: FaultPort = {
      get enabled() {
        return faults?.enabled === true || table?.enabled === true;
      },
      at(point) {
        const first = faults?.at(point);
        return first === undefined || first.kind === "none" ? (table?.at(point) ?? { kind: "none" }) : first;
      },
    };
    this.env = createSimEnv({ seed, shuffle: true, crypto: realCrypto, faults: port });
    const { clock, random } = this.env;
    table = createFaultTable({ clock, rng: random.stream("faults") });
    this.#faults = table;
    const device = random.stream("device");
    this.#disk = createSimDisk({
      rng: createRng(seed, "disk"),
      pace: () =>
        new Promise((resolve) => {
          clock.after(1 + device.below(5), resolve);
        }),
    });
    this.#network = new SimNetwork(clock, random.stream("network"), port);
    this.#life = createLife(this.env, this.#disk.attach());
  }

  /** The master of this moment; another one after `restartMaster`. */
  get master(): SimMaster {
    invariant(this.#master !== undefined, "the master runs");
    return this.#master;
  }

  /** Digest and revision of the replicated state: equal after equal histories. */
  get digest(): string {
    const { digest, revision } = this.master.store;
    return `${revision}:${digest.a}:${digest.b}`;
  }

  node(name: string): ClusterNode {
    const node = this.#nodes.get(name);
    invariant(node !== undefined, `there is a node ${name}`);
    return node;
  }

  get nodes(): readonly ClusterNode[] {
    return [...this.#nodes.values()];
  }

  /** Creates each object, or merges it into the one that is there. Throws what the API refused. */
  async apply(objects: Manifest | readonly Manifest[]): Promise<void> {
    for (const object of [objects].flat() as readonly Manifest[]) {
      const { metadata } = object;
      const path = pathOf(kindOf(object), metadata.namespace);
      const created = await this.request("POST", path, object);
      const answer =
        created.code === 409
          ? await this.request("PATCH", `${path}/${metadata.name}`, object, {
              headers: { "content-type": "application/merge-patch+json" },
            })
          : created;
      if (answer.code >= 300) throw new Error(`${object.kind} ${metadata.name}: ${answer.text}`);
    }
  }

  /** Deletes an object. Throws what the API refused. */
  async delete(kind: TypedKind, name: string, options: { namespace?: string; body?: object } = {}): Promise<void> {
    const path = `${pathOf(kindById(kind), options.namespace)}/${name}`;
    const answer = await this.request("DELETE", path, options.body);
    if (answer.code >= 300) throw new Error(`${kind} ${name}: ${answer.text}`);
  }

  /** Sends a request through the REST door and lets time pass until it is answered. */
  async request(method: string, target: string, body?: unknown, options: RequestOptions = {}): Promise<Answer> {
    const exchange = this.open(method, target, body, options);
    await this.until(() => exchange.ended || exchange.lost, { withinMs: requestMaxMs, stepMs: 1 });
    if (exchange.lost) throw new Error(`${method} ${target}: the connection broke`);
    const { status, text, answerHeaders } = exchange;
    return { code: status, text, headers: answerHeaders, json: <T>() => JSON.parse(text) as T };
  }

  /** Sends a request and leaves it open: watches, and writes whose fate is of interest. */
  open(method: string, target: string, body?: unknown, { headers, user }: RequestOptions = {}): SimExchange {
    const request: SimRequest = {
      method,
      target,
      body,
      user: user === "anonymous" ? undefined : (user ?? administrator),
      ...(headers === undefined ? {} : { headers }),
    };
    const exchange = new SimExchange(request);
    this.#exchanges.add(exchange);
    exchange.onClose(() => this.#exchanges.delete(exchange));
    if (this.#master === undefined) exchange.breakOff();
    else this.#master.core.rest(exchange);
    return exchange;
  }

  /** The native door as a client's transport; its calls go on at the next master after a crash. */
  transport(user: RequestOptions["user"] = administrator): NativeTransport {
    const transport = new NativeTransport(() => this.#master?.core.door, user === "anonymous" ? undefined : user);
    this.#transports.add(transport);
    return transport;
  }

  /** A typed client in the cluster's time: `await cluster.run(client.kind("pods").list())`. */
  client(user?: RequestOptions["user"]): Client {
    return new Client(this.transport(user), this.env.clock);
  }

  /** The committed object. The namespace is `default` where the kind has one. */
  get<K extends TypedKind>(
    kind: K,
    name: string,
    options: { readonly namespace?: string } = {},
  ): TypedKinds[K] | undefined {
    const namespace = kindById(kind).scope === "Namespaced" ? (options.namespace ?? "default") : "";
    return this.master.store.committed.get(kind, namespace, name)?.object<TypedKinds[K]>();
  }

  /** Committed objects in key order; of all namespaces unless one is given. */
  list<K extends TypedKind>(kind: K, options: { readonly namespace?: string } = {}): readonly TypedKinds[K][] {
    return this.master.store.committed.list(kind, options).map((row) => row.object<TypedKinds[K]>());
  }

  async advance(ms: Millis): Promise<void> {
    await this.env.advance(ms);
    if (this.#fatal === undefined) return;
    if (this.#options.keeper !== true || this.#master === undefined) throw this.#fatal;
    this.#fatal = undefined;
    this.lives += 1;
    await this.restartMaster();
  }

  /** Lets time pass until nothing is under way any more. */
  async settled(): Promise<void> {
    await this.env.settle();
    if (this.#fatal !== undefined) throw this.#fatal;
  }

  /** Lets time pass until `condition` holds. Throws after `withinMs` (default two minutes). */
  async until(
    condition: () => boolean,
    { withinMs = 120_000, stepMs = 100 }: { readonly withinMs?: Millis; readonly stepMs?: Millis } = {},
  ): Promise<void> {
    const end = this.env.clock.mono() + withinMs;
    while (!condition()) {
      if (this.env.clock.mono() >= end)
        throw new Error(`did not come true within ${withinMs} ms: ${String(condition)}`);
      await this.advance(stepMs);
    }
  }

  /** Something goes wrong from now on, as the record says, until it is over by itself or cleared. */
  fault(record: FaultRecord): ActiveFault {
    return this.#faults.add(record);
  }

  /** Every fault ends. */
  clearFaults(): void {
    this.#faults.clear();
  }

  /** The master's process ends here and now: nothing that it still holds reaches disk or clients. */
  #end(error: Error): void {
    if (this.#fatal !== undefined) return;
    this.#fatal = error;
    if (this.#options.keeper !== true) return;
    this.#life.end();
    this.#disk.crash();
    for (const exchange of this.#exchanges) exchange.breakOff();
    for (const transport of this.#transports) transport.breakOff();
  }

  /** The disk's next write fails; the master cannot trust it any more, and `advance` throws why. */
  failDisk(code: "EIO" | "ENOSPC"): void {
    this.#disk.inject({ operation: "write", code });
  }

  /** Power loss: what was not synced is lost, connections break. */
  crashMaster(): void {
    this.#life.end();
    this.#disk.crash();
    for (const exchange of this.#exchanges) exchange.breakOff();
    this.#exchanges.clear();
    this.#network.reset();
    this.#master = undefined;
    for (const transport of this.#transports) transport.breakOff();
    this.#fatal = undefined;
  }

  /** `crumb`: what a watchdog has left; `epoch`: of a cluster that was restored from a backup. */
  async startMaster({ crumb, epoch }: { readonly crumb?: CrumbNote; readonly epoch?: string } = {}): Promise<void> {
    invariant(this.#master === undefined, "there is one master at a time");
    this.#life = createLife(this.env, this.#disk.attach());
    const starting = startSimMaster({
      env: this.#life.env,
      nodeStreams: this.#streams(),
      controllers: this.#options.controllers ?? [],
      bare: this.#options.bare ?? false,
      freezeObjects: this.#options.freezeObjects ?? true,
      onFatal: (error) => this.#end(error),
      sealingKeys: this.sealingKeys,
      ...(crumb === undefined ? {} : { crumb }),
      ...(epoch === undefined ? {} : { epoch }),
    });
    this.#master = await this.run(starting);
    this.#network.listen(this.#master.links);
  }

  async restartMaster(): Promise<void> {
    this.crashMaster();
    await this.startMaster();
  }

  async addNode(name: string, options: NodeOptions = {}): Promise<ClusterNode> {
    const { script } = this.#options;
    const node = new SimNode({
      env: this.env,
      disk: createSimDisk({ rng: createRng(this.#nodes.size, `disk of ${name}`) }),
      network: this.#network,
      name,
      address: `192.0.2.${20 + this.#nodes.size}`,
      ...options,
      ...(script === undefined ? {} : { script }),
    });
    this.#nodes.set(name, node);
    await this.run(node.start());
    return node;
  }

  /** Lets time pass until the promise is settled. */
  async run<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => void (settled = true);
    promise.then(mark, mark);
    await this.until(() => settled, { withinMs: requestMaxMs, stepMs: 1 });
    return promise;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#nodes.values()) node.stop();
    if (this.#master === undefined) return;
    this.#master.core.host.stop();
    const stopping = this.#master.raft.stop();
    await this.run(stopping);
    this.#life.end();
  }

  #streams(): NodeStreams {
    return {
      open: async (name, request) => {
        if (!this.#network.isLinked(name))
          throw serviceUnavailable(`no link to node ${name}: its agent is not connected`);
        return this.node(name).agent.node.openStream(request);
      },
    };
  }
}

const administrator: User = { name: "admin", groups: ["system:masters"] };
const requestMaxMs = 70_000;

/** A cluster whose nodes have joined and are Ready. */
export async function createCluster(options: ClusterOptions): Promise<Cluster> {
  const cluster = new Cluster(options);
  await cluster.startMaster();
  const wanted = typeof options.nodes === "number" ? Array.from({ length: options.nodes }, () => ({})) : options.nodes;
  for (const [at, node] of wanted.entries()) await cluster.addNode(`n${at + 1}`, node);
  await cluster.until(() => cluster.list("nodes").filter(isReady).length === wanted.length);
  await cluster.until(() => cluster.get("serviceaccounts", "default") !== undefined);
  return cluster;
}

function isReady(node: TypedKinds["nodes"]): boolean {
  const condition = node.status?.conditions?.find(({ type }) => type === "Ready");
  return condition?.status === "True" && node.spec.podCIDR !== undefined && (node.spec.taints ?? []).length === 0;
}

function kindById(id: string): Kind {
  const kind = kinds.find((each) => each.id === id);
  invariant(kind !== undefined, `${id} is a kind`);
  return kind;
}

function kindOf(object: Pick<KubeObject, "apiVersion" | "kind">): Kind {
  const kind = kinds.find(
    (each) =>
      each.kind === object.kind &&
      (each.group === "" ? each.version : `${each.group}/${each.version}`) === object.apiVersion,
  );
  invariant(kind !== undefined, `${object.apiVersion} ${object.kind} is a kind`);
  return kind;
}

/** `/apis/apps/v1/namespaces/default/deployments`. */
function pathOf(kind: Kind, namespace = "default"): string {
  const root = kind.group === "" ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  return kind.scope === "Cluster" ? `${root}/${kind.plural}` : `${root}/namespaces/${namespace}/${kind.plural}`;
}
