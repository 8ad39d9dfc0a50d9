import type { Clock } from "./env.ts";

/**
 * Back-pressure between two transports that know nothing of each other: while the one that is written to
 * has too much unsent, the one that is read from is paused.
 */
export interface HoldBackOptions {
  readonly clock: Clock;
  readonly from: { pause(): void; resume(): void };
  readonly to: { readonly pending: number };
  readonly bytesMax: number;
  /** How often a slow transport is looked at. */
  readonly lookMs: number;
}

/** Answers what to call after each write to `to`. */
export function holdBack({ clock, from, to, bytesMax, lookMs }: HoldBackOptions): () => void {
  let isPaused = false;
  const look = (): void => {
    if (to.pending >= bytesMax) {
      clock.after(lookMs, look, { daemon: true });
    } else {
      isPaused = false;
      from.resume();
    }
  };
  return () => {
    if (isPaused || to.pending < bytesMax) return;
    isPaused = true;
    from.pause();
    clock.after(lookMs, look, { daemon: true });
  };
}
