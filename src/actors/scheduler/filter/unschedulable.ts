/** A cordoned node takes only pods that tolerate the taint of cordoned nodes. */
import { never, type Filter } from "../plugin.ts";
import { tolerates } from "../../../kinds/tolerations.ts";

const taint = { key: "node.kubernetes.io/unschedulable", effect: "NoSchedule" };

export const unschedulable: Filter = {
  name: "NodeUnschedulable",
  refuse: (pod, node) =>
    node.isUnschedulable && !tolerates(pod.tolerations, taint) ? never("node(s) were unschedulable") : undefined,
};
