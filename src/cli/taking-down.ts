/**
 * Takes a cluster off the machine, whatever state it is in; works when nothing of it answers any more,
 * from the records on disk. `down` and the end of `up --foreground` both do it.
 */
import { spawnSync } from "node:child_process";
import { dataDirOf, layoutOf, unregister, writeCluster, type ClusterFile } from "./cluster-file.ts";
import { removeContext } from "./kubeconfig.ts";
import { withClusterLock } from "./lock.ts";
import { say, signs, Steps } from "./output.ts";
import { endAll, processesOf, type OwnProcess } from "./processes.ts";
import { self } from "./self.ts";

/** Containers get this long between TERM and KILL. */
const graceMs = 10_000;
const processGraceMs = 5_000;

export interface Down {
  readonly name: string;
  readonly dataDir: string;
  readonly cluster: ClusterFile;
  /** The data too. */
  readonly purge: boolean;
}

export function takeDown(down: Down): Promise<void> {
  return withClusterLock(down.dataDir, () => remove(down));
}

async function remove({ name, dataDir, cluster, purge }: Down): Promise<void> {
  const steps = new Steps();
  await steps.run("processes", async (detail) => detail(`${await endProcesses(dataDir)} ended`));
  if (cluster.runtime === "containerd") {
    for (const node of cluster.nodes) {
      await steps.run(`node ${node}`, async (detail) => detail(await removeNode(dataDir, cluster, node, purge)));
    }
  }
  if (cluster.kubeconfig !== undefined) await forgetContext(cluster.kubeconfig);
  if (purge) {
    // One file system: what could not be unmounted must not be emptied.
    const ran = spawnSync("rm", ["-rf", "--one-file-system", "--", dataDir], { encoding: "utf8" });
    if (ran.status !== 0) throw new Error(`${dataDir} cannot be removed: ${ran.stderr.trim()}`);
    // Of two folders of one name (a master's and a node's of one machine) only one is registered.
    if ((await dataDirOf(name, undefined)) === dataDir) await unregister(name);
    say(`removed ${dataDir}`);
    return;
  }
  // It stays registered: its ports and ranges are its own as long as its data is there.
  const { kubeconfig: _removed, ...rest } = cluster;
  await writeCluster(dataDir, rest);
  say(`left the data in ${dataDir}: ${again(name, dataDir, cluster)} starts it again, ${self} down --purge removes it`);
}

function again(name: string, dataDir: string, { machine, masterSeeds }: ClusterFile): string {
  if (machine !== undefined) return `${self} server --data-dir ${dataDir}`;
  return masterSeeds === undefined ? `${self} up --name ${name}` : `${self} agent --data-dir ${dataDir}`;
}

async function endProcesses(dataDir: string): Promise<number> {
  const of = (...roles: readonly OwnProcess["role"][]): readonly OwnProcess[] =>
    processesOf(dataDir).filter((process) => roles.includes(process.role));
  // The keeper first: it would start the others again.
  const keepers = of("keeper");
  const others = of("server", "agent", "dns", "forward");
  await endAll(keepers, processGraceMs * 2);
  await endAll(of("agent", "dns"), processGraceMs);
  await endAll(of("server", "forward"), processGraceMs);
  return keepers.length + others.length;
}

async function removeNode(
  dataDir: string,
  { runtimeEndpoint }: ClusterFile,
  node: string,
  purge: boolean,
): Promise<string> {
  const { takeDownNode } = await import("../server/node-down.ts");
  const { realHost } = await import("../env/real/host.ts");
  const { createProcessEnv } = await import("./process-env.ts");
  const env = createProcessEnv({ diskRoot: dataDir, verbose: false });
  const dataDirectory = layoutOf(dataDir).node(node);
  const stopped = await takeDownNode({
    env,
    host: realHost(),
    dataDirectory,
    graceMs,
    keepData: !purge,
    ...(runtimeEndpoint === undefined ? {} : { runtimeEndpoint }),
  });
  return `${stopped} containers stopped; links, mounts, cgroups and tables removed`;
}

/** A kubeconfig that the user has broken meanwhile does not keep the cluster alive. */
async function forgetContext({ path, context }: NonNullable<ClusterFile["kubeconfig"]>): Promise<void> {
  try {
    await removeContext(path, context);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    say(`${signs.warn} the context "${context}" stays in ${path}: ${why}`);
  }
}
