import type { Json, MutableJson, MutableJsonObject } from "../../util/json.ts";
import { badRequest, entityTooLarge } from "../../kinds/status-errors.ts";
import { rejectedPatch } from "../refusals.ts";
import { jsonEqual } from "../../util/equal.ts";
import { setKey } from "../../util/json-text.ts";
import { cloneJson, isList, isObject } from "../json-values.ts";
import { limits } from "../limits.ts";

/**
 * JSON patch, RFC 6902. An undecodable patch is a 400, one that cannot be applied to this document
 * (a failing `test`, a missing path) a 422; nothing of a failing patch is kept.
 */
export function applyJsonPatch(document: Json, patch: Json): Json {
  if (!isList(patch)) throw badRequest("a JSON patch must be a list of operations");
  if (patch.length > limits.patchOperationsMax) {
    throw entityTooLarge(
      `The allowed maximum operations in a JSON patch is ${limits.patchOperationsMax}, got ${patch.length}`,
    );
  }
  const state: State = { root: cloneJson(document) as MutableJson, copiedBytes: 0 };
  for (const operation of patch.map(decodeOperation)) apply(state, operation);
  return state.root;
}

interface State {
  root: MutableJson;
  /** Bytes that `copy` has made: thirty doublings would fill the memory otherwise. */
  copiedBytes: number;
}

interface Operation {
  readonly op: string;
  readonly path: readonly string[];
  readonly from: readonly string[] | undefined;
  readonly value: Json | undefined;
}

function decodeOperation(raw: Json): Operation {
  if (!isObject(raw)) throw badRequest("an operation of a JSON patch must be an object");
  const op = raw["op"];
  const path = raw["path"];
  const from = raw["from"];
  if (typeof op !== "string" || typeof path !== "string") {
    throw badRequest("an operation of a JSON patch needs `op` and `path`");
  }
  return {
    op,
    path: pointer(path),
    from: typeof from === "string" ? pointer(from) : undefined,
    value: Object.hasOwn(raw, "value") ? raw["value"] : undefined,
  };
}

function pointer(text: string): readonly string[] {
  if (text === "") return [];
  if (!text.startsWith("/")) throw badRequest(`the JSON pointer "${text}" must begin with "/"`);
  return text
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

function apply(state: State, operation: Operation): void {
  const { op, path, from } = operation;
  switch (op) {
    case "add":
      add(state, path, valueOf(operation));
      return;
    case "remove":
      remove(state, path);
      return;
    case "replace":
      read(state.root, path);
      write(state, path, valueOf(operation));
      return;
    case "move": {
      const source = needed(from);
      const moved = read(state.root, source);
      remove(state, source);
      add(state, path, moved);
      return;
    }
    case "copy":
      add(state, path, copied(state, read(state.root, needed(from))));
      return;
    case "test":
      if (!jsonEqual(tested(state.root, path), operation.value ?? null)) {
        throw rejectedPatch();
      }
      return;
    default:
      throw badRequest(`unknown operation "${op}" in a JSON patch`);
  }
}

function valueOf(operation: Operation): MutableJson {
  if (operation.value === undefined) {
    throw badRequest(`operation "${operation.op}" of a JSON patch needs \`value\``);
  }
  return cloneJson(operation.value) as MutableJson;
}

function needed(from: readonly string[] | undefined): readonly string[] {
  if (from === undefined) throw badRequest("operation needs `from`");
  return from;
}

function copied(state: State, value: MutableJson): MutableJson {
  state.copiedBytes += JSON.stringify(value).length;
  if (state.copiedBytes > limits.patchCopyBytesMax) {
    throw entityTooLarge("the copies of this JSON patch are too large");
  }
  return cloneJson(value);
}

function position(list: readonly unknown[], step: string, end: number): number | undefined {
  if (!/^(0|[1-9][0-9]*)$/.test(step)) return undefined;
  const value = Number(step);
  return value <= end && value <= list.length ? value : undefined;
}

function read(root: MutableJson, path: readonly string[]): MutableJson {
  let value: MutableJson = root;
  for (const step of path) {
    const next = stepInto(value, step);
    if (next === undefined) throw rejectedPatch();
    value = next;
  }
  return value;
}

/** A missing member tests as null, as the libraries of Kubernetes' clients expect it. */
function tested(root: MutableJson, path: readonly string[]): MutableJson {
  if (path.length === 0) return root;
  const parent = read(root, path.slice(0, -1));
  return stepInto(parent, path.at(-1)!) ?? null;
}

function stepInto(value: MutableJson, step: string): MutableJson | undefined {
  if (Array.isArray(value)) {
    const at = position(value, step, value.length - 1);
    return at === undefined ? undefined : value[at];
  }
  if (isObject(value)) return Object.hasOwn(value, step) ? value[step] : undefined;
  return undefined;
}

function add(state: State, path: readonly string[], value: MutableJson): void {
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const parent = read(state.root, path.slice(0, -1));
  const step = path.at(-1)!;
  if (Array.isArray(parent)) {
    const at = step === "-" ? parent.length : position(parent, step, parent.length);
    if (at === undefined) throw rejectedPatch();
    parent.splice(at, 0, value);
  } else if (isObject(parent)) {
    setKey(parent, step, value);
  } else {
    throw rejectedPatch();
  }
}

function write(state: State, path: readonly string[], value: MutableJson): void {
  if (path.length === 0) {
    state.root = value;
    return;
  }
  const parent = read(state.root, path.slice(0, -1));
  if (Array.isArray(parent)) parent[Number(path.at(-1)!)] = value;
  else setKey(parent as MutableJsonObject, path.at(-1)!, value);
}

function remove(state: State, path: readonly string[]): void {
  if (path.length === 0) throw rejectedPatch();
  read(state.root, path);
  const parent = read(state.root, path.slice(0, -1));
  const step = path.at(-1)!;
  if (Array.isArray(parent)) parent.splice(Number(step), 1);
  else delete (parent as MutableJsonObject)[step];
}
