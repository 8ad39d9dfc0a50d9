/** What EndpointSlices and Endpoints have in common: which pods stand behind a Service, on which ports. */
import type { Container, Pod, Service, ServicePort } from "../../../kinds/generated/types.ts";
import type { RowRef, View } from "../../../store/view.ts";
import { jsonEqual } from "../../../util/equal.ts";
import type { ControllerWatch } from "../../runtime/controller.ts";
import { keysOf } from "../common/keys.ts";
import { isTerminal, isTerminating } from "../common/pods.ts";
import { containsAll } from "../common/selector.ts";

export type Family = "IPv4" | "IPv6";

export interface TargetPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string;
}

/** Services whose endpoints we compute: they select pods and are no mere alias. */
export function hasComputedEndpoints(service: Service): boolean {
  return service.spec.type !== "ExternalName" && Object.keys(service.spec.selector ?? {}).length > 0;
}

export function isHeadless(service: Service): boolean {
  return service.spec.clusterIP === "None";
}

/** Selected pods with an address that still run, terminating ones included if asked for. */
export function selectedPods(view: View, service: Service, withTerminating: boolean): readonly Pod[] {
  const selector = service.spec.selector ?? {};
  return view
    .list("pods", { namespace: service.metadata.namespace ?? "" })
    .filter((row) => containsAll(row.hot.labels, selector))
    .map((row) => row.object<Pod>())
    .filter((pod) => !isTerminal(pod) && addressesOf(pod).length > 0 && (withTerminating || !isTerminating(pod)));
}

export function addressesOf(pod: Pod): readonly string[] {
  const list = (pod.status?.podIPs ?? []).map(({ ip }) => ip).filter((ip) => ip !== "");
  if (list.length > 0) return list;
  const only = pod.status?.podIP ?? "";
  return only === "" ? [] : [only];
}

export function familyOf(address: string): Family {
  return address.includes(":") ? "IPv6" : "IPv4";
}

/** The Service's ports as this pod serves them; a named port that the pod lacks is left out. */
export function targetPorts(service: Service, pod: Pod): readonly TargetPort[] {
  return (service.spec.ports ?? []).flatMap((port) => {
    const number = targetOf(port, pod);
    if (number === undefined) return [];
    const { name = "", protocol = "TCP", appProtocol } = port;
    return [{ name, port: number, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) }];
  });
}

function targetOf({ targetPort, port, protocol = "TCP" }: ServicePort, pod: Pod): number | undefined {
  if (targetPort === undefined || targetPort === 0 || targetPort === "") return port;
  if (typeof targetPort === "number") return targetPort;
  const sidecars = (pod.spec.initContainers ?? []).filter(
    (container: Container) => container.restartPolicy === "Always",
  );
  return [...pod.spec.containers, ...sidecars]
    .flatMap((container) => container.ports ?? [])
    .find((each) => each.name === targetPort && (each.protocol ?? "TCP") === protocol)?.containerPort;
}

/** A pod's hostname as DNS publishes it: only under the Service that its subdomain names. */
export function publishedHostname(service: Service, pod: Pod): string | undefined {
  const { hostname = "", subdomain } = pod.spec;
  return hostname !== "" && subdomain === service.metadata.name ? hostname : undefined;
}

/** Changes of pods plan the Services that select them, before or after the change. */
export const watchPods: ControllerWatch = {
  kind: "pods",
  keys: (view, previous, next) => {
    const rows = [previous, next].filter((row) => row !== undefined);
    if (!rows.some(isReachable) || isSameToServices(previous, next)) return [];
    const services = view.list("services", { namespace: rows[0]?.namespace ?? "" });
    return keysOf(services.filter((service) => rows.some((row) => selectsRow(service, row))));
  },
};

/** A pod counts from its first address on. */
function isReachable({ hot }: RowRef): boolean {
  return hot["podIP"] !== "";
}

/** Nothing has changed of what endpoints are made of. */
function isSameToServices(previous: RowRef | undefined, next: RowRef | undefined): boolean {
  if (previous === undefined || next === undefined) return false;
  const [was, is] = [previous.hot, next.hot];
  return (
    was.uid === is.uid &&
    was.deleting === is.deleting &&
    endpointMembers.every((member) => jsonEqual(was[member], is[member])) &&
    jsonEqual(was.labels, is.labels)
  );
}

/** Of a pod's hot record. */
const endpointMembers = ["ready", "terminal", "nodeName", "podIP", "podIPs"];

function selectsRow(row: RowRef, pod: RowRef): boolean {
  const service = row.object<Service>();
  return hasComputedEndpoints(service) && containsAll(pod.hot.labels, service.spec.selector ?? {});
}

/** A node that comes, goes or changes its zone plans the Services of the pods on it. */
export const watchNodes: ControllerWatch = {
  kind: "nodes",
  keys: (view, previous, next) => {
    const name = (next ?? previous)?.name ?? "";
    const isSame =
      previous !== undefined && next !== undefined && previous.hot.labels[zoneLabel] === next.hot.labels[zoneLabel];
    if (isSame) return [];
    return view.index("pods", "node", name).flatMap((pod) => watchPods.keys(view, undefined, pod));
  },
};

export const zoneLabel = "topology.kubernetes.io/zone";
