import type { AnyActorRef } from "xstate";
import type { Clock, Rng, Timer } from "../../env/env.ts";
import { noFaults, type FaultPort } from "../../env/faults.ts";
import { asError, InvariantError } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { ActorView } from "./actor.ts";
import { idOf } from "./evaluator.ts";

/**
 * OTP's supervisor for live actors: restarts children that fail, by strategy, with back-off and
 * jitter; too many failures in a period are its own failure, which its parent handles. Children are
 * started in order and stopped in reverse.
 */
export interface Supervisor {
  readonly path: string;
  start(): void;
  /** Orderly: children stop in reverse order, nothing is restarted. */
  stop(): void;
  /** A further child, started now if the supervisor runs. */
  add(child: ChildSpec): void;
  remove(id: string): void;
  views(): readonly ActorView[];
  readonly status: "stopped" | "running" | "failed";
}

export interface SupervisorSpec {
  readonly path: string;
  /** Path of who restarts it, where that is not the path's own parent. */
  readonly supervisor?: string;
  readonly strategy: "one_for_one" | "rest_for_one" | "one_for_all";
  /** More restarts than this … */
  readonly intensity: number;
  /** … in this time are a failure of the supervisor. */
  readonly periodMs: Millis;
  readonly backoff: { readonly baseMs: Millis; readonly maxMs: Millis; readonly jitter: number };
  /** Whose failures in the period lengthen the pause. Default: all of them. */
  readonly backoffBy?: "supervisor" | "child";
}

export interface SupervisorDeps {
  readonly clock: Clock;
  readonly random: Rng;
  /** Asked at each start of a child, at the seam `process`; and for what runs when a fault begins, at the seam `actor`. */
  readonly faults?: FaultPort;
  /** The supervisor gave up: all children are stopped. */
  readonly escalate: (error: Error) => void;
}

/** What a supervisor starts. `exit` is called at most once: with an error, or without one when done. */
export interface ChildSpec {
  readonly id: string;
  /** Default: the id below the supervisor's path. */
  readonly path?: string;
  readonly start: (exit: (error: Error | undefined) => void) => RunningChild;
}

export interface RunningChild {
  stop(): void;
  views(restarts: number): readonly ActorView[];
}

type ChildState = "stopped" | "running" | "waiting" | "done";

interface Child {
  readonly spec: ChildSpec;
  state: ChildState;
  running: RunningChild | undefined;
  restarts: number;
  /** Counts starts, so that a late exit of an earlier one is known. */
  run: number;
  wake: Timer | undefined;
  lastError: Error | undefined;
  since: Millis;
  failures: Millis[];
}

class OtpSupervisor implements Supervisor {
  status: "stopped" | "running" | "failed" = "stopped";
  readonly path: string;
  private readonly spec: SupervisorSpec;
  private readonly deps: SupervisorDeps;
  private readonly children: Child[] = [];
  private restarts: Millis[] = [];
  private since: Millis = 0;
  private unwatch: (() => void) | undefined;

  constructor(spec: SupervisorSpec, deps: SupervisorDeps, children: readonly ChildSpec[]) {
    this.spec = spec;
    this.path = spec.path;
    this.deps = deps;
    for (const child of children) this.adopt(child);
  }

  start(): void {
    if (this.status === "running") return;
    this.status = "running";
    this.since = this.deps.clock.wall();
    this.restarts = [];
    this.unwatch = this.deps.faults?.watch?.(() => this.strike());
    for (const child of this.children) this.startChild(child);
  }

  stop(): void {
    this.status = this.status === "failed" ? "failed" : "stopped";
    this.unwatch?.();
    this.stopFrom(0);
  }

  /** A fault begins: those whom it is for end as if they had failed. */
  private strike(): void {
    for (const child of this.children.slice()) {
      const { running } = child;
      if (running === undefined || this.status !== "running") continue;
      const fault = (this.deps.faults ?? noFaults).at({ seam: "actor", path: this.pathOf(child) });
      if (fault.kind !== "crash") continue;
      child.running = undefined;
      running.stop();
      this.exited(child, new Error("fault injected: crash"));
    }
  }

  add(spec: ChildSpec): void {
    const child = this.adopt(spec);
    if (this.status === "running") this.startChild(child);
  }

  remove(id: string): void {
    const at = this.children.findIndex((child) => child.spec.id === id);
    if (at < 0) return;
    const [child] = this.children.splice(at, 1);
    if (child !== undefined) this.stopChild(child);
  }

  views(): readonly ActorView[] {
    const { spec } = this;
    const own: ActorView = {
      path: spec.path,
      machine: "supervisor",
      version: 1,
      state: spec.strategy,
      since: this.since,
      restarts: 0,
      mailbox: 0,
      supervisor: spec.supervisor ?? parentOf(spec.path),
      status: this.status === "running" ? "live" : "stopped",
    };
    return [own, ...this.children.flatMap((child) => this.viewsOf(child))];
  }

  private viewsOf(child: Child): readonly ActorView[] {
    const error = child.lastError;
    if (child.running !== undefined) {
      const [own, ...below] = child.running.views(child.restarts);
      if (own === undefined) return [];
      return [error === undefined ? own : { lastError: error.message, ...own }, ...below];
    }
    return [
      {
        path: this.pathOf(child),
        machine: child.spec.id,
        version: 1,
        state: child.state,
        since: child.since,
        restarts: child.restarts,
        mailbox: 0,
        supervisor: this.spec.path,
        status: child.state === "waiting" ? "backoff" : "stopped",
        ...(error === undefined ? {} : { lastError: error.message }),
      },
    ];
  }

  private pathOf({ spec }: Child): string {
    return spec.path ?? `${this.spec.path === "/" ? "" : this.spec.path}/${spec.id}`;
  }

  private adopt(spec: ChildSpec): Child {
    if (this.children.some((child) => child.spec.id === spec.id)) {
      throw new InvariantError(`${this.spec.path} has one child named ${spec.id}`);
    }
    const child: Child = {
      spec,
      state: "stopped",
      running: undefined,
      restarts: 0,
      run: 0,
      wake: undefined,
      lastError: undefined,
      since: 0,
      failures: [],
    };
    this.children.push(child);
    return child;
  }

  private startChild(child: Child): void {
    if (this.status !== "running" || child.state === "running") return;
    child.wake?.cancel();
    child.wake = undefined;
    child.run += 1;
    const { run } = child;
    child.state = "running";
    child.since = this.deps.clock.wall();
    let ended: { readonly error: Error | undefined } | undefined;
    const exit = (error: Error | undefined): void => {
      if (child.run !== run || child.state !== "running" || ended !== undefined) return;
      ended = { error };
      // While it starts, its handle does not exist yet: handled below.
      if (child.running !== undefined) this.exited(child, error);
    };
    let running: RunningChild;
    try {
      const fault = (this.deps.faults ?? noFaults).at({ seam: "process", path: this.pathOf(child) });
      if (fault.kind !== "none") throw new Error(`fault injected: ${fault.kind} at the start`);
      running = child.spec.start(exit);
    } catch (error) {
      return this.exited(child, asError(error));
    }
    if (child.run !== run) return;
    child.running = running;
    if (ended !== undefined) this.exited(child, ended.error);
  }

  private stopChild(child: Child): void {
    child.wake?.cancel();
    child.wake = undefined;
    const { running } = child;
    child.running = undefined;
    child.run += 1;
    child.state = "stopped";
    running?.stop();
  }

  private stopFrom(index: number): void {
    for (const child of this.children.slice(index).toReversed()) this.stopChild(child);
  }

  private exited(child: Child, error: Error | undefined): void {
    child.running = undefined;
    if (error === undefined) {
      child.state = "done";
      return;
    }
    child.lastError = error;
    child.state = "waiting";
    const now = this.deps.clock.mono();
    this.restarts = this.restarts.filter((at) => now - at < this.spec.periodMs);
    this.restarts.push(now);
    if (this.restarts.length > this.spec.intensity) return this.fail(error);
    child.restarts += 1;
    child.failures = [...child.failures.filter((at) => now - at < this.spec.periodMs), now];
    const delay = this.delayMs(this.spec.backoffBy === "child" ? child.failures.length : this.restarts.length);
    const at = this.children.indexOf(child);
    if (this.spec.strategy === "one_for_all") this.stopFrom(0);
    else if (this.spec.strategy === "rest_for_one") this.stopFrom(at);
    child.state = "waiting";
    child.since = this.deps.clock.wall();
    child.wake = this.deps.clock.after(delay, () => this.restart(child));
  }

  /** Starts the child, and those that its failure has stopped, in order. */
  private restart(child: Child): void {
    const at = this.children.indexOf(child);
    if (at < 0 || this.status !== "running") return;
    child.state = "stopped";
    const { strategy } = this.spec;
    if (strategy === "one_for_one") return this.startChild(child);
    for (const sibling of this.children.slice(strategy === "one_for_all" ? 0 : at)) {
      if (sibling.state === "stopped") this.startChild(sibling);
      // A sibling that failed at its start waits for its own turn; later ones wait with it.
      if (sibling.state !== "running" && sibling.state !== "done") return;
    }
  }

  private delayMs(failures: number): Millis {
    const { baseMs, maxMs, jitter } = this.spec.backoff;
    const delay = Math.min(maxMs, baseMs * 2 ** (failures - 1));
    return delay * (1 + jitter * (this.deps.random.below(2_001) / 1_000 - 1));
  }

  private fail(error: Error): void {
    this.status = "failed";
    this.unwatch?.();
    this.stopFrom(0);
    this.deps.escalate(error);
  }
}

export function createSupervisor(
  spec: SupervisorSpec,
  deps: SupervisorDeps,
  children: readonly ChildSpec[] = [],
): Supervisor {
  return new OtpSupervisor(spec, deps, children);
}

/** A supervisor as a child of another: its failure is its exit. */
export function supervisorChild(
  id: string,
  spec: SupervisorSpec,
  deps: Omit<SupervisorDeps, "escalate">,
  children: () => readonly ChildSpec[],
): ChildSpec {
  return {
    id,
    path: spec.path,
    start(exit) {
      const inner = createSupervisor(spec, { ...deps, escalate: exit }, children());
      inner.start();
      return {
        stop: () => inner.stop(),
        views(restarts) {
          const [own, ...below] = inner.views();
          return own === undefined ? below : [{ ...own, restarts }, ...below];
        },
      };
    },
  };
}

export interface LiveActor {
  readonly path: string;
  readonly machine: string;
  readonly version: number;
  /** Path of its supervisor, where that is not the path's own parent. */
  readonly supervisor?: string;
  /** A new actor, not started. */
  readonly create: () => AnyActorRef;
  readonly mailbox?: () => number;
  /** Runs once the actor is started; answers what stopping needs to undo. */
  readonly started?: (actor: AnyActorRef) => () => void;
}

/** An XState actor as a child. `error` is observed before the start: an unobserved one would end the process. */
export function actorChild(live: LiveActor, clock: Clock): ChildSpec {
  const id = live.path.slice(live.path.lastIndexOf("/") + 1);
  return {
    id,
    path: live.path,
    start(exit) {
      const actor = live.create();
      let since = clock.wall();
      let state = "";
      let ended = false;
      let undo: (() => void) | undefined;
      const release = (): void => {
        if (ended) return;
        ended = true;
        undo?.();
      };
      actor.subscribe({
        next: (snapshot: unknown) => {
          const next = stateOf(snapshot);
          if (next !== state) since = clock.wall();
          state = next;
        },
        error: (error: unknown) => {
          release();
          exit(asError(error));
        },
        complete: () => {
          release();
          exit(undefined);
        },
      });
      actor.start();
      state = stateOf(actor.getSnapshot());
      undo = live.started?.(actor);
      if (ended) undo?.();
      return {
        stop() {
          release();
          actor.stop();
        },
        views: (restarts) => [
          {
            path: live.path,
            machine: live.machine,
            version: live.version,
            state,
            since,
            restarts,
            mailbox: live.mailbox?.() ?? 0,
            supervisor: live.supervisor ?? parentOf(live.path),
            status: state === "quarantined" || state === "backoff" ? state : "live",
          },
        ],
      };
    },
  };
}

export interface Part {
  readonly path: string;
  readonly supervisor?: string;
  readonly machine: string;
  /** Answers what stopping needs to undo. A throw, or a call of `exit`, is its failure. */
  readonly run: (exit: (error: Error) => void) => () => void;
  /** Default: `running`. */
  readonly state?: () => string;
  readonly mailbox?: () => number;
}

/** Work without a machine of its own as a child: timers, sweeps, sockets. */
export function partChild(part: Part, clock: Clock): ChildSpec {
  const { path, machine, run, state, mailbox } = part;
  return {
    id: path.slice(path.lastIndexOf("/") + 1),
    path,
    start(exit) {
      let since = clock.wall();
      let shown = "";
      let ended = false;
      let undo: (() => void) | undefined;
      const release = (): void => {
        if (ended) return;
        ended = true;
        undo?.();
      };
      undo = run((error) => {
        release();
        exit(error);
      });
      // It has failed while it started.
      if (ended) undo();
      const look = (): string => {
        const now = state?.() ?? "running";
        if (shown !== "" && shown !== now) since = clock.wall();
        return (shown = now);
      };
      return {
        stop: release,
        views: (restarts) => [
          {
            path,
            machine,
            version: 1,
            state: look(),
            since,
            restarts,
            mailbox: mailbox?.() ?? 0,
            supervisor: part.supervisor ?? parentOf(path),
            status: "live",
          },
        ],
      };
    },
  };
}

/** Runs a callback of a timer or a socket; what it throws is its actor's failure, never the process's. */
export function guarded(exit: (error: Error) => void, run: () => void): () => void {
  return () => {
    try {
      run();
    } catch (error) {
      exit(asError(error));
    }
  };
}

function stateOf(snapshot: unknown): string {
  const { value } = snapshot as { readonly value?: unknown };
  return value === undefined ? "running" : idOf(value);
}

/** XState's clock over the env's: actors wait in virtual time as well. */
export function xstateClock(clock: Clock): {
  setTimeout: (run: () => void, delayMs: number) => Timer;
  clearTimeout: (timer: Timer) => void;
} {
  return {
    setTimeout: (run, delayMs) => clock.after(delayMs, run),
    clearTimeout: (timer) => timer.cancel(),
  };
}

function parentOf(path: string): string {
  return path.slice(0, path.lastIndexOf("/")) || "/";
}
