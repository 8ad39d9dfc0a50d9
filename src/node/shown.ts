/**
 * Views of many actors, kept up to date by those that have moved since the last look: a node with hundreds of
 * actors, of which some move each second, looks at those alone.
 *
 * Invariant: what has not changed is the same object as in the list before, and so is the list itself.
 */
export class Shown<V extends object> {
  readonly #viewOf: (key: string, before: V | undefined) => V | undefined;
  readonly #views = new Map<string, V>();
  readonly #moved = new Set<string>();
  #list: readonly V[] = [];

  /** `viewOf`: `before` itself where nothing has changed; undefined: there is no such actor any more. */
  constructor(viewOf: (key: string, before: V | undefined) => V | undefined) {
    this.#viewOf = viewOf;
  }

  /** Something of it may look different from now on. */
  moved(key: string): void {
    this.#moved.add(key);
  }

  list(): readonly V[] {
    if (this.#moved.size === 0) return this.#list;
    let changed = false;
    for (const key of this.#moved) {
      const before = this.#views.get(key);
      const view = this.#viewOf(key, before);
      if (view === before) continue;
      changed = true;
      if (view === undefined) this.#views.delete(key);
      else this.#views.set(key, view);
    }
    this.#moved.clear();
    if (changed) this.#list = [...this.#views.values()];
    return this.#list;
  }
}
