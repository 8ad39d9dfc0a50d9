/** A pod that names its node fits no other. */
import { never, type Filter } from "../plugin.ts";

export const nodeName: Filter = {
  name: "NodeName",
  refuse: (pod, node) =>
    pod.nodeName !== "" && pod.nodeName !== node.name
      ? never("node(s) didn't match the requested node name")
      : undefined,
};
