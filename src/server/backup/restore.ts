/**
 * What can be done with a backup away from a running master: load it, count it, and make a new data
 * directory of a master out of it.
 *
 * A restored cluster is another life of the same cluster. Its id is new, so that no member, node or
 * client of the old life mixes with it; its revisions leap ahead, so that none is given out twice.
 */
import type { Disk, Env } from "../../env/env.ts";
import { allKinds as kinds } from "../../kinds/catalogue.ts";
import { votersOnly } from "../../raft/core/config.ts";
import { loadIdentity } from "../../raft/identity.ts";
import { createSnapshotFiles } from "../../raft/snapshot.ts";
import { beginNewHistory } from "../../store/new-history.ts";
import { sealedBody } from "../../store/row-version.ts";
import { restoreStore, snapshotOf } from "../../store/snapshot.ts";
import type { Store } from "../../store/store.ts";
import { toHex } from "../../util/bytes.ts";
import { serverLimits } from "../limits.ts";
import type { OpenedBackup } from "./format.ts";
import type { LenientSealer } from "./lenient-sealer.ts";

/** Reads the backup to its end; a damaged one throws `UserError` TRP-0170 and leaves nothing. */
export function loadBackup(env: Pick<Env, "crypto">, backup: OpenedBackup, sealer: LenientSealer): Promise<Store> {
  return restoreStore({ kinds, crc32: (bytes) => env.crypto.crc32(bytes), sealer }, backup.content());
}

/** How many sealed rows the keys of `sealer` do not open; `store` was loaded with it. */
export function countUnreadable(store: Store, sealer: LenientSealer): number {
  for (const kind of kinds.filter(({ sealed }) => sealed === true)) {
    for (const row of store.committed.list(kind.id)) row.object();
  }
  return sealer.unreadable.size;
}

export interface BackupCounts {
  /** Live rows by kind id, kinds without any left out. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Names of the keys that sealed rows need. */
  readonly sealingKeys: readonly string[];
}

const keyNameBytes = 4;

export function countRows(store: Store): BackupCounts {
  const counts: Record<string, number> = {};
  const sealingKeys = new Set<string>();
  for (const kind of kinds.filter(({ storage }) => storage === "rows")) {
    const rows = store.committed.list(kind.id);
    if (rows.length > 0) counts[kind.id] = rows.length;
    for (const row of rows) {
      const body = sealedBody(row);
      if (body !== undefined) sealingKeys.add(toHex(body.subarray(0, keyNameBytes)));
    }
  }
  return { kinds: counts, sealingKeys: [...sealingKeys].toSorted() };
}

export interface Restored {
  readonly memberId: number;
  /** The first revision that the restored cluster gives out is the one behind it. */
  readonly revision: number;
}

/**
 * Writes the log's folder of a new, lone master. `disk` is empty; the identity is written last, so a
 * restore that was cut short leaves a folder that no master takes for its own.
 */
export async function writeMasterFolder(
  env: Pick<Env, "crypto" | "random" | "log"> & { readonly disk: Disk },
  store: Store,
  clusterId: string,
): Promise<Restored> {
  const { disk, crypto, random, log } = env;
  const rng = random.stream("raft");
  beginNewHistory(store, store.revision + serverLimits.restoreLeapRevisions);
  const { index, digest, chunks } = snapshotOf(store);
  const files = createSnapshotFiles({ disk, crypto, log });
  await files.write({ index, term: firstTerm, digest, config: votersOnly([memberId]) }, chunks);
  await loadIdentity(disk, rng, { clusterId, memberId, voters: [memberId] });
  return { memberId, revision: store.revision };
}

/** The new log counts terms and members anew: nobody of another life is heard in it. */
const firstTerm = 1;
const memberId = 1;
