import { setup } from "xstate";
import type { Namespace } from "../../kinds/generated/types.ts";
import type { KubeObject } from "../../kinds/kind.ts";
import type { ActorState, MachineDef } from "../runtime/machine.ts";
import { byState, conditionOf, effectActions, goneState, inState, machineOptions } from "./vocabulary.ts";

/**
 * A namespace is active until it is deleted; then it is emptied, may be blocked by content that
 * cannot be deleted, and waits for the finalizers of what is left.
 */
function derive(object: KubeObject | undefined): ActorState {
  return object === undefined ? goneState : inState(stateOf(object as Namespace));
}

type NamespaceState = "active" | "terminating.emptying" | "terminating.blocked" | "terminating.finalizing" | "gone";

function stateOf({ metadata, status }: Namespace): NamespaceState {
  if (metadata.deletionTimestamp === undefined) return "active";
  const is = (type: string): boolean => conditionOf(status?.conditions, type)?.status === "True";
  if (is("NamespaceDeletionContentFailure")) return "terminating.blocked";
  return is("NamespaceFinalizersRemaining") ? "terminating.finalizing" : "terminating.emptying";
}

const machine = setup({
  types: { events: {} as { readonly type: NamespaceState } },
  actions: effectActions,
}).createMachine({
  id: "namespace",
  options: machineOptions,
  initial: "gone",
  states: {
    gone: { on: { active: "active" } },
    active: { on: { "terminating.emptying": "terminating", gone: "gone" } },
    terminating: {
      initial: "emptying",
      on: {
        "terminating.emptying": ".emptying",
        "terminating.blocked": ".blocked",
        "terminating.finalizing": ".finalizing",
        gone: "gone",
      },
      states: { emptying: {}, blocked: {}, finalizing: {} },
    },
  },
});

export const namespaceMachine: MachineDef = {
  name: "namespace",
  version: 1,
  machine,
  derive,
  classify: byState(derive),
  renamed: {},
};
