import type { LinkRow, Rows } from "../../api/link/messages.ts";
import type { KindId, KubeObject } from "../../kinds/kind.ts";
import type { Revision } from "../../store/revision.ts";
import type { Desired } from "../desired.ts";

/**
 * What the link has delivered. A new link begins with the whole state: rows that it does not bring
 * are gone, but only once that state is complete, so nothing vanishes while a link comes up. Objects
 * are parsed when they are first read.
 */
interface Held {
  readonly bytes: Uint8Array;
  readonly revision: Revision;
  object: KubeObject | undefined;
}

type Rooms = Map<KindId, Map<string, Held>>;
type Listener = Parameters<Desired["onChange"]>[0];

export class DesiredState implements Desired {
  #rows: Rooms = new Map();
  /** The state that a new link is bringing, until it is complete. */
  #coming: Rooms | undefined;
  #synced = false;
  #revision: Revision = 0;
  readonly #sorted = new Map<KindId, readonly KubeObject[]>();
  readonly #listeners: Listener[] = [];

  get synced(): boolean {
    return this.#synced;
  }

  get revision(): Revision {
    return this.#revision;
  }

  get<O extends KubeObject>(kind: KindId, namespace: string, name: string): O | undefined {
    const held = this.#rows.get(kind)?.get(`${namespace}/${name}`);
    return held === undefined ? undefined : (parsed(held) as O);
  }

  list<O extends KubeObject>(kind: KindId): readonly O[] {
    const known = this.#sorted.get(kind);
    if (known !== undefined) return known as readonly O[];
    const rows = this.#rows.get(kind) ?? new Map<string, Held>();
    const objects = [...rows.keys()].toSorted().map((key) => parsed(rows.get(key)!));
    this.#sorted.set(kind, objects);
    return objects as unknown as readonly O[];
  }

  onChange(run: Listener): void {
    this.#listeners.push(run);
  }

  /** A new link: what comes next is the whole state. `newEpoch`: it is another history. */
  begin(newEpoch: boolean): void {
    this.#coming = new Map();
    if (newEpoch) this.#synced = false;
  }

  apply(rows: Rows): void {
    const changed = new Map<KindId, Set<string>>();
    const target = this.#coming ?? this.#rows;
    for (const row of rows.rows) {
      put(target, row);
      if (this.#coming === undefined) mark(changed, row.kind, `${row.namespace}/${row.name}`);
    }
    if (rows.revision !== 0) this.#revision = rows.revision;
    if (rows.synced && this.#coming !== undefined) this.#replace(this.#coming, changed);
    if (changed.size === 0 && !rows.synced) return;
    for (const kind of changed.keys()) this.#sorted.delete(kind);
    // One that fails keeps no other from the news.
    const errors: unknown[] = [];
    for (const listener of this.#listeners) {
      try {
        listener(changed);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  #replace(next: Rooms, changed: Map<KindId, Set<string>>): void {
    const before = this.#rows;
    for (const [kind, rows] of next) {
      for (const [key, held] of rows) {
        const old = before.get(kind)?.get(key);
        // The same version keeps its identity, so that readers see no change.
        if (old?.revision === held.revision) rows.set(key, old);
        else mark(changed, kind, key);
      }
    }
    for (const [kind, rows] of before) {
      for (const key of rows.keys()) if (next.get(kind)?.has(key) !== true) mark(changed, kind, key);
    }
    this.#rows = next;
    this.#coming = undefined;
    // The first full state is news even when it is empty: what may be ended depends on it.
    if (!this.#synced && changed.size === 0) changed.set("pods", new Set());
    this.#synced = true;
    this.#sorted.clear();
  }
}

function put(rooms: Rooms, row: LinkRow): void {
  const rows = rooms.get(row.kind) ?? new Map<string, Held>();
  rooms.set(row.kind, rows);
  const key = `${row.namespace}/${row.name}`;
  const bytes = row.object;
  if (bytes === undefined || bytes === null || bytes.length === 0) rows.delete(key);
  else rows.set(key, { bytes, revision: row.revision, object: undefined });
}

function mark(changed: Map<KindId, Set<string>>, kind: KindId, key: string): void {
  const keys = changed.get(kind) ?? new Set<string>();
  keys.add(key);
  changed.set(kind, keys);
}

function parsed(held: Held): KubeObject {
  held.object ??= JSON.parse(new TextDecoder().decode(held.bytes)) as KubeObject;
  return held.object;
}
