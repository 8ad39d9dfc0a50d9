/**
 * The wanted content of the table: sets and maps as text keys and values, made from typed values only.
 * One service port's share is independent of all others, so a change touches its elements alone. Pure.
 */
import type { Destination, ServicePort, Target } from "./service-ports.ts";
import { affinityClass, markOf, slotClass, type GroupNumbers } from "./slots.ts";
import { formatIpv4, type Ipv4 } from "../../util/ipv4.ts";
import type { Port, Proto } from "./ports.ts";

/** Names of the sets and maps of the skeleton whose content changes. */
export type SetName =
  | "fe"
  | "fein"
  | "np"
  | "npin"
  | "ep"
  | "rej"
  | "drp"
  | "rejnp"
  | "drpnp"
  | "masqtcp"
  | "masqudp"
  | "masqsctp"
  | "masqnptcp"
  | "masqnpudp"
  | "masqnpsctp"
  | "hair"
  | "affv"
  | "hp";

/** In the order in which they are written: what is pointed at stands before what points. */
export const setNames: readonly SetName[] = [
  "ep",
  "affv",
  "fe",
  "fein",
  "np",
  "npin",
  "rej",
  "drp",
  "rejnp",
  "drpnp",
  "masqtcp",
  "masqudp",
  "masqsctp",
  "masqnptcp",
  "masqnpudp",
  "masqnpsctp",
  "hair",
  "hp",
];

/** A service group with client affinity has a chain of its own. */
export interface AffinityGroup {
  readonly group: number;
  readonly proto: Proto;
  readonly seconds: number;
  readonly targets: readonly Target[];
}

export interface Elements {
  /** Set → key → value; a set's value is the empty string. */
  readonly sets: ReadonlyMap<SetName, ReadonlyMap<string, string>>;
  readonly affinity: ReadonlyMap<number, AffinityGroup>;
}

export class ElementsBuilder implements Elements {
  readonly sets: Map<SetName, Map<string, string>> = new Map();
  readonly affinity: Map<number, AffinityGroup> = new Map();

  put(set: SetName, key: string, value = ""): void {
    const held = this.sets.get(set) ?? new Map<string, string>();
    this.sets.set(set, held.set(key, value));
  }
}

export const noElements: Elements = { sets: new Map(), affinity: new Map() };

/** Ids of the groups that a service port may use: its endpoints everywhere, and those of this node. */
export function groupIds(id: string): readonly string[] {
  return [`${id}#cluster`, `${id}#internal`, `${id}#external`];
}

export function elementsOf(port: ServicePort, groups: GroupNumbers): Elements {
  const built = new ElementsBuilder();
  for (const address of port.clusterAddresses) {
    front(built, { port, address, destination: port.internal, groups, id: sharedId(port, port.internal, "internal") });
  }
  for (const address of port.externalAddresses) {
    front(built, { port, address, destination: port.external, groups, id: sharedId(port, port.external, "external") });
    if (port.externalKeepsSource) inside(built, { port, address, groups });
    else masquerade(built, port, address);
  }
  if (port.nodePort !== undefined) nodePortFront(built, port, port.nodePort, groups);
  hairpins(built, port);
  return built;
}

interface Front {
  readonly port: ServicePort;
  readonly address: Ipv4;
  readonly destination: Destination;
  readonly groups: GroupNumbers;
  readonly id: string;
}

/** Policies that come to the same endpoints share one group. */
function sharedId(port: ServicePort, destination: Destination, policy: "internal" | "external"): string {
  return sameTargets(destination, port.externalInside) ? `${port.id}#cluster` : `${port.id}#${policy}`;
}

function sameTargets(a: Destination, b: Destination): boolean {
  if (a.kind !== "targets" || b.kind !== "targets") return a.kind === b.kind;
  return (
    a.targets.length === b.targets.length &&
    a.targets.every(
      (target, index) => target.address === b.targets[index]!.address && target.port === b.targets[index]!.port,
    )
  );
}

function front(built: ElementsBuilder, { port, address, destination, groups, id }: Front): void {
  const key = frontKey(address, port.proto, port.port);
  if (destination.kind === "targets") built.put("fe", key, hex(group(built, port, destination.targets, groups.of(id))));
  else built.put(destination.kind === "reject" ? "rej" : "drp", key);
}

/** From pods and this host an external address of a Local service leads to all endpoints. */
function inside(built: ElementsBuilder, { port, address, groups }: Omit<Front, "destination" | "id">): void {
  if (port.externalInside.kind !== "targets") return;
  const mark = group(built, port, port.externalInside.targets, groups.of(`${port.id}#cluster`));
  built.put("fein", frontKey(address, port.proto, port.port), hex(mark));
}

function nodePortFront(built: ElementsBuilder, port: ServicePort, nodePort: Port, groups: GroupNumbers): void {
  const key = `${port.proto} . ${nodePort}`;
  const { external, externalInside } = port;
  if (external.kind === "targets") {
    const id = sharedId(port, external, "external");
    built.put("np", key, hex(group(built, port, external.targets, groups.of(id))));
  } else {
    built.put(external.kind === "reject" ? "rejnp" : "drpnp", key);
  }
  if (!port.externalKeepsSource) built.put(`masqnp${port.proto}`, String(nodePort));
  else if (externalInside.kind === "targets") {
    built.put("npin", key, hex(group(built, port, externalInside.targets, groups.of(`${port.id}#cluster`))));
  }
}

function masquerade(built: ElementsBuilder, port: ServicePort, address: Ipv4): void {
  built.put(`masq${port.proto}`, `${formatIpv4(address)} . ${port.port}`);
}

/** Writes the slots of a group, or its affinity chain, and answers the mark that leads there. */
function group(built: ElementsBuilder, port: ServicePort, targets: readonly Target[], number: number): number {
  if (port.affinitySeconds !== undefined) {
    const mark = markOf(number, affinityClass);
    built.affinity.set(number, { group: number, proto: port.proto, seconds: port.affinitySeconds, targets });
    built.put("affv", hex(mark), `goto s${number}`);
    return mark;
  }
  const { class: slotted, slots } = slotClass(targets.length);
  const mark = markOf(number, slotted);
  for (let slot = 0; slot < slots; slot += 1) {
    const target = targets[slot % targets.length]!;
    built.put("ep", `${hex(mark)} . ${slot}`, `${formatIpv4(target.address)} . ${target.port}`);
  }
  return mark;
}

/** A local pod that reaches itself through the service must be answered by way of the host. */
function hairpins(built: ElementsBuilder, port: ServicePort): void {
  for (const destination of [port.internal, port.external, port.externalInside]) {
    if (destination.kind !== "targets") continue;
    for (const { address, local } of destination.targets) {
      if (local) built.put("hair", `${formatIpv4(address)} . ${formatIpv4(address)}`);
    }
  }
}

function frontKey(address: Ipv4, proto: Proto, port: Port): string {
  return `${formatIpv4(address)} . ${proto} . ${port}`;
}

function hex(mark: number): string {
  return `0x${mark.toString(16).padStart(8, "0")}`;
}
