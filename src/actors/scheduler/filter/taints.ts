/** Every taint that forbids scheduling or execution must be tolerated. */
import { never, type Filter } from "../plugin.ts";
import { tolerates } from "../../../kinds/tolerations.ts";

export const taints: Filter = {
  name: "TaintToleration",
  refuse: (pod, node) => {
    const isRefused = node.taints.some(
      (taint) => taint.effect !== "PreferNoSchedule" && !tolerates(pod.tolerations, taint),
    );
    return isRefused ? never("node(s) had untolerated taint(s)") : undefined;
  },
};
