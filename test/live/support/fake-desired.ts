/** The node's wanted state, set by hand: `put` and `drop`, then `tell` as one batch. */
import type { KindId, KubeObject } from "../../../src/kinds/kind.ts";
import type { Desired } from "../../../src/node/desired.ts";

export class FakeDesired implements Desired {
  readonly synced = true;
  revision = 1;
  readonly #rows = new Map<KindId, Map<string, KubeObject>>();
  readonly #listeners: Parameters<Desired["onChange"]>[0][] = [];
  #changed = new Map<KindId, Set<string>>();

  get<O extends KubeObject>(kind: KindId, namespace: string, name: string): O | undefined {
    return this.#rows.get(kind)?.get(`${namespace}/${name}`) as O | undefined;
  }

  list<O extends KubeObject>(kind: KindId): readonly O[] {
    return [...(this.#rows.get(kind)?.values() ?? [])] as unknown as readonly O[];
  }

  onChange(run: Parameters<Desired["onChange"]>[0]): void {
    this.#listeners.push(run);
  }

  put(kind: KindId, object: object): void {
    const { namespace, name } = (object as KubeObject).metadata;
    const key = `${namespace ?? ""}/${name}`;
    const rows = this.#rows.get(kind) ?? new Map<string, KubeObject>();
    this.#rows.set(kind, rows.set(key, object as KubeObject));
    this.#mark(kind, key);
  }

  drop(kind: KindId, namespace: string, name: string): void {
    this.#rows.get(kind)?.delete(`${namespace}/${name}`);
    this.#mark(kind, `${namespace}/${name}`);
  }

  /** One batch of one revision, as the link would bring it. */
  tell(): number {
    const changed = this.#changed;
    this.#changed = new Map();
    this.revision += 1;
    for (const listener of this.#listeners) listener(changed);
    return this.revision;
  }

  #mark(kind: KindId, key: string): void {
    this.#changed.set(kind, (this.#changed.get(kind) ?? new Set()).add(key));
  }
}
