import type { ContainerStatus, Pod } from "../../kinds/generated/types.ts";
import { badRequest } from "../../kinds/status-errors.ts";

/** Which container a log, exec or attach is about. Throws 400 when that is not clear. */
export function chooseContainer(pod: Pod, wanted: string): string {
  const regular = namesOf(pod.spec.containers);
  const all = [...namesOf(pod.spec.initContainers), ...regular, ...namesOf(pod.spec.ephemeralContainers)];
  const { name } = pod.metadata;
  if (wanted !== "") {
    if (all.includes(wanted)) return wanted;
    throw badRequest(`container ${wanted} is not valid for pod ${name}`);
  }
  if (regular.length === 1) return regular[0]!;
  throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${all.join(" ")}]`);
}

function namesOf(containers: readonly { readonly name?: string }[] | undefined): readonly string[] {
  return (containers ?? []).map(({ name }) => name ?? "");
}

/** The runtime's id of the container that `logs --previous` is about. Throws 400 without one. */
export function previousContainerId(pod: Pod, container: string): string {
  const id = statusOf(pod, container)?.lastState?.terminated?.containerID ?? "";
  if (id !== "") return id.slice(id.indexOf("://") + 3);
  throw badRequest(`previous terminated container "${container}" in pod "${pod.metadata.name}" not found`);
}

/** Why a container has no log yet; undefined if its status does not say that it waits. */
export function whyWaiting(pod: Pod, container: string): string | undefined {
  const reason = statusOf(pod, container)?.state?.waiting?.reason;
  if (reason === undefined) return undefined;
  return `container "${container}" in pod "${pod.metadata.name}" is waiting to start: ${waitingTexts[reason] ?? reason}`;
}

const waitingTexts: Readonly<Record<string, string>> = {
  ErrImagePull: "image can't be pulled",
  ImagePullBackOff: "trying and failing to pull image",
};

function statusOf(pod: Pod, container: string): ContainerStatus | undefined {
  const { containerStatuses = [], initContainerStatuses = [], ephemeralContainerStatuses = [] } = pod.status ?? {};
  const all = [...containerStatuses, ...initContainerStatuses, ...ephemeralContainerStatuses];
  return all.find(({ name }) => name === container);
}
