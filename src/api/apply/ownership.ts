import type { ObjectSchema } from "../../kinds/schema.ts";
import { jsonEqual } from "../../util/equal.ts";
import type { JsonObject } from "../../util/json.ts";
import { compare } from "./compare.ts";
import { ApplyConflicts, type Conflict } from "./conflicts.ts";
import {
  difference,
  emptySet,
  intersection,
  isEmpty,
  keepEncoded,
  pathsOf,
  setOfNames,
  union,
  without,
  type FieldSet,
} from "./field-set.ts";
import { fieldsOf, withHolders } from "./fields-of.ts";
import { capUpdates, identityOf, type Manager, type Managers } from "./managers.ts";
import { mergeConfig } from "./merge.ts";
import { removeFields } from "./remove.ts";
import { shapeOf, type Shape } from "./shape.ts";

/**
 * The rules of ownership, pure: what an update takes, what an apply merges, owns, gives up and
 * removes. Objects are given without apiVersion, kind and managedFields.
 */

/** What the rules need to know of a kind. */
export interface Territory {
  readonly schema: ObjectSchema;
  /** Entries of other versions are of no use any more and are dropped. */
  readonly apiVersion: string;
  /** Fields that a write through this resource does not change, so that it cannot own them. */
  readonly reset: FieldSet;
}

export interface Writer {
  readonly name: string;
  /** Empty: the object itself. */
  readonly subresource: string;
  /** RFC 3339. */
  readonly now: string;
}

/** Fields that the server alone sets: nobody owns them. */
const nobodys: FieldSet = setOfNames([
  ["metadata"],
  ...[
    "name",
    "namespace",
    "creationTimestamp",
    "selfLink",
    "uid",
    "clusterName",
    "generation",
    "managedFields",
    "resourceVersion",
  ].map((name) => ["metadata", name]),
]);

/** What changed hands by an ordinary write. */
export interface Change {
  /** The writer's from now on. */
  readonly taken: FieldSet;
  /** Nobody else's any more. */
  readonly lost: FieldSet;
}

/** Undefined: nothing that could have an owner. */
export function changeOf(territory: Territory, before: JsonObject, after: JsonObject): Change | undefined {
  const comparison = compare(territory.schema, before, after);
  const changed = without(union(comparison.added, comparison.modified), territory.reset);
  const taken = difference(changed, nobodys);
  const removed = without(comparison.removed, territory.reset);
  const lost = union(taken, difference(removed, nobodys));
  return isEmpty(lost) ? undefined : { taken, lost };
}

/** By territory and shape; what has no owners is known as well. */
const changesOfNew = new WeakMap<Territory, Map<Shape, Change | undefined>>();
const shapesMax = 512;

/**
 * `changeOf` of an object that did not exist before. `whole` has the same fields, and some beside them that the
 * server sets in each object of its kind; `body` leaves those out, and is asked where the shape is met first.
 */
export function changeOfNew(territory: Territory, whole: JsonObject, body: () => JsonObject): Change | undefined {
  const shape = shapeOf(whole);
  if (shape === undefined) return changeOf(territory, nothing, body());
  let known = changesOfNew.get(territory);
  if (known === undefined) changesOfNew.set(territory, (known = new Map()));
  const found = known.get(shape);
  if (found !== undefined || known.has(shape)) return found;
  const change = changeOf(territory, nothing, body());
  if (known.size < shapesMax) {
    known.set(shape, change);
    if (change !== undefined) keepEncoded(change.taken);
  }
  return change;
}

const nothing: JsonObject = {};

/** The managers after a change: the writer has what it added or modified, nobody what was removed. */
export function recordChange(territory: Territory, change: Change, managers: Managers, writer: Writer): Managers {
  const { taken, lost } = change;
  const result = new Map<string, Manager>();
  for (const [identity, manager] of managers) {
    if (manager.apiVersion !== territory.apiVersion) continue;
    const fields = difference(manager.fields, lost);
    if (!isEmpty(fields)) result.set(identity, { ...manager, fields });
  }
  if (!isEmpty(taken)) {
    const { name, subresource, now } = writer;
    const self = { name, operation: "Update", apiVersion: territory.apiVersion, subresource } as const;
    const identity = identityOf(self);
    const previous = result.get(identity);
    const fields = previous === undefined ? taken : union(taken, previous.fields);
    result.set(identity, managerOf(self, now, fields));
  }
  return capUpdates(result);
}

function managerOf(self: Omit<Manager, "time" | "fields">, time: string, fields: FieldSet): Manager {
  const { name, operation, apiVersion, subresource } = self;
  return { name, operation, apiVersion, subresource, time, fields };
}

export interface Application {
  readonly config: JsonObject;
  readonly force: boolean;
}

export interface Applied {
  /** The merged object; undefined: the live object is what the configuration asks for. */
  readonly object: JsonObject | undefined;
  readonly managers: Managers;
}

/**
 * An apply: the configuration is laid over the live object, fields that this manager applied before
 * and nobody else owns are removed, and the manager owns exactly what it applied. Throws
 * `ApplyConflicts` where it would change what others own, unless `force` takes it from them.
 */
export function applyConfig(
  territory: Territory,
  live: JsonObject,
  managers: Managers,
  writer: Writer,
  application: Application,
): Applied {
  const { schema, apiVersion } = territory;
  const { config, force } = application;
  const known = new Map([...managers].filter(([, manager]) => manager.apiVersion === apiVersion));
  const self = { name: writer.name, operation: "Apply", apiVersion, subresource: writer.subresource } as const;
  const identity = identityOf(self);
  const last = known.get(identity);
  const applied = without(fieldsOf(schema, config), territory.reset);
  known.set(identity, { ...self, time: last?.time, fields: applied });
  const merged = mergeConfig(schema, live, config);
  const object = last === undefined ? merged : prune(schema, merged, known, last.fields);
  const others = settleOthers(territory, { before: live, after: object }, { managers: known, self: identity, force });
  const isChanged = !jsonEqual(live, object);
  const fields = difference(applied, nobodys);
  if (isEmpty(fields)) others.delete(identity);
  else others.set(identity, { ...self, time: isChanged ? writer.now : last?.time, fields });
  return { object: isChanged ? object : undefined, managers: others };
}

interface Claim {
  readonly managers: ReadonlyMap<string, Manager>;
  /** Identity of who applies. */
  readonly self: string;
  readonly force: boolean;
}

/** What the others keep. Throws `ApplyConflicts`. */
function settleOthers(
  territory: Territory,
  objects: { readonly before: JsonObject; readonly after: JsonObject },
  claim: Claim,
): Map<string, Manager> {
  const comparison = compare(territory.schema, objects.before, objects.after);
  const changed = without(union(comparison.added, comparison.modified), territory.reset);
  const removed = without(comparison.removed, territory.reset);
  const conflicts: Conflict[] = [];
  const result = new Map<string, Manager>();
  for (const [identity, manager] of claim.managers) {
    if (identity === claim.self) continue;
    const disputed = intersection(manager.fields, changed);
    for (const path of pathsOf(disputed)) conflicts.push({ manager, path });
    const fields = difference(difference(manager.fields, disputed), removed);
    if (!isEmpty(fields)) result.set(identity, { ...manager, fields });
  }
  if (conflicts.length > 0 && !claim.force) throw new ApplyConflicts(conflicts);
  return result;
}

/**
 * Removes what the manager applied last time and neither it nor anybody else claims now. What was
 * merely inside a removed field and belongs to others, or to nobody, comes back.
 */
function prune(
  schema: ObjectSchema,
  merged: JsonObject,
  managers: ReadonlyMap<string, Manager>,
  lastFields: FieldSet,
): JsonObject {
  if (isEmpty(lastFields)) return merged;
  const holders = (fields: FieldSet): FieldSet => withHolders(fields, schema);
  const last = holders(lastFields);
  const all = holders(fieldsOf(schema, merged));
  let claimed = emptySet;
  for (const manager of managers.values()) claimed = union(claimed, manager.fields);
  const bare = removeFields(schema, merged, last);
  const kept = union(holders(fieldsOf(schema, bare)), holders(claimed));
  const owned = removeFields(schema, merged, difference(all, kept));
  const gone = difference(all, holders(fieldsOf(schema, owned)));
  return removeFields(schema, merged, intersection(gone, last));
}
