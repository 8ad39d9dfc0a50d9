import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { bugs } from "../ledger/bugs.ts";
import { faultBugs } from "../ledger/fault-bugs.ts";
import { masterBugs } from "../ledger/master-bugs.ts";

/** The ledger itself takes minutes; that its bugs can still be put in is seen at once. */
const sources: string = join(import.meta.dirname, "..", "..", "src");

test("every bug of the ledger replaces a piece of the build that is there exactly once", async (t) => {
  const stale: string[] = [];
  for (const { name, file, find, replace } of [...bugs, ...masterBugs, ...faultBugs]) {
    const pieces = (await readFile(join(sources, file), "utf8")).split(find).length - 1;
    if (pieces !== 1) stale.push(`${name}: found ${pieces} times in ${file}`);
    if (find === replace) stale.push(`${name}: changes nothing`);
  }
  t.deepEqual(stale, []);
});
