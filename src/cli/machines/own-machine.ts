/** A master on a machine of its own: what its folder and its cluster's file are, begun or joined. */
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
