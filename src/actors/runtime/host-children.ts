import type { Clock } from "../../env/env.ts";
import { objectsPath, timersPath } from "./paths.ts";
import type { ReactionTasks } from "./reaction-tasks.ts";
import { partChild, type ChildSpec } from "./supervisor.ts";
import type { Timers } from "./timers.ts";

export interface HostParts {
  readonly clock: Clock;
  readonly timers: Timers;
  readonly tasks: ReactionTasks;
  /** Commands that wait. */
  readonly waiting: () => number;
  /** Who is told when firing fails, from now on. */
  readonly watchTimers: (failed: (error: Error) => void) => void;
}

/** What a host runs on the leader alone, as parts of a supervised scope. */
export function hostChildren({ clock, timers, tasks, waiting, watchTimers }: HostParts): readonly ChildSpec[] {
  return [
    partChild(
      {
        path: timersPath,
        machine: "timers",
        mailbox: () => timers.size,
        run(exit) {
          watchTimers(exit);
          timers.start();
          return () => timers.pause();
        },
      },
      clock,
    ),
    partChild(
      {
        path: objectsPath,
        machine: "supervisor",
        mailbox: waiting,
        run() {
          tasks.start();
          return () => tasks.stop();
        },
      },
      clock,
    ),
  ];
}
