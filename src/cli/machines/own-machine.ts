/** A master on a machine of its own: what its folder and its cluster's file are, begun or joined. */
import { readdir } from "node:fs/promises";
import { UserError } from "../../util/errors.ts";
import type { ClusterFile, MachineMaster } from "../cluster-file.ts";

export interface OwnMachine extends Omit<MachineMaster, "name"> {
  /** gRPC takes the next. */
  readonly apiPort: number;
}

type OwnPart = "number" | "runtime" | "nodes" | "apiPort" | "grpcPort" | "address" | "network" | "machine";

/** What the cluster's file says beside what all its machines agree on. */
export function ownPart({ apiPort, ...machine }: OwnMachine): Pick<ClusterFile, OwnPart> {
  return {
    number: 0,
    runtime: "containerd",
    nodes: [],
    apiPort,
    grpcPort: apiPort + 1,
    address: machine.host,
    network: "host",
    machine: { name: `m${machine.memberId}`, ...machine },
  };
}

/** Throws UserError where something lies in the folder already; `isKept`: an entry that may. */
export async function requireEmpty(dataDir: string, isKept: (entry: string) => boolean = () => false): Promise<void> {
  const entries = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  const foreign = entries.filter((entry) => !isKept(entry));
  if (foreign.length === 0) return;
  throw new UserError("TRP-0114", `${dataDir} is no empty folder and holds no cluster`, {
    cause: new Error(`it has ${foreign.length} entries, ${foreign[0]} among them`),
    hint: "choose a new folder with --data-dir",
    exitCode: 2,
  });
}
