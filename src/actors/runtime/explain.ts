import type { TipStore } from "../../store/store-api.ts";
import type { RowRef } from "../../store/view.ts";
import { messageOf } from "../../util/errors.ts";
import { formatTime } from "../../util/time-format.ts";
import type { ActorDirectory, ActorExplanation } from "./actor.ts";
import type { Breaker } from "./breaker.ts";
import type { KindLookup } from "./codec.ts";
import { acceptedEvents, type Evaluator } from "./evaluator.ts";
import type { Effect, MachineDef } from "./machine.ts";
import { addressOf } from "./paths.ts";
import type { Timers } from "./timers.ts";

/**
 * What an actor would do: the events that it takes in its state, the timers that wait for it, and
 * one step as a dry run. Reads committed rows; nothing of it is kept.
 */
export interface ExplainOptions {
  readonly directory: Pick<ActorDirectory, "get">;
  readonly store: TipStore;
  readonly kinds: KindLookup;
  readonly breaker: Breaker;
  readonly evaluator: Evaluator;
  readonly timers: Pick<Timers, "of">;
}

export function createExplain(
  options: ExplainOptions,
): (name: string, event: string | undefined) => ActorExplanation | undefined {
  const { directory, store, kinds, breaker, evaluator, timers } = options;

  const rowAt = (path: string): RowRef | undefined => {
    const address = addressOf(path);
    const row = address && store.committed.get(address.kind, address.namespace, address.name);
    return row?.hot.uid === address?.uid ? row : undefined;
  };
  const tried = (def: MachineDef, row: RowRef, event: string): NonNullable<ActorExplanation["step"]> => {
    try {
      const { next, effects, ignored } = evaluator.step(def, def.derive(row.object()), { type: event });
      return { event, to: next.id, ignored, effects: effects.map(textOf) };
    } catch (error) {
      return { event, ignored: false, effects: [], error: messageOf(error) };
    }
  };
  return (name, event) => {
    const view = directory.get(name);
    if (view === undefined) return undefined;
    const row = rowAt(view.path);
    const def = row && breaker.active(kinds.get(row.kind)?.machine ?? "");
    if (row === undefined || def === undefined) return { view, events: [], timers: [] };
    return {
      view,
      events: acceptedEvents(def, def.derive(row.object())),
      timers: [...timers.of(view.path).values()].map(({ id, due, event: { type } }) => ({
        id,
        event: type,
        due: formatTime(due),
      })),
      ...(event === undefined ? {} : { step: tried(def, row, event) }),
    };
  };
}

function textOf(effect: Effect): string {
  switch (effect.type) {
    case "write":
      return effect.write.op === "remove" ? "remove the row" : `write ${JSON.stringify(effect.write.patch)}`;
    case "timer":
      return `timer ${effect.id} in ${effect.delayMs} ms`;
    case "cancelTimer":
      return `cancel timer ${effect.id}`;
    case "message":
      return `message to ${effect.message.target}`;
    case "note":
      return `Event ${effect.note.reason}: ${effect.note.message}`;
  }
}
