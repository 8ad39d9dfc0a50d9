import type { ListSchema, Schema } from "../../kinds/schema.ts";
import { setKey } from "../../util/json-text.ts";
import type { Json, JsonObject } from "../../util/json.ts";
import { isList, isObject, member } from "../json-values.ts";
import type { PathElement } from "./field-path.ts";
import { behind, indexItems, isBlank, structureOf, type Indexed } from "./structure.ts";

/**
 * The live object with a configuration laid over it: leaves are those of the configuration, fields
 * and items of both are kept. Nothing is removed here. Throws `TypedError`.
 */
export function mergeConfig(schema: Schema, live: JsonObject, config: JsonObject): JsonObject {
  const merged = merge(schema, live, config);
  return isObject(merged) ? merged : {};
}

/** Undefined: nothing of either is left. */
function merge(schema: Schema | undefined, live: Json | undefined, config: Json | undefined): Json | undefined {
  const isLeaf = schema === undefined || structureOf(schema) === "leaf" || (isBlank(live) && isBlank(config));
  if (isLeaf) return config === undefined ? live : config;
  if (schema.type === "list") return mergeItems(schema, isList(live) ? live : [], isList(config) ? config : []);
  return mergeFields(schema, isObject(live) ? live : {}, isObject(config) ? config : {});
}

function mergeFields(schema: Schema, live: JsonObject, config: JsonObject): Json | undefined {
  const out: Record<string, Json> = {};
  const names = new Set([...Object.keys(live), ...Object.keys(config)]);
  for (const name of names) {
    const value = merge(behind(schema, name), member(live, name), member(config, name));
    if (value !== undefined) setKey(out, name, value);
  }
  return Object.keys(out).length === 0 ? undefined : out;
}

function mergeItems(schema: ListSchema, live: readonly Json[], config: readonly Json[]): Json | undefined {
  const left = indexItems(schema, live);
  const right = indexItems(schema, config);
  const out: Json[] = [];
  const take = (one: Json | undefined, other: Json | undefined): void => {
    const value = merge(schema.items, one, other);
    if (value !== undefined) out.push(value);
  };
  for (const step of mergeOrder(left, right)) {
    if (step.from === "live") take(live[step.place], undefined);
    else {
      const same = left.items.get(step.element) ?? [];
      // An item that stands twice in the live list is replaced: its fields cannot be told apart.
      take(same.length === 1 ? same[0] : undefined, config[step.place]);
    }
  }
  return out.length === 0 ? undefined : out;
}

interface Step {
  readonly from: "live" | "both";
  readonly element: PathElement;
  /** In the list that the item is taken from: `both` is led by the configuration. */
  readonly place: number;
}

/**
 * Order of the merged items: shared ones stand as the configuration has them; those of the live
 * list alone stay behind the shared one that they followed, new ones where the configuration puts
 * them.
 */
function mergeOrder(live: Indexed, config: Indexed): readonly Step[] {
  const steps: Step[] = [];
  const shared = config.elements.filter((element) => live.items.has(element));
  const done = new Set<PathElement>();
  let nextShared = shared.shift();
  let l = 0;
  let c = 0;
  while (l < live.elements.length || c < config.elements.length) {
    const left = live.elements[l];
    const right = config.elements[c];
    if (left !== undefined && right !== undefined) {
      if (left === right) {
        done.add(right);
        steps.push({ from: "both", element: right, place: c });
        l += 1;
        c += 1;
        nextShared = shared.shift();
        continue;
      }
      if (config.items.has(left) && nextShared !== undefined && nextShared !== left) {
        l += 1;
        continue;
      }
    }
    if (left !== undefined) {
      if (!config.items.has(left)) {
        steps.push({ from: "live", element: left, place: l });
        l += 1;
        continue;
      }
      if (done.has(left)) l += 1;
    }
    if (right !== undefined) {
      done.add(right);
      steps.push({ from: "both", element: right, place: c });
      c += 1;
      if (nextShared === right) nextShared = shared.shift();
    }
  }
  return steps;
}
