/**
 * What the cluster's zone answers: a pure function of Services, their endpoints, namespaces and pods.
 * Follows the Kubernetes DNS specification 1.1: A/AAAA, SRV, PTR, CNAME for ExternalName, NODATA
 * (never NXDOMAIN) for the other address family and for names that exist with other types only.
 */
import {
  classIn,
  codes,
  expandIpv6,
  types,
  type Answer,
  type Question,
  type RecordData,
  type ResourceRecord,
} from "./message.ts";

export interface ServiceRecord {
  readonly namespace: string;
  readonly name: string;
  /** Empty: headless or ExternalName. */
  readonly clusterIps: readonly string[];
  readonly externalName: string | undefined;
  readonly publishNotReady: boolean;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

export interface EndpointRecord {
  readonly address: string;
  readonly ready: boolean;
  /** The pod's hostname where it has one and its subdomain is the service. */
  readonly hostname: string | undefined;
  readonly ports: readonly { readonly name: string; readonly protocol: string; readonly port: number }[];
}

export interface ZoneState {
  /** `cluster.local`. */
  readonly domain: string;
  readonly namespaces: ReadonlySet<string>;
  /** By `namespace/name`. */
  readonly services: ReadonlyMap<string, ServiceRecord>;
  readonly endpoints: ReadonlyMap<string, readonly EndpointRecord[]>;
  /** Pod address → namespaces that have a pod of it. */
  readonly pods: ReadonlyMap<string, ReadonlySet<string>>;
  /** Address → `namespace/name` of the Service whose cluster address it is. */
  readonly serviceByIp: ReadonlyMap<string, string>;
  /** Address → the headless endpoint name that it reverses to. */
  readonly hostByIp: ReadonlyMap<string, string>;
}

/** Seconds that clients may keep an answer, and a denial. */
const ttl = 5;
const dnsSchemaVersion = "1.1.0";

/** Undefined: the name is not ours, ask upstream. */
export function answerZone(state: ZoneState, question: Question): Answer | undefined {
  const name = question.name.toLowerCase();
  if (name.endsWith(".in-addr.arpa") || name.endsWith(".ip6.arpa")) return answerReverse(state, question, name);
  if (name !== state.domain && !name.endsWith(`.${state.domain}`)) return undefined;
  if (question.class !== classIn) return refused;
  const labels = name === state.domain ? [] : name.slice(0, -state.domain.length - 1).split(".");
  const found = lookup(state, labels.toReversed());
  if (found === undefined) return denied(state, codes.nameError);
  if (found.alias !== undefined) return positive([record(question.name, { type: types.CNAME, target: found.alias })]);
  const matching = found.records.filter((data) => data.type === question.type || question.type === types.ANY);
  if (question.type === types.ANY)
    return positive([record(question.name, { type: types.HINFO, cpu: "RFC8482", os: "" })]);
  if (matching.length === 0) return denied(state, codes.ok);
  return {
    ...positive(matching.map((data) => record(question.name, data))),
    additional: found.additional ?? [],
  };
}

const refused: Answer = { code: codes.refused, authoritative: false, answers: [] };

interface Found {
  readonly records: readonly RecordData[];
  readonly alias?: string;
  readonly additional?: readonly ResourceRecord[];
}

const empty: Found = { records: [] };

function lookup(state: ZoneState, path: readonly string[]): Found | undefined {
  const [area, namespace, third, fourth, fifth] = path;
  if (area === undefined) return apex(state);
  if (area === "dns-version" && path.length === 1) return { records: [{ type: types.TXT, text: dnsSchemaVersion }] };
  if (area !== "svc" && area !== "pod") return undefined;
  if (namespace === undefined) return empty;
  if (!state.namespaces.has(namespace)) return undefined;
  if (third === undefined) return empty;
  if (area === "pod") return path.length === 3 ? lookupPod(state, namespace, third) : undefined;
  const service = state.services.get(`${namespace}/${third}`);
  if (service === undefined) return undefined;
  if (fourth === undefined) return lookupService(state, service);
  if (path.length === 4)
    return fourth.startsWith("_") ? lookupProtocol(state, service, fourth) : lookupHost(state, service, fourth);
  if (path.length === 5) return lookupPort(state, service, { protocol: fourth, port: fifth! });
  return undefined;
}

function apex(state: ZoneState): Found {
  return { records: [soaData(state), { type: types.NS, target: `ns.dns.${state.domain}` }] };
}

function lookupPod(state: ZoneState, namespace: string, label: string): Found | undefined {
  const address = addressOfLabel(label);
  if (address === undefined || state.pods.get(address)?.has(namespace) !== true) return undefined;
  return { records: [addressData(address)] };
}

function lookupService(state: ZoneState, service: ServiceRecord): Found | undefined {
  if (service.externalName !== undefined) return { records: [], alias: service.externalName };
  if (service.clusterIps.length > 0) return { records: service.clusterIps.map(addressData) };
  const usable = usableEndpoints(state, service);
  return usable.length === 0 ? undefined : { records: unique(usable.map(({ address }) => address)).map(addressData) };
}

function lookupHost(state: ZoneState, service: ServiceRecord, host: string): Found | undefined {
  if (service.clusterIps.length > 0 || service.externalName !== undefined) return undefined;
  const matching = usableEndpoints(state, service).filter((endpoint) => hostOf(endpoint) === host);
  return matching.length === 0
    ? undefined
    : { records: unique(matching.map(({ address }) => address)).map(addressData) };
}

/** `_tcp.web.shop.svc`: exists, as an empty non-terminal, where a port of that protocol does. */
function lookupProtocol(state: ZoneState, service: ServiceRecord, protocol: string): Found | undefined {
  return portsOf(state, service).some((port) => `_${port.protocol.toLowerCase()}` === protocol) ? empty : undefined;
}

function lookupPort(
  state: ZoneState,
  service: ServiceRecord,
  wanted: { readonly protocol: string; readonly port: string },
): Found | undefined {
  const isWanted = (port: { readonly name: string; readonly protocol: string }): boolean =>
    port.name !== "" && `_${port.name}` === wanted.port && `_${port.protocol.toLowerCase()}` === wanted.protocol;
  const base = `${service.name}.${service.namespace}.svc.${state.domain}`;
  const targets =
    service.clusterIps.length > 0
      ? service.ports.filter(isWanted).map((port) => ({ target: base, port: port.port, addresses: service.clusterIps }))
      : usableEndpoints(state, service).flatMap((endpoint) =>
          endpoint.ports
            .filter(isWanted)
            .map((port) => ({ target: `${hostOf(endpoint)}.${base}`, port: port.port, addresses: [endpoint.address] })),
        );
  if (targets.length === 0) return undefined;
  const weight = Math.max(1, Math.floor(100 / targets.length));
  return {
    records: targets.map(({ target, port }) => ({ type: types.SRV, priority: 0, weight, port, target })),
    additional: targets.flatMap(({ target, addresses }) =>
      addresses.map((address) => record(target, addressData(address))),
    ),
  };
}

function portsOf(state: ZoneState, service: ServiceRecord): readonly { readonly protocol: string }[] {
  if (service.clusterIps.length > 0) return service.ports;
  return usableEndpoints(state, service).flatMap((endpoint) => endpoint.ports);
}

function usableEndpoints(state: ZoneState, service: ServiceRecord): readonly EndpointRecord[] {
  const all = state.endpoints.get(`${service.namespace}/${service.name}`) ?? [];
  return service.publishNotReady ? all : all.filter((endpoint) => endpoint.ready);
}

/** The pod's hostname, else its address with dashes. */
export function hostOf(endpoint: EndpointRecord): string {
  return endpoint.hostname ?? endpoint.address.replace(/[.:]/g, "-");
}

function answerReverse(state: ZoneState, question: Question, name: string): Answer | undefined {
  const address = addressOfReverse(name);
  if (address === undefined) return undefined;
  const service = state.serviceByIp.get(address);
  const [namespace, service_] = service?.split("/") ?? [];
  const target = service === undefined ? state.hostByIp.get(address) : `${service_}.${namespace}.svc.${state.domain}`;
  if (target === undefined) return undefined;
  if (question.type !== types.PTR) return denied(state, codes.ok);
  return positive([record(question.name, { type: types.PTR, target })]);
}

function addressOfReverse(name: string): string | undefined {
  if (name.endsWith(".in-addr.arpa")) {
    const parts = name.slice(0, -".in-addr.arpa".length).split(".");
    return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part))
      ? parts.toReversed().join(".")
      : undefined;
  }
  const nibbles = name.slice(0, -".ip6.arpa".length).split(".");
  if (nibbles.length !== 32 || !nibbles.every((nibble) => /^[0-9a-f]$/.test(nibble))) return undefined;
  return canonicalIpv6(nibbles.toReversed().join(""));
}

function canonicalIpv6(hex: string): string {
  return Array.from({ length: 8 }, (_, index) =>
    Number.parseInt(hex.slice(index * 4, index * 4 + 4), 16).toString(16),
  ).join(":");
}

/** `10-1-2-3` → `10.1.2.3`; IPv6 with its colons as dashes. */
function addressOfLabel(label: string): string | undefined {
  if (/^\d{1,3}(-\d{1,3}){3}$/.test(label)) return label.replaceAll("-", ".");
  return /^[0-9a-f-]+$/.test(label) && label.includes("-") ? label.replaceAll("-", ":") : undefined;
}

function addressData(address: string): RecordData {
  return address.includes(":") ? { type: types.AAAA, address } : { type: types.A, address };
}

function record(name: string, data: RecordData): ResourceRecord {
  return { name, ttl, data };
}

function positive(answers: readonly ResourceRecord[]): Answer {
  return { code: codes.ok, authoritative: true, answers };
}

function denied(state: ZoneState, code: number): Answer {
  return { code, authoritative: true, answers: [], authority: [record(state.domain, soaData(state))] };
}

function soaData(state: ZoneState): RecordData {
  return {
    type: types.SOA,
    primary: `ns.dns.${state.domain}`,
    mailbox: `hostmaster.${state.domain}`,
    serial: 1,
    refresh: 7_200,
    retry: 1_800,
    expire: 86_400,
    minimum: ttl,
  };
}

function unique(values: readonly string[]): readonly string[] {
  return [...new Set(values)];
}

/** The key under which an IPv6 address of a record stands in the reverse maps. */
export function reverseKey(address: string): string {
  return address.includes(":")
    ? expandIpv6(address)
        .map((group) => group.toString(16))
        .join(":")
    : address;
}
