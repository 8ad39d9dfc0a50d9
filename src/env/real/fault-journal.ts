/** Hits of faults in a file: written before the hit takes effect, since that may end the process. */
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { messageOf } from "../../util/errors.ts";
import { keepNewest, type FaultJournal } from "../program.ts";

export function fileJournal(path: string): FaultJournal {
  const hits = new Map(Object.entries(load(path)));
  const save = (): void => {
    writeFileSync(`${path}.part`, JSON.stringify(Object.fromEntries(hits)), { mode: 0o600 });
    renameSync(`${path}.part`, path);
  };
  return {
    hits: (uid) => hits.get(uid) ?? 0,
    keep(uid, count) {
      keepNewest(hits, uid, count);
      save();
    },
  };
}

function load(path: string): Record<string, number> {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Record<string, number>;
  } catch (error) {
    if ((error as { readonly code?: string }).code === "ENOENT") return {};
    throw new Error(`${path} cannot be read: ${messageOf(error)}`, { cause: error });
  }
}
