import type { Clock, Timer } from "../../env/env.ts";
import type { Millis } from "../../util/time.ts";

/**
 * The time that a stop may still take. It may only shrink, also while a stop is under way: whoever
 * waits is told. Counted on the monotonic clock.
 */
export class Grace {
  readonly #clock: Clock;
  #endsAt: Millis;
  readonly #listeners = new Set<() => void>();

  constructor(clock: Clock, graceMs: Millis) {
    this.#clock = clock;
    this.#endsAt = clock.mono() + graceMs;
  }

  get remainingMs(): Millis {
    return Math.max(0, this.#endsAt - this.#clock.mono());
  }

  /** `graceMs` from now; ignored when it is later than what holds already. */
  shrink(graceMs: Millis): void {
    const endsAt = this.#clock.mono() + graceMs;
    if (endsAt >= this.#endsAt) return;
    this.#endsAt = endsAt;
    for (const listener of this.#listeners) listener();
  }

  /** Answers how to stop listening. */
  onShrink(run: () => void): () => void {
    this.#listeners.add(run);
    return () => this.#listeners.delete(run);
  }

  /** The work's result, or `late` when the grace is over first. The work is not cancelled. */
  async within<T>(work: Promise<T>): Promise<T | "late"> {
    let timer: Timer | undefined;
    let forget: (() => void) | undefined;
    const late = new Promise<"late">((resolve) => {
      const arm = (): void => {
        timer?.cancel();
        timer = this.#clock.after(this.remainingMs, () => resolve("late"));
      };
      forget = this.onShrink(arm);
      arm();
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      timer?.cancel();
      forget?.();
    }
  }
}
