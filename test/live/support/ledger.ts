/**
 * What clients were told, kept beside the server: every acknowledged write with its value, every
 * revision with what it named, and the events of one watch that is resumed again and again. What
 * contradicts is a problem, told in a sentence. Pure; `ledger-client.ts` feeds it.
 */

/** A stored value, or undefined: there is no such object. */
export type Value = string | undefined;

export interface LedgerEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly key: string;
  readonly value: string;
  readonly revision: number;
}

export class Ledger {
  readonly problems: string[] = [];
  readonly events: LedgerEvent[] = [];
  acknowledged = 0;
  unknown = 0;
  /** Newest revision that the watch has told, bookmarks included. */
  watchRevision: number;
  /** What may be stored under a key: one value after an answer, several after a lost one. */
  readonly #possible = new Map<string, readonly Value[]>();
  readonly #named = new Map<number, string>();
  readonly #written = new Map<number, string>();
  readonly #watched = new Map<string, string>();
  readonly #told = new Set<string>();

  constructor(startRevision: number) {
    this.watchRevision = startRevision;
  }

  get keys(): readonly string[] {
    return [...this.#possible.keys()];
  }

  possible(key: string): readonly Value[] {
    return this.#possible.get(key) ?? [undefined];
  }

  /** A write was answered with success. A deletion's revision comes with the watch alone. */
  wrote(key: string, value: Value, revision?: number): void {
    this.acknowledged += 1;
    this.#possible.set(key, [value]);
    if (revision === undefined || value === undefined) return;
    this.#name(revision, `${key}=${value}`);
    this.#written.set(revision, `${key}=${value}`);
  }

  /** The answer to a write was lost: both is possible until somebody looks. */
  lost(key: string, value: Value): void {
    this.unknown += 1;
    this.#possible.set(key, [...new Set([...this.possible(key), value])]);
  }

  /** A read answered. What it shows must be possible, and is all that is possible from now on. */
  read(key: string, value: Value, revision?: number): void {
    const possible = this.possible(key);
    if (!possible.includes(value)) {
      this.problems.push(`${key} holds ${shown(value)}, not ${possible.map(shown).join(" or ")}`);
    }
    this.#possible.set(key, [value]);
    if (revision !== undefined && value !== undefined) this.#name(revision, `${key}=${value}`);
  }

  watched(event: LedgerEvent): void {
    const { type, key, value, revision } = event;
    this.events.push(event);
    if (revision <= this.watchRevision) {
      this.problems.push(`the watch told ${revision} (${type} ${key}) after ${this.watchRevision}`);
    }
    this.watchRevision = Math.max(this.watchRevision, revision);
    const isThere = this.#watched.has(key);
    if (isThere !== (type !== "ADDED")) {
      this.problems.push(`the watch told ${type} of ${key} at ${revision}, which was ${isThere ? "" : "not "}there`);
    }
    if (type === "DELETED") {
      this.#name(revision, `${key} deleted`);
      this.#watched.delete(key);
      return;
    }
    this.#name(revision, `${key}=${value}`);
    if (this.#told.has(value)) this.problems.push(`the watch told ${key}=${value} twice, again at ${revision}`);
    this.#told.add(value);
    this.#watched.set(key, value);
  }

  bookmark(revision: number): void {
    this.watchRevision = Math.max(this.watchRevision, revision);
  }

  /** At the end, when the watch has caught up: the stored objects, by key. */
  compare(stored: ReadonlyMap<string, string>): void {
    for (const key of new Set([...this.keys, ...stored.keys()])) this.read(key, stored.get(key));
    for (const key of new Set([...this.#watched.keys(), ...stored.keys()])) {
      const seen = this.#watched.get(key);
      if (seen === stored.get(key)) continue;
      this.problems.push(`the watch left ${key} at ${shown(seen)}, stored is ${shown(stored.get(key))}`);
    }
    const revisions = new Set(this.events.map(({ revision }) => revision));
    for (const [revision, what] of this.#written) {
      if (!revisions.has(revision)) this.problems.push(`the watch missed ${what} at ${revision}`);
    }
  }

  /** A second watch from the same start must tell the same. */
  compareReplay(replay: readonly LedgerEvent[]): void {
    const text = ({ type, key, value, revision }: LedgerEvent): string => `${revision} ${type} ${key}=${value}`;
    const first = this.events.findIndex((event, at) => replay[at] === undefined || text(replay[at]) !== text(event));
    if (first === -1 && replay.length === this.events.length) return;
    const at = first === -1 ? this.events.length : first;
    const [is, was] = [replay[at], this.events[at]].map((event) => (event === undefined ? "nothing" : text(event)));
    this.problems.push(`a replay from the start differs at event ${at}: ${is}, told before: ${was}`);
  }

  #name(revision: number, what: string): void {
    const before = this.#named.get(revision);
    if (before !== undefined && before !== what) {
      this.problems.push(`revision ${revision} named ${before}, and then ${what}`);
    }
    this.#named.set(revision, what);
  }
}

function shown(value: Value): string {
  return value ?? "nothing";
}
