import test from "ava";
import { copyBuild, type BuildCopy } from "./build-copy.ts";
import { bugs } from "./bugs.ts";
import { masterBugs } from "./master-bugs.ts";
import { hunt, logParts } from "./hunt.ts";

/** Each bug of the log, and of masters above it, is put into a copy of the build, and must be caught there. */
let copy: BuildCopy;
test.before(async () => void (copy = await copyBuild(logParts)));
test.after.always(() => copy[Symbol.asyncDispose]());

const only = process.env["TROUPE_BUG"];
for (const bug of [...bugs, ...masterBugs].filter(({ name }) => only === undefined || name.includes(only))) {
  test.serial(`caught: ${bug.name}`, async (t) => {
    t.timeout(600_000);
    const { isCaught, seen } = await hunt(copy, bug);
    t.log(seen);
    t.true(isCaught);
  });
}
