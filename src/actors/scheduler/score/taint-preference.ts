/** Avoids nodes with taints that ask not to be used and that the pod does not tolerate. */
import type { Score } from "../plugin.ts";
import { tolerates } from "../../../kinds/tolerations.ts";

export const taintPreference: Score = {
  name: "TaintToleration",
  weight: 3,
  normalise: "reversed",
  raw: (pod, node) =>
    node.taints.filter((taint) => taint.effect === "PreferNoSchedule" && !tolerates(pod.tolerations, taint)).length,
};
