import type { Env, Random } from "../env/env.ts";
import type { FaultTable } from "../env/fault-table.ts";
import { faultsOf } from "../env/faults.ts";
import { memoryJournal } from "../env/program.ts";
import type { CrumbNote } from "../env/watchdog.ts";
import { createSimDisk, type SimDisk } from "../sim/disk.ts";
import { ProcessFaults } from "../server/faults.ts";
import { createRng } from "../sim/random.ts";
import { invariant } from "../util/errors.ts";
import type { SimExchange } from "./exchange.ts";
import { createLife, type Life } from "./life.ts";
import { startSimMaster, type SimMaster, type SimMasterOptions } from "./sim-master.ts";
import type { SimNetwork } from "./sim-network.ts";
import type { SimPeers } from "./sim-peers.ts";

/** A master of the virtual cluster, as tests see it. Members are named m1, m2 … */
export interface ClusterMember {
  readonly name: string;
  readonly id: number;
  /** Its life of this moment; throws while it is down. */
  readonly master: SimMaster;
  readonly isUp: boolean;
  /** It leads, and has said so to its controllers. */
  readonly isLeader: boolean;
  /** Power loss: what was not synced is lost, connections break. */
  kill(): void;
  start(): Promise<void>;
  /** Nothing passes between it and the other masters any more, and nobody is told. */
  cut(): void;
  /** Every cut between masters ends. */
  heal(): void;
}

export interface SimMemberOptions {
  readonly env: Env;
  readonly seed: number;
  readonly id: number;
  /** Ids of all. */
  readonly voters: readonly number[];
  readonly peers: SimPeers;
  readonly network: SimNetwork;
  /** What a life takes beside what the member knows by itself; asked at each start. */
  readonly life: () => Omit<SimMasterOptions, "env" | "onFatal" | "peering" | "onRole" | "faults">;
  /** The cluster's table, where Faults are served. */
  readonly faults?: FaultTable | undefined;
  /** The process wants to end; true: a keeper starts it again. */
  readonly isKept: boolean;
  /** Lets time pass until the promise is settled. */
  readonly run: <T>(promise: Promise<T>) => Promise<T>;
}

export class SimMember implements ClusterMember {
  readonly name: string;
  readonly id: number;
  readonly disk: SimDisk;
  readonly exchanges: Set<SimExchange> = new Set();
  /** Why the process ended itself. */
  fatal: Error | undefined;
  /** Told when connections to this member break. */
  onBreak: () => void = () => undefined;
  /** Awaited at the end of a start. */
  onStarted: () => Promise<void> = async () => undefined;
  /** A Fault killed it: whoever keeps it starts it again. */
  isKilled = false;
  readonly #options: SimMemberOptions;
  /** What faults have done to it, over all its lives. */
  readonly #journal = memoryJournal();
  #faults: ProcessFaults | undefined;
  #life: Life | undefined;
  #master: SimMaster | undefined;

  constructor(options: SimMemberOptions) {
    const { env, seed, id, voters } = options;
    this.#options = options;
    this.id = id;
    this.name = `m${id}`;
    // A lone master draws what it has always drawn.
    const own = voters.length === 1 ? "" : ` of ${this.name}`;
    const device = env.random.stream(`device${own}`);
    this.disk = createSimDisk({
      rng: createRng(seed, `disk${own}`),
      pace: () =>
        new Promise((resolve) => {
          env.clock.after(1 + device.below(5), resolve);
        }),
    });
  }

  get master(): SimMaster {
    invariant(this.#master !== undefined, `the master ${this.name} runs`);
    return this.#master;
  }

  get current(): SimMaster | undefined {
    return this.#master;
  }

  get isUp(): boolean {
    return this.#master !== undefined;
  }

  get isLeader(): boolean {
    return this.#master?.core.host.isLeader ?? false;
  }

  async start({ crumb, epoch }: { readonly crumb?: CrumbNote; readonly epoch?: string } = {}): Promise<void> {
    const { env, id, voters, peers, network, run } = this.#options;
    invariant(this.#master === undefined, `the master ${this.name} runs once at a time`);
    const own = faultsOf(env.faults, () => ({ master: this.name, isLeader: this.isLeader }));
    const random = voters.length === 1 ? env.random : ownRandom(env.random, this.name);
    const world = { ...env, faults: own, random };
    const life = createLife(world, this.disk.attach());
    this.#life = life;
    const faults = this.#faultsOf(life);
    this.#faults = faults;
    const starting = startSimMaster({
      ...this.#options.life(),
      env: faults?.env ?? life.env,
      ...(faults === undefined ? {} : { faults }),
      onFatal: (error) => {
        if (this.#life === life) this.end(error);
      },
      onRole: (role) => {
        if (role !== "leader" && this.#master !== undefined) network.release(this.#master.links);
      },
      ...(voters.length === 1 ? {} : { peering: { id, voters, peers } }),
      ...(crumb === undefined ? {} : { crumb }),
      ...(epoch === undefined ? {} : { epoch }),
    });
    this.#master = await run(starting);
    network.listen(this.#master.links, () => this.isLeader);
    await this.onStarted();
  }

  /** Undefined: it was started without them. */
  #faultsOf(life: Life): ProcessFaults | undefined {
    const { faults, env } = this.#options;
    if (faults === undefined) return undefined;
    const kill = (): void => {
      this.isKilled = true;
      this.end(new Error(`a fault killed the master ${this.name}`));
    };
    return new ProcessFaults({
      env: life.env,
      self: { role: "master", name: this.name },
      journal: this.#journal,
      shared: faults,
      program: {
        kill,
        pause: (ms) => this.#pause(life, () => env.clock.after(ms, () => this.#resume(life))),
        // Its watchdog does not wait for the end of that.
        hang: () => this.#pause(life, () => env.clock.after(watchdogMs, kill)),
      },
    });
  }

  /** As SIGSTOP: what others send it meanwhile is late beyond use. */
  #pause(life: Life, then: () => void): void {
    life.pause();
    this.cut();
    then();
  }

  #resume(life: Life): void {
    const { peers, voters } = this.#options;
    for (const other of voters) {
      peers.mend(this.id, other);
      peers.mend(other, this.id);
    }
    life.resume();
  }

  kill(): void {
    const { peers, network } = this.#options;
    this.#break();
    this.exchanges.clear();
    if (this.#master !== undefined) network.reset(this.#master.links);
    this.#master = undefined;
    this.fatal = undefined;
    this.isKilled = false;
    peers.detach(this.id);
  }

  /** In order; for good. */
  async stop(): Promise<void> {
    if (this.#master === undefined) return;
    this.#master.core.host.stop();
    const stopping = this.#master.raft.stop();
    await this.#options.run(stopping);
    this.#life?.end();
  }

  cut(): void {
    const { peers, voters } = this.#options;
    for (const other of voters) {
      if (other === this.id) continue;
      peers.cut(this.id, other);
      peers.cut(other, this.id);
    }
  }

  heal(): void {
    this.#options.peers.heal();
  }

  /** The process ends here and now: nothing that it still holds reaches disk or clients. */
  end(error: Error): void {
    if (this.fatal !== undefined) return;
    this.fatal = error;
    if (!this.#options.isKept && !this.isKilled) return;
    this.#break();
    this.#options.peers.detach(this.id);
  }

  #break(): void {
    this.#faults?.stop();
    this.#faults = undefined;
    this.#life?.end();
    this.disk.crash();
    for (const exchange of this.exchanges) exchange.breakOff();
    this.onBreak();
  }
}

const watchdogMs = 2_000;

/** Members draw from streams of their own, or two leaders would give out the same uids. */
function ownRandom(random: Random, name: string): Random {
  return { stream: (stream) => random.stream(`${name}/${stream}`) };
}
