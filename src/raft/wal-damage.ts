import type { Disk, Log } from "../env/env.ts";
import { utf8 } from "../util/bytes.ts";
import { messageOf } from "../util/errors.ts";
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

/** What the core says of the damage, on disk: one piece of work after the other, so that the newest word stays. */
export class DamageNotes {
  readonly #disk: Disk;
  readonly #log: Log;
  done: Promise<void> = Promise.resolve();

  constructor({ disk, log }: { readonly disk: Disk; readonly log: Log }) {
    this.#disk = disk;
    this.#log = log;
  }

  note(isDamaged: boolean): void {
    this.#log(isDamaged ? "error" : "info", isDamaged ? "wal-entries-lost" : "wal-repaired");
    this.done = this.done
      .then(() => (isDamaged ? markDamaged(this.#disk, "the cut tail had been acknowledged") : clearDamage(this.#disk)))
      .catch((error: unknown) => this.#log("warn", "damage-not-noted", { reason: messageOf(error) }));
  }
}

/** The log is whole again, on stable storage. */
async function clearDamage(disk: Disk): Promise<void> {
  for (const name of await disk.list(WAL_FOLDER)) {
    if (isCorruptName(name)) await disk.remove(`${WAL_FOLDER}/${name}`);
  }
  await disk.syncFolder(WAL_FOLDER);
  await disk.remove(DAMAGED_PATH);
  await disk.syncFolder("");
}
