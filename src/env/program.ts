import type { Millis } from "../util/time.ts";

/** What a fault can do to the program itself: a master or an agent as a whole. */
export interface Program {
  /** At once, without a word: what was not written is lost. */
  kill(): void;
  /** As SIGSTOP, and SIGCONT after that time. */
  pause(ms: Millis): void;
  /** Its event loop stands still for that time, unless someone kills it for that. */
  hang(ms: Millis): void;
}

/** How often each fault has hit, kept where a death of the program does not reach it. Synchronous. */
export interface FaultJournal {
  hits(uid: string): number;
  /** The oldest are forgotten when there are very many. */
  keep(uid: string, hits: number): void;
}

const journalMax = 1_000;

export function memoryJournal(): FaultJournal {
  const hits = new Map<string, number>();
  return {
    hits: (uid) => hits.get(uid) ?? 0,
    keep: (uid, count) => keepNewest(hits, uid, count),
  };
}

export function keepNewest(hits: Map<string, number>, uid: string, count: number): void {
  hits.delete(uid);
  hits.set(uid, count);
  const oldest = hits.keys().next().value;
  if (hits.size > journalMax && oldest !== undefined) hits.delete(oldest);
}
