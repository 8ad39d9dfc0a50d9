import type { Json, JsonObject } from "../../util/json.ts";
import { isObject } from "../json-values.ts";
import {
  compareElements,
  FieldPathError,
  fieldElement,
  readElement,
  type FieldPath,
  type PathElement,
} from "./field-path.ts";

/**
 * A set of fields as a tree. A node is one field: `owned` says that the field itself is in the set,
 * `below` holds the fields inside it. The root stands for the whole object and is never owned.
 *
 * Sets are values: no function here changes its arguments, and results may share nodes with them.
 */
export interface FieldSet {
  readonly owned: boolean;
  readonly below: ReadonlyMap<string, FieldSet>;
}

/** A set under construction; `attach` and `childOf` add to it. */
export interface FieldSetDraft {
  owned: boolean;
  below: ReadonlyMap<string, FieldSetDraft>;
}

/** Most fields hold no others: they share this one, which stays empty. */
const nothingBelow: ReadonlyMap<string, FieldSetDraft> = new Map();

export const emptySet: FieldSet = { owned: false, below: nothingBelow };

export function newSet(): FieldSetDraft {
  return { owned: false, below: nothingBelow };
}

/** Puts a field into one that is under construction. */
export function attach(set: FieldSetDraft, element: PathElement, child: FieldSetDraft): void {
  if (set.below.size === 0) set.below = new Map([[element, child]]);
  else (set.below as Map<string, FieldSetDraft>).set(element, child);
}

/** The field of that name inside one that is under construction; made where there is none. */
export function childOf(set: FieldSetDraft, element: PathElement): FieldSetDraft {
  const known = set.below.get(element);
  if (known !== undefined) return known;
  const made = newSet();
  attach(set, element, made);
  return made;
}

/** Adds one field; those around it stay as they are. */
export function insert(set: FieldSetDraft, path: FieldPath): void {
  let node = set;
  for (const element of path) node = childOf(node, element);
  if (path.length > 0) node.owned = true;
}

/** The set of these fields, given by names: `["metadata", "name"]`. */
export function setOfNames(paths: readonly (readonly string[])[]): FieldSet {
  const set = newSet();
  for (const path of paths) insert(set, path.map(fieldElement));
  return set;
}

export function isEmpty(set: FieldSet): boolean {
  if (set.owned) return false;
  for (const node of set.below.values()) if (!isEmpty(node)) return false;
  return true;
}

export function has(set: FieldSet, path: FieldPath): boolean {
  let node: FieldSet | undefined = set;
  for (const element of path) node = node?.below.get(element);
  return node?.owned === true;
}

export function union(left: FieldSet, right: FieldSet): FieldSet {
  if (right.below.size === 0 && !right.owned) return left;
  if (left.below.size === 0 && !left.owned) return right;
  const below = new Map(left.below);
  for (const [element, node] of right.below) {
    const known = below.get(element);
    below.set(element, known === undefined ? node : union(known, node));
  }
  return { owned: left.owned || right.owned, below };
}

export function intersection(left: FieldSet, right: FieldSet): FieldSet {
  const below = new Map<string, FieldSet>();
  for (const [element, node] of left.below) {
    const other = right.below.get(element);
    if (other !== undefined) keep(below, element, intersection(node, other));
  }
  return { owned: left.owned && right.owned, below };
}

/** Fields of the left that are not in the right; what lies below a field of the right stays. */
export function difference(left: FieldSet, right: FieldSet): FieldSet {
  if (right.below.size === 0 || left.below.size === 0) return withoutOwn(left, right);
  const below = new Map<string, FieldSet>();
  for (const [element, node] of left.below) {
    const other = right.below.get(element);
    keep(below, element, other === undefined ? node : difference(node, other));
  }
  return { owned: left.owned && !right.owned, below };
}

/** As `difference`, but a field of the right takes everything below it along. */
export function without(left: FieldSet, right: FieldSet): FieldSet {
  if (right.below.size === 0 || left.below.size === 0) return left;
  const below = new Map<string, FieldSet>();
  for (const [element, node] of left.below) {
    const other = right.below.get(element);
    if (other?.owned === true) continue;
    keep(below, element, other === undefined ? node : without(node, other));
  }
  return { owned: left.owned, below };
}

/** The fields below are all kept, or there are none. */
function withoutOwn(left: FieldSet, right: FieldSet): FieldSet {
  return left.owned && right.owned ? { owned: false, below: left.below } : left;
}

function keep(below: Map<string, FieldSet>, element: string, node: FieldSet): void {
  if (node.owned || node.below.size > 0) below.set(element, node);
}

export function setsEqual(left: FieldSet, right: FieldSet): boolean {
  if (left.owned !== right.owned || left.below.size !== right.below.size) return false;
  for (const [element, node] of left.below) {
    const other = right.below.get(element);
    if (other === undefined || !setsEqual(node, other)) return false;
  }
  return true;
}

/** All fields, in the order of fieldsV1: fields of one level before those below them. */
export function pathsOf(set: FieldSet): readonly FieldPath[] {
  const paths: FieldPath[] = [];
  collect(set, [], paths);
  return paths;
}

function collect(set: FieldSet, prefix: FieldPath, paths: FieldPath[]): void {
  const entries = sorted(set);
  for (const [element, node] of entries) if (node.owned) paths.push([...prefix, element]);
  for (const [element, node] of entries) collect(node, [...prefix, element], paths);
}

function sorted(set: FieldSet): readonly (readonly [string, FieldSet])[] {
  const entries = [...set.below];
  return entries.length < 2 ? entries : entries.sort(([left], [right]) => compareElements(left, right));
}

const leaf: JsonObject = Object.freeze({});

/** The tree of fieldsV1; `.` marks a field that is in the set together with fields below it. */
export function encodeFields(set: FieldSet): JsonObject {
  if (set.below.size === 0) return leaf;
  const out: Record<string, Json> = {};
  if (set.owned && set.below.size > 0) out["."] = {};
  for (const [element, node] of sorted(set)) out[element] = encodeFields(node);
  return out;
}

/** Sets that many objects share, and their trees. */
const encodedSets = new WeakMap<FieldSet, JsonObject>();

/** The tree of this set will be asked for again and again. */
export function keepEncoded(set: FieldSet): void {
  encodedSets.set(set, encodeFields(set));
}

/** As `encodeFields`, of a whole set. */
export function encodeSet(set: FieldSet): JsonObject {
  return encodedSets.get(set) ?? encodeFields(set);
}

/** Throws `FieldPathError` if this is no tree of fields. */
export function decodeFields(fields: Json): FieldSet {
  const { below } = decodeNode(fields);
  return { owned: false, below };
}

function decodeNode(fields: Json): FieldSet {
  if (!isObject(fields)) throw new FieldPathError("fieldsV1 must be a tree of objects");
  const below = new Map<string, FieldSet>();
  let owned = false;
  for (const [text, inner] of Object.entries(fields)) {
    if (text === ".") {
      owned = true;
      continue;
    }
    const element = readElement(text);
    if (element === undefined) continue;
    const node = decodeNode(inner);
    const known = below.get(element);
    below.set(element, known === undefined ? node : union(known, node));
  }
  return { owned: owned || below.size === 0, below };
}
