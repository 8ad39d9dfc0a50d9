import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { realCrypto } from "../../src/env/real/crypto.ts";
import type { Fault } from "../../src/sim/cluster/faults.ts";
import type { Workload } from "../../src/sim/cluster/process.ts";
import { run } from "../../src/sim/cluster/run.ts";
import type { World } from "../../src/sim/cluster/world.ts";

const worldsCount = 4;
/** Processes die while they wait for their disks. */
const faults: readonly Fault[] = Array.from({ length: 12 }, (_, at) => ({
  kind: "crashInWrite",
  atMs: 3_000 + at * 300,
  forMs: 100,
  a: at,
  b: 0,
  how: 50,
}));

/**
 * Of a few worlds that are over, how many are held by something: hours in one process would hold them
 * all. One may be: what ran last is still on the engine's mind.
 */
export async function worldsHeld(workload: (world: World) => Workload): Promise<number> {
  const worlds: WeakRef<World>[] = [];
  for (let seed = 1; seed <= worldsCount; seed += 1) {
    await run({
      seed,
      crypto: realCrypto,
      faults,
      faultsMs: 4_000,
      workload: (world) => {
        worlds.push(new WeakRef(world));
        return workload(world);
      },
    });
  }
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  for (let turn = 0; turn < 3; turn += 1) {
    // A reference that was looked at is kept until its turn is over.
    await setImmediate();
    collect();
  }
  return worlds.filter((world) => world.deref() !== undefined).length;
}
