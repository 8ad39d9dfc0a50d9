/**
 * `npm run bench -- watch [CHANGES]`: 1,000 watchers of one kind while it changes.
 *
 * Method. One master (with one simulated node) as `troupe up` starts it, in a network namespace of its
 * own; the client is a process of its own with 10 HTTP/2 connections of 100 watches each, and two more
 * for the changes: PUTs over 100 ConfigMaps, up to 1,000 a second in batches of a tenth of a second. A
 * batch begins when the last one has arrived at every watcher, so on a machine that cannot carry a
 * million events a second (client and server share its cores) the rate falls, and nothing is cut. CPU
 * per event and watcher: the server's CPU time less what the same changes cost without a watcher,
 * divided by the events that were delivered. An event is encoded once; what is left is the transport.
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
    await worker.end();
    const cpuUs = ((all.serverCpuMs - none.serverCpuMs) * 1_000) / all.delivered;
    const cpuUsPerChange = round((none.serverCpuMs * 1_000) / changes);
    return { bench: "watch", cpuUsPerEventAndWatcher: round(cpuUs), cpuUsPerChange, watchers: 1_000, all, none };
  } finally {
    await cluster.machine.dispose();
  }
}
