/** Backup files in a folder: written whole or not at all, listed newest last, the oldest removed. */
import type { Disk } from "../../env/env.ts";
import { broken, openBackup, type BackupCrypto, type OpenedBackup } from "./format.ts";

export const backupSuffix = ".snapshot";
/** What the schedule names its files: `auto-20260101T060000Z-r1234.snapshot`; they sort by age. */
const scheduledName = /^auto-(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z-r\d+\.snapshot$/;

/** `prefix` is `auto` for the schedule's, anything else for a person's. */
export function backupName(prefix: string, takenAtMs: number, revision: number): string {
  const stamp = new Date(takenAtMs).toISOString().replace(/\.\d+/, "").replaceAll(/[-:]/g, "");
  return `${prefix}-${stamp}-r${revision}${backupSuffix}`;
}

/** When a scheduled backup was taken, ms; undefined for any other file. */
export function scheduledAt(name: string): number | undefined {
  const [, year, month, day, hour, minute, second] = scheduledName.exec(name) ?? [];
  if (year === undefined) return undefined;
  return Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** The file is there under its name only once it is whole and on stable storage. Answers its size in bytes. */
export async function writeBackup(
  disk: Disk,
  name: string,
  bytes: AsyncIterable<Uint8Array>,
  /** Who writes: several masters may have one folder, and take the same revision in the same second. */
  writer = "",
): Promise<number> {
  const part = partOf(name, writer);
  let sizeBytes = 0;
  try {
    const file = await disk.open(part, "create");
    try {
      for await (const piece of bytes) {
        await file.write(sizeBytes, [piece]);
        sizeBytes += piece.length;
      }
      await file.sync();
    } finally {
      await file.close();
    }
    // What a cut connection has left behind must not get the name.
    await readBackup(disk, part);
    await disk.rename(part, name);
  } catch (error) {
    await disk.remove(part);
    throw error;
  }
  await disk.syncFolder("");
  return sizeBytes;
}

export interface BackupFile extends OpenedBackup {
  readonly sizeBytes: number;
  close(): Promise<void>;
}

/** Only the manifest is read. Throws `UserError` TRP-0170; the caller closes the file. */
export async function openBackupFile(disk: Disk, crypto: BackupCrypto, name: string): Promise<BackupFile> {
  const file = await disk.open(name, "read");
  try {
    const sizeBytes = await file.size();
    const opened = await openBackup(crypto, (at, length) => file.read(at, length), sizeBytes);
    return { ...opened, sizeBytes, close: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Checks the last bytes only: a file that was cut short lacks its end mark, whatever else it holds. */
async function readBackup(disk: Disk, name: string): Promise<void> {
  const file = await disk.open(name, "read");
  try {
    const sizeBytes = await file.size();
    const end = await file.read(Math.max(0, sizeBytes - 40), 4);
    if (sizeBytes < 56 || end.some((byte) => byte !== 0)) throw broken("it was not handed over to its end");
  } finally {
    await file.close();
  }
}

export async function listBackups(disk: Disk): Promise<readonly string[]> {
  if (!(await disk.exists(""))) return [];
  return (await disk.list("")).filter((name) => name.endsWith(backupSuffix));
}

const partOf = (name: string, writer: string): string => `${name}.${writer}.part`;

/** Removes the oldest scheduled ones beyond `keptCount`, and what an interrupted one of this writer has left. */
export async function pruneBackups(disk: Disk, keptCount: number, writer = ""): Promise<void> {
  const names = await disk.list("");
  const scheduled = names.filter((name) => scheduledAt(name) !== undefined).toSorted();
  const stale = names.filter((name) => name.startsWith("auto-") && name.endsWith(partOf(backupSuffix, writer)));
  for (const name of [...scheduled.slice(0, -keptCount), ...stale]) await disk.remove(name);
}
