import test from "ava";
import type { ActorHost } from "../../../src/actors/runtime/actor-host.ts";
import type { Controller, Plan } from "../../../src/actors/runtime/controller.ts";
import { controllerChildren } from "../../../src/actors/runtime/controller-host.ts";
import { runMasterTree } from "../../../src/actors/runtime/master-tree.ts";
import { createHost } from "../../../src/actors/runtime/host.ts";
import type { FaultAction, SeamPoint } from "../../../src/env/faults.ts";
import type { RowRef, TimedView } from "../../../src/store/view.ts";
import { createSimEnv, type SimEnv } from "../../../src/sim/env.ts";
import { StatusError } from "../../../src/util/errors.ts";
import type { Decide } from "../../../src/actors/runtime/command.ts";
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

interface Rig {
  readonly env: SimEnv;
  readonly store: FakeStore;
  readonly log: FakeLog;
  readonly host: ActorHost;
  readonly create: (name: string, data?: Record<string, string>) => void;
  readonly update: (name: string, data: Record<string, string>) => void;
}

interface RigOptions {
  readonly seed?: number;
  readonly fault?: (point: SeamPoint) => FaultAction;
  readonly decide?: Decide;
}

function rig(controllers: readonly Controller[], options: RigOptions = {}): Rig {
  const { fault, decide = fakeDecide, seed = 1 } = options;
  const env = createSimEnv({
    seed,
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
    decide,
    machines: new Map(),
    identity: { member: 1, incarnation: 1 },
    onFatal: (error) => {
      throw error;
    },
  });
  const leader = controllerChildren({ env, store, host, decide, controllers });
  runMasterTree({
    env,
    host,
    leader,
    giveUp: (error) => {
      throw error;
    },
  });
  log.listener = host;
  log.becomeLeader();
  const write = (verb: "create" | "update", name: string, data: Record<string, string>): void => {
    void host.write(request(verb, name, { object: configMap(name, data) }), {
      class: "user",
      deadlineMs: 60_000,
    });
  };
  return {
    env,
    store,
    log,
    host,
    create: (name, data = {}) => write("create", name, data),
    update: (name, data) => write("update", name, data),
  };
}

const keysOf = (row: { namespace: string; name: string } | undefined): readonly string[] =>
  row === undefined || row.name.startsWith("copy-") ? [] : [row.name];

function dataOf(row: RowRef): Record<string, string> {
  return (row.object() as unknown as { data: Record<string, string> }).data;
}

/** Keeps `copy-x` equal to `x`. */
function copyPlan(view: TimedView, key: string): Plan {
  const source = view.get("configmaps", "default", key);
  const copy = view.get("configmaps", "default", `copy-${key}`);
  if (source === undefined) return { writes: [] };
  const data = dataOf(source);
  const wanted = configMap(`copy-${key}`, data);
  if (copy === undefined) return { writes: [{ op: "create", kind: "configmaps", object: wanted }] };
  if (JSON.stringify(dataOf(copy)) === JSON.stringify(data)) return { writes: [] };
  const expect = { uid: copy.hot.uid, revision: copy.revision };
  return { writes: [{ op: "update", kind: "configmaps", object: wanted, expect }] };
}

function copier(name: string, more: Partial<Controller> = {}): Controller {
  return {
    name,
    source: `${name}-controller`,
    watches: [{ kind: "configmaps", keys: (_view, previous, next) => keysOf(next ?? previous) }],
    writes: ["configmaps"],
    plan: copyPlan,
    ...more,
  };
}

const copies = (store: FakeStore): readonly string[] =>
  store.committed
    .list("configmaps")
    .map(({ name }) => name)
    .filter((name) => name.startsWith("copy-"));

const actor = (host: ActorHost, path: string) => host.actors.list().find((view) => view.path === path);

test("a change at the tip is planned without waiting for its commit, and the plan is one outcome", async (t) => {
  const { env, store, log, create } = rig([copier("copy")]);
  log.frozen = true;
  create("a", { k: "v" });
  await env.advance(5);
  t.is(store.staged.length, 2);
  t.is(store.staged[1]?.cause.origin, "plan");
  t.is(store.staged[1]?.cause.actor, "/ctl/copy");
  log.frozen = false;
  await env.settle();
  t.deepEqual(copies(store), ["copy-a"]);
});

test("a key with a pace is planned at once after a quiet time, and what changes while it rests is planned together", async (t) => {
  const plannedAt: number[] = [];
  const paced = copier("copy", {
    paceMs: 200,
    plan: (view, key) => {
      const plan = copyPlan(view, key);
      if (plan.writes.length > 0) plannedAt.push(env.clock.mono());
      return plan;
    },
  });
  const { env, store, create, update } = rig([paced]);
  await env.advance(1_000);
  const start = env.clock.mono();
  create("a", { k: "0" });
  await env.advance(10);
  t.is(plannedAt.length, 1, "at once");
  for (let count = 1; count <= 10; count += 1) {
    update("a", { k: String(count) });
    await env.advance(10);
  }
  t.is(plannedAt.length, 1, "the key rests");
  await env.advance(200);
  t.is(plannedAt.length, 2, "ten changes, one plan");
  t.true(plannedAt[1]! - plannedAt[0]! >= 200 && plannedAt[1]! - start < 250);
  t.deepEqual(dataOf(store.committed.get("configmaps", "default", "copy-a")!), { k: "10" });
  await env.advance(300);
  update("a", { k: "late" });
  await env.advance(10);
  t.is(plannedAt.length, 3, "after a quiet time at once again");
  await env.settle();
});

test("an urgent change does not wait for the pace, and neither does another key", async (t) => {
  const watch = {
    kind: "configmaps",
    keys: (_view: TimedView, previous: RowRef | undefined, next: RowRef | undefined) => keysOf(next ?? previous),
    urgent: (_previous: RowRef | undefined, next: RowRef | undefined) =>
      next !== undefined && dataOf(next)["urgent"] === "yes",
  };
  const { env, store, create, update } = rig([copier("copy", { paceMs: 200, watches: [watch] })]);
  const copyOf = (name: string) => dataOf(store.committed.get("configmaps", "default", `copy-${name}`)!);
  create("a");
  await env.advance(10);
  update("a", { k: "1" });
  create("b");
  await env.advance(10);
  t.deepEqual([copyOf("a"), copyOf("b")], [{}, {}]);
  update("a", { k: "2", urgent: "yes" });
  await env.advance(10);
  t.deepEqual(copyOf("a"), { k: "2", urgent: "yes" });
  await env.settle();
});

test("triggers of one key are coalesced, and a plan without writes makes no entry", async (t) => {
  let plans = 0;
  const { env, log, create } = rig([
    copier("copy", {
      watches: [{ kind: "configmaps", keys: () => ["all"] }],
      plan: () => ((plans += 1), { writes: [] }),
    }),
  ]);
  for (let at = 0; at < 20; at += 1) create(`c${at}`);
  await env.settle();
  plans = 0;
  log.loseTerm(0);
  log.becomeLeader();
  await env.settle();
  t.is(plans, 1, "twenty rows map to one key");
  t.is(log.entries.filter(({ kind }) => kind === "normal").length, 20);
});

test("a new term plans every existing key; nothing of the old one is kept", async (t) => {
  const { env, store, log, create } = rig([copier("copy")]);
  log.frozen = true;
  create("a");
  create("b");
  await env.advance(5);
  // The users' entries survive, the plans behind them do not.
  log.loseTerm(2);
  log.frozen = false;
  log.becomeLeader();
  await env.settle();
  t.deepEqual(copies(store), ["copy-a", "copy-b"]);
});

test("a key whose plan throws backs off longer each time and is quarantined alone", async (t) => {
  const at: number[] = [];
  const { env, store, host, create } = rig([
    copier("copy", {
      plan: (view, key) => {
        if (key !== "bad") return copyPlan(view, key);
        at.push(env.clock.mono());
        throw new TypeError("boom");
      },
    }),
  ]);
  create("bad");
  create("good");
  await env.advance(60_000);
  t.deepEqual(copies(store), ["copy-good"]);
  const gaps = at.slice(1).map((time, index) => Math.round((time - (at[index] ?? 0)) / 100));
  t.deepEqual(gaps, [1, 2, 4], "100, 200, 400 ms, then it is parked");
  const view = actor(host, "/ctl/copy/bad");
  t.is(view?.status, "quarantined");
  t.is(view?.lastError, "boom");
});

test("quarantine survives a change of leader; release plans the key again", async (t) => {
  let broken = true;
  const { env, store, host, log, create, update } = rig([
    copier("copy", {
      plan: (view, key) => {
        if (broken) throw new Error("boom");
        return copyPlan(view, key);
      },
    }),
  ]);
  create("a");
  await env.advance(10_000);
  broken = false;
  log.loseTerm(0);
  log.becomeLeader();
  update("a", { k: "v" });
  await env.advance(10_000);
  t.deepEqual(copies(store), [], "still parked");
  const released = host.release("ctl.copy.a");
  await env.settle();
  await released;
  t.deepEqual(copies(store), ["copy-a"]);
  t.is(actor(host, "/ctl/copy/a"), undefined);
});

test("a parked key is probed every five minutes; one more fault parks it again", async (t) => {
  let plans = 0;
  const { env, host, create } = rig([
    copier("copy", {
      plan: () => {
        plans += 1;
        throw new Error("boom");
      },
    }),
  ]);
  create("a");
  await env.advance(10_000);
  const before = plans;
  await env.advance(301_000);
  t.is(plans, before + 1);
  t.is(actor(host, "/ctl/copy/a")?.status, "quarantined");
});

test("a refused plan keeps nothing, records what `refused` says instead, and backs off", async (t) => {
  let plans = 0;
  const decide: Decide = (transaction, wanted) => {
    if (wanted.name === "copy-a" && plans < 4) {
      throw new StatusError({
        kind: "Status",
        apiVersion: "v1",
        metadata: {},
        status: "Failure",
        code: 403,
        reason: "Forbidden",
        message: "exceeded quota",
      });
    }
    return fakeDecide(transaction, wanted);
  };
  const seen: string[] = [];
  const { env, store, create } = rig(
    [
      copier("copy", {
        plan: (view, key) => {
          plans += 1;
          const plan = copyPlan(view, key);
          const side = configMap(`copy-side-${plans}`);
          if (plan.writes.length === 0) return plan;
          return { writes: [{ op: "create", kind: "configmaps", object: side }, ...plan.writes] };
        },
        refused: (_view, _key, _write, status) => {
          seen.push(status.message ?? "");
          return { writes: [] };
        },
      }),
    ],
    { decide },
  );
  create("a");
  await env.settle();
  t.deepEqual(copies(store), ["copy-a", "copy-side-4"]);
  t.deepEqual(new Set(seen), new Set(["exceeded quota"]));
  t.true(env.clock.mono() >= 700, "100 + 200 + 400 ms of back-off");
});

test("`more` asks for the next turn at once, `wakeAt` for a later time", async (t) => {
  const at: number[] = [];
  const { env, create } = rig([
    copier("copy", {
      plan: (view) => {
        at.push(env.clock.mono());
        if (at.length < 3) return { writes: [], more: true };
        return at.length < 5 ? { writes: [], wakeAt: view.now + 30_000 } : { writes: [] };
      },
    }),
  ]);
  create("a");
  await env.advance(100);
  t.is(at.length, 3);
  await env.advance(70_000);
  t.is(at.length, 5);
});

test("a controller that writes a kind it did not declare is at fault, and nothing is written", async (t) => {
  const { env, store, create } = rig([copier("copy", { writes: ["pods"] })]);
  create("a");
  await env.advance(10_000);
  t.deepEqual(copies(store), []);
});

test("a controller whose watch throws is restarted by its supervisor and seeds again", async (t) => {
  let throws = 1;
  const { env, store, host, create } = rig([
    copier("copy", {
      watches: [
        {
          kind: "configmaps",
          keys: (_view, previous, next) => {
            if (throws > 0) {
              throws -= 1;
              throw new Error("bad map");
            }
            return keysOf(next ?? previous);
          },
        },
      ],
    }),
  ]);
  create("a");
  await env.settle();
  t.deepEqual(copies(store), ["copy-a"]);
  t.is(actor(host, "/ctl/copy")?.restarts, 1);
});

test("controllers that fail too often take the leader scope with them, which is built anew until they work", async (t) => {
  let broken = true;
  const seed = (): readonly string[] => {
    if (broken) throw new Error("bad seed");
    return ["a"];
  };
  const { env, store, host, create } = rig(["copy", "two", "three", "four"].map((name) => copier(name, { seed })));
  create("a");
  await env.advance(20_000);
  t.true((actor(host, "/ctl")?.restarts ?? 0) + (actor(host, "/leader")?.restarts ?? 0) > 0);
  t.deepEqual(copies(store), []);
  broken = false;
  await env.advance(40_000);
  t.deepEqual(copies(store), ["copy-a"]);
});

test("with a fifth of the triggers dropped everything converges at the ten-minute audit", async (t) => {
  let count = 0;
  const fault = ({ seam, path }: SeamPoint): FaultAction => {
    if (seam !== "mailbox" || !path.startsWith("/ctl/copy/")) return { kind: "none" };
    count += 1;
    return count % 5 === 0 ? { kind: "drop" } : { kind: "none" };
  };
  const { env, store, create } = rig([copier("copy")], { fault });
  for (let at = 0; at < 30; at += 1) create(`c${at}`);
  await env.settle();
  t.true(copies(store).length < 30);
  await env.advance(601_000);
  t.is(copies(store).length, 30);
});

test("duplicated and reordered triggers lead to the same rows", async (t) => {
  const finals: string[] = [];
  for (const kind of ["none", "duplicate", "reorder"] as const) {
    const fault = ({ seam, path }: SeamPoint): FaultAction =>
      seam === "mailbox" && path.startsWith("/ctl/") ? { kind } : { kind: "none" };
    const { env, store, create, update } = rig([copier("copy")], { fault });
    for (const name of ["a", "b", "c"]) create(name);
    update("b", { x: "1" });
    await env.settle();
    finals.push(JSON.stringify(store.committed.list("configmaps").map((row) => [row.name, dataOf(row)])));
  }
  t.is(new Set(finals).size, 1);
});

test("controllers take turns: one with a thousand dirty keys does not keep another waiting", async (t) => {
  const order: string[] = [];
  const plan = (name: string) => (): Plan => (order.push(name), { writes: [] });
  const seed = Array.from({ length: 1_000 }, (_, at) => `k${at}`);
  const { env } = rig([
    copier("busy", { seed: () => seed, plan: plan("busy") }),
    copier("calm", { seed: () => ["one"], plan: plan("calm") }),
  ]);
  await env.settle();
  t.is(order.length, 1_001);
  t.true(order.indexOf("calm") < 3);
});

test("every controller is listed with its supervisor, state and mailbox", async (t) => {
  const { env, host } = rig([copier("copy"), copier("other")]);
  await env.settle();
  t.like(actor(host, "/ctl/copy"), { machine: "controller", state: "idle", supervisor: "/ctl" });
  t.is(host.actors.get("ctl.other")?.status, "live");
});
