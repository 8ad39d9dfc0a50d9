import type { Disk } from "../env/env.ts";
import { utf8 } from "../util/bytes.ts";
import { DAMAGED_PATH, WAL_FOLDER, corruptPath, isCorruptName, numberOfSegment, segmentPath } from "./wal-names.ts";

/**
 * A log that has lost what it had acknowledged. A file says so until it is repaired, whatever
 * happens meanwhile; the old segments stay beside the new log under other names until then.
 */
export async function isMarkedDamaged(disk: Disk): Promise<boolean> {
  return disk.exists(DAMAGED_PATH);
}

export async function markDamaged(disk: Disk, why: string): Promise<void> {
  if (await disk.exists(DAMAGED_PATH)) return;
  await disk.writeAtomic(DAMAGED_PATH, utf8(`${JSON.stringify({ why })}\n`));
}

export async function newestSegment(disk: Disk): Promise<number> {
  return (await listSegments(disk)).at(-1) ?? 0;
}

/** The segments before `from`, which begins the new log, lose their names. A crash in between leaves a log that is found damaged again. */
export async function setOldLogAside(disk: Disk, from: number): Promise<void> {
  for (const number of await listSegments(disk)) {
    if (number < from) await disk.rename(segmentPath(number), corruptPath(number));
  }
  await disk.syncFolder(WAL_FOLDER);
}

async function listSegments(disk: Disk): Promise<readonly number[]> {
  return (await disk.list(WAL_FOLDER)).flatMap((name) => numberOfSegment(name) ?? []);
}

/** The log is whole again, on stable storage. */
export async function clearDamage(disk: Disk): Promise<void> {
  for (const name of await disk.list(WAL_FOLDER)) {
    if (isCorruptName(name)) await disk.remove(`${WAL_FOLDER}/${name}`);
  }
  await disk.syncFolder(WAL_FOLDER);
  await disk.remove(DAMAGED_PATH);
  await disk.syncFolder("");
}
