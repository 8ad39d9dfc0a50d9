import test from "ava";
import { faultBugs } from "./fault-bugs.ts";
import { copyForFaults, hunt, runSuite } from "./hunt.ts";

/**
 * A slice of the ledger of test/faults: `npm run ledger -- faults` hunts all of them. Each test there
 * has its protection's removal in the table, so that none of them passes for nothing.
 */
const sliceCount = 6;

test("some protections, taken away in a copy of the build, are each missed by the tests that name them", async (t) => {
  t.timeout(240_000);
  await using copy = await copyForFaults();
  const every = Math.floor(faultBugs.length / sliceCount);
  const slice = faultBugs.filter((_, at) => at % every === 0).slice(0, sliceCount);
  for (const bug of slice) {
    const { isCaught, seen } = await hunt(copy, bug);
    t.log(`${bug.name}: ${seen}`);
    t.true(isCaught, bug.name);
  }
});

test("no test of test/faults is without a bug that it catches, and no bug names a test that is not there", async (t) => {
  t.timeout(240_000);
  await using copy = await copyForFaults();
  const { passed, failed } = await runSuite(copy);
  t.deepEqual(failed, []);
  const named = new Set(faultBugs.flatMap(({ caughtBy }) => ("tests" in caughtBy ? caughtBy.tests : [])));
  t.true(passed.length >= 60, `${passed.length} tests`);
  t.deepEqual([...named].toSorted(), passed.toSorted());
});
