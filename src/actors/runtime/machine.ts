import type { AnyStateMachine } from "xstate";
import type { KubeObject } from "../../kinds/kind.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import type { Millis } from "../../util/time.ts";

/**
 * What an object machine is to the host. The XState machine says which steps are legal and what
 * they cause; `derive` says in which state a row is. The law that ties both together (the commuting
 * square): the state that a step leads to is the state that the written row shows.
 */

/** Dotted path of a leaf: `terminating.pods`. */
export type StateId = string;

/** What a machine knows beside its state; plain data, made anew from the row for every step. */
export type MachineContext = Readonly<Record<string, Json>>;

/** Input of a machine. */
export interface ActorEvent {
  readonly type: string;
}

export interface ActorState {
  readonly id: StateId;
  readonly context: MachineContext;
}

/** The only things that a machine may cause: data that becomes part of the outcome. */
export type Effect =
  | { readonly type: "write"; readonly write: OwnWrite }
  | {
      readonly type: "timer";
      readonly id: string;
      readonly delayMs: Millis;
      readonly event: ActorEvent;
    }
  | { readonly type: "cancelTimer"; readonly id: string }
  | { readonly type: "message"; readonly message: OutgoingMessage }
  | { readonly type: "note"; readonly note: MachineNote };

/** A change of the machine's own row: a JSON merge patch, or its removal. */
export type OwnWrite = { readonly op: "merge"; readonly patch: JsonObject } | { readonly op: "remove" };

/** Leaves the store after commit; no machine of ours sends one, and nothing delivers it. */
export interface OutgoingMessage {
  readonly target: string;
  readonly key: string;
  readonly id: string;
  readonly body: Json;
}

export interface MachineNote {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

export interface StepResult {
  readonly next: ActorState;
  readonly effects: readonly Effect[];
  /** The machine has no transition for this event here; nothing happened. */
  readonly ignored: boolean;
}

export interface MachineDef {
  /** Name in `actors/objects/catalogue.ts`; a kind's file names it in `machine`. */
  readonly name: string;
  /** Bumped with states, events or context layout. */
  readonly version: number;
  readonly machine: AnyStateMachine;
  /** Total: every row that can exist (and none at all) has a state. */
  readonly derive: (object: KubeObject | undefined) => ActorState;
  /** The event that a row change means; undefined: no machine cares. */
  readonly classify: (previous: KubeObject | undefined, next: KubeObject | undefined) => ActorEvent | undefined;
  /** Only deletion matters to it: a change that leaves that alone is not looked at. */
  readonly passive?: true;
  /** Every state id that was ever released and is not one today, and what it is called now. */
  readonly renamed: Readonly<Record<StateId, StateId>>;
}

/** Machines by name, newest version first; the second is what the breaker falls back to. */
export type MachineCatalogue = ReadonlyMap<string, readonly MachineDef[]>;

/** A step that failed: a throw inside the machine, an impure call, an endless loop. */
export class ActorFault extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ActorFault";
  }
}

/** A replicated machine reached for the world: `self`, the actor system, a real timer. */
export class ImpureMachineError extends ActorFault {
  constructor(use: string) {
    super(`a replicated machine used ${use}; only data effects are allowed`);
    this.name = "ImpureMachineError";
  }
}
