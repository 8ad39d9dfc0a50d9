/** A cluster of a bench's own, in a network namespace of its own, and what its processes cost. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { processesOf } from "../../src/cli/processes.ts";
import { createMachine, type Machine } from "../../test/live/support/machine.ts";
import { atEnd, kill, killInside } from "./ending.ts";

export interface BenchCluster {
  readonly machine: Machine;
  readonly name: string;
  readonly dataDir: string;
  /** `troupe up` with these options more, to its end; answers what it printed. */
  up(...options: readonly string[]): Promise<string>;
  down(): Promise<void>;
}

/** For `up` on a machine that has much else to do. */
export const patience: readonly string[] = ["--wait", "110s"];

let count = 0;

/** `up` is the caller's: some measure it. */
export function createCluster(machine: Machine = createMachine()): BenchCluster {
  count += 1;
  const name = `be${process.pid}n${count}`;
  const dataDir = join(machine.folder, `d${count}`);
  atEnd(async () => {
    // Clients first: they would start what is taken down anew, or wait for it.
    killInside(machine.netns);
    kill(processesOf(dataDir).map(({ pid }) => pid));
    if (existsSync(machine.folder)) await machine.dispose();
  });
  return {
    machine,
    name,
    dataDir,
    async up(...options) {
      const ran = await machine.troupe("up", "--name", name, "--data-dir", dataDir, ...options);
      if (ran.code !== 0) throw new Error(`up: ${ran.stdout}${ran.stderr}`);
      return ran.stdout;
    },
    async down() {
      const ran = await machine.troupe("down", "--name", name, "--purge");
      if (ran.code !== 0) throw new Error(`down: ${ran.stdout}${ran.stderr}`);
    },
  };
}

export type Cpu = Readonly<Record<string, number>>;

/** CPU ms since their start by role, children that have ended included. */
export function cpuMsOf(dataDir: string): Cpu {
  const sums: Record<string, number> = {};
  for (const { pid, role } of processesOf(dataDir)) sums[role] = (sums[role] ?? 0) + cpuMs(pid);
  return sums;
}

/** User and system time, its own and of children that it has waited for; a tick is 10 ms. */
export function cpuMs(pid: number): number {
  const text = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks) * 10, 0);
}

export function minus(after: Cpu, before: Cpu, dividedBy = 1): Cpu {
  return Object.fromEntries(
    Object.entries(after).map(([role, ms]) => [role, round((ms - (before[role] ?? 0)) / dividedBy)]),
  );
}

export interface Memory {
  readonly rssMiB: number;
  readonly pssMiB: number;
}

export function memoryOf(pid: number): Memory {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const read = (name: string): number => round(Number(new RegExp(`^${name}:\\s+(\\d+)`, "m").exec(text)![1]) / 1_024);
  return { rssMiB: read("Rss"), pssMiB: read("Pss") };
}

export function pidsOf(dataDir: string, role: string): readonly number[] {
  return processesOf(dataDir)
    .filter((process) => process.role === role)
    .map(({ pid }) => pid);
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

export function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))]!;
}

/** Three digits that mean something. */
export function round(value: number): number {
  return value === 0 ? 0 : Number(value.toPrecision(3));
}

/** Runnable processes and the load of the last minute: says how quiet the machine was. */
export function load(): string {
  const [minute, , , running] = readFileSync("/proc/loadavg", "utf8").split(" ");
  return `${minute} (${running} runnable/all of ${readdirSync("/proc").filter((name) => /^\d+$/.test(name)).length})`;
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
