/**
 * Garbage collector: an object whose owners are all gone is deleted; an owner that is deleted in
 * the foreground waits for its dependents; one that is deleted as an orphan maker lets them go.
 *
 * It reads the tip, so "the owner is absent" is a fact and never a stale cache. A kind that is not
 * served is never taken for absent.
 */
import type { KubeObject } from "../../kinds/kind.ts";
import type { RowRef, TimedView, View } from "../../store/view.ts";
import { jsonEqual } from "../../util/equal.ts";
import { nothing, type Controller, type ControllerWatch, type Plan } from "../runtime/controller.ts";
import { rowKinds, type ServedKind } from "./common/served-kinds.ts";
import { draftOf, update } from "./common/writes.ts";
import {
  collect,
  createOwners,
  foregroundFinalizer,
  isForeground,
  orphanFinalizer,
  type Owners,
} from "./garbage-collector/owners.ts";
import { planWritesMax } from "./limits.ts";

export function createGarbageCollector(kinds: readonly ServedKind[]): Controller {
  const served = rowKinds(kinds);
  const owners = createOwners(served);
  return {
    name: "garbage-collector",
    source: "generic-garbage-collector",
    watches: served.map((kind) => watchKind(kind, owners)),
    writes: served.map(({ id }) => id),
    plan: (view, key) => plan(view, key, owners),
  };
}

function watchKind({ id }: ServedKind, owners: Owners): ControllerWatch {
  return {
    kind: id,
    keys: (view, previous, next) => {
      if (next === undefined) {
        if (previous === undefined) return [];
        const dependents = owners.dependentsOf(view, previous);
        return [...dependents.map(keyOf), ...waitingOwners(view, previous, owners)];
      }
      const isNew = previous === undefined;
      const isOwned = next.hot.owners.length > 0 && (isNew || !jsonEqual(previous.hot.owners, next.hot.owners));
      const isEnding = next.hot.deleting && hasOurFinalizer(next.object());
      const freed = previous === undefined || isNew ? [] : waitingOwners(view, previous, owners);
      return [...(isOwned || isEnding ? [keyOf(next)] : []), ...freed];
    },
  };
}

/** Owners that wait for this dependent: a change of it may let them go. */
function waitingOwners(view: View, row: RowRef, owners: Owners): readonly string[] {
  if (row.hot.owners.length === 0) return [];
  return (row.object().metadata.ownerReferences ?? [])
    .map((reference) => owners.find(view, row, reference))
    .filter((owner) => owner !== undefined)
    .filter((owner) => owner.hot.deleting && hasOurFinalizer(owner.object()))
    .map(keyOf);
}

function hasOurFinalizer({ metadata }: KubeObject): boolean {
  const { finalizers = [] } = metadata;
  return finalizers.includes(orphanFinalizer) || finalizers.includes(foregroundFinalizer);
}

function keyOf({ kind, namespace, name }: RowRef): string {
  return `${kind}|${namespace}|${name}`;
}

function plan(view: TimedView, key: string, owners: Owners): Plan {
  const [kind = "", namespace = "", name = ""] = key.split("|");
  const row = view.get(kind, namespace, name);
  if (row === undefined) return nothing;
  const { finalizers = [] } = row.object().metadata;
  if (row.hot.deleting && finalizers.includes(orphanFinalizer)) return orphan(view, row, owners);
  if (isForeground(row)) return foreground(view, row, owners);
  return row.hot.deleting ? nothing : collect(view, row, owners);
}

/** Dependents lose the reference, then the owner loses its finalizer. */
function orphan(view: TimedView, row: RowRef, owners: Owners): Plan {
  const dependents = owners.dependentsOf(view, row);
  if (dependents.length === 0) return withoutFinalizer(row, orphanFinalizer);
  const writes = dependents.slice(0, planWritesMax).map((dependent) => {
    const object = dependent.object();
    const ownerReferences = (object.metadata.ownerReferences ?? []).filter(({ uid }) => uid !== row.hot.uid);
    return update(dependent, draftOf(object, {}, { ownerReferences }));
  });
  return { writes, more: true };
}

/** Dependents that block are deleted; when none is left, the owner loses its finalizer. */
function foreground(view: TimedView, row: RowRef, owners: Owners): Plan {
  const blocking = owners
    .dependentsOf(view, row)
    .filter((dependent) =>
      (dependent.object().metadata.ownerReferences ?? []).some(
        ({ uid, blockOwnerDeletion }) => uid === row.hot.uid && blockOwnerDeletion === true,
      ),
    );
  if (blocking.length === 0) return withoutFinalizer(row, foregroundFinalizer);
  const live = blocking.filter((dependent) => !dependent.hot.deleting);
  const plans = live.slice(0, planWritesMax).map((dependent) => collect(view, dependent, owners));
  return {
    writes: plans.flatMap(({ writes }) => writes),
    notes: plans.flatMap(({ notes = [] }) => notes),
    ...(live.length > 0 && plans.some(({ writes }) => writes.length > 0) ? { more: true } : {}),
  };
}

function withoutFinalizer(row: RowRef, finalizer: string): Plan {
  const object = row.object();
  const finalizers = (object.metadata.finalizers ?? []).filter((each) => each !== finalizer);
  return { writes: [update(row, draftOf(object, {}, { finalizers }))] };
}
