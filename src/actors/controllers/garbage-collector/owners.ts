/** Who owns whom, and what becomes of one object whose owners go. */
import type { OwnerReference } from "../../../kinds/kind.ts";
import type { RowRef, TimedView, View } from "../../../store/view.ts";
import { nothing, type Plan } from "../../runtime/controller.ts";
import type { Note } from "../../runtime/command.ts";
import type { ServedKind } from "../common/served-kinds.ts";
import { draftOf, noteOn, remove, update } from "../common/writes.ts";

export const orphanFinalizer = "orphan";
export const foregroundFinalizer = "foregroundDeletion";
const source = "garbage-collector-controller";

export interface Owners {
  readonly kindOf: (reference: OwnerReference) => ServedKind | undefined;
  /** The owner that a reference means, in the dependent's own namespace; another uid is another object. */
  readonly find: (view: View, dependent: RowRef, reference: OwnerReference) => RowRef | undefined;
  /** Objects that refer to this one and that it can own. */
  readonly dependentsOf: (view: View, owner: RowRef) => readonly RowRef[];
  readonly isClusterScoped: (row: RowRef) => boolean;
}

export function createOwners(kinds: readonly ServedKind[]): Owners {
  const byType = new Map(kinds.map((kind) => [`${typeOf(kind)}/${kind.kind}`, kind]));
  const byId = new Map(kinds.map((kind) => [kind.id, kind]));
  const kindOf = ({ apiVersion, kind }: OwnerReference): ServedKind | undefined => byType.get(`${apiVersion}/${kind}`);
  const isClusterScoped = (row: RowRef): boolean => byId.get(row.kind)?.scope === "Cluster";
  return {
    kindOf,
    isClusterScoped,
    find: (view, dependent, reference) => {
      const kind = kindOf(reference);
      if (kind === undefined) return undefined;
      const namespace = kind.scope === "Cluster" ? "" : dependent.namespace;
      const row = view.get(kind.id, namespace, reference.name);
      return row?.hot.uid === reference.uid ? row : undefined;
    },
    dependentsOf: (view, owner) =>
      kinds
        .flatMap((kind) => view.index(kind.id, "owners", owner.hot.uid))
        .filter((row) => isClusterScoped(owner) || row.namespace === owner.namespace),
  };
}

function typeOf({ group, version }: ServedKind): string {
  return group === "" ? version : `${group}/${version}`;
}

export function isForeground(row: RowRef): boolean {
  return row.hot.deleting && (row.object().metadata.finalizers ?? []).includes(foregroundFinalizer);
}

/** References by what their owner is: solid ones keep the object alive. */
interface Sorted {
  readonly solid: readonly OwnerReference[];
  readonly dangling: readonly OwnerReference[];
  /** The owner goes, and waits for its dependents. */
  readonly waiting: readonly OwnerReference[];
  readonly notes: readonly Note[];
}

/** Deletes an object without living owners, or drops its references to those that are gone. */
export function collect(view: TimedView, row: RowRef, owners: Owners): Plan {
  const object = row.object();
  const { solid, dangling, waiting, notes } = sort(view, row, owners);
  if (dangling.length === 0 && waiting.length === 0) return notes.length > 0 ? { writes: [], notes } : nothing;
  if (solid.length > 0) return { writes: [update(row, draftOf(object, {}, { ownerReferences: solid }))], notes };
  const dependents = owners.dependentsOf(view, row);
  if (waiting.length > 0 && dependents.length > 0) {
    const blocks = (object.metadata.ownerReferences ?? []).some(
      ({ blockOwnerDeletion }) => blockOwnerDeletion === true,
    );
    if (blocks && dependents.some(isForeground)) {
      // A ring of owners: one of them must stop to block, or all would wait for each other.
      const ownerReferences = (object.metadata.ownerReferences ?? []).map((reference) => ({
        ...reference,
        blockOwnerDeletion: false,
      }));
      return { writes: [update(row, draftOf(object, {}, { ownerReferences }))], notes };
    }
    return { writes: [remove(row, { propagationPolicy: "Foreground" })], notes };
  }
  return { writes: [remove(row)], notes };
}

function sort(view: TimedView, row: RowRef, owners: Owners): Sorted {
  const solid: OwnerReference[] = [];
  const dangling: OwnerReference[] = [];
  const waiting: OwnerReference[] = [];
  const notes: Note[] = [];
  for (const reference of row.object().metadata.ownerReferences ?? []) {
    const kind = owners.kindOf(reference);
    const isUnresolvable = kind?.scope === "Namespaced" && owners.isClusterScoped(row);
    const owner = owners.find(view, row, reference);
    if (isUnresolvable) notes.push(invalidNamespace(row, reference));
    if (kind === undefined || isUnresolvable) solid.push(reference);
    else if (owner === undefined) {
      dangling.push(reference);
      const livesElsewhere = view.list(kind.id).some((other) => other.hot.uid === reference.uid);
      if (livesElsewhere) notes.push(invalidNamespace(row, reference));
    } else if (isForeground(owner)) waiting.push(reference);
    else solid.push(reference);
  }
  return { solid, dangling, waiting, notes };
}

function invalidNamespace(row: RowRef, { apiVersion, kind, name, uid }: OwnerReference): Note {
  const identity = `[${apiVersion}/${kind}, namespace: ${row.namespace}, name: ${name}, uid: ${uid}]`;
  return noteOn(row, source, {
    type: "Warning",
    reason: "OwnerRefInvalidNamespace",
    message: `ownerRef ${identity} does not exist in namespace "${row.namespace}"`,
  });
}
