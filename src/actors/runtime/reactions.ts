import type { Log } from "../../env/env.ts";
import type { FaultPort } from "../../env/faults.ts";
import type { Draft, Kind, KubeObject } from "../../kinds/kind.ts";
import type { Cause, OutboxMessage, SystemWrite } from "../../store/outcome.ts";
import type { TipStore } from "../../store/store-api.ts";
import type { RowRef } from "../../store/view.ts";
import { messageOf } from "../../util/errors.ts";
import type { Json } from "../../util/json.ts";
import type { Millis } from "../../util/time.ts";
import type { Breaker } from "./breaker.ts";
import type { KindLookup } from "./codec.ts";
import type { DeadLetters } from "./dead-letters.ts";
import { timersOf, type Evaluator } from "./evaluator.ts";
import { actorBackoffMsMax, backoffBaseMs } from "./limits.ts";
import { ActorFault, type ActorEvent, type Effect, type MachineDef, type StateId } from "./machine.ts";
import { mergePatch } from "./merge-patch.ts";
import { textDigest } from "./notes.ts";
import { addressOf, objectPath } from "./paths.ts";
import type { Parking } from "./parking.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Timers } from "./timers.ts";
import type { OpenTransaction, RowChange } from "./transaction.ts";
import type { Turns } from "./turns.ts";

/**
 * What object actors do about a change: each row that a transaction wrote is classified, its
 * machine steps once, and the effects become part of the same outcome. The row always wins: a
 * machine that fails or disagrees never refuses a write (the fault is recorded instead).
 */
export interface Reactions {
  /** `from`: changes before this one were seen already. */
  react(transaction: OpenTransaction, cause: Cause, from?: number): Reaction;
  /** A replicated timer is due; its row is deleted in the same outcome. */
  timer(transaction: OpenTransaction, owner: string, event: ActorEvent): Reaction;
  /** A failed event once more, on the row as it is now. */
  retry(transaction: OpenTransaction, path: string, event: ActorEvent): Reaction;
  /** An actor that was parked reacts again: its timers are those of the state that its row shows now. */
  reconcile(transaction: OpenTransaction, path: string): Reaction;
  /** State changes that no transition explains, by `machine from to`. */
  readonly jumps: ReadonlyMap<string, number>;
  /** Steps done, for metrics and tests. */
  readonly steps: number;
}

export interface Reaction {
  readonly system: readonly SystemWrite[];
  readonly messages: readonly OutboxMessage[];
  readonly retries: readonly { path: string; event: ActorEvent; delayMs: Millis; error: string }[];
}

export interface ReactionsOptions {
  readonly kinds: KindLookup;
  readonly evaluator: Evaluator;
  readonly store: TipStore;
  readonly timers: Timers;
  readonly quarantine: Quarantine;
  readonly parking: Parking;
  readonly deadLetters: DeadLetters;
  readonly breaker: Breaker;
  readonly turns: Turns;
  readonly faults: FaultPort;
  readonly log: Log;
}

interface Gathered {
  /** By `table key`: a later write of one outcome replaces an earlier one. Most steps write none. */
  system: Map<string, SystemWrite> | undefined;
  readonly messages: OutboxMessage[];
  readonly retries: { path: string; event: ActorEvent; delayMs: Millis; error: string }[];
}

interface Subject {
  readonly kind: Kind;
  readonly def: MachineDef;
  readonly path: string;
  readonly previous: RowRef | undefined;
  readonly next: RowRef | undefined;
}

const encoder = new TextEncoder();
const nothing: readonly SystemWrite[] = [];

export function createReactions(options: ReactionsOptions): Reactions {
  const { kinds, evaluator, store, timers, quarantine, parking, deadLetters, breaker, turns, log } = options;
  const jumps = new Map<string, number>();
  let steps = 0;

  const gather = (): Gathered => ({ system: undefined, messages: [], retries: [] });
  const keep = (into: Gathered, write: SystemWrite | undefined): void => {
    if (write !== undefined) (into.system ??= new Map()).set(`${write.table} ${write.key}`, write);
  };
  const finished = ({ system, messages, retries }: Gathered): Reaction => ({
    system: system === undefined ? nothing : [...system.values()],
    messages,
    retries,
  });
  const subjectOf = (change: RowChange): Subject | undefined => {
    const kind = kinds.get(change.kind);
    const row = change.next ?? change.previous;
    if (kind === undefined || row === undefined) return undefined;
    const def = breaker.active(kind.machine);
    if (def === undefined) return undefined;
    const path = objectPath(kind, row, row.hot.uid);
    return { kind, def, path, previous: change.previous, next: change.next };
  };

  const failed = (
    { into, transaction }: { readonly into: Gathered; readonly transaction: OpenTransaction },
    subject: Subject,
    event: ActorEvent,
    error: unknown,
  ): void => {
    const { path, def } = subject;
    const { now } = transaction;
    const message = messageOf(error);
    const digest = textDigest(JSON.stringify(event));
    log("error", "actor-fault", { path, machine: def.name, event: event.type, error: message });
    const population = (): number => store.tip.list(subject.kind.id).length;
    const fault = { machine: def.name, version: def.version, path, now };
    const opened = breaker.fault({ ...fault, population: population() });
    keep(into, opened);
    turns.fault("throw");
    if (opened !== undefined) turns.fault("breaker");
    const attempts = deadLetters.attempts(path, digest);
    const letters = deadLetters.failed({ path, event: event.type, error: message, at: now }, digest);
    // A retry is the same fault again: only new ones count towards quarantine.
    if (attempts === 0 && quarantine.fault(path, now)) {
      const { name: machine, version } = def;
      deadLetters.forget(path);
      turns.fault("quarantine");
      keep(into, parking.park(transaction, { path, machine, version, since: now, error: message }));
    } else if (letters === undefined) {
      const delayMs = Math.min(actorBackoffMsMax, backoffBaseMs * 2 ** attempts);
      into.retries.push({ path, event, delayMs, error: message });
    }
    if (letters !== undefined) turns.fault("dead-letter");
    for (const letter of letters ?? []) keep(into, letter);
  };

  /** The row's object with the machine's own merge patches; undefined once it removed the row. */
  const ownResult = (object: KubeObject | undefined, effects: readonly Effect[]): KubeObject | undefined => {
    let result = object;
    for (const effect of effects) {
      if (effect.type !== "write" || result === undefined) continue;
      if (effect.write.op === "remove") return undefined;
      result = mergePatch(result as unknown as Json, effect.write.patch) as unknown as KubeObject;
    }
    return result;
  };

  const jumped = (
    into: Gathered,
    subject: Subject,
    step: { from: StateId; to: StateId; cause: Cause; now: Millis },
  ): void => {
    const { def, path } = subject;
    const key = `${def.name} ${step.from} ${step.to}`;
    jumps.set(key, (jumps.get(key) ?? 0) + 1);
    const own = step.cause.origin !== "user" && step.cause.origin !== "node";
    log(own ? "warn" : "debug", "actor-jump", {
      path,
      from: step.from,
      to: step.to,
      actor: step.cause.actor,
    });
    setTimers(into, subject, step.to, step.now);
  };
  /** Exactly the timers of this state. */
  const setTimers = (into: Gathered, subject: Subject, state: StateId, now: Millis): void => {
    const { path, def } = subject;
    for (const [id] of timers.of(path)) keep(into, timers.cancel(path, id));
    for (const timer of timersOf(def, state)) {
      keep(
        into,
        timers.set({
          owner: path,
          id: timer.id,
          due: now + timer.delayMs,
          event: timer.event,
        }),
      );
    }
  };

  const applyEffects = (
    into: Gathered,
    transaction: OpenTransaction,
    subject: Subject,
    effects: readonly Effect[],
  ): void => {
    const { path, kind, next } = subject;
    for (const effect of effects) {
      switch (effect.type) {
        case "write":
          break;
        case "timer":
          keep(
            into,
            timers.set({
              owner: path,
              id: effect.id,
              due: transaction.now + effect.delayMs,
              event: effect.event,
            }),
          );
          break;
        case "cancelTimer":
          keep(into, timers.cancel(path, effect.id));
          break;
        case "message": {
          const { target, key, id, body } = effect.message;
          into.messages.push({ target, key, id, body: encoder.encode(JSON.stringify(body)) });
          break;
        }
        case "note": {
          const row = next ?? subject.previous;
          if (row === undefined) break;
          const about = {
            kind: kind.id,
            namespace: row.namespace,
            name: row.name,
            uid: row.hot.uid,
          };
          transaction.note({ about, source: "troupe", ...effect.note });
        }
      }
    }
  };

  /** One step of one actor. Throws ActorFault before anything of it is kept. */
  const step = (
    into: Gathered,
    transaction: OpenTransaction,
    subject: Subject,
    event: ActorEvent,
    cause: Cause,
  ): void => {
    const { def, path, previous, next, kind } = subject;
    const action = options.faults.at({ seam: "evaluator", path });
    if (action.kind !== "none") throw new ActorFault(`fault injected: ${action.kind}`);
    steps += 1;
    const from = def.derive(previous?.object());
    const result = evaluator.step(def, from, event);
    const wrote = result.effects.some((effect) => effect.type === "write");
    const object = next?.object();
    const after = wrote ? ownResult(object, result.effects) : object;
    const shown = def.derive(after).id;
    if (shown !== result.next.id) {
      if (wrote) throw new ActorFault(`${def.name} wrote ${shown} but is in ${result.next.id}`);
      jumped(into, subject, { from: from.id, to: shown, cause, now: transaction.now });
    } else applyEffects(into, transaction, subject, result.effects);
    if (!wrote || next === undefined) return;
    if (after === undefined) transaction.remove(kind.id, next.namespace, next.name, next.revision);
    else transaction.put(kind.id, after as unknown as Draft, next.revision);
  };

  const attempt = (
    into: Gathered,
    transaction: OpenTransaction,
    subject: Subject,
    event: ActorEvent,
    cause: Cause,
  ): void => {
    if (quarantine.has(subject.path)) return;
    try {
      step(into, transaction, subject, event, cause);
      if (deadLetters.hasAttempts) deadLetters.succeeded(subject.path, textDigest(JSON.stringify(event)));
      quarantine.succeeded(subject.path);
    } catch (error) {
      failed({ into, transaction }, subject, event, error);
    }
  };
  const classified = (into: Gathered, transaction: OpenTransaction, subject: Subject, cause: Cause): void => {
    let event: ActorEvent | undefined;
    const { previous, next, def } = subject;
    if (def.passive === true && previous?.hot.deleting === next?.hot.deleting) return;
    try {
      event = subject.def.classify(subject.previous?.object(), subject.next?.object());
    } catch (error) {
      failed({ into, transaction }, subject, { type: "classify" }, error);
    }
    if (event !== undefined) attempt(into, transaction, subject, event, cause);
  };
  /** An event that is no change of the row: a timer, a retry. */
  const standing = (
    transaction: OpenTransaction,
    path: string,
    event: ActorEvent,
    origin: Cause["origin"],
  ): Reaction => {
    const into = gather();
    const address = addressOf(path);
    const row = address && transaction.get(address.kind, address.namespace, address.name);
    if (row !== undefined && row.hot.uid === address?.uid) {
      const subject = subjectOf({ kind: row.kind, previous: row, next: row });
      const cause: Cause = { origin, actor: path, event: event.type };
      if (subject !== undefined) attempt(into, transaction, subject, event, cause);
    }
    return finished(into);
  };

  const reconcile = (transaction: OpenTransaction, path: string): Reaction => {
    const into = gather();
    const address = addressOf(path);
    const row = address && transaction.get(address.kind, address.namespace, address.name);
    const subject = row && subjectOf({ kind: row.kind, previous: row, next: row });
    if (row === undefined || subject === undefined || row.hot.uid !== address?.uid) return finished(into);
    try {
      setTimers(into, subject, subject.def.derive(row.object()).id, transaction.now);
    } catch (error) {
      failed({ into, transaction }, subject, { type: "reconcile" }, error);
    }
    return finished(into);
  };

  return {
    jumps,
    reconcile,
    get steps() {
      return steps;
    },
    react(transaction, cause, from = 0) {
      const into = gather();
      for (const change of transaction.changes(from)) {
        const subject = subjectOf(change);
        if (subject === undefined) continue;
        classified(into, transaction, subject, cause);
        if (change.next !== undefined) continue;
        for (const [id] of timers.of(subject.path)) keep(into, timers.cancel(subject.path, id));
        if (quarantine.has(subject.path)) keep(into, quarantine.release(subject.path));
      }
      return finished(into);
    },
    timer: (transaction, owner, event) => standing(transaction, owner, event, "timer"),
    retry: (transaction, path, event) => standing(transaction, path, event, "system"),
  };
}
