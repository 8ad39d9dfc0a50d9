import { invariant } from "../util/errors.ts";
import { systemTables } from "./outcome-codec.ts";
import { SnapshotLoader } from "./snapshot.ts";
import { createStore, type Store } from "./store.ts";
import type { StoreOptions } from "./store-state.ts";

/**
 * Stores that begin where another one stands, under a log of their own: its first entry is number 1. For
 * clusters inside tests, which branch; a member of a cluster restores snapshots.
 */

/**
 * A store with the committed objects of another one. Bytes are shared, since rows are written once; each
 * goes its own way from here. History is not taken along: it reads and watches from this revision on.
 */
export function forkStore(store: Store, options: StoreOptions = store.options): Store {
  invariant(store.tipRevision === store.revision, "a store is forked when nothing is in flight");
  const fork = createStore(options);
  const [from, to] = [store.state, fork.state];
  to.revision = from.revision;
  to.decidedMs = from.decidedMs;
  to.lanes = from.lanes;
  for (const [kind, table] of from.tables) {
    const target = to.table(kind);
    target.copy(table, (twin, original) => to.slabs.share(twin, original));
    target.history.raiseFloor(from.revision);
    target.changed = from.revision;
  }
  for (const table of systemTables) to.system.copy(table, from.system);
  return fork;
}

/** A store with what a snapshot holds, its history included. */
export function foundStore(options: StoreOptions, chunks: Iterable<Uint8Array>): Store {
  const loader = new SnapshotLoader(options);
  for (const chunk of chunks) loader.push(chunk);
  const store = loader.finish();
  store.state.applied = 0;
  return store;
}
