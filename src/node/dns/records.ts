/** From API objects to the zone's state, incrementally: one change touches one name. */
import type { EndpointSlice, Pod, Service } from "../../kinds/generated/types.ts";
import { hostOf, reverseKey, type EndpointRecord, type ServiceRecord, type ZoneState } from "./zone.ts";

export class ZoneBuilder implements ZoneState {
  readonly domain: string;
  readonly namespaces: Set<string> = new Set();
  readonly services: Map<string, ServiceRecord> = new Map();
  readonly endpoints: Map<string, readonly EndpointRecord[]> = new Map();
  readonly pods: Map<string, Set<string>> = new Map();
  readonly serviceByIp: Map<string, string> = new Map();
  readonly hostByIp: Map<string, string> = new Map();
  /** Service key → slice key → its endpoints. */
  readonly #slices = new Map<string, Map<string, readonly EndpointRecord[]>>();
  readonly #serviceOfSlice = new Map<string, string>();
  readonly #podAddresses = new Map<string, readonly string[]>();

  constructor(domain: string) {
    this.domain = domain;
  }

  clear(): void {
    for (const held of [this.namespaces, this.services, this.endpoints, this.pods, this.serviceByIp, this.hostByIp]) {
      held.clear();
    }
    this.#slices.clear();
    this.#serviceOfSlice.clear();
    this.#podAddresses.clear();
  }

  setNamespace(name: string, present: boolean): void {
    if (present) this.namespaces.add(name);
    else this.namespaces.delete(name);
  }

  setService(key: string, service: Service | undefined): void {
    for (const address of this.services.get(key)?.clusterIps ?? []) this.serviceByIp.delete(reverseKey(address));
    if (service === undefined) {
      this.services.delete(key);
    } else {
      const record = serviceRecord(service);
      this.services.set(key, record);
      for (const address of record.clusterIps) this.serviceByIp.set(reverseKey(address), key);
    }
    this.#reverse(key);
  }

  setSlice(key: string, slice: EndpointSlice | undefined): void {
    const before = this.#serviceOfSlice.get(key);
    const name = slice?.metadata.labels?.["kubernetes.io/service-name"];
    const service = slice === undefined || name === undefined ? undefined : `${slice.metadata.namespace}/${name}`;
    if (before !== undefined && before !== service) this.#drop(before, key);
    if (service === undefined) return;
    this.#serviceOfSlice.set(key, service);
    const slices = this.#slices.get(service) ?? new Map<string, readonly EndpointRecord[]>();
    this.#slices.set(service, slices.set(key, endpointRecords(slice!)));
    this.#join(service);
  }

  setPod(key: string, pod: Pod | undefined): void {
    const namespace = key.split("/")[0]!;
    for (const address of this.#podAddresses.get(key) ?? []) this.pods.get(address)?.delete(namespace);
    const addresses = (pod?.status?.podIPs ?? []).flatMap(({ ip }) => (ip === undefined ? [] : [ip]));
    if (addresses.length === 0) this.#podAddresses.delete(key);
    else this.#podAddresses.set(key, addresses);
    for (const address of addresses) {
      this.pods.set(address, (this.pods.get(address) ?? new Set()).add(namespace));
    }
  }

  #drop(service: string, slice: string): void {
    this.#serviceOfSlice.delete(slice);
    const slices = this.#slices.get(service);
    slices?.delete(slice);
    if (slices?.size === 0) this.#slices.delete(service);
    this.#join(service);
  }

  #join(service: string): void {
    this.#unreverse(service);
    const slices = this.#slices.get(service);
    if (slices === undefined) this.endpoints.delete(service);
    else this.endpoints.set(service, [...slices.values()].flat());
    this.#reverse(service);
  }

  #unreverse(service: string): void {
    for (const endpoint of this.endpoints.get(service) ?? []) this.hostByIp.delete(reverseKey(endpoint.address));
  }

  /** Endpoints with a hostname of their own reverse to it, as the DNS specification wants. */
  #reverse(key: string): void {
    this.#unreverse(key);
    const service = this.services.get(key);
    if (service === undefined || service.clusterIps.length > 0) return;
    for (const endpoint of this.endpoints.get(key) ?? []) {
      const target = `${hostOf(endpoint)}.${service.name}.${service.namespace}.svc.${this.domain}`;
      this.hostByIp.set(reverseKey(endpoint.address), target);
    }
  }
}

function serviceRecord(service: Service): ServiceRecord {
  const spec = service.spec;
  const addresses = spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]);
  return {
    namespace: service.metadata.namespace ?? "",
    name: service.metadata.name,
    clusterIps: spec.type === "ExternalName" ? [] : addresses.filter((address) => address !== "None" && address !== ""),
    externalName: spec.type === "ExternalName" ? spec.externalName?.replace(/\.$/, "") : undefined,
    publishNotReady: spec.publishNotReadyAddresses === true,
    ports: (spec.ports ?? []).map((port) => ({
      name: port.name ?? "",
      protocol: port.protocol ?? "TCP",
      port: port.port,
    })),
  };
}

function endpointRecords(slice: EndpointSlice): readonly EndpointRecord[] {
  if (slice.addressType === "FQDN") return [];
  const ports = (slice.ports ?? []).flatMap((port) =>
    port.port === undefined ? [] : [{ name: port.name ?? "", protocol: port.protocol ?? "TCP", port: port.port }],
  );
  return (slice.endpoints ?? []).flatMap((endpoint) =>
    endpoint.addresses.map((address) => ({
      address,
      ready: endpoint.conditions?.ready ?? true,
      hostname: endpoint.hostname,
      ports,
    })),
  );
}
