/**
 * A map in key order. Keys lie in sorted blocks of at most 512, so that insert, delete and seek are
 * a binary search and one small shift; a map of a few keys is a few arrays. Order is that of the
 * keys' UTF-8 bytes, which is etcd's: equal on every member and in every listing.
 *
 * Strings compare in one native step, by their UTF-16 units. That is the order of the bytes unless a half of a
 * surrogate pair meets what lies behind those halves: a map whose own keys hold neither compares in this way.
 *
 * A scan may be stopped, and taken up again later behind the last key seen: the map may have
 * changed in between.
 */
export class OrderedMap<V> {
  #blocks: Block<V>[] = [];
  #size = 0;
  #isPlain = true;

  get size(): number {
    return this.#size;
  }

  get(key: string): V | undefined {
    const block = this.#blocks[this.#blockOf(key)];
    if (block === undefined) return undefined;
    const at = this.#placeIn(block, key);
    return block.keys[at] === key ? block.values[at] : undefined;
  }

  set(key: string, value: V): void {
    if (this.#isPlain && displaced.test(key)) this.#isPlain = false;
    const index = this.#blockOf(key);
    const block = this.#blocks[index];
    if (block === undefined) {
      this.#blocks.push({ keys: [key], values: [value] });
      this.#size = 1;
      return;
    }
    const at = this.#placeIn(block, key);
    if (block.keys[at] === key) {
      block.values[at] = value;
      return;
    }
    this.#size++;
    if (at === block.keys.length) {
      block.keys.push(key);
      block.values.push(value);
    } else {
      block.keys.splice(at, 0, key);
      block.values.splice(at, 0, value);
    }
    if (block.keys.length > blockKeysMax) this.#split(index, block, at);
  }

  delete(key: string): boolean {
    const index = this.#blockOf(key);
    const block = this.#blocks[index];
    if (block === undefined) return false;
    const at = this.#placeIn(block, key);
    if (block.keys[at] !== key) return false;
    this.#size--;
    if (block.keys.length === 1) {
      this.#blocks.splice(index, 1);
    } else {
      block.keys.splice(at, 1);
      block.values.splice(at, 1);
    }
    return true;
  }

  /** A map of the same keys with what `to` makes of their values; those of which it makes nothing are left out. */
  map<W>(to: (value: V) => W | undefined): OrderedMap<W> {
    const mapped = new OrderedMap<W>();
    mapped.#isPlain = this.#isPlain;
    for (const block of this.#blocks) {
      const keys: string[] = [];
      const values: W[] = [];
      for (let at = 0; at < block.keys.length; at++) {
        const value = to(block.values[at] as V);
        if (value === undefined) continue;
        keys.push(block.keys[at] as string);
        values.push(value);
      }
      if (keys.length > 0) mapped.#blocks.push({ keys, values });
      mapped.#size += keys.length;
    }
    return mapped;
  }

  clear(): void {
    this.#blocks = [];
    this.#size = 0;
  }

  /**
   * Visits entries with a key greater than `after` (undefined: all), in order, until `visit` answers
   * false. The map must not change meanwhile.
   */
  scan(after: string | undefined, visit: (key: string, value: V) => boolean): void {
    let index = after === undefined ? 0 : this.#blockOf(after);
    let block = this.#blocks[index];
    if (block === undefined) return;
    let at = after === undefined ? 0 : this.#placeIn(block, after);
    if (block.keys[at] === after) at++;
    for (; block !== undefined; block = this.#blocks[++index], at = 0) {
      const { keys, values } = block;
      for (; at < keys.length; at++) {
        if (!visit(keys[at] as string, values[at] as V)) return;
      }
    }
  }

  /** Number of keys up to and including `key`, which need not be there. */
  rank(key: string): number {
    const index = this.#blockOf(key);
    const block = this.#blocks[index];
    if (block === undefined) return 0;
    let rank = this.#placeIn(block, key);
    if (block.keys[rank] === key) rank++;
    for (let i = 0; i < index; i++) rank += (this.#blocks[i] as Block<V>).keys.length;
    return rank;
  }

  *entries(): Generator<readonly [key: string, value: V]> {
    for (const block of this.#blocks) {
      for (let at = 0; at < block.keys.length; at++) {
        yield [block.keys[at] as string, block.values[at] as V];
      }
    }
  }

  /** The last block whose first key is not greater than `key`; the first one if there is none. */
  #blockOf(key: string): number {
    const blocks = this.#blocks;
    let low = 0;
    let high = blocks.length - 1;
    if (high <= 0 || !this.#isBefore(key, (blocks[high] as Block<V>).keys[0] as string)) return Math.max(high, 0);
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (!this.#isBefore(key, (blocks[middle] as Block<V>).keys[0] as string)) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  /** Where `key` stands, or would. Keys that come in order, and go in it, are found at the ends. */
  #placeIn({ keys }: Block<V>, key: string): number {
    let low = 0;
    let high = keys.length;
    if (high === 0 || this.#isBefore(keys[high - 1] as string, key)) return high;
    if (!this.#isBefore(keys[0] as string, key)) return 0;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#isBefore(keys[middle] as string, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isBefore(left: string, right: string): boolean {
    return this.#isPlain ? left < right : compareKeys(left, right) < 0;
  }

  /** Keys often come in order; then the new block is begun with the last key alone, so that blocks stay full. */
  #split(index: number, block: Block<V>, inserted: number): void {
    const appended = inserted === block.keys.length - 1 && index === this.#blocks.length - 1;
    const from = appended ? inserted : block.keys.length >> 1;
    const keys = block.keys.splice(from);
    const values = block.values.splice(from);
    this.#blocks.splice(index + 1, 0, { keys, values });
  }
}

interface Block<V> {
  readonly keys: string[];
  readonly values: V[];
}

const blockKeysMax = 512;

/** Halves of surrogate pairs, and the characters behind them. */
const displaced = /[\ud800-\uffff]/;

/**
 * Order of the UTF-8 bytes. Differs from `<` on strings only where a surrogate (a character past
 * U+FFFF) meets a character from U+E000 to U+FFFF.
 */
export function compareKeys(a: string, b: string): number {
  const shared = Math.min(a.length, b.length);
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return byteRank(x) - byteRank(y);
  }
  return a.length - b.length;
}

function byteRank(unit: number): number {
  if (unit < 0xd800) return unit;
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800;
}
