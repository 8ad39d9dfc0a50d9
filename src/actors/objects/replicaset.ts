import { setup } from "xstate";
import type { ReplicaSet } from "../../kinds/generated/types.ts";
import type { KubeObject } from "../../kinds/kind.ts";
import type { ActorState, MachineDef } from "../runtime/machine.ts";
import { byState, conditionOf, effectActions, goneState, inState, machineOptions } from "./vocabulary.ts";

/** A ReplicaSet has the pods that it wants (stable), is getting there, or is kept from it. */
function derive(object: KubeObject | undefined): ActorState {
  return object === undefined ? goneState : inState(stateOf(object as ReplicaSet));
}

type ReplicaSetState = "stable" | "scaling" | "blocked" | "terminating" | "gone";

function stateOf(set: ReplicaSet): ReplicaSetState {
  const { metadata, spec, status } = set;
  if (metadata.deletionTimestamp !== undefined) return "terminating";
  if (conditionOf(status?.conditions, "ReplicaFailure")?.status === "True") return "blocked";
  if ((status?.observedGeneration ?? 0) < (metadata.generation ?? 0)) return "scaling";
  return (status?.replicas ?? 0) === (spec.replicas ?? 1) ? "stable" : "scaling";
}

const machine = setup({
  types: { events: {} as { readonly type: ReplicaSetState } },
  actions: effectActions,
}).createMachine({
  id: "replicaset",
  options: machineOptions,
  initial: "gone",
  on: { terminating: ".terminating", gone: ".gone" },
  states: {
    gone: { on: { scaling: "scaling" } },
    scaling: { on: { stable: "stable", blocked: "blocked" } },
    // Pods may vanish and be replaced before anyone counts them: failing follows stable directly.
    stable: { on: { scaling: "scaling", blocked: "blocked" } },
    blocked: { on: { scaling: "scaling", stable: "stable" } },
    terminating: {},
  },
});

export const replicaSetMachine: MachineDef = {
  name: "replicaset",
  version: 1,
  machine,
  derive,
  classify: byState(derive),
  renamed: {},
};
