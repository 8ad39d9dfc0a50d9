/**
 * One node with containers: runtime, network, images, agent, proxy and DNS, in the order in which
 * each needs the one before. Containers outlive it: stopping it stops nothing but itself.
 */
import { partChild, type ChildSpec } from "../actors/runtime/supervisor.ts";
import type { Env } from "../env/env.ts";
import type { Host } from "../env/host.ts";
import { createAgent, type Agent } from "../node/agent.ts";
import type { ContainerdServices } from "../node/cri/containerd-services.ts";
import { startDnsFeeder, type DnsFeeder } from "../node/dns/feeder.ts";
import type { MasterAddress } from "../node/link/transport.ts";
import type { Recorder } from "../node/network/outside.ts";
import { parseIpv4Cidr, parseIpv4 } from "../util/ipv4.ts";
import { proxyChild, type SupervisedProxy } from "../node/proxy/proxy-child.ts";
import { replaceable } from "../node/replaceable.ts";
import { startNodeRuntime } from "../node/runtime.ts";
import type { ProcessFaults } from "./faults.ts";
import { openNodeLink } from "./node-link.ts";
import { invariant, messageOf, TransientError } from "../util/errors.ts";

export interface NodeOptions {
  readonly env: Env;
  readonly host: Host;
  readonly name: string;
  readonly cluster: {
    readonly name: string;
    readonly number: number;
    readonly podCidr: string;
    readonly serviceCidr: string;
    readonly dnsAddress: string;
    readonly clusterDomain: string;
  };
  /** Absolute; everything of this node lies below it. */
  readonly dataDirectory: string;
  /** Socket of a containerd that somebody else runs; absent: the node runs its own. */
  readonly runtimeEndpoint?: string;
  /** This process lives in a network namespace made for the node. */
  readonly ownNetns: boolean;
  /** `host:port` of the masters' gRPC port, or all of theirs. */
  readonly masterAddress: MasterAddress;
  readonly tls: { readonly authority: string; readonly certificate: string; readonly key: string };
  /** `v1.32.0+troupe.0.1.0`: what `kubectl get nodes` shows. */
  readonly version: string;
  /** The agent's supervision gave up: the process must end. */
  readonly onFatal: (error: Error) => void;
  /** Started with `--enable-faults`; `env` is its own then. */
  readonly faults?: ProcessFaults;
  /** Starts the DNS process of this node: `node bin/troupe dns …`. */
  readonly dnsCommand: { readonly file: string; readonly args: readonly string[] };
}

export interface RunningNode {
  readonly agent: Agent;
  readonly proxy: SupervisedProxy;
  stop(): void;
}

/** Pods' links on the host begin with it (network/plugin.ts). */
const podLinkPrefix = "tr";
const dnsRespawnMs = 3_000;
const resubscribeMs = 500;

export async function startNode(options: NodeOptions): Promise<RunningNode> {
  const { env, host, name, cluster, dataDirectory } = options;
  const { exec } = host;
  const { clock, log } = env;
  const cgroupRoot = `/troupe-${cluster.name}-${name}`;
  const runtime = await startNodeRuntime({
    env,
    host,
    dataDirectory,
    cgroupRoot,
    serviceCidr: cluster.serviceCidr,
    ownNetns: options.ownNetns,
    ...(options.runtimeEndpoint === undefined ? {} : { endpoint: options.runtimeEndpoint }),
    ...(options.faults === undefined ? {} : { wrap: options.faults.wrapCri(name) }),
  });
  const { cri, puller, ipam, cgroups, recorder, apparmor, address, services } = runtime;
  await addDnsAddress(options, recorder);

  const agent = await createAgent({
    env,
    host,
    cri,
    transport: openNodeLink(options),
    puller,
    ipam,
    cgroups,
    openStream: (request) => runtime.openStream(request),
    onRuntimeEvent: (run) => followRuntime(options, services, run),
    node: { name, addresses: [address.address], version: options.version },
    root: dataDirectory,
    cgroupRoot,
    apparmor,
    onFatal: options.onFatal,
  });
  const table = `troupe${cluster.number}`;
  await recorder.record("table", `ip ${table}`);
  const proxy = proxyChild(`${agent.tree.path}/proxy`, {
    exec,
    clock,
    log,
    faults: env.faults,
    desired: agent.desired,
    node: name,
    settings: {
      table,
      podCidr: needed(parseIpv4Cidr(cluster.podCidr)),
      serviceCidr: needed(parseIpv4Cidr(cluster.serviceCidr)),
      nodeAddresses: [needed(parseIpv4(address.address))],
      dnsAddresses: [needed(parseIpv4(cluster.dnsAddress))],
      podLinkPrefix,
    },
    onProgrammed: (revision) => agent.link.setProxied(revision),
  });
  agent.tree.add(
    partChild(
      {
        path: `${agent.tree.path}/containerd`,
        machine: "containerd-watcher",
        state: () => runtime.containerd.state,
        run: () => () => runtime.release(),
      },
      clock,
    ),
  );
  agent.tree.add(proxy.child);
  agent.tree.add(await dnsChild(options, agent, address.address));
  options.faults?.followDesired(agent.desired, agent.reporter);
  await agent.start();
  log("info", "node.started", { node: name, address: address.address });
  return {
    agent,
    proxy,
    stop() {
      options.faults?.stop();
      agent.stop();
    },
  };
}

function needed<T>(parsed: T | undefined): T {
  invariant(parsed !== undefined, "the cluster's ranges and addresses are IPv4");
  return parsed;
}

/** Container events hasten the next look at the runtime; the stream is opened anew when containerd restarts. */
function followRuntime({ env }: Pick<NodeOptions, "env">, services: ContainerdServices, run: () => void): void {
  services.subscribe(run, () => void env.clock.after(resubscribeMs, () => followRuntime({ env }, services, run)));
}

/**
 * The cluster's DNS address lies on a link of its own, which goes with it: a bridge without ports,
 * since not every kernel has dummy links.
 */
async function addDnsAddress({ host, cluster }: NodeOptions, recorder: Recorder): Promise<void> {
  const link = `tdns${cluster.number}`;
  await recorder.record("link", link);
  const run = async (...args: readonly string[]): Promise<boolean> => (await host.exec.run("ip", args)).exitCode === 0;
  if (!(await run("link", "show", "dev", link)) && !(await run("link", "add", link, "type", "bridge"))) {
    throw new TransientError(`the link ${link} for the DNS address cannot be made`);
  }
  const isUp =
    (await run("addr", "replace", `${cluster.dnsAddress}/32`, "dev", link)) && (await run("link", "set", link, "up"));
  if (!isUp) throw new TransientError(`the DNS address cannot be set on ${link}`);
}

async function dnsChild(options: NodeOptions, agent: Agent, nodeAddress: string): Promise<ChildSpec> {
  const { env, host, cluster, dataDirectory, dnsCommand } = options;
  const feedPath = dnsFeedPath(dataDirectory);
  let spawnedAtMs = Number.NEGATIVE_INFINITY;
  const ensureProcess = async (): Promise<void> => {
    const running = await host.net.dial({ path: feedPath }).then(
      (stream) => {
        stream.destroy();
        return true;
      },
      () => false,
    );
    if (running || env.clock.mono() - spawnedAtMs < dnsRespawnMs) return;
    spawnedAtMs = env.clock.mono();
    await host.exec.detach(dnsCommand.file, dnsCommand.args, { logPath: `${dataDirectory}/dns.log` });
  };
  const settings = {
    domain: cluster.clusterDomain,
    upstreams: await upstreamServers(host, cluster.dnsAddress),
    clients: [cluster.podCidr, "127.0.0.0/8", `${nodeAddress}/32`],
  };
  const { clock, log } = env;
  const feed = replaceable(agent.desired);
  let feeder: DnsFeeder | undefined;
  return partChild(
    {
      path: `${agent.tree.path}/dns`,
      machine: "dns-feeder",
      state: () => (feeder?.connected === true ? "connected" : "connecting"),
      run(failed) {
        feed.forget();
        const { desired } = feed;
        const started = startDnsFeeder({
          clock,
          log,
          net: host.net,
          desired,
          feedPath,
          settings,
          ensureProcess,
          failed,
        });
        feeder = started;
        return () => started.stop();
      },
    },
    clock,
  );
}

export function dnsFeedPath(dataDirectory: string): string {
  return `${dataDirectory}/dns.sock`;
}

/** The host's servers, without ourselves: a loop would eat every query. */
async function upstreamServers(host: Host, own: string): Promise<readonly string[]> {
  for (const path of ["/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"]) {
    const text = await host.files.readText(path).catch((error: unknown) => {
      if ((error as { readonly code?: string }).code === "ENOENT") return "";
      throw new TransientError(`${path} cannot be read: ${messageOf(error)}`);
    });
    const servers = [...text.matchAll(/^\s*nameserver\s+(\S+)/gm)]
      .map((match) => match[1]!)
      .filter((server) => server !== own);
    if (servers.length > 0) return servers.slice(0, 3);
  }
  return [];
}
