import type { NodeStream } from "../api/node-streams.ts";
import type { ActorDirectory } from "../actors/runtime/actor.ts";
import type { Env } from "../env/env.ts";
import type { Host } from "../env/host.ts";
import type { Node } from "../kinds/generated/types.ts";
import { messageOf, TransientError } from "../util/errors.ts";
import type { AgentState } from "./agent-state.ts";
import { loadAgentState, saveAgentState } from "./agent-state.ts";
import type { Cgroups as NodeCgroups } from "./cgroups/cgroups.ts";
import type { Cri } from "./cri/cri.ts";
import type { Desired, Reporter } from "./desired.ts";
import { actorDirectory } from "./directory.ts";
import { createSliceGate } from "./gate.ts";
import type { Puller } from "./images/puller.ts";
import type { NodeLink } from "./link/client.ts";
import { createNodeLink } from "./link/client.ts";
import type { LinkTransport } from "./link/transport.ts";
import type { Ipam } from "./network/ipam.ts";
import { createCheckpoints } from "./pods/checkpoint.ts";
import { logRootOf, podUidLabel } from "./pods/config.ts";
import { parseResolvConf } from "./pods/dns.ts";
import { createEventRecorder } from "./pods/events.ts";
import { createImages } from "./pods/images.ts";
import { startsPerCpuCount, stopsAtOnceCount } from "./pods/limits.ts";
import type { Cgroups, NodeFacts, PodNetwork, TerminationGate } from "./pods/ports.ts";
import type { Pods } from "./pods/pods.ts";
import { createPods } from "./pods/pods.ts";
import { Semaphore } from "./pods/semaphore.ts";
import { createGrpcHealth } from "./probes/grpc-health.ts";
import { createProber } from "./probes/prober.ts";
import { createProbeSupervisor } from "./probes/probes.ts";
import { machineFacts, machineHealth } from "./status/machine.ts";
import type { MachineFacts } from "./status/node-object.ts";
import { allocatableOf } from "./status/node-object.ts";
import { withReleases, type ContainerStreamRequest } from "./release.ts";
import { createNodeReporter } from "./status/reporter.ts";
import { createMounter } from "./volumes/mounts.ts";
import { createTokens } from "./volumes/tokens.ts";
import { agentParts, createNodeTree, type NodeTree } from "./tree.ts";
import { createVolumes } from "./volumes/volumes.ts";

/**
 * One node's agent: everything below is composed here and nowhere else. The runtime must answer
 * before `start`; proxy, DNS and log rotation are the caller's, on `desired`.
 */
export interface Agent {
  readonly desired: Desired;
  readonly reporter: Reporter;
  readonly link: NodeLink;
  readonly pods: Pods;
  readonly actors: ActorDirectory;
  /** Parts that the caller composes hang themselves in. */
  readonly tree: NodeTree;
  /** Adopts what runs, then dials the masters. */
  start(): Promise<void>;
  /** Lets go of everything without stopping a container. */
  stop(): void;
}

export interface AgentOptions {
  readonly env: Env;
  readonly host: Host;
  readonly cri: Cri;
  readonly transport: LinkTransport;
  readonly puller: Puller;
  readonly ipam: Ipam;
  readonly cgroups: NodeCgroups;
  /** Logs, exec, attach, port-forward of this node's containers. */
  readonly openStream: (request: ContainerStreamRequest) => Promise<NodeStream>;
  readonly node: {
    readonly name: string;
    readonly addresses: readonly string[];
    /** `v1.36.0-troupe`: what `kubectl get nodes` shows. */
    readonly version: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly taints?: Node["spec"]["taints"];
  };
  /** The node's data directory, absolute. */
  readonly root: string;
  /** `/troupe-<cluster>-<node>`. */
  readonly cgroupRoot: string;
  readonly apparmor?: boolean;
  /** Words before mount and umount, to reach the runtime's mount namespace. */
  readonly mountNamespace?: readonly string[];
  /** Events of the runtime: each means "look now". Absent: the relist of every second is all. */
  readonly onRuntimeEvent?: (run: () => void) => void;
  /** Absent: EndpointSlices and the masters' word about all proxies. */
  readonly gate?: TerminationGate;
  /** The supervision tree gave up, and nothing may go on: the process must end. */
  readonly onFatal: (error: Error) => void;
}

export async function createAgent(options: AgentOptions): Promise<Agent> {
  const { cri, env, host, node, root } = options;
  const { clock, disk, log } = env;
  let state = await loadAgentState(disk);
  let saving = Promise.resolve();
  const remember = (change: Partial<AgentState>): void => {
    state = { ...state, ...change };
    // One after the other: each writes the newest.
    saving = saving
      .then(async () => saveAgentState(disk, state))
      .catch((error: unknown) => log("error", "agent.state.unsaved", { error: messageOf(error) }));
  };
  const machine = await machineFacts(host, cri, { ...node, root });
  const hostDns = parseResolvConf(await host.files.readText("/etc/resolv.conf"));

  const link = createNodeLink({
    clock,
    log,
    transport: options.transport,
    node: node.name,
    bootId: machine.bootId,
    version: node.version,
    epoch: state.epoch,
    saveEpoch: (epoch) => remember({ epoch }),
    actors: () => actors.list(),
    openStream: withReleases(() => pods, options.openStream),
  });
  link.onWelcome(({ clusterDomain, dnsAddress }) => remember({ clusterDomain, dnsAddress }));
  const { desired, reporter } = link;
  const rng = env.random.stream("node");
  const events = createEventRecorder({ clock, log, reporter, node: node.name });
  const facts = (): NodeFacts => nodeFacts(options, machine, state, hostDns);
  const prober = createProber({
    cri,
    net: host.net,
    clock,
    health: createGrpcHealth(clock),
    userAgent: `kube-probe/${/\d+\.\d+/.exec(node.version)?.[0] ?? "1.36"}`,
  });
  const { faults, random } = env;
  const tree = createNodeTree({ clock, log, random, faults, node: node.name, giveUp: options.onFatal });
  const giveUp = (error: Error): void => tree.giveUp(error);
  const probes = createProbeSupervisor({ clock, rng, log, events, prober, faults, node: node.name, giveUp });
  const isLive = (): boolean => link.state === "live";
  const pods = createPods({
    nodeName: node.name,
    giveUp,
    ports: {
      clock,
      log,
      random: env.random.stream("restarts"),
      cri,
      desired,
      reporter,
      events,
      probes,
      images: createImages({ clock, desired, events, puller: options.puller }),
      volumes: createVolumes({
        clock,
        rng,
        desired,
        root,
        files: host.files,
        node: facts,
        mounter: createMounter(host.exec, host.files, options.mountNamespace),
        tokens: createTokens({ clock, log, reporter }),
      }),
      network: networkOf(options.ipam, env, node.name),
      cgroups: cgroupsOf(options.cgroups),
      hooks: prober,
      gate: options.gate ?? createSliceGate(desired, { isLive, proxied: () => link.proxiedEverywhere }),
      checkpoints: createCheckpoints(disk, log),
      node: facts,
      starts: new Semaphore(startsPerCpuCount * host.cpus),
      stops: new Semaphore(stopsAtOnceCount),
      epoch: () => link.epoch,
      bootId: machine.bootId,
      faults,
    },
  });
  const status = createNodeReporter({
    clock,
    log,
    desired,
    reporter,
    events,
    facts: async () => machine,
    health: async () => machineHealth(host, cri, root),
  });
  const actors = actorDirectory({ tree, pods, probes });

  return {
    desired,
    reporter,
    link,
    pods,
    actors,
    tree,
    async start() {
      if (state.podCidr !== "") await loadRange(options, state.podCidr, pods);
      await pods.start();
      options.onRuntimeEvent?.(() => pods.relist());
      desired.onChange((changed) => {
        if (changed.has("nodes")) void followRange();
      });
      for (const child of agentParts(clock, tree.path, { link, status })) tree.add(child);
    },
    stop() {
      tree.stop();
      pods.stop();
      link.stop();
    },
  };

  /** The node's pod range comes with its own Node object, once. */
  async function followRange(): Promise<void> {
    const cidr = desired.get<Node>("nodes", "", node.name)?.spec.podCIDR ?? "";
    if (cidr === "" || cidr === state.podCidr) return;
    try {
      await loadRange(options, cidr, pods);
      remember({ podCidr: cidr });
    } catch (error) {
      log("error", "agent.range.failed", { cidr, error: messageOf(error) });
    }
  }
}

function nodeFacts(
  options: AgentOptions,
  machine: MachineFacts,
  state: AgentState,
  hostDns: NodeFacts["hostDns"],
): NodeFacts {
  const { cgroupRoot, node, root } = options;
  return {
    name: node.name,
    hostIps: node.addresses,
    allocatable: allocatableOf(machine),
    memoryBytes: machine.memoryBytes,
    cpus: machine.cpus,
    cgroupRoot,
    logRoot: logRootOf(root),
    seccompRoot: `${root}/seccomp`,
    apparmor: options.apparmor === true,
    clusterDns: state.dnsAddress,
    clusterDomain: state.clusterDomain,
    hostDns,
  };
}

/** What the runtime runs holds its addresses; so does every pod that has an actor. */
async function loadRange({ cri, ipam }: AgentOptions, cidr: string, pods: Pods): Promise<void> {
  await ipam.load(cidr);
  const held: { podUid: string; ip: string }[] = [];
  for (const { id, labels, state } of await cri.listPodSandboxes()) {
    const podUid = labels[podUidLabel];
    if (podUid === undefined || state !== "ready") continue;
    const { ip } = await cri.podSandboxStatus(id);
    if (ip !== "") held.push({ podUid, ip });
  }
  await ipam.reconcile(held, new Set(pods.list().map(({ uid }) => uid)));
}

/** A pod's address is given and taken back behind the seam `cni`. */
function networkOf(ipam: Ipam, { clock, faults }: Env, node: string): PodNetwork {
  const pass = async <T>(step: string, run: () => Promise<T>): Promise<T> => {
    const fault = faults.at({ seam: "cni", path: `/node/${node}/cni/${step}` });
    if (fault.kind === "error") throw new TransientError(`the pod's network: ${fault.message}`);
    const waitMs = fault.kind === "delay" || fault.kind === "hang" ? (fault.ms ?? 0) : 0;
    if (waitMs > 0) await new Promise<void>((resolve) => void clock.after(waitMs, resolve));
    return run();
  };
  return {
    assign: (uid) => pass("add", async () => ipam.allocate(uid)),
    release: (uid) => pass("del", async () => ipam.release(uid)),
  };
}

function cgroupsOf(cgroups: NodeCgroups): Cgroups {
  return {
    create: async ({ path, cpuShares, cpuQuotaUs, memoryLimitBytes }) =>
      cgroups.apply(path, {
        cpuShares,
        ...(cpuQuotaUs === undefined ? {} : { cpuQuotaMicros: cpuQuotaUs }),
        ...(memoryLimitBytes === undefined ? {} : { memoryBytes: memoryLimitBytes }),
      }),
    remove: async ({ path }) => cgroups.remove(path),
  };
}
