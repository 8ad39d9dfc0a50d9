/** The node selector and the required node affinity must both match the node. */
import { pinnedNames, matchesSelector } from "../node-selector.ts";
import { never, type Filter } from "../plugin.ts";

export const nodeAffinity: Filter = {
  name: "NodeAffinity",
  refuse: (pod, node) => {
    const { nodeSelector, required } = pod;
    // A pod that is pinned to named nodes (a DaemonSet's) leaves all others out beforehand.
    if (required !== undefined && pinnedNames(required)?.has(node.name) === false) {
      return never("node(s) didn't satisfy plugin(s) [NodeAffinity]");
    }
    const matches =
      Object.entries(nodeSelector).every(
        ([key, value]) => Object.hasOwn(node.labels, key) && node.labels[key] === value,
      ) &&
      (required === undefined || matchesSelector(required, node));
    return matches ? undefined : never("node(s) didn't match Pod's node affinity/selector");
  },
};
