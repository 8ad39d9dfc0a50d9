import type { Pod } from "../../kinds/generated/types.ts";
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
