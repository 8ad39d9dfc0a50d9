/** Which ConfigMaps and Secrets a pod's node must hold to run it: what its hot record names. Pure. */
import type { KindId } from "../../kinds/kind.ts";
import type { PodHot } from "../../kinds/pod.ts";
import type { RowRef } from "../../store/view.ts";

export interface Need {
  readonly kind: KindId;
  readonly namespace: string;
  readonly name: string;
}

export const needKey = (need: Need): string => `${need.kind}/${need.namespace}/${need.name}`;

/** Each once. */
export function needsOf({ namespace, hot }: Pick<RowRef, "namespace" | "hot">): readonly Need[] {
  const { configMaps, secrets } = hot as PodHot;
  return [
    ...configMaps.map((name) => ({ kind: "configmaps", namespace, name })),
    ...secrets.map((name) => ({ kind: "secrets", namespace, name })),
  ];
}
