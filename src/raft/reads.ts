import type { LogIndex } from "../store/revision.ts";
import { TransientError } from "../util/errors.ts";

/**
 * Who waits for a read index. One question is on its way at a time; all that ask meanwhile share the
 * next one, or a busy machine would answer each of many readers by a round of heartbeats of its own.
 * A question bears an id that no other of this member ever bore, in this life or an earlier one.
 */
interface Waiter {
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (error: Error) => void;
}

export class Reads {
  readonly #asked: Map<number, readonly Waiter[]> = new Map();
  #new: Waiter[] = [];
  #lastId = 0;

  /** An answer to an earlier life may still be on its way: its ids are not used again. */
  begin(incarnation: number): void {
    this.#lastId = (incarnation % 2 ** 20) * 2 ** 24;
  }

  wait(waiter: Waiter): void {
    this.#new.push(waiter);
  }

  /** The id of one question for all that came since the last; undefined: no one did, or that one is not answered. */
  ask(): number | undefined {
    if (this.#new.length === 0 || this.#asked.size > 0) return undefined;
    this.#lastId += 1;
    this.#asked.set(this.#lastId, this.#new);
    this.#new = [];
    return this.#lastId;
  }

  ready(id: number, index: LogIndex): void {
    for (const { resolve } of this.#take(id)) resolve(index);
  }

  dropped(id: number): void {
    for (const { reject } of this.#take(id)) {
      reject(new TransientError("the leader has changed", { retryAfterMs: 50 }));
    }
  }

  end(why: string): void {
    for (const waiters of [...this.#asked.values(), this.#new]) {
      for (const { reject } of waiters) reject(new TransientError(why));
    }
    this.#asked.clear();
    this.#new = [];
  }

  #take(id: number): readonly Waiter[] {
    const waiters = this.#asked.get(id) ?? [];
    this.#asked.delete(id);
    return waiters;
  }
}
