import type { Clock, Timer } from "../env/env.ts";
import { tooManyRequests } from "../kinds/status-errors.ts";
import type { StatusError } from "../util/errors.ts";
import { limits } from "./limits.ts";
import { priorityLevels, type Priority, type PriorityLevel } from "./priority.ts";

/**
 * Overload protection. A level has seats; a request sits on as many as it is wide while it is served.
 * When they are taken it waits, for a bounded time in a bounded queue, where the flows of the level take
 * turns: whoever asks for much waits for himself. What finds no place is answered 429 before its body is
 * read, which costs a fraction of serving it.
 *
 * A level never takes another's seats: a flood of workloads leaves the nodes and the leases theirs.
 */
export interface Seats {
  /**
   * Answers what gives the seats back, at once where they are free; that may be called once. Throws, or
   * rejects with, a 429.
   */
  take(asked: SeatRequest): Release | Promise<Release>;
  readonly levels: readonly LevelState[];
}

export type Release = () => void;

export interface SeatRequest extends Priority {
  readonly width: number;
  /** Tells when the client has gone: it waits no longer then. */
  readonly onGone: (run: () => void) => void;
}

export interface LevelState {
  readonly name: PriorityLevel;
  readonly seats: number;
  readonly taken: number;
  readonly waiting: number;
  readonly served: number;
  /** Refused because the queue was full, because the wait was too long, or given up by clients. */
  readonly refused: { readonly full: number; readonly late: number; readonly gone: number };
}

export function createSeats(clock: Clock, seats: Readonly<Record<PriorityLevel, number>> = limits.seats): Seats {
  const levels = new Map(priorityLevels.map((name) => [name, new Level(clock, name, seats[name])]));
  return {
    take: (asked) => levels.get(asked.level)!.take(asked),
    levels: [...levels.values()],
  };
}

interface Waiter {
  readonly flow: string;
  readonly width: number;
  readonly timer: Timer;
  readonly resolve: (release: Release) => void;
  readonly reject: (error: StatusError) => void;
  isWaiting: boolean;
}

/**
 * In the words of Kubernetes, one for each time to come back after. Made once: to make an error, with its
 * stack, costs as much as the rest of a refusal.
 */
export const overloads: readonly StatusError[] = Array.from({ length: limits.retryAfterMaxSeconds }, (_, index) =>
  tooManyRequests("Too many requests, please try again later.", { retryAfterSeconds: index + 1 }),
);

const windowMs = 1_000;
/** Refusals for each request served: one costs nearly half of what serving does, connection and frames included. */
const refusalsWanted = 1 / 8;

/**
 * When the refused shall come back. Refusals cost time that work would need, so there should be few of them beside
 * the requests served (`refusalsWanted`): if there were more, the next are sent away for longer in that proportion.
 */
class Patience {
  readonly #clock: Clock;
  #seconds = 1;
  #began: number;
  #served = 0;
  #refused = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#began = clock.mono();
  }

  served(): void {
    this.#served += 1;
  }

  refuse(): StatusError {
    const now = this.#clock.mono();
    if (now - this.#began >= windowMs) {
      const wanted = Math.ceil((this.#seconds * this.#refused) / Math.max(1, this.#served * refusalsWanted));
      // A window that is long over says nothing about now.
      const isRecent = now - this.#began < 2 * windowMs;
      this.#seconds = isRecent ? Math.min(overloads.length, Math.max(1, wanted)) : 1;
      this.#began = now;
      this.#served = 0;
      this.#refused = 0;
    }
    this.#refused += 1;
    return overloads[this.#seconds - 1]!;
  }
}

class Level implements LevelState {
  readonly name: PriorityLevel;
  readonly seats: number;
  taken = 0;
  waiting = 0;
  served = 0;
  readonly refused = { full: 0, late: 0, gone: 0 };
  readonly #clock: Clock;
  /** By flow; the flow whose turn it is comes first. No flow without a waiter. */
  readonly #queues = new Map<string, Waiter[]>();
  readonly #patience: Patience;

  constructor(clock: Clock, name: PriorityLevel, seats: number) {
    this.#clock = clock;
    this.name = name;
    this.seats = seats;
    this.#patience = new Patience(clock);
  }

  take({ flow, width: wanted, onGone }: SeatRequest): Release | Promise<Release> {
    const width = Math.min(wanted, this.seats);
    // Nobody overtakes those who wait.
    if (this.waiting === 0 && this.taken + width <= this.seats) return this.#sit(width);
    this.#makeRoom(flow);
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(limits.seatWaitMs, () => this.#giveUp(waiter, "late"), { daemon: true });
      const waiter: Waiter = { flow, width, timer, resolve, reject, isWaiting: true };
      const queue = this.#queues.get(flow);
      if (queue === undefined) this.#queues.set(flow, [waiter]);
      else queue.push(waiter);
      this.waiting += 1;
      onGone(() => this.#giveUp(waiter, "gone"));
    });
  }

  #sit(width: number): Release {
    this.taken += width;
    this.served += 1;
    this.#patience.served();
    let isTaken = true;
    return () => {
      if (!isTaken) return;
      isTaken = false;
      this.taken -= width;
      this.#callNext();
    };
  }

  #callNext(): void {
    // A flow that goes to the end is met again.
    for (const [flow, queue] of this.#queues) {
      const next = queue[0]!;
      // A wide request is not passed by narrow ones, or it would wait for ever.
      if (this.taken + next.width > this.seats) return;
      this.#remove(next);
      if (queue.length > 0) {
        // Its next turn comes after all others.
        this.#queues.delete(flow);
        this.#queues.set(flow, queue);
      }
      next.resolve(this.#sit(next.width));
    }
  }

  /** A full queue drops the last of the longest flow for one of a shorter. Throws 429 where this is the longest. */
  #makeRoom(flow: string): void {
    const own = this.#queues.get(flow)?.length ?? 0;
    if (own < limits.flowQueueMax) {
      if (this.waiting < limits.levelQueueMax) return;
      const longest = [...this.#queues.values()].reduce((a, b) => (b.length > a.length ? b : a));
      if (longest.length > own + 1) return this.#giveUp(longest.at(-1)!, "full");
    }
    this.refused.full += 1;
    throw this.#patience.refuse();
  }

  #giveUp(waiter: Waiter, why: keyof LevelState["refused"]): void {
    if (!this.#remove(waiter)) return;
    this.refused[why] += 1;
    waiter.reject(this.#patience.refuse());
  }

  #remove(waiter: Waiter): boolean {
    // Most are asked about a second time when their exchange closes, and would be looked for in a long queue.
    if (!waiter.isWaiting) return false;
    waiter.isWaiting = false;
    waiter.timer.cancel();
    const queue = this.#queues.get(waiter.flow)!;
    if (queue[0] === waiter) queue.shift();
    else queue.splice(queue.indexOf(waiter), 1);
    if (queue.length === 0) this.#queues.delete(waiter.flow);
    this.waiting -= 1;
    return true;
  }
}
