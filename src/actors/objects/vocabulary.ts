import type { KubeObject } from "../../kinds/kind.ts";
import type { ActorEvent, ActorState, MachineNote, OutgoingMessage, OwnWrite } from "../runtime/machine.ts";

/**
 * What all object machines share: the actions that are data, the limit of a step, and the rule
 * that a change of state is an event named after the state that the row shows now.
 */

/** The action vocabulary: `setup({ actions: effectActions })`. Never run; the evaluator takes type and params. */
export const effectActions: {
  write: (_: unknown, params: OwnWrite) => void;
  timer: (_: unknown, params: { id: string; delayMs: number; event: ActorEvent }) => void;
  cancelTimer: (_: unknown, params: { id: string }) => void;
  message: (_: unknown, params: OutgoingMessage) => void;
  note: (_: unknown, params: MachineNote) => void;
} = {
  write: () => {},
  timer: () => {},
  cancelTimer: () => {},
  message: () => {},
  note: () => {},
};

/** Options of every replicated machine: an endless loop of `always` or `raise` ends as a fault. */
export const machineOptions: { maxIterations: number } = { maxIterations: 100 };

/** The state of an object that does not exist. */
export const goneState: ActorState = { id: "gone", context: {} };

export function inState(id: string): ActorState {
  return { id, context: {} };
}

/**
 * Which event a row change is, for machines whose every event is the name of the new state: `ready`,
 * `terminating`. The machine says from where that is legal; anything else is a jump.
 */
export function byState(
  derive: (object: KubeObject | undefined) => ActorState,
): (previous: KubeObject | undefined, next: KubeObject | undefined) => ActorEvent | undefined {
  return (previous, next) => {
    const from = derive(previous).id;
    const to = derive(next).id;
    return from === to ? undefined : { type: to };
  };
}

/** Status of a condition: `True`, `False`, `Unknown`; undefined if it is not there. */
export function conditionOf(
  conditions: readonly { readonly type: string; readonly status: string; readonly reason?: string }[] | undefined,
  type: string,
): { readonly status: string; readonly reason?: string } | undefined {
  return conditions?.find((condition) => condition.type === type);
}
