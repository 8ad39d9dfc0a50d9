/** Housekeeping of the leader: moves the floors of the history windows by replicated decisions. */
import type { ActorHost, LeaderPart } from "../actors/runtime/actor-host.ts";
import type { Env, Timer } from "../env/env.ts";
import { dueFloors } from "../store/compaction.ts";
import { storeLimits } from "../store/limits.ts";
import type { SystemWrite } from "../store/outcome.ts";
import type { Store } from "../store/store.ts";

const everyMs = 15_000;

export interface SweepOptions {
  readonly env: Env;
  readonly store: Store;
  readonly host: ActorHost;
}

export function createSweeps({ env, store, host }: SweepOptions): LeaderPart {
  let timer: Timer | undefined;
  const due = (): readonly SystemWrite[] => dueFloors(store.histories(), host.now(), storeLimits);
  const schedule = (): void => {
    timer = env.clock.after(everyMs, sweep, { daemon: true });
  };
  const sweep = (): void => {
    schedule();
    if (due().length === 0) return;
    host.submit({
      class: "system",
      cause: { origin: "system", actor: "/sweep/history", event: "compact" },
      evaluate: due,
      failed: (error) => env.log("debug", "sweep.failed", { error }),
    });
  };
  return { start: schedule, stop: () => timer?.cancel() };
}
