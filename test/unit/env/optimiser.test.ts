import test from "ava";
import { createPace, loadLimits } from "../../../src/env/real/optimiser.ts";

test("a burst keeps the late pace, a load changes it, and rest brings it back", (t) => {
  const pace = createPace();
  t.is(pace(600, 1_000), "rest", "a start");
  t.is(pace(1_500, 5_000), "rest", "fifty pods");
  t.is(pace(1_800, 15_000), "rest", "what was long ago has leaked away");
  t.is(pace(4_500, 18_000), "load");
  t.is(pace(60_000, 80_000), "load");
  const restMs = (2 * loadLimits.cpuMs * 1_000) / loadLimits.leakMsPerSecond;
  t.is(pace(60_000, 80_000 + restMs / 2), "load", "not at the first breath");
  t.is(pace(60_000, 80_000 + restMs + 1), "rest");
});

test("a machine that gives a tenth of its time does not hide a load", (t) => {
  const pace = createPace();
  let last = pace(0, 0);
  for (let second = 1; second <= 60; second += 1) last = pace(second * 100, second * 1_000);
  t.is(last, "load");
});
