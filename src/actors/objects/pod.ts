import { setup } from "xstate";
import type { ContainerStatus, Pod } from "../../kinds/generated/types.ts";
import type { KubeObject } from "../../kinds/kind.ts";
import type { ActorState, MachineDef } from "../runtime/machine.ts";
import { byState, conditionOf, effectActions, goneState, inState, machineOptions } from "./vocabulary.ts";

/**
 * A pod's life as its row shows it. A pod that terminates stays terminating whatever its containers
 * do meanwhile; a pod that has ended never runs again.
 */
function derive(object: KubeObject | undefined): ActorState {
  return object === undefined ? goneState : inState(stateOf(object as Pod));
}

type PodState =
  | "gated"
  | "unscheduled"
  | "bound"
  | "init"
  | "starting"
  | "ready"
  | "unready"
  | "backoff"
  | "terminating"
  | "succeeded"
  | "failed"
  | "gone";

function stateOf(pod: Pod): PodState {
  const { spec, status } = pod;
  if (pod.metadata.deletionTimestamp !== undefined) return "terminating";
  if (status?.phase === "Succeeded") return "succeeded";
  if (status?.phase === "Failed") return "failed";
  if ((spec.nodeName ?? "") === "") {
    return (spec.schedulingGates?.length ?? 0) > 0 ? "gated" : "unscheduled";
  }
  const { containerStatuses = [], initContainerStatuses = [] } = status ?? {};
  if ([...containerStatuses, ...initContainerStatuses].some(waitsForRetry)) return "backoff";
  if (status?.phase === "Running") {
    return conditionOf(status.conditions, "Ready")?.status === "True" ? "ready" : "unready";
  }
  if (initContainerStatuses.some(hasBegun) && !containerStatuses.some(hasBegun)) return "init";
  return containerStatuses.length > 0 ? "starting" : "bound";
}

const retried = /BackOff$|^Err|Error$|^InvalidImageName$/;

function waitsForRetry({ state }: ContainerStatus): boolean {
  return retried.test(state?.waiting?.reason ?? "");
}

function hasBegun({ state }: ContainerStatus): boolean {
  return state?.running !== undefined || state?.terminated !== undefined;
}

const machine = setup({
  types: { events: {} as { readonly type: PodState } },
  actions: effectActions,
}).createMachine({
  id: "pod",
  options: machineOptions,
  initial: "gone",
  states: {
    gone: {
      on: { gated: "gated", unscheduled: "unscheduled", bound: "bound" },
    },
    gated: {
      on: { unscheduled: "unscheduled", terminating: "terminating", failed: "failed", gone: "gone" },
    },
    unscheduled: {
      on: { bound: "bound", terminating: "terminating", failed: "failed", gone: "gone" },
    },
    // One report of the node may tell of several steps: a short-lived pod ends before it was seen to start.
    bound: {
      on: {
        init: "init",
        starting: "starting",
        ready: "ready",
        unready: "unready",
        backoff: "backoff",
        succeeded: "succeeded",
        failed: "failed",
        terminating: "terminating",
        gone: "gone",
      },
    },
    init: {
      on: {
        starting: "starting",
        ready: "ready",
        unready: "unready",
        backoff: "backoff",
        succeeded: "succeeded",
        failed: "failed",
        terminating: "terminating",
        gone: "gone",
      },
    },
    // The sandbox may be lost and made anew: init containers run again then.
    starting: {
      on: {
        init: "init",
        ready: "ready",
        unready: "unready",
        backoff: "backoff",
        succeeded: "succeeded",
        failed: "failed",
        terminating: "terminating",
        gone: "gone",
      },
    },
    ready: {
      on: {
        unready: "unready",
        backoff: "backoff",
        succeeded: "succeeded",
        failed: "failed",
        terminating: "terminating",
        gone: "gone",
      },
    },
    unready: {
      on: {
        ready: "ready",
        backoff: "backoff",
        succeeded: "succeeded",
        failed: "failed",
        terminating: "terminating",
        gone: "gone",
      },
    },
    backoff: {
      on: {
        init: "init",
        starting: "starting",
        ready: "ready",
        unready: "unready",
        succeeded: "succeeded",
        failed: "failed",
        terminating: "terminating",
        gone: "gone",
      },
    },
    succeeded: { on: { terminating: "terminating", gone: "gone" } },
    failed: { on: { terminating: "terminating", gone: "gone" } },
    terminating: { on: { gone: "gone" } },
  },
});

export const podMachine: MachineDef = {
  name: "pod",
  version: 1,
  machine,
  derive,
  classify: byState(derive),
  renamed: {},
};
