import type { AnyActorScope, AnyMachineSnapshot, AnyStateMachine, AnyStateNode, EventObject } from "xstate";
import type { Millis } from "../../util/time.ts";
import { stepsKeptMax } from "./limits.ts";
import {
  ActorFault,
  ImpureMachineError,
  type ActorEvent,
  type ActorState,
  type Effect,
  type MachineDef,
  type MachineNote,
  type OutgoingMessage,
  type OwnWrite,
  type StateId,
  type StepResult,
} from "./machine.ts";

/**
 * Steps a machine as a pure function. XState's public `transition()` builds an actor system and
 * evaluates the initial state on every call; this file calls `machine.transition` with one reused
 * inert scope instead, and is the only file that knows XState's internals. The public function is
 * the oracle in the tests. Keep the pinned version and that test together.
 */
export interface Evaluator {
  /** Throws ActorFault only; the machine's state is a value, so nothing is left behind. */
  step(def: MachineDef, state: ActorState, event: ActorEvent): StepResult;
}

/** An action as XState lists it: data plus live references that are never touched. */
export interface ListedAction {
  readonly type: string;
  readonly params: unknown;
}

export interface InertTransition {
  readonly snapshot: AnyMachineSnapshot;
  readonly actions: readonly ListedAction[];
}

const maxEffects = 1_000;

function impure(use: string): () => never {
  return () => {
    throw new ImpureMachineError(use);
  };
}

/** The scope that all steps share: whatever would act on the world throws, actions are gathered. */
function createInertScope(gather: (action: ListedAction) => void): AnyActorScope {
  const nothing = (): void => {};
  const self = {
    id: "inert",
    sessionId: "inert",
    send: impure("self.send"),
    subscribe: impure("self.subscribe"),
    on: impure("self.on"),
    getSnapshot: impure("self.getSnapshot"),
    start: impure("self.start"),
    stop: impure("self.stop"),
  };
  const system = {
    get: impure("system.get"),
    getAll: impure("system.getAll"),
    inspect: impure("system.inspect"),
    scheduler: {
      schedule: impure("a real timer"),
      cancel: impure("a real timer"),
      cancelAll: impure("a real timer"),
    },
    _bookId: impure("spawn"),
    _register: impure("spawn"),
    _unregister: nothing,
    _set: impure("systemId"),
    _relay: impure("a message to another actor"),
    _sendInspectionEvent: nothing,
    _clock: { setTimeout: impure("a real timer"), clearTimeout: impure("a real timer") },
    _logger: nothing,
    _snapshot: { _scheduledEvents: {} },
  };
  return {
    self,
    id: "inert",
    sessionId: "inert",
    logger: nothing,
    defer: nothing,
    emit: impure("emit"),
    stopChild: nothing,
    system,
    actionExecutor: (action: { readonly type: string; readonly params?: unknown }) =>
      gather({ type: action.type, params: action.params }),
  } as unknown as AnyActorScope;
}

let gathered: ListedAction[] = [];
const scope = createInertScope((action) => {
  gathered.push(action);
});
const executor = scope.actionExecutor;

/** The events that the machine has a transition for in this state, guards included. */
export function acceptedEvents(def: MachineDef, state: ActorState): readonly string[] {
  const snapshot = resolve(def.machine, state);
  return def.machine.events
    .map((type: string) => ({ type }))
    .filter((event: EventObject) => snapshot.can(event))
    .map(({ type }: EventObject) => type)
    .toSorted();
}

/** One macrostep without an actor. Equal to XState's `transition()` for machines that are pure. */
export function inertTransition(
  machine: AnyStateMachine,
  snapshot: AnyMachineSnapshot,
  event: EventObject,
): InertTransition {
  gathered = [];
  // XState swaps the executor while a step runs; a throw inside must not leave its own behind.
  scope.actionExecutor = executor;
  const next = machine.transition(snapshot, event, scope) as AnyMachineSnapshot;
  return { snapshot: next, actions: gathered };
}

/** `terminating.pods` → `{ terminating: "pods" }`. */
function valueOf(id: StateId): string | Record<string, unknown> {
  const parts = id.split(".");
  let value: string | Record<string, unknown> = parts[parts.length - 1] ?? "";
  for (let at = parts.length - 2; at >= 0; at -= 1) value = { [parts[at] ?? ""]: value };
  return value;
}

/** The dotted path of a state value; parallel regions are joined by `+` in name order. */
export function idOf(value: unknown): StateId {
  if (typeof value === "string") return value;
  const regions = Object.entries(value as Record<string, unknown>)
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, inner]) => {
      const rest = idOf(inner);
      return rest === "" ? name : `${name}.${rest}`;
    });
  return regions.join("+");
}

/** A snapshot in this state with this context; runs no entry action. Throws ActorFault for an unknown state. */
export function resolve(machine: AnyStateMachine, state: ActorState): AnyMachineSnapshot {
  try {
    return machine.resolveState({
      value: valueOf(state.id) as string,
      context: state.context,
    }) as AnyMachineSnapshot;
  } catch (error) {
    throw new ActorFault(`state ${state.id} does not exist in machine ${machine.id}`, {
      cause: error,
    });
  }
}

/** Most steps depend on two names only, and a machine is pure: such a step is taken once and kept. */
export function createEvaluator(): Evaluator {
  const kept = new WeakMap<AnyStateMachine, Map<string, StepResult>>();
  return {
    step(def, state, event) {
      if (Object.keys(state.context).length > 0 || Object.keys(event).length > 1) return takeStep(def, state, event);
      const steps = kept.get(def.machine) ?? new Map<string, StepResult>();
      kept.set(def.machine, steps);
      const names = `${state.id} ${event.type}`;
      const known = steps.get(names);
      if (known !== undefined) return known;
      const result = takeStep(def, state, event);
      if (steps.size < stepsKeptMax) steps.set(names, result);
      return result;
    },
  };
}

function takeStep(def: MachineDef, state: ActorState, event: ActorEvent): StepResult {
  const snapshot = resolve(def.machine, state);
  let result: InertTransition;
  try {
    result = inertTransition(def.machine, snapshot, event);
  } catch (error) {
    if (error instanceof ActorFault) throw error;
    const text = error instanceof Error ? error.message : String(error);
    throw new ActorFault(`${def.name} failed on ${event.type} in ${state.id}: ${text}`, {
      cause: error,
    });
  }
  const { snapshot: next, actions } = result;
  if (next.status === "error") {
    throw new ActorFault(`${def.name} failed on ${event.type} in ${state.id}`, {
      cause: next.error,
    });
  }
  return {
    next: { id: idOf(next.value), context: next.context },
    effects: effectsOf(actions),
    ignored: next === snapshot && actions.length === 0,
  };
}

/** Turns the listed actions into effects; anything outside the vocabulary is a fault. */
function effectsOf(actions: readonly ListedAction[]): readonly Effect[] {
  const effects: Effect[] = [];
  for (const action of actions) {
    const effect = effectOf(action);
    if (effect !== undefined) effects.push(effect);
  }
  if (effects.length > maxEffects) throw new ActorFault(`a step caused ${effects.length} effects`);
  return effects;
}

function effectOf(action: ListedAction): Effect | undefined {
  switch (action.type) {
    case "write":
      return { type: "write", write: action.params as OwnWrite };
    case "timer":
      return { type: "timer", ...(action.params as Omit<Effect & { type: "timer" }, "type">) };
    case "cancelTimer":
      return { type: "cancelTimer", id: (action.params as { id: string }).id };
    case "message":
      return { type: "message", message: action.params as OutgoingMessage };
    case "note":
      return { type: "note", note: action.params as MachineNote };
    case "xstate.raise":
      return raised(action.params as RaiseParams);
    case "xstate.cancel": {
      const { sendId } = action.params as { sendId: string };
      return { type: "cancelTimer", id: sendId };
    }
    default:
      throw new ImpureMachineError(`the action ${action.type}`);
  }
}

interface RaiseParams {
  readonly event: ActorEvent;
  readonly id: string | undefined;
  readonly delay: number | undefined;
}

/** An undelayed raise has been processed inside the step; a delayed one (`after`) is a timer. */
function raised(params: RaiseParams): Effect | undefined {
  if (params.delay === undefined) return undefined;
  if (params.id === undefined) throw new ActorFault("a delayed raise needs an id");
  return { type: "timer", id: params.id, delayMs: params.delay, event: params.event };
}

/** The `after` timers of a state and its ancestors, as entering it would set them. */
export function timersOf(def: MachineDef, id: StateId): readonly { id: string; delayMs: Millis; event: ActorEvent }[] {
  const found: { id: string; delayMs: Millis; event: ActorEvent }[] = [];
  let node: AnyStateNode | undefined = def.machine.root;
  for (const part of [...id.split("."), undefined]) {
    for (const { eventType, delay } of node?.after ?? []) {
      if (typeof delay === "number") found.push({ id: eventType, delayMs: delay, event: { type: eventType } });
    }
    node = part === undefined ? undefined : node?.states[part];
  }
  return found;
}
