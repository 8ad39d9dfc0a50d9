/** Why a pod found no node, in the sentence that kube-scheduler prints. */
import type { PodFacts } from "./facts.ts";
import type { Refusal } from "./plugin.ts";

export function unschedulableMessage(pod: PodFacts, refusals: ReadonlyMap<string, Refusal>): string {
  const count = refusals.size;
  if (count === 0) return "no nodes available to schedule pods";
  const all = [...refusals.values()];
  const reasons = histogram(all.flatMap((refusal) => refusal.reasons));
  const preemption = pod.mayPreempt
    ? `0/${count} nodes are available: ${histogram(
        all.map(({ isResolvable }) =>
          isResolvable ? "No preemption victims found for incoming pod" : "Preemption is not helpful for scheduling",
        ),
      )}.`
    : "not eligible due to preemptionPolicy=Never.";
  return `0/${count} nodes are available: ${reasons}. preemption: ${preemption}`;
}

/** `1 Insufficient cpu, 2 Too many pods`: sorted as texts, numbers included. */
function histogram(reasons: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  return [...counts]
    .map(([reason, count]) => `${count} ${reason}`)
    .toSorted()
    .join(", ");
}
