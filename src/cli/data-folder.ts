/** A data directory that holds no cluster (yet): what may lie in it, and how it is taken away again. */
import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../util/errors.ts";

/** The cluster's file, which whoever wrote it was killed over. */
const unfinished = /^cluster\.json\.\d+\.part$/;

async function entriesOf(dataDir: string): Promise<readonly string[]> {
  return readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    if (error.code === "ENOTDIR") return [dataDir];
    throw error;
  });
}

/** What lies there, but for what a command that was killed at its start leaves. */
export async function foreignEntries(dataDir: string): Promise<readonly string[]> {
  return (await entriesOf(dataDir)).filter((entry) => !unfinished.test(entry));
}

/**
 * Throws UserError where something lies in the folder: `down --purge` would remove it one day.
 * `isKept`: an entry that may lie there.
 */
export async function requireEmpty(dataDir: string, isKept: (entry: string) => boolean = () => false): Promise<void> {
  const foreign = (await foreignEntries(dataDir)).filter((entry) => !isKept(entry));
  if (foreign.length === 0) return;
  throw new UserError("TRP-0114", `${dataDir} is no empty folder and holds no cluster`, {
    cause: new Error(`it has ${foreign.length} entries, ${foreign[0]} among them`),
    hint: "choose a new folder with --data-dir",
    exitCode: 2,
  });
}

/** Removes a folder in which no cluster has begun; false: there is none, or it holds something. */
export async function removeUnbegun(dataDir: string): Promise<boolean> {
  // Looked at once: what comes meanwhile is not removed, and keeps the folder.
  const entries = await entriesOf(dataDir);
  if (!entries.every((entry) => unfinished.test(entry))) return false;
  try {
    for (const entry of entries) await rm(join(dataDir, entry));
    await rmdir(dataDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  return true;
}
