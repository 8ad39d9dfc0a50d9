import { assign, createActor, setup, type AnyActorRef } from "xstate";
import type { Env, Timer } from "../../env/env.ts";
import type { KindId } from "../../kinds/kind.ts";
import type { SystemWrite } from "../../store/outcome.ts";
import type { TipStore, WatchChange } from "../../store/store-api.ts";
import type { Revision } from "../../store/revision.ts";
import type { RowRef, TimedView, View } from "../../store/view.ts";
import { asError, invariant, messageOf, StatusError, type Status } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { ActorHost } from "./actor-host.ts";
import type { ActorView } from "./actor.ts";
import type { Decide } from "./command.ts";
import { createDirtyKeys, type DirtyKeys } from "./controller-keys.ts";
import { chartOf } from "./chart.ts";
import type { Controller, ControllerWatch, Plan, PlanWrite } from "./controller.ts";
import { auditEveryMs, planWritesMax, quarantineProbeMs } from "./limits.ts";
import type { Subject } from "./parking.ts";
import { controllersPath, leaderPath, schedulerPath } from "./paths.ts";
import { requestOf } from "./plan-writes.ts";
import { actorChild, supervisorChild, xstateClock, type ChildSpec, type SupervisorSpec } from "./supervisor.ts";
import type { OpenTransaction } from "./transaction.ts";

/**
 * Runs controllers on the leader: watches what is staged, keeps the dirty keys, and evaluates one
 * plan at a time as a command of class `controller`. A plan reads the tip and is one transaction;
 * nothing here outlives the term. Each controller is a live actor below `/ctl`; a key whose plan
 * keeps throwing is quarantined alone.
 */
export interface ControllerHostOptions {
  readonly env: Env;
  readonly store: TipStore;
  readonly host: ActorHost;
  readonly decide: Decide;
  readonly controllers: readonly Controller[];
}

const controllerMachine = setup({
  types: {
    context: {} as { readonly error: string },
    events: {} as { readonly type: "work" | "rest" } | { readonly type: "crash"; readonly error: Error },
  },
  actions: {
    fail: assign(({ event }) => {
      if (event.type === "crash") throw event.error;
      return {};
    }),
  },
}).createMachine({
  id: "controller",
  context: { error: "" },
  initial: "idle",
  on: {
    work: ".planning",
    rest: ".idle",
    crash: { actions: "fail" },
  },
  states: { idle: {}, planning: {} },
});

/** A view with the leader's time, outside of a transaction. */
class TipView implements TimedView {
  readonly now: Millis;
  readonly #view: View;

  constructor(view: View, now: Millis) {
    this.#view = view;
    this.now = now;
  }

  get revision(): Revision {
    return this.#view.revision;
  }

  get(kind: KindId, namespace: string, name: string): RowRef | undefined {
    return this.#view.get(kind, namespace, name);
  }

  list(kind: KindId, options?: { readonly namespace?: string }): readonly RowRef[] {
    return this.#view.list(kind, options);
  }

  index(kind: KindId, index: string, value: string): readonly RowRef[] {
    return this.#view.index(kind, index, value);
  }

  indexStamp(kind: KindId, index: string, value: string): object | undefined {
    return this.#view.indexStamp?.(kind, index, value);
  }
}

class Runner {
  readonly keys: DirtyKeys;
  private readonly options: ControllerHostOptions;
  private readonly controller: Controller;
  private readonly watches = new Map<KindId, ControllerWatch[]>();
  /** Keys in quarantine, and whether something asked for them since. */
  private readonly parked = new Set<string>();
  private actor: AnyActorRef | undefined;
  private queued = false;
  private queuedAt: Millis = 0;
  private planning: string | undefined;
  /** What its actor was told last. */
  private told: "work" | "rest" = "rest";
  private timers: Timer[] = [];
  /** Why each failing key fails, and since when. */
  private readonly failures = new Map<string, { readonly since: Millis; readonly error: string }>();

  constructor(options: ControllerHostOptions, controller: Controller) {
    this.options = options;
    this.controller = controller;
    this.keys = createDirtyKeys(options.env.clock, () => this.pump());
    for (const watch of controller.watches) {
      const list = this.watches.get(watch.kind) ?? [];
      this.watches.set(watch.kind, [...list, watch]);
    }
  }

  get path(): string {
    return placeOf(this.controller).path;
  }

  start(actor: AnyActorRef): () => void {
    this.actor = actor;
    this.queued = false;
    this.told = "rest";
    this.every(auditEveryMs, () => this.audit());
    this.every(quarantineProbeMs, () => this.probe());
    this.guard(() => this.seed());
    const unfollow = this.controller.follow?.((key) => {
      if (key === undefined) this.guard(() => this.seed());
      else this.trigger(key, false);
    });
    return () => {
      unfollow?.();
      this.actor = undefined;
      for (const timer of this.timers) timer.cancel();
      this.timers = [];
      this.keys.clear();
      this.parked.clear();
    };
  }

  watchesKind(kind: KindId): boolean {
    return this.watches.has(kind);
  }

  /** Rows changed at the tip. */
  staged(changes: readonly WatchChange[]): void {
    if (this.actor === undefined) return;
    let isWatched = false;
    for (const { previous, next } of changes) isWatched ||= this.watches.has((next ?? previous)?.kind ?? "");
    if (!isWatched) return;
    this.react(changes);
  }

  private react(changes: readonly WatchChange[]): void {
    this.guard(() => {
      const view = this.view();
      for (const change of changes) this.changed(view, change);
    });
  }

  private changed(view: TimedView, { previous, next }: WatchChange): void {
    for (const watch of this.watches.get((next ?? previous)?.kind ?? "") ?? []) {
      const keys = watch.keys(view, previous, next);
      if (keys.length === 0) continue;
      const isUrgent = watch.urgent?.(previous, next) ?? false;
      for (const key of keys) this.trigger(key, isUrgent);
    }
  }

  released(path: string): void {
    const key = path.startsWith(`${this.path}/`) ? path.slice(this.path.length + 1) : undefined;
    if (key === undefined) return;
    const isPaused = this.keys.failing().has(key);
    if (this.parked.delete(key) || isPaused) this.keys.mark(key);
  }

  views(): readonly ActorView[] {
    return [...this.keys.failing()].map(([key, restarts]) => ({
      path: `${this.path}/${key}`,
      machine: "controller-key",
      version: 1,
      state: "backoff",
      since: this.failures.get(key)?.since ?? 0,
      restarts,
      mailbox: 0,
      supervisor: this.path,
      status: "backoff",
      ...lastErrorOf(this.failures.get(key)),
    }));
  }

  private backOff(key: string, error: string): void {
    const since = this.failures.get(key)?.since ?? this.options.host.now();
    this.failures.set(key, { since, error });
    this.keys.backOff(key);
  }

  private forget(key: string): void {
    this.failures.delete(key);
    this.keys.forget(key);
  }

  private view(): TimedView {
    return new TipView(this.options.store.tip, this.options.host.now());
  }

  /** What was lost is found here, the controller's own command as well. */
  private audit(): void {
    const { env } = this.options;
    if (this.queued && env.clock.mono() - this.queuedAt >= auditEveryMs / 2) {
      env.log("warn", "plan-missing", { controller: this.controller.name });
      this.queued = false;
    }
    this.seed();
    this.pump();
  }

  /** All keys: at the start of a term, and as the audit that finds lost triggers. */
  private seed(): void {
    const view = this.view();
    const { seed, watches } = this.controller;
    if (seed !== undefined) {
      for (const key of seed(view)) this.keys.mark(key);
      return;
    }
    for (const watch of watches) {
      const rows = view.list(watch.kind).toSorted((a, b) => b.revision - a.revision);
      for (const row of rows) {
        for (const key of watch.keys(view, undefined, row)) this.keys.mark(key);
      }
    }
  }

  /** One trigger passes the fault seam of messages; a crash there is the controller's, not its key's. */
  private trigger(key: string, isUrgent: boolean): void {
    // What a plan does to its own key is no news from outside: the back-off holds.
    if (this.planning === key && this.keys.failing().has(key)) return;
    const { env } = this.options;
    const action = env.faults.at({ seam: "mailbox", path: `${this.path}/${key}` });
    switch (action.kind) {
      case "drop":
      case "hang":
        return;
      case "delay":
        env.clock.after(action.ms, () => this.actor !== undefined && this.keys.mark(key));
        return;
      case "reorder":
        return this.keys.markFirst(key);
      case "crash":
      case "poison":
        throw new Error(`fault injected: ${action.kind} at a message`);
      case "none":
      case "hold":
      case "duplicate":
      case "error":
        if (isUrgent) this.keys.mark(key);
        else this.keys.markPaced(key);
    }
  }

  private every(periodMs: Millis, run: () => void): void {
    const at = this.timers.length;
    const next = (): void => {
      this.timers[at] = this.options.env.clock.after(
        periodMs,
        () => {
          this.guard(run);
          next();
        },
        { daemon: true },
      );
    };
    next();
  }

  /** A throw outside of a plan is a failure of the controller itself: its supervisor restarts it. */
  private guard(run: () => void): void {
    try {
      run();
    } catch (error) {
      const { actor } = this;
      this.actor = undefined;
      actor?.send({
        type: "crash",
        error: asError(error),
      });
    }
  }

  /** At most one command of a controller waits: controllers take turns. */
  private pump(): void {
    if (this.queued || this.actor === undefined || this.keys.size === 0) return;
    this.queued = true;
    this.queuedAt = this.options.env.clock.mono();
    let key = "";
    this.options.host.submit({
      class: "controller",
      cause: { origin: "plan", actor: this.path, event: "plan" },
      evaluate: (transaction) => {
        this.queued = false;
        if (this.actor === undefined) return [];
        key = this.keys.take() ?? "";
        const writes = key === "" ? [] : this.run(transaction, key);
        this.pump();
        return writes;
      },
      failed: (error) => {
        this.queued = false;
        if (this.actor === undefined) return;
        this.options.env.log("warn", "plan-lost", { controller: this.controller.name, key, error: error.message });
        if (key !== "") this.backOff(key, error.message);
      },
    });
  }

  private run(transaction: OpenTransaction, key: string): readonly SystemWrite[] {
    const path = `${this.path}/${key}`;
    const { host } = this.options;
    if (host.quarantine.has(path)) {
      this.parked.add(key);
      return [];
    }
    host.watchdog.enter({ actor: path, event: "plan" });
    this.planning = key;
    try {
      const began = this.options.env.clock.mono();
      this.plan(transaction, key);
      const tookMs = this.options.env.clock.mono() - began;
      if (host.turns.took(this.path, key, tookMs)) {
        this.options.env.log("warn", "plan-slow", { controller: this.controller.name, key, ms: Math.round(tookMs) });
      }
      host.quarantine.succeeded(path);
      return [];
    } catch (error) {
      transaction.reset();
      return this.threw(transaction, key, path, error);
    } finally {
      this.planning = undefined;
      this.tellState();
    }
  }

  /** A plan is one turn, so nobody sees it under way: a controller is at work while keys wait behind it. */
  private tellState(): void {
    const state = this.keys.size > 0 ? "work" : "rest";
    if (state === this.told) return;
    this.told = state;
    this.actor?.send({ type: state });
  }

  private plan(transaction: OpenTransaction, key: string): void {
    const action = this.options.env.faults.at({ seam: "evaluator", path: `${this.path}/${key}` });
    if (action.kind === "hold") return action.until(() => this.actor !== undefined && this.keys.mark(key));
    if (action.kind !== "none") throw new Error(`fault injected: ${action.kind}`);
    const plan = this.controller.plan(transaction, key);
    const refusal = this.execute(transaction, plan);
    if (refusal === undefined) {
      this.forget(key);
      const { paceMs } = this.controller;
      if (paceMs !== undefined && plan.writes.length > 0) this.keys.rest(key, paceMs);
      const { wakeAt } = plan;
      this.keys.wakeAfter(key, wakeAt === undefined ? undefined : wakeAt - transaction.now);
      if (plan.more === true) this.keys.mark(key);
      return;
    }
    transaction.reset();
    const { name, refused } = this.controller;
    const message = refusal.status.message ?? "";
    this.options.env.log("info", "plan-refused", { controller: name, key, message });
    this.backOff(key, message);
    if (refused === undefined) return;
    const instead = refused(transaction, key, refusal.write, refusal.status);
    if (this.execute(transaction, instead) !== undefined) transaction.reset();
  }

  /** All writes and notes of a plan, or the first refusal. */
  private execute(
    transaction: OpenTransaction,
    plan: Plan,
  ): { readonly write: PlanWrite; readonly status: Status } | undefined {
    const { controller } = this;
    invariant(plan.writes.length <= planWritesMax, `a plan has at most ${planWritesMax} writes`);
    for (const write of plan.writes) {
      invariant(controller.writes.includes(write.kind), `controller ${controller.name} may write ${write.kind}`);
      try {
        this.options.decide(transaction, requestOf(controller, write));
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        return { write, status: error.status };
      }
    }
    for (const note of plan.notes ?? []) transaction.note(note);
    return undefined;
  }

  private threw(transaction: OpenTransaction, key: string, path: string, error: unknown): readonly SystemWrite[] {
    const { env, host } = this.options;
    const { now } = transaction;
    host.turns.fault("plan");
    const message = messageOf(error);
    env.log("error", "plan-threw", { controller: this.controller.name, key, error: message });
    // The key fails, not its controller: that goes on with the next key.
    this.backOff(key, message);
    if (!host.quarantine.fault(path, now)) return [];
    this.forget(key);
    this.parked.add(key);
    const row = { path, machine: "controller", version: 1, since: now, error: message };
    host.turns.fault("quarantine");
    return [host.parking.park(transaction, row)];
  }

  /** Half open: each parked key is tried once more; one further fault parks it again. */
  private probe(): void {
    const { host } = this.options;
    for (const key of this.parked) {
      const path = `${this.path}/${key}`;
      this.parked.delete(key);
      host.submit({
        class: "system",
        cause: { origin: "system", actor: path, event: "probe" },
        evaluate: (transaction) => {
          this.keys.mark(key);
          return host.quarantine.has(path) ? [host.parking.probe(transaction, path)] : [];
        },
        failed: () => this.parked.add(key),
      });
    }
  }
}

/**
 * Controllers as parts of a leader scope: one supervisor `/ctl` for all, and the scheduler, which is
 * a controller as well, as an actor of its own at `/sched`. Called once; the parts may be started
 * again and again, each time anew.
 */
export function controllerChildren(options: ControllerHostOptions): () => readonly ChildSpec[] {
  const { env, host, store, controllers } = options;
  const runners = new Set<Runner>();
  const listening = new Listening(runners);
  store.onStaged((changes) => {
    for (const runner of listening.to(changes)) runner.staged(changes);
  });
  host.onReleased((path) => {
    for (const runner of runners) runner.released(path);
  });
  host.directory.add(() => [...runners].flatMap((runner) => runner.views()));
  host.parking.addSubjects((path) => subjectOf(controllers, path));
  for (const name of ["controller", "scheduler"]) host.directory.addChart(name, () => chartOf(controllerMachine, name));
  const childOf = (controller: Controller): ChildSpec => {
    const { path, machine, supervisor } = placeOf(controller);
    let runner: Runner | undefined;
    return actorChild(
      {
        path,
        machine,
        supervisor,
        version: 1,
        create: () => createActor(controllerMachine, { clock: xstateClock(env.clock) }),
        mailbox: () => runner?.keys.size ?? 0,
        started(actor) {
          const started = new Runner(options, controller);
          runner = started;
          runners.add(started);
          listening.changed();
          const stop = started.start(actor);
          return () => {
            stop();
            runners.delete(started);
            listening.changed();
          };
        },
      },
      env.clock,
    );
  };
  const spec: SupervisorSpec = {
    path: controllersPath,
    supervisor: leaderPath,
    strategy: "one_for_one",
    intensity: 10,
    periodMs: 60_000,
    backoff: { baseMs: 100, maxMs: 30_000, jitter: 0.2 },
  };
  const deps = { clock: env.clock, random: env.random.stream("controllers"), faults: env.faults };
  const isScheduler = (controller: Controller): boolean => placeOf(controller).path === schedulerPath;
  return () => [
    supervisorChild("ctl", spec, deps, () =>
      controllers.filter((controller) => !isScheduler(controller)).map((controller) => childOf(controller)),
    ),
    ...controllers.filter((controller) => isScheduler(controller)).map((controller) => childOf(controller)),
  ];
}

/** Who watches a kind: most changes are of few controllers' interest. */
class Listening {
  readonly #all: ReadonlySet<Runner>;
  readonly #byKind = new Map<KindId, readonly Runner[]>();

  constructor(all: ReadonlySet<Runner>) {
    this.#all = all;
  }

  /** The runners are not those of before. */
  changed(): void {
    this.#byKind.clear();
  }

  to(changes: readonly WatchChange[]): Iterable<Runner> {
    const kind = kindOf(changes[0]);
    if (changes.some((change) => kindOf(change) !== kind)) return this.#all;
    let runners = this.#byKind.get(kind);
    if (runners === undefined)
      this.#byKind.set(kind, (runners = [...this.#all].filter((one) => one.watchesKind(kind))));
    return runners;
  }
}

function kindOf(change: WatchChange | undefined): KindId {
  return (change?.next ?? change?.previous)?.kind ?? "";
}

function lastErrorOf(failure: { readonly error: string } | undefined): { readonly lastError?: string } {
  return failure === undefined ? {} : { lastError: failure.error };
}

/** The object that a key stands for: `/ctl/deployment/default/web`, `/ctl/namespace/default`. */
function subjectOf(controllers: readonly Controller[], path: string): Subject | undefined {
  for (const controller of controllers) {
    const { about } = controller;
    const prefix = `${placeOf(controller).path}/`;
    if (about === undefined || !path.startsWith(prefix)) continue;
    const key = path.slice(prefix.length);
    const slash = key.indexOf("/");
    return { kind: about, namespace: slash < 0 ? "" : key.slice(0, slash), name: key.slice(slash + 1) };
  }
  return undefined;
}

function placeOf({ name }: Controller): {
  readonly path: string;
  readonly machine: string;
  readonly supervisor: string;
} {
  return name === "scheduler"
    ? { path: schedulerPath, machine: "scheduler", supervisor: leaderPath }
    : { path: `${controllersPath}/${name}`, machine: "controller", supervisor: controllersPath };
}
