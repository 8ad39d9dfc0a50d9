import type { StoreLimits } from "./limits.ts";

/**
 * Row bytes lie in large slabs off the heap, so that the garbage collector sees one buffer for
 * thousands of rows. A slab is written once, front to back, and never reused: a slice that somebody
 * still holds stays what it was. A full slab that is mostly dead is emptied a few rows a commit and
 * then dropped.
 */

/** Where a row's bytes lie. The owner's fields move when its slab is emptied. */
export interface Slot {
  slab: Slab | undefined;
  offset: number;
  length: number;
  /** Nothing in the store reaches it any more. */
  readonly freed: boolean;
}

export interface Slab {
  readonly bytes: Uint8Array;
  used: number;
  live: number;
  /** Everything that was put here, dead ones included. */
  readonly slots: Slot[];
  /** How far emptying has come; undefined: not being emptied. */
  emptied: number | undefined;
}

type SlabLimits = Pick<StoreLimits, "slabBytesMax" | "slabBytesMin" | "slabLiveShareMin" | "slabMovesPerCommitMax">;

export class Slabs {
  readonly #limits: SlabLimits;
  #current: Slab;
  readonly #sparse: Slab[] = [];
  readonly #shared = new WeakMap<Slab, Slab>();
  /** What was shared last: neighbours lie in one slab. */
  #sharedLast: { readonly origin: Slab; readonly slab: Slab } | undefined;
  #bytes = 0;

  constructor(limits: SlabLimits) {
    this.#limits = limits;
    this.#current = newSlab(limits.slabBytesMin);
    this.#bytes = limits.slabBytesMin;
  }

  /** Bytes of all slabs that hold live rows. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Copies `row` into a slab and makes `slot` point at it. */
  put(slot: Slot, row: Uint8Array): void {
    const slab = this.#roomFor(row.length);
    slab.bytes.set(row, slab.used);
    slot.slab = slab;
    slot.offset = slab.used;
    slot.length = row.length;
    slab.used += row.length;
    slab.live += row.length;
    slab.slots.push(slot);
  }

  /** Lets `slot` read the bytes that a slot of another store has. */
  share(slot: Slot, other: Slot): void {
    const { slab: origin, offset, length } = other;
    if (origin === undefined) return;
    const slab = this.#sharedLast?.origin === origin ? this.#sharedLast.slab : this.#sharedOf(origin);
    slot.slab = slab;
    slot.offset = offset;
    slot.length = length;
    slab.live += length;
    slab.slots.push(slot);
  }

  #sharedOf(origin: Slab): Slab {
    let slab = this.#shared.get(origin);
    if (slab === undefined) {
      // Full, so that nothing is ever written behind what its owner has written.
      slab = { bytes: origin.bytes, used: origin.bytes.length, live: 0, slots: [], emptied: undefined };
      this.#shared.set(origin, slab);
      this.#bytes += slab.bytes.length;
    }
    this.#sharedLast = { origin, slab };
    return slab;
  }

  /** The slot's bytes may go. Whoever still holds the slot can read them for as long as it does. */
  free(slot: Slot): void {
    const slab = slot.slab;
    if (slab === undefined) return;
    slab.live -= slot.length;
    if (slab !== this.#current) this.#judge(slab);
  }

  /** Moves a bounded number of live rows out of a mostly dead slab. */
  tidy(): void {
    const slab = this.#sparse[0];
    if (slab === undefined) return;
    let moves = this.#limits.slabMovesPerCommitMax;
    let at = slab.emptied ?? 0;
    for (; at < slab.slots.length && moves > 0; at++) {
      const slot = slab.slots[at] as Slot;
      if (slot.slab !== slab || slot.freed) continue;
      this.put(slot, slab.bytes.subarray(slot.offset, slot.offset + slot.length));
      moves--;
    }
    slab.emptied = at;
    if (at < slab.slots.length) return;
    this.#sparse.shift();
    this.#bytes -= slab.bytes.length;
  }

  #roomFor(length: number): Slab {
    const current = this.#current;
    if (current.used + length <= current.bytes.length) return current;
    const { slabBytesMax } = this.#limits;
    const size = Math.max(length, Math.min(slabBytesMax, current.bytes.length * 2));
    this.#current = newSlab(Math.min(size, Math.max(length, slabBytesMax)));
    this.#bytes += this.#current.bytes.length;
    this.#judge(current);
    return this.#current;
  }

  #judge(slab: Slab): void {
    if (slab.emptied !== undefined) return;
    if (slab.live >= slab.bytes.length * this.#limits.slabLiveShareMin) return;
    slab.emptied = 0;
    this.#sparse.push(slab);
  }
}

function newSlab(bytes: number): Slab {
  return { bytes: new Uint8Array(bytes), used: 0, live: 0, slots: [], emptied: undefined };
}
