import type { Draft, Kind, KindId, KubeObject } from "../../kinds/kind.ts";
import type { SystemWrite } from "../../store/outcome.ts";
import type { RowRef } from "../../store/view.ts";
import { actorName, quarantinedCondition } from "../../kinds/actor.ts";
import { formatTime } from "../../util/time-format.ts";
import type { KindLookup } from "./codec.ts";
import type { Transaction } from "./command.ts";
import { addressOf } from "./paths.ts";
import type { Quarantine, QuarantineRow } from "./quarantine.ts";

/**
 * Into quarantine and out of it, in view of those whom it concerns: the object that the actor works
 * for carries a condition as long as an actor of it is parked, and an Event tells each change. All of
 * it is part of the outcome that parks or frees the actor, so neither can be without the other.
 */
export interface Parking {
  /** Whoever runs actors that are not of one object says which object each works for. */
  addSubjects(of: (path: string) => Subject | undefined): void;
  park(transaction: Transaction, row: QuarantineRow): SystemWrite;
  free(transaction: Transaction, path: string): SystemWrite;
  /** Half open: free for one try. */
  probe(transaction: Transaction, path: string): SystemWrite;
}

export interface Subject {
  readonly kind: KindId;
  readonly namespace: string;
  readonly name: string;
  /** Absent: whichever object has the name. */
  readonly uid?: string;
}

export interface ParkingOptions {
  readonly kinds: KindLookup;
  readonly quarantine: Quarantine;
}

interface Condition {
  readonly type: string;
  readonly [field: string]: unknown;
}

type WithConditions = KubeObject & { readonly status?: { readonly conditions?: readonly Condition[] } };

export function createParking({ kinds, quarantine }: ParkingOptions): Parking {
  const lookups: ((path: string) => Subject | undefined)[] = [addressOf];

  const subjectOf = (path: string): Subject | undefined => {
    for (const of of lookups) {
      const subject = of(path);
      if (subject !== undefined) return subject;
    }
    return undefined;
  };
  const rowOf = (transaction: Transaction, path: string): RowRef | undefined => {
    const subject = subjectOf(path);
    if (subject === undefined) return undefined;
    const row = transaction.get(subject.kind, subject.namespace, subject.name);
    return subject.uid === undefined || row?.hot.uid === subject.uid ? row : undefined;
  };
  /** Others that are parked for the same row keep its condition. */
  const isShared = (transaction: Transaction, row: RowRef, path: string): boolean =>
    quarantine.all().some((other) => other.path !== path && isSame(rowOf(transaction, other.path), row));

  const setCondition = (transaction: Transaction, row: RowRef, condition: Condition | undefined): void => {
    const kind = kinds.get(row.kind);
    if (kind === undefined || !hasConditions(kind)) return;
    const object = row.object<WithConditions>();
    const old = object.status?.conditions ?? [];
    const others = old.filter(({ type }) => type !== quarantinedCondition);
    if (condition === undefined && others.length === old.length) return;
    const conditions = condition === undefined ? others : [...others, condition];
    const draft = { ...object, status: { ...object.status, conditions } };
    transaction.put(kind.id, draft as unknown as Draft, row.revision);
  };
  const tell = (transaction: Transaction, row: RowRef, said: Said): void => {
    const about = { kind: row.kind, namespace: row.namespace, name: row.name, uid: row.hot.uid };
    transaction.note({ about, source: "troupe", ...said });
  };
  const leave = (transaction: Transaction, path: string): void => {
    const row = quarantine.has(path) ? rowOf(transaction, path) : undefined;
    if (row === undefined) return;
    if (!isShared(transaction, row, path)) setCondition(transaction, row, undefined);
    tell(transaction, row, { type: "Normal", reason: "ActorReleased", message: `${shown(path)} is tried again` });
  };

  return {
    addSubjects: (of) => void lookups.push(of),
    park(transaction, parked) {
      const row = rowOf(transaction, parked.path);
      if (row !== undefined) {
        const message = `${shown(parked.path)} keeps failing and is left alone: ${parked.error}`;
        setCondition(transaction, row, {
          type: quarantinedCondition,
          status: "True",
          lastTransitionTime: formatTime(transaction.now),
          reason: "RepeatedFaults",
          message,
        });
        const hint = `troupe actors release ${actorName(parked.path)}`;
        tell(transaction, row, {
          type: "Warning",
          reason: quarantinedCondition,
          message: `${message}; to try again: ${hint}`,
        });
      }
      return quarantine.enter(parked);
    },
    free(transaction, path) {
      leave(transaction, path);
      return quarantine.release(path);
    },
    probe(transaction, path) {
      leave(transaction, path);
      return quarantine.probe(path);
    },
  };
}

interface Said {
  readonly type: "Normal" | "Warning";
  readonly reason: string;
  readonly message: string;
}

function hasConditions(kind: Kind): boolean {
  const status = kind.schema.fields["status"]?.schema;
  return status?.type === "object" && status.fields["conditions"] !== undefined;
}

function isSame(left: RowRef | undefined, right: RowRef): boolean {
  return left?.kind === right.kind && left.namespace === right.namespace && left.name === right.name;
}

/** A path as people name it: without the uid. */
function shown(path: string): string {
  return path.replace(/#.*/, "");
}
