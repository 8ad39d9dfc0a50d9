import test from "ava";
import type { ActorHost, HostTask } from "../../../src/actors/runtime/actor-host.ts";
import { sweepsChild } from "../../../src/server/sweeps.ts";
import { createSimEnv } from "../../../src/sim/env.ts";
import { storeLimits } from "../../../src/store/limits.ts";
import type { Store } from "../../../src/store/store.ts";

test("results of members that are gone for good are swept; those of members stay", async (t) => {
  const env = createSimEnv({ seed: 1 });
  const rows = ["1/1/0000000000000001", "2/1/0000000000000001", "2/7/0000000000000004", "3/1/0000000000000001"];
  const tasks: HostTask[] = [];
  const store = {
    histories: () => [],
    state: { limits: storeLimits },
    systemRows: () => rows.map((key) => [key, "{}"] as const),
  } as unknown as Store;
  const host = { now: () => 0, submit: (task: HostTask) => void tasks.push(task) } as unknown as ActorHost;
  const child = sweepsChild({ env, store, host, isRemoved: (member) => member === 2 });
  child.start(() => undefined);
  await env.advance(20_000);
  t.is(tasks.length, 1);
  t.deepEqual(tasks[0]?.evaluate(undefined as never), [
    { table: "result", key: rows[1] },
    { table: "result", key: rows[2] },
  ]);
});
