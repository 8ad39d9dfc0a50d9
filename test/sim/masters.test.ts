import test from "ava";
import { realCrypto } from "../../src/env/real/crypto.ts";
import { run } from "../../src/sim/cluster/run.ts";
import { workloads } from "../../src/sim/worlds.ts";

/** Whole masters under every fault; a red seed is repeated with `npm run sim -- --seed N --runs 1 --verbose`. */
const workload = workloads.masters;
const seeds = [1, 4, 9, 30];

test.serial(`${seeds.length} seeds: every answer and every watch event was right`, async (t) => {
  t.timeout(240_000);
  for (const seed of seeds) {
    const result = await run({ seed, crypto: realCrypto, workload });
    t.deepEqual(result.violations, [], `seed ${seed}`);
    t.false(result.isVoid, `seed ${seed} says nothing: ${result.attempted} operations`);
  }
});

test.serial("a seed is its run, whatever ran before", async (t) => {
  t.timeout(120_000);
  const options = { crypto: realCrypto, workload, faultsMs: 6_000 };
  const first = await run({ ...options, seed: 3 });
  await run({ ...options, seed: 4 });
  const again = await run({ ...options, seed: 3 });
  t.is(again.digest, first.digest);
  t.is(again.events, first.events);
  t.is(again.acknowledged, first.acknowledged);
});
