import type { Clock, Disk, Env, Timer } from "../env/env.ts";

/**
 * One life of a simulated process: its timers end with it, and its disk no longer answers once that
 * has crashed. What it still holds in memory can do nothing to the world.
 */
export interface Life {
  readonly env: Env;
  end(): void;
}

const noTimer: Timer = { cancel: () => {} };

export function createLife(world: Env, disk: Disk): Life {
  const timers = new Set<Timer>();
  let ended = false;
  const clock: Clock = {
    wall: () => world.clock.wall(),
    mono: () => world.clock.mono(),
    after(delayMs, run, options) {
      if (ended) return noTimer;
      const due = (): void => {
        timers.delete(timer);
        run();
      };
      const timer = world.clock.after(delayMs, due, options);
      timers.add(timer);
      return {
        cancel() {
          timers.delete(timer);
          timer.cancel();
        },
      };
    },
  };
  return {
    env: { ...world, clock, disk },
    end() {
      ended = true;
      for (const timer of timers) timer.cancel();
      timers.clear();
    },
  };
}
