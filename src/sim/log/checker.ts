import type { Crypto } from "../../env/env.ts";
import type { LogEntry } from "../../raft/log-api.ts";
import type { PeerMessage } from "../../raft/transport-api.ts";

/**
 * What must hold whatever happens. Everything is checked as it happens, against what any member
 * has ever shown: one leader a term, one vote a voter and term, one content an entry, the same
 * state at the same index, and reads that see all that was acknowledged before they began.
 */
export class Violation extends Error {}

interface Known {
  readonly term: number;
  readonly hash: number;
  readonly digest: number;
}

export class Checker {
  readonly #crypto: Crypto;
  /** What was applied at each index, by the first member that did. */
  readonly #history: Known[] = [];
  readonly #leaders: Map<number, number> = new Map();
  readonly #votes: Map<string, number> = new Map();
  /** Term and content of entries that were ever sent: `index@term`. */
  readonly #entries: Map<string, number> = new Map();
  readonly #terms: Map<number, number> = new Map();
  readonly #waiting: Map<number, (entry: LogEntry) => void> = new Map();
  /** Every write acknowledged and every read served before now lies at or below this index. */
  floor = 0;
  acknowledged = 0;
  reads = 0;
  violations: string[] = [];

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  get committed(): number {
    return Math.max(0, this.#history.length - 1);
  }

  get terms(): number {
    return this.#leaders.size;
  }

  hash(payload: Uint8Array): number {
    return this.#crypto.crc32(payload);
  }

  fail(what: string): void {
    this.violations.push(what);
  }

  follows(member: number, applied: number, index: number): void {
    if (index !== applied + 1) this.fail(`member ${member} applied entry ${index} after ${applied}`);
  }

  applied(member: number, entry: LogEntry, digest: number): void {
    const hash = this.hash(entry.payload);
    const known = this.#history[entry.index];
    if (known === undefined) {
      this.#history[entry.index] = { term: entry.term, hash, digest };
    } else if (known.term !== entry.term || known.hash !== hash) {
      this.fail(
        `entry ${entry.index} is of term ${entry.term} on member ${member}, and was applied with term ${known.term}`,
      );
    } else if (known.digest !== digest) {
      this.fail(`the state after entry ${entry.index} differs on member ${member}`);
    }
    const waiter = this.#waiting.get(member * 2 ** 40 + entry.index);
    this.#waiting.delete(member * 2 ** 40 + entry.index);
    waiter?.(entry);
  }

  restored(member: number, index: number, digest: number): void {
    const known = this.#history[index];
    if (known === undefined) this.fail(`member ${member} begins at entry ${index}, which no one has applied`);
    else if (known.digest !== digest) this.fail(`the snapshot of entry ${index} on member ${member} is another state`);
  }

  /** Calls `run` with what the member applies at `index`. */
  whenApplied(member: number, index: number, run: (entry: LogEntry) => void): void {
    this.#waiting.set(member * 2 ** 40 + index, run);
  }

  forgetMember(member: number): void {
    for (const key of this.#waiting.keys()) if (Math.floor(key / 2 ** 40) === member) this.#waiting.delete(key);
  }

  wrote(index: number): void {
    this.acknowledged += 1;
    this.floor = Math.max(this.floor, index);
  }

  /** A read that began when `floor` held was served from the state at `applied`. */
  read(member: number, floor: number, applied: number): void {
    this.reads += 1;
    if (applied < floor) {
      this.fail(
        `member ${member} served a read at entry ${applied}, and entry ${floor} was acknowledged before it began`,
      );
    }
    this.floor = Math.max(this.floor, applied);
  }

  /** A member that is not damaged never wakes up with an older term than it has shown. */
  woke(member: number, term: number, isDamaged: boolean): void {
    const shown = this.#terms.get(member) ?? 0;
    if (term < shown && !isDamaged) this.fail(`member ${member} wakes up at term ${term}, and has spoken at ${shown}`);
  }

  leads(member: number, term: number): void {
    const other = this.#leaders.get(term) ?? member;
    if (other !== member) this.fail(`members ${other} and ${member} both lead term ${term}`);
    this.#leaders.set(term, member);
  }

  sent(from: number, to: number, message: PeerMessage): void {
    if (isPromise(message)) {
      this.#terms.set(from, Math.max(this.#terms.get(from) ?? 0, message.term));
    }
    if (message.type === "append") {
      this.leads(from, message.term);
      for (const entry of message.entries) {
        const key = `${entry.index}@${entry.term}`;
        const hash = this.hash(entry.payload);
        const known = this.#entries.get(key) ?? hash;
        if (known !== hash) this.fail(`entry ${key} exists twice with different content`);
        this.#entries.set(key, hash);
      }
    } else if (message.type === "voteResp" && message.granted) {
      const key = `${from}@${message.term}`;
      const other = this.#votes.get(key) ?? to;
      if (other !== to) this.fail(`member ${from} voted for ${other} and ${to} in term ${message.term}`);
      this.#votes.set(key, to);
    }
  }
}

/** What may leave only once the term is on stable storage. */
function isPromise(message: PeerMessage): boolean {
  if (message.type === "voteResp") return message.granted;
  if (message.type === "appendResp") return message.outcome === "ok";
  return message.type === "append" || message.type === "vote";
}
