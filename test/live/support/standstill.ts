/**
 * How long this machine itself stood still: a timer that came late, a small file that took long to reach the disk.
 * Times of a cluster that are not longer than a few of these are the machine's, not the cluster's.
 */
import { open, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface Standstill {
  /** The latest that a timer came. */
  readonly timerMs: number;
  /** The longest that a sync took. */
  readonly syncMs: number;
}

const everyMs = 50;
/** Seldom: each of them is one more that the others wait for. */
const syncEveryMs = 250;

/** Looks until `work` ends; `folder` lies on the disk that matters. */
export async function standstillOf<Done>(
  folder: string,
  work: () => Promise<Done>,
): Promise<{ readonly done: Done; readonly stood: Standstill }> {
  const stop = new AbortController();
  const timers = latestTimer(stop.signal);
  const syncs = slowestSync(folder, stop.signal);
  try {
    const done = await work();
    stop.abort();
    return { done, stood: { timerMs: await timers, syncMs: await syncs } };
  } finally {
    stop.abort();
    await Promise.all([timers, syncs]);
  }
}

async function latestTimer(signal: AbortSignal): Promise<number> {
  let most = 0;
  while (!signal.aborted) {
    const startMs = performance.now();
    await delay(everyMs);
    most = Math.max(most, performance.now() - startMs - everyMs);
  }
  return Math.round(most);
}

async function slowestSync(folder: string, signal: AbortSignal): Promise<number> {
  const path = join(folder, `standstill-${process.pid}`);
  const file = await open(path, "w");
  let most = 0;
  try {
    while (!signal.aborted) {
      const startMs = performance.now();
      await file.write("still here\n");
      await file.datasync();
      most = Math.max(most, performance.now() - startMs);
      await delay(syncEveryMs);
    }
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
  return Math.round(most);
}
