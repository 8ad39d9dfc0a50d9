import test from "ava";
import {
  assign,
  createMachine,
  emit,
  initialTransition,
  raise,
  sendTo,
  transition,
  type AnyMachineSnapshot,
  type AnyStateMachine,
} from "xstate";
import { createEvaluator, idOf, inertTransition } from "../../../src/actors/runtime/evaluator.ts";
import { machineOptions } from "../../../src/actors/objects/vocabulary.ts";
import { ActorFault, ImpureMachineError, type MachineDef } from "../../../src/actors/runtime/machine.ts";

interface Draw {
  below(bound: number): number;
}

/** A small generator of its own, so that a failure names a seed that replays it. */
function draws(seed: number): Draw {
  let state = seed >>> 0;
  return {
    below(bound) {
      state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
      return Math.floor((state / 4294967296) * bound);
    },
  };
}

const eventNames = ["a", "b", "c", "d"];

/** A random tree of states with guards, assigns, raises, delayed transitions and regions. */
function randomMachine(seed: number): AnyStateMachine {
  const rnd = draws(seed);
  const ids: string[] = [];
  const grow = (name: string, depth: number): Record<string, unknown> => {
    const id = `s${ids.length}`;
    ids.push(id);
    const node: Record<string, unknown> = { id };
    node["entry"] = actions("entry");
    node["exit"] = actions("exit");
    if (depth < 3 && rnd.below(3) > 0) {
      const count = 2 + rnd.below(3);
      const children: Record<string, unknown> = {};
      for (let at = 0; at < count; at += 1) children[`n${at}`] = grow(`${name}.n${at}`, depth + 1);
      node["states"] = children;
      if (depth > 0 && rnd.below(6) === 0) node["type"] = "parallel";
      else node["initial"] = `n${rnd.below(count)}`;
    }
    return node;
  };
  const actions = (where: string): unknown[] => {
    const list: unknown[] = [];
    if (rnd.below(3) === 0) list.push({ type: "note", params: { reason: where } });
    if (rnd.below(4) === 0) {
      list.push(assign({ n: ({ context }: { context: { n: number } }) => context.n + 1 }));
    }
    if (rnd.below(12) === 0) list.push(raise({ type: "d" }));
    if (rnd.below(12) === 0) list.push(raise({ type: "a" }, { delay: 1_000, id: `late-${where}` }));
    return list;
  };
  const root = grow("root", 0);
  const decorate = (node: Record<string, unknown>): void => {
    const on: Record<string, unknown> = {};
    for (const name of eventNames) {
      if (rnd.below(2) === 0) continue;
      const target = rnd.below(5) === 0 ? undefined : `#${ids[rnd.below(ids.length)]}`;
      const limit = rnd.below(8);
      on[name] = [
        {
          ...(target === undefined ? {} : { target }),
          ...(rnd.below(5) === 0 && target !== undefined ? { reenter: true } : {}),
          ...(rnd.below(3) === 0 ? { guard: ({ context }: { context: { n: number } }) => context.n % 8 < limit } : {}),
          actions: actions(name),
        },
      ];
    }
    node["on"] = on;
    if (rnd.below(6) === 0) node["after"] = { [500 + rnd.below(3)]: `#${ids[rnd.below(ids.length)]}` };
    if (rnd.below(10) === 0) {
      node["always"] = {
        guard: ({ context }: { context: { n: number } }) => context.n % 7 === 3,
        actions: assign({ n: ({ context }: { context: { n: number } }) => context.n + 1 }),
      };
    }
    for (const child of Object.values((node["states"] ?? {}) as Record<string, unknown>)) {
      decorate(child as Record<string, unknown>);
    }
  };
  decorate(root);
  return createMachine({
    ...root,
    context: { n: 0 },
    options: machineOptions,
  } as Parameters<typeof createMachine>[0]) as AnyStateMachine;
}

function shown(snapshot: AnyMachineSnapshot): string {
  return JSON.stringify([snapshot.value, snapshot.context, snapshot.status]);
}

function shownActions(actions: readonly { type: string; params: unknown }[]): string {
  return JSON.stringify(actions.map(({ type, params }) => [type, params]));
}

/** One step done by both; answers the public one's snapshot, or the error that both threw. */
function bothStep(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  type: string,
): { same: boolean; next: AnyMachineSnapshot } {
  let mine = "";
  let theirs = "";
  let next = snapshot;
  try {
    const result = inertTransition(machine, snapshot, { type });
    mine = shown(result.snapshot) + shownActions(result.actions);
  } catch (error) {
    mine = String(error);
  }
  try {
    const [after, actions] = transition(machine, snapshot, { type });
    next = after as AnyMachineSnapshot;
    theirs = shown(next) + shownActions(actions as { type: string; params: unknown }[]);
  } catch (error) {
    theirs = String(error);
  }
  return { same: mine === theirs, next };
}

test("the reused scope steps random machines exactly as XState's own pure transition does", (t) => {
  let steps = 0;
  let moved = 0;
  for (let seed = 1; seed <= 620; seed += 1) {
    const machine = randomMachine(seed);
    const rnd = draws(seed + 7919);
    let [snapshot] = initialTransition(machine) as [AnyMachineSnapshot, unknown];
    if (snapshot.status !== "active") continue;
    for (let at = 0; at < 40 && snapshot.status === "active"; at += 1) {
      const { same, next } = bothStep(machine, snapshot, eventNames[rnd.below(4)] ?? "a");
      if (!same) return t.fail(`seed ${seed}, step ${at} differs`);
      if (next !== snapshot) moved += 1;
      snapshot = next;
      steps += 1;
    }
  }
  t.true(steps >= 20_000, `${steps} steps`);
  t.true(moved > 5_000, `${moved} moved`);
});

function defOf(config: Record<string, unknown>): MachineDef {
  return {
    name: "probe",
    version: 1,
    machine: createMachine({
      options: machineOptions,
      ...config,
    } as Parameters<typeof createMachine>[0]) as AnyStateMachine,
    derive: () => ({ id: "one", context: {} }),
    classify: () => undefined,
    renamed: {},
  };
}

const evaluator = createEvaluator();
const at = (id: string): { id: string; context: Record<string, never> } => ({ id, context: {} });

test("effects are data: write, timer, cancelTimer, message and note", (t) => {
  const def = defOf({
    initial: "one",
    states: {
      one: {
        on: {
          go: {
            target: "two",
            actions: [
              { type: "write", params: { op: "merge", patch: { a: 1 } } },
              { type: "message", params: { target: "x", key: "k", id: "1", body: null } },
              { type: "note", params: { type: "Normal", reason: "R", message: "m" } },
            ],
          },
        },
      },
      two: { after: { 1000: "one" } },
    },
  });
  const there = evaluator.step(def, at("one"), { type: "go" });
  t.deepEqual(
    there.effects.map(({ type }) => type),
    ["write", "message", "note", "timer"],
  );
  const timer = there.effects[3];
  if (timer?.type !== "timer") return t.fail("no timer");
  t.is(timer.delayMs, 1_000);
  const back = evaluator.step(def, at("two"), timer.event);
  t.is(back.next.id, "one");
  t.deepEqual(back.effects, [{ type: "cancelTimer", id: timer.id }]);
});

test("an event without a transition is ignored and causes nothing", (t) => {
  const def = defOf({ initial: "one", states: { one: {} } });
  const result = evaluator.step(def, at("one"), { type: "unheard" });
  t.true(result.ignored);
  t.deepEqual(result.effects, []);
});

test("a machine that reaches for the world is refused as impure", (t) => {
  for (const [what, action] of [
    ["sendTo", sendTo("someone", { type: "x" })],
    ["emit", emit({ type: "x" })],
    ["an inline action", { type: "unknownAction" }],
    ["self.send", assign(({ self }) => (self.send({ type: "x" }), {}))],
  ] as const) {
    const def = defOf({ initial: "one", states: { one: { on: { go: { actions: action } } } } });
    t.throws(() => evaluator.step(def, at("one"), { type: "go" }), { instanceOf: ActorFault }, what);
  }
  const def = defOf({
    initial: "one",
    states: { one: { on: { go: { actions: emit({ type: "x" }) } } } },
  });
  t.throws(() => evaluator.step(def, at("one"), { type: "go" }), {
    instanceOf: ImpureMachineError,
  });
});

test("an endless loop of transitions ends as a fault after 100 microsteps, and the next step is clean", (t) => {
  const def = defOf({
    initial: "one",
    states: { one: { on: { go: "left" } }, left: { always: "right" }, right: { always: "left" } },
  });
  const error = t.throws(() => evaluator.step(def, at("one"), { type: "go" }), {
    instanceOf: ActorFault,
  });
  t.regex(error.message, /100 microsteps/);
  t.true(evaluator.step(def, at("one"), { type: "other" }).ignored);
});

test("a guard that throws is a fault that names machine, event and state", (t) => {
  const def = defOf({
    initial: "one",
    states: {
      one: {
        on: {
          go: {
            guard: () => {
              throw new Error("boom");
            },
            target: "one",
          },
        },
      },
    },
  });
  const error = t.throws(() => evaluator.step(def, at("one"), { type: "go" }), {
    instanceOf: ActorFault,
  });
  t.regex(error.message, /probe failed on go in one: .*boom/s);
});

test("a state that the machine does not know is a fault, not a start from the beginning", (t) => {
  const def = defOf({ initial: "one", states: { one: {} } });
  t.throws(() => evaluator.step(def, at("gone.long.ago"), { type: "go" }), {
    instanceOf: ActorFault,
  });
});

test("a nested state's id is its dotted path", (t) => {
  t.is(idOf({ terminating: "pods" }), "terminating.pods");
  t.is(idOf({ a: { b: "c" } }), "a.b.c");
});

test("a step that depends on names alone is taken once a machine; one with a context or a payload every time", (t) => {
  let guards = 0;
  const states = { one: { on: { go: { guard: () => (guards += 1) > 0, target: "two" } } }, two: {} };
  const [def, twin] = [defOf({ initial: "one", states }), defOf({ initial: "one", states })];
  const first = evaluator.step(def, at("one"), { type: "go" });
  t.is(evaluator.step(def, at("one"), { type: "go" }), first);
  t.is(guards, 1);
  t.is(evaluator.step(twin, at("one"), { type: "go" }).next.id, "two");
  t.is(guards, 2, "another machine of the same states");
  evaluator.step(def, { id: "one", context: { n: 1 } }, { type: "go" });
  evaluator.step(def, at("one"), { type: "go", why: "payload" } as { type: string });
  t.is(guards, 4);
});
