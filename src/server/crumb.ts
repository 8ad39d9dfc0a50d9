/**
 * What the watchdog caught in the last life of this process: the command becomes a dead letter, and
 * an actor that would run into the same loop again at once (a controller's key) goes into quarantine.
 */
import type { ActorHost, LeaderPart } from "../actors/runtime/actor-host.ts";
import type { Env } from "../env/env.ts";
import type { CrumbNote } from "../env/watchdog.ts";

const reason = "its evaluation did not end within two seconds; the watchdog ended the process";

export function crumbPart(env: Env, host: ActorHost, crumb: CrumbNote): LeaderPart {
  const { actor, event } = crumb;
  let open = true;
  return {
    start() {
      if (!open) return;
      env.log("error", "watchdog.crumb", { actor, event });
      host.submit({
        class: "system",
        cause: { origin: "system", actor, event: "watchdog" },
        evaluate: (transaction) => {
          const letter = { path: actor, event, error: reason, at: transaction.now };
          const rows = host.deadLetters.bury(letter, "watchdog");
          if (!/^\/(?:ctl|sched)\//.test(actor)) return rows;
          const row = { path: actor, machine: "controller", version: 1, since: transaction.now, error: reason };
          return [...rows, host.parking.park(transaction, row)];
        },
        done: () => (open = false),
        failed: (error) => env.log("warn", "watchdog.crumb.lost", { error: error.message }),
      });
    },
    stop: () => {},
  };
}
