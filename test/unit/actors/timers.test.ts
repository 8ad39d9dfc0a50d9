// Replicated timers after a failover: spread, in order, none lost, none twice.
import test from "ava";
import { overdueTimersPerSecondMax } from "../../../src/actors/runtime/limits.ts";
import { createTimers, timerKey, type TimerRow } from "../../../src/actors/runtime/timers.ts";
import { createSimEnv } from "../../../src/sim/env.ts";

const overdue = 100_000;

test("a hundred thousand overdue timers are spread, in the order in which they fell due, each once", async (t) => {
  const env = createSimEnv({ seed: 1 });
  const rows = new Map<string, string>();
  for (let at = 0; at < overdue; at += 1) {
    const owner = `/obj/core/pods/default/p${at}#u`;
    // Scattered, so that the order is the queue's and not that of the keys.
    const row: TimerRow = { owner, id: "t", due: -1 - ((at * 7_919) % overdue), event: { type: "e" }, generation: 1 };
    rows.set(timerKey(owner, "t"), JSON.stringify(row));
  }
  const fired: TimerRow[] = [];
  const timers = createTimers({
    store: { systemRows: () => [...rows] },
    clock: env.clock,
    now: () => env.clock.mono(),
    fire: (row) => void fired.push(row),
    failed: (error) => t.fail(error.message),
  });
  timers.start();
  let before = 0;
  for (let second = 0; second < 10; second += 1) {
    await env.advance(1_000);
    const now = fired.length - before;
    t.true(now <= overdueTimersPerSecondMax * 1.02, `${now} in second ${second}`);
    t.true(now >= overdueTimersPerSecondMax * 0.5, `${now} in second ${second}: it does not idle either`);
    before = fired.length;
  }
  await env.advance(120_000);
  t.is(fired.length, overdue);
  t.is(new Set(fired.map(({ owner }) => owner)).size, overdue);
  t.true(fired.every(({ due }, at) => at === 0 || fired[at - 1]!.due <= due));
  timers.stop();
});
