// What a master plays to itself before it is needed: no request of it may fail, else nothing is rehearsed.
import { tmpdir } from "node:os";
import test from "ava";
import type { Env } from "../../../src/env/env.ts";
import { noFaults } from "../../../src/env/faults.ts";
import { realClock } from "../../../src/env/real/clock.ts";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { createRealDisk } from "../../../src/env/real/disk.ts";
import { rehearseElections } from "../../../src/raft/rehearsal.ts";
import { masterControllers } from "../../../src/server/controllers.ts";
import { rehearse } from "../../../src/server/rehearsal.ts";
import { plainTokens, simAudiences, simFacts, simVersion } from "../../../src/sim/master-facts.ts";
import { createSimRandom } from "../../../src/sim/random.ts";
import { createKeyRing } from "../../../src/store/sealer.ts";

test("three members in memory elect a leader, and another one in each round", (t) => {
  t.is(rehearseElections(realCrypto, 4), 5);
});

test("no request of the rehearsal is refused, at the leader or at its follower", async (t) => {
  const env: Env = {
    clock: realClock,
    crypto: realCrypto,
    disk: createRealDisk(tmpdir()),
    random: createSimRandom(1),
    faults: noFaults,
    log: () => undefined,
  };
  const refused = await rehearse({
    env,
    facts: simFacts,
    version: simVersion,
    tokenIssuer: plainTokens,
    audiences: simAudiences,
    sealer: createKeyRing({
      crypto: realCrypto,
      keys: [new Uint8Array(32)],
      randomBytes: (size) => new Uint8Array(size),
    }),
    controllers: (nodes) =>
      masterControllers({
        nodes,
        podCidr: simFacts.podCidr,
        serviceCidr: simFacts.serviceCidr,
        masters: () => [],
        serviceAddress: "10.96.0.1",
        authority: () => "",
      }),
  });
  t.is(refused, 0);
});
