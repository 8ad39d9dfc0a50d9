/**
 * From a Service and its EndpointSlices to what the proxy must do for each of its ports: which front
 * ends lead to which endpoints. Rules of Kubernetes' proxy: ready endpoints, else terminating ones
 * that still serve; Local policies look at this node only; no endpoint at all is a reject, none here
 * under a Local policy a drop. Pure.
 */
import type { EndpointSlice, Service } from "../../kinds/generated/types.ts";
import { parseIpv4, type Ipv4 } from "../../util/ipv4.ts";
import { parsePort, parseProto, type Port, type Proto } from "./ports.ts";

export interface Target {
  readonly address: Ipv4;
  readonly port: Port;
  /** The endpoint's pod runs on this node. */
  readonly local: boolean;
}

export type Destination =
  | { readonly kind: "targets"; readonly targets: readonly Target[] }
  | { readonly kind: "reject" }
  | { readonly kind: "drop" };

export interface ServicePort {
  /** `namespace/name/port-name/protocol`: identity of its groups; never rendered. */
  readonly id: string;
  readonly proto: Proto;
  readonly port: Port;
  readonly nodePort: Port | undefined;
  readonly clusterAddresses: readonly Ipv4[];
  /** External IPs and load balancer addresses. */
  readonly externalAddresses: readonly Ipv4[];
  /** For the cluster addresses. */
  readonly internal: Destination;
  /** For external addresses and node ports, from outside. */
  readonly external: Destination;
  /** The same from pods and this host: as if they had gone out and come back. */
  readonly externalInside: Destination;
  /** Whether an external client's address is kept (Local policy). */
  readonly externalKeepsSource: boolean;
  /** Seconds of ClientIP affinity; undefined: none. */
  readonly affinitySeconds: number | undefined;
}

const affinityDefaultSeconds = 10_800;
const affinityMaxSeconds = 86_400;
/** A Service that another proxy serves. */
const otherProxyLabel = "service.kubernetes.io/service-proxy-name";

export function servicePorts(service: Service, slices: readonly EndpointSlice[], node: string): readonly ServicePort[] {
  const { spec, metadata } = service;
  if (spec.type === "ExternalName" || metadata.labels?.[otherProxyLabel] !== undefined) return [];
  const clusterAddresses = addressesOf(spec.clusterIPs ?? [spec.clusterIP ?? ""]);
  if (clusterAddresses.length === 0) return [];
  const externalAddresses = addressesOf([...(spec.externalIPs ?? []), ...loadBalancerAddresses(service)]);
  return (spec.ports ?? []).flatMap((port) => {
    const proto = parseProto(port.protocol);
    const number = parsePort(port.port);
    if (proto === undefined || number === undefined) return [];
    const endpoints = endpointsOf(slices, port.name ?? "", proto, node);
    const usable = usableTargets(endpoints);
    const keepsSource = spec.externalTrafficPolicy === "Local";
    const keepsInside = spec.internalTrafficPolicy === "Local";
    const local =
      keepsSource || keepsInside ? usableTargets(endpoints.filter((endpoint) => endpoint.target.local)) : usable;
    return [
      {
        id: `${metadata.namespace}/${metadata.name}/${port.name ?? ""}/${proto}`,
        proto,
        port: number,
        nodePort: hasNodePort(service) ? parsePort(port.nodePort) : undefined,
        clusterAddresses,
        externalAddresses,
        internal: destination(usable, keepsInside ? local : usable),
        external: destination(usable, keepsSource ? local : usable),
        externalInside: destination(usable, usable),
        externalKeepsSource: keepsSource,
        affinitySeconds: affinityOf(service),
      },
    ];
  });
}

function hasNodePort(service: Service): boolean {
  return service.spec.type === "NodePort" || service.spec.type === "LoadBalancer";
}

function addressesOf(texts: readonly string[]): readonly Ipv4[] {
  return texts.flatMap((text) => {
    const address = parseIpv4(text);
    return address === undefined ? [] : [address];
  });
}

/** Addresses with `ipMode: Proxy` are the load balancer's own and must not be short-circuited. */
function loadBalancerAddresses(service: Service): readonly string[] {
  return (service.status?.loadBalancer?.ingress ?? []).flatMap(({ ip, ipMode }) =>
    ip === undefined || ipMode === "Proxy" ? [] : [ip],
  );
}

function affinityOf(service: Service): number | undefined {
  if (service.spec.sessionAffinity !== "ClientIP") return undefined;
  const seconds = service.spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? affinityDefaultSeconds;
  return Math.min(Math.max(1, Math.floor(seconds)), affinityMaxSeconds);
}

interface Endpoint {
  readonly target: Target;
  readonly ready: boolean;
  readonly servesWhileTerminating: boolean;
}

function endpointsOf(
  slices: readonly EndpointSlice[],
  portName: string,
  proto: Proto,
  node: string,
): readonly Endpoint[] {
  return slices
    .filter((slice) => slice.addressType === "IPv4")
    .flatMap((slice) => {
      const port = parsePort(
        slice.ports?.find(
          (candidate) => (candidate.name ?? "") === portName && parseProto(candidate.protocol) === proto,
        )?.port,
      );
      if (port === undefined) return [];
      return (slice.endpoints ?? []).flatMap((endpoint) => {
        const address = parseIpv4(endpoint.addresses[0]);
        if (address === undefined) return [];
        const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {};
        return [
          {
            target: { address, port, local: endpoint.nodeName === node },
            ready,
            servesWhileTerminating: serving && terminating,
          },
        ];
      });
    });
}

/** Sorted and without repetition, so that equal endpoints render equal. */
function usableTargets(endpoints: readonly Endpoint[]): readonly Target[] {
  const ready = endpoints.filter((endpoint) => endpoint.ready);
  const chosen = ready.length > 0 ? ready : endpoints.filter((endpoint) => endpoint.servesWhileTerminating);
  const sorted = chosen.map(({ target }) => target).toSorted((a, b) => a.address - b.address || a.port - b.port);
  return sorted.filter(({ address, port }, at) => address !== sorted[at + 1]?.address || port !== sorted[at + 1]?.port);
}

function destination(everywhere: readonly Target[], chosen: readonly Target[]): Destination {
  if (chosen.length > 0) return { kind: "targets", targets: chosen };
  return everywhere.length > 0 ? { kind: "drop" } : { kind: "reject" };
}
