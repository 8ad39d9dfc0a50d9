import type { StateMachine } from "../../raft/driver.ts";
import type { LogEntry, LogListener } from "../../raft/log-api.ts";
import { textOf, utf8 } from "../../util/bytes.ts";
import type { Checker } from "./checker.ts";

/**
 * The smallest state worth replicating: rows with a revision, and a running digest over everything
 * that was ever applied. It tells the checker of each entry, and nothing else.
 */
export interface Operation {
  readonly id: number;
  readonly key: string;
  readonly value: string;
}

interface Saved {
  readonly revision: number;
  readonly digest: number;
  readonly rows: readonly (readonly [string, string])[];
}

export class Machine implements StateMachine, LogListener {
  readonly #member: number;
  readonly #checker: Checker;
  readonly #onRole: (role: string, term: number) => void;
  #waiting: { readonly index: number; readonly run: () => void }[] = [];
  rows: Map<string, string> = new Map();
  revision = 0;
  digest = 0;
  applied = 0;

  constructor(member: number, checker: Checker, onRole: (role: string, term: number) => void) {
    this.#member = member;
    this.#checker = checker;
    this.#onRole = onRole;
  }

  committed(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      this.#checker.follows(this.#member, this.applied, entry.index);
      this.applied = entry.index;
      this.digest = mixDigest(this.digest, entry.index, this.#checker.hash(entry.payload));
      if (entry.kind === "normal") {
        const { key, value } = JSON.parse(textOf(entry.payload)) as Operation;
        this.rows.set(key, value);
        this.revision += 1;
      }
      this.#checker.applied(this.#member, entry, this.digest);
    }
    this.#wake();
  }

  role(role: string, term: number): void {
    this.#onRole(role, term);
  }

  /** Runs at once, or once the entry at `index` is applied. */
  whenApplied(index: number, run: () => void): void {
    if (this.applied >= index) run();
    else this.#waiting.push({ index, run });
  }

  async restore(meta: { readonly index: number }, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    let text = "";
    for await (const chunk of chunks) text += textOf(chunk);
    const saved = JSON.parse(text) as Saved;
    this.rows = new Map(saved.rows);
    this.revision = saved.revision;
    this.digest = saved.digest;
    this.applied = meta.index;
    this.#checker.restored(this.#member, meta.index, saved.digest);
    this.#wake();
  }

  snapshot(): ReturnType<StateMachine["snapshot"]> {
    const saved: Saved = { revision: this.revision, digest: this.digest, rows: [...this.rows] };
    const bytes = utf8(JSON.stringify(saved));
    return { index: this.applied, digest: { a: this.digest >>> 0, b: 0 }, chunks: inPieces(bytes) };
  }

  #wake(): void {
    const ready = this.#waiting.filter(({ index }) => index <= this.applied);
    if (ready.length === 0) return;
    this.#waiting = this.#waiting.filter(({ index }) => index > this.applied);
    for (const { run } of ready) run();
  }
}

async function* inPieces(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 300) yield bytes.subarray(at, at + 300);
}

export function mixDigest(digest: number, index: number, hash: number): number {
  return Math.imul(digest ^ hash, 0x01000193) ^ Math.imul(index, 0x9e3779b1);
}
