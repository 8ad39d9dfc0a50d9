/**
 * Stops a cluster and removes everything that it made outside its data directory; works when nothing
 * of it answers any more, from the records on disk. Run twice it finds nothing to do.
 */
import { rm } from "node:fs/promises";
import { flag, text, type Command } from "../command.ts";
import {
  dataDirOf,
  layoutOf,
  readCluster,
  registered,
  unregister,
  writeCluster,
  type ClusterFile,
} from "../cluster-file.ts";
import { removeContext } from "../kubeconfig.ts";
import { say, Steps } from "../output.ts";
import { endAll, processesOf, type OwnProcess } from "../processes.ts";

const graceMs = 10_000;
const processGraceMs = 5_000;

export const down: Command = {
  name: "down",
  summary: "Stops a cluster and removes everything outside its data directory.",
  examples: ["troupe down --name dev", "troupe down --name dev --purge"],
  options: [
    { name: "name", type: "string", value: "NAME", help: "name of the cluster (dev)" },
    { name: "data-dir", type: "string", value: "DIR", help: "its data directory, if it is not registered" },
    { name: "purge", type: "boolean", help: "remove the data too" },
  ],
  async run(values) {
    const name = text(values, "name") ?? "dev";
    const dataDir = await dataDirOf(name, text(values, "data-dir"));
    const cluster = await readCluster(dataDir);
    if (cluster === undefined) {
      await unregister(name);
      const others = (await registered()).map((entry) => entry.name);
      say(`there is no cluster "${name}"${others.length > 0 ? `; there is ${others.join(", ")}` : ""}`);
      return 0;
    }
    await takeDown({ name, dataDir, cluster, purge: flag(values, "purge") });
    return 0;
  },
};

interface Down {
  readonly name: string;
  readonly dataDir: string;
  readonly cluster: ClusterFile;
  readonly purge: boolean;
}

async function takeDown({ name, dataDir, cluster, purge }: Down): Promise<void> {
  const steps = new Steps();
  const pids = (...roles: readonly OwnProcess["role"][]): readonly number[] =>
    processesOf(dataDir)
      .filter((process) => roles.includes(process.role))
      .map((process) => process.pid);
  await steps.run("processes", async (detail) => {
    // The keeper first: it would start the others again.
    const keepers = pids("keeper");
    const others = pids("server", "agent", "dns");
    await endAll(keepers, processGraceMs * 2);
    await endAll(pids("agent", "dns"), processGraceMs);
    await endAll(pids("server"), processGraceMs);
    detail(`${keepers.length + others.length} ended`);
  });
  if (cluster.runtime === "containerd") {
    for (const node of cluster.nodes) {
      await steps.run(`node ${node}`, async (detail) => {
        const { takeDownNode } = await import("../../server/node-down.ts");
        const { realHost } = await import("../../env/real/host.ts");
        const { createProcessEnv } = await import("../process-env.ts");
        const env = createProcessEnv({ diskRoot: dataDir, verbose: false });
        const dataDirectory = layoutOf(dataDir).node(node);
        const stopped = await takeDownNode({ env, host: realHost(), dataDirectory, graceMs, keepData: !purge });
        detail(`${stopped} containers stopped; links, mounts, cgroups and tables removed`);
      });
    }
  }
  if (cluster.kubeconfig !== undefined) await removeContext(cluster.kubeconfig.path, cluster.kubeconfig.context);
  await unregister(name);
  if (purge) {
    await rm(dataDir, { recursive: true, force: true });
    say(`removed ${dataDir}`);
    return;
  }
  const { kubeconfig: _removed, ...rest } = cluster;
  await writeCluster(dataDir, rest);
  say(`left the data in ${dataDir}; troupe up --name ${name} --data-dir ${dataDir} starts it again`);
}
