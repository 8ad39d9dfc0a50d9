/**
 * The open link of each node. After a restart of the masters, or of an agent, the links come back one by
 * one: who needs a node that was heard a moment ago, or may not have found this leader yet, waits for it.
 */
import type { Clock } from "../../env/env.ts";
import type { Millis } from "../../util/time.ts";

export class LinkCalls<Call> {
  readonly #clock: Clock;
  readonly #open = new Map<string, Call>();
  readonly #waiting = new Map<string, Set<(call: Call | undefined) => void>>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get(node: string): Call | undefined {
    return this.#open.get(node);
  }

  all(): Iterable<Call> {
    return this.#open.values();
  }

  set(node: string, call: Call): void {
    this.#open.set(node, call);
    for (const settle of this.#waiting.get(node) ?? []) settle(call);
  }

  delete(node: string): void {
    this.#open.delete(node);
  }

  /** Undefined: no link of the node came within `waitMs`. */
  async within(node: string, waitMs: Millis): Promise<Call | undefined> {
    const call = this.#open.get(node);
    if (call !== undefined || waitMs <= 0) return call;
    const waiting = this.#waiting.get(node) ?? new Set();
    this.#waiting.set(node, waiting);
    return await new Promise((resolve) => {
      const settle = (found: Call | undefined): void => {
        timer.cancel();
        waiting.delete(settle);
        if (waiting.size === 0) this.#waiting.delete(node);
        resolve(found);
      };
      const timer = this.#clock.after(waitMs, () => settle(undefined));
      waiting.add(settle);
    });
  }

  /** No link is expected any more. */
  giveUp(): void {
    for (const waiting of this.#waiting.values()) for (const settle of waiting) settle(undefined);
  }
}
