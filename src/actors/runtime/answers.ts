import type { Clock, Log, Timer } from "../../env/env.ts";
import type { ReplicatedLog } from "../../raft/log-api.ts";
import type { LogIndex, Term } from "../../store/revision.ts";
import { messageOf, type StatusError } from "../../util/errors.ts";
import type { WriteReply } from "./command.ts";
import type { Job, PendingRead } from "./job.ts";
import { readIndexRetryMs, readIndexTriesMax } from "./limits.ts";

/**
 * What waits until this member's state is far enough: answers that have no entry (they leave only
 * once what they read is committed and a read index confirms that this member led behind their
 * evaluation), reads, and answers of a leader elsewhere.
 */
export interface AnswersOptions {
  readonly clock: Clock;
  readonly log: ReplicatedLog;
  readonly report: Log;
  readonly applied: () => LogIndex;
  /** The term that this member leads in, if it does. */
  readonly leads: () => Term | undefined;
  readonly settle: (job: Job, reply: WriteReply | StatusError) => void;
  /** Nothing is known of what they read: they are evaluated again in the same term. */
  readonly again: (jobs: readonly Job[]) => void;
  readonly isStopped: () => boolean;
  readonly stopError: () => Error;
  readonly lateError: () => Error;
}

interface Barrier {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
  left: number;
}

export class Answers {
  readonly #options: AnswersOptions;
  /** Asked for in this turn. */
  readonly #barriers: Barrier[] = [];
  readonly #retries: Barrier[] = [];
  #retry: Timer | undefined;
  #reads: PendingRead[] = [];
  #waits: { readonly index: LogIndex; readonly run: () => void }[] = [];

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  push(read: PendingRead): void {
    this.#reads.push(read);
  }

  /** The term is over. */
  drop(): void {
    this.#reads = [];
  }

  /** One read index for all answers of a turn: it begins after their evaluation. */
  confirm(): void {
    if (this.#reads.length === 0) return;
    const { log, clock, report, leads, settle, again } = this.#options;
    const reads = this.#reads;
    const term = leads();
    this.#reads = [];
    // A term that is over has put its commands elsewhere already.
    const isOver = (): boolean => leads() === undefined || leads() !== term;
    const retry = (): void => {
      if (!isOver()) again(reads.map(({ job }) => job));
    };
    log.readIndex().then(
      (index) => {
        if (isOver()) return;
        for (const { job, after, reply } of reads) {
          this.whenApplied(Math.max(index, after), () => {
            if (!isOver()) settle(job, reply);
          });
        }
      },
      (error: unknown) => {
        report("debug", "read-index-failed", { error: messageOf(error) });
        // Not a tight loop: the log says when it has a leader again.
        clock.after(readIndexRetryMs, retry);
      },
    );
  }

  whenApplied(index: LogIndex, run: () => void): void {
    if (index <= this.#options.applied()) run();
    else this.#waits.push({ index, run });
  }

  /** The state has moved on. */
  moved(): void {
    if (this.#waits.length === 0) return;
    const applied = this.#options.applied();
    const due = this.#waits.filter(({ index }) => index <= applied);
    this.#waits = this.#waits.filter(({ index }) => index > applied);
    for (const { run } of due) run();
  }

  /** Resolves when the state here holds everything acknowledged before the call. */
  barrier(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#barriers.push({ resolve, reject, left: readIndexTriesMax });
      // Behind the input that is there: requests of one packet come one after the other, with microtasks between.
      if (this.#barriers.length === 1) this.#options.clock.after(0, () => this.#ask());
    });
  }

  /** One read index for all that wait for one: it begins behind their calls. */
  #ask(): void {
    const { log, isStopped, stopError } = this.#options;
    const asking = this.#barriers.splice(0);
    if (asking.length === 0) return;
    if (isStopped()) {
      for (const { reject } of asking) reject(stopError());
      return;
    }
    log.readIndex().then(
      (index) => {
        for (const { resolve } of asking) this.whenApplied(index, resolve);
      },
      () => this.#askAgain(asking),
    );
  }

  /** There is no leader just now. */
  #askAgain(asked: readonly Barrier[]): void {
    const { clock, lateError } = this.#options;
    for (const barrier of asked) {
      barrier.left -= 1;
      if (barrier.left < 0) barrier.reject(lateError());
      else this.#retries.push(barrier);
    }
    if (this.#retry !== undefined) return;
    const again = (): void => {
      this.#retry = undefined;
      this.#barriers.push(...this.#retries.splice(0));
      if (this.#barriers.length > 0) this.#ask();
    };
    this.#retry = clock.after(readIndexRetryMs, again, { daemon: true });
  }
}
