import { realCrypto } from "../../../../src/env/real/crypto.ts";
import { createSimClock } from "../../../../src/sim/clock.ts";
import { createRng } from "./rng.ts";
import type { Disk } from "../../../../src/env/env.ts";
import type { Entry, Persist } from "../../../../src/raft/core/types.ts";
import { openWal } from "../../../../src/raft/wal.ts";
import type { OpenedWal, WalOptions } from "../../../../src/raft/wal.ts";

export interface TestWal extends OpenedWal {
  readonly durable: number[];
  readonly fatal: Error[];
}

/** Small segments, so that a few entries fill one. */
export async function openTestWal(disk: Disk, options?: Partial<WalOptions>): Promise<TestWal> {
  const durable: number[] = [];
  const fatal: Error[] = [];
  const opened = await openWal({
    disk,
    crypto: realCrypto,
    clock: createSimClock(createRng(1)),
    log: () => undefined,
    clusterId: "c0ffee",
    memberId: 7,
    segmentBytes: 16_384,
    zeroFillPieceBytes: 2048,
    firstZeroFillBytes: 1024,
    onDurable: (seq) => durable.push(seq),
    onFatal: (error) => fatal.push(error),
    ...options,
  });
  return { ...opened, durable, fatal };
}

export function entry(index: number, term: number, payload = `e${index}@${term}`): Entry {
  return { index, term, kind: "normal", payload: new TextEncoder().encode(payload) };
}

export function persist(seq: number, entries: readonly Entry[], more?: Partial<Persist>): Persist {
  const term = entries.at(-1)?.term ?? 1;
  return { seq, hardState: { term, votedFor: 7 }, truncateFrom: 0, entries, ...more };
}

/** `1@1 2@1 3@2`: index and term of each entry. */
export function shape(entries: readonly Entry[]): string {
  return entries.map(({ index, term }) => `${index}@${term}`).join(" ");
}

/** Lets everything that only waits for resolved promises run. */
export async function settle(turns = 200): Promise<void> {
  for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
}
