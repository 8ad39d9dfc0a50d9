import { setup } from "xstate";
import type { Node } from "../../kinds/generated/types.ts";
import type { KubeObject } from "../../kinds/kind.ts";
import type { ActorState, MachineDef } from "../runtime/machine.ts";
import { byState, conditionOf, effectActions, goneState, inState, machineOptions } from "./vocabulary.ts";

/**
 * A node as the masters see it: joining until it first reports, ready or not, unknown once it is
 * silent, evicting once its pods are told to leave. A cordoned node that is ready is draining.
 */
function derive(object: KubeObject | undefined): ActorState {
  return object === undefined ? goneState : inState(stateOf(object as Node));
}

type NodeState = "joining" | "ready" | "draining" | "notReady" | "unknown" | "evicting" | "terminating" | "gone";

const evictionTaints: readonly string[] = ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"];

function stateOf(node: Node): NodeState {
  if (node.metadata.deletionTimestamp !== undefined) return "terminating";
  const ready = conditionOf(node.status?.conditions, "Ready");
  if (ready === undefined) return "joining";
  if (ready.status === "True") return node.spec.unschedulable === true ? "draining" : "ready";
  const evicts = node.spec.taints?.some(({ key, effect }) => effect === "NoExecute" && evictionTaints.includes(key));
  if (evicts === true) return "evicting";
  return ready.status === "False" ? "notReady" : "unknown";
}

const machine = setup({
  types: { events: {} as { readonly type: NodeState } },
  actions: effectActions,
}).createMachine({
  id: "node",
  options: machineOptions,
  initial: "gone",
  on: { terminating: ".terminating", gone: ".gone" },
  states: {
    gone: {
      on: { joining: "joining", ready: "ready", draining: "draining", notReady: "notReady" },
    },
    joining: {
      on: {
        ready: "ready",
        draining: "draining",
        notReady: "notReady",
        unknown: "unknown",
        evicting: "evicting",
      },
    },
    ready: {
      on: { draining: "draining", notReady: "notReady", unknown: "unknown", evicting: "evicting" },
    },
    draining: {
      on: { ready: "ready", notReady: "notReady", unknown: "unknown", evicting: "evicting" },
    },
    notReady: {
      on: { ready: "ready", draining: "draining", unknown: "unknown", evicting: "evicting" },
    },
    unknown: {
      on: { ready: "ready", draining: "draining", notReady: "notReady", evicting: "evicting" },
    },
    evicting: {
      on: { ready: "ready", draining: "draining", notReady: "notReady", unknown: "unknown" },
    },
    terminating: {},
  },
});

export const nodeMachine: MachineDef = {
  name: "node",
  version: 1,
  machine,
  derive,
  classify: byState(derive),
  renamed: {},
};
