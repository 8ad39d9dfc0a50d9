/** A member that was removed stops, says so, and does not start again. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../util/errors.ts";
import { readText } from "../cluster-file.ts";
import { printError } from "../output.ts";

/** Units do not start a process again that ended with it. */
export const removedExitCode = 6;
const noteName = "removed";

export function isRemoval(error: Error): boolean {
  return error instanceof UserError && error.code === "TRP-0206";
}

/** Written down first: a service manager may start us once more. */
export function leave(folder: string, error: Error): never {
  writeFileSync(join(folder, noteName), `${new Date().toISOString()}\n`, { flush: true });
  printError(error, false);
  process.exit(removedExitCode);
}

/** Throws `UserError` where this folder's member was told that it is one no more. */
export async function requireMember(folder: string): Promise<void> {
  const since = await readText(join(folder, noteName));
  if (since === undefined) return;
  throw new UserError("TRP-0206", `this member was removed from the cluster at ${since.trim()}`, {
    hint: "to bring the machine back, empty its data directory and let it join as a new member",
    exitCode: removedExitCode,
  });
}
