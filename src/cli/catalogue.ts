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
  down: {
    summary: "stop a cluster and remove what it made outside its data directory",
    load: async () => (await import("./commands/down.ts")).down,
  },
  status: {
    summary: "masters and nodes of a cluster, and whether they are well",
    load: async () => (await import("./commands/status.ts")).status,
  },
  actors: {
    summary: "the supervision tree, an actor in full, transitions, release",
    load: async () => (await import("./commands/actors.ts")).actors,
  },
  chart: {
    summary: "the state machine of an object or another actor, and where it is",
    load: async () => (await import("./commands/chart.ts")).chart,
  },
  get: {
    summary: "show objects, once or as they change",
    load: async () => (await import("./commands/get.ts")).get,
  },
  apply: {
    summary: "make objects what files say",
    load: async () => (await import("./commands/apply.ts")).apply,
  },
  delete: {
    summary: "delete objects",
    load: async () => (await import("./commands/delete.ts")).remove,
  },
  logs: {
    summary: "show what a container has written",
    load: async () => (await import("./commands/logs.ts")).logs,
  },
  fault: {
    summary: "make things go wrong on purpose (with --enable-faults)",
    load: async () => (await import("./commands/fault.ts")).fault,
  },
  secrets: {
    summary: "seal Secrets at rest with a new key",
    load: async () => (await import("./commands/secrets.ts")).secrets,
  },
  install: {
    summary: "write a systemd unit for a master or an agent",
    load: async () => (await import("./commands/install.ts")).install,
  },
  doctor: {
    summary: "is this machine, and a data directory, fit to run a cluster",
    load: async () => (await import("./commands/doctor.ts")).doctor,
  },
  cert: {
    summary: "list certificates and when they end, renew them",
    load: async () => (await import("./commands/cert.ts")).cert,
  },
  snapshot: {
    summary: "save, restore, inspect and list backups of all objects",
    load: async () => (await import("./commands/snapshot.ts")).snapshot,
  },
  member: {
    summary: "the masters of a cluster: list, add, remove, promote, transfer",
    load: async () => (await import("./commands/member.ts")).member,
  },
  recover: {
    summary: "go on with one master where the others are lost for good",
    load: async () => (await import("./commands/recover.ts")).recover,
  },
  token: {
    summary: "tokens with which machines join a cluster",
    load: async () => (await import("./commands/token.ts")).token,
  },
  image: {
    summary: "load an OCI or docker archive into the nodes",
    load: async () => (await import("./commands/image.ts")).image,
  },
  forward: {
    summary: "one local address for all masters of a cluster",
    load: async () => (await import("./commands/forward.ts")).forward,
  },
  server: {
    summary: "run a master in the foreground",
    load: async () => (await import("./commands/server.ts")).server,
  },
  agent: {
    summary: "run a node's agent in the foreground",
    load: async () => (await import("./commands/agent.ts")).agent,
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
  dns: {
    summary: "serve the cluster's DNS on one node",
    hidden: true,
    load: async () => (await import("./commands/dns.ts")).dns,
  },
};
