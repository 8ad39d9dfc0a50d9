import type { Clock, Rng } from "../env/env.ts";
import type { Millis } from "../util/time.ts";

/**
 * Virtual time: one queue ordered by (time, seeded priority, order of arrival). The seed is the
 * schedule; two runs with the same seed run the same events in the same order.
 */
export interface SimClock extends Clock {
  /** Due time of the next event, undefined if none is queued. */
  readonly next: Millis | undefined;
  /** Events that keep a cluster from being settled. */
  readonly pending: number;
  /** Moves time to the next event and runs it; answers false if none is due at or before `until`. */
  runNext(until: Millis): boolean;
  /** Moves time on without running anything; never past a queued event. */
  moveTo(time: Millis): void;
  /** Wall time minus virtual time: a test steps the wall clock with it. */
  skewMs: Millis;
}

interface Queued {
  readonly due: Millis;
  readonly priority: number;
  readonly order: number;
  readonly daemon: boolean;
  run: (() => void) | undefined;
}

/** 2026-01-01T00:00:00Z: where virtual wall time begins. */
export const simEpochMs: Millis = 1_767_225_600_000;

/** Fewer cancelled events than this are not worth a sweep. */
const sweptMin = 64;

function before(left: Queued, right: Queued): boolean {
  if (left.due !== right.due) return left.due < right.due;
  if (left.priority !== right.priority) return left.priority < right.priority;
  return left.order < right.order;
}

export function createSimClock(
  rng: Rng,
  options: { readonly shuffle?: boolean; readonly startMs?: Millis } = {},
): SimClock {
  const heap: Queued[] = [];
  let now: Millis = options.startMs ?? 0;
  let order = 0;
  let pending = 0;
  let cancelled = 0;

  const push = (item: Queued): void => {
    let at = heap.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(item, heap[parent]!)) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = item;
  };
  const pop = (): void => {
    const last = heap.pop()!;
    if (heap.length === 0) return;
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
  };
  const dropCancelled = (): void => {
    while (heap.length > 0 && heap[0]!.run === undefined) {
      pop();
      cancelled -= 1;
    }
  };
  /** Most timers are deadlines, which are cancelled long before they are due: they would be nine tenths of the queue. */
  const sweep = (): void => {
    const live = heap.filter(({ run }) => run !== undefined);
    heap.length = 0;
    for (const item of live) push(item);
    cancelled = 0;
  };

  const clock: SimClock = {
    skewMs: 0,
    wall: () => simEpochMs + now + clock.skewMs,
    mono: () => now,
    get next() {
      dropCancelled();
      return heap[0]?.due;
    },
    get pending() {
      return pending;
    },
    after(delayMs, run, after = {}) {
      const daemon = after.daemon === true;
      order += 1;
      const item: Queued = {
        due: now + Math.max(0, delayMs),
        priority: options.shuffle === true ? rng.u32() : 0,
        order,
        daemon,
        run,
      };
      push(item);
      if (!daemon) pending += 1;
      return {
        cancel() {
          if (item.run === undefined) return;
          item.run = undefined;
          if (!daemon) pending -= 1;
          cancelled += 1;
          if (cancelled > sweptMin && cancelled > heap.length / 2) sweep();
        },
      };
    },
    runNext(until) {
      dropCancelled();
      const item = heap[0];
      if (item === undefined || item.due > until) return false;
      pop();
      now = Math.max(now, item.due);
      const { run } = item;
      item.run = undefined;
      if (!item.daemon) pending -= 1;
      run?.();
      return true;
    },
    moveTo(time) {
      dropCancelled();
      const limit = heap[0]?.due ?? time;
      now = Math.max(now, Math.min(time, limit));
    },
  };
  return clock;
}
