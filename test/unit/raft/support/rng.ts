import type { Rng } from "../../../../src/env/env.ts";
import { createRng as createNamed } from "../../../../src/sim/random.ts";

export function createRng(seed: number): Rng {
  return createNamed(seed, "raft-test");
}
