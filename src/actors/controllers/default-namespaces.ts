/** The namespaces that every cluster has. They are made again if one is missing. */
import { nothing, type Controller } from "../runtime/controller.ts";
import { create } from "./common/writes.ts";

const names = ["default", "kube-system", "kube-public", "kube-node-lease"];

export const defaultNamespaces: Controller = {
  name: "default-namespaces",
  source: "default-namespaces-controller",
  watches: [
    {
      kind: "namespaces",
      keys: (_view, previous, next) =>
        previous !== undefined && next === undefined && names.includes(previous.name) ? [previous.name] : [],
    },
  ],
  writes: ["namespaces"],
  seed: () => names,
  plan: (view, key) => {
    if (view.get("namespaces", "", key) !== undefined) return nothing;
    return {
      writes: [create("namespaces", { apiVersion: "v1", kind: "Namespace", metadata: { name: key }, spec: {} })],
    };
  },
};
