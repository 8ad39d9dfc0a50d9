import type { Env, Rng, Timer } from "../../env/env.ts";
import type { Term } from "../../store/revision.ts";
import type { HostTask } from "./actor-host.ts";
import { quarantineProbeMs } from "./limits.ts";
import type { Parking } from "./parking.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Reaction, Reactions } from "./reactions.ts";
import type { TimerRow, Timers } from "./timers.ts";

export interface Retrying {
  readonly count: number;
  readonly error: string;
}

/** Events that no write brings: due timers, and failed events that are tried again. */
export interface ReactionTasks {
  /** Paths whose failed events wait for another try. */
  readonly retrying: ReadonlyMap<string, Retrying>;
  /** A term begins: parked object actors are probed every five minutes. */
  start(): void;
  stop(): void;
  timerDue(row: TimerRow): void;
  /** After the back-off, spread by a fifth either way; forgotten with the term. */
  retryLater(retries: Reaction["retries"]): void;
}

export interface ReactionTasksOptions {
  readonly env: Env;
  readonly timers: Timers;
  readonly reactions: Reactions;
  readonly random: Rng;
  readonly quarantine: Quarantine;
  readonly parking: Parking;
  readonly submit: (task: HostTask) => void;
  /** The term that this member leads, if it does. */
  readonly term: () => Term | undefined;
}

export function createReactionTasks(options: ReactionTasksOptions): ReactionTasks {
  const { env, timers, reactions, random, quarantine, parking, submit, term } = options;
  let probes: Timer | undefined;
  const retrying = new Map<string, Retrying>();

  const fire = (row: TimerRow): void => {
    const { owner, id, generation, event } = row;
    submit({
      class: "system",
      cause: { origin: "timer", actor: owner, event: event.type },
      evaluate: (transaction) => {
        if (timers.current(owner, id, generation) === undefined) return [];
        const fired = timers.cancel(owner, id);
        const { system, retries } = reactions.timer(transaction, owner, event);
        tasks.retryLater(retries);
        // The step may have set the same timer again; that row wins.
        const again = system.some(({ table, key }) => table === "timer" && key === fired?.key);
        return again || fired === undefined ? system : [fired, ...system];
      },
      failed: (error) => env.log("debug", "timer-not-fired", { owner, error: error.message }),
    });
  };
  const retry = ({ path, event }: Reaction["retries"][number]): void => {
    submit({
      class: "system",
      cause: { origin: "system", actor: path, event: event.type },
      evaluate: (transaction) => {
        const { retries, system } = reactions.retry(transaction, path, event);
        if (retries.length === 0) retrying.delete(path);
        tasks.retryLater(retries);
        return system;
      },
      failed(error) {
        retrying.delete(path);
        env.log("debug", "retry-dropped", { path, error: error.message });
      },
    });
  };
  /** Half open: the next fault parks the actor again. */
  const probe = (path: string): void => {
    submit({
      class: "system",
      cause: { origin: "system", actor: path, event: "probe" },
      evaluate: (transaction) => {
        if (!quarantine.has(path)) return [];
        const { system, retries } = reactions.reconcile(transaction, path);
        tasks.retryLater(retries);
        return [...system, parking.probe(transaction, path)];
      },
      failed: (error) => env.log("debug", "probe-dropped", { path, error: error.message }),
    });
  };
  const tasks: ReactionTasks = {
    retrying,
    start() {
      probes?.cancel();
      probes = env.clock.after(
        quarantineProbeMs,
        () => {
          for (const { path } of quarantine.all()) if (path.startsWith("/obj/")) probe(path);
          tasks.start();
        },
        { daemon: true },
      );
    },
    stop() {
      probes?.cancel();
      retrying.clear();
    },
    timerDue(row) {
      const action = env.faults.at({ seam: "timer", path: row.owner });
      if (action.kind === "drop" || action.kind === "hang") return;
      fire(row);
      if (action.kind === "duplicate") fire(row);
    },
    retryLater(retries) {
      const begun = term();
      for (const again of retries) {
        const spread = 0.8 + random.below(400) / 1_000;
        const { path, error } = again;
        retrying.set(path, { count: (retrying.get(path)?.count ?? 0) + 1, error });
        env.clock.after(again.delayMs * spread, () => {
          if (begun !== undefined && term() === begun) retry(again);
        });
      }
    },
  };
  return tasks;
}
