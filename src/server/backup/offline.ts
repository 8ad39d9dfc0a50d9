/**
 * The state of a master that does not run, from its folder, which is only read: the newest sound
 * snapshot, and behind it what the log holds.
 */
import type { Crypto, Disk, Log } from "../../env/env.ts";
import { allKinds as kinds } from "../../kinds/catalogue.ts";
import { loadIdentity } from "../../raft/identity.ts";
import type { Config, MemberId } from "../../raft/core/types.ts";
import { createSnapshotFiles, type OpenedSnapshot } from "../../raft/snapshot.ts";
import { configsIn, hasOtherVoters } from "../../raft/wake.ts";
import { recoverLog, type RecoveredLog } from "../../raft/wal-recover.ts";
import { decodeOutcome } from "../../store/outcome-codec.ts";
import { restoreStore, snapshotOf } from "../../store/snapshot.ts";
import { createStore, type Store } from "../../store/store.ts";
import { messageOf, UserError } from "../../util/errors.ts";
import { encodeBackup, type BackupManifest } from "./format.ts";
import { LenientSealer } from "./lenient-sealer.ts";

export interface ReadOnlyEnv {
  readonly disk: Disk;
  readonly crypto: Crypto;
  readonly log: Log;
}

/** What a master's folder holds, as found; nothing is repaired. */
export interface MasterFolder {
  readonly clusterId: string;
  readonly memberId: MemberId;
  /** Undefined: the log was not begun yet. */
  readonly wal: RecoveredLog | undefined;
  readonly snapshot: OpenedSnapshot | undefined;
  /** The newest that it knows, committed or not. */
  readonly config: Config;
  /** Entries of other voters may be uncommitted here. */
  readonly hasOtherVoters: boolean;
}

/** Undefined where no master has been. Throws `UserError` TRP-0202 or TRP-0205 where the parts do not belong together. */
export async function readMasterFolder(env: ReadOnlyEnv): Promise<MasterFolder | undefined> {
  const { disk, crypto } = env;
  if (!(await disk.exists("identity"))) return undefined;
  const { clusterId, memberId, config } = await loadIdentity(disk, noRandom, {});
  const snapshot = await createSnapshotFiles(env).openNewest();
  const wal = await recoverLog({ disk, crypto, clusterId, memberId });
  const configs = [snapshot?.meta.config ?? config, ...configsIn(wal?.entries ?? [])];
  const newest = configs.at(-1) ?? config;
  return { clusterId, memberId, wal, snapshot, config: newest, hasOtherVoters: hasOtherVoters(memberId, configs) };
}

/** A folder that is read has its identity. */
const noRandom: Parameters<typeof loadIdentity>[1] = {
  u32: () => 0,
  below: () => 0,
  bytes: (length) => new Uint8Array(length),
  uuid: () => "",
};

/** All that the folder's master has acknowledged. Throws `UserError` TRP-0171 where that cannot be told. */
export async function stateOf(env: ReadOnlyEnv, folder: MasterFolder): Promise<Store> {
  const { wal, snapshot } = folder;
  if (folder.hasOtherVoters) {
    throw unknown("what it holds may not be committed: other masters have a vote", "save from a master that runs");
  }
  if (wal?.damage !== undefined) throw unknown(wal.damage.message, "troupe doctor tells more");
  const options = { kinds, crc32: (bytes: Uint8Array) => env.crypto.crc32(bytes), sealer: new LenientSealer() };
  const store = snapshot === undefined ? createStore(options) : await restoreStore(options, snapshot.chunks());
  const entries = (wal?.entries ?? []).filter(({ index }) => index > store.applied);
  const first = entries[0]?.index;
  if (first !== undefined && first !== store.applied + 1) {
    throw unknown(
      `its log begins at entry ${first}, its snapshot ends at ${store.applied}`,
      "troupe doctor tells more",
    );
  }
  try {
    for (const { index, kind, payload } of entries) {
      if (kind === "normal") store.commit(index, decodeOutcome(payload));
      else store.advance(index);
    }
  } catch (error) {
    throw unknown(messageOf(error), "troupe doctor tells more");
  }
  return store;
}

/** The bytes of a backup of `store`, which nobody changes meanwhile. */
export function backupOf(
  env: ReadOnlyEnv,
  store: Store,
  facts: Pick<BackupManifest, "takenAt" | "cluster" | "member" | "term" | "sealingKey">,
): AsyncIterable<Uint8Array> {
  const { revision, index, digest, chunks } = snapshotOf(store);
  return encodeBackup(env.crypto, { format: 1, ...facts, revision, index, digest }, chunks);
}

function unknown(why: string, hint: string): UserError {
  return new UserError("TRP-0171", "the state of this master cannot be told from its folder", {
    cause: new Error(why),
    hint,
  });
}
