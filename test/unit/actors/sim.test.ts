import test from "ava";
import { createSimClock } from "../../../src/sim/clock.ts";
import { createSimEnv } from "../../../src/sim/env.ts";
import { createRng, createSimRandom } from "../../../src/sim/random.ts";
import { InvariantError } from "../../../src/util/errors.ts";

test("the same seed runs the same events in the same order; another seed another order", async (t) => {
  const orderOf = async (seed: number): Promise<string> => {
    const env = createSimEnv({ seed, shuffle: true });
    const order: number[] = [];
    for (let at = 0; at < 50; at += 1) env.clock.after(10, () => order.push(at));
    await env.settle();
    return order.join();
  };
  t.is(await orderOf(1), await orderOf(1));
  t.not(await orderOf(1), await orderOf(2));
});

test("every promise that an event settles runs before the next event", async (t) => {
  const env = createSimEnv({ seed: 1 });
  const trace: string[] = [];
  const hops = async (name: string): Promise<void> => {
    for (let at = 0; at < 3; at += 1) await Promise.resolve();
    trace.push(name);
  };
  env.clock.after(1, () => void hops("first"));
  env.clock.after(1, () => trace.push("second"));
  await env.advance(1);
  t.deepEqual(trace, ["first", "second"]);
});

test("time moves to what is due and no further; daemons do not keep the world from settling", async (t) => {
  const env = createSimEnv({ seed: 1 });
  let beats = 0;
  const beat = (): void => {
    beats += 1;
    env.clock.after(1_000, beat, { daemon: true });
  };
  beat();
  env.clock.after(2_500, () => {});
  await env.settle();
  t.is(env.clock.mono(), 2_500);
  t.is(beats, 3);
  await env.advance(500);
  t.is(beats, 4);
});

test("a cancelled timer never runs and is not waited for", async (t) => {
  const env = createSimEnv({ seed: 1 });
  const timer = env.clock.after(1_000, () => t.fail("cancelled"));
  timer.cancel();
  timer.cancel();
  t.is(env.clock.pending, 0);
  await env.settle();
  t.is(env.clock.mono(), 0);
});

test("nine of ten timers are cancelled, among them many at once: the rest runs in its order", (t) => {
  const clock = createSimClock(createRng(1, "ties"));
  const rng = createRng(2, "cancelled");
  const expected: number[] = [];
  const seen: number[] = [];
  const doomed: { cancel(): void }[] = [];
  for (let at = 0; at < 2_000; at += 1) {
    const due = rng.below(500);
    if (at % 10 !== 0) doomed.push(clock.after(due, () => t.fail("it was cancelled")));
    else {
      expected.push(due * 10_000 + at);
      clock.after(due, () => seen.push(due * 10_000 + at));
    }
    if (at < 1_500) continue;
    for (let n = 0; n < 4; n += 1) doomed.pop()?.cancel();
  }
  for (const timer of doomed) timer.cancel();
  t.is(clock.pending, expected.length);
  while (clock.runNext(500));
  t.deepEqual(
    seen,
    expected.toSorted((a, b) => a - b),
  );
  t.is(clock.pending, 0);
  t.is(clock.next, undefined);
});

test("a world that never comes to rest is reported, not waited for", async (t) => {
  const env = createSimEnv({ seed: 1 });
  const spin = (): void => void env.clock.after(60_000, spin);
  spin();
  await t.throwsAsync(env.settle(), { instanceOf: InvariantError, message: /not settled/ });
});

test("what an event throws reaches the test that advances time", async (t) => {
  const env = createSimEnv({ seed: 1 });
  env.clock.after(5, () => {
    throw new Error("boom");
  });
  await t.throwsAsync(env.advance(10), { message: "boom" });
});

test("a new draw on one stream does not shift another; ids are well formed", (t) => {
  const [one, two] = [createSimRandom(7), createSimRandom(7)];
  one.stream("a").u32();
  t.is(one.stream("b").u32(), two.stream("b").u32());
  t.regex(one.stream("a").uuid(), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const seen = new Set(Array.from({ length: 1_000 }, () => one.stream("c").below(10)));
  t.is(seen.size, 10);
});

test("events of a shared clock keep their order of time through a thousand random insertions", (t) => {
  const rng = createRng(3, "test");
  const clock = createSimClock(rng);
  const ran: number[] = [];
  for (let at = 0; at < 1_000; at += 1) {
    const due = rng.below(500);
    clock.after(due, () => ran.push(due));
  }
  while (clock.runNext(1_000)) continue;
  t.is(ran.length, 1_000);
  t.true(ran.every((due, at) => at === 0 || due >= (ran[at - 1] ?? 0)));
});
