/** How changed rows map to keys: `namespace/name`, or the name alone for kinds of the cluster. */
import type { KindId } from "../../../kinds/kind.ts";
import type { RowRef, View } from "../../../store/view.ts";
import { jsonEqual } from "../../../util/equal.ts";
import type { ControllerWatch } from "../../runtime/controller.ts";

export function keyOf(row: RowRef): string {
  return row.namespace === "" ? row.name : `${row.namespace}/${row.name}`;
}

function splitKey(key: string): readonly [namespace: string, name: string] {
  const slash = key.indexOf("/");
  return slash < 0 ? ["", key] : [key.slice(0, slash), key.slice(slash + 1)];
}

export function rowOf(view: View, kind: KindId, key: string): RowRef | undefined {
  const [namespace, name] = splitKey(key);
  return view.get(kind, namespace, name);
}

/** Every change of a row of `kind` plans that row. */
export function watchOwn(kind: KindId): ControllerWatch {
  return { kind, keys: (_view, previous, next) => keysOf([previous, next]) };
}

/**
 * A change of a `kind` row plans its controller before and after the change; a change of an orphan
 * plans every `owner` row of its namespace that may adopt it.
 */
export function watchOwned(
  kind: KindId,
  ownerKind: KindId,
  mayAdopt: (owner: RowRef, orphan: RowRef) => boolean,
): ControllerWatch {
  return {
    kind,
    keys: (view, previous, next) => {
      const row = next ?? previous;
      if (row === undefined) return [];
      const owners = view.list(ownerKind, { namespace: row.namespace });
      const uids = new Set([previous?.hot.controller, next?.hot.controller]);
      const found = owners.filter((owner) => uids.has(owner.hot.uid));
      const isOrphan = next !== undefined && next.hot.controller === undefined && !next.hot.deleting;
      const adopters = isOrphan ? owners.filter((owner) => mayAdopt(owner, next)) : [];
      return keysOf([...found, ...adopters]);
    },
  };
}

/** Whether anything but the status of an object has changed. */
export function isMoreThanStatus(previous: RowRef | undefined, next: RowRef | undefined): boolean {
  if (previous === undefined || next === undefined) return true;
  const [was, is] = [previous.object().metadata, next.object().metadata];
  return (
    was.generation !== is.generation ||
    was.deletionTimestamp !== is.deletionTimestamp ||
    !jsonEqual(was.labels, is.labels) ||
    !jsonEqual(was.annotations, is.annotations) ||
    !jsonEqual(was.ownerReferences, is.ownerReferences)
  );
}

export function keysOf(rows: readonly (RowRef | undefined)[]): readonly string[] {
  return [...new Set(rows.filter((row) => row !== undefined).map(keyOf))];
}

/** Changes of the object `name` plan the namespace in which it lies. */
export function watchInNamespace(kind: KindId, name: string): ControllerWatch {
  return {
    kind,
    keys: (_view, previous, next) => {
      const row = next ?? previous;
      return row?.name === name ? [row.namespace] : [];
    },
  };
}
