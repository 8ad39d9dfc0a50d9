import type { PodSpec, Toleration } from "../../kinds/generated/types.ts";
import type { Admission } from "./admission.ts";

/**
 * Every pod bears a node that is not ready or not reachable for a while, unless it says otherwise:
 * short losses of a node must not move pods about.
 */
export const defaultTolerations: Admission = {
  name: "DefaultTolerationSeconds",
  applies: (kind, request) => kind.id === "pods" && request.subresource === undefined && request.verb !== "delete",
  admit: ({ draft }) => {
    const spec = draft?.["spec"] as { tolerations?: readonly Toleration[] } | undefined;
    if (spec === undefined) return;
    for (const key of ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]) {
      const tolerations: PodSpec["tolerations"] = spec.tolerations ?? [];
      if (tolerations.some((item) => bears(item, key))) continue;
      spec.tolerations = [...tolerations, { key, operator: "Exists", effect: "NoExecute", tolerationSeconds }];
    }
  },
};

const tolerationSeconds = 300;

function bears(toleration: Toleration, key: string): boolean {
  const { key: own = "", effect = "" } = toleration;
  return (own === key || own === "") && (effect === "NoExecute" || effect === "");
}
