import { invariant } from "../util/errors.ts";
import type { Revision } from "./revision.ts";
import type { Store } from "./store.ts";

/**
 * Ends the history of a store that was loaded from a backup, and begins another one at `revision`:
 * rows keep their content and their own revisions, and nobody can resume or read below. A client that
 * comes with an older revision gets 410 and lists anew; one that was never given out twice is the
 * caller's promise, made by a leap over all that the cluster of the backup can have reached.
 */
export function beginNewHistory(store: Store, revision: Revision): void {
  const { state } = store;
  invariant(revision >= state.revision && Number.isSafeInteger(revision), "a new history begins above the old one");
  state.revision = revision;
  for (const table of state.tables.values()) state.raiseFloor(table, revision);
}
