import { invariant } from "../util/errors.ts";
import type { KindTable } from "./kind-table.ts";
import { keyOf } from "./kind-table.ts";
import type { Outcome, RowWrite } from "./outcome.ts";
import type { Revision } from "./revision.ts";
import { headerOf } from "./row.ts";
import { RowVersion } from "./row-version.ts";
import type { Chain } from "./row-version.ts";
import type { StoreState } from "./store-state.ts";

/** A version that may be pushed: its preconditions hold and its hot record is made. */
export interface PreparedWrite {
  readonly version: RowVersion;
  /** Undefined: a deletion. */
  readonly row: Uint8Array | undefined;
}

/** Checks an outcome's row writes against the tip and makes their versions, without a change to the store. */
export function prepareWrites(state: StoreState, outcome: Outcome): readonly PreparedWrite[] {
  const { writes, firstRevision } = outcome;
  /** By place; of a single write nobody asks. */
  const made = writes.length > 1 ? new Map<string, RowVersion>() : undefined;
  return writes.map((write, position) => {
    const table = state.table(write.kind);
    const place = made && `${write.kind} ${keyOf(write.namespace, write.name)}`;
    const earlier = place === undefined ? undefined : made?.get(place);
    const chain =
      earlier?.chain ?? table.chain(write.namespace, write.name) ?? table.newChain(write.namespace, write.name);
    const revision = firstRevision + position;
    const prepared = prepare({ state, table, chain, write, revision }, earlier ?? chain.newest);
    if (place !== undefined) made?.set(place, prepared.version);
    return prepared;
  });
}

interface Preparation {
  readonly state: StoreState;
  readonly table: KindTable;
  readonly chain: Chain;
  readonly write: RowWrite;
  readonly revision: Revision;
}

function prepare(preparation: Preparation, replaced: RowVersion | undefined): PreparedWrite {
  const { state, table, chain, write, revision } = preparation;
  const live = replaced === undefined || replaced.deleted ? undefined : replaced;
  invariant(
    (live?.revision ?? 0) === write.expected,
    `${write.kind} ${chain.key} is at the revision that its write expects (${write.expected})`,
  );
  const createRevision = live?.createRevision ?? revision;
  if (write.op === "delete") {
    invariant(live !== undefined, "only a row that exists is deleted");
    const version = new RowVersion(chain, { revision, createRevision, deleted: true });
    return { version, row: undefined };
  }
  const header = headerOf(write.row);
  invariant(header.revision === revision, "a row carries the revision of its write");
  invariant(header.sealed === (table.kind.sealed === true), "a row is sealed if its kind is");
  const version = new RowVersion(chain, { revision, createRevision, deleted: false });
  // A follower: who evaluated the write has looked at the object.
  if (write.object === undefined && table.hasOwnersOnly && state.objects.mayWait(table.kind)) {
    return { version, row: write.row };
  }
  const object = state.objects.take(version, write);
  const { namespace = "", name } = object.metadata;
  invariant(
    namespace === write.namespace && name === write.name,
    "a row's object has the name and namespace of its key",
  );
  version.heat(object);
  if (table.kind.decoded !== false) state.objects.keep(version, object);
  return { version, row: write.row };
}
