import test from "ava";
import { faultBugs } from "./fault-bugs.ts";
import { copyForFaults, faultTitles, hunt } from "./hunt.ts";

/** What `npm test` runs of the ledger of test/faults: one bug of each suite, and that none is missing. */

test("one protection of each suite, taken away in a copy of the build, is missed by the tests that name it", async (t) => {
  t.timeout(240_000);
  await using copy = await copyForFaults();
  for (const suite of (await faultTitles()).keys()) {
    const own = faultBugs.filter(({ caughtBy }) => "suite" in caughtBy && caughtBy.suite === suite);
    const bug = own.toSorted((a, b) => cost(a.caughtBy) - cost(b.caughtBy))[0];
    if (bug === undefined) return t.fail(`${suite} has no bug`);
    const { isCaught, seen } = await hunt(copy, bug, { isQuick: true });
    t.true(isCaught, `${bug.name}: ${seen}`);
  }
  return undefined;
});

/** Tests that fail. */
function cost(caughtBy: (typeof faultBugs)[number]["caughtBy"]): number {
  return "tests" in caughtBy ? caughtBy.tests.length : Infinity;
}

test("each of at least sixty fault tests has a bug that it catches, and no bug names a test that is not there", async (t) => {
  const titles = [...(await faultTitles())].flatMap(([suite, own]) => own.map((title) => `${suite}: ${title}`));
  t.true(titles.length >= 60, `${titles.length} tests`);
  t.is(new Set(titles).size, titles.length);
  const named = faultBugs.flatMap(({ caughtBy }) =>
    "tests" in caughtBy ? caughtBy.tests.map((title) => `${caughtBy.suite}: ${title}`) : [],
  );
  t.deepEqual([...new Set(named)].toSorted(), titles.toSorted());
});
