import { setup } from "xstate";
import type { Event } from "../../kinds/generated/types.ts";
import type { KubeObject } from "../../kinds/kind.ts";
import type { ActorEvent, ActorState, MachineDef } from "../runtime/machine.ts";
import { effectActions, goneState, inState, machineOptions } from "./vocabulary.ts";

/** An Event lives for an hour after it was last seen; then it removes itself. */
function derive(object: KubeObject | undefined): ActorState {
  return object === undefined ? goneState : inState("live");
}

function lastSeen(event: Event): string {
  return `${event.series?.lastObservedTime ?? event.lastTimestamp ?? ""} ${event.count ?? 0}`;
}

function classify(previous: KubeObject | undefined, next: KubeObject | undefined): ActorEvent | undefined {
  if (next === undefined) return previous === undefined ? undefined : { type: "gone" };
  if (previous === undefined) return { type: "live" };
  return lastSeen(previous as Event) === lastSeen(next as Event) ? undefined : { type: "seen" };
}

const machine = setup({
  types: { events: {} as { readonly type: "live" | "seen" | "gone" } },
  actions: effectActions,
  delays: { lifetime: 3_600_000 },
}).createMachine({
  id: "event",
  options: machineOptions,
  initial: "gone",
  states: {
    live: {
      on: { seen: { target: "live", reenter: true }, gone: "gone" },
      after: { lifetime: { target: "gone", actions: { type: "write", params: { op: "remove" } } } },
    },
    gone: { on: { live: "live" } },
  },
});

export const eventMachine: MachineDef = {
  name: "event",
  version: 1,
  machine,
  derive,
  classify,
  renamed: {},
};
