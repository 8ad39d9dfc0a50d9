import type { Rng } from "../../env/env.ts";

/**
 * What goes wrong, as a list: it is drawn from the seed before the run, so that a run can be
 * repeated with fewer of them. Members are named by their place among those that exist then.
 */
export const faultKinds = [
  "crash",
  "crashLeader",
  "crashInWrite",
  "powerLoss",
  "pause",
  "isolate",
  "isolateLeader",
  "oneWay",
  "partial",
  "loss",
  "delay",
  "reorder",
  "duplicate",
  "slowDisk",
  "fullDisk",
  "failedSync",
  "rot",
  "misdirect",
  "skew",
  "clockStep",
  "crashAt",
  "disturbAt",
  "transfer",
  "grow",
  "shrink",
  "replace",
] as const;

export type FaultKind = (typeof faultKinds)[number];

export interface Fault {
  readonly kind: FaultKind;
  readonly atMs: number;
  readonly forMs: number;
  /** Which members. */
  readonly a: number;
  readonly b: number;
  /** How, from 0 to 2^32. */
  readonly how: number;
}

export function drawFaults(rng: Rng, fromMs: number, untilMs: number): readonly Fault[] {
  const active = faultKinds.filter(() => rng.below(2) === 0);
  if (active.length === 0) return [];
  const faults: Fault[] = [];
  const everyMs = 600 + rng.below(3_000);
  for (let at = fromMs; at < untilMs; at += 1 + rng.below(2 * everyMs)) {
    faults.push({
      kind: active[rng.below(active.length)] as FaultKind,
      atMs: Math.floor(at),
      forMs: 50 + rng.below(rng.below(4) === 0 ? 9_000 : 2_500),
      a: rng.below(16),
      b: rng.below(16),
      how: rng.u32(),
    });
  }
  return faults;
}
