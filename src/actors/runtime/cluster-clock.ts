import type { Clock } from "../../env/env.ts";
import type { Millis } from "../../util/time.ts";
import { clockSlewPercent } from "./limits.ts";

/**
 * The only time that machines and plans see. On the leader it moves on from the last committed
 * `now` by the monotonic clock, steered towards wall time by a slew of at most 5 %; so it never goes
 * back and never jumps inside a term. A new term may jump forward to wall time.
 */
export interface ClusterClock {
  /** Leader's time; whole milliseconds, never lower than what any earlier call answered. */
  now(): Millis;
  /** An outcome with this time was applied. */
  committed(now: Millis): void;
  /** A term as leader begins here; answers how far the clock jumped forward. */
  lead(): Millis;
}

export function createClusterClock(clock: Clock): ClusterClock {
  let current: Millis = 0;
  let lastMono: Millis = clock.mono();

  const advance = (): void => {
    const mono = clock.mono();
    const passed = mono - lastMono;
    lastMono = mono;
    const slew = (passed * clockSlewPercent) / 100;
    const gap = clock.wall() - (current + passed);
    current += passed + Math.max(-slew, Math.min(slew, gap));
  };
  return {
    now() {
      advance();
      return Math.floor(current);
    },
    committed(now) {
      if (now > current) {
        current = now;
        lastMono = clock.mono();
      }
    },
    lead() {
      const before = current;
      lastMono = clock.mono();
      current = Math.max(current, clock.wall());
      return before === 0 ? 0 : current - before;
    },
  };
}
