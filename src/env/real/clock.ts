import { performance } from "node:perf_hooks";
import type { Clock, Timer } from "../env.ts";

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
    return new Delay(delayMs, run);
  },
};

/** Requests have a deadline each, and few of them ever come: setting one and taking it back is cheap. */
class Delay implements Timer {
  readonly #due: number;
  readonly #run: () => void;
  #handle: NodeJS.Timeout;

  constructor(delayMs: number, run: () => void) {
    this.#due = performance.now() + delayMs;
    this.#run = run;
    this.#handle = setTimeout(fire, waitOf(delayMs), this);
  }

  cancel(): void {
    clearTimeout(this.#handle);
  }

  /** The platform may fire up to a millisecond early, and long delays come in pieces. */
  fire(): void {
    const left = this.#due - performance.now();
    if (left > 0) this.#handle = setTimeout(fire, waitOf(left), this);
    else this.#run();
  }
}

function fire(delay: Delay): void {
  delay.fire();
}

function waitOf(leftMs: number): number {
  return Math.min(longestDelayMs, Math.max(1, Math.ceil(leftMs)));
}
