import type { Env } from "../../env/env.ts";
import type { ActorHost } from "./actor-host.ts";
import { leaderPath, rootPath } from "./paths.ts";
import { createSupervisor, supervisorChild, type ChildSpec, type SupervisorSpec } from "./supervisor.ts";

/**
 * The supervision tree of a master. The root holds what lives as long as the process, and for each
 * term one leader scope below it, with everything that only a leader runs.
 *
 * A part of the scope that fails takes the whole scope with it, since each builds on what another
 * keeps; a second failure within half a minute is the scope's own. With other voters one of them is
 * asked to lead instead. A lone voter has no one to hand over to: the root builds the scope anew over
 * the same tip. When that fails too often as well, the process ends in order, and whoever keeps it
 * starts it again from the log.
 */
export interface MasterTreeOptions {
  readonly env: Env;
  readonly host: ActorHost;
  /** Parts of the process: doors, store, log. */
  readonly process?: readonly ChildSpec[];
  /** Parts of a term, in the order of their start; made anew for each scope. */
  readonly leader: () => readonly ChildSpec[];
  /** The scope gave up: another master may do better. Default: there is none. */
  readonly handOver?: () => void;
  /** The root gave up: the process must end. */
  readonly giveUp: (error: Error) => void;
}

const rootSpec: SupervisorSpec = {
  path: rootPath,
  supervisor: "keeper",
  strategy: "one_for_one",
  intensity: 3,
  periodMs: 60_000,
  backoff: { baseMs: 200, maxMs: 5_000, jitter: 0.2 },
};

const leaderSpec: SupervisorSpec = {
  path: leaderPath,
  strategy: "one_for_all",
  intensity: 1,
  periodMs: 30_000,
  backoff: { baseMs: 100, maxMs: 5_000, jitter: 0.2 },
};

export function runMasterTree(options: MasterTreeOptions): void {
  const { env, host, handOver, giveUp } = options;
  const deps = { clock: env.clock, random: env.random.stream("supervision"), faults: env.faults };
  const root = createSupervisor(
    rootSpec,
    {
      ...deps,
      escalate(error) {
        env.log("error", "root-gave-up", { error: error.message });
        giveUp(new Error(`the supervision tree gave up: ${error.message}`, { cause: error }));
      },
    },
    options.process ?? [],
  );
  root.start();
  const scope = supervisorChild("leader", leaderSpec, deps, options.leader);
  const logged: ChildSpec = {
    ...scope,
    start: (exit) =>
      scope.start((error) => {
        if (error !== undefined) env.log("error", "leader-scope-failed", { error: error.message });
        exit(error);
        if (error !== undefined) handOver?.();
      }),
  };
  host.addLeaderPart({
    start: () => root.add(logged),
    stop: () => root.remove("leader"),
  });
  host.directory.add(() => root.views());
}
