/** Housekeeping of the leader: moves the floors of the history windows, and forgets members that are gone. */
import type { ActorHost } from "../actors/runtime/actor-host.ts";
import { leaderPath } from "../actors/runtime/paths.ts";
import { guarded, partChild, type ChildSpec } from "../actors/runtime/supervisor.ts";
import type { Env, Timer } from "../env/env.ts";
import { dueFloors } from "../store/compaction.ts";
import type { SystemWrite } from "../store/outcome.ts";
import type { Store } from "../store/store.ts";

const everyMs = 15_000;
/** One move drops a bounded number of events, and writes may come as fast: it goes on until nothing is due. */
const goOnMs = 100;
const path = `${leaderPath}/sweeps`;

export interface SweepOptions {
  readonly env: Env;
  readonly store: Store;
  readonly host: ActorHost;
  /** Whether a member is gone for good: nobody asks for what its clients' commands came to. */
  readonly isRemoved: (member: number) => boolean;
}

/** In one sweep. */
const resultsMax = 1_000;

export function sweepsChild({ env, store, host, isRemoved }: SweepOptions): ChildSpec {
  const orphans = (): readonly SystemWrite[] =>
    store
      .systemRows("result")
      .filter(([key]) => isRemoved(Number(key.slice(0, key.indexOf("/")))))
      .slice(0, resultsMax)
      .map(([key]) => ({ table: "result", key }));
  const due = (): readonly SystemWrite[] => [
    ...dueFloors(store.histories(), host.now(), store.state.limits),
    ...orphans(),
  ];
  const sweep = (): void =>
    host.submit({
      class: "system",
      cause: { origin: "system", actor: path, event: "compact" },
      evaluate: due,
      failed: (error) => env.log("debug", "sweep.failed", { error }),
    });
  const run = (exit: (error: Error) => void): (() => void) => {
    let timer: Timer | undefined;
    const look = guarded(exit, () => {
      const fault = env.faults.at({ seam: "process", path: `${path}/sweep` });
      if (fault.kind !== "none") throw new Error(`fault injected: ${fault.kind}`);
      const isDue = due().length > 0;
      timer = env.clock.after(isDue ? goOnMs : everyMs, look, { daemon: true });
      if (isDue) sweep();
    });
    timer = env.clock.after(everyMs, look, { daemon: true });
    return () => timer?.cancel();
  };
  return partChild({ path, machine: "sweeps", run }, env.clock);
}
