/**
 * When V8 compiles optimised code (docs/decisions/0012). `bin/troupe` begins with a large budget: what
 * runs a few hundred times is not hot, and compiling it would cost a burst more than it saves. A process
 * that goes on working for seconds is given a quarter of V8's own budget: under a load, code that is
 * optimised late costs twice as much for thousands of requests. Once the process rests, the large one is back.
 *
 * Work is counted as CPU time that leaks away: a burst below the threshold changes nothing, and a busy
 * machine that gives this process a small share of its time does not hide a load.
 */
import { setFlagsFromString } from "node:v8";

/** Executed bytes of code between two looks of V8 at a function. The large one is also in `bin/troupe`. */
const budgetBytes = { rest: 1_000_000, load: 16_896 } as const;
const lookMs = 500;

/**
 * CPU time, in ms, that makes a load; what leaks away in a second: more than a master uses that has nothing
 * to do, and less than a follower uses that applies what others write.
 */
export const loadLimits = { cpuMs: 2_500, leakMsPerSecond: 25 } as const;

export type Pace = keyof typeof budgetBytes;

/** Pure: CPU time that this process has used so far goes in, its pace comes out. */
export function createPace(): (cpuMs: number, nowMs: number) => Pace {
  let last: { readonly cpuMs: number; readonly nowMs: number } = { cpuMs: 0, nowMs: 0 };
  let work = 0;
  let pace: Pace = "rest";
  return (cpuMs, nowMs) => {
    work += cpuMs - last.cpuMs - ((nowMs - last.nowMs) * loadLimits.leakMsPerSecond) / 1_000;
    last = { cpuMs, nowMs };
    // What was done long ago must not keep the pace up for long.
    work = Math.min(Math.max(work, 0), 2 * loadLimits.cpuMs);
    if (work >= loadLimits.cpuMs) pace = "load";
    else if (work === 0) pace = "rest";
    return pace;
  };
}

/** Begins to look at the CPU time of this process. Does nothing on a V8 that keeps its own budget. */
export function paceOptimiser(): void {
  if (process.versions.v8 === undefined || !process.versions.v8.startsWith("11.")) return;
  const look = createPace();
  let now: Pace = "rest";
  setInterval(() => {
    const { user, system } = process.cpuUsage();
    const next = look((user + system) / 1_000, performance.now());
    if (next === now) return;
    now = next;
    setFlagsFromString(`--interrupt-budget=${budgetBytes[next]}`);
  }, lookMs).unref();
}
