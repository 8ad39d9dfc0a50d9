import { invariant } from "../../util/errors.ts";
import type { Entry } from "./types.ts";

/**
 * The entries in memory. `base` is the last index that is no longer held (a snapshot's, or one that
 * no member can ask for); its term is still known. The term of an older index is an error to ask
 * for, never 0: "unknown" must not look like "before the log".
 */
export class EntryLog {
  #base: { readonly index: number; readonly term: number };
  #entries: Entry[];
  #bytes: number;

  constructor(base: { readonly index: number; readonly term: number }, entries: readonly Entry[]) {
    this.#base = base;
    this.#entries = [...entries];
    this.#bytes = sizeOf(entries);
    const first = entries[0];
    invariant(first === undefined || first.index === base.index + 1, "a log has no gap at its base");
  }

  /** Payload bytes of the entries held. */
  get bytes(): number {
    return this.#bytes;
  }

  get baseIndex(): number {
    return this.#base.index;
  }

  get lastIndex(): number {
    return this.#base.index + this.#entries.length;
  }

  get lastTerm(): number {
    return this.#entries.at(-1)?.term ?? this.#base.term;
  }

  /** Whether the term at `index` is known: it is the base, or held. */
  knows(index: number): boolean {
    return index >= this.#base.index && index <= this.lastIndex;
  }

  termAt(index: number): number {
    invariant(this.knows(index), "the term of an index is asked for only where the log knows it");
    if (index === this.#base.index) return this.#base.term;
    return this.at(index).term;
  }

  at(index: number): Entry {
    const entry = this.#entries[index - this.#base.index - 1];
    invariant(entry !== undefined, "an entry is asked for only where the log holds it");
    return entry;
  }

  /** Entries from `from` to `to`, both included. */
  slice(from: number, to: number): readonly Entry[] {
    invariant(from > this.#base.index, "a slice begins above the base");
    return this.#entries.slice(from - this.#base.index - 1, to - this.#base.index);
  }

  /** Entries from `from` on: at least one if there is one, then as many as fit. */
  page(from: number, bytesMax: number): readonly Entry[] {
    let bytes = 0;
    let to = from;
    for (; to <= this.lastIndex; to += 1) {
      bytes += this.at(to).payload.length;
      if (bytes > bytesMax && to > from) break;
    }
    return this.slice(from, to - 1);
  }

  append(entry: Entry): void {
    invariant(entry.index === this.lastIndex + 1, "entries are appended without a gap");
    invariant(entry.term >= this.lastTerm, "terms never fall along the log");
    this.#entries.push(entry);
    this.#bytes += entry.payload.length;
  }

  truncateFrom(index: number): void {
    invariant(index > this.#base.index, "what a snapshot holds is never cut off");
    const dropped = this.#entries.splice(index - this.#base.index - 1);
    this.#bytes -= sizeOf(dropped);
  }

  /** A snapshot takes the place of everything. */
  reset(base: { readonly index: number; readonly term: number }): void {
    this.#base = base;
    this.#entries = [];
    this.#bytes = 0;
  }

  /** Lets go of entries up to `index`. */
  forget(index: number): void {
    if (index <= this.#base.index) return;
    const term = this.termAt(index);
    const gone = this.#entries.splice(0, index - this.#base.index);
    this.#bytes -= sizeOf(gone);
    this.#base = { index, term };
  }

  isUpToDate(lastIndex: number, lastTerm: number): boolean {
    return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);
  }

  /**
   * The highest index at or below `index` whose term is at most `term`: where a log that disagrees
   * may still agree. Stops at the base.
   */
  lastWithTermAtMost(index: number, term: number): { readonly index: number; readonly term: number } {
    let at = Math.min(index, this.lastIndex);
    while (at > this.#base.index && this.termAt(at) > term) at -= 1;
    return at >= this.#base.index ? { index: at, term: this.termAt(at) } : { index: at, term: 0 };
  }
}

function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.payload.length, 0);
}
