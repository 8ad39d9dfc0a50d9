import type { SystemWrite } from "../../store/outcome.ts";
import type { TipStore } from "../../store/store-api.ts";
import type { Millis } from "../../util/time.ts";
import { deadLetterAgeMsMax, deadLetterAttemptsMax, deadLettersMax } from "./limits.ts";

/**
 * Events that an actor failed on three times. They are kept for a week, so that a person can see
 * what was lost, and the actor goes on with its next event.
 */
export interface DeadLetters {
  /** Counts a failed attempt; the rows to write once the attempts are used up, else undefined. */
  failed(letter: DeadLetter, digest: string): readonly SystemWrite[] | undefined;
  /** The rows to write for an event that must not be tried again. */
  bury(letter: DeadLetter, digest: string): readonly SystemWrite[];
  /** Attempts so far. */
  attempts(path: string, digest: string): number;
  succeeded(path: string, digest: string): void;
  /** Something has failed and may yet succeed: only then success need be told. */
  readonly hasAttempts: boolean;
  /** The actor is parked: its events are not tried again. */
  forget(path: string): void;
  all(): readonly DeadLetter[];
}

export interface DeadLetter {
  readonly path: string;
  readonly event: string;
  readonly error: string;
  readonly at: Millis;
}

const table = "dead-letter";
const timeDigits = 15;

export function createDeadLetters(store: Pick<TipStore, "systemRows">): DeadLetters {
  const counts = new Map<string, number>();
  const countKey = (path: string, digest: string): string => `${path} ${digest}`;

  /** Letters past their age, and the oldest beyond the limit. */
  const expired = (now: Millis): readonly SystemWrite[] => {
    const rows = store.systemRows(table);
    const surplus = rows.length + 1 - deadLettersMax;
    const limit = String(Math.max(0, now - deadLetterAgeMsMax)).padStart(timeDigits, "0");
    return rows.filter(([key], at) => at < surplus || key < limit).map(([key]) => ({ table, key }));
  };
  const bury = (letter: DeadLetter, digest: string): readonly SystemWrite[] => {
    const name = `${String(letter.at).padStart(timeDigits, "0")} ${letter.path} ${digest}`;
    return [...expired(letter.at), { table, key: name, value: JSON.stringify(letter) }];
  };
  return {
    bury,
    failed(letter, digest) {
      const key = countKey(letter.path, digest);
      const count = (counts.get(key) ?? 0) + 1;
      if (count < deadLetterAttemptsMax) {
        counts.set(key, count);
        return undefined;
      }
      counts.delete(key);
      return bury(letter, digest);
    },
    attempts: (path, digest) => counts.get(countKey(path, digest)) ?? 0,
    succeeded: (path, digest) => void counts.delete(countKey(path, digest)),
    get hasAttempts() {
      return counts.size > 0;
    },
    forget(path) {
      for (const key of counts.keys()) if (key.startsWith(`${path} `)) counts.delete(key);
    },
    all: () => store.systemRows(table).map(([, value]) => JSON.parse(value) as DeadLetter),
  };
}
