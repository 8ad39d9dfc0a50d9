import { setup } from "xstate";
import type { KubeObject } from "../../kinds/kind.ts";
import type { ActorState, MachineDef } from "../runtime/machine.ts";
import { byState, effectActions, goneState, inState, machineOptions } from "./vocabulary.ts";

/**
 * The life that every object has: live, then terminating for as long as finalizers or a grace hold
 * it, then gone. Kinds without a life of their own share this one.
 */
function derive(object: KubeObject | undefined): ActorState {
  if (object === undefined) return goneState;
  return inState(object.metadata.deletionTimestamp === undefined ? "live" : "terminating");
}

const machine = setup({
  types: { events: {} as { readonly type: "live" | "terminating" | "gone" } },
  actions: effectActions,
}).createMachine({
  id: "object",
  options: machineOptions,
  initial: "gone",
  states: {
    live: { on: { terminating: "terminating", gone: "gone" } },
    terminating: { on: { gone: "gone" } },
    gone: { on: { live: "live" } },
  },
});

export const objectMachine: MachineDef = {
  name: "object",
  version: 1,
  machine,
  derive,
  classify: byState(derive),
  passive: true,
  renamed: {},
};
