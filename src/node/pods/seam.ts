import type { Clock } from "../../env/env.ts";
import { noFaults, type FaultAction, type FaultPort, type Seam } from "../../env/faults.ts";
import type { Pod } from "../../kinds/generated/types.ts";
import { InvariantError, TransientError } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import { stepHangMs } from "./limits.ts";

/**
 * Where the actor of a pod passes the seams: news at `mailbox`, each step at `evaluator`, both at the
 * path under which the actor is listed. A crash is a mistake of the program's own, so its supervisor
 * starts the actor again; an error is the world's, so the actor itself tries again.
 */
export interface PodSeam {
  readonly faults?: FaultPort;
  readonly clock: Clock;
  readonly node: () => { readonly name: string };
}

export function newsFault(seam: PodSeam, pod: Pod): FaultAction {
  return at(seam, "mailbox", pod);
}

export async function passStep(seam: PodSeam, pod: Pod): Promise<void> {
  const action = at(seam, "evaluator", pod);
  switch (action.kind) {
    case "crash":
    case "poison":
      throw new InvariantError(`fault injected: ${action.kind}`);
    case "error":
      throw new TransientError(action.message);
    case "delay":
      return wait(seam.clock, action.ms);
    case "hang":
      return wait(seam.clock, stepHangMs);
    case "hold":
      return new Promise((go) => action.until(go));
    default:
  }
}

function at({ faults = noFaults, node }: PodSeam, seam: Seam, { metadata }: Pod): FaultAction {
  if (!faults.enabled) return none;
  const { namespace = "default", name, labels = {} } = metadata;
  return faults.at({ seam, path: `/node/${node().name}/pod/${namespace}/${name}`, labels });
}

const none: FaultAction = { kind: "none" };

async function wait(clock: Clock, ms: Millis): Promise<void> {
  return new Promise((resolve) => void clock.after(ms, resolve));
}
