/** A node's agent in the foreground: `troupe up` starts it through the keeper. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../../util/errors.ts";
import { flag, text, type Command } from "../command.ts";
import { layoutOf, readCluster, type ClusterFile } from "../cluster-file.ts";
import { ensurePki } from "../pki.ts";
import { keepCertificates } from "../renewal.ts";
import { createProcessEnv, endOnSurprises } from "../process-env.ts";
import { apiVersion } from "../versions.ts";

export const agent: Command = {
  name: "agent",
  summary: "Runs a node's agent in the foreground. Its containers outlive it.",
  examples: ["troupe agent --data-dir /var/lib/troupe/dev --node n1"],
  options: [
    { name: "data-dir", type: "string", value: "DIR", help: "data directory of the cluster, made by up" },
    { name: "node", type: "string", value: "NAME", help: "name of the node (n1)" },
    { name: "verbose", type: "boolean", help: "log at debug level" },
  ],
  async run(values) {
    const dataDir = resolve(text(values, "data-dir") ?? "/var/lib/troupe/dev");
    const cluster = await readCluster(dataDir);
    if (cluster === undefined) {
      throw new UserError("TRP-0111", `there is no cluster at ${dataDir}`, { hint: "troupe up", exitCode: 3 });
    }
    const node = text(values, "node") ?? "n1";
    const started = await startAgent({ dataDir, cluster, node, verbose: flag(values, "verbose") });
    await new Promise<void>((settle) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => settle());
    });
    started.stop();
    // What is left are sockets of a runtime that lives on; nothing waits for them.
    process.exit(0);
  },
};

interface AgentStart {
  readonly dataDir: string;
  readonly cluster: ClusterFile;
  readonly node: string;
  readonly verbose: boolean;
}

async function startAgent({ dataDir, cluster, node, verbose }: AgentStart): Promise<{ stop(): void }> {
  const layout = layoutOf(dataDir);
  const pki = await ensurePki(layout.pki, cluster);
  // The link reads it for each connection.
  const tls = { ...pki.node(node), authority: pki.servingAuthority };
  const dataDirectory = layout.node(node);
  const diskRoot = join(dataDirectory, "agent");
  await mkdir(diskRoot, { recursive: true, mode: 0o700 });
  const env = createProcessEnv({ diskRoot, verbose });
  keepCertificates({
    folder: layout.pki,
    cluster,
    log: env.log,
    own: (fresh) => fresh.node(node),
    take: (pair) => void Object.assign(tls, pair),
  });
  const masterHost = cluster.network === "namespace" ? cluster.bridgeAddress! : "127.0.0.1";
  const common = {
    env,
    name: node,
    masterAddress: `${masterHost}:${cluster.grpcPort}`,
    tls,
    version: apiVersion,
    onFatal: endOnSurprises(env.log, "agent"),
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
