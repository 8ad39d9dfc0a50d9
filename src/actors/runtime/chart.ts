/** A machine as data: its states, and which event leads from where to where. What tools draw, and tests read. */
import type { AnyStateMachine, AnyStateNode } from "xstate";
import type { StateId } from "./machine.ts";

export interface Chart {
  readonly machine: string;
  /** Leaf in which an actor of this machine begins. */
  readonly initial: StateId;
  readonly states: readonly ChartState[];
  /** In the order in which they are tried. */
  readonly transitions: readonly ChartTransition[];
}

export interface ChartState {
  /** Dotted path: `terminating.pods`. */
  readonly id: StateId;
  readonly type: "atomic" | "compound" | "parallel" | "final" | "history";
  /** Of a compound state: the child in which it begins. */
  readonly initial?: StateId;
}

export interface ChartTransition {
  /** Empty: from every state. */
  readonly from: StateId;
  /** Absent: the state stays, and only actions run. */
  readonly to?: StateId;
  /** `paused`; `after wake` of a timer, `done` and `error` of what a state runs, `always`. */
  readonly event: string;
  /** Condition, where it has a name. */
  readonly guard?: string;
}

/** Pure: the machine is only looked at. `name`: as the directory calls it. */
export function chartOf(machine: AnyStateMachine, name: string): Chart {
  const states: ChartState[] = [];
  const transitions: ChartTransition[] = [];
  const visit = (node: AnyStateNode): void => {
    const from = idOf(node);
    if (from !== "") states.push(stateOf(node));
    for (const [event, ways] of node.transitions) {
      for (const { target, guard } of ways) {
        const guardName = guardOf(guard);
        const shared = {
          from,
          event: eventName(event),
          ...(guardName === undefined ? {} : { guard: guardName }),
        };
        if (target === undefined) transitions.push(shared);
        else for (const to of target) transitions.push({ ...shared, to: idOf(to) });
      }
    }
    for (const { target, guard } of node.always ?? []) {
      const guardName = guardOf(guard);
      for (const to of target ?? []) {
        transitions.push({
          from,
          to: idOf(to),
          event: "always",
          ...(guardName === undefined ? {} : { guard: guardName }),
        });
      }
    }
    for (const child of Object.values(node.states)) visit(child);
  };
  visit(machine.root);
  return { machine: name, initial: initialOf(machine.root), states, transitions };
}

function stateOf(node: AnyStateNode): ChartState {
  const first = node.type === "compound" ? node.initial.target?.[0] : undefined;
  return { id: idOf(node), type: node.type, ...(first === undefined ? {} : { initial: idOf(first) }) };
}

function initialOf(node: AnyStateNode): StateId {
  const first = node.type === "compound" ? node.initial.target?.[0] : undefined;
  return first === undefined ? idOf(node) : initialOf(first);
}

function idOf({ path }: AnyStateNode): StateId {
  return path.join(".");
}

/** `xstate.after.wake.pod.work.resting` is `after wake`, `xstate.done.actor.0.pod.work.acting` is `done`. */
function eventName(type: string): string {
  const [scheme, what = "", name = ""] = type.split(".");
  if (scheme !== "xstate") return type;
  return what === "after" ? `after ${name}` : what;
}

function guardOf(guard: unknown): string | undefined {
  if (typeof guard === "string") return guard;
  if (typeof guard === "object" && guard !== null && "type" in guard && typeof guard.type === "string")
    return guard.type;
  return undefined;
}

/** Parts without a machine of their own run, wait to be started again, or are stopped. */
export function chartOfPart(name: string, running: StateId): Chart {
  return {
    machine: name,
    initial: running,
    states: [running, "waiting", "stopped"].map((id) => ({ id, type: "atomic" })),
    transitions: [
      { from: running, to: "waiting", event: "failed" },
      { from: "waiting", to: running, event: "after back-off" },
      { from: running, to: "stopped", event: "stop" },
      { from: "waiting", to: "stopped", event: "stop" },
    ],
  };
}
