import type { Clock, Timer } from "../../env/env.ts";
import type { Millis } from "../../util/time.ts";
import { backoffBaseMs, keyBackoffMsMax } from "./limits.ts";

/**
 * The dirty keys of one controller: a set in order of arrival, so that triggers are coalesced and
 * never overflow. A failing key waits 100 ms × 2ⁿ up to a minute; a change from outside wakes it at
 * once, the count of its failures stays. A key that rests after a plan keeps what can wait until its
 * rest is over.
 */
export interface DirtyKeys {
  readonly size: number;
  mark(key: string): void;
  /** As `mark`, but a key that rests is marked at the end of its rest. */
  markPaced(key: string): void;
  markFirst(key: string): void;
  /** The next key to plan. */
  take(): string | undefined;
  /** The plan failed or was refused. */
  backOff(key: string): Millis;
  /** The plan went well. */
  forget(key: string): void;
  /** Plans the key again after this time; undefined takes back an earlier wish. */
  wakeAfter(key: string, delayMs: Millis | undefined): void;
  /** For this long, what is marked as paced waits. */
  rest(key: string, restMs: Millis): void;
  /** Keys that back off, with the number of their failures. */
  failing(): ReadonlyMap<string, number>;
  clear(): void;
}

/** Wakes further away than this do not keep a virtual cluster from being settled. */
const soonMs: Millis = 10_000;

export function createDirtyKeys(clock: Clock, ready: () => void): DirtyKeys {
  const dirty = new Set<string>();
  const failures = new Map<string, number>();
  const pauses = new Map<string, Timer>();
  const wakes = new Map<string, Timer>();
  /** Keys that rest, and whether something waits for the end of it. */
  const rests = new Map<string, { readonly timer: Timer; waits: boolean }>();

  const cancel = (timers: Map<string, Timer>, key: string): void => {
    timers.get(key)?.cancel();
    timers.delete(key);
  };
  const mark = (key: string): void => {
    cancel(pauses, key);
    const rest = rests.get(key);
    if (rest !== undefined) rest.waits = false;
    dirty.add(key);
    ready();
  };
  const later = (timers: Map<string, Timer>, key: string, delayMs: Millis): void => {
    cancel(timers, key);
    const run = (): void => {
      timers.delete(key);
      mark(key);
    };
    timers.set(key, clock.after(delayMs, run, { daemon: delayMs > soonMs }));
  };
  return {
    get size() {
      return dirty.size;
    },
    mark,
    markPaced(key) {
      const rest = rests.get(key);
      if (rest === undefined || dirty.has(key)) mark(key);
      else rest.waits = true;
    },
    markFirst(key) {
      const rest = [...dirty];
      dirty.clear();
      dirty.add(key);
      for (const other of rest) dirty.add(other);
      ready();
    },
    take() {
      const key = dirty.values().next().value;
      if (key !== undefined) dirty.delete(key);
      return key;
    },
    backOff(key) {
      const count = failures.get(key) ?? 0;
      failures.set(key, count + 1);
      const delayMs = Math.min(keyBackoffMsMax, backoffBaseMs * 2 ** count);
      dirty.delete(key);
      later(pauses, key, delayMs);
      return delayMs;
    },
    forget: (key) => void failures.delete(key),
    wakeAfter(key, delayMs) {
      cancel(wakes, key);
      if (delayMs !== undefined) later(wakes, key, Math.max(0, delayMs));
    },
    rest(key, restMs) {
      rests.get(key)?.timer.cancel();
      const over = (): void => {
        const waits = rests.get(key)?.waits;
        rests.delete(key);
        if (waits === true) mark(key);
      };
      rests.set(key, { timer: clock.after(restMs, over), waits: false });
    },
    failing: () => failures,
    clear() {
      const resting = [...rests.values()].map(({ timer }) => timer);
      for (const timer of [...pauses.values(), ...wakes.values(), ...resting]) timer.cancel();
      pauses.clear();
      wakes.clear();
      rests.clear();
      dirty.clear();
      failures.clear();
    },
  };
}
