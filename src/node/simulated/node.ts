import type { NodeStream, NodeStreamRequest } from "../../api/node-streams.ts";
import type { Clock, Log, Random } from "../../env/env.ts";
import type { FaultPort } from "../../env/faults.ts";
import type { Node } from "../../kinds/generated/types.ts";
import { TransientError } from "../../util/errors.ts";
import type { Desired, Reporter } from "../desired.ts";
import type { AddressTable } from "../network/addresses.ts";
import { allocate, emptyTable, release } from "../network/addresses.ts";
import type { Checkpoints } from "../pods/checkpoint.ts";
import { memoryCheckpoints } from "../pods/checkpoint.ts";
import { createEventRecorder } from "../pods/events.ts";
import { stopsAtOnceCount } from "../pods/limits.ts";
import type { PodNetwork, TerminationGate } from "../pods/ports.ts";
import { openGate } from "../pods/ports.ts";
import type { Pods } from "../pods/pods.ts";
import { createPods } from "../pods/pods.ts";
import { Semaphore } from "../pods/semaphore.ts";
import type { ProbeCall, Prober } from "../probes/prober.ts";
import type { ProbeSupervisor } from "../probes/probes.ts";
import { createProbeSupervisor } from "../probes/probes.ts";
import type { Health, MachineFacts } from "../status/node-object.ts";
import { allocatableOf } from "../status/node-object.ts";
import type { NodeReporter } from "../status/reporter.ts";
import { createNodeReporter } from "../status/reporter.ts";
import type { SimulatedRuntime } from "./runtime.ts";
import { createSimulatedRuntime, imageOf } from "./runtime.ts";
import type { ScriptOf } from "./script.ts";
import { scriptOfAnnotations } from "./script.ts";
import { withReleases } from "../release.ts";
import { openSimulatedStream } from "./streams.ts";

/**
 * A node without containers. Its pods have the same actors, rules and statuses as on a real node;
 * only the runtime, volumes and network below them are records. Works on any clock.
 */
export interface SimulatedNode {
  readonly pods: Pods;
  readonly probes: ProbeSupervisor;
  readonly runtime: SimulatedRuntime;
  /** Started by whoever supervises it. */
  readonly status: NodeReporter;
  start(): Promise<void>;
  stop(): void;
  openStream(request: NodeStreamRequest): Promise<NodeStream>;
}

export interface SimulatedNodeOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly name: string;
  readonly desired: Desired;
  readonly reporter: Reporter;
  /** Default: annotations of the pod (`scriptOfAnnotations`). */
  readonly script?: ScriptOf;
  readonly gate?: TerminationGate;
  readonly address?: string;
  readonly cpus?: number;
  readonly memoryBytes?: number;
  readonly labels?: Readonly<Record<string, string>>;
  readonly taints?: Node["spec"]["taints"];
  /** `v1.36.0-troupe`. */
  readonly version?: string;
  /** Kept from an earlier life of the same node, so that it adopts. */
  readonly runtime?: SimulatedRuntime;
  /** Kept likewise: the addresses that its pods have. */
  readonly network?: SimulatedNetwork;
  readonly checkpoints?: Checkpoints;
  readonly epoch?: () => string;
  readonly giveUp?: (error: Error) => void;
  readonly faults?: FaultPort;
}

const startsAtOnceCount = 16;

export function createSimulatedNode(options: SimulatedNodeOptions): SimulatedNode {
  const { clock, desired, log, name, reporter } = options;
  const facts = simulatedMachine(options);
  const rng = options.random.stream(`node/${name}`);
  const giveUp = options.giveUp === undefined ? {} : { giveUp: options.giveUp };
  const faulty = options.faults === undefined ? {} : { faults: options.faults };
  const network = options.network ?? createSimulatedNetwork(name);
  network.follow(desired);
  const script = options.script ?? scriptOfAnnotations;
  const addressOf = (uid: string): string => network.addressOf(uid);
  const runtime = options.runtime ?? createSimulatedRuntime({ clock, script, addressOf });
  const events = createEventRecorder({ clock, log, reporter, node: name });
  const probes = createProbeSupervisor({
    clock,
    rng,
    log,
    events,
    prober: proberOf(runtime),
    node: name,
    ...faulty,
    ...giveUp,
  });
  const status = createNodeReporter({
    clock,
    log,
    desired,
    reporter,
    events,
    facts: async () => facts,
    health: async () => healthy,
  });
  const pods = createPods({
    nodeName: name,
    ...giveUp,
    ports: {
      clock,
      log,
      random: rng,
      cri: runtime,
      desired,
      reporter,
      events,
      probes,
      images: { ensure: async (_, { image = "" }) => ({ id: imageOf(image).id, uid: 1_000, username: "" }) },
      volumes: {
        setUp: async () => {},
        refresh: async () => undefined,
        mounts: async () => [],
        terminationMessage: async () => "",
        tearDown: async () => {},
        sweep: async () => {},
      },
      network,
      cgroups: { create: async () => {}, remove: async () => {} },
      hooks: { run: async () => {} },
      gate: options.gate ?? openGate,
      checkpoints: options.checkpoints ?? memoryCheckpoints(),
      node: () => ({
        name,
        hostIps: facts.addresses,
        allocatable: allocatableOf(facts),
        memoryBytes: facts.memoryBytes,
        cpus: facts.cpus,
        cgroupRoot: `/${name}`,
        logRoot: "/simulated/logs",
        seccompRoot: "/simulated/seccomp",
        apparmor: false,
        clusterDns: "192.0.2.53",
        clusterDomain: "cluster.local",
        hostDns: { servers: [], searches: [], options: [] },
      }),
      starts: new Semaphore(startsAtOnceCount),
      stops: new Semaphore(stopsAtOnceCount),
      epoch: options.epoch ?? (() => ""),
      bootId: facts.bootId,
      ...faulty,
    },
  });
  return {
    pods,
    probes,
    runtime,
    status,
    async start() {
      await pods.start();
      runtime.onEnd(() => pods.relist());
    },
    stop() {
      pods.stop();
    },
    openStream: withReleases(
      () => pods,
      (request) => openSimulatedStream(runtime, request),
    ),
  };
}

const healthy: Health = {
  runtime: { ready: true, network: true, message: "" },
  memoryAvailableBytes: Number.MAX_SAFE_INTEGER,
  disk: { availablePercent: 90, inodesFreePercent: 90 },
  images: [],
};

function simulatedMachine(options: SimulatedNodeOptions): MachineFacts {
  const { name, labels, taints } = options;
  return {
    name,
    hostname: name,
    addresses: [options.address ?? "192.0.2.1"],
    cpus: options.cpus ?? 8,
    memoryBytes: options.memoryBytes ?? 32 * 1_024 ** 3,
    diskBytes: 100 * 1_024 ** 3,
    architecture: "amd64",
    machineId: name,
    systemUuid: name,
    bootId: `simulated-${name}`,
    kernelVersion: "simulated",
    osImage: "simulated",
    runtimeVersion: "simulated://1",
    version: options.version ?? "v1.36.0-troupe",
    ...(labels === undefined ? {} : { labels }),
    ...(taints === undefined ? {} : { taints }),
  };
}

/** Pod addresses from the podCIDR of the node's own object. */
export interface SimulatedNetwork extends PodNetwork {
  addressOf(uid: string): string;
  /** Where the node's object is read from now on. */
  follow(desired: Desired): void;
  /** Who has which address, as data. */
  readonly table: AddressTable | undefined;
}

/** `from`: the table of an earlier life. */
export function createSimulatedNetwork(name: string, from?: AddressTable): SimulatedNetwork {
  let table = from;
  let desired: Desired | undefined;
  return {
    get table() {
      return table;
    },
    follow: (followed) => void (desired = followed),
    async assign(uid) {
      const cidr = desired?.get<Node>("nodes", "", name)?.spec.podCIDR;
      if (table === undefined && cidr === undefined) throw new TransientError("the node has no pod range yet");
      table ??= emptyTable(cidr!);
      const taken = allocate(table, uid);
      if (taken === undefined) throw new TransientError("all addresses of the node's pod range are used");
      table = taken.table;
      return taken.address;
    },
    async release(uid) {
      if (table !== undefined) table = release(table, uid);
    },
    addressOf: (uid) => table?.byUid.get(uid) ?? "",
  };
}

function proberOf(runtime: SimulatedRuntime): Prober {
  return {
    async probe({ container, containerId, probe }: ProbeCall) {
      const script = runtime.scriptOf(containerId) ?? {};
      const runningMs = runtime.runningMs(containerId) ?? 0;
      const kind =
        probe === container.startupProbe ? "startup" : probe === container.livenessProbe ? "liveness" : "readiness";
      const ready = kind === "liveness" || runningMs >= (script.readyAfterMs ?? 0);
      const good = script.probe?.(kind, runningMs) ?? ready;
      return { kind: good ? "success" : "failure", message: good ? "" : "simulated" };
    },
  };
}
