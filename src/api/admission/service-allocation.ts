import { createFieldErrors, statusInvalid } from "../../kinds/errors.ts";
import type { Service, ServicePort, ServiceSpec } from "../../kinds/generated/types.ts";
import type { Kind } from "../../kinds/kind.ts";
import { needsHealthPort, needsNodePort } from "../../kinds/service.ts";
import { familyOf, validateClusterIPs, type IpFamily } from "../../kinds/service-families.ts";
import { internalError } from "../../kinds/status-errors.ts";
import { invariant, type StatusError } from "../../util/errors.ts";
import { formatIp, parseCidr, parseIp, rangeContains, rangeSize, type IpRange } from "../../util/ip.ts";
import type { Transaction } from "../../actors/runtime/command.ts";
import type { Admission } from "./admission.ts";

/**
 * Gives Services their addresses and node ports. The rows of Services are the only truth about what
 * is taken (indexes `clusterIP` and `nodePort`), so nothing can leak, and a deleted Service has
 * freed everything. The first part of each range is kept for those who ask for a certain value.
 */

export interface ServiceRanges {
  /** One range, or one of each family; the first is the primary. */
  readonly clusterCidrs: readonly string[];
  /** Both inclusive. */
  readonly nodePorts: { readonly from: number; readonly to: number };
}

export const defaultServiceRanges: ServiceRanges = {
  clusterCidrs: ["10.43.0.0/16"],
  nodePorts: { from: 30_000, to: 32_767 },
};

export function createServiceAllocation(ranges: ServiceRanges = defaultServiceRanges): Admission {
  const networks = ranges.clusterCidrs.map((cidr) => {
    const range = parseCidr(cidr);
    invariant(range !== undefined, `${cidr} is a range of addresses`);
    return range;
  });
  return {
    name: "ServiceAllocation",
    applies: (kind, request) =>
      kind.id === "services" && request.subresource === undefined && request.verb !== "delete",
    admit: ({ draft, old, kind, request, transaction }) => {
      if (draft === undefined) return;
      const allocation = new Allocation({
        transaction,
        kind,
        networks,
        nodePorts: ranges.nodePorts,
        namespace: draft.metadata.namespace ?? request.namespace,
        name: draft.metadata.name ?? "",
        spec: draft["spec"] as SpecDraft,
        old: old as Service | undefined,
      });
      allocation.run();
    },
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type SpecDraft = Writable<ServiceSpec>;
type PortDraft = Writable<ServicePort>;

interface AllocationInput {
  readonly transaction: Transaction;
  readonly kind: Kind;
  readonly networks: readonly IpRange[];
  readonly nodePorts: ServiceRanges["nodePorts"];
  readonly namespace: string;
  readonly name: string;
  readonly spec: SpecDraft;
  readonly old: Service | undefined;
}

const rangeFull = "range is full";

/** One Service of one write. */
class Allocation {
  private readonly input: AllocationInput;
  private readonly spec: SpecDraft;
  private readonly before: ServiceSpec | undefined;

  constructor(input: AllocationInput) {
    this.input = input;
    this.spec = input.spec;
    this.before = input.old?.spec;
  }

  run(): void {
    const { spec, before } = this;
    if (before !== undefined) keepAllocated(spec, before);
    syncClusterIPs(spec, before);
    if (spec.type !== "ExternalName") {
      this.chooseFamilies();
      if (spec.clusterIPs?.[0] !== "None") this.allocateIPs();
    }
    this.allocatePorts();
  }

  private get served(): readonly IpFamily[] {
    return this.input.networks.map((range) => (range.family === 4 ? "IPv4" : "IPv6"));
  }

  private refuse(path: string, value: unknown, text: string): StatusError {
    const errors = createFieldErrors();
    errors.invalid(path, value, text);
    return statusInvalid(this.input.kind, this.input.name, errors);
  }

  private chooseFamilies(): void {
    const { spec, before } = this;
    const headless = spec.clusterIPs?.[0] === "None";
    const selectorless = Object.keys(spec.selector ?? {}).length === 0;
    spec.ipFamilyPolicy ??= before?.ipFamilyPolicy ?? (headless && selectorless ? "RequireDualStack" : "SingleStack");
    if (before !== undefined) cutToSingle(spec, before);
    const errors = createFieldErrors();
    validateClusterIPs(errors, { spec }, this.input.old);
    if (errors.causes.length > 0) throw statusInvalid(this.input.kind, this.input.name, errors);
    this.refuseSecond();
    const families = this.familiesOfIPs();
    const primary = this.served[0] ?? "IPv4";
    const other: IpFamily = (families[0] ?? primary) === "IPv4" ? "IPv6" : "IPv4";
    if (families.length === 0) families.push(primary);
    if (headless && selectorless) {
      if (spec.ipFamilyPolicy !== "SingleStack" && families.length === 1) families.push(other);
      spec.ipFamilies = families;
      return;
    }
    if (spec.ipFamilyPolicy === "RequireDualStack" && this.served.length < 2) {
      const text = "this cluster is not configured for dual-stack services";
      throw this.refuse("spec.ipFamilyPolicy", spec.ipFamilyPolicy, text);
    }
    for (const [index, family] of families.entries()) {
      if (this.served.includes(family)) continue;
      throw this.refuse(`spec.ipFamilies[${index}]`, family, "not configured on this cluster");
    }
    const unchanged = before?.ipFamilyPolicy === "PreferDualStack" && spec.ipFamilyPolicy === "PreferDualStack";
    const wantsBoth = spec.ipFamilyPolicy !== "SingleStack" && this.served.includes(other);
    if (families.length === 1 && wantsBoth && !unchanged) families.push(other);
    spec.ipFamilies = families;
  }

  private refuseSecond(): void {
    const { spec } = this;
    if (spec.ipFamilyPolicy !== "SingleStack") return;
    const text = "must be 'RequireDualStack' or 'PreferDualStack' when multiple";
    if ((spec.clusterIPs ?? []).length > 1) {
      throw this.refuse("spec.ipFamilyPolicy", spec.ipFamilyPolicy, `${text} cluster IPs are specified`);
    }
    if ((spec.ipFamilies ?? []).length > 1) {
      throw this.refuse("spec.ipFamilyPolicy", spec.ipFamilyPolicy, `${text} IP families are specified`);
    }
  }

  /** The given families, and those of given addresses. */
  private familiesOfIPs(): IpFamily[] {
    const families = [...((this.spec.ipFamilies ?? []) as readonly IpFamily[])];
    const ips = this.spec.clusterIPs ?? [];
    for (const [index, ip] of ips.entries()) {
      const family = familyOf(ip);
      if (family === undefined || families[index] !== undefined) continue;
      if (!this.served.includes(family)) {
        throw this.refuse(`spec.clusterIPs[${index}]`, ips, `${family} is not configured on this cluster`);
      }
      families.push(family);
    }
    return families;
  }

  private allocateIPs(): void {
    const { spec } = this;
    const given = spec.clusterIPs ?? [];
    const own = new Set(this.before?.clusterIPs ?? []);
    const ips = (spec.ipFamilies ?? []).map((family, index) => {
      const wanted = given[index];
      const range = this.input.networks.find((item) => (item.family === 4 ? "IPv4" : "IPv6") === family);
      if (range === undefined) throw this.refuse("spec.ipFamilies", spec.ipFamilies, "not configured on this cluster");
      if (wanted === undefined) return this.nextIP(range);
      if (!own.has(wanted)) this.claimIP(range, wanted, given);
      return wanted;
    });
    spec.clusterIPs = ips;
    if (ips[0] !== undefined) spec.clusterIP = ips[0];
  }

  private claimIP(range: IpRange, wanted: string, given: readonly string[]): void {
    const ip = parseIp(wanted);
    const { first, count } = usable(range);
    const inside = ip !== undefined && rangeContains(range, ip) && ip.value >= first && ip.value < first + count;
    const problem = !inside
      ? "the provided network does not match the current range"
      : this.taken("clusterIP", wanted)
        ? "provided IP is already allocated"
        : undefined;
    if (problem === undefined) return;
    throw this.refuse("spec.clusterIPs", given, `failed to allocate IP ${wanted}: ${problem}`);
  }

  /** A random start above the band that is kept for explicit wishes, then onwards; the band last. */
  private nextIP(range: IpRange): string {
    const { first, count } = usable(range);
    const band = staticBand(rangeSize(range));
    const free = (from: bigint, size: bigint): string | undefined => {
      if (size <= 0n) return undefined;
      const start = BigInt(this.input.transaction.random.below(Number(size < 65_536n ? size : 65_536n)));
      for (let step = 0n; step < size && step < searchMax; step += 1n) {
        const ip = formatIp(range.family, from + ((start + step) % size));
        if (!this.taken("clusterIP", ip)) return ip;
      }
      return undefined;
    };
    const found = free(first + band, count - band) ?? free(first, band < count ? band : count);
    if (found !== undefined) return found;
    throw internalError(`failed to allocate a serviceIP for Service "${this.input.name}": ${rangeFull}`);
  }

  /** Does another Service hold the value? */
  private taken(index: "clusterIP" | "nodePort", value: string): boolean {
    const { transaction, kind, namespace, name } = this.input;
    return transaction.index(kind.id, index, value).some((row) => row.namespace !== namespace || row.name !== name);
  }

  private allocatePorts(): void {
    const { spec } = this;
    const ports = (spec.ports ?? []) as PortDraft[];
    const byNumber = new Map<number, number>();
    const own = new Set<number>();
    if (spec.type === "NodePort" || spec.type === "LoadBalancer") {
      for (const [index, port] of ports.entries()) {
        if ((port.nodePort ?? 0) !== 0) this.claimPort(port, index, byNumber, own);
      }
    }
    if (needsNodePort(spec)) {
      for (const port of ports) {
        if ((port.nodePort ?? 0) !== 0) continue;
        // The same port number for TCP and UDP shares one node port.
        port.nodePort = byNumber.get(port.port) ?? this.nextPort(own);
        byNumber.set(port.port, port.nodePort);
        own.add(port.nodePort);
      }
    }
    this.allocateHealthPort(own);
  }

  private claimPort(port: PortDraft, index: number, byNumber: Map<number, number>, own: Set<number>): void {
    const nodePort = port.nodePort ?? 0;
    const { from, to } = this.input.nodePorts;
    const shared = byNumber.get(port.port) === nodePort;
    const problem =
      nodePort < from || nodePort > to
        ? `provided port is not in the valid range. The range of valid ports is ${from}-${to}`
        : this.taken("nodePort", String(nodePort)) || (own.has(nodePort) && !shared)
          ? "provided port is already allocated"
          : undefined;
    if (problem !== undefined) throw this.refuse(`spec.ports[${index}].nodePort`, nodePort, problem);
    byNumber.set(port.port, nodePort);
    own.add(nodePort);
  }

  private nextPort(own: ReadonlySet<number>): number {
    const { from, to } = this.input.nodePorts;
    const count = to - from + 1;
    const band = Math.min(Math.max(16, Math.floor(count / 32)), 128, count - 1);
    const free = (start: number, size: number): number | undefined => {
      if (size <= 0) return undefined;
      const offset = this.input.transaction.random.below(size);
      for (let step = 0; step < size; step += 1) {
        const port = start + ((offset + step) % size);
        if (!own.has(port) && !this.taken("nodePort", String(port))) return port;
      }
      return undefined;
    };
    const found = free(from + band, count - band) ?? free(from, band);
    if (found !== undefined) return found;
    throw internalError(`failed to allocate a nodePort: ${rangeFull}`);
  }

  private allocateHealthPort(own: ReadonlySet<number>): void {
    const { spec } = this;
    if (!needsHealthPort(spec)) return;
    const wanted = spec.healthCheckNodePort ?? 0;
    if (wanted === 0) spec.healthCheckNodePort = this.nextPort(own);
    else if (own.has(wanted) || this.taken("nodePort", String(wanted))) {
      throw internalError(
        `failed to allocate requested HealthCheck NodePort ${wanted}: provided port is already allocated`,
      );
    }
  }
}

/** Addresses that a search looks at before a range counts as full. */
const searchMax = 1n << 20n;

/** All addresses but the network's own and, in IPv4, the broadcast address. */
function usable(range: IpRange): { readonly first: bigint; readonly count: bigint } {
  const size = rangeSize(range);
  return { first: range.base + 1n, count: size - (range.family === 4 ? 2n : 1n) };
}

function staticBand(size: bigint): bigint {
  if (size <= 16n) return 0n;
  const part = size / 16n;
  const raised = part < 16n ? 16n : part;
  return raised > 256n ? 256n : raised;
}

function needsClusterIP(spec: ServiceSpec): boolean {
  return spec.type !== "ExternalName";
}

/** What the client left out of an update stays as it was. */
function keepAllocated(spec: SpecDraft, before: ServiceSpec): void {
  if (needsClusterIP(before) && needsClusterIP(spec)) {
    if ((spec.clusterIP ?? "") === "" && before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
    if ((spec.clusterIPs ?? []).length === 0 && spec.clusterIP === before.clusterIP) {
      if (before.clusterIPs !== undefined) spec.clusterIPs = before.clusterIPs;
    }
    if (spec.ipFamilies === undefined && before.ipFamilies !== undefined) spec.ipFamilies = before.ipFamilies;
  }
  if (needsNodePort(before) && needsNodePort(spec)) keepNodePorts(spec, before);
  if (needsHealthPort(before) && needsHealthPort(spec) && (spec.healthCheckNodePort ?? 0) === 0) {
    if (before.healthCheckNodePort !== undefined) spec.healthCheckNodePort = before.healthCheckNodePort;
  }
}

function keepNodePorts(spec: SpecDraft, before: ServiceSpec): void {
  const ports = (spec.ports ?? []) as PortDraft[];
  const used = new Set(ports.map((port) => port.nodePort ?? 0));
  for (const port of ports) {
    if ((port.nodePort ?? 0) !== 0) continue;
    const old = before.ports?.find((item) => (item.name ?? "") === (port.name ?? ""))?.nodePort ?? 0;
    if (old === 0 || used.has(old)) continue;
    port.nodePort = old;
    used.add(old);
  }
}

/** `clusterIP` and `clusterIPs` say the same; the single one speaks where only it was changed. */
function syncClusterIPs(spec: SpecDraft, before: ServiceSpec | undefined): void {
  const single = spec.clusterIP ?? "";
  const ips = spec.clusterIPs ?? [];
  if (before === undefined) {
    if (single !== "" && ips.length === 0) spec.clusterIPs = [single];
    return;
  }
  const sameList = ips.join() === (before.clusterIPs ?? []).join();
  const sameSingle = single === (before.clusterIP ?? "");
  if (!sameSingle && (sameList || ips.length === 0)) {
    if (single === "") delete spec.clusterIPs;
    else spec.clusterIPs = [single];
  }
}

/** Back to one family: lists that the client left alone lose their second value. */
function cutToSingle(spec: SpecDraft, before: ServiceSpec): void {
  if (spec.ipFamilyPolicy !== "SingleStack" || before.ipFamilyPolicy === "SingleStack") return;
  if ((spec.clusterIPs ?? []).join() === (before.clusterIPs ?? []).join()) {
    if (spec.clusterIPs !== undefined) spec.clusterIPs = spec.clusterIPs.slice(0, 1);
  }
  if ((spec.ipFamilies ?? []).join() === (before.ipFamilies ?? []).join()) {
    if (spec.ipFamilies !== undefined) spec.ipFamilies = spec.ipFamilies.slice(0, 1);
  }
}
