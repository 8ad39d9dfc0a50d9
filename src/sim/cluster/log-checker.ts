import type { Crypto } from "../../env/env.ts";
import type { LogEntry } from "../../raft/log-api.ts";
import { isCall, type CallMessage, type PeerMessage } from "../../raft/transport-api.ts";

/**
 * What must hold whatever happens. Everything is checked as it happens, against what any member
 * has ever shown: one leader a term, one vote a voter and term, one content an entry, the same
 * state at the same index, and reads that see all that was acknowledged before they began.
 */
interface Known {
  readonly term: number;
  readonly hash: number;
}

export class LogChecker {
  readonly #crypto: Crypto;
  /** What was applied at each index, by the first member that did. */
  readonly #history: Known[] = [];
  /** The state behind each index, by the first member that was seen there. */
  readonly #states: Map<number, number> = new Map();
  readonly #leaders: Map<number, number> = new Map();
  readonly #votes: Map<string, number> = new Map();
  /** Content of entries that were ever sent, by index and term. */
  readonly #entries: Map<number, number> = new Map();
  readonly #seen: WeakSet<object> = new WeakSet();
  readonly #terms: Map<number, number> = new Map();
  readonly #waiting: Map<number, (entry: LogEntry) => void> = new Map();
  violations: string[] = [];
  /** Told of each entry once, in order, by the first member that applies it. */
  onNew: (entry: LogEntry) => void = () => undefined;

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

  /** A member is about to apply an entry. */
  applied(member: number, entry: LogEntry): void {
    const hash = this.hash(entry.payload);
    const known = this.#history[entry.index];
    if (known === undefined) {
      this.#history[entry.index] = { term: entry.term, hash };
      this.onNew(entry);
    } else if (known.term !== entry.term || known.hash !== hash) {
      this.fail(
        `entry ${entry.index} is of term ${entry.term} on member ${member}, and was applied with term ${known.term}`,
      );
    }
    const waiter = this.#waiting.get(member * 2 ** 40 + entry.index);
    this.#waiting.delete(member * 2 ** 40 + entry.index);
    waiter?.(entry);
  }

  /** The state of a member that has applied everything up to `index`. */
  stands(member: number, index: number, digest: number): void {
    const known = this.#states.get(index);
    if (known === undefined) this.#states.set(index, digest);
    else if (known !== digest) this.fail(`the state after entry ${index} differs on member ${member}`);
  }

  restored(member: number, index: number, digest: number): void {
    if (index > this.committed) this.fail(`member ${member} begins at entry ${index}, which no one has applied`);
    else this.stands(member, index, digest);
  }

  /** Calls `run` with what the member applies at `index`. */
  whenApplied(member: number, index: number, run: (entry: LogEntry) => void): void {
    this.#waiting.set(member * 2 ** 40 + index, run);
  }

  forgetMember(member: number): void {
    for (const key of this.#waiting.keys()) if (Math.floor(key / 2 ** 40) === member) this.#waiting.delete(key);
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

  sent(from: number, to: number, message: PeerMessage | CallMessage): void {
    if (isCall(message)) return;
    if (isPromise(message)) {
      this.#terms.set(from, Math.max(this.#terms.get(from) ?? 0, message.term));
    }
    if (message.type === "append") {
      this.leads(from, message.term);
      for (const entry of message.entries) this.#known(entry);
    } else if (message.type === "voteResp" && message.granted) {
      const key = `${from}@${message.term}`;
      const other = this.#votes.get(key) ?? to;
      if (other !== to) this.fail(`member ${from} voted for ${other} and ${to} in term ${message.term}`);
      this.#votes.set(key, to);
    }
  }

  /** An entry is an index, a term and one content. */
  #known(entry: LogEntry): void {
    if (this.#seen.has(entry)) return;
    this.#seen.add(entry);
    const key = entry.index * 2 ** 20 + entry.term;
    const hash = this.hash(entry.payload);
    const known = this.#entries.get(key) ?? hash;
    if (known !== hash) this.fail(`entry ${entry.index}@${entry.term} exists twice with different content`);
    this.#entries.set(key, hash);
  }
}

/** What may leave only once the term is on stable storage. A candidate asks while its own vote is being written. */
function isPromise(message: PeerMessage): boolean {
  if (message.type === "voteResp") return message.granted;
  if (message.type === "appendResp") return message.outcome === "ok";
  return message.type === "append";
}
