import test from "ava";
import { createActor, createMachine } from "xstate";
import {
  actorChild,
  createSupervisor,
  supervisorChild,
  type ChildSpec,
  type Supervisor,
  type SupervisorSpec,
} from "../../../src/actors/runtime/supervisor.ts";
import { createSimEnv, type SimEnv } from "../../../src/sim/env.ts";

interface Probe {
  readonly env: SimEnv;
  /** `+a` started, `-a` stopped. */
  readonly trace: string[];
  readonly fail: (id: string) => void;
  readonly child: (id: string, failsAtStart?: () => boolean) => ChildSpec;
  readonly spec: (strategy: SupervisorSpec["strategy"], more?: Partial<SupervisorSpec>) => SupervisorSpec;
  readonly make: (spec: SupervisorSpec, children: readonly ChildSpec[]) => Supervisor;
  readonly escalated: Error[];
}

function probe(): Probe {
  const env = createSimEnv({ seed: 3 });
  const trace: string[] = [];
  const exits = new Map<string, (error: Error | undefined) => void>();
  const escalated: Error[] = [];
  const random = env.random.stream("test");
  return {
    env,
    trace,
    escalated,
    fail: (id) => exits.get(id)?.(new Error(`${id} failed`)),
    child: (id, failsAtStart = () => false) => ({
      id,
      start(exit) {
        if (failsAtStart()) throw new Error(`${id} cannot start`);
        trace.push(`+${id}`);
        exits.set(id, exit);
        return { stop: () => void trace.push(`-${id}`), views: () => [] };
      },
    }),
    spec: (strategy, more = {}) => ({
      path: "/sup",
      strategy,
      intensity: 3,
      periodMs: 60_000,
      backoff: { baseMs: 100, maxMs: 1_000, jitter: 0.2 },
      ...more,
    }),
    make: (spec, children) =>
      createSupervisor(spec, { clock: env.clock, random, escalate: (error) => void escalated.push(error) }, children),
  };
}

test("one_for_one restarts the child that failed, after a pause, and no other", async (t) => {
  const { env, trace, fail, child, spec, make } = probe();
  make(spec("one_for_one"), [child("a"), child("b")]).start();
  fail("a");
  t.deepEqual(trace, ["+a", "+b"], "not at once");
  await env.advance(150);
  t.deepEqual(trace, ["+a", "+b", "+a"]);
});

test("rest_for_one restarts later siblings too, in order; earlier ones are untouched", async (t) => {
  const { env, trace, fail, child, spec, make } = probe();
  make(spec("rest_for_one"), [child("a"), child("b"), child("c"), child("d")]).start();
  fail("b");
  await env.advance(200);
  t.deepEqual(trace.slice(4), ["-d", "-c", "+b", "+c", "+d"]);
});

test("one_for_all stops all in reverse order and starts all in order", async (t) => {
  const { env, trace, fail, child, spec, make } = probe();
  make(spec("one_for_all"), [child("a"), child("b"), child("c")]).start();
  fail("b");
  await env.advance(200);
  t.deepEqual(trace.slice(3), ["-c", "-a", "+a", "+b", "+c"]);
});

test("more failures than the intensity allows stop all children and escalate once", async (t) => {
  const { env, trace, fail, child, spec, make, escalated } = probe();
  const supervisor = make(spec("one_for_one"), [child("a"), child("b")]);
  supervisor.start();
  for (let at = 0; at < 4; at += 1) {
    fail("a");
    await env.advance(2_000);
  }
  t.is(escalated.length, 1);
  t.is(supervisor.status, "failed");
  t.is(trace.at(-1), "-b");
  await env.advance(60_000);
  t.is(trace.at(-1), "-b", "nothing is restarted behind it");
});

test("failures further apart than the period never escalate", async (t) => {
  const { env, fail, child, spec, make, escalated } = probe();
  make(spec("one_for_one"), [child("a")]).start();
  for (let at = 0; at < 20; at += 1) {
    fail("a");
    await env.advance(21_000);
  }
  t.is(escalated.length, 0);
});

test("a child that fails at its start escalates and is never tried in a hot loop", async (t) => {
  const { env, child, spec, make, escalated } = probe();
  let starts = 0;
  make(spec("one_for_one"), [child("a", () => (starts += 1) > 0)]).start();
  await env.settle();
  t.is(starts, 4);
  t.is(escalated.length, 1);
  t.true(env.clock.mono() >= 100 * 0.8 + 200 * 0.8 + 400 * 0.8);
});

test("a failing supervisor is restarted by its parent, with its children", async (t) => {
  const { env, trace, fail, child, spec, make, escalated } = probe();
  const random = env.random.stream("inner");
  const inner = supervisorChild(
    "inner",
    spec("one_for_one", { path: "/sup/inner", intensity: 0 }),
    { clock: env.clock, random },
    () => [child("a"), child("b")],
  );
  make(spec("one_for_one"), [inner]).start();
  fail("a");
  await env.advance(200);
  t.deepEqual(trace, ["+a", "+b", "-b", "+a", "+b"]);
  t.is(escalated.length, 0);
});

test("a thousand children that fail together are restarted spread out, not in one moment", async (t) => {
  const { env, trace, fail, child, spec, make } = probe();
  const ids = Array.from({ length: 1_000 }, (_, at) => `c${at}`);
  make(
    spec("one_for_one", { intensity: 2_000 }),
    ids.map((id) => child(id)),
  ).start();
  for (const id of ids) fail(id);
  const before = trace.length;
  await env.advance(801);
  const soon = trace.length - before;
  t.true(soon < 100, `${soon} restarts in 0.8 s`);
  await env.advance(1_000);
  t.is(trace.length - before, 1_000);
});

test("a late failure of an earlier run does not touch the present one", async (t) => {
  const { env, trace, child, spec, make } = probe();
  const exits: ((error: Error | undefined) => void)[] = [];
  const base = child("a");
  const spying: ChildSpec = {
    id: "a",
    start: (exit) => {
      exits.push(exit);
      return base.start(exit);
    },
  };
  make(spec("one_for_one"), [spying]).start();
  exits[0]?.(new Error("first"));
  await env.advance(200);
  exits[0]?.(new Error("again, from the grave"));
  await env.advance(2_000);
  t.deepEqual(trace, ["+a", "+a"]);
});

test("an XState actor that throws is observed, listed with its error, and restarted", async (t) => {
  const { env, spec, make } = probe();
  const machine = createMachine({
    initial: "calm",
    states: { calm: { on: { go: "done" } }, done: {} },
    on: {
      boom: {
        actions: () => {
          throw new Error("boom");
        },
      },
    },
  });
  const actors: { send: (event: { type: string }) => void }[] = [];
  const supervisor = make(spec("one_for_one"), [
    actorChild(
      {
        path: "/sup/probe",
        machine: "probe",
        version: 1,
        create: () => {
          const actor = createActor(machine);
          actors.push(actor);
          return actor;
        },
      },
      env.clock,
    ),
  ]);
  supervisor.start();
  actors[0]?.send({ type: "go" });
  t.like(supervisor.views()[1], { path: "/sup/probe", state: "done", supervisor: "/sup" });
  actors[0]?.send({ type: "boom" });
  t.like(supervisor.views()[1], { status: "backoff", lastError: "boom" });
  await env.advance(200);
  t.is(actors.length, 2);
  t.like(supervisor.views()[1], { state: "calm", restarts: 1 });
});
