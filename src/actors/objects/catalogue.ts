import type { MachineCatalogue, MachineDef } from "../runtime/machine.ts";
import { deploymentMachine } from "./deployment.ts";
import { namespaceMachine } from "./namespace.ts";
import { nodeMachine } from "./node.ts";
import { objectMachine } from "./object.ts";
import { podMachine } from "./pod.ts";
import { replicaSetMachine } from "./replicaset.ts";

/** All versions that are loaded, newest first within a name; the second is what the breaker falls back to. */
const all: readonly MachineDef[] = [
  objectMachine,
  podMachine,
  nodeMachine,
  deploymentMachine,
  replicaSetMachine,
  namespaceMachine,
];

function byName(defs: readonly MachineDef[]): MachineCatalogue {
  const found = new Map<string, MachineDef[]>();
  for (const def of defs) found.set(def.name, [...(found.get(def.name) ?? []), def]);
  return found;
}

/** Object machines by the name that a kind's file gives in `machine`. */
export const machines: MachineCatalogue = byName(all);
