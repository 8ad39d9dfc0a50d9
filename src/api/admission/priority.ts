import type { PodSpec } from "../../kinds/generated/types.ts";
import { forbidden } from "../../kinds/status-errors.ts";
import type { Admission } from "./admission.ts";

/**
 * Writes into every new pod the priority that its class gives, so that it does not change when classes do.
 * PriorityClasses are no kind of this server yet: the two of the system are known, any other name counts as
 * none (a warning says so, `inert.ts`).
 */
export const priority: Admission = {
  name: "Priority",
  applies: (kind, request) => kind.id === "pods" && request.subresource === undefined && request.verb !== "delete",
  admit: ({ draft, old, kind }) => {
    if (draft === undefined) return;
    const spec = draft["spec"] as Partial<Settled>;
    if (old !== undefined) return keep(spec, (old as unknown as { readonly spec: Partial<Settled> }).spec);
    const settled: Settled = { priority: classes.get(spec.priorityClassName ?? "") ?? 0, preemptionPolicy };
    const name = draft.metadata.name ?? "";
    const refuse = (what: string, given: unknown, computed: unknown): never => {
      const text = `must not be provided in pod spec; priority admission controller computed ${String(computed)} from the given PriorityClass name`;
      throw forbidden(kind, name, `the ${what} (${String(given)}) ${text}`);
    };
    if (spec.priority !== undefined && spec.priority !== settled.priority) {
      refuse("integer value of priority", spec.priority, settled.priority);
    }
    if (spec.preemptionPolicy !== undefined && spec.preemptionPolicy !== settled.preemptionPolicy) {
      refuse("string value of PreemptionPolicy", spec.preemptionPolicy, settled.preemptionPolicy);
    }
    Object.assign(spec, settled);
  },
};

type Settled = { -readonly [Name in "priority" | "preemptionPolicy"]: NonNullable<PodSpec[Name]> } & {
  readonly priorityClassName?: string;
};

const preemptionPolicy = "PreemptLowerPriority";
const classes: ReadonlyMap<string, number> = new Map([
  ["system-cluster-critical", 2_000_000_000],
  ["system-node-critical", 2_000_001_000],
]);

/** Whoever leaves out what was computed does not change it; whoever changes it is refused by validation. */
function keep(spec: Partial<Settled>, old: Partial<Settled>): void {
  if (spec.priority === undefined && old.priority !== undefined) spec.priority = old.priority;
  if (spec.preemptionPolicy === undefined && old.preemptionPolicy !== undefined) {
    spec.preemptionPolicy = old.preemptionPolicy;
  }
}
