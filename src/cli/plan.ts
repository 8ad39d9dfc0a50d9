/**
 * What `up` is going to run: a new cluster's file, or the one that lies in the data directory, held
 * against what was asked for. Refuses before anything is written.
 */
import { randomUUID } from "node:crypto";
import { UserError } from "../util/errors.ts";
import { readCluster, registered, type ClusterFile, type MasterPorts, type Registered } from "./cluster-file.ts";
import { requireEmpty } from "./data-folder.ts";
import { machineAddress, machineRoutes } from "./machine.ts";
import { chooseFreeRuns, choosePorts, requirePorts } from "./ports.ts";
import { bridgeOf, chooseNumber, rangesOf } from "./ranges.ts";
import { self } from "./self.ts";

/** Absent: not asked for. */
export interface Wish {
  readonly runtime: ClusterFile["runtime"] | undefined;
  /** Socket of an existing containerd. */
  readonly runtimeEndpoint: string | undefined;
  readonly nodes: number | undefined;
  readonly masters: number | undefined;
  readonly port: number | undefined;
}

export interface Present {
  readonly name: string;
  readonly dataDir: string;
  /** The master or the keeper lives. */
  readonly isRunning: boolean;
}

export async function planCluster(wanted: Wish, { name, dataDir, isRunning }: Present): Promise<ClusterFile> {
  const all = await registered();
  const others = all.filter((entry) => entry.name !== name);
  const elsewhere = all.find((entry) => entry.name === name && entry.dataDir !== dataDir);
  if (elsewhere !== undefined) {
    throw new UserError("TRP-0115", `there is a cluster "${name}" already, with its data in ${elsewhere.dataDir}`, {
      cause: new Error(`--data-dir says ${dataDir}`),
      hint: `${self} up --name ${name} (without --data-dir), or another --name`,
    });
  }
  const present = await readCluster(dataDir);
  if (present !== undefined) return adopt(present, wanted, { name, dataDir, isRunning }, others);
  await requireEmpty(dataDir);
  return create(name, wanted, others);
}

async function create(name: string, wanted: Wish, others: readonly Registered[]): Promise<ClusterFile> {
  const runtime = wanted.runtime ?? "containerd";
  const number = chooseNumber(new Set(others.map(({ cluster }) => cluster.number)), machineRoutes());
  const apiPort = await choosePorts(wanted.port, portsOf(others));
  const hostTaken = others.some(({ cluster }) => cluster.runtime === "containerd" && cluster.network === "host");
  const common = {
    version: 1,
    name,
    id: randomUUID(),
    number,
    runtime,
    ...(wanted.runtimeEndpoint === undefined ? {} : { runtimeEndpoint: wanted.runtimeEndpoint }),
    nodes: Array.from({ length: wanted.nodes ?? 1 }, (_, index) => `n${index + 1}`),
    apiPort,
    grpcPort: apiPort + 1,
    ...((wanted.masters ?? 1) === 1 ? {} : { masters: await chooseMasters(wanted.masters ?? 1, portsOf(others)) }),
    ...rangesOf(number),
    clusterDomain: "cluster.local",
  } as const;
  const isAlone = (wanted.nodes ?? 1) === 1;
  if (runtime === "simulated" || (!hostTaken && isAlone))
    return { ...common, network: "host", address: machineAddress() };
  if (wanted.runtimeEndpoint !== undefined) {
    throw new UserError("TRP-0118", "only one node of this machine can use an existing containerd", {
      cause: new Error(
        isAlone
          ? "another cluster has the machine's network; this one gets a network namespace of its own"
          : "each of several nodes gets a network namespace and a containerd of its own",
      ),
      hint: `leave --container-runtime-endpoint out, or take the other one down: ${self} status`,
    });
  }
  const { bridgeAddress, nodeAddress } = bridgeOf(number);
  return { ...common, network: "namespace", address: nodeAddress, bridgeAddress };
}

const portsOf = (others: readonly Registered[]): ReadonlySet<number> =>
  new Set(
    others.flatMap(({ cluster }) => [
      cluster.apiPort,
      cluster.grpcPort,
      ...(cluster.masters ?? []).flatMap((each) => [each.apiPort, each.grpcPort, each.peerPort]),
    ]),
  );

/** Ports on the loopback, for good: the members' addresses stand in the log. */
async function chooseMasters(count: number, reserved: ReadonlySet<number>): Promise<readonly MasterPorts[]> {
  const firsts = await chooseFreeRuns(count, portsPerMaster, reserved);
  return firsts.map((apiPort, at) => ({
    name: `m${at + 1}`,
    id: at + 1,
    apiPort,
    grpcPort: apiPort + 1,
    peerPort: apiPort + 2,
  }));
}

const portsPerMaster = 3;

async function adopt(
  present: ClusterFile,
  wanted: Wish,
  { name, dataDir, isRunning }: Present,
  others: readonly Registered[],
): Promise<ClusterFile> {
  if (present.name !== name) {
    throw new UserError("TRP-0113", `${dataDir} holds the cluster "${present.name}", not "${name}"`, {
      hint: `${self} up --name ${present.name} --data-dir ${dataDir}, or another --data-dir`,
    });
  }
  if (present.machine !== undefined || present.masterSeeds !== undefined) {
    throw new UserError("TRP-0115", `${dataDir} belongs to the cluster "${name}" on several machines`, {
      cause: new Error("up starts clusters that live on this machine alone"),
      hint: `${self} ${present.machine === undefined ? "agent" : "server"} --data-dir ${dataDir}, or systemctl start its unit`,
    });
  }
  refuseChange(present, wanted, isRunning);
  const twin = others.find(({ cluster }) => cluster.number === present.number || clashes(cluster, present));
  if (twin !== undefined) {
    throw new UserError("TRP-0115", `the cluster in ${dataDir} and "${twin.name}" cannot both run here`, {
      cause: new Error("they were made apart from each other and have the same address ranges or network"),
      hint: `${self} down --name ${twin.name} --purge, or ${self} up --name OTHER with a new data directory`,
    });
  }
  if (isRunning) return present;
  const apiPort = wanted.port ?? present.apiPort;
  if (apiPort === present.apiPort) await requirePorts(apiPort);
  else await choosePorts(apiPort, portsOf(others));
  // The machine may have got another address meanwhile.
  const address = present.network === "host" ? machineAddress() : present.address;
  return { ...present, apiPort, grpcPort: apiPort + 1, address };
}

function clashes(a: ClusterFile, b: ClusterFile): boolean {
  return [a, b].every((cluster) => cluster.runtime === "containerd" && cluster.network === "host");
}

function refuseChange(present: ClusterFile, wanted: Wish, isRunning: boolean): void {
  const differs =
    wanted.runtime !== undefined && wanted.runtime !== present.runtime
      ? `its runtime is ${present.runtime}`
      : wanted.runtimeEndpoint !== undefined && wanted.runtimeEndpoint !== present.runtimeEndpoint
        ? `its containerd is ${present.runtimeEndpoint ?? "its own"}`
        : wanted.nodes !== undefined && wanted.nodes !== present.nodes.length
          ? `it has ${present.nodes.length} node${present.nodes.length === 1 ? "" : "s"}`
          : wanted.port !== undefined && wanted.port !== present.apiPort && isRunning
            ? `it runs on port ${present.apiPort}`
            : wanted.masters !== undefined && wanted.masters !== (present.masters?.length ?? 1)
              ? `it has ${present.masters?.length ?? 1} master${present.masters === undefined ? "" : "s"}`
              : undefined;
  if (differs === undefined) return;
  const first = isRunning && differs.startsWith("it runs") ? "" : " --purge";
  throw new UserError("TRP-0115", `the cluster "${present.name}" is there already, and differs from what you ask for`, {
    cause: new Error(differs),
    hint: `${self} down --name ${present.name}${first}, then the same again`,
  });
}
