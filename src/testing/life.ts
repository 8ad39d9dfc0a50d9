import type { Clock, Disk, Env, Timer } from "../env/env.ts";

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

const noTimer: Timer = { cancel: () => {} };

export function createLife(world: Env, disk: Disk): Life {
  const timers = new Set<Timer>();
  let ended = false;
  let paused = false;
  let held: (() => void)[] = [];
  const clock: Clock = {
    wall: () => world.clock.wall(),
    mono: () => world.clock.mono(),
    after(delayMs, run, options) {
      if (ended) return noTimer;
      const due = (): void => {
        timers.delete(timer);
        if (!paused) run();
        else
          held.push(() => {
            if (!cancelled) run();
          });
      };
      let cancelled = false;
      const timer = world.clock.after(delayMs, due, options);
      timers.add(timer);
      return {
        cancel() {
          cancelled = true;
          timers.delete(timer);
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
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}
