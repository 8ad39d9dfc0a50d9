/**
 * `npm run bench -- overload [SECONDS]`: ten times the load that the server takes, for a minute.
 *
 * Method. One cluster in a network namespace of its own; the client is a process of its own there
 * (support/overload-worker.ts). It updates ConfigMaps of 1 KiB over HTTP/2 as one user, whose level has
 * 240 seats. First it is worked until it keeps as much history as it may (200,000 events), which makes each
 * write dearer than on an empty server: peak and overload are to differ by their load alone. Peak: the best
 * of 64, 128 and 240 requests in flight, five seconds each, held for 30 s, as five may lie between two
 * snapshots of the server, and a minute never does. Overload: 2,400 in flight over twelve
 * connections for 60 s; who is answered 429 comes back after Retry-After, as client-go does. Then the same
 * for 15 s with clients that come back at once, which no client library does. Beside it, in both, somebody
 * renews a lease every 200 ms. Last, the peak's load again, after ten seconds of rest. Memory
 * is the server's, looked at each second.
 */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";
import { storeLimits } from "../src/store/limits.ts";
import { createCluster, cpuMs, load, memoryOf, pidsOf, round, say } from "./support/cluster.ts";
import type { Asked, Outcome } from "./support/overload-worker.ts";

const seconds = Number(process.argv[3] ?? 60);
const seats = 240;
const peakSeconds = 30;
const { historyEventsMax } = storeLimits;

interface Measured extends Outcome {
  readonly perSecond: number;
  /** Done for each second of the server's CPU time: what a machine with other work still tells truly. */
  readonly perCpuSecond: number;
  readonly rssMiBMax: number;
}

export async function run(): Promise<object> {
  const cluster = createCluster();
  const { machine } = cluster;
  try {
    say(await cluster.up());
    const server = pidsOf(cluster.dataDir, "server")[0]!;
    const script = fileURLToPath(new URL("support/overload-worker.js", import.meta.url));
    const worker = machine.start(process.execPath, [script, machine.folder]);
    worker.stderr!.pipe(process.stderr);
    const answers = createInterface(worker.stdout!)[Symbol.asyncIterator]();
    const measure = async (what: string, asked: Asked): Promise<Measured> => {
      const before = cpuMs(server);
      let rssMiBMax = 0;
      const look = setInterval(() => (rssMiBMax = Math.max(rssMiBMax, memoryOf(server).rssMiB)), 1_000);
      worker.stdin!.write(`${JSON.stringify(asked)}\n`);
      const { value, done } = await answers.next();
      clearInterval(look);
      if (done === true) throw new Error("the worker has ended");
      const outcome = JSON.parse(value as string) as Outcome;
      const measured = {
        ...outcome,
        perSecond: round(outcome.done / asked.seconds),
        perCpuSecond: round((outcome.done * 1_000) / (cpuMs(server) - before)),
        rssMiBMax,
      };
      say(`${what}: ${JSON.stringify(measured)}  load ${load()}`);
      return measured;
    };
    const calm = { isPatient: true, seconds: 5 };
    const empty = await measure("warm up", { ...calm, inFlight: 64 });
    for (let written = empty.done; written < historyEventsMax;) {
      written += (await measure("history", { ...calm, inFlight: 128 })).done;
    }
    const peaks: Measured[] = [];
    const loads = [64, 128, seats];
    for (const inFlight of loads) peaks.push(await measure(`peak at ${inFlight}`, { ...calm, inFlight }));
    const bestLoad = loads[peaks.indexOf(peaks.reduce((a, b) => (b.perSecond > a.perSecond ? b : a)))]!;
    const best = await measure(`peak at ${bestLoad}, held`, { ...calm, inFlight: bestLoad, seconds: peakSeconds });
    const tenfold = { inFlight: 10 * seats, isPatient: true, seconds };
    const overload = await measure("overload", tenfold);
    const hammered = await measure("hammered", { ...tenfold, isPatient: false, seconds: 15 });
    await new Promise((resolve) => setTimeout(resolve, 10_000));
    const after = await measure("after", { ...calm, inFlight: bestLoad });
    const ended = once(worker, "exit");
    worker.stdin!.end();
    await ended;
    return summary({ best, bestLoad, overload, hammered, after });
  } finally {
    await machine.dispose();
  }
}

function summary(got: {
  readonly best: Measured;
  readonly bestLoad: number;
  readonly overload: Measured;
  readonly hammered: Measured;
  readonly after: Measured;
}): object {
  const { best, bestLoad, overload, hammered, after } = got;
  return {
    bench: "overload",
    seconds,
    peakPerSecond: best.perSecond,
    peakInFlight: bestLoad,
    ratio: round(overload.perSecond / best.perSecond),
    ratioByCpu: round(overload.perCpuSecond / best.perCpuSecond),
    goodputPerSecond: overload.perSecond,
    refusedPerSecond: round(overload.refused / seconds),
    failed: overload.failed,
    p50Ms: overload.p50Ms,
    p99Ms: overload.p99Ms,
    leases: overload.leases,
    hammered: {
      ratio: round(hammered.perSecond / best.perSecond),
      ratioByCpu: round(hammered.perCpuSecond / best.perCpuSecond),
      refusedPerSecond: round(hammered.refused / 15),
      failed: hammered.failed,
      leases: hammered.leases,
    },
    after: {
      ratio: round(after.perSecond / best.perSecond),
      ratioByCpu: round(after.perCpuSecond / best.perCpuSecond),
    },
    rssMiB: {
      peak: best.rssMiBMax,
      overload: overload.rssMiBMax,
      hammered: hammered.rssMiBMax,
      after: after.rssMiBMax,
    },
    method: "PUT of 1 KiB ConfigMaps over HTTP/2; overload: 2,400 in flight, 429 retried after Retry-After",
  };
}
