import type { HotRecord, Kind, KubeObject } from "./kind.ts";

const noLabels: Readonly<Record<string, string>> = Object.freeze({});
const noOwners: readonly string[] = Object.freeze([]);

/** What stays decoded beside a row: the common members and those of its kind. */
export function hotRecord(kind: Kind, object: KubeObject): HotRecord {
  const { uid, labels, ownerReferences, deletionTimestamp } = object.metadata;
  const common = {
    uid,
    labels: labels ?? noLabels,
    controller: ownerReferences?.find((owner) => owner.controller === true)?.uid,
    owners: ownerReferences?.map((owner) => owner.uid) ?? noOwners,
    deleting: deletionTimestamp !== undefined,
  };
  return kind.hot === undefined ? common : { ...kind.hot(object), ...common };
}

/** Names of all indexes of a kind; `owner` (uid of the controller) and `owners` (uids of all owners) exist for every kind. */
export function indexNames(kind: Kind): readonly string[] {
  return ["owner", "owners", ...Object.keys(kind.indexes ?? {})];
}

/** Values of one row in one index. */
export function indexValues(kind: Kind, index: string, hot: HotRecord): readonly string[] {
  if (index === "owner") return hot.controller === undefined ? [] : [hot.controller];
  if (index === "owners") return hot.owners;
  return kind.indexes?.[index]?.(hot) ?? [];
}
