import test from "ava";
import { createCluster, type Actor, type Cluster, type ClusterOptions, type SimExchange } from "troupe/testing";

/** What the fault tests ask again and again; manifests are those of the cluster tests. */

export const maps = "/api/v1/namespaces/default/configmaps";
export const merge = { "content-type": "application/merge-patch+json" } as const;

/** One cluster for the tests of a file: each goes on in a fork of its own, with a seed of its own. */
export function forks(
  options: ClusterOptions,
  prepare: (cluster: Cluster) => Promise<void> = async () => {},
): (seed: number) => Promise<Cluster> {
  let base: Promise<Cluster> | undefined;
  let last: Promise<unknown> = Promise.resolve();
  const make = async (): Promise<Cluster> => {
    const cluster = await createCluster(options);
    await prepare(cluster);
    await cluster.settled();
    return cluster;
  };
  test.after.always(async () => (await base)?.[Symbol.asyncDispose]());
  return (seed) => {
    base ??= make();
    const first = base;
    // One after the other: a copy is taken while nothing else moves the first.
    const next = last.then(async () => {
      const fork = await (await first).fork({ seed });
      // Its processes start when time first passes.
      await fork.advance(0);
      return fork;
    });
    last = next.catch(() => undefined);
    return next;
  };
}

/** Lets time pass until the answer is there, or its connection is not. */
export const over = (cluster: Cluster, exchange: SimExchange): Promise<void> =>
  cluster.until(() => exchange.ended || exchange.lost, { stepMs: 1 });

/** What `kubectl get actors` gets. */
export async function actorsOf(cluster: Cluster): Promise<readonly Actor[]> {
  const answer = await cluster.request("GET", "/apis/actors.troupe.dev/v1/actors");
  return answer.json<{ readonly items: readonly Actor[] }>().items;
}

/** By its path, without the uid of an object. */
export async function actorAt(cluster: Cluster, path: string): Promise<Actor | undefined> {
  return (await actorsOf(cluster)).find(({ spec }) => spec.path.replace(/#.*/, "") === path);
}

/** Paths of the actors that are left alone after too many faults. */
export async function quarantined(cluster: Cluster): Promise<readonly string[]> {
  const parked = (await actorsOf(cluster)).filter(({ status }) => status?.status === "quarantined");
  return parked.map(({ spec }) => spec.path.replace(/#.*/, ""));
}

/** `troupe actors release NAME`. */
export async function release(cluster: Cluster, name: string): Promise<number> {
  return (await cluster.request("POST", `/apis/actors.troupe.dev/v1/actors/${name}/release`, {})).code;
}

/** How often an Event with this reason was told, repeats counted; `about`: the object's name. */
export function told(cluster: Cluster, reason: string, about?: string): number {
  return cluster
    .list("Event")
    .filter((event) => event.reason === reason && (about === undefined || event.involvedObject.name === about))
    .reduce((sum, { count }) => sum + (count ?? 1), 0);
}

/** Of the object's conditions the one of this type. */
export function conditionOf(
  object:
    | { readonly status?: { readonly conditions?: readonly { readonly type: string; readonly status: string }[] } }
    | undefined,
  type: string,
): string | undefined {
  return object?.status?.conditions?.find((each) => each.type === type)?.status;
}
