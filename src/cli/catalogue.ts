import type { Command } from "./command.ts";

export interface CatalogueEntry {
  readonly summary: string;
  readonly hidden?: true;
  readonly load: () => Promise<Command>;
}

/** Every command; its file is loaded only when it is asked for. */
export const catalogue: Readonly<Record<string, CatalogueEntry>> = {
  up: {
    summary: "start a cluster on this machine, or what is missing of it",
    load: async () => (await import("./commands/up.ts")).up,
  },
  status: {
    summary: "masters and nodes of a cluster, and whether they are well",
    load: async () => (await import("./commands/status.ts")).status,
  },
  server: {
    summary: "run a master in the foreground",
    load: async () => (await import("./commands/server.ts")).server,
  },
  version: {
    summary: "versions of Troupe, Node and the runtime",
    load: async () => (await import("./commands/version.ts")).version,
  },
  keeper: {
    summary: "restart server and agents of one cluster",
    hidden: true,
    load: async () => (await import("./commands/keeper.ts")).keeper,
  },
};
