/** The request must fit into what the node has left; a resource that is not asked for never fails. */
import type { Filter } from "../plugin.ts";

export const resources: Filter = {
  name: "NodeResourcesFit",
  refuse: (pod, node) => {
    const reasons: string[] = [];
    let isResolvable = true;
    if (node.pods + 1 > node.podsMax) reasons.push("Too many pods");
    for (const name of Object.keys(pod.request).toSorted(byImportance)) {
      const wanted = pod.request[name] ?? 0;
      const allocatable = node.allocatable[name] ?? 0;
      if (wanted === 0 || wanted <= allocatable - (node.requested[name] ?? 0)) continue;
      reasons.push(`Insufficient ${name}`);
      // More than the whole node has: no removal of pods can help.
      if (wanted > allocatable) isResolvable = false;
    }
    return reasons.length === 0 ? undefined : { reasons, isResolvable };
  },
};

const important = ["cpu", "memory", "ephemeral-storage"];

function byImportance(a: string, b: string): number {
  const rank = (name: string): number => {
    const at = important.indexOf(name);
    return at < 0 ? important.length : at;
  };
  return rank(a) - rank(b) || (a < b ? -1 : 1);
}
