/** What a scheduling plugin is: a filter says which nodes can take a pod, a score which is best. */
import type { NodeFacts, PodFacts } from "./facts.ts";

export interface Refusal {
  /** In Kubernetes' words; clients and people search for them. */
  readonly reasons: readonly string[];
  /** Would the removal of other pods from the node help? */
  readonly isResolvable: boolean;
}

export interface Filter {
  readonly name: string;
  /** Undefined: the node can take the pod. */
  readonly refuse: (pod: PodFacts, node: NodeFacts) => Refusal | undefined;
}

export interface Score {
  readonly name: string;
  readonly weight: number;
  /** `share`: 100 × raw / highest raw; `reversed`: 100 minus that; `none`: raw is a score already. */
  readonly normalise: "none" | "share" | "reversed";
  readonly raw: (pod: PodFacts, node: NodeFacts) => number;
}

/** Removing pods does not help. */
export function never(reason: string): Refusal {
  return { reasons: [reason], isResolvable: false };
}
