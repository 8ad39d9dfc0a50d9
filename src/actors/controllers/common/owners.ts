/**
 * Owner references: whom an object belongs to, and how a controller adopts and releases objects.
 */
import type { KubeObject, OwnerReference } from "../../../kinds/kind.ts";
import type { RowRef, View } from "../../../store/view.ts";

export function controllerOf(object: KubeObject): OwnerReference | undefined {
  return object.metadata.ownerReferences?.find((owner) => owner.controller === true);
}

export function controllerReference(owner: KubeObject): OwnerReference {
  return {
    apiVersion: owner.apiVersion,
    kind: owner.kind,
    name: owner.metadata.name,
    uid: owner.metadata.uid,
    controller: true,
    blockOwnerDeletion: true,
  };
}

/** The owner references with `owner` as controller: a reference to it that is there is replaced. */
export function adopted(object: KubeObject, owner: KubeObject): readonly OwnerReference[] {
  return [...released(object, owner.metadata.uid), controllerReference(owner)];
}

/** The owner references without those to `uid`. */
export function released(object: KubeObject, uid: string): readonly OwnerReference[] {
  return (object.metadata.ownerReferences ?? []).filter((owner) => owner.uid !== uid);
}

export interface Claims {
  /** Owned by the claimant and matching: what it works with. */
  readonly owned: readonly RowRef[];
  /** Matching orphans that it should adopt. */
  readonly adopt: readonly RowRef[];
  /** Owned ones that match no longer. */
  readonly release: readonly RowRef[];
}

/**
 * Sorts a kind's rows of the owner's namespace. Nothing that is being deleted is adopted or
 * released, and a terminating owner claims nothing.
 */
export function claims(view: View, kind: string, owner: KubeObject, matches: (row: RowRef) => boolean): Claims {
  const uid = owner.metadata.uid;
  const mine = view.index(kind, "owner", uid).filter((row) => row.namespace === owner.metadata.namespace);
  if (owner.metadata.deletionTimestamp !== undefined) {
    return { owned: mine, adopt: [], release: [] };
  }
  const owned: RowRef[] = [];
  const release: RowRef[] = [];
  for (const row of mine) (row.hot.deleting || matches(row) ? owned : release).push(row);
  return {
    owned,
    release,
    adopt: view
      .list(kind, { namespace: owner.metadata.namespace ?? "" })
      .filter((row) => row.hot.controller === undefined && !row.hot.deleting && matches(row)),
  };
}
