import { performance } from "node:perf_hooks";
import type { Clock } from "../env.ts";

/** Longest delay that the platform's timer takes; longer ones are set again on the way. */
const longestDelayMs = 2 ** 31 - 1;

/**
 * The machine's clocks. A delay of zero runs in the next turn of the event loop, after pending
 * input: that is what the actor host's turns rest on.
 */
export const realClock: Clock = {
  wall: () => Date.now(),
  mono: () => performance.now(),
  after(delayMs, run) {
    if (delayMs <= 0) {
      const immediate = setImmediate(run);
      return { cancel: () => clearImmediate(immediate) };
    }
    const due = performance.now() + delayMs;
    let handle: NodeJS.Timeout | undefined;
    const set = (): void => {
      const left = due - performance.now();
      if (left <= longestDelayMs) {
        handle = setTimeout(
          () => {
            // The platform may fire up to a millisecond early.
            if (performance.now() < due) set();
            else run();
          },
          Math.max(1, Math.ceil(left)),
        );
      } else handle = setTimeout(set, longestDelayMs);
    };
    set();
    return { cancel: () => clearTimeout(handle) };
  },
};
