import { defaultNamespaces } from "../actors/controllers/default-namespaces.ts";
import type { Workload } from "./cluster/process.ts";
import type { World } from "./cluster/world.ts";
import { LogClients } from "./log/clients.ts";
import { MasterClients } from "./masters/clients.ts";

/** What can be simulated: whole masters, or their logs alone, which is faster. */
export const workloads = {
  masters: (world: World): Workload => new MasterClients(world, () => [defaultNamespaces]),
  log: (world: World): Workload => new LogClients(world),
} as const;
