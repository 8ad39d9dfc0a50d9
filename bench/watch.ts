/**
 * `npm run bench -- watch [CHANGES]`: 1,000 watchers of one kind while it changes.
 *
 * Method. One master (with one simulated node) as `troupe up` starts it, in a network namespace of its
 * own; the client is a process of its own with 10 HTTP/2 connections of 100 watches each, and two more
 * for the changes: PUTs over 100 ConfigMaps, up to 1,000 a second in batches of a tenth of a second. A
 * batch begins when the last one has arrived at every watcher, so on a machine that cannot carry a
 * million events a second (client and server share its cores) the rate falls, and nothing is cut. CPU
 * per event and watcher: the server's CPU time less what the same changes cost without a watcher,
 * divided by the events that were delivered. An event is encoded once and what comes within 20 ms is one
 * write a watcher; what is left is the transport. The client opens the windows that Go's client opens. A last
 * round has 500 connections of two watches: what a connection costs (a TLS record and a system call each time).
 */
import { createCluster, load, round, say } from "./support/cluster.ts";
import type { Question, WatchRound } from "./support/watch-worker.ts";
import { startWorker } from "./support/worker.ts";

const changes = Number(process.argv[3] ?? 3_000);
const perSecond = 1_000;

export async function run(): Promise<object> {
  const cluster = createCluster();
  try {
    say(await cluster.up("--runtime", "simulated"));
    const worker = startWorker(cluster, "./watch-worker.js");
    const ask = async (question: Question): Promise<WatchRound> => {
      const got = await worker.ask<WatchRound>(question);
      say(`${question.watchers} watchers: ${JSON.stringify(got)}  load ${load()}`);
      return got;
    };
    await ask({ watchers: 100, connections: 1, changes: 1_000, perSecond });
    const none = await ask({ watchers: 0, connections: 1, changes, perSecond });
    const all = await ask({ watchers: 1_000, connections: 10, changes, perSecond });
    const apart = await ask({ watchers: 1_000, connections: 500, changes: changes / 2, perSecond });
    await worker.end();
    const cpuUsPerChange = (none.serverCpuMs * 1_000) / changes;
    const cpuUs = (of: WatchRound, made: number): number =>
      round((of.serverCpuMs * 1_000 - made * cpuUsPerChange) / of.delivered);
    return {
      bench: "watch",
      watchers: 1_000,
      cpuUsPerEventAndWatcher: cpuUs(all, changes),
      cpuUsTwoAConnection: cpuUs(apart, changes / 2),
      cpuUsPerChange: round(cpuUsPerChange),
      all,
      apart,
      none,
    };
  } finally {
    await cluster.machine.dispose();
  }
}
