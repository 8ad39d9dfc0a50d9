/** Host ports of this node's pods: one map from protocol and port to the pod. Pure. */
import type { Pod } from "../../kinds/generated/types.ts";
import { ElementsBuilder, noElements, type Elements } from "./elements.ts";
import { formatIpv4, parseIpv4 } from "../../util/ipv4.ts";
import { parsePort, parseProto } from "./ports.ts";

export function hostPortElements(pod: Pod): Elements {
  const address = parseIpv4(pod.status?.podIP);
  const phase = pod.status?.phase;
  if (address === undefined || pod.spec.hostNetwork === true || phase === "Succeeded" || phase === "Failed")
    return noElements;
  const built = new ElementsBuilder();
  for (const container of [...(pod.spec.initContainers ?? []), ...pod.spec.containers]) {
    for (const { containerPort, hostPort, protocol } of container.ports ?? []) {
      const [from, to, proto] = [parsePort(hostPort), parsePort(containerPort), parseProto(protocol)];
      if (from === undefined || to === undefined || proto === undefined) continue;
      built.put("hp", `${proto} . ${from}`, `${formatIpv4(address)} . ${to}`);
      built.put("hair", `${formatIpv4(address)} . ${formatIpv4(address)}`);
    }
  }
  return built;
}
