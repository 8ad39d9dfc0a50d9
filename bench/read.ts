/**
 * `npm run bench -- read [PODS]`: GET of one pod, LIST of 10,000 pods, the same as a Table.
 *
 * Method. One master (with one simulated node) as `troupe up` starts it, in a network namespace of its
 * own, with 10,000 pods that no scheduler takes; the client is a process of its own on four HTTP/2
 * connections. GET: 64 requests in flight, over 1,000 pods in turn, for 5 s after a second of warm-up.
 * LIST and Table (with metadata, as kubectl asks): one after the other, without a limit, until the last
 * byte is there; medians of 5 after one to warm up. Every read is linearizable (a read index before it).
 * CPU of the server is that of the process, its threads included.
 */
import { createCluster, load, say } from "./support/cluster.ts";
import type { Question } from "./support/read-worker.ts";
import { startWorker } from "./support/worker.ts";

const pods = Number(process.argv[3] ?? 10_000);

export async function run(): Promise<object> {
  const cluster = createCluster();
  try {
    say(await cluster.up("--runtime", "simulated"));
    const worker = startWorker(cluster, "./read-worker.js");
    const ask = async (question: Question): Promise<object> => {
      const got = await worker.ask<object>(question);
      say(`${JSON.stringify(question)}: ${JSON.stringify(got)}  load ${load()}`);
      return got;
    };
    const filled = await ask({ what: "fill", pods });
    const get = await ask({ what: "get", inFlight: 64, forMs: 5_000 });
    const list = await ask({ what: "list", times: 5 });
    const table = await ask({ what: "table", times: 5 });
    await worker.end();
    return { bench: "read", pods, ...filled, get, list, table };
  } finally {
    await cluster.machine.dispose();
  }
}
