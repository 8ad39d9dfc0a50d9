/**
 * Lets virtual time pass for clients with sockets, who cannot: as long as one of their requests is open.
 * While one waits for its answer, as fast as it goes; while there are only watches and streams, as fast as
 * the client's own time, times `speed`.
 */
import type { Clock } from "../env/env.ts";
import type { Millis } from "../util/time.ts";

export interface PumpOptions {
  /** The clients' time. */
  readonly clock: Clock;
  readonly speed: number;
  readonly advance: (ms: Millis) => Promise<void>;
  /** Told when time cannot pass any more. */
  readonly onError: (error: Error) => void;
}

/** One request of a client. */
export interface PumpedRequest {
  /** It has its answer, or the head of one. May be told more than once. */
  answered(): void;
  /** It is over. May be told more than once. */
  ended(): void;
}

const answerStepMs: Millis = 2;
const restMs: Millis = 5;
/** A process that was stopped for a while does not make up for it at once. */
const stepMsMax: Millis = 1_000;

export class Pump {
  readonly #options: PumpOptions;
  readonly #open = new Set<PumpedRequest>();
  readonly #unanswered = new Set<PumpedRequest>();
  #isRunning = false;
  #isStopped = false;
  #at: Millis = 0;

  constructor(options: PumpOptions) {
    this.#options = options;
  }

  began(): PumpedRequest {
    const request: PumpedRequest = {
      answered: () => void this.#unanswered.delete(request),
      ended: () => {
        this.#unanswered.delete(request);
        this.#open.delete(request);
      },
    };
    this.#open.add(request);
    this.#unanswered.add(request);
    this.#start();
    return request;
  }

  stop(): void {
    this.#isStopped = true;
  }

  #start(): void {
    if (this.#isRunning || this.#isStopped) return;
    this.#isRunning = true;
    this.#at = this.#options.clock.mono();
    this.#options.clock.after(0, () => this.#turn());
  }

  #turn(): void {
    const { clock, speed, advance, onError } = this.#options;
    if (this.#isStopped || this.#open.size === 0) {
      this.#isRunning = false;
      return;
    }
    const now = clock.mono();
    const pacedMs = Math.floor(Math.min((now - this.#at) * speed, stepMsMax));
    const isAwaited = this.#unanswered.size > 0;
    if (pacedMs > 0 || isAwaited) this.#at = now;
    advance(isAwaited ? Math.max(pacedMs, answerStepMs) : pacedMs).then(
      () => void clock.after(isAwaited ? 0 : restMs, () => this.#turn()),
      (error: Error) => {
        this.#isRunning = false;
        onError(error);
      },
    );
  }
}
