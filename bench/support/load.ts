/** Keeps a number of pieces of work in flight, and tells how they went. */
import { percentile, round } from "./cluster.ts";

export interface Load {
  readonly count: number;
  readonly perSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface LoadOptions {
  readonly inFlight: number;
  readonly warmUpMs: number;
  readonly forMs: number;
  /** Called when the warm-up is over, before anything counts. */
  readonly begins?: () => void;
}

/** What ends within the time after the warm-up counts. */
export async function load(options: LoadOptions, work: () => Promise<void>): Promise<Load> {
  const { inFlight, warmUpMs, forMs, begins } = options;
  const startMs = performance.now() + warmUpMs;
  const endMs = startMs + forMs;
  const tookMs: number[] = [];
  const timer = setTimeout(() => begins?.(), warmUpMs);
  const one = async (): Promise<void> => {
    for (let beganMs = performance.now(); beganMs < endMs; beganMs = performance.now()) {
      await work();
      const doneMs = performance.now();
      if (doneMs >= startMs && doneMs < endMs) tookMs.push(doneMs - beganMs);
    }
  };
  await Promise.all(Array.from({ length: inFlight }, one));
  clearTimeout(timer);
  return {
    count: tookMs.length,
    perSecond: round(tookMs.length / (forMs / 1_000)),
    p50Ms: round(percentile(tookMs, 0.5)),
    p99Ms: round(percentile(tookMs, 0.99)),
  };
}
