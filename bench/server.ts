/**
 * `npm run bench -- server [PODS…]`: what one pod costs the server, without its sockets.
 *
 * Method. The virtual cluster (production core over the real log on a simulated disk, simulated nodes)
 * runs in this process under the CPU profiler: a Deployment of 50 and of 500 pods behind one Service
 * until all are Ready, then 2,000 creations of ConfigMaps of 1 KiB through the REST door. Samples count
 * whose stack passes a room of the server and none of the node; garbage collection counts by the server's
 * share of the rest. Samples are scaled to the CPU time of the main thread: V8's own threads and the
 * sockets are not in these figures. The first Deployment of 50 warms up.
 */
import { createCluster, type Cluster } from "../src/testing/cluster.ts";
import { deployment, service } from "../test/cluster/kit.ts";
import { profiled, type Profile } from "./support/profile.ts";
import { round, say } from "./support/cluster.ts";

const counts = process.argv.slice(3).map(Number);

export async function run(): Promise<object> {
  await using cluster = await createCluster({ nodes: 8, seed: 1, time: "virtual", freezeObjects: false });
  await pods(cluster, "warm", 50);
  const result: Record<string, number> = {};
  for (const count of counts.length > 0 ? counts : [50, 500]) {
    const profile = await profiled(() => pods(cluster, `d${count}`, count), isServer);
    result[`podMsAt${count}`] = show(`a pod of ${count}`, profile, count);
    result[`endpointPlansMsAt${count}`] = round(sumOf(profile, /^plan actors\/controllers\/endpoint(s|slice)\.js$/));
  }
  const creates = 2_000;
  const profile = await profiled(() => configMaps(cluster, creates), isServer);
  result["configMapMs"] = show("a ConfigMap", profile, creates);
  return { bench: "server", ...result };
}

async function pods(cluster: Cluster, name: string, replicas: number): Promise<void> {
  await cluster.apply([service(name), deployment(name, { replicas })]);
  await cluster.until(() => cluster.get("deployments.apps", name)?.status?.availableReplicas === replicas, {
    stepMs: 50,
  });
  await cluster.advance(2_000);
}

async function configMaps(cluster: Cluster, count: number): Promise<void> {
  const text = "x".repeat(900);
  let next = 0;
  while (next < count) {
    const open = Array.from({ length: 64 }, () => {
      next += 1;
      const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: `c${next}` }, data: { text } };
      return cluster.open("POST", "/api/v1/namespaces/default/configmaps", body);
    });
    await cluster.until(() => open.every((exchange) => exchange.ended), { stepMs: 1 });
  }
}

/** CPU ms of these functions with what they call. */
function sumOf({ byFunction }: Profile, name: RegExp): number {
  return Object.entries(byFunction).reduce((sum, [key, ms]) => (name.test(key) ? sum + ms : sum), 0);
}

const serverRooms = /^(actors|api|auth|raft|server|store)\//;

function isServer(frames: readonly { readonly file: string }[]): boolean {
  return frames.some(({ file }) => serverRooms.test(file)) && !frames.some(({ file }) => file.startsWith("node/"));
}

function show(what: string, profile: Profile, count: number): number {
  const perOne = (ms: number): string => `${((ms * 1_000) / count).toFixed(0).padStart(7)} µs`;
  say(`\n${what}: ${perOne(profile.totalMs)}`);
  for (const [room, ms] of Object.entries(profile.byRoom).slice(0, 16)) say(`  ${perOne(ms)}  ${room}`);
  say("  with callees:");
  for (const [name, ms] of Object.entries(profile.byFunction).slice(0, 70)) say(`  ${perOne(ms)}  ${name}`);
  return round(profile.totalMs / count);
}
