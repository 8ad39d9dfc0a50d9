import { readFileSync } from "node:fs";
import { replay } from "../unit/raft/support/script.ts";

/** Replays the scripts named as arguments; ends with 1 where an answer differs. */
for (const path of process.argv.slice(2)) {
  const before = readFileSync(path, "utf8");
  const after = replay(before);
  if (after === before) continue;
  const [was, is] = [before.split("\n"), after.split("\n")];
  const at = is.findIndex((line, index) => line !== was[index]);
  process.stdout.write(`violation: ${path}:${at + 1}: ${is[at] ?? ""}\n`);
  process.exitCode = 1;
}
