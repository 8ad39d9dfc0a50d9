import type { ActorHost } from "../actors/runtime/actor-host.ts";
import type { ActorTransition } from "../actors/runtime/actor.ts";
import type { User } from "../actors/runtime/command.ts";
import type { NodeStreams } from "../api/node-streams.ts";
import type { Door } from "../api/rest/call.ts";
import { serviceUnavailable } from "../kinds/status-errors.ts";
import { actorName } from "../kinds/actor.ts";
import { realCrypto } from "../env/real/crypto.ts";
import type { FaultPort } from "../env/faults.ts";
import type { CrumbNote } from "../env/watchdog.ts";
import { createFaultTable, type ActiveFault, type FaultRecord, type FaultTable } from "../env/fault-table.ts";
import { createSimDisk } from "../sim/disk.ts";
import { createSimEnv, type SimEnv } from "../sim/env.ts";
import { createRng } from "../sim/random.ts";
import { invariant, StatusError } from "../util/errors.ts";
import { forkStore } from "../store/fork.ts";
import type { Revision } from "../store/revision.ts";
import type { Store } from "../store/store.ts";
import type { Millis } from "../util/time.ts";
import { Client } from "../client/client.ts";
import { kindOf, kindOfWord, pathOf } from "./catalogue.ts";
import type {
  ActorName,
  Answer,
  ClusterNode,
  ClusterOptions,
  ClusterView,
  InspectedActor,
  ListOptions,
  Manifest,
  NodeOptions,
  RequestOptions,
  Span,
  TransitionWish,
} from "./cluster-api.ts";
import {
  imageOfSnapshot,
  seedOfImage,
  snapshotOfImage,
  storeOfImage,
  type ClusterImage,
  type ClusterSnapshot,
  type NodeImage,
} from "./cluster-image.ts";
import { Endpoint, type ListenOptions } from "./endpoint.ts";
import { SimExchange, type SimRequest } from "./exchange.ts";
import { manifestsOf } from "./manifests.ts";
import { NativeTransport } from "./native.ts";
import { storeOptionsOf, type SimMaster, type SimMasterOptions } from "./sim-master.ts";
import { SimMember, type ClusterMember } from "./sim-member.ts";
import { SimNetwork } from "./sim-network.ts";
import { SimNode } from "./sim-node.ts";
import { SimPeers } from "./sim-peers.ts";
import { pauseActor, Stepping, type PausedActor } from "./stepping.ts";
import { actorPathOf, breakOn, Followers } from "./transitions.ts";
import type { TypedKind, TypedKinds } from "./typed-kinds.ts";
import { millisOf, StoreViewer } from "./views.ts";

export type { Answer, ClusterNode, ClusterOptions, Manifest, NodeOptions, RequestOptions } from "./cluster-api.ts";

/** See `ClusterOptions`. */
export class Cluster implements ClusterView, AsyncDisposable {
  readonly env: SimEnv;
  readonly #options: ClusterOptions;
  readonly #network: SimNetwork;
  readonly #nodes = new Map<string, SimNode>();
  readonly #faults: FaultTable;
  readonly #stepping: Stepping;
  readonly #followers = new Followers();
  readonly #members: readonly SimMember[];
  readonly #transports = new Map<NativeTransport, SimMember | undefined>();
  /** The cables between the masters. */
  readonly peers: SimPeers;
  readonly #endpoints = new Set<Endpoint>();
  readonly #newest: StoreViewer = new StoreViewer(() => this.#store.committed);
  /** What chance draws from: the seed of the options, mixed with what the cluster began on. */
  readonly #drawn: number;
  #image: ClusterImage | undefined;
  #isAsleep = false;
  /** Requests of a cluster that has not begun: they wait for its master. */
  readonly #early: (() => void)[] = [];
  /** Keys of what is sealed at rest, oldest first; read when a master starts. */
  sealingKeys: readonly Uint8Array[] = [new Uint8Array(32)];
  /** How often the keeper has started the master again. */
  lives = 0;

  constructor(options: ClusterOptions, from: ClusterImage | ClusterSnapshot | undefined = options.from) {
    const { masters = 1 } = options;
    const faults = options.faults === true ? undefined : options.faults;
    this.#options = options;
    this.#drawn = from === undefined ? this.seed : seedOfImage(from, this.seed);
    let table: FaultTable | undefined;
    const faulty: FaultPort = {
      get enabled() {
        return faults?.enabled === true || table?.enabled === true;
      },
      at(point) {
        const first = faults?.at(point);
        return first === undefined || first.kind === "none" ? (table?.at(point) ?? { kind: "none" }) : first;
      },
      watch: (run) => table?.watch(run) ?? (() => {}),
    };
    const port: FaultPort = (this.#stepping = new Stepping(faulty, () => this.env.clock.mono()));
    const [seed, startMs] = [this.#drawn, from?.atMs ?? 0];
    this.env = createSimEnv({ seed, shuffle: true, startMs, crypto: realCrypto, faults: port });
    const { clock, random } = this.env;
    table = createFaultTable({ clock, rng: random.stream("faults") });
    this.#faults = table;
    this.#network = new SimNetwork(clock, random.stream("network"), port);
    this.peers = new SimPeers(clock, random.stream("peers"), port);
    const voters = Array.from({ length: masters }, (_, at) => at + 1);
    this.#members = voters.map((id) => this.#newMember(id, voters));
    if (from !== undefined) this.#found(from);
  }

  /** Everything is there as it was, and nothing runs yet. */
  #found(from: ClusterImage | ClusterSnapshot): void {
    const { sealingKeys, nodes, skewMs } = from;
    this.env.clock.skewMs = skewMs;
    this.sealingKeys = sealingKeys;
    const { freezeObjects = true } = this.#options;
    const options = storeOptionsOf({ env: this.env, sealingKeys, freezeObjects });
    this.#image = "base" in from ? from : imageOfSnapshot(from, options);
    this.#isAsleep = true;
    for (const node of nodes) this.#place(node.name, node.options, node);
  }

  /** Its processes start when time first passes. */
  async #wake(): Promise<void> {
    if (!this.#isAsleep) return;
    this.#isAsleep = false;
    await this.startMasters();
    for (const handIn of this.#early.splice(0)) handIn();
    for (const node of this.#nodes.values()) await this.run(node.start());
  }

  /** Those that are down, and one of all leads. */
  async startMasters(): Promise<void> {
    for (const member of this.#members) if (!member.isUp) await member.start();
    await this.until(() => this.leader !== undefined, { stepMs: 1 });
  }

  #newMember(id: number, voters: readonly number[]): SimMember {
    const { env, peers } = this;
    const { keeper, controllers, bare, freezeObjects } = this.#options;
    const member: SimMember = new SimMember({
      env,
      seed: this.#drawn,
      id,
      voters,
      peers,
      network: this.#network,
      isKept: keeper === true,
      faults: this.#served,
      run: (promise) => this.run(promise),
      life: () => ({
        nodeStreams: this.#streams(),
        controllers: controllers ?? [],
        bare: bare ?? false,
        freezeObjects: freezeObjects ?? true,
        sealingKeys: this.sealingKeys,
        ...this.#foundation(),
      }),
    });
    member.onStarted = async () => {
      await Promise.all([...this.#endpoints].map((endpoint) => endpoint.masterUp()));
    };
    member.onBreak = () => {
      const isMain = member.isLeader || voters.length === 1;
      for (const [transport, via] of this.#transports) {
        if (via === member || (via === undefined && isMain)) transport.breakOff();
      }
      if (isMain) for (const endpoint of this.#endpoints) endpoint.masterDown();
    };
    return member;
  }

  #foundation(): Pick<SimMasterOptions, "foundation" | "incarnations"> {
    const image = this.#image;
    if (image === undefined) return {};
    return { foundation: (options) => storeOfImage(image, options), incarnations: image.incarnations };
  }

  /** The masters, m1 first. */
  get members(): readonly ClusterMember[] {
    return this.#members;
  }

  member(name: string): ClusterMember {
    return this.#member(name);
  }

  /** The master that leads. Behind a partition two may think so for a moment: the newer term counts. */
  get leader(): ClusterMember | undefined {
    return this.#leader;
  }

  get #leader(): SimMember | undefined {
    return this.#members
      .filter((member) => member.isLeader)
      .toSorted((a, b) => b.master.raft.term - a.master.raft.term)[0];
  }

  /** The master of this moment; another one after `restartMaster`. Of several: the leader, or else one that runs. */
  get master(): SimMaster {
    return this.#main.master;
  }

  get #main(): SimMember {
    const main = this.#leader ?? this.#members.find(({ isUp }) => isUp) ?? this.#members[0];
    invariant(main !== undefined, "a cluster has a master");
    return main;
  }

  #member(name: string): SimMember {
    const member = this.#members.find((each) => each.name === name);
    invariant(member !== undefined, `there is a master ${name}`);
    return member;
  }

  /** That of now; before anything runs that which it begins on. */
  get #store(): Store {
    return this.#isAsleep && this.#image !== undefined ? this.#image.base : this.master.store;
  }

  get seed(): number {
    return this.#options.seed ?? 1;
  }

  /** Digest and revision of the replicated state: equal after equal histories. */
  get digest(): string {
    const { digest, revision } = this.#store;
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

  /** Creates each object, or merges it into the one that is there. Rejects with what the API refused: StatusError. */
  async apply(objects: Manifest | readonly Manifest[] | string): Promise<void> {
    for (const object of await manifestsOf(objects)) {
      const { metadata } = object;
      const path = pathOf(kindOf(object), metadata.namespace);
      const created = await this.request("POST", path, object);
      const answer =
        created.code === 409
          ? await this.request("PATCH", `${path}/${metadata.name}`, object, {
              headers: { "content-type": "application/merge-patch+json" },
            })
          : created;
      if (answer.code >= 300) throw new StatusError(answer.json());
    }
  }

  /** Deletes an object. Rejects with what the API refused: StatusError. */
  async delete(kind: TypedKind, name: string, options: { namespace?: string; body?: object } = {}): Promise<void> {
    const path = `${pathOf(kindOfWord(kind), options.namespace)}/${name}`;
    const answer = await this.request("DELETE", path, options.body);
    if (answer.code >= 300) throw new StatusError(answer.json());
  }

  /** Sends a request through the REST door and lets time pass until it is answered. */
  async request(method: string, target: string, body?: unknown, options: RequestOptions = {}): Promise<Answer> {
    await this.#wake();
    const exchange = this.open(method, target, body, options);
    await this.until(() => exchange.ended || exchange.lost, { withinMs: requestMaxMs, stepMs: 1 });
    if (exchange.lost) throw new Error(`${method} ${target}: the connection broke`);
    const { status, text, answerHeaders } = exchange;
    return { code: status, text, headers: answerHeaders, json: <T>() => JSON.parse(text) as T };
  }

  #handIn(exchange: SimExchange, via: string | undefined): void {
    const member = via === undefined ? this.#main : this.#member(via);
    member.exchanges.add(exchange);
    exchange.onClose(() => member.exchanges.delete(exchange));
    if (member.current === undefined) exchange.breakOff();
    else member.current.core.rest(exchange);
  }

  /** Sends a request and leaves it open: watches, and writes whose fate is of interest. */
  open(method: string, target: string, body?: unknown, { headers, user, via }: RequestOptions = {}): SimExchange {
    const request: SimRequest = {
      method,
      target,
      body,
      user: user === "anonymous" ? undefined : (user ?? administrator),
      ...(headers === undefined ? {} : { headers }),
    };
    const exchange = new SimExchange(request);
    if (this.#isAsleep) this.#early.push(() => this.#handIn(exchange, via));
    else this.#handIn(exchange, via);
    return exchange;
  }

  /** The native door as a client's transport; its calls go on at the next master after a crash. */
  transport(user: RequestOptions["user"] = administrator, via?: string): NativeTransport {
    const fixed = via === undefined ? undefined : this.#member(via);
    const door = (): Door | undefined => (fixed ?? this.#main).current?.core.door;
    const transport = new NativeTransport(door, user === "anonymous" ? undefined : user);
    this.#transports.set(transport, fixed);
    return transport;
  }

  /** Its doors on real sockets of the loopback, for kubectl and operators; closed with the cluster. */
  async listen(options: ListenOptions = {}): Promise<Endpoint> {
    await this.#wake();
    const endpoint = await Endpoint.listen({
      ...options,
      core: () => this.master.core,
      advance: (ms) => this.advance(ms),
      onError: (error) => this.#main.end(error),
    });
    this.#endpoints.add(endpoint);
    return endpoint;
  }

  /** A typed client in the cluster's time: `await cluster.run(client.kind("pods").list())`. */
  client(user?: RequestOptions["user"]): Client {
    return new Client(this.transport(user), this.env.clock);
  }

  /** Of the newest committed write. */
  get revision(): Revision {
    return this.#newest.revision;
  }

  get<K extends TypedKind>(
    kind: K,
    name: string,
    options?: { readonly namespace?: string },
  ): TypedKinds[K] | undefined {
    return this.#newest.get(kind, name, options);
  }

  list<K extends TypedKind>(kind: K, options?: ListOptions): readonly TypedKinds[K][] {
    return this.#newest.list(kind, options);
  }

  /**
   * The state as it was behind the write with this revision. It stays what it is while the cluster goes
   * on. Reads throw StatusError 410 where the history (ten minutes of each kind) does not reach back.
   */
  at(revision: Revision): ClusterView {
    const view = this.#store.at(revision);
    return new StoreViewer(() => view);
  }

  /** The master's log as its disk holds it: equal bytes after equal histories. */
  get logBytes(): Uint8Array {
    return this.#main.disk.bytesOf("wal");
  }

  /** `"10m"`, or milliseconds. Rejects with what brought the master down. */
  async advance(span: Span): Promise<void> {
    await this.#pass(millisOf(span));
  }

  /** Less than `ms` where `until` holds behind an event. */
  async #pass(ms: Millis, until?: () => boolean): Promise<void> {
    await this.#wake();
    this.#followers.follow(this.#host);
    await this.env.advance(ms, until);
    for (const member of this.#members) {
      if (member.fatal === undefined) continue;
      if ((this.#options.keeper !== true && !member.isKilled) || !member.isUp) throw member.fatal;
      this.lives += 1;
      member.kill();
      await member.start();
    }
  }

  /** Lets time pass until nothing is under way any more. */
  async settled(): Promise<void> {
    await this.#wake();
    this.#followers.follow(this.#host);
    await this.env.settle();
    for (const { fatal } of this.#members) if (fatal !== undefined) throw fatal;
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

  /**
   * A cluster that stands where this one stands, in its own time from now on: the same objects and the same
   * containers, agents and connections that begin anew. The same seed (default: this one's) gives the same
   * branch. Rejects unless this one is settled. Nothing of it runs before time passes in it.
   */
  async fork({ seed = this.seed }: { readonly seed?: number } = {}): Promise<Cluster> {
    const { from: _, ...options } = this.#options;
    return new Cluster({ ...options, seed }, await this.#imageNow());
  }

  /** The same as data, for `createCluster({ from })` in this process or another. */
  async snapshot(): Promise<ClusterSnapshot> {
    return snapshotOfImage(await this.#imageNow());
  }

  async #imageNow(): Promise<ClusterImage> {
    if (this.#isAsleep && this.#image !== undefined) return this.#image;
    // What was asked for just now is seen to be under way.
    await this.env.advance(0);
    const { clock } = this.env;
    if (clock.pending > 0) throw new Error("a cluster is copied when nothing is under way: await cluster.settled()");
    const lives = this.#members.map(({ current }) => current?.raft.incarnation ?? 0);
    return {
      seed: this.seed,
      revision: this.#store.revision,
      incarnations: (this.#image?.incarnations ?? 0) + Math.max(...lives),
      atMs: clock.mono(),
      skewMs: clock.skewMs,
      sealingKeys: this.sealingKeys,
      nodes: [...this.#nodes.values()].map((node) => node.image()),
      base: forkStore(this.#store),
    };
  }

  /** Something goes wrong from now on, as the record says, until it is over by itself or cleared. */
  fault(record: FaultRecord): ActiveFault {
    return this.#faults.add(record);
  }

  /** The table, where masters and nodes were started with faults enabled. */
  get #served(): FaultTable | undefined {
    return this.#options.faults === true ? this.#faults : undefined;
  }

  /** Every fault ends. */
  clearFaults(): void {
    this.#faults.clear();
  }

  get #host(): ActorHost | undefined {
    return this.#isAsleep ? undefined : this.#main.current?.core.host;
  }

  /**
   * Told of each transition of an object's actor from now on, as it is committed; answers what ends it. A run
   * that is followed is the same run.
   */
  onTransition(told: (transition: ActorTransition) => void): () => void {
    return this.#followers.add((found) => found.forEach(told), this.#host);
  }

  /**
   * Lets time pass until an actor goes from one state to another, and stops right there: what follows from it
   * has not happened yet. Throws after `within` (default two minutes).
   */
  async breakOn(of: ActorName, wish: TransitionWish = {}, within: Span = 120_000): Promise<ActorTransition> {
    await this.#wake();
    const host = (): ActorHost | undefined => this.#host;
    const { clock } = this.env;
    return breakOn({ of, wish, withinMs: millisOf(within) }, this.#followers, {
      host,
      clock,
      pass: (ms, until) => this.#pass(ms, until),
    });
  }

  /**
   * From now on what would be handled next by this actor waits, until it is let go on: requests about an object,
   * keys of a controller or of the scheduler (`/ctl/deployment`, or one of them: `/ctl/deployment/default/web`),
   * steps of a pod on its node (`/node/n1/pod/default/web`).
   */
  pauseActor(of: ActorName): PausedActor {
    return pauseActor(this.#stepping, actorPathOf(of), this);
  }

  /** An actor as it stands: state, what it takes, its timers and machine. Undefined: there is none. */
  inspect(of: ActorName): InspectedActor | undefined {
    const path = actorPathOf(of);
    const actors = this.#host?.actors;
    const explained = actors?.explain?.(actorName(path), undefined);
    if (explained === undefined) return undefined;
    const chart = actors?.chart?.(actorName(path));
    return { ...explained, ...(chart === undefined ? {} : { chart }), waiting: this.#stepping.waiting(path) };
  }

  /** The disk's next write fails; the master cannot trust it any more, and `advance` throws why. */
  failDisk(code: "EIO" | "ENOSPC"): void {
    this.#main.disk.inject({ operation: "write", code });
  }

  /** Power loss: what was not synced is lost, connections break. Of several masters: the one that leads. */
  crashMaster(): void {
    this.#main.kill();
  }

  /** `crumb`: what a watchdog has left; `epoch`: of a cluster that was restored from a backup. */
  async startMaster(options: { readonly crumb?: CrumbNote; readonly epoch?: string } = {}): Promise<void> {
    const down = this.#members.find(({ isUp }) => !isUp);
    invariant(down !== undefined, "a master is down");
    await down.start(options);
  }

  async restartMaster(): Promise<void> {
    const main = this.#main;
    main.kill();
    await main.start();
  }

  async addNode(name: string, options: NodeOptions = {}): Promise<ClusterNode> {
    await this.#wake();
    const node = this.#place(name, options);
    await this.run(node.start());
    return node;
  }

  /** A machine whose agent does not run yet. */
  #place(name: string, options: NodeOptions, image?: NodeImage): SimNode {
    const { script } = this.#options;
    const node = new SimNode({
      env: this.env,
      disk: createSimDisk({ rng: createRng(this.#nodes.size, `disk of ${name}`), ...(image && { image: image.disk }) }),
      network: this.#network,
      ...(image && { image }),
      name,
      address: `192.0.2.${20 + this.#nodes.size}`,
      ...options,
      ...(script === undefined ? {} : { script }),
      ...(this.#served === undefined ? {} : { faults: this.#served }),
    });
    this.#nodes.set(name, node);
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
    await Promise.all([...this.#endpoints].map((endpoint) => endpoint.close()));
    this.#isAsleep = false;
    for (const node of this.#nodes.values()) node.stop();
    for (const member of this.#members) await member.stop();
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
export async function createCluster(options: ClusterOptions = {}): Promise<Cluster> {
  refuseUnknown(options);
  const cluster = new Cluster(options);
  if (options.from !== undefined) return cluster;
  await cluster.startMasters();
  const { nodes = 1 } = options;
  const wanted = typeof nodes === "number" ? Array.from({ length: nodes }, () => ({})) : nodes;
  for (const [at, node] of wanted.entries()) await cluster.addNode(`n${at + 1}`, node);
  await cluster.until(() => cluster.list("nodes").filter(isReady).length === wanted.length);
  await cluster.until(() => cluster.get("serviceaccounts", "default") !== undefined);
  return cluster;
}

/** What cannot be had yet is refused in words, not ignored. */
function refuseUnknown({ masters = 1, time = "virtual", seed = 1 }: ClusterOptions): void {
  if (!Number.isInteger(masters) || masters < 1) throw new RangeError(`masters: ${masters}: a whole number from 1 on`);
  if (time !== "virtual") throw new RangeError(`time: ${String(time)}: there is virtual time only so far`);
  if (!Number.isInteger(seed)) throw new RangeError(`seed: ${seed}: a whole number`);
}

function isReady(node: TypedKinds["nodes"]): boolean {
  const condition = node.status?.conditions?.find(({ type }) => type === "Ready");
  return condition?.status === "True" && node.spec.podCIDR !== undefined && (node.spec.taints ?? []).length === 0;
}
