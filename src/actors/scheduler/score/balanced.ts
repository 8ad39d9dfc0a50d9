/**
 * Prefers nodes whose shares of used cpu and memory come close together. Real requests count here,
 * so a pod that asks for nothing has no preference.
 */
import { scoreMax } from "../limits.ts";
import type { Score } from "../plugin.ts";

export const balanced: Score = {
  name: "NodeResourcesBalancedAllocation",
  weight: 1,
  normalise: "none",
  raw: (pod, node) => {
    const names = ["cpu", "memory"];
    if (names.every((name) => (pod.request[name] ?? 0) === 0)) return 0;
    const shares: number[] = [];
    for (const name of names) {
      const capacity = node.allocatable[name] ?? 0;
      if (capacity === 0) continue;
      const used = (node.requested[name] ?? 0) + (pod.request[name] ?? 0);
      shares.push(Math.min(1, used / capacity));
    }
    const [first = 0, second = first] = shares;
    return Math.trunc((1 - Math.abs(first - second) / 2) * scoreMax);
  },
};
