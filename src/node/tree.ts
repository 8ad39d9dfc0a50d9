import type { ActorView } from "../actors/runtime/actor.ts";
import { createSupervisor, partChild, type ChildSpec } from "../actors/runtime/supervisor.ts";
import type { Clock, Log, Random } from "../env/env.ts";
import type { FaultPort } from "../env/faults.ts";
import type { NodeLink } from "./link/client.ts";
import type { NodeReporter } from "./status/reporter.ts";

/**
 * The supervision tree of a node's agent. Its parts fail and are started again one by one; more than
 * three failures in a minute are the agent's own: the process ends in order, whoever keeps it starts
 * it again, and it adopts what runs.
 */
export interface NodeTree {
  readonly path: string;
  add(child: ChildSpec): void;
  stop(): void;
  views(): readonly ActorView[];
  /** A part that supervises on its own gave up. */
  giveUp(error: Error): void;
}

export interface NodeTreeOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly node: string;
  /** Asked at each start of a part, at the seam `process`. */
  readonly faults: FaultPort;
  /** The process must end. */
  readonly giveUp: (error: Error) => void;
}

export function createNodeTree({ clock, log, random, node, faults, giveUp }: NodeTreeOptions): NodeTree {
  const path = `/node/${node}`;
  const escalate = (error: Error): void => {
    log("error", "agent.gave-up", { error: error.message });
    giveUp(error);
  };
  const root = createSupervisor(
    {
      path,
      supervisor: "keeper",
      strategy: "one_for_one",
      intensity: 3,
      periodMs: 60_000,
      backoff: { baseMs: 100, maxMs: 10_000, jitter: 0.2 },
    },
    { clock, random: random.stream("supervision"), faults, escalate },
  );
  root.start();
  return {
    path,
    add: (child) => root.add(child),
    stop: () => root.stop(),
    views: () => root.views(),
    giveUp: escalate,
  };
}

/**
 * How the actors of many pods are restarted: each by a back-off of its own, so that one that keeps
 * failing delays no other; only a storm of them is a failure of the node.
 */
export const manyActors: {
  readonly strategy: "one_for_one";
  readonly intensity: number;
  readonly periodMs: number;
  readonly backoff: { readonly baseMs: number; readonly maxMs: number; readonly jitter: number };
  readonly backoffBy: "child";
} = {
  strategy: "one_for_one",
  intensity: 1_000,
  periodMs: 60_000,
  backoff: { baseMs: 100, maxMs: 30_000, jitter: 0.2 },
  backoffBy: "child",
};

/** What every agent runs beside its pods. `pods` and `probes` supervise actors of their own. */
export function agentParts(
  clock: Clock,
  root: string,
  of: { readonly link: NodeLink; readonly status: NodeReporter },
): readonly ChildSpec[] {
  const { link, status } = of;
  const idle = (): (() => void) => () => {};
  return [
    partChild({ path: `${root}/pods`, machine: "supervisor", run: idle, state: () => "one_for_one" }, clock),
    partChild({ path: `${root}/probes`, machine: "supervisor", run: idle, state: () => "one_for_one" }, clock),
    partChild(
      {
        path: `${root}/link`,
        machine: "link",
        state: () => link.state,
        run(exit) {
          link.start(exit);
          return () => {};
        },
      },
      clock,
    ),
    partChild(
      {
        path: `${root}/status`,
        machine: "status",
        run() {
          status.start();
          return () => status.stop();
        },
      },
      clock,
    ),
  ];
}
