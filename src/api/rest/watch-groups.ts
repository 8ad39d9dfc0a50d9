import type { Timer } from "../../env/env.ts";
import type { WatchChange, WatchHandle } from "../../store/store-api.ts";
import type { RowRef } from "../../store/view.ts";
import type { StatusError } from "../../util/errors.ts";
import { limits } from "../limits.ts";
import type { Door } from "./call.ts";
import type { Selection } from "./selection.ts";
import { rowEventBytes, type EventForm, type RowEvent } from "./watch-events.ts";

/**
 * Those who watch the same selection in the same form share one watch of the store: a change is judged and
 * encoded once for all of them, and what came in a turn is one piece of bytes that each is given. Where
 * many watch, what comes within some milliseconds is joined as well, since each write costs a frame, a
 * record and, at worst, a system call for every one of them.
 *
 * Invariant: a member gets every change behind the revision at which it joined, once and in order.
 */
export interface WatchGroups {
  /** From the store's revision of this moment on, or from `after` where that is still to come. */
  join(key: string, wish: WatchWish, member: Member): Place;
}

export interface WatchWish {
  readonly form: EventForm;
  readonly selection: Selection;
  /** A revision that the store has not reached; changes up to it are left out. */
  readonly after?: number;
}

export interface Member {
  /** True: the next events are its first, and a Table among them describes the columns. */
  readonly needsColumns: boolean;
  /** Whole events in order. The bytes are shared: not to be changed. */
  take(bytes: Uint8Array): void;
  /** 410: an installed snapshot does not reach back to it. It has left the group. */
  expired(error: StatusError): void;
}

/** A member's place in its group. */
export interface Place {
  /** Every change up to here has been given to the member, or waits for `settle`. */
  readonly upTo: number;
  /** Gives the member at once what waits for it: before it writes something of its own. */
  settle(): void;
  leave(): void;
}

type GroupParts = Pick<Door, "store" | "env" | "events">;

export function createWatchGroups(door: GroupParts): WatchGroups {
  const groups = new Map<string, Group>();
  return {
    join(key, wish, member) {
      // Who waits for what is to come shares with nobody.
      if (wish.after !== undefined) return new Group(door, wish, () => undefined).join(member);
      const group = groups.get(key) ?? new Group(door, wish, () => groups.delete(key));
      groups.set(key, group);
      return group.join(member);
    },
  };
}

interface Seat {
  readonly member: Member;
  /** So many of the queued events are not for it: it has them, or joined behind them. */
  skip: number;
}

class Group {
  readonly #door: GroupParts;
  readonly #wish: WatchWish;
  readonly #onEmpty: () => void;
  readonly #handle: WatchHandle;
  readonly #seats = new Set<Seat>();
  #queued: RowEvent[] = [];
  #isPlanned = false;
  #timer: Timer | undefined;
  #flushedMs = Number.NEGATIVE_INFINITY;

  constructor(door: GroupParts, wish: WatchWish, onEmpty: () => void) {
    this.#door = door;
    this.#wish = wish;
    this.#onEmpty = onEmpty;
    this.#handle = door.store.watch(wish.form.kind.id, wish.after ?? door.store.revision, {
      events: (batch) => this.#add(batch),
      expired: (error) => this.#expire(error),
    });
  }

  join(member: Member): Place {
    const seat: Seat = { member, skip: this.#queued.length };
    this.#seats.add(seat);
    const handle = this.#handle;
    return {
      get upTo() {
        return handle.upTo;
      },
      settle: () => {
        const [from, to] = [seat.skip, this.#queued.length];
        if (from === to || !this.#seats.has(seat)) return;
        seat.skip = to;
        member.take(this.#bytes(from, member.needsColumns));
      },
      leave: () => {
        if (this.#seats.delete(seat) && this.#seats.size === 0) this.#close();
      },
    };
  }

  #add(batch: readonly WatchChange[]): void {
    for (const change of batch) {
      const event = rowEventOf(this.#wish.selection, change);
      if (event !== undefined) this.#queued.push(event);
    }
    if (this.#queued.length > 0) this.#plan();
  }

  /** At the end of the turn, unless many watch and have just been written to. */
  #plan(): void {
    if (this.#isPlanned) return;
    this.#isPlanned = true;
    const { clock } = this.#door.env;
    const isLarge = this.#seats.size >= limits.watchJoinMembersMin;
    const restMs = isLarge ? this.#flushedMs + limits.watchJoinMs - clock.mono() : 0;
    if (restMs <= 0) queueMicrotask(() => this.#flush());
    else this.#timer = clock.after(restMs, () => this.#flush(), { daemon: true });
  }

  #flush(): void {
    this.#isPlanned = false;
    this.#timer = undefined;
    this.#flushedMs = this.#door.env.clock.mono();
    const count = this.#queued.length;
    let shared: Uint8Array | undefined;
    for (const seat of this.#seats) {
      const { member, skip } = seat;
      seat.skip = 0;
      if (skip === count) continue;
      if (skip > 0 || member.needsColumns) member.take(this.#bytes(skip, member.needsColumns));
      else member.take((shared ??= this.#bytes(0, false)));
    }
    this.#queued = [];
  }

  /** The queued events from number `from` on. */
  #bytes(from: number, needsColumns: boolean): Uint8Array {
    const events = this.#queued.slice(from);
    const pieces = events.map((event, at) =>
      rowEventBytes(this.#door, this.#wish.form, event, needsColumns && at === 0),
    );
    return pieces.length === 1 ? pieces[0]! : Buffer.concat(pieces);
  }

  #expire(error: StatusError): void {
    const seats = [...this.#seats];
    this.#flush();
    this.#seats.clear();
    this.#close();
    for (const { member } of seats) member.expired(error);
  }

  #close(): void {
    this.#timer?.cancel();
    this.#handle.close();
    this.#onEmpty();
  }
}

/** Who leaves the selection is DELETED, who enters it is ADDED. */
export function rowEventOf(selection: Selection, change: WatchChange): RowEvent | undefined {
  const { previous, next, revision } = change;
  const was = previous !== undefined && isSelected(selection, previous);
  if (next !== undefined && isSelected(selection, next)) {
    return { type: was ? "MODIFIED" : "ADDED", revision: next.revision, row: next };
  }
  return was ? { type: "DELETED", revision, row: previous } : undefined;
}

export function isSelected(selection: Selection, row: RowRef): boolean {
  if (selection.namespace !== "" && row.namespace !== selection.namespace) return false;
  return selection.filter?.(row) ?? true;
}
