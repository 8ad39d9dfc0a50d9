/**
 * Marks and slots. A front end gives a mark, `group << 8 | class`; the slot map is keyed by mark and a
 * random slot. The class says how many slots there are: exactly N up to 200, then the next power of two
 * filled round-robin, so that the spread is exact or off by one slot in four per endpoint. Class 0 goes
 * to the affinity chain of the group. Pure.
 */
import { invariant } from "../../util/errors.ts";

export const exactClassesMax = 200;
/** Class 201 has 256 slots, 202 has 512 … */
export const powerClasses: readonly number[] = [256, 512, 1_024, 2_048, 4_096];
export const affinityClass = 0;
const groupMax = 0xffffff;

export interface SlotClass {
  readonly class: number;
  readonly slots: number;
}

export function slotClass(targets: number): SlotClass {
  invariant(targets > 0, "a group with slots has targets");
  if (targets <= exactClassesMax) return { class: targets, slots: targets };
  const at = powerClasses.findIndex((slots) => slots >= targets * 4);
  const chosen = at === -1 ? powerClasses.length - 1 : at;
  return { class: exactClassesMax + 1 + chosen, slots: powerClasses[chosen]! };
}

export function markOf(group: number, slot: number): number {
  invariant(group > 0 && group <= groupMax, "a group number has 24 bits");
  return group * 256 + slot;
}

/** Group numbers by identity; freed ones are taken again last, so that a mark is not reused at once. */
export class GroupNumbers {
  readonly #byId = new Map<string, number>();
  readonly #free: number[] = [];
  #next = 1;

  of(id: string): number {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const number = this.#next <= groupMax && this.#free.length < 1_000 ? this.#next++ : this.#free.shift();
    invariant(number !== undefined, "there is a free group number");
    this.#byId.set(id, number);
    return number;
  }

  release(id: string): void {
    const number = this.#byId.get(id);
    if (number === undefined) return;
    this.#byId.delete(id);
    this.#free.push(number);
  }
}
