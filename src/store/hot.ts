import type { HotRecord, Kind, KubeObject } from "../kinds/kind.ts";

const noLabels: Readonly<Record<string, string>> = Object.freeze({});
const noOwners: readonly string[] = Object.freeze([]);

/** What stays decoded beside a row: the common members, then those that the kind asks for. */
export function hotOf(kind: Kind, object: KubeObject): HotRecord {
  const { uid, labels, ownerReferences, deletionTimestamp } = object.metadata;
  return {
    ...kind.hot?.(object),
    uid,
    labels: labels ?? noLabels,
    controller: ownerReferences?.find((owner) => owner.controller === true)?.uid,
    owners: ownerReferences?.map((owner) => owner.uid) ?? noOwners,
    deleting: deletionTimestamp !== undefined,
  };
}
