/**
 * Where a cluster of this machine lives on disk, and the registry by name. `cluster.json` in the data
 * directory is the one place for its facts; the registry under the user's state folder only leads to it.
 */
import { chmod, mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import type { BackupCluster } from "../server/backup/format.ts";
import { UserError } from "../util/errors.ts";
import { self } from "./self.ts";

export interface ClusterFile {
  readonly version: 1;
  readonly name: string;
  readonly id: string;
  /** 0, 1 …: free on this machine; names of links, tables and cgroups carry it. */
  readonly number: number;
  readonly runtime: "containerd" | "simulated";
  /** Socket of a containerd that somebody else runs; absent: the node runs its own. */
  readonly runtimeEndpoint?: string;
  readonly nodes: readonly string[];
  readonly apiPort: number;
  readonly grpcPort: number;
  /** More than one master: each with ports of its own on the loopback, behind the two above. Absent: one. */
  readonly masters?: readonly MasterPorts[];
  /** The node's address: NodePorts answer on it; in `host` mode the master too. */
  readonly address: string;
  /** `host`: the node lives in the machine's own network namespace; `namespace`: in one of its own on a bridge. */
  readonly network: "host" | "namespace";
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly dnsAddress: string;
  readonly clusterDomain: string;
  /** In `namespace` mode: the machine's address on the cluster's bridge, where its node finds the master. */
  readonly bridgeAddress?: string;
  /** How many restores lie behind it; absent: none. Each gives it a new `id`. */
  readonly epoch?: number;
  readonly kubeconfig?: { readonly path: string; readonly context: string };
  /** A master of a cluster that lives on several machines. Absent: `up` made it, and all of it is here. */
  readonly machine?: MachineMaster;
  /** A node on a machine without keys of the cluster: the masters that it knew last, `host:port` of their API. */
  readonly masterSeeds?: readonly string[];
}

/** This machine's master. Its ports are three in a row: API, gRPC, peers. */
export interface MachineMaster {
  readonly name: string;
  /** Who it is in the log. */
  readonly clusterId: string;
  readonly memberId: number;
  /** Where the others and all clients reach it: an address or a name. */
  readonly host: string;
  /** The address that it listens on. */
  readonly listen: string;
  /** Further names and addresses that its serving certificate speaks for. */
  readonly alternativeNames: readonly string[];
  /** It joined others, which know the log; absent: it began it. */
  readonly joined?: true;
}

export interface MasterPorts {
  /** `m1` … ; the number is the member's id. */
  readonly name: string;
  readonly id: number;
  readonly apiPort: number;
  readonly grpcPort: number;
  readonly peerPort: number;
}

/** What a backup says of the cluster. */
export function backupCluster(cluster: ClusterFile): BackupCluster {
  const { kubeconfig: _local, machine: _machine, ...file } = cluster;
  return { name: cluster.name, id: cluster.id, epoch: cluster.epoch ?? 0, file };
}

export interface Layout {
  readonly root: string;
  readonly clusterFile: string;
  readonly pki: string;
  readonly master: string;
  /** Backups: those made by the clock, and those that were saved without a path. */
  readonly snapshots: string;
  readonly logs: string;
  readonly run: string;
  /** What was made outside the data directory, one JSON line each, written before it is made. */
  readonly outside: string;
  readonly node: (name: string) => string;
  /** Log and snapshots of one of several masters. */
  readonly member: (name: string) => string;
}

export function layoutOf(dataDir: string): Layout {
  return {
    root: dataDir,
    clusterFile: join(dataDir, "cluster.json"),
    pki: join(dataDir, "pki"),
    master: join(dataDir, "master"),
    snapshots: join(dataDir, "snapshots"),
    logs: join(dataDir, "logs"),
    run: join(dataDir, "run"),
    outside: join(dataDir, "outside.jsonl"),
    node: (name) => join(dataDir, name),
    member: (name) => join(dataDir, name),
  };
}

/** Where pods and nodes of the cluster reach the master. */
export function masterAddress(cluster: ClusterFile): string {
  return cluster.bridgeAddress ?? cluster.address;
}

export const isRoot: boolean = process.getuid?.() === 0;

export function defaultDataDir(name: string): string {
  if (isRoot) return join("/var/lib/troupe", name);
  return join(process.env["XDG_DATA_HOME"] ?? join(homedir(), ".local/share"), "troupe", name);
}

export function registryFolder(): string {
  return join(process.env["XDG_STATE_HOME"] ?? join(homedir(), ".local/state"), "troupe", "clusters");
}

export async function writeAtomic(path: string, content: string, mode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.part`;
  await writeFile(part, content, { mode, flush: true });
  await chmod(part, mode);
  await rename(part, path);
}

export async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

export async function readCluster(dataDir: string): Promise<ClusterFile | undefined> {
  const text = await readText(layoutOf(dataDir).clusterFile);
  if (text === undefined) return undefined;
  const cluster = parseCluster(text, dataDir);
  if (cluster.version !== 1) {
    throw new UserError("TRP-0110", `${dataDir} holds a cluster of another version of Troupe`, {
      cause: new Error(`its cluster.json has version ${String(cluster.version)}, this Troupe reads version 1`),
      hint: "use the Troupe that made it, or another --data-dir",
    });
  }
  return cluster;
}

function parseCluster(text: string, dataDir: string): ClusterFile {
  try {
    return JSON.parse(text) as ClusterFile;
  } catch (error) {
    throw new UserError("TRP-0110", `${dataDir}/cluster.json cannot be read`, {
      cause: error,
      hint: "restore the file, or use another --data-dir",
    });
  }
}

export async function writeCluster(dataDir: string, cluster: ClusterFile): Promise<void> {
  await writeAtomic(layoutOf(dataDir).clusterFile, `${JSON.stringify(cluster, undefined, 2)}\n`);
}

export async function register(name: string, dataDir: string): Promise<void> {
  await writeAtomic(join(registryFolder(), `${name}.json`), `${JSON.stringify({ dataDir })}\n`);
}

export async function unregister(name: string): Promise<void> {
  await rm(join(registryFolder(), `${name}.json`), { force: true });
}

/** Data directory of a name: the flag, else the registry, else the default place. */
export async function dataDirOf(name: string, given: string | undefined): Promise<string> {
  if (given !== undefined) return given;
  const text = await readText(join(registryFolder(), `${name}.json`));
  return text === undefined ? defaultDataDir(name) : (JSON.parse(text) as { dataDir: string }).dataDir;
}

export interface Registered {
  readonly name: string;
  readonly dataDir: string;
  readonly cluster: ClusterFile;
}

/** Every registered cluster whose data directory still holds one. */
export async function registered(): Promise<readonly Registered[]> {
  const found: Registered[] = [];
  const names = await readdir(registryFolder()).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  for (const file of names.filter((entry) => entry.endsWith(".json")).toSorted()) {
    const name = file.slice(0, -".json".length);
    const dataDir = await dataDirOf(name, undefined);
    const cluster = await readCluster(dataDir);
    if (cluster !== undefined) found.push({ name, dataDir, cluster });
  }
  return found;
}

export async function requireCluster(name: string, given: string | undefined): Promise<Registered> {
  const dataDir = await dataDirOf(name, given);
  const cluster = await readCluster(dataDir);
  if (cluster !== undefined) return { name, dataDir, cluster };
  const others = (await registered()).map((entry) => entry.name);
  throw new UserError("TRP-0111", `there is no cluster "${name}" at ${dataDir}`, {
    hint: others.length > 0 ? `${self} status --name ${others[0]}` : `${self} up --name ${name}`,
    exitCode: 3,
  });
}

const namePattern = /^[a-z0-9]([a-z0-9-]{0,18}[a-z0-9])?$/;

export function checkName(name: string): string {
  if (namePattern.test(name)) return name;
  throw new UserError("TRP-0112", `"${name}" is no cluster name`, {
    cause: new Error("a name is at most 20 lower-case letters, digits and '-', with no '-' at either end"),
    hint: `${self} up --name dev`,
    exitCode: 2,
  });
}
