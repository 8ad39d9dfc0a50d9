import type { Env } from "../env/env.ts";
import { createSimulatedAgent, type SimulatedAgent, type SimulatedAgentOptions } from "../node/simulated/agent.ts";
import { createSimulatedNetwork, type SimulatedNetwork } from "../node/simulated/node.ts";
import { createSimulatedRuntime, type SimulatedRuntime } from "../node/simulated/runtime.ts";
import { scriptOfAnnotations } from "../node/simulated/script.ts";
import { invariant, messageOf } from "../util/errors.ts";
import type { Millis } from "../util/time.ts";
import type { SimDisk } from "../sim/disk.ts";
import type { NodeImage } from "./cluster-image.ts";
import { faultsOf } from "../env/faults.ts";
import { memoryJournal } from "../env/program.ts";
import type { FaultTable } from "../env/fault-table.ts";
import { createFaultyCri } from "../node/cri/faulty.ts";
import { ProcessFaults } from "../server/faults.ts";
import { createLife, type Life } from "./life.ts";
import { SimKernel } from "./sim-kernel.ts";
import { simFacts } from "../sim/master-facts.ts";
import type { SimNetwork } from "./sim-network.ts";
import type { TableSettings } from "../node/proxy/skeleton.ts";
import { parseIpv4Cidr, type Ipv4Cidr } from "../util/ipv4.ts";

/**
 * A machine of the virtual cluster: an agent that lives and dies, over containers, addresses and a
 * disk that outlive it.
 */
export class SimNode {
  readonly name: string;
  readonly runtime: SimulatedRuntime;
  /** How often the agent has been started again. */
  restarts = 0;
  readonly #options: SimNodeOptions;
  readonly #addresses: SimulatedNetwork;
  readonly #kernel: SimKernel | undefined;
  #crashes = 0;
  /** What faults have done to it, over all lives of its agent. */
  readonly #journal = memoryJournal();
  #life: Life | undefined;
  #agent: SimulatedAgent | undefined;

  constructor(options: SimNodeOptions) {
    const { env, name, script = scriptOfAnnotations } = options;
    this.#options = options;
    this.name = name;
    this.#kernel = options.proxy === true ? new SimKernel() : undefined;
    const addresses = createSimulatedNetwork(name, options.image?.addresses);
    this.#addresses = addresses;
    this.runtime = createSimulatedRuntime({
      clock: env.clock,
      script,
      addressOf: (uid) => addresses.addressOf(uid),
      from: options.image?.runtime,
    });
  }

  /** The machine as data, without what its agent has in memory. */
  image(): NodeImage {
    const { name, cpus, memoryBytes, labels, disk, proxy } = this.#options;
    const given = {
      ...(cpus === undefined ? {} : { cpus }),
      ...(memoryBytes === undefined ? {} : { memoryBytes }),
      ...(labels === undefined ? {} : { labels }),
      ...(proxy === undefined ? {} : { proxy }),
    };
    return {
      name,
      options: given,
      runtime: this.runtime.records(),
      addresses: this.#addresses.table,
      disk: disk.image(),
    };
  }

  /** The agent of this moment; another one after `kill` and `start`. */
  get agent(): SimulatedAgent {
    invariant(this.#agent !== undefined, `node ${this.name} was started`);
    return this.#agent;
  }

  get kernel(): SimKernel {
    invariant(this.#kernel !== undefined, `node ${this.name} was made with a proxy: { proxy: true }`);
    return this.#kernel;
  }

  async start(): Promise<void> {
    const { env, disk, network, name, image: _, proxy: __, faults: ___, ...rest } = this.#options;
    invariant(this.#life === undefined, `node ${name} has one agent at a time`);
    const life = createLife(env, disk);
    this.#life = life;
    const faults = this.#faultsOf(life);
    const own = faults?.env ?? { ...life.env, faults: faultsOf(env.faults, () => ({ node: name })) };
    const isAlive = (): boolean => this.#life === life;
    const runtime = createFaultyCri({
      runtime: this.runtime,
      node: name,
      clock: life.env.clock,
      faults: own.faults,
      crash: () => this.#crash(),
      isAlive,
      // By turns, so that two crashes at one call are one of each.
      isBehind: () => (this.#crashes += 1) % 2 === 0,
    });
    this.#agent = await createSimulatedAgent({
      ...rest,
      env: own,
      name,
      transport: network.transport(name, own.faults),
      version: "v1.33.0-troupe",
      runtime,
      network: this.#addresses,
      ...(this.#kernel === undefined ? {} : { proxy: { exec: this.#kernel.exec, settings: proxySettings } }),
      onFatal: () => this.#crash(),
    });
    faults?.followDesired(this.#agent.link.desired, this.#agent.link.reporter);
    if (isAlive()) await this.#agent.start();
  }

  /** Undefined: its agent was started without them. */
  #faultsOf(life: Life): ProcessFaults | undefined {
    const { name, faults } = this.#options;
    if (faults === undefined) return undefined;
    const { clock } = this.#options.env;
    const pause = (ms: Millis): void => {
      this.pause();
      clock.after(ms, () => this.resume());
    };
    return new ProcessFaults({
      env: life.env,
      self: { role: "node", name },
      journal: this.#journal,
      shared: faults,
      program: { kill: () => this.#crash(), pause, hang: pause },
    });
  }

  /** As `kill -9` of the agent: nobody is told, and containers run on. */
  kill(): void {
    this.#life?.end();
    this.#life = undefined;
    this.#options.network.unplug(this.name);
  }

  /** As SIGSTOP: it does nothing until `resume`, and then what was due meanwhile. */
  pause(): void {
    this.#life?.pause();
    this.#options.network.cut(this.name);
  }

  resume(): void {
    this.#options.network.heal(this.name);
    this.#life?.resume();
  }

  /** In order; for good. */
  stop(): void {
    this.#agent?.stop();
    this.#life?.end();
    this.#life = undefined;
  }

  cut(): void {
    this.#options.network.cut(this.name);
  }

  heal(): void {
    this.#options.network.heal(this.name);
  }

  /** Its keeper starts it again. */
  #crash(): void {
    const { env } = this.#options;
    if (this.#life === undefined) return;
    this.kill();
    env.clock.after(keeperMs, () => {
      if (this.#life !== undefined) return;
      this.restarts += 1;
      this.start().catch((error: unknown) =>
        env.log("error", "agent.start-failed", { node: this.name, error: messageOf(error) }),
      );
    });
  }
}

function cidr(text: string): Ipv4Cidr {
  const parsed = parseIpv4Cidr(text);
  invariant(parsed !== undefined, `${text} is a range of addresses`);
  return parsed;
}

const proxySettings: TableSettings = {
  table: "troupe0",
  podCidr: cidr(simFacts.podCidr),
  serviceCidr: cidr(simFacts.serviceCidr),
  nodeAddresses: [],
  dnsAddresses: [],
  podLinkPrefix: "tr",
};

export interface SimNodeOptions extends Pick<
  SimulatedAgentOptions,
  "name" | "script" | "address" | "cpus" | "memoryBytes" | "labels"
> {
  readonly env: Env;
  /** Outlives the agent. */
  readonly disk: SimDisk;
  readonly network: SimNetwork;
  readonly proxy?: boolean;
  /** The cluster's table, where Faults are served. */
  readonly faults?: FaultTable;
  /** What it was in the cluster that this one goes on from. */
  readonly image?: NodeImage;
}

const keeperMs: Millis = 500;
