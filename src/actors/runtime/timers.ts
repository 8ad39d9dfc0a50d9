import type { Clock, Timer } from "../../env/env.ts";
import type { SystemWrite } from "../../store/outcome.ts";
import type { TipStore } from "../../store/store-api.ts";
import type { Millis } from "../../util/time.ts";
import { overdueTimersPerSecondMax } from "./limits.ts";
import type { ActorEvent } from "./machine.ts";
import { guarded } from "./supervisor.ts";

/**
 * Timers of object actors: rows with a generation, replicated, and on the leader an index by owner
 * and a queue by due time. Firing is a command; it acts only if the row still has its generation,
 * and deletes the row in the same entry: at most once in effect.
 */
export interface Timers {
  /** A term begins: the queue is built from the rows; overdue ones are spread. */
  start(): void;
  /** Fires nothing until the next `start`, but keeps the index true. */
  pause(): void;
  /** The term is over. */
  stop(): void;
  /** Rows of one owner, by timer id. */
  of(owner: string): ReadonlyMap<string, TimerRow>;
  set(timer: NewTimer): SystemWrite;
  cancel(owner: string, id: string): SystemWrite | undefined;
  /** The row, if it still stands with this generation. */
  current(owner: string, id: string, generation: number): TimerRow | undefined;
  /** Writes were staged: index and queue follow. */
  staged(writes: readonly SystemWrite[]): void;
  readonly size: number;
  /** Paths that have a timer. */
  owners(): Iterable<string>;
}

export interface NewTimer {
  readonly owner: string;
  readonly id: string;
  readonly due: Millis;
  readonly event: ActorEvent;
}

export interface TimerRow extends NewTimer {
  readonly generation: number;
}

export interface TimersOptions {
  readonly store: Pick<TipStore, "systemRows">;
  readonly clock: Clock;
  readonly now: () => Millis;
  readonly fire: (row: TimerRow) => void;
  /** Firing threw; nothing is fired until the next `start`. */
  readonly failed: (error: Error) => void;
}

const table = "timer";
const separator = " ";

/** Wakes no later than this, so that a slewed clock is followed. */
const longestWaitMs: Millis = 60_000;

export function timerKey(owner: string, id: string): string {
  return `${owner}${separator}${id}`;
}

export function createTimers(options: TimersOptions): Timers {
  const { store, clock, now, fire } = options;
  const failed = (error: Error): void => {
    running = false;
    options.failed(error);
  };
  const owners = new Map<string, Map<string, TimerRow>>();
  /** Waiting rows by key; a row in here has not been handed to `fire` yet. */
  const waiting = new Map<string, TimerRow>();
  let heap: TimerRow[] = [];
  let generation = 0;
  let wake: Timer | undefined;
  let running = false;
  /** A full batch was fired: the next waits until then, on the monotonic clock. */
  let quietUntil = 0;

  const push = (row: TimerRow): void => {
    heap.push(row);
    siftUp(heap, heap.length - 1);
  };
  const arm = (): void => {
    wake?.cancel();
    wake = undefined;
    const next = heap[0];
    if (!running || next === undefined) return;
    const pause = Math.max(0, quietUntil - clock.mono());
    const delay = Math.min(longestWaitMs, Math.max(pause, next.due - now()));
    wake = clock.after(delay, guarded(failed, due), { daemon: next.due - now() > longestWaitMs });
  };
  /** Fires what is due, at most a hundredth of the rate each ten milliseconds. */
  const due = (): void => {
    const at = now();
    let left = Math.ceil(overdueTimersPerSecondMax / 100);
    while (heap[0] !== undefined && heap[0].due <= at && left > 0) {
      const row = popRow(heap);
      const key = timerKey(row.owner, row.id);
      // A row that was cancelled or set again is still in the heap; its generation tells.
      if (waiting.get(key)?.generation !== row.generation) continue;
      waiting.delete(key);
      left -= 1;
      fire(row);
    }
    if (left === 0) quietUntil = clock.mono() + 10;
    arm();
  };
  const add = (row: TimerRow): void => {
    const rows = owners.get(row.owner) ?? new Map<string, TimerRow>();
    owners.set(row.owner, rows);
    rows.set(row.id, row);
    generation = Math.max(generation, row.generation);
    waiting.set(timerKey(row.owner, row.id), row);
    push(row);
  };
  const drop = (key: string): void => {
    waiting.delete(key);
    const at = key.indexOf(separator);
    const rows = owners.get(key.slice(0, at));
    rows?.delete(key.slice(at + 1));
    if (rows?.size === 0) owners.delete(key.slice(0, at));
  };
  const none: ReadonlyMap<string, TimerRow> = new Map();

  return {
    get size() {
      return waiting.size;
    },
    start() {
      running = true;
      owners.clear();
      waiting.clear();
      heap = [];
      generation = 0;
      for (const [, value] of store.systemRows(table)) add(JSON.parse(value) as TimerRow);
      arm();
    },
    pause() {
      running = false;
      wake?.cancel();
      wake = undefined;
    },
    stop() {
      running = false;
      wake?.cancel();
      wake = undefined;
      owners.clear();
      waiting.clear();
      heap = [];
    },
    owners: () => owners.keys(),
    of: (owner) => owners.get(owner) ?? none,
    set(timer) {
      generation += 1;
      const row: TimerRow = { ...timer, generation };
      return { table, key: timerKey(timer.owner, timer.id), value: JSON.stringify(row) };
    },
    cancel(owner, id) {
      return owners.get(owner)?.has(id) === true ? { table, key: timerKey(owner, id) } : undefined;
    },
    current(owner, id, wanted) {
      const row = owners.get(owner)?.get(id);
      return row?.generation === wanted ? row : undefined;
    },
    staged(writes) {
      let changed = false;
      for (const write of writes) {
        if (write.table !== table) continue;
        changed = true;
        if (write.value === undefined) drop(write.key);
        else add(JSON.parse(write.value) as TimerRow);
      }
      if (changed) arm();
    },
  };
}

function before(left: TimerRow, right: TimerRow): boolean {
  return left.due !== right.due ? left.due < right.due : left.generation < right.generation;
}

function siftUp(heap: TimerRow[], from: number): void {
  const row = heap[from]!;
  let at = from;
  while (at > 0) {
    const parent = (at - 1) >> 1;
    if (!before(row, heap[parent]!)) break;
    heap[at] = heap[parent]!;
    at = parent;
  }
  heap[at] = row;
}

/** The earliest row; the heap must not be empty. */
function popRow(heap: TimerRow[]): TimerRow {
  const top = heap[0]!;
  const last = heap.pop()!;
  if (heap.length > 0) {
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child += 1;
      if (!before(heap[child]!, last)) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = last;
  }
  return top;
}
