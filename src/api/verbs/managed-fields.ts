import type { Draft, Kind, KubeObject } from "../../kinds/kind.ts";
import { apiVersionOf } from "../../kinds/catalogue.ts";
import { flatten } from "../../kinds/flat-schema.ts";
import { jsonEqual } from "../../util/equal.ts";
import type { JsonObject } from "../../util/json.ts";
import { formatTime } from "../../util/time-format.ts";
import { FieldPathError } from "../apply/field-path.ts";
import { setOfNames, type FieldSet } from "../apply/field-set.ts";
import { decodeManagers, encodeManagers, type Managers } from "../apply/managers.ts";
import { changeOf, changeOfNew, recordChange, type Change, type Territory, type Writer } from "../apply/ownership.ts";
import { TypedError } from "../apply/structure.ts";
import { isObject } from "../json-values.ts";
import type { Evaluation } from "./evaluation.ts";

/**
 * `metadata.managedFields` of what the verbs write. Objects without a list are not tracked until
 * somebody applies them; those that the program's own controllers and nodes create begin without
 * one, and their writes of status never cost a comparison (docs/decisions/0009).
 */

type Entries = readonly unknown[] | undefined;

/** The list of a new object. `given`: what the client sent along. */
export function fieldsOfNew(evaluation: Evaluation, draft: Draft, given: Entries): Entries {
  if (evaluation.request.tracking === "sparse") return undefined;
  const managers = given === undefined ? noManagers : (decodeOrNone(given) ?? noManagers);
  const whole = draft as unknown as JsonObject;
  const change = (territory: Territory): Change | undefined => changeOfNew(territory, whole, () => bodyOf(draft));
  return recorded(evaluation, change, () => managers) ?? encodeManagers(managers);
}

export interface Changed {
  readonly draft: Draft;
  readonly old: KubeObject;
  /** What the client sent along. */
  readonly given: Entries;
}

/** The list of a changed object. */
export function fieldsOfChanged(evaluation: Evaluation, changed: Changed): Entries {
  const { request } = evaluation;
  const { draft, old } = changed;
  const stored = old.metadata.managedFields;
  const subresource = request.subresource ?? "";
  const isQuiet = request.tracking === "sparse" && subresource === "status" && !mentionsStatus(stored);
  // Binding a pod is the scheduler's right; nobody contends for the field.
  if (isQuiet || subresource === "binding") return stored;
  const given = subresource === "" ? changed.given : undefined;
  const isOwn = given === undefined || given === stored || jsonEqual(given, stored);
  if (isOwn && (stored === undefined || stored.length === 0)) return undefined;
  const managers = isOwn ? undefined : managersOf(stored, given);
  if (managers?.size === 0) return undefined;
  const change = (territory: Territory): Change | undefined => changeOf(territory, bodyOf(old), bodyOf(draft));
  const entries = recorded(evaluation, change, () => managers ?? decodeOrNone(stored ?? []) ?? noManagers);
  return entries ?? (managers === undefined ? stored : encodeManagers(managers));
}

/**
 * The managers that a write starts from: those that the client sent, if it sent any that can be
 * read. An empty list, or one with one empty entry, asks for a fresh start.
 */
function managersOf(stored: Entries, given: readonly unknown[]): Managers {
  const isReset = given.length === 0 || (given.length === 1 && isObject(given[0]) && jsonEqual(given[0], {}));
  if (isReset) return noManagers;
  const known = decodeOrNone(given);
  return known === undefined || known.size === 0 ? (decodeOrNone(stored ?? []) ?? noManagers) : known;
}

const noManagers: Managers = new Map();

function decodeOrNone(entries: readonly unknown[]): Managers | undefined {
  try {
    return decodeManagers(entries);
  } catch (error) {
    if (error instanceof FieldPathError) return undefined;
    throw error;
  }
}

function mentionsStatus(entries: Entries): boolean {
  return entries?.some((entry) => isObject(entry) && entry["subresource"] === "status") === true;
}

/**
 * The list after a change; undefined: nothing changed hands. An object that cannot be compared is
 * stored with an empty one: ownership is no reason to refuse a write.
 */
function recorded(
  evaluation: Evaluation,
  changed: (territory: Territory) => Change | undefined,
  managers: () => Managers,
): Entries {
  const territory = territoryOf(evaluation.kind, evaluation.request.subresource ?? "");
  try {
    const change = changed(territory);
    if (change === undefined) return undefined;
    return encodeManagers(recordChange(territory, change, managers(), writerOf(evaluation))) ?? [];
  } catch (error) {
    if (error instanceof TypedError) return [];
    throw error;
  }
}

export function writerOf({ request, transaction }: Evaluation): Writer {
  return {
    name: request.fieldManager ?? "unknown",
    subresource: request.subresource ?? "",
    now: formatTime(transaction.now),
  };
}

/** An object as ownership sees it: without its type and without the list itself. */
export function bodyOf(object: Draft | KubeObject): JsonObject {
  const { apiVersion: _version, kind: _kind, ...body } = object;
  const { managedFields: _fields, ...metadata } = object.metadata;
  return { ...body, metadata } as unknown as JsonObject;
}

/** Sets or drops the list. */
export function setManagedFields(draft: Draft, entries: Entries): void {
  if (entries === undefined || entries.length === 0) delete draft.metadata.managedFields;
  else draft.metadata.managedFields = entries;
}

/** Are two lists the same but for their times? */
export function sameManagers(left: Entries, right: Entries): boolean {
  if (left === right) return true;
  if (left?.length !== right?.length || left === undefined || right === undefined) return false;
  return left.every((entry, place) => jsonEqual(timeless(entry), timeless(right[place])));
}

function timeless(entry: unknown): unknown {
  if (!isObject(entry)) return entry;
  const { time: _time, ...rest } = entry;
  return rest;
}

const territories = new WeakMap<Kind, Map<string, Territory>>();

export function territoryOf(kind: Kind, subresource: string): Territory {
  const known = territories.get(kind) ?? new Map<string, Territory>();
  territories.set(kind, known);
  let territory = known.get(subresource);
  if (territory === undefined) {
    territory = { schema: kind.schema, apiVersion: apiVersionOf(kind), reset: resetOf(kind, subresource) };
    known.set(subresource, territory);
  }
  return territory;
}

/** Metadata that a write of `/status` leaves as it is, by kind. */
const keptByStatus: Readonly<Record<string, readonly (readonly string[])[]>> = {
  "deployments.apps": [["metadata", "labels"]],
  pods: [
    ["metadata", "deletionTimestamp"],
    ["metadata", "ownerReferences"],
  ],
};

function resetOf(kind: Kind, subresource: string): FieldSet {
  if (subresource === "") return setOfNames(kind.subresources.status === true ? [["status"]] : []);
  if (subresource !== "status") return setOfNames([]);
  const names = flatten(kind.schema).fields.map(([name]) => [name]);
  const others = names.filter(([name]) => name !== "metadata" && name !== "status");
  return setOfNames([...others, ...(keptByStatus[kind.id] ?? [])]);
}
