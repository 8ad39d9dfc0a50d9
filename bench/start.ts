/**
 * How soon a test has a cluster: from a cold process to `createCluster` resolved, and to a Deployment's three
 * pods Running in virtual time, beside a process that does nothing. Medians in ms; `cpuMs` and `bareCpuMs` are
 * CPU time of the whole process, which a loaded machine stretches less.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";

const runsDefault = 15;

type Figures = Readonly<Record<string, number>>;

export async function run(): Promise<object> {
  const runs = Number(process.env["RUNS"] ?? runsDefault);
  const started = await medians([join(import.meta.dirname, "support", "start-child.js")], runs);
  const idle = await medians(["--eval", bare], runs);
  const { createMs, runningMs, loadedMs, cpuMs } = started;
  const ratio = Number(((runningMs ?? 0) / (idle["bareMs"] ?? 1)).toFixed(2));
  return { bench: "start", runs, createMs, runningMs, ...idle, ratio, loadedMs, cpuMs };
}

const bare = `const { user, system } = process.cpuUsage();
console.log(JSON.stringify({ bareMs: performance.now(), bareCpuMs: (user + system) / 1000 }));`;

/** Of each figure that the processes print. */
async function medians(args: readonly string[], runs: number): Promise<Figures> {
  const seen: Figures[] = [];
  for (let at = 0; at < runs; at += 1) {
    const { stdout } = await promisify(execFile)(process.execPath, args);
    seen.push(JSON.parse(stdout) as Figures);
  }
  const median = (name: string): number => {
    const sorted = seen.map((figures) => figures[name] ?? 0).toSorted((a, b) => a - b);
    return Math.round(sorted[Math.floor(sorted.length / 2)] ?? 0);
  };
  return Object.fromEntries(Object.keys(seen[0] ?? {}).map((name) => [name, median(name)]));
}
