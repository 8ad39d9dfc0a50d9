/**
 * `npm run bench -- failover [TIMES]`: how long no write is taken when the leader is lost, ours and etcd's.
 *
 * Method. Three members each, at the same times of heartbeat and election (100 ms, 1 s), in a network namespace of
 * the bench's own. A client of its own writes every 3 ms at both survivors; the gap is from the loss to the
 * answer to the first write begun after it. The leader is killed (`kill`), or stopped so that its
 * connections stay (`silent`), and comes back before the next loss. Ours is the log (`logOnly` of `bench
 * raft`), whose clients try the other members themselves. `masters` are whole ones, made by `troupe up`, with
 * clients of the REST door at the survivors and by the one address, and under a ledger
 * (`test/live/support/failover.ts`); `stop` hands over.
 */
import { runFailovers, type Failovers } from "../test/live/support/failover-run.ts";
import { createMachine } from "../test/live/support/machine.ts";
import { createCluster, type BenchCluster, load, median, pause, percentile, round, say } from "./support/cluster.ts";
import { createEtcd, type Etcd } from "./support/etcd.ts";
import { createLogCluster, type LogCluster } from "./support/log-cluster.ts";
import type { Gap, GapQuestion, Target } from "./support/raft-worker.ts";
import { startWorker, type Worker } from "./support/worker.ts";

const times = Number(process.argv[3] ?? 20);
const signals = { kill: "SIGKILL", silent: "SIGSTOP" } as const;

interface Gaps {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly maxMs: number;
}

export async function run(): Promise<object> {
  const cluster = createCluster(createMachine());
  const { machine } = cluster;
  try {
    const worker = startWorker(cluster, "./raft-worker.js");
    const log = await createLogCluster(machine, 3);
    const logOnly = await gapsOf(worker, "log", log);
    await log.stop();
    const server = createEtcd(machine, 3);
    const etcd = await gapsOf(worker, "etcd", server);
    await server.stop();
    await worker.end();
    const masters = await mastersGaps(cluster);
    return { bench: "failover", times, load: load(), masters, logOnly, etcd };
  } finally {
    await machine.dispose();
  }
}

async function mastersGaps(
  cluster: BenchCluster,
): Promise<Record<string, Pick<Failovers, "gap" | "addressGap" | "plan">>> {
  await cluster.up("--runtime", "simulated", "--nodes", "1", "--masters", "3");
  const all: Record<string, Pick<Failovers, "gap" | "addressGap" | "plan">> = {};
  for (const how of ["kill", "silent", "stop"] as const) {
    const report = await runFailovers(cluster.machine, cluster.dataDir, { how, times });
    if (report.problems.length > 0) throw new Error(report.problems.join("; "));
    say(`masters, ${how}: ${report.gaps.join(" ")} ms  load ${load()}`);
    const { gap, addressGap, plan } = report;
    all[how] = { gap, addressGap, plan };
  }
  await cluster.down();
  return all;
}

async function gapsOf(worker: Worker, target: Target, members: LogCluster | Etcd): Promise<Record<string, Gaps>> {
  const all: Record<string, Gaps> = {};
  for (const [name, signal] of Object.entries(signals)) {
    const gaps: number[] = [];
    for (let at = 0; at < times; at += 1) {
      const pids = members.ports.map((_, member) => members.pidOf(member));
      const question: GapQuestion = { ask: "gap", target, ports: members.ports, pids, signal };
      const { gapMs, member } = await worker.ask<Gap>(question);
      gaps.push(gapMs);
      if (signal === "SIGSTOP") process.kill(members.pidOf(member), "SIGCONT");
      else {
        await members.kill(member);
        members.start(member);
      }
      // It is back and has what it missed.
      await pause(1_500);
    }
    say(`${target}, ${name}: ${gaps.map((ms) => Math.round(ms)).join(" ")} ms  load ${load()}`);
    all[name] = {
      p50Ms: round(median(gaps)),
      p90Ms: round(percentile(gaps, 0.9)),
      maxMs: round(Math.max(...gaps)),
    };
  }
  return all;
}
