import type { Crypto, Disk, Env, Log } from "../env/env.ts";
import { noFaults, type FaultPort } from "../env/faults.ts";
import { asError, InvariantError } from "../util/errors.ts";
import type { Millis } from "../util/time.ts";
import { createSimClock, type SimClock } from "./clock.ts";
import { createSimDisk } from "./disk.ts";
import { createSimRandom } from "./random.ts";

/**
 * A world in virtual time. One event of the queue runs, then every promise that it settled, then
 * the next: nothing waits for a real timer, and the seed decides the order.
 */
export interface SimEnv extends Env {
  readonly clock: SimClock;
  /** Lines that were logged, newest last; the oldest are dropped. */
  readonly lines: readonly SimLine[];
  /** Runs everything due within the next `ms`, or until `until` holds behind an event. Rejects with what an event threw, and after a million events. */
  advance(ms: Millis, until?: () => boolean): Promise<void>;
  /** Runs until only daemon events are left. Rejects after a million events or a virtual hour. */
  settle(): Promise<void>;
}

export interface SimLine {
  readonly at: Millis;
  readonly level: string;
  readonly event: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export interface SimEnvOptions {
  readonly seed: number;
  /** Events due at the same time run in an order drawn from the seed. */
  readonly shuffle?: boolean;
  /** Time at first, default 0. */
  readonly startMs?: Millis;
  readonly disk?: Disk;
  readonly crypto?: Crypto;
  readonly faults?: FaultPort;
  /** Shares time with other simulated members. */
  readonly clock?: SimClock;
}

const maxEvents = 1_000_000;
const maxSettleMs = 3_600_000;
const linesMax = 2_000;

const noCrypto: Crypto = {
  crc32: () => needCrypto(),
  sha256: () => needCrypto(),
  seal: () => needCrypto(),
  open: () => needCrypto(),
};

function needCrypto(): never {
  throw new InvariantError("createSimEnv was given no crypto");
}

/**
 * Drains all microtasks at once. V8's own checkpoint does that synchronously, but only outside of a
 * promise's reaction: the loop below runs in a macrotask for this reason.
 *
 * The flag stays on only for as long as its syntax is compiled: V8 takes no cached code that was made under other
 * flags (decision 23). A generator, since V8 never throws away the code of one that has begun, to compile it again.
 */
function createDrain(): () => void {
  const { setFlagsFromString } = process.getBuiltinModule("node:v8");
  const { runInThisContext } = process.getBuiltinModule("node:vm");
  setFlagsFromString("--allow-natives-syntax");
  const source = "(function* () { for (;;) yield %PerformMicrotaskCheckpoint(); })()";
  const checkpoints = runInThisContext(source) as Generator<void>;
  const run = (): void => void checkpoints.next();
  run();
  setFlagsFromString("--no-allow-natives-syntax");
  return run;
}

let drain: (() => void) | undefined;

/** Runs `work` as a macrotask of its own. */
function asMacrotask(work: (drain: () => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    setImmediate(() => {
      try {
        work((drain ??= createDrain()));
        resolve();
      } catch (error) {
        reject(asError(error));
      }
    });
  });
}

function never(): boolean {
  return false;
}

function livelock(events: number, clock: SimClock): InvariantError {
  return new InvariantError(
    `not settled after ${events} events and ${clock.mono()} virtual ms: ${clock.pending} events pending`,
  );
}

export function createSimEnv(options: SimEnvOptions): SimEnv {
  const random = createSimRandom(options.seed);
  const { shuffle = false, startMs = 0 } = options;
  const clock = options.clock ?? createSimClock(random.stream("schedule"), { shuffle, startMs });
  const lines: SimLine[] = [];
  const log: Log = (level, event, fields = {}) => {
    lines.push({ at: clock.mono(), level, event, fields });
    if (lines.length > linesMax) lines.splice(0, linesMax / 2);
  };
  return {
    clock,
    random,
    disk: options.disk ?? createSimDisk({ rng: random.stream("disk") }),
    crypto: options.crypto ?? noCrypto,
    faults: options.faults ?? noFaults,
    log,
    lines,
    advance: (ms, until = never) =>
      asMacrotask((run) => {
        const end = clock.mono() + ms;
        run();
        for (let events = 0; !until() && clock.runNext(end); events += 1) {
          if (events > maxEvents) throw livelock(events, clock);
          run();
        }
        if (until()) return;
        clock.moveTo(end);
        run();
      }),
    settle: () =>
      asMacrotask((run) => {
        const until = clock.mono() + maxSettleMs;
        let events = 0;
        run();
        while (clock.pending > 0) {
          events += 1;
          if (events > maxEvents || !clock.runNext(until)) {
            throw livelock(events, clock);
          }
          run();
        }
      }),
  };
}
