/** What the proxy is doing: the table is being written, holds what is wanted, or could not be written. */
import { createActor, createMachine, type Actor, type AnyStateMachine } from "xstate";

type ProxyEvent = { type: "CHANGE" } | { type: "WRITTEN" } | { type: "FAILED" } | { type: "RETRY" };

const machine = createMachine({
  id: "proxy",
  types: {} as { events: ProxyEvent },
  initial: "syncing",
  states: {
    syncing: { on: { WRITTEN: "programmed", FAILED: "failed" } },
    programmed: { on: { CHANGE: "syncing", FAILED: "failed" } },
    // The last good rules stay in the kernel; a full load is tried until it holds.
    failed: { on: { RETRY: "syncing" } },
  },
});

export interface ProxyActor {
  readonly state: "syncing" | "programmed" | "failed";
  send(event: ProxyEvent["type"]): void;
  stop(): void;
}

export function startProxyActor(): ProxyActor {
  const actor: Actor<AnyStateMachine> = createActor(machine as AnyStateMachine);
  actor.start();
  return {
    get state() {
      return actor.getSnapshot().value as ProxyActor["state"];
    },
    send: (type) => actor.send({ type }),
    stop: () => void actor.stop(),
  };
}
