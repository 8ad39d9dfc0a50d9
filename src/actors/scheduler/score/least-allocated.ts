/** Prefers nodes with much left of cpu and memory: the mean of the free shares, whole percents. */
import { scoreMax } from "../limits.ts";
import type { Score } from "../plugin.ts";

export const leastAllocated: Score = {
  name: "NodeResourcesFit",
  weight: 1,
  normalise: "none",
  raw: (pod, node) => {
    let sum = 0;
    let count = 0;
    for (const name of ["cpu", "memory"] as const) {
      const capacity = node.allocatable[name] ?? 0;
      if (capacity === 0) continue;
      const used = node.assumed[name] + pod.assumed[name];
      sum += used > capacity ? 0 : Math.floor(((capacity - used) * scoreMax) / capacity);
      count += 1;
    }
    return count === 0 ? 0 : Math.floor(sum / count);
  },
};
