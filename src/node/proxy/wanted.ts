/**
 * What the table should hold and what the kernel is known to hold. Several owners (service ports) may
 * want one key: the same pod behind two services, or two services that claim one external address; the
 * first owner's value counts until it lets go. Only what changed is compared. Pure.
 */
import { setNames, type AffinityGroup, type Elements, type SetName } from "./elements.ts";

export interface Delta {
  /** Element keys to delete, and to add with their values, by set. A replaced value stands in both. */
  readonly remove: ReadonlyMap<SetName, readonly string[]>;
  readonly add: ReadonlyMap<SetName, readonly (readonly [key: string, value: string])[]>;
  readonly affinity: readonly {
    readonly group: number;
    readonly before: AffinityGroup | undefined;
    readonly after: AffinityGroup | undefined;
  }[];
}

export class Wanted {
  readonly #owned = new Map<string, Elements>();
  readonly #claims = new Map<SetName, Map<string, Map<string, string>>>();
  readonly #affinity = new Map<number, AffinityGroup>();
  readonly #applied = new Map<SetName, Map<string, string>>();
  readonly #appliedAffinity = new Map<number, AffinityGroup>();
  readonly #dirty = new Map<SetName, Set<string>>();
  readonly #dirtyAffinity = new Set<number>();

  /** Replaces what this owner wants. */
  set(owner: string, elements: Elements): void {
    const before = this.#owned.get(owner);
    for (const name of setNames) {
      const was = before?.sets.get(name);
      const is = elements.sets.get(name);
      for (const key of was?.keys() ?? []) if (is?.has(key) !== true) this.#claim(name, key, owner, undefined);
      for (const [key, value] of is ?? []) if (was?.get(key) !== value) this.#claim(name, key, owner, value);
    }
    for (const group of before?.affinity.keys() ?? []) if (!elements.affinity.has(group)) this.#group(group, undefined);
    for (const [group, wanted] of elements.affinity) this.#group(group, wanted);
    if (elements.sets.size === 0 && elements.affinity.size === 0) this.#owned.delete(owner);
    else this.#owned.set(owner, elements);
  }

  #claim(name: SetName, key: string, owner: string, value: string | undefined): void {
    const keys = this.#claims.get(name) ?? new Map<string, Map<string, string>>();
    this.#claims.set(name, keys);
    const owners = keys.get(key) ?? new Map<string, string>();
    if (value === undefined) owners.delete(owner);
    else owners.set(owner, value);
    if (owners.size === 0) keys.delete(key);
    else keys.set(key, owners);
    this.#dirty.set(name, (this.#dirty.get(name) ?? new Set()).add(key));
  }

  #group(group: number, wanted: AffinityGroup | undefined): void {
    if (wanted === undefined) this.#affinity.delete(group);
    else this.#affinity.set(group, wanted);
    this.#dirtyAffinity.add(group);
  }

  #value(name: SetName, key: string): string | undefined {
    return this.#claims.get(name)?.get(key)?.values().next().value;
  }

  get isDirty(): boolean {
    return this.#dirty.size > 0 || this.#dirtyAffinity.size > 0;
  }

  /** What changed since the last one; from here on it is taken for applied (`forget` if that fails). */
  takeDelta(): Delta {
    const remove = new Map<SetName, string[]>();
    const add = new Map<SetName, (readonly [string, string])[]>();
    for (const name of setNames) {
      const applied = this.#applied.get(name) ?? new Map<string, string>();
      this.#applied.set(name, applied);
      for (const key of this.#dirty.get(name) ?? []) {
        const was = applied.get(key);
        const is = this.#value(name, key);
        if (was === is) continue;
        if (was !== undefined) append(remove, name, key);
        if (is !== undefined) append(add, name, [key, is] as const);
        if (is === undefined) applied.delete(key);
        else applied.set(key, is);
      }
    }
    const affinity = [...this.#dirtyAffinity].map((group) => {
      const before = this.#appliedAffinity.get(group);
      const after = this.#affinity.get(group);
      if (after === undefined) this.#appliedAffinity.delete(group);
      else this.#appliedAffinity.set(group, after);
      return { group, before, after };
    });
    this.#dirty.clear();
    this.#dirtyAffinity.clear();
    return { remove, add, affinity: affinity.filter(({ before, after }) => !sameGroup(before, after)) };
  }

  /** Everything, as a delta onto an empty table. */
  takeAll(): Delta {
    this.forget();
    return this.takeDelta();
  }

  /** The kernel's state is unknown: all must be written anew. */
  forget(): void {
    this.#applied.clear();
    this.#appliedAffinity.clear();
    for (const [name, keys] of this.#claims) this.#dirty.set(name, new Set(keys.keys()));
    for (const group of this.#affinity.keys()) this.#dirtyAffinity.add(group);
  }

  /** The set's content as it should be: for the rule evaluator in tests and for audits. */
  content(name: SetName): ReadonlyMap<string, string> {
    return new Map([...(this.#claims.get(name)?.keys() ?? [])].map((key) => [key, this.#value(name, key)!]));
  }
}

function append<T>(lists: Map<SetName, T[]>, name: SetName, item: T): void {
  const list = lists.get(name);
  if (list === undefined) lists.set(name, [item]);
  else list.push(item);
}

function sameGroup(a: AffinityGroup | undefined, b: AffinityGroup | undefined): boolean {
  if (a === undefined || b === undefined) return a === b;
  return (
    a.proto === b.proto &&
    a.seconds === b.seconds &&
    a.targets.length === b.targets.length &&
    a.targets.every(
      (target, index) => target.address === b.targets[index]!.address && target.port === b.targets[index]!.port,
    )
  );
}

export function isEmpty(delta: Delta): boolean {
  return delta.remove.size === 0 && delta.add.size === 0 && delta.affinity.length === 0;
}

export function countElements(delta: Delta): number {
  let count = 0;
  for (const keys of delta.remove.values()) count += keys.length;
  for (const entries of delta.add.values()) count += entries.length;
  return count;
}
