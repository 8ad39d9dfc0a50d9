/** Which ConfigMaps and Secrets a pod's node must hold to run it. Pure. */
import type { KindId } from "../../kinds/kind.ts";
import type { Container, EphemeralContainer, Pod, Volume } from "../../kinds/generated/types.ts";

export interface Need {
  readonly kind: KindId;
  readonly namespace: string;
  readonly name: string;
}

export const needKey = (need: Need): string => `${need.kind}/${need.namespace}/${need.name}`;

/** Without repetition, in order of appearance. */
export function needsOf(pod: Pod): readonly Need[] {
  const namespace = pod.metadata.namespace ?? "";
  const found = new Map<string, Need>();
  const add = (kind: KindId, name: string | undefined): void => {
    if (name === undefined || name === "") return;
    const need = { kind, namespace, name };
    found.set(needKey(need), need);
  };
  for (const container of containersOf(pod)) addContainer(container, add);
  for (const volume of pod.spec.volumes ?? []) addVolume(volume, add);
  for (const secret of pod.spec.imagePullSecrets ?? []) add("secrets", secret.name);
  return [...found.values()];
}

type Add = (kind: KindId, name: string | undefined) => void;

function containersOf(pod: Pod): readonly (Container | EphemeralContainer)[] {
  return [...(pod.spec.initContainers ?? []), ...pod.spec.containers, ...(pod.spec.ephemeralContainers ?? [])];
}

function addContainer(container: Container | EphemeralContainer, add: Add): void {
  for (const source of container.envFrom ?? []) {
    add("configmaps", source.configMapRef?.name);
    add("secrets", source.secretRef?.name);
  }
  for (const variable of container.env ?? []) {
    add("configmaps", variable.valueFrom?.configMapKeyRef?.name);
    add("secrets", variable.valueFrom?.secretKeyRef?.name);
  }
}

function addVolume(volume: Volume, add: Add): void {
  add("configmaps", volume.configMap?.name);
  add("secrets", volume.secret?.secretName);
  for (const source of volume.projected?.sources ?? []) {
    add("configmaps", source.configMap?.name);
    add("secrets", source.secret?.name);
  }
}
