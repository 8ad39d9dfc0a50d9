import type { Clock } from "../../env/env.ts";
import type { SystemWrite } from "../../store/outcome.ts";
import { actorName, actors } from "../../kinds/actor.ts";
import type { Breaker } from "./breaker.ts";
import type { WriteRequest } from "./command.ts";
import type { OpenDirectory } from "./directory.ts";
import type { Parking } from "./parking.ts";
import { breakerPath } from "./paths.ts";
import type { Quarantine } from "./quarantine.ts";
import type { ReactionTasks } from "./reaction-tasks.ts";
import type { Reactions } from "./reactions.ts";
import type { OpenTransaction } from "./transaction.ts";

/**
 * `troupe actors release`: a person says that a cause is mended. Quarantined actors react again,
 * versions of machines that were left out of use are used again, keys that wait for the end of a
 * pause are planned at once.
 */
export interface Releases {
  /** The rows that free whoever has this name; none where nothing replicated holds it. */
  release(transaction: OpenTransaction, name: string): readonly SystemWrite[];
  /** Whoever keeps something back for an actor hears of it behind the turn that frees it. */
  onReleased(run: (path: string) => void): void;
}

export interface ReleasesOptions {
  readonly clock: Clock;
  readonly directory: OpenDirectory;
  readonly quarantine: Quarantine;
  readonly parking: Parking;
  readonly breaker: Breaker;
  readonly reactions: Reactions;
  readonly tasks: ReactionTasks;
}

export function createReleases(options: ReleasesOptions): Releases {
  const { clock, directory, quarantine, parking, breaker, reactions, tasks } = options;
  const listeners: ((path: string) => void)[] = [];
  const tell = (path: string): void => {
    clock.after(0, () => {
      for (const run of listeners) run(path);
    });
  };
  return {
    onReleased: (run) => void listeners.push(run),
    release(transaction, name) {
      const row = quarantine.all().find(({ path }) => actorName(path) === name);
      if (row !== undefined) {
        const { path } = row;
        const { system, retries } = reactions.reconcile(transaction, path);
        tasks.retryLater(retries);
        tell(path);
        return [...system, parking.free(transaction, path)];
      }
      const open = breaker.all().find((each) => actorName(breakerPath(each)) === name);
      if (open !== undefined) return [breaker.close(open.machine, open.version)];
      const waiting = directory.get(name);
      if (waiting !== undefined) tell(waiting.path);
      return [];
    },
  };
}

/** A release comes in as writes do, so that it outlives a change of the leader. */
export function isRelease({ kind, subresource }: WriteRequest): boolean {
  return kind === actors.id && subresource === "release";
}
