import type { KindId } from "../kinds/kind.ts";
import { invariant } from "../util/errors.ts";
import type { Millis } from "../util/time.ts";
import { watchExpired } from "../kinds/status-errors.ts";
import type { Revision } from "./revision.ts";
import type { RowVersion } from "./row-version.ts";
import type { WatchChange, WatchHandle, WatchSink } from "./store-api.ts";

/** One committed write of one kind: what watchers get, and what compaction judges by. */
export interface HistoryEvent extends WatchChange {
  /** The version that this write made; a tombstone for a deletion. */
  readonly version: RowVersion;
  /** Time of the outcome. */
  readonly now: Millis;
  /** Last revision of the transaction: events with an equal `end` are one batch. */
  readonly end: Revision;
}

/** What `compaction.ts` reads of a history. */
export interface HistoryWindow {
  readonly kind: KindId;
  readonly floor: Revision;
  /** Events above the floor, and the nth of them. */
  readonly size: number;
  at(index: number): { readonly now: Millis; readonly end: Revision };
}

/**
 * The committed events of one kind in revision order, and those who watch them. A watcher is a
 * position in this one list; nothing is copied for it, and a commit without an event of the kind
 * costs it nothing.
 *
 * Invariants: events are ascending and unique; a transaction's events are handed over in one batch;
 * a watcher never gets an event at or below its start, and never skips one above it.
 */
export class History implements HistoryWindow {
  readonly kind: KindId;
  /** Reads and watches below it answer 410. */
  floor: Revision = 0;
  /** Revision of the newest commit of the whole store: a range end. */
  readonly #revision: () => Revision;
  #events: HistoryEvent[] = [];
  /** Index in `#events` of the first one that is kept. */
  #start = 0;
  /** Index in `#events` of the first one above the floor: those before it go with the next `trim`. */
  #first = 0;
  /** Number that the event at `#events[0]` has since the store began. */
  #base = 0;
  readonly #watchers = new Set<Watcher>();
  #shared: { readonly from: number; readonly batch: readonly HistoryEvent[] } | undefined;

  constructor(kind: KindId, revision: () => Revision) {
    this.kind = kind;
    this.#revision = revision;
  }

  get size(): number {
    return this.#events.length - this.#first;
  }

  at(index: number): HistoryEvent {
    const event = this.#events[this.#first + index];
    invariant(event !== undefined, "an event of the window exists");
    return event;
  }

  append(event: HistoryEvent): void {
    this.#events.push(event);
  }

  /** Hands what is new to every watcher that is not held up. */
  feed(): void {
    for (const watcher of this.#watchers) watcher.pump();
  }

  watch(from: Revision, sink: WatchSink): WatchHandle {
    if (from < this.floor) throw watchExpired(from, this.floor);
    const watcher = new Watcher(this, { from, sink, next: this.#firstAfter(from) });
    this.#watchers.add(watcher);
    watcher.pump();
    return watcher;
  }

  /** The watchers of a history that this one replaces. */
  takeOver(old: History): void {
    for (const watcher of old.#watchers) {
      old.#watchers.delete(watcher);
      this.#watchers.add(watcher);
      watcher.move(this, this.#firstAfter(watcher.upTo));
    }
    for (const watcher of this.#watchers) watcher.pump();
  }

  forget(watcher: Watcher): void {
    this.#watchers.delete(watcher);
  }

  get watchers(): number {
    return this.#watchers.size;
  }

  get revision(): Revision {
    return this.#revision();
  }

  /** The rest of the transaction that begins at event number `from`; empty at the end. One array serves all watchers there. */
  batchAt(from: number): readonly HistoryEvent[] {
    if (this.#shared?.from === from) return this.#shared.batch;
    const batch: HistoryEvent[] = [];
    for (let i = from - this.#base; i < this.#events.length; i++) {
      const event = this.#events[i] as HistoryEvent;
      if (batch.length > 0 && event.end !== batch[0]?.end) break;
      batch.push(event);
    }
    if (batch.length > 0) this.#shared = { from, batch };
    return batch;
  }

  /** The event that made the version of this revision, while the window holds it. */
  eventOf(revision: Revision): HistoryEvent | undefined {
    const event = this.#events[this.#firstAfter(revision - 1) - this.#base];
    return event?.revision === revision ? event : undefined;
  }

  /** Moves the floor. Watchers that were held up below it are told 410. The events stay until `trim`. */
  raiseFloor(floor: Revision): void {
    this.floor = Math.max(this.floor, floor);
    const first = this.#firstAfter(this.floor);
    this.#first = first - this.#base;
    for (const watcher of this.#watchers) watcher.checkFloor(first);
  }

  /** Drops the events at or below the floor and answers them, oldest first. */
  trim(): readonly HistoryEvent[] {
    if (this.#first <= this.#start) return [];
    const dropped = this.#events.slice(this.#start, this.#first);
    this.#start = this.#first;
    this.#shared = undefined;
    // Until then the dropped ones are held, and with them their rows: at most an eighth of the history.
    if (this.#start * 8 > this.#events.length) {
      this.#events = this.#events.slice(this.#start);
      this.#base += this.#start;
      this.#start = 0;
      this.#first = 0;
    }
    return dropped;
  }

  /**
   * Number of the first kept event above `revision`. Looked for from where it would be if revisions were even, in
   * steps that double: those of a busy kind nearly are, and a snapshot asks for each of them.
   */
  #firstAfter(revision: Revision): number {
    const revisionAt = (index: number): Revision => (this.#events[index] as HistoryEvent).revision;
    // What lies before `low` is not above it, what lies from `high` on is.
    let low = this.#start;
    let high = this.#events.length;
    if (low === high || revision < revisionAt(low)) return this.#base + low;
    if (revision >= revisionAt(high - 1)) return this.#base + high;
    const [first, last] = [revisionAt(low), revisionAt(high - 1)];
    const guess = low + Math.floor(((revision - first) / (last - first)) * (high - 1 - low));
    let step = 1;
    if (revisionAt(guess) <= revision) {
      for (low = guess + 1; low + step < high && revisionAt(low + step) <= revision; step *= 2) low += step + 1;
      high = Math.min(high, low + step);
    } else {
      for (high = guess; high - step > low && revisionAt(high - step) > revision; step *= 2) high -= step;
      low = Math.max(low, high - step);
    }
    while (low < high) {
      const middle = (low + high) >> 1;
      if (revisionAt(middle) <= revision) low = middle + 1;
      else high = middle;
    }
    return this.#base + low;
  }
}

class Watcher implements WatchHandle {
  #history: History;
  readonly #sink: WatchSink;
  readonly #from: Revision;
  /** Number of the next event to hand over. */
  #next: number;
  /** End of the last batch that was handed over. */
  #handed: Revision;
  /** Whether batches may wait behind `#handed`. */
  #held = false;
  #closed = false;

  constructor(history: History, start: { readonly from: Revision; readonly sink: WatchSink; readonly next: number }) {
    this.#history = history;
    this.#sink = start.sink;
    this.#from = start.from;
    this.#next = start.next;
    this.#handed = start.from;
  }

  get upTo(): Revision {
    return this.#held ? this.#handed : Math.max(this.#from, this.#history.revision);
  }

  /** Hands over all that is there, a transaction at a time, until the sink asks to wait. */
  pump(): void {
    this.#held = true;
    while (!this.#closed) {
      const batch = this.#history.batchAt(this.#next);
      const last = batch.at(-1);
      if (last === undefined) {
        this.#held = false;
        return;
      }
      if (this.#sink.ready?.() === false) return;
      this.#next += batch.length;
      this.#handed = Math.max(this.#from, last.end);
      const first = batch[0] as HistoryEvent;
      if (first.revision > this.#from) this.#sink.events(batch);
      else if (last.revision > this.#from) {
        this.#sink.events(batch.filter((event) => event.revision > this.#from));
      }
    }
  }

  /** Goes on in another history, whose event number `next` is the first above `upTo`. */
  move(history: History, next: number): void {
    const { upTo } = this;
    this.#history = history;
    this.#next = next;
    this.#handed = upTo;
    if (upTo < history.floor) this.#expire();
  }

  resume(): void {
    this.pump();
  }

  /** `first` is the number of the first event above the floor. */
  checkFloor(first: number): void {
    if (this.#next < first) this.#expire();
  }

  close(): void {
    this.#closed = true;
    this.#history.forget(this);
  }

  #expire(): void {
    this.close();
    this.#sink.expired?.(watchExpired(this.#handed, this.#history.floor));
  }
}
