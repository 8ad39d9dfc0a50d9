import type { Env } from "../env/env.ts";
import { isVoter, votersOf } from "./core/config.ts";
import { decodeConfig } from "./core/config.ts";
import type { Config, Entry, MemberId, SnapshotPoint } from "./core/types.ts";
import { foreign } from "./identity.ts";
import { WAL_FOLDER, numberOfSegment } from "./wal-names.ts";
import type { WalContent } from "./wal.ts";

/** How what lies on disk becomes a member again: the newest snapshot, and the log after it. */
export interface Joined {
  /** The entries after the snapshot. */
  readonly entries: readonly Entry[];
  /** The log on disk is no continuation of the snapshot: it gives way to it. */
  readonly isLogObsolete: boolean;
  /** Why acknowledged entries are missing. */
  readonly damage: Error | undefined;
}

/**
 * A snapshot that came from the leader may be durable before the log says so: a log that knows of
 * no snapshot as new as this one simply ends before it. A log that does know of it must reach it.
 */
export function joinLog({ index, term }: Pick<SnapshotPoint, "index" | "term">, content: WalContent): Joined {
  const { entries, mark } = content;
  const first = entries[0]?.index ?? 0;
  const last = entries.at(-1)?.index ?? 0;
  const obsolete = (damage?: Error): Joined => ({ entries: [], isLogObsolete: true, damage });
  if (first > index + 1) {
    return obsolete(foreign(`the log begins at entry ${first}, and the snapshot ends at ${index}`));
  }
  if (mark.index > index && first === 0) return obsolete(foreign(`the snapshot of entry ${mark.index} is missing`));
  if (last === 0) return { entries: [], isLogObsolete: mark.index < index, damage: undefined };
  const isNews = mark.index < index;
  const why = `the log ends at entry ${last}, before the snapshot of entry ${index}`;
  if (last < index) return obsolete(isNews ? undefined : foreign(why));
  const held = entries[index - first];
  if (index > 0 && held !== undefined && held.index === index && held.term !== term) {
    return obsolete(isNews ? undefined : foreign(`entry ${index} is of another term than the snapshot`));
  }
  return { entries: entries.filter((entry) => entry.index > index), isLogObsolete: false, damage: undefined };
}

/** Whether another voter may hold what this log has lost. */
export function hasOtherVoters(id: MemberId, configs: readonly Config[]): boolean {
  return configs.some((config) => !isVoter(config, id) || votersOf(config).length > 1);
}

export function configsIn(entries: readonly Entry[]): readonly Config[] {
  return entries.filter(({ kind }) => kind === "config").map(({ payload }) => decodeConfig(payload));
}

export function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.payload.length, 0);
}

export async function hasLog(env: Env): Promise<boolean> {
  if (!(await env.disk.exists(WAL_FOLDER))) return false;
  return (await env.disk.list(WAL_FOLDER)).some((name) => numberOfSegment(name) !== undefined);
}

/** One line for the start, and one where something was cut off. */
export function logStart(
  { log }: Env,
  about: { readonly member: MemberId; readonly incarnation: number; readonly snapshotIndex: number },
  { hardState, entries, tail, doubtUpTo }: WalContent,
): void {
  const { member, incarnation, snapshotIndex } = about;
  log("info", "raft-started", { member, incarnation, term: hardState.term, snapshotIndex, entries: entries.length });
  if (tail !== "clean") log("warn", "wal-tail-cut", { tail, doubtUpTo });
}
