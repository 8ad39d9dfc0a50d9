/**
 * What the table would do with the first packet of a connection: an interpreter of the skeleton's
 * lookups over the rendered sets and maps. `numgen` answers every slot at once, so a verdict holds all
 * possible targets with their counts.
 */
import type { AffinityGroup, SetName } from "../../../../src/node/proxy/elements.ts";
import { exactClassesMax, powerClasses } from "../../../../src/node/proxy/slots.ts";
import { formatIpv4 } from "../../../../src/util/ipv4.ts";

export interface Table {
  readonly content: (name: SetName) => ReadonlyMap<string, string>;
  readonly affinity: ReadonlyMap<number, AffinityGroup>;
  readonly nodeAddresses: readonly string[];
  readonly serviceCidrPrefix: string;
  readonly dnsAddress: string;
}

export interface Packet {
  /** From a pod or this host, or from outside. */
  readonly from: "pod" | "host" | "outside";
  readonly to: string;
  readonly proto: string;
  readonly port: number;
}

export type Verdict =
  | { readonly kind: "dnat"; readonly targets: ReadonlyMap<string, number>; readonly masquerade: boolean }
  | { readonly kind: "reject" | "drop" | "pass" };

export function evaluate(table: Table, packet: Packet): Verdict {
  const mark = lookup(table, packet);
  if (mark !== undefined) return { kind: "dnat", targets: pick(table, mark), masquerade: masquerades(table, packet) };
  return refuse(table, packet);
}

function lookup(table: Table, { from, to, proto, port }: Packet): number | undefined {
  const front = `${to} . ${proto} . ${port}`;
  const node = `${proto} . ${port}`;
  const isNode = table.nodeAddresses.includes(to);
  const inside = [table.content("fein").get(front), isNode ? table.content("npin").get(node) : undefined];
  const anyone = [table.content("fe").get(front), isNode ? table.content("np").get(node) : undefined];
  const found = [...(from === "outside" ? [] : inside), ...anyone].find((mark) => mark !== undefined);
  return found === undefined ? undefined : Number(found);
}

function pick(table: Table, mark: number): ReadonlyMap<string, number> {
  const slotClass = mark & 0xff;
  const targets = new Map<string, number>();
  const count = (target: string): void => void targets.set(target, (targets.get(target) ?? 0) + 1);
  if (slotClass === 0) {
    const chain = table.content("affv").get(hex(mark));
    const group = table.affinity.get(Number(chain?.slice("goto s".length)));
    for (const { address, port } of group?.targets ?? []) count(`${formatIpv4(address)} . ${port}`);
    return targets;
  }
  const slots = slotClass <= exactClassesMax ? slotClass : powerClasses[slotClass - exactClassesMax - 1]!;
  for (let slot = 0; slot < slots; slot += 1) count(table.content("ep").get(`${hex(mark)} . ${slot}`) ?? "MISSING");
  return targets;
}

function masquerades(table: Table, { from, to, proto, port }: Packet): boolean {
  if (table.content(`masq${proto}` as SetName).has(`${to} . ${port}`)) return true;
  const nodePorts = table.content(`masqnp${proto}` as SetName);
  if (table.nodeAddresses.includes(to) && nodePorts.has(String(port))) return true;
  return from !== "pod" && to.startsWith(table.serviceCidrPrefix);
}

function refuse(table: Table, { to, proto, port }: Packet): Verdict {
  if (to === table.dnsAddress) return { kind: "pass" };
  const front = `${to} . ${proto} . ${port}`;
  if (table.content("rej").has(front)) return { kind: "reject" };
  if (table.content("drp").has(front)) return { kind: "drop" };
  if (table.nodeAddresses.includes(to)) {
    if (table.content("rejnp").has(`${proto} . ${port}`)) return { kind: "reject" };
    if (table.content("drpnp").has(`${proto} . ${port}`)) return { kind: "drop" };
  }
  return to.startsWith(table.serviceCidrPrefix) ? { kind: "reject" } : { kind: "pass" };
}

function hex(mark: number): string {
  return `0x${mark.toString(16).padStart(8, "0")}`;
}
