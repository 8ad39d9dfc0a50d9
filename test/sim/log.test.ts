import test from "ava";
import { workloads } from "../../src/sim/worlds.ts";
import { realCrypto } from "../../src/env/real/crypto.ts";
import { run, shrink } from "../../src/sim/cluster/run.ts";
import type { RunResult } from "../../src/sim/cluster/run.ts";
import { createRng } from "../../src/sim/random.ts";
import { drawFaults } from "../../src/sim/cluster/faults.ts";

/**
 * A slice of what `npm run sim` does: a cluster of logs under every fault, and the checkers. A red
 * seed is repeated with `npm run sim -- --seed N --verbose`.
 */
const workload = workloads.log;
const seeds = 10;
test.serial(`${seeds} seeds: no rule is broken, and every cluster agrees once it is healed`, async (t) => {
  t.timeout(240_000);
  const results: RunResult[] = [];
  for (let seed = 1; seed <= seeds; seed += 1) {
    const result = await run({ seed, crypto: realCrypto, workload });
    t.deepEqual(result.violations, [], `seed ${seed}`);
    results.push(result);
  }
  const voids = results.filter(({ isVoid }) => isVoid).length;
  t.true(voids * 20 <= seeds, `${voids} runs say nothing`);
});

test.serial("a seed is its run: the same lines in the same order, whatever ran before", async (t) => {
  const lines = async (seed: number): Promise<string> => {
    const seen: string[] = [];
    await run({ seed, crypto: realCrypto, workload, faultsMs: 8_000, trace: (line) => seen.push(line) });
    return seen.join("\n");
  };
  const first = await lines(3);
  await lines(4);
  t.is(await lines(3), first);
});

test.serial("shrinking leaves out what is not needed", async (t) => {
  const faults = drawFaults(createRng(7, "faults"), 3_000, 9_000);
  t.true(faults.length > 0);
  t.deepEqual(await shrink({ seed: 7, crypto: realCrypto, workload, faultsMs: 6_000 }, []), []);
});
