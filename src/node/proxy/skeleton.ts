/**
 * The unchanging part of the proxy's table: hooks, lookups and one chain per number of slots. Its
 * name carries the cluster's number, its text holds nothing of a user. See docs/network.md for the
 * path of a packet.
 */
import { exactClassesMax, powerClasses } from "./slots.ts";
import { formatIpv4Cidr, formatIpv4, type Ipv4Cidr, type Ipv4 } from "../../util/ipv4.ts";

export interface TableSettings {
  /** `troupe0`. */
  readonly table: string;
  readonly podCidr: Ipv4Cidr;
  readonly serviceCidr: Ipv4Cidr;
  readonly nodeAddresses: readonly Ipv4[];
  readonly dnsAddresses: readonly Ipv4[];
  /** Name prefix of the pods' links on this host: `tr`. */
  readonly podLinkPrefix: string;
}

const perSlots = [...Array.from({ length: exactClassesMax }, (_, index) => index + 1), ...powerClasses];

export function skeleton(settings: TableSettings): string {
  return `table ip ${settings.table} {
${sets(settings)}
${perSlots.map((slots) => `  chain n${slots} { meta l4proto { tcp, udp, sctp } dnat ip to meta mark . numgen random mod ${slots} map @ep; }`).join("\n")}
  chain pick {
    meta mark & 0xff == 0 meta mark vmap @affv
    meta mark & 0xff vmap { ${perSlots.map((slots, index) => `${index + 1} : goto n${slots}`).join(", ")} }
  }
${lookups}
${masquerading(settings)}
${refusals}
}
`;
}

function sets({ podCidr, serviceCidr, nodeAddresses, dnsAddresses }: TableSettings): string {
  const list = (addresses: readonly Ipv4[]): string =>
    addresses.length === 0 ? "" : `elements = { ${addresses.map(formatIpv4).join(", ")} }; `;
  return `  set podcidr { type ipv4_addr; flags interval; elements = { ${formatIpv4Cidr(podCidr)} }; }
  set svccidr { type ipv4_addr; flags interval; elements = { ${formatIpv4Cidr(serviceCidr)} }; }
  set nodeip { type ipv4_addr; ${list(nodeAddresses)}}
  set dnsip { type ipv4_addr; ${list(dnsAddresses)}}
  map fe { typeof ip daddr . meta l4proto . th dport : meta mark; }
  map fein { typeof ip daddr . meta l4proto . th dport : meta mark; }
  map np { typeof meta l4proto . th dport : meta mark; }
  map npin { typeof meta l4proto . th dport : meta mark; }
  map ep { typeof meta mark . numgen random mod 65536 : ip daddr . th dport; }
  map hp { typeof meta l4proto . th dport : ip daddr . th dport; }
  set rej { typeof ip daddr . meta l4proto . th dport; }
  set drp { typeof ip daddr . meta l4proto . th dport; }
  set rejnp { typeof meta l4proto . th dport; }
  set drpnp { typeof meta l4proto . th dport; }
  set masqtcp { type ipv4_addr . inet_service; }
  set masqudp { type ipv4_addr . inet_service; }
  set masqsctp { type ipv4_addr . inet_service; }
  set masqnptcp { type inet_service; }
  set masqnpudp { type inet_service; }
  set masqnpsctp { type inet_service; }
  set hair { typeof ip saddr . ip daddr; }
  map affv { type mark : verdict; }`;
}

const lookups = `  chain inside {
    meta mark set ip daddr . meta l4proto . th dport map @fein goto pick
    ip daddr @nodeip meta mark set meta l4proto . th dport map @npin goto pick
  }
  chain services {
    meta l4proto != { tcp, udp, sctp } return
    ip saddr @podcidr jump inside
    fib saddr type local jump inside
    meta mark set ip daddr . meta l4proto . th dport map @fe goto pick
    ip daddr @nodeip meta mark set meta l4proto . th dport map @np goto pick
    fib daddr type local ip daddr != 127.0.0.0/8 ip daddr != @dnsip meta l4proto { tcp, udp, sctp } dnat ip to meta l4proto . th dport map @hp
  }
  chain pre { type nat hook prerouting priority dstnat; jump services; }
  chain out { type nat hook output priority -100; jump services; }`;

/** What leaves for a pod of this host takes the node's address: \`masquerade\` would take the link's. */
function masquerading({ podLinkPrefix, nodeAddresses }: TableSettings): string {
  const toPods =
    nodeAddresses[0] === undefined
      ? ""
      : `oifname "${podLinkPrefix}*" snat ip to ${formatIpv4(nodeAddresses[0])} fully-random\n    `;
  const byProtocol = ["tcp", "udp", "sctp"].map(
    (proto) => `    meta l4proto ${proto} ct original ip daddr . ct original proto-dst @masq${proto} goto do-masq
    meta l4proto ${proto} ct original ip daddr @nodeip ct original proto-dst @masqnp${proto} goto do-masq`,
  );
  return `  chain do-masq {
    ${toPods}masquerade fully-random
  }
  chain post {
    type nat hook postrouting priority srcnat;
    ip saddr @podcidr ip daddr != @podcidr oifname != "lo" goto do-masq
    ct status & dnat == 0 return
    ip saddr . ip daddr @hair goto do-masq
${byProtocol.join("\n")}
    ip saddr != @podcidr ct original ip daddr @svccidr goto do-masq
  }`;
}

/**
 * The kernel changes a table at once, but not for a packet that is between two lookups: it can miss the
 * entry of before, which is gone, and the one of now. Such a packet is dropped, for its sender sends it
 * again; a refusal would end its connection.
 */
const missed = `ct status & dnat == 0 meta mark set ip daddr . meta l4proto . th dport map @fe drop
    ct status & dnat == 0 ip daddr @nodeip meta mark set meta l4proto . th dport map @np drop`;

const refusals = `  chain reject-it {
    meta l4proto tcp reject with tcp reset
    reject with icmp type port-unreachable
  }
  chain none {
    ip daddr @dnsip return
    ip daddr . meta l4proto . th dport @rej goto reject-it
    ip daddr . meta l4proto . th dport @drp drop
    ip daddr @nodeip meta l4proto . th dport @rejnp goto reject-it
    ip daddr @nodeip meta l4proto . th dport @drpnp drop
    ${missed}
    ip daddr @svccidr goto reject-it
  }
  chain nopre { type filter hook prerouting priority -99; ct state new jump none; }
  chain noout { type filter hook output priority -99; ct state new jump none; }
  chain clrpre { type filter hook prerouting priority -98; meta mark >= 0x100 meta mark set 0; }
  chain clrout { type filter hook output priority -98; meta mark >= 0x100 meta mark set 0; }`;
