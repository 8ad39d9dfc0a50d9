import type { Disk } from "../env/env.ts";

/** What an agent knows of its cluster when its masters are away: the last welcome and pod range. */
export interface AgentState {
  readonly epoch: string;
  readonly clusterDomain: string;
  readonly dnsAddress: string;
  /** Empty: not given yet. */
  readonly podCidr: string;
}

const path = "node/cluster.json";
const unknown: AgentState = { epoch: "", clusterDomain: "cluster.local", dnsAddress: "", podCidr: "" };

export async function loadAgentState(disk: Disk): Promise<AgentState> {
  if (!(await disk.exists(path))) return unknown;
  const text = new TextDecoder().decode(await disk.read(path));
  return { ...unknown, ...(JSON.parse(text) as Partial<AgentState>) };
}

export async function saveAgentState(disk: Disk, state: AgentState): Promise<void> {
  await disk.makeFolder("node");
  await disk.writeAtomic(path, new TextEncoder().encode(JSON.stringify(state)));
}
