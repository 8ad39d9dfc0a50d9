import test from "ava";
import { until } from "../live/support/machine.ts";

test("what has to hold at once is asked once, also where the clock has gone on by then", async (t) => {
  let asked = 0;
  await until("it holds", async () => (asked += 1) > 0, 0);
  t.is(asked, 1);
  await t.throwsAsync(
    until("it does not", async () => false, 0),
    { message: "not within 0 ms: it does not" },
  );
});
