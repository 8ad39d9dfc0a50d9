import { setup } from "xstate";
import type { Deployment } from "../../kinds/generated/types.ts";
import type { KubeObject } from "../../kinds/kind.ts";
import type { ActorState, MachineDef } from "../runtime/machine.ts";
import { byState, conditionOf, effectActions, goneState, inState, machineOptions } from "./vocabulary.ts";

/** A rollout as its Deployment shows it, in the words of `kubectl rollout status`. */
function derive(object: KubeObject | undefined): ActorState {
  return object === undefined ? goneState : inState(stateOf(object as Deployment));
}

type DeploymentState = "progressing" | "complete" | "paused" | "deadlineExceeded" | "terminating" | "gone";

function stateOf(deployment: Deployment): DeploymentState {
  const { metadata, spec, status } = deployment;
  if (metadata.deletionTimestamp !== undefined) return "terminating";
  if (spec.paused === true) return "paused";
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return "progressing";
  const progressing = conditionOf(status?.conditions, "Progressing");
  if (progressing?.reason === "ProgressDeadlineExceeded") return "deadlineExceeded";
  const wanted = spec.replicas ?? 1;
  const counts = [status?.replicas, status?.updatedReplicas, status?.availableReplicas];
  return counts.every((count) => (count ?? 0) === wanted) ? "complete" : "progressing";
}

const machine = setup({
  types: { events: {} as { readonly type: DeploymentState } },
  actions: effectActions,
}).createMachine({
  id: "deployment",
  options: machineOptions,
  initial: "gone",
  on: { terminating: ".terminating", gone: ".gone" },
  states: {
    gone: { on: { progressing: "progressing", paused: "paused" } },
    progressing: {
      on: { complete: "complete", paused: "paused", deadlineExceeded: "deadlineExceeded" },
    },
    complete: { on: { progressing: "progressing", paused: "paused" } },
    // Resuming changes the spec: the controller has not observed that generation yet.
    paused: { on: { progressing: "progressing" } },
    deadlineExceeded: {
      on: { progressing: "progressing", complete: "complete", paused: "paused" },
    },
    terminating: {},
  },
});

export const deploymentMachine: MachineDef = {
  name: "deployment",
  version: 1,
  machine,
  derive,
  classify: byState(derive),
  renamed: {},
};
