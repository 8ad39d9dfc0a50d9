import type { Env, Rng } from "../../env/env.ts";
import type { Term } from "../../store/revision.ts";
import type { Millis } from "../../util/time.ts";
import type { ActorView } from "./actor.ts";
import type { HostTask } from "./actor-host.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Reaction, Reactions } from "./reactions.ts";
import type { TimerRow, Timers } from "./timers.ts";

/** Events that no write brings: due timers, and failed events that are tried again. */
export interface ReactionTasks {
  timerDue(row: TimerRow): void;
  /** After the back-off, spread by a fifth either way; forgotten with the term. */
  retryLater(retries: Reaction["retries"]): void;
}

export interface ReactionTasksOptions {
  readonly env: Env;
  readonly timers: Timers;
  readonly reactions: Reactions;
  readonly random: Rng;
  readonly submit: (task: HostTask) => void;
  /** The term that this member leads, if it does. */
  readonly term: () => Term | undefined;
}

export function createReactionTasks(options: ReactionTasksOptions): ReactionTasks {
  const { env, timers, reactions, random, submit, term } = options;

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
        tasks.retryLater(retries);
        return system;
      },
      failed: (error) => env.log("debug", "retry-dropped", { path, error: error.message }),
    });
  };
  const tasks: ReactionTasks = {
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
        env.clock.after(again.delayMs * spread, () => {
          if (begun !== undefined && term() === begun) retry(again);
        });
      }
    },
  };
  return tasks;
}

/** Object actors exist only while they have mail or are quarantined. */
export function objectViews(
  quarantine: Quarantine,
  waiting: ReadonlyMap<string, number>,
  now: Millis,
): readonly ActorView[] {
  const supervisor = "/leader/objects";
  const parked = quarantine.all().map((row): ActorView => ({
    path: row.path,
    machine: row.machine,
    version: row.version,
    state: "quarantined",
    since: row.since,
    restarts: 0,
    mailbox: 0,
    supervisor,
    status: "quarantined",
    lastError: row.error,
  }));
  const mailed = [...waiting].map(([object, mailbox]): ActorView => ({
    path: `/obj/${object}`,
    machine: object.slice(0, object.indexOf("/")),
    version: 0,
    state: "waiting",
    since: now,
    restarts: 0,
    mailbox,
    supervisor,
    status: "live",
  }));
  return [...parked, ...mailed];
}
