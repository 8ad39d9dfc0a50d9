/**
 * `npm run bench -- write [SECONDS]`: acknowledged creations of ConfigMaps of 1 KiB.
 *
 * Method. One master (with one simulated node) as `troupe up` starts it, in a network namespace of its
 * own; the client is a process of its own with 1, 16, 64 and 256 requests in flight: over HTTPS (four
 * HTTP/2 connections), over gRPC with a call for each, and with all calls on one gRPC stream (`calls`).
 * Each answer of 201 is durable. The bare loop writes records of 1 KiB to the same disk in the
 * same way as the log does (one O_DSYNC write at a time into a file that is filled already, all that wait
 * share it) and nothing else; `ratio` is its rate to that of the door. Door and bare loop alternate; a
 * second of warm-up before each does not count. CPU of the server is that of the process, its threads
 * included; on a busy machine it says more than the rates.
 */
import { createCluster, load, say } from "./support/cluster.ts";
import type { Load } from "./support/load.ts";
import { startWorker } from "./support/worker.ts";
import type { Question, WriteRound } from "./support/write-worker.ts";
import { round } from "./support/cluster.ts";

const forMs = Number(process.argv[3] ?? 5) * 1_000;
const doors = ["https", "grpc", "calls"] as const;

export async function run(): Promise<object> {
  const cluster = createCluster();
  try {
    say(await cluster.up("--runtime", "simulated"));
    const worker = startWorker(cluster, "./write-worker.js");
    const ask = async <T extends Load>(what: Question["what"], inFlight: number, warmUpMs = 1_000): Promise<T> => {
      const got = await worker.ask<T>({ what, inFlight, warmUpMs, forMs } satisfies Question);
      say(`${what} ${inFlight} in flight: ${JSON.stringify(got)}  load ${load()}`);
      return got;
    };
    for (const door of doors) await ask(door, 64, 2_000);
    const cells: object[] = [];
    for (const inFlight of [1, 16, 64, 256]) {
      const bare = await ask<Load>("bare", inFlight);
      const cell: Record<string, unknown> = { inFlight, bare };
      for (const door of doors) {
        const got = await ask<WriteRound>(door, inFlight);
        cell[door] = { ...got, ratio: round(bare.perSecond / got.perSecond) };
      }
      cells.push(cell);
    }
    await worker.end();
    return { bench: "write", cells };
  } finally {
    await cluster.machine.dispose();
  }
}
