import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { replay } from "./support/script.ts";

/**
 * Golden scripts: command, `----`, what it prints. `TROUPE_REWRITE=1` writes the answers anew; then
 * read the difference as if it were code.
 */
const folder = join(import.meta.dirname, "..", "..", "..", "..", "test", "golden", "raft");

for (const name of readdirSync(folder).filter((file) => file.endsWith(".txt"))) {
  test(`script ${name.slice(0, -4)}`, (t) => {
    const path = join(folder, name);
    const before = readFileSync(path, "utf8");
    const after = replay(before);
    if (process.env["TROUPE_REWRITE"] === "1") writeFileSync(path, after);
    else t.is(after, before);
    t.pass();
  });
}
