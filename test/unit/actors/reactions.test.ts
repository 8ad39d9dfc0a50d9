import test from "ava";
import { setup, type AnyStateMachine } from "xstate";
import { machines as shipped } from "../../../src/actors/objects/catalogue.ts";
import { effectActions, machineOptions } from "../../../src/actors/objects/vocabulary.ts";
import type { ActorHost } from "../../../src/actors/runtime/actor-host.ts";
import { createHost } from "../../../src/actors/runtime/host.ts";
import type { MachineCatalogue, MachineDef } from "../../../src/actors/runtime/machine.ts";
import type { WriteReply } from "../../../src/actors/runtime/command.ts";
import type { FaultAction, SeamPoint } from "../../../src/env/faults.ts";
import type { KubeObject } from "../../../src/kinds/kind.ts";
import { createSimEnv, type SimEnv } from "../../../src/sim/env.ts";
import {
  configMap,
  createFakeLog,
  createFakeStore,
  fakeCodec,
  fakeDecide,
  fakeKinds,
  request,
  type FakeLog,
  type FakeStore,
} from "./fakes.ts";

/** A machine that does what a ConfigMap's data says: `event` is classified, `state` is shown. */
const dataOf = (object: KubeObject | undefined): Record<string, string> =>
  (object as { data?: Record<string, string> } | undefined)?.data ?? {};

const machine = setup({
  types: { events: {} as { readonly type: string } },
  actions: effectActions,
  guards: {
    throws: () => {
      throw new Error("boom");
    },
  },
}).createMachine({
  id: "object",
  options: machineOptions,
  initial: "calm",
  on: {
    boom1: { guard: "throws" },
    boom2: { guard: "throws" },
    boom3: { guard: "throws" },
    boom4: { guard: "throws" },
  },
  states: {
    calm: {
      on: {
        go: "busy",
        loop: "left",
        mark: { actions: { type: "write", params: { op: "merge", patch: { data: { mark: "yes" } } } } },
      },
    },
    busy: {
      after: {
        5000: {
          target: "calm",
          actions: { type: "write", params: { op: "merge", patch: { data: { state: "calm", event: "" } } } },
        },
      },
      on: { stop: "calm" },
    },
    left: { always: "right" },
    right: { always: "left" },
  },
}) as AnyStateMachine;

const probe: MachineDef = {
  name: "object",
  version: 1,
  machine,
  derive: (object) => ({ id: dataOf(object)["state"] ?? "calm", context: {} }),
  classify: (previous, next) => {
    const [from, to] = [dataOf(previous), dataOf(next)];
    const { event } = to;
    return event === undefined || event === "" || from["n"] === to["n"] ? undefined : { type: event };
  },
  renamed: {},
};

const broken: MachineDef = {
  ...probe,
  version: 2,
  derive: () => {
    throw new Error("version 2 is broken");
  },
};

interface Rig {
  readonly env: SimEnv;
  readonly store: FakeStore;
  readonly log: FakeLog;
  readonly host: ActorHost;
  readonly put: (name: string, data: Record<string, string>) => Promise<WriteReply>;
  readonly data: (name: string) => Record<string, string>;
}

function rig(
  machines: MachineCatalogue = new Map([["object", [probe]]]),
  fault?: (point: SeamPoint) => FaultAction,
): Rig {
  const env = createSimEnv({
    seed: 5,
    ...(fault === undefined ? {} : { faults: { enabled: true, at: fault } }),
  });
  const store = createFakeStore();
  const log = createFakeLog(env.clock);
  const host = createHost({
    env,
    store,
    log,
    kinds: fakeKinds,
    codec: fakeCodec,
    decide: fakeDecide,
    machines,
    identity: { member: 1, incarnation: 1 },
    onFatal: (error) => {
      throw error;
    },
  });
  log.listener = host;
  log.becomeLeader();
  let n = 0;
  return {
    env,
    store,
    log,
    host,
    async put(name, data) {
      n += 1;
      const verb = store.tip.get("configmaps", "default", name) === undefined ? "create" : "update";
      const object = configMap(name, { ...data, n: String(n) });
      const reply = host.write(request(verb, name, { object }), { class: "user", deadlineMs: 60_000 });
      await env.advance(10);
      return reply;
    },
    data: (name) => dataOf(store.committed.get("configmaps", "default", name)?.object()),
  };
}

const quarantined = (host: ActorHost): readonly string[] => host.quarantine.all().map(({ path }) => path);

test("a machine's own write, timer and row change are one outcome; the timer fires later", async (t) => {
  const { env, store, put, data } = rig();
  await put("a", { event: "go", state: "busy" });
  t.is(store.systemRows("timer").length, 1);
  t.is(store.outcomes.length, 1);
  await env.advance(4_000);
  t.is(data("a")["state"], "busy");
  await env.advance(2_000);
  t.is(data("a")["state"], "calm");
  t.is(store.systemRows("timer").length, 0);
  t.is(store.outcomes[1]?.cause.origin, "timer");
});

test("a timer that fires twice has one effect", async (t) => {
  const { env, store, put, data } = rig(undefined, ({ seam }) =>
    seam === "timer" ? { kind: "duplicate" } : { kind: "none" },
  );
  await put("a", { event: "go", state: "busy" });
  await env.advance(6_000);
  t.is(data("a")["state"], "calm");
  t.is(store.outcomes.length, 2);
});

test("a timer is cancelled when the state is left, and when the row goes", async (t) => {
  const { env, store, host, put, data } = rig();
  await put("a", { event: "go", state: "busy" });
  await put("a", { event: "stop", state: "calm" });
  t.is(store.systemRows("timer").length, 0);
  await put("b", { event: "go", state: "busy" });
  void host.write(request("delete", "b"), { class: "user", deadlineMs: 1_000 });
  await env.advance(10);
  t.is(store.systemRows("timer").length, 0);
  await env.advance(10_000);
  t.is(data("a")["event"], "stop");
});

test("a poisoned event is tried three times, then it is a dead letter; the next event is handled", async (t) => {
  const { env, host, put, data } = rig();
  const reply = await put("a", { event: "boom1" });
  t.is(reply.code, 201, "the user's write is never refused because a machine is broken");
  await env.advance(10_000);
  t.deepEqual(
    host.deadLetters.all().map(({ event }) => event),
    ["boom1"],
  );
  t.deepEqual(quarantined(host), []);
  await put("a", { event: "mark" });
  t.is(data("a")["mark"], "yes");
});

test("four distinct faults in five seconds put an actor into quarantine; its row stays writable", async (t) => {
  const { env, host, put, data, store } = rig();
  for (const event of ["boom1", "boom2", "boom3", "boom4"]) await put("a", { event });
  t.is(quarantined(host).length, 1);
  const view = host.actors.get("obj.core.configmaps.default.a");
  t.like(view, { status: "quarantined", machine: "object" });
  const reply = await put("a", { event: "mark" });
  t.is(reply.code, 200);
  t.is(data("a")["mark"], undefined, "nothing reacts");
  const outcomes = store.outcomes.length;
  await env.advance(60_000);
  t.true(store.outcomes.length - outcomes <= 4, "retries of a quarantined actor do nothing");
});

test("a fault every two seconds never leads to quarantine", async (t) => {
  const { env, host, put } = rig();
  for (let at = 0; at < 12; at += 1) {
    await put("a", { event: `boom${(at % 4) + 1}` });
    await env.advance(1_990);
  }
  t.deepEqual(quarantined(host), []);
});

test("quarantine outlives the leader; a release lets the actor react again", async (t) => {
  const { env, log, host, put, data } = rig();
  for (const event of ["boom1", "boom2", "boom3", "boom4"]) await put("a", { event });
  await env.settle();
  log.loseTerm(0);
  log.becomeLeader();
  await put("a", { event: "mark" });
  t.is(data("a")["mark"], undefined);
  const released = host.release("obj.core.configmaps.default.a");
  await env.advance(10);
  await released;
  await put("a", { event: "mark" });
  t.is(data("a")["mark"], "yes");
});

test("a parked actor is probed after five minutes: a good step frees it, one fault parks it again", async (t) => {
  const { env, host, put, data } = rig();
  for (const event of ["boom1", "boom2", "boom3", "boom4"]) await put("a", { event });
  await env.advance(301_000);
  t.deepEqual(quarantined(host), []);
  await put("a", { event: "boom1" });
  t.is(quarantined(host).length, 1);
  await env.advance(301_000);
  await put("a", { event: "mark" });
  t.is(data("a")["mark"], "yes");
  await put("a", { event: "boom2" });
  t.deepEqual(quarantined(host), []);
});

test("a broken machine version falls back to the one before it; every user's write succeeds", async (t) => {
  const { env, host, put, data } = rig(new Map([["object", [broken, probe]]]));
  for (let at = 0; at < 60; at += 1) t.is((await put(`c${at}`, { event: "mark" })).code, 201);
  t.is(host.breaker.active("object")?.version, 1);
  await env.settle();
  await put("late", { event: "mark" });
  t.is(data("late")["mark"], "yes");
});

test("with its only version broken a kind is stored and nothing reacts", async (t) => {
  const { host, put } = rig(new Map([["object", [broken]]]));
  for (let at = 0; at < 60; at += 1) await put(`c${at}`, { event: "mark" });
  t.is(host.breaker.active("object"), undefined);
  const { steps } = host.reactions;
  t.is((await put("late", { event: "mark" })).code, 201);
  t.is(host.reactions.steps, steps);
});

test("a machine that loops for ever costs its event, not the leader", async (t) => {
  const { env, host, put } = rig();
  t.is((await put("a", { event: "loop" })).code, 201);
  await env.advance(10_000);
  t.regex(host.deadLetters.all()[0]?.error ?? "", /100 microsteps/);
  t.is((await put("b", { event: "mark" })).code, 201);
});

test("an impossible state that was written by hand wins: the jump is counted and the timers match", async (t) => {
  const { store, host, put } = rig();
  // `stop` does nothing in calm, yet the row says busy: its timer must be set all the same.
  await put("a", { event: "stop", state: "busy" });
  t.deepEqual([...host.reactions.jumps], [["object calm busy", 1]]);
  t.is(store.systemRows("timer").length, 1);
  await put("a", { event: "boom-unknown", state: "calm" });
  t.is(store.systemRows("timer").length, 0);
});

test("a ConfigMap's updates take no step of any machine", async (t) => {
  const { host, put } = rig(shipped);
  await put("a", {});
  const { steps } = host.reactions;
  for (let at = 0; at < 50; at += 1) await put("a", { at: String(at) });
  t.is(host.reactions.steps, steps);
});

test("timers that came due without a leader are fired once each, spread over time", async (t) => {
  const { env, store, log, put } = rig();
  for (let at = 0; at < 400; at += 1) await put(`c${at}`, { event: "go", state: "busy" });
  await env.advance(10);
  const waiting = store.systemRows("timer").length;
  t.true(waiting > 100);
  log.loseTerm(0);
  await env.advance(3_600_000);
  t.is(store.systemRows("timer").length, waiting, "nobody fires them without a leader");
  log.becomeLeader();
  await env.advance(20);
  const soon = waiting - store.systemRows("timer").length;
  t.true(soon > 0 && soon <= 80, `${soon} in the first 20 ms`);
  await env.advance(2_000);
  t.is(store.systemRows("timer").length, 0);
  const fired = store.outcomes.filter(({ cause }) => cause.origin === "timer");
  t.is(new Set(fired.map(({ cause }) => cause.actor)).size, 400);
  t.is(fired.length, 400);
});

test("an injected fault of the evaluator is a fault of that actor alone", async (t) => {
  const { env, host, put, data } = rig(undefined, ({ seam, path }) =>
    seam === "evaluator" && path.includes("/bad#") ? { kind: "crash" } : { kind: "none" },
  );
  t.is((await put("bad", { event: "mark" })).code, 201);
  t.is((await put("good", { event: "mark" })).code, 201);
  await env.advance(5_000);
  t.is(data("good")["mark"], "yes");
  t.is(data("bad")["mark"], undefined);
  t.is(host.deadLetters.all().length, 1);
});
