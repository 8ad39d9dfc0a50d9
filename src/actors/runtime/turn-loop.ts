import type { Clock, Timer } from "../../env/env.ts";
import type { Millis } from "../../util/time.ts";
import type { Job } from "./job.ts";
import { controllersPausePercent, turnCommandsMax, turnCommandsMin, turnMsMax } from "./limits.ts";
import type { Mailbox } from "./mailbox.ts";
import type { Pipe } from "./pipe.ts";

export interface TurnLoopOptions {
  readonly clock: Clock;
  readonly mailbox: Mailbox<Job>;
  readonly pipe: Pipe;
  readonly isLeading: () => boolean;
  readonly run: (job: Job) => void;
  /** Behind the commands of each turn. */
  readonly ended: () => void;
}

/**
 * When commands are taken from the mailbox: on the leader, some at a time, so that the process breathes
 * between turns; none while the pipe to the log is full, and no controllers' while it is nearly so.
 */
export class TurnLoop {
  readonly #options: TurnLoopOptions;
  #next: Timer | undefined;
  #isRunning = false;
  /** Of this term: what clients have waited for is on its way to the disk while the rest is evaluated. */
  #isFirst = true;
  /** The log has enough for now. */
  #isPaused = false;

  constructor(options: TurnLoopOptions) {
    this.#options = options;
  }

  /** A turn is due, if there is something to do and somewhere to put it. */
  wake(): void {
    const { clock, mailbox, pipe, isLeading } = this.#options;
    if (!isLeading() || this.#isPaused || this.#isRunning) return;
    if (this.#next !== undefined || mailbox.size === 0 || pipe.load >= 100) return;
    this.#next = clock.after(0, () => {
      this.#next = undefined;
      this.#turn();
    });
  }

  pause(forMs: Millis): void {
    this.#isPaused = true;
    this.#options.clock.after(forMs, () => {
      this.#isPaused = false;
      this.wake();
    });
  }

  stop(): void {
    this.#isFirst = true;
    this.#next?.cancel();
    this.#next = undefined;
  }

  #turn(): void {
    const { mailbox, pipe, ended } = this.#options;
    this.#isRunning = true;
    try {
      this.#commands();
    } finally {
      this.#isRunning = false;
    }
    ended();
    if (mailbox.waiting("controller") < mailbox.size || pipe.load < controllersPausePercent) this.wake();
  }

  #commands(): void {
    const { clock, mailbox, pipe, isLeading, run } = this.#options;
    const start = clock.mono();
    const least = this.#isFirst ? 1 : turnCommandsMin;
    this.#isFirst = false;
    for (let count = 0; count < turnCommandsMax && isLeading() && !this.#isPaused; count += 1) {
      const { load } = pipe;
      if (load >= 100) return;
      const job = mailbox.take({ controllers: load < controllersPausePercent });
      if (job === undefined) return;
      // A duplicate of a command that is in flight or answered is the same command.
      if (job.state === "queued") run(job);
      if (count + 1 >= least && clock.mono() - start >= turnMsMax) return;
    }
  }
}
