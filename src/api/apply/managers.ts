import type { Json } from "../../util/json.ts";
import { parseTime } from "../../util/time-format.ts";
import { isObject, member } from "../json-values.ts";
import { FieldPathError } from "./field-path.ts";
import { decodeFields, encodeSet, union, type FieldSet } from "./field-set.ts";

/** Who holds which fields: `metadata.managedFields`, decoded. */
export interface Manager {
  /** Name that the client chose. */
  readonly name: string;
  readonly operation: "Apply" | "Update";
  readonly apiVersion: string;
  /** Empty: the object itself. */
  readonly subresource: string;
  /** RFC 3339; undefined where an apply changed nothing. */
  readonly time: string | undefined;
  readonly fields: FieldSet;
}

/** By identity. */
export type Managers = ReadonlyMap<string, Manager>;

/** Entries of Updates beyond this are merged, oldest first. */
const updateManagersMax = 10;

const ancient = "ancient-changes";

/**
 * Text that tells managers apart: name, operation, sub-resource, and for Updates the version. An
 * applier stays the same one when it changes its version.
 */
export function identityOf(manager: Omit<Manager, "time" | "fields">): string {
  const { name, operation, apiVersion, subresource } = manager;
  const { of } = latest;
  const isLatest =
    of?.name === name && of.operation === operation && of.apiVersion === apiVersion && of.subresource === subresource;
  if (isLatest) return latest.identity;
  latest.of = { name, operation, apiVersion, subresource };
  latest.identity = JSON.stringify({
    manager: name,
    operation,
    ...(operation === "Apply" ? {} : { apiVersion }),
    ...(subresource === "" ? {} : { subresource }),
  });
  return latest.identity;
}

/** Who writes much is asked for again and again. */
const latest: { of: Omit<Manager, "time" | "fields"> | undefined; identity: string } = { of: undefined, identity: "" };

/** Throws `FieldPathError` if the list is not one that a server made. */
export function decodeManagers(entries: readonly unknown[]): Managers {
  const managers = new Map<string, Manager>();
  for (const entry of entries) {
    if (!isObject(entry)) throw new FieldPathError("an entry of managed fields must be an object");
    const text = (name: string): string => {
      const value = member(entry, name);
      return typeof value === "string" ? value : "";
    };
    const operation = text("operation");
    if (operation !== "Apply" && operation !== "Update") {
      throw new FieldPathError("operation must be `Apply` or `Update`");
    }
    if (text("apiVersion") === "") throw new FieldPathError("apiVersion must not be empty");
    if (text("fieldsType") !== "FieldsV1") throw new FieldPathError("fieldsType must be FieldsV1");
    const manager: Manager = {
      name: text("manager"),
      operation,
      apiVersion: text("apiVersion"),
      subresource: text("subresource"),
      time: text("time") === "" ? undefined : text("time"),
      fields: decodeFields(member(entry, "fieldsV1") ?? {}),
    };
    managers.set(identityOf(manager), manager);
  }
  return managers;
}

/** The list as it is stored; undefined: there is nothing to store. */
export function encodeManagers(managers: Managers): readonly Json[] | undefined {
  if (managers.size === 0) return undefined;
  const all = [...managers.values()];
  return (all.length === 1 ? all : all.toSorted(compareManagers)).map(encodeManager);
}

function encodeManager(manager: Manager): Json {
  const { name, operation, apiVersion, time, subresource } = manager;
  const entry: Record<string, Json> = {};
  if (name !== "") entry["manager"] = name;
  entry["operation"] = operation;
  entry["apiVersion"] = apiVersion;
  if (time !== undefined) entry["time"] = time;
  entry["fieldsType"] = "FieldsV1";
  entry["fieldsV1"] = encodeSet(manager.fields);
  if (subresource !== "") entry["subresource"] = subresource;
  return entry;
}

/** Appliers first, then by time. */
function compareManagers(left: Manager, right: Manager): number {
  const keys = (manager: Manager): readonly (string | number)[] => [
    manager.operation,
    parseTime(manager.time) ?? 0,
    manager.name,
    manager.apiVersion,
    manager.subresource,
  ];
  const others = keys(right);
  for (const [index, key] of keys(left).entries()) {
    const other = others[index]!;
    if (key !== other) return key < other ? -1 : 1;
  }
  return 0;
}

/** Keeps the list short: the oldest Updates become one entry a version. */
export function capUpdates(managers: Managers): Managers {
  if (managers.size <= updateManagersMax) return managers;
  const updates = [...managers].filter(([, manager]) => manager.operation === "Update");
  if (updates.length <= updateManagersMax) return managers;
  const oldest = updates.toSorted(([leftId, left], [rightId, right]) => {
    const apart = (parseTime(left.time) ?? 0) - (parseTime(right.time) ?? 0);
    return apart !== 0 ? apart : leftId < rightId ? -1 : 1;
  });
  const result = new Map(managers);
  const firstOf = new Map<string, string>();
  let count = updates.length;
  for (const [identity, manager] of oldest) {
    if (count <= updateManagersMax) break;
    const { apiVersion } = manager;
    const first = firstOf.get(apiVersion);
    if (first === undefined) {
      firstOf.set(apiVersion, identity);
      continue;
    }
    const bucket: Omit<Manager, "time" | "fields"> = {
      name: ancient,
      operation: "Update",
      apiVersion,
      subresource: "",
    };
    const bucketId = identityOf(bucket);
    const gathered = result.get(bucketId) ?? result.get(first);
    if (!result.has(bucketId)) result.delete(first);
    result.delete(identity);
    const fields = gathered === undefined ? manager.fields : union(manager.fields, gathered.fields);
    result.set(bucketId, { ...bucket, time: manager.time, fields });
    count -= 1;
  }
  return result;
}
