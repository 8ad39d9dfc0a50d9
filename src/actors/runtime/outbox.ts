import type { LogIndex } from "../../store/revision.ts";

/**
 * Messages that leave the store are sent after commit, at least once. What keeps a late or repeated
 * send of an old leader harmless is this fence: each carries where its cause stands in the log, and
 * a receiver refuses, per key, anything that is not above what it has taken.
 */
export interface Fence {
  /** Raised by a restore from backup. */
  readonly epoch: number;
  readonly index: LogIndex;
  /** Place among the messages of one outcome. */
  readonly position: number;
}

export function compareFences(left: Fence, right: Fence): number {
  if (left.epoch !== right.epoch) return left.epoch - right.epoch;
  if (left.index !== right.index) return left.index - right.index;
  return left.position - right.position;
}

/** The receiver's half. */
export interface FenceKeeper {
  /** True: take the message; false: it was taken before, or a later one was. */
  accept(key: string, fence: Fence): boolean;
}

export function createFenceKeeper(): FenceKeeper {
  const highest = new Map<string, Fence>();
  return {
    accept(key, fence) {
      const known = highest.get(key);
      if (known !== undefined && compareFences(fence, known) <= 0) return false;
      highest.set(key, fence);
      return true;
    },
  };
}

const digits = 12;

/** Key of an outbox row: rows of one target lie in the order in which they are sent. */
export function outboxKey(target: string, fence: Fence): string {
  const place = [fence.epoch, fence.index, fence.position];
  return `${target} ${place.map((part) => String(part).padStart(digits, "0")).join(".")}`;
}
