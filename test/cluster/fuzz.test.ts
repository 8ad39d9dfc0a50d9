import test from "ava";
import { fuzz } from "../fuzz/run.ts";

/**
 * A slice of `npm run fuzz`: two minutes beside the other tests on two processors, counted in requests so that it is
 * the same everywhere.
 */
test("300,000 random and hostile requests at both doors: no crash, no 5xx but 503 and 504, an answer for each", async (t) => {
  t.timeout(900_000);
  const figures = await fuzz({ seed: 2026, requests: 300_000 });
  t.deepEqual(figures.problems, []);
  const { byStatus } = figures;
  t.true(figures.native > 10_000, `${figures.native} of them at the native door`);
  for (const code of [200, 201, 400, 403, 404, 405, 406, 409, 415, 422]) {
    t.true((byStatus[code] ?? 0) > 10, `the grammar reaches ${code}: ${JSON.stringify(byStatus)}`);
  }
});
