/** The keeper's rules that need no process: when to start again, when a log is cut. */
import { copyFile, stat, truncate } from "node:fs/promises";

export const backoffMinMs = 100;
/** Short: a master that is away is worse than one start every two seconds in vain. */
export const backoffMaxMs = 2_000;
/** A child that lived this long was ready for a while: it starts its back-off anew. */
export const steadyMs = 3_000;

export function nextBackoff(lastMs: number, livedMs: number): number {
  return livedMs > steadyMs ? backoffMinMs : Math.min(lastMs * 2, backoffMaxMs);
}

/** Children append; so a log can be copied aside and cut under their hands. One old one is kept. */
export async function rotateLog(path: string, limitBytes: number): Promise<boolean> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (found === undefined || found.size <= limitBytes) return false;
  await copyFile(path, `${path}.1`);
  await truncate(path, 0);
  return true;
}
