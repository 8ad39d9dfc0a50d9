/**
 * At most `slots` at once; waiters go in the order in which they came, but those who `continue` what
 * was begun under it before those who begin: what is begun is finished before more is begun.
 */
export class Semaphore {
  #free: number;
  readonly #waiting: Record<Turn, (() => void)[]> = { begin: [], continue: [] };

  constructor(slots: number) {
    this.#free = slots;
  }

  async run<T>(work: () => Promise<T>, turn: Turn = "begin"): Promise<T> {
    if (this.#free > 0) this.#free -= 1;
    else await new Promise<void>((resolve) => this.#waiting[turn].push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.continue.shift() ?? this.#waiting.begin.shift();
      if (next === undefined) this.#free += 1;
      else next();
    }
  }
}

export type Turn = "begin" | "continue";
