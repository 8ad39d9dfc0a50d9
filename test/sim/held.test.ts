import test from "ava";
import { workloads } from "../../src/sim/worlds.ts";
import { worldsHeld } from "./held.ts";

/** Hours of virtual time in one process: what is over must leave memory. */
test("nothing holds worlds that are over", async (t) => {
  t.timeout(240_000);
  t.true((await worldsHeld(workloads.log)) <= 1);
});
