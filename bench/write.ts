/**
 * `npm run bench -- write [SECONDS [ROUNDS]]`: acknowledged creations of ConfigMaps of 1 KiB.
 *
 * Method. One master (with one simulated node) as `troupe up` starts it, in a network namespace of its
 * own; the client is a process of its own with 1, 16, 64 and 256 requests in flight: over HTTPS (four
 * HTTP/2 connections), over gRPC with a call for each, and with all calls on one gRPC stream (`calls`).
 * Each answer of 201 is durable. The bare loop writes records of 1 KiB to the same disk in the
 * same way as the log does (one O_DSYNC write at a time into a file that is filled already, all that wait
 * share it) and nothing else; `ratio` is its rate to that of the door. Each door is worked until the server's
 * code is optimised before anything counts; then bare loop and doors alternate, half a second of warm-up each,
 * and what counts is the median of the rounds. CPU of the server is that of the process, its threads included;
 * on a busy machine it says more than the rates. With TROUPE_BENCH_PROFILE=FOLDER the server leaves a CPU
 * profile there for each door at 64 in flight, in a round that does not count.
 */
import { createCluster, load, median, patience, pidsOf, round, say } from "./support/cluster.ts";
import type { Load } from "./support/load.ts";
import { profileProcess } from "./support/profile-process.ts";
import { warmUp } from "./support/warm.ts";
import { startWorker } from "./support/worker.ts";
import type { Question, WriteRound } from "./support/write-worker.ts";

const forMs = Number(process.argv[3] ?? 3) * 1_000;
const rounds = Number(process.argv[4] ?? 3);
const doors = ["https", "grpc", "calls"] as const;
const levels = [1, 16, 64, 256] as const;
const profileFolder = process.env["TROUPE_BENCH_PROFILE"] ?? "";

type Ask = <T extends Load>(what: Question["what"], inFlight: number, timesMs?: Partial<Question>) => Promise<T>;

export async function run(): Promise<object> {
  const cluster = createCluster();
  try {
    say(await cluster.up("--runtime", "simulated", ...patience));
    const worker = startWorker(cluster, "./write-worker.js");
    const ask: Ask = (what, inFlight, timesMs = {}) =>
      worker.ask({ what, inFlight, warmUpMs: 500, forMs, ...timesMs } satisfies Question);
    for (const door of doors) {
      await warmUp(door, (ms) => ask(door, 64, { warmUpMs: 0, forMs: ms }));
      if (profileFolder === "") continue;
      const path = `${profileFolder}/server-${door}-64.cpuprofile`;
      await profileProcess(cluster, { pid: pidsOf(cluster.dataDir, "server")[0]!, path, forMs }, () =>
        ask(door, 64, { forMs: forMs + 1_000 }),
      );
      say(`a profile of the server lies in ${path}`);
    }
    const cells: object[] = [];
    for (const inFlight of levels) cells.push(await cell(inFlight, ask));
    await worker.end();
    return { bench: "write", load: load(), cells };
  } finally {
    await cluster.machine.dispose();
  }
}

/** The medians of rounds in which the bare loop and the doors took turns. */
async function cell(inFlight: number, ask: Ask): Promise<object> {
  const bare: Load[] = [];
  const taken = new Map<(typeof doors)[number], WriteRound[]>(doors.map((door) => [door, []]));
  for (let at = 0; at < rounds; at += 1) {
    bare.push(await ask<Load>("bare", inFlight));
    for (const door of doors) taken.get(door)!.push(await ask<WriteRound>(door, inFlight));
  }
  const bareCell = medians(bare);
  const result: Record<string, unknown> = { inFlight, bare: bareCell };
  for (const [door, all] of taken) {
    const of = medians(all);
    result[door] = { ...of, ratio: round(bareCell["perSecond"]! / of["perSecond"]!) };
    say(`${door} ${inFlight} in flight: ${JSON.stringify(result[door])}  load ${load()}`);
  }
  return result;
}

function medians<R extends Load>(all: readonly R[]): Record<string, number> {
  const names = Object.keys(all[0]!) as (keyof R & string)[];
  return Object.fromEntries(names.map((name) => [name, round(median(all.map((one) => Number(one[name]))))]));
}
