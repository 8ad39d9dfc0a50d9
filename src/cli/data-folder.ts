/** A data directory that holds no cluster (yet): what may lie in it, and how it is taken away again. */
import { readdir, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../util/errors.ts";

/** The cluster's file, which whoever wrote it was killed over. */
const unfinished = /^cluster\.json\.\d+\.part$/;

/** What lies there, but for what a command that was killed at its start leaves. */
export async function foreignEntries(dataDir: string): Promise<readonly string[]> {
  const entries = await readdir(dataDir).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    if (error.code === "ENOTDIR") return [dataDir];
    throw error;
  });
  return entries.filter((entry) => !unfinished.test(entry));
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
  if ((await foreignEntries(dataDir)).length > 0) return false;
  try {
    for (const entry of await readdir(dataDir)) await rm(join(dataDir, entry));
    await rmdir(dataDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
  return true;
}
