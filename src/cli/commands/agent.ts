/** A node's agent in the foreground: `troupe up` starts it through the keeper, a service manager directly. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../../util/errors.ts";
import type { Env } from "../../env/env.ts";
import type { SimulatedNodeStart } from "../../server/simulated-node.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import { defaultDataDir, layoutOf, readCluster, type ClusterFile } from "../cluster-file.ts";
import { say } from "../output.ts";
import { joinOptions, nodeOptions } from "../machines/options.ts";
import { ensurePki } from "../pki.ts";
import { keepCertificates } from "../renewal.ts";
import { createProcessEnv, createProcessFaults, endOnSurprises } from "../process-env.ts";
import { self } from "../self.ts";
import { apiVersion } from "../versions.ts";

export const agent: Command = {
  name: "agent",
  summary:
    "Runs a node's agent in the foreground. Its containers outlive it. On a machine\n" +
    "of its own it joins a cluster first; that is remembered.",
  examples: [
    "troupe agent --join 10.0.0.1:6443 --token TRP1… --node worker-1",
    "troupe agent --data-dir /var/lib/troupe/dev --node n1",
  ],
  options: [
    { name: "data-dir", type: "string", value: "DIR", help: "its data directory (join: /var/lib/troupe/agent)" },
    { name: "node", type: "string", value: "NAME", help: "name of the node (n1; join: the machine's)" },
    ...joinOptions,
    ...nodeOptions,
    { name: "verbose", type: "boolean", help: "log at debug level" },
    { name: "enable-faults", type: "boolean", help: "obey Faults, for tests (docs/faults.md)" },
  ],
  async run(values) {
    const fallback = text(values, "join") === undefined ? "dev" : "agent";
    const dataDir = resolve(text(values, "data-dir") ?? defaultDataDir(fallback));
    const present = await readCluster(dataDir);
    const cluster = present ?? (await joinHere(values, dataDir));
    if (present?.masterSeeds !== undefined && text(values, "join") !== undefined) {
      say(`${dataDir} belongs to "${present.name}" already: --join and --token are not needed`);
    }
    const node = text(values, "node") ?? (cluster.masterSeeds === undefined ? "n1" : cluster.nodes[0]!);
    if (!cluster.nodes.includes(node)) {
      throw new UserError("TRP-0111", `the cluster at ${dataDir} has no node "${node}" here`, {
        cause: new Error(`it has ${cluster.nodes.join(", ") || "none"}`),
        hint: `a node on a machine of its own joins: ${self} agent --join HOST:PORT --token TOKEN --node ${node}`,
        exitCode: 3,
      });
    }
    const started = await startAgent({
      dataDir,
      cluster,
      node,
      verbose: flag(values, "verbose"),
      withFaults: flag(values, "enable-faults"),
    });
    await new Promise<void>((settle) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => settle());
    });
    started.stop();
    // What is left are sockets of a runtime that lives on; nothing waits for them.
    process.exit(0);
  },
};

async function joinHere(values: Values, dataDir: string): Promise<ClusterFile> {
  const at = text(values, "join");
  if (at === undefined) {
    throw new UserError("TRP-0111", `there is no cluster at ${dataDir}`, { hint: `${self} up`, exitCode: 3 });
  }
  const { joinWish } = await import("../machines/node.ts");
  const { joinAsNode } = await import("../machines/joining.ts");
  const cluster = await joinAsNode(joinWish(values, { at, dataDir }));
  say(`joined "${cluster.name}" as node ${cluster.nodes[0]}`);
  return cluster;
}

interface AgentStart {
  readonly dataDir: string;
  readonly cluster: ClusterFile;
  readonly node: string;
  readonly verbose: boolean;
  readonly withFaults: boolean;
}

async function startAgent(start: AgentStart): Promise<{ stop(): void }> {
  const { dataDir, cluster, node, verbose, withFaults } = start;
  const dataDirectory = layoutOf(dataDir).node(node);
  const diskRoot = join(dataDirectory, "agent");
  await mkdir(diskRoot, { recursive: true, mode: 0o700 });
  const plain = createProcessEnv({ diskRoot, verbose });
  const self = { role: "node", name: node } as const;
  const faults = withFaults ? await createProcessFaults(plain, { self, folder: diskRoot }) : undefined;
  const env = faults?.env ?? plain;
  const common = {
    env,
    name: node,
    ...(cluster.masterSeeds === undefined ? await besideKeys(start, env) : await awayFromKeys(start, env)),
    version: apiVersion,
    onFatal: endOnSurprises(env.log, "agent"),
    ...(faults === undefined ? {} : { faults }),
  };
  if (cluster.runtime === "simulated") {
    const { startSimulatedNode } = await import("../../server/simulated-node.ts");
    return startSimulatedNode({ ...common, address: cluster.address });
  }
  const { startNode } = await import("../../server/node.ts");
  const { realHost } = await import("../../env/real/host.ts");
  return startNode({
    ...common,
    host: realHost(),
    cluster,
    dataDirectory,
    ...(cluster.runtimeEndpoint === undefined ? {} : { runtimeEndpoint: cluster.runtimeEndpoint }),
    ownNetns: cluster.network === "namespace",
    dnsCommand: { file: process.execPath, args: [process.argv[1]!, "dns", "--data-dir", dataDir, "--node", node] },
  });
}

type Way = Pick<SimulatedNodeStart, "masterAddress" | "tls">;

/** The cluster's keys lie in the same data directory, and a master or the forwarder is on this machine. */
async function besideKeys({ dataDir, cluster, node }: AgentStart, env: Env): Promise<Way> {
  const { pki: folder } = layoutOf(dataDir);
  const pki = await ensurePki(folder, cluster);
  // The link reads it for each connection.
  const tls = { ...pki.node(node), authority: pki.servingAuthority };
  keepCertificates({
    folder,
    cluster,
    log: env.log,
    own: (fresh) => fresh.node(node),
    believed: (fresh) => fresh.servingAuthority,
    take: (pair, fresh) => void Object.assign(tls, pair, { authority: fresh.servingAuthority }),
  });
  const host = cluster.network === "namespace" ? cluster.bridgeAddress! : "127.0.0.1";
  return { masterAddress: `${host}:${cluster.grpcPort}`, tls };
}

/** A machine of its own: it asks the masters for what it needs, and keeps in mind where they are. */
async function awayFromKeys({ dataDir, cluster, node }: AgentStart, env: Env): Promise<Way> {
  const { followMasters } = await import("../machines/node.ts");
  return followMasters({ dataDir, cluster, node, log: env.log });
}
