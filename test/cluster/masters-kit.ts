import type { Cluster, Manifest } from "../../src/testing/cluster.ts";
import type { ClusterMember } from "../../src/testing/sim-member.ts";
import type { SimExchange } from "../../src/testing/exchange.ts";

export const configMapsPath = "/api/v1/namespaces/default/configmaps";

export function configMap(name: string, data: Readonly<Record<string, string>> = {}): Manifest {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, namespace: "default" }, data };
}

export function leaderOf(cluster: Cluster): ClusterMember {
  const { leader } = cluster;
  if (leader === undefined) throw new Error("there is no leader");
  return leader;
}

export function followersOf(cluster: Cluster): readonly ClusterMember[] {
  const { leader } = cluster;
  return cluster.members.filter((member) => member.isUp && member !== leader);
}

/**
 * Clients that write one object after the other through the masters they are given, and never try
 * anything twice. Names are the masters' (`generateName`): a write that happened twice would be there twice.
 */
export class Load {
  readonly acknowledged: string[] = [];
  readonly refused: string[] = [];
  /** Connections that broke: those writes may have happened. */
  lost = 0;
  longestMs = 0;
  readonly #cluster: Cluster;
  readonly #clients: { via: () => string; open: SimExchange | undefined; since: number }[];
  #isStopped = false;

  constructor(cluster: Cluster, clients: number, via: (client: number) => string) {
    this.#cluster = cluster;
    this.#clients = Array.from({ length: clients }, (_, at) => ({ via: () => via(at), open: undefined, since: 0 }));
  }

  /** Writes that wait for their answer. */
  get unanswered(): number {
    return this.#clients.filter(({ open }) => open !== undefined).length;
  }

  /** Lets time pass; clients go on as they are answered. */
  async run(ms: number): Promise<void> {
    const { clock } = this.#cluster.env;
    for (const end = clock.mono() + ms; clock.mono() < end;) {
      for (const client of this.#clients) this.#turn(client);
      await this.#cluster.advance(5);
    }
  }

  /** No new writes; those that are open are waited for. */
  async finish(): Promise<void> {
    this.#isStopped = true;
    for (let left = 10_000; left > 0 && this.#clients.some(({ open }) => open !== undefined); left -= 1) {
      for (const client of this.#clients) this.#turn(client);
      await this.#cluster.advance(2);
    }
  }

  #turn(client: { via: () => string; open: SimExchange | undefined; since: number }): void {
    const now = this.#cluster.env.clock.mono();
    const { open } = client;
    if (open !== undefined) {
      if (!open.ended && !open.lost) return;
      client.open = undefined;
      this.longestMs = Math.max(this.longestMs, now - client.since);
      if (open.lost) this.lost += 1;
      else if (open.status === 201) {
        this.acknowledged.push((JSON.parse(open.text) as { metadata: { name: string } }).metadata.name);
      } else this.refused.push(open.text);
    }
    if (this.#isStopped || now - client.since < thinkMs) return;
    client.since = now;
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { generateName: "load-" } };
    client.open = this.#cluster.open("POST", configMapsPath, body, { via: client.via() });
  }
}

/** A client waits this long before its next write. */
const thinkMs = 60;

/** The names of a member's committed objects that a load has made. */
export function writtenOn(member: ClusterMember): readonly string[] {
  return member.master.store.committed
    .list("configmaps", { namespace: "default" })
    .map(({ name }) => name)
    .filter((name) => name.startsWith("load-"));
}

export function stateOf({ master }: ClusterMember): string {
  const { revision, digest } = master.store;
  return `${revision}:${digest.a}:${digest.b}`;
}
