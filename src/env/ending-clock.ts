import type { Millis } from "../util/time.ts";
import type { Clock, Timer } from "./env.ts";

const noTimer: Timer = { cancel: () => undefined };

/** Another clock's time; what is set here and not yet due goes with the end. */
export class EndingClock implements Clock {
  readonly #clock: Clock;
  readonly #open = new Set<Timer>();
  #isOver = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wall(): Millis {
    return this.#clock.wall();
  }

  mono(): Millis {
    return this.#clock.mono();
  }

  after(delayMs: Millis, run: () => void, options?: { readonly daemon?: boolean }): Timer {
    if (this.#isOver) return noTimer;
    const own = this.#clock.after(
      delayMs,
      () => {
        this.#open.delete(timer);
        run();
      },
      options,
    );
    const timer: Timer = {
      cancel: () => {
        this.#open.delete(timer);
        own.cancel();
      },
    };
    this.#open.add(timer);
    return timer;
  }

  /** Nothing that was set comes due any more, and nothing more can be set. */
  end(): void {
    this.#isOver = true;
    for (const timer of this.#open) timer.cancel();
  }
}
