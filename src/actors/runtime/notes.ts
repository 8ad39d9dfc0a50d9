import type { Draft, Kind } from "../../kinds/kind.ts";
import type { Millis } from "../../util/time.ts";
import { formatTime } from "../../util/time-format.ts";
import type { KindLookup } from "./codec.ts";
import type { Note, Transaction } from "./command.ts";
import type { Reaction, Reactions } from "./reactions.ts";
import type { OpenTransaction } from "./transaction.ts";
import type { Cause } from "../../store/outcome.ts";
import { noteAggregationMs, noteBudgetsMax, noteBurstCount, noteRefillMs } from "./limits.ts";

/**
 * Notes become Kubernetes Events, in the outcome that caused them. The same text about the same
 * object within ten minutes is counted up; a source that says too much about one object is cut.
 */
export interface NoteWriter {
  write(transaction: Transaction, note: Note): void;
}

interface StoredEvent {
  readonly count?: number;
  readonly firstTimestamp?: string;
  readonly lastTimestamp?: string;
}

const eventsKind = "events";

/** Two FNV-1a lanes: sixteen hexadecimal digits that name a text. */
export function textDigest(text: string): string {
  let left = 0x811c9dc5;
  let right = 0x01000193;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    left = Math.imul(left ^ code, 0x01000193);
    right = Math.imul(right ^ code, 0x85ebca6b) ^ (right >>> 13);
  }
  return [left, right].map((lane) => (lane >>> 0).toString(16).padStart(8, "0")).join("");
}

export function createNoteWriter(kinds: KindLookup): NoteWriter {
  const budgets = new Map<string, { tokens: number; at: Millis }>();

  /** A token bucket per source and object; the leader's memory, forgotten with the term. */
  const allowed = (note: Note, now: Millis): boolean => {
    const key = `${note.source} ${note.about.kind} ${note.about.uid} ${note.about.name}`;
    const budget = budgets.get(key) ?? { tokens: noteBurstCount, at: now };
    const refilled = Math.floor((now - budget.at) / noteRefillMs);
    const tokens = Math.min(noteBurstCount, budget.tokens + refilled);
    const at = refilled > 0 ? budget.at + refilled * noteRefillMs : budget.at;
    budgets.delete(key);
    budgets.set(key, { tokens: Math.max(0, tokens - 1), at });
    if (budgets.size > noteBudgetsMax) {
      const oldest = budgets.keys().next().value;
      if (oldest !== undefined) budgets.delete(oldest);
    }
    return tokens > 0;
  };

  return {
    write(transaction, note) {
      if (kinds.get(eventsKind) === undefined) return;
      const about = kinds.get(note.about.kind);
      if (about === undefined) return;
      const namespace = note.about.namespace === "" ? "default" : note.about.namespace;
      const home = transaction.get("namespaces", "", namespace);
      // A namespace that is going away takes no new rows: its last note would keep it alive.
      if (home === undefined || home.hot.deleting) return;
      if (!allowed(note, transaction.now)) return;
      const name = eventName(note);
      const stored = transaction.get(eventsKind, namespace, name);
      const draft =
        stored === undefined
          ? newEvent(transaction, note, about, { name, namespace })
          : countedUp(transaction.now, stored.object() as unknown as Draft);
      transaction.put(eventsKind, draft, stored?.revision ?? 0);
    },
  };
}

function eventName(note: Note): string {
  const { about } = note;
  const text = [about.uid, about.fieldPath ?? "", note.type, note.reason, note.message, note.source];
  // The names of a node's events are times, which begin with 1: ours, of an earlier cause, come first.
  const digest = `0${textDigest(text.join("\n")).slice(1)}`;
  // Object names reach 253 characters; the Event's own name must not pass that.
  return `${about.name.slice(0, 236).replace(/[.-]+$/, "")}.${digest}`;
}

function newEvent(
  transaction: Transaction,
  note: Note,
  about: Kind,
  place: { readonly name: string; readonly namespace: string },
): Draft {
  const now = formatTime(transaction.now);
  return {
    apiVersion: "v1",
    kind: "Event",
    metadata: { ...place, uid: transaction.random.uuid(), creationTimestamp: now },
    involvedObject: {
      kind: about.kind,
      ...(note.about.namespace === "" ? {} : { namespace: note.about.namespace }),
      name: note.about.name,
      ...(note.about.uid === "" ? {} : { uid: note.about.uid }),
      apiVersion: about.group === "" ? about.version : `${about.group}/${about.version}`,
      ...(note.about.fieldPath === undefined ? {} : { fieldPath: note.about.fieldPath }),
    },
    reason: note.reason,
    message: note.message,
    source: { component: note.source },
    firstTimestamp: now,
    lastTimestamp: now,
    count: 1,
    type: note.type,
    eventTime: null,
    reportingComponent: note.source,
    reportingInstance: "",
  };
}

/** The same note again: counted up while it is fresh, begun anew when the last one is long past. */
function countedUp(nowMs: Millis, event: Draft): Draft {
  const { count, firstTimestamp, lastTimestamp } = event as StoredEvent;
  const now = formatTime(nowMs);
  const fresh = lastTimestamp !== undefined && lastTimestamp >= formatTime(nowMs - noteAggregationMs);
  return {
    ...event,
    metadata: { ...event.metadata },
    firstTimestamp: fresh ? (firstTimestamp ?? now) : now,
    lastTimestamp: now,
    count: fresh ? (count ?? 1) + 1 : 1,
  };
}

/** Notes are rows too: those of the verb are written first, those of machines behind their step. */
export function reactWithNotes(
  { reactions, notes }: { readonly reactions: Reactions; readonly notes: NoteWriter },
  transaction: OpenTransaction,
  cause: Cause,
): Reaction {
  const noted = transaction.notes.length;
  for (let at = 0; at < noted; at += 1) notes.write(transaction, transaction.notes[at]!);
  const stepped = transaction.changedRows;
  const first = reactions.react(transaction, cause);
  if (transaction.notes.length === noted) return first;
  for (const note of transaction.notes.slice(noted)) notes.write(transaction, note);
  const second = reactions.react(transaction, cause, stepped);
  return {
    system: [...first.system, ...second.system],
    messages: [...first.messages, ...second.messages],
    retries: [...first.retries, ...second.retries],
  };
}
