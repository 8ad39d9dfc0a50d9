/**
 * Builds the writes of a plan. One object is written at most once in a plan: a second write would
 * name a revision that the first has replaced. A planner that must write spec and status asks for
 * another turn (`more`).
 */
import type { Draft, DraftMeta, KindId, KubeObject } from "../../../kinds/kind.ts";
import type { RowRef } from "../../../store/view.ts";
import type { Note } from "../../runtime/command.ts";
import type { PlanWrite } from "../../runtime/controller.ts";

/** A copy of `object` with some members replaced; undefined members and empty metadata are left out. */
export function draftOf(object: KubeObject, changes: Readonly<Record<string, unknown>>, meta: DraftMeta = {}): Draft {
  const draft: Draft = { ...object, ...changes, metadata: { ...object.metadata, ...meta } };
  for (const [key, value] of Object.entries(draft)) if (value === undefined) delete draft[key];
  for (const [key, value] of Object.entries(draft.metadata)) {
    const isEmpty = value === undefined || (typeof value === "object" && Object.keys(value).length === 0);
    if (isEmpty) delete draft.metadata[key as keyof DraftMeta];
  }
  return draft;
}

export function create(kind: KindId, object: Draft): PlanWrite {
  return { op: "create", kind, object };
}

export function update(row: RowRef, object: Draft): PlanWrite {
  return { op: "update", kind: row.kind, object, expect: expectOf(row) };
}

export function updateSubresource(
  row: RowRef,
  subresource: "status" | "finalize" | "binding",
  object: Draft,
): PlanWrite {
  return { op: "update", kind: row.kind, subresource, object, expect: expectOf(row) };
}

export function updateStatus(row: RowRef, object: KubeObject, status: unknown): PlanWrite {
  return updateSubresource(row, "status", draftOf(object, { status }));
}

export function remove(
  row: RowRef,
  options: {
    readonly gracePeriodSeconds?: number;
    readonly propagationPolicy?: "Background" | "Foreground" | "Orphan";
  } = {},
): PlanWrite {
  return {
    op: "delete",
    kind: row.kind,
    namespace: row.namespace,
    name: row.name,
    uid: row.hot.uid,
    ...options,
  };
}

function expectOf(row: RowRef): { readonly uid: string; readonly revision: number } {
  return { uid: row.hot.uid, revision: row.revision };
}

export function noteOn(row: RowRef, source: string, note: Omit<Note, "about" | "source">): Note {
  return {
    about: { kind: row.kind, namespace: row.namespace, name: row.name, uid: row.hot.uid },
    source,
    ...note,
  };
}
