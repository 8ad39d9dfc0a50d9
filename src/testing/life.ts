import { EndingClock } from "../env/ending-clock.ts";
import type { Clock, Disk, Env } from "../env/env.ts";

/**
 * One life of a simulated process: its timers end with it, and its disk no longer answers once that
 * has crashed. What it still holds in memory can do nothing to the world.
 */
export interface Life {
  readonly env: Env;
  /** The process is stopped; what falls due waits for `resume`. */
  pause(): void;
  resume(): void;
  end(): void;
}

export function createLife(world: Env, disk: Disk): Life {
  const ending = new EndingClock(world.clock);
  let ended = false;
  let paused = false;
  let held: (() => void)[] = [];
  const clock: Clock = {
    wall: () => ending.wall(),
    mono: () => ending.mono(),
    after(delayMs, run, options) {
      let cancelled = false;
      const due = (): void => {
        if (!paused) run();
        else
          held.push(() => {
            if (!cancelled) run();
          });
      };
      const timer = ending.after(delayMs, due, options);
      return {
        cancel() {
          cancelled = true;
          timer.cancel();
        },
      };
    },
  };
  return {
    env: { ...world, clock, disk },
    pause: () => void (paused = true),
    resume() {
      paused = false;
      const due = held;
      held = [];
      for (const run of due) if (!ended) world.clock.after(0, run);
    },
    end() {
      ended = true;
      ending.end();
    },
  };
}
