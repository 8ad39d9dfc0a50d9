import test from "ava";
import type { ActorHost, HostTask } from "../../../src/actors/runtime/actor-host.ts";
import { sweepsChild } from "../../../src/server/sweeps.ts";
import { createSimEnv } from "../../../src/sim/env.ts";
import { storeLimits } from "../../../src/store/limits.ts";
import type { HistoryWindow } from "../../../src/store/history.ts";
import type { SystemWrite } from "../../../src/store/outcome.ts";
import type { Store } from "../../../src/store/store.ts";

test("results of members that are gone for good are swept; those of members stay", async (t) => {
  const env = createSimEnv({ seed: 1 });
  const rows = ["1/1/0000000000000001", "2/1/0000000000000001", "2/7/0000000000000004", "3/1/0000000000000001"];
  const swept: SystemWrite[] = [];
  const store = {
    histories: () => [],
    state: { limits: storeLimits },
    systemRows: () =>
      rows.filter((key) => !swept.some((write) => write.key === key)).map((key) => [key, "{}"] as const),
  } as unknown as Store;
  const host = {
    now: () => 0,
    submit: (task: HostTask) => void swept.push(...task.evaluate(undefined as never)),
  } as unknown as ActorHost;
  const child = sweepsChild({ env, store, host, isRemoved: (member) => member === 2 });
  child.start(() => undefined);
  await env.advance(20_000);
  t.deepEqual(swept, [
    { table: "result", key: rows[1] },
    { table: "result", key: rows[2] },
  ]);
});

/** A kind's history with an event a revision, of which what a sweep writes drops some. */
function setUpHistory(size: number) {
  let floor = 0;
  const history: HistoryWindow = {
    kind: "core/configmaps",
    get floor() {
      return floor;
    },
    get size() {
      return size - floor;
    },
    at: (index) => ({ now: 0, end: floor + index + 1 }),
  };
  const env = createSimEnv({ seed: 1 });
  const store = { histories: () => [history], state: { limits: storeLimits }, systemRows: () => [] };
  const moves: number[] = [];
  const submit = ({ evaluate }: HostTask): void => {
    const [write] = evaluate(undefined as never);
    moves.push(Number(write?.value) - floor);
    floor = Number(write?.value);
  };
  const host = { now: () => 0, submit } as unknown as ActorHost;
  const child = sweepsChild({ env, store: store as unknown as Store, host, isRemoved: () => false }).start(
    () => undefined,
  );
  return { env, child, moves, history };
}

test("a history that has grown far beyond its number is cut back piece by piece until nothing is due", async (t) => {
  const { historyEventsMax, floorStepEventsMax } = storeLimits;
  const { env, moves, history } = setUpHistory(historyEventsMax + 60_500);
  await env.advance(25_000);
  t.is(history.size, historyEventsMax);
  t.deepEqual(new Set(moves.slice(0, -1)), new Set([floorStepEventsMax]));
  t.is(moves.at(-1), 500);
});

test("a sweep that is stopped does not go on", async (t) => {
  const { env, child, moves } = setUpHistory(storeLimits.historyEventsMax + 60_500);
  await env.advance(15_000);
  t.true(moves.length > 0);
  const before = moves.length;
  child.stop();
  await env.advance(60_000);
  t.is(moves.length, before);
});
