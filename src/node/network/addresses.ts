import { InvariantError } from "../../util/errors.ts";
import { formatIpv4, ipv4, parseIpv4, parseIpv4Cidr, type Ipv4 } from "../../util/ipv4.ts";

/**
 * Which pod holds which address: a pure table over one IPv4 range. Addresses go round robin, so
 * that one that was given back is not met again at once by what still speaks to its old owner.
 */
export interface AddressTable {
  readonly range: AddressRange;
  readonly byUid: ReadonlyMap<string, string>;
  /** Where the search goes on: the address given last, as a number. */
  readonly last: number;
}

/** Usable addresses, both ends included. */
export interface AddressRange {
  readonly first: Ipv4;
  readonly last: Ipv4;
}

/** Network, first address (the node's own) and broadcast are left out. */
export function rangeOf(cidr: string): AddressRange {
  const range = parseIpv4Cidr(cidr);
  if (range === undefined || range.bits < 8 || range.bits > 30) {
    throw new InvariantError(`a pod range is an IPv4 CIDR with a prefix of 8 to 30, not ${cidr}`);
  }
  return { first: ipv4(range.base + 2), last: ipv4(range.base + 2 ** (32 - range.bits) - 2) };
}

export function emptyTable(cidr: string): AddressTable {
  const range = rangeOf(cidr);
  return { range, byUid: new Map(), last: range.first - 1 };
}

/** A pod keeps its address. `undefined`: the range is used up. */
export function allocate(
  table: AddressTable,
  uid: string,
): { readonly table: AddressTable; readonly address: string } | undefined {
  const held = table.byUid.get(uid);
  if (held !== undefined) return { table, address: held };
  const used = new Set<number>([...table.byUid.values()].map(numberOf));
  const { first, last } = table.range;
  const size = last - first + 1;
  const start = table.last < first || table.last > last ? first - 1 : table.last;
  for (let step = 1; step <= size; step += 1) {
    const candidate = first + ((start - first + step + size) % size);
    if (used.has(candidate)) continue;
    const address = formatIpv4(ipv4(candidate));
    const byUid = new Map(table.byUid).set(uid, address);
    return { table: { ...table, byUid, last: candidate }, address };
  }
  return undefined;
}

export function release(table: AddressTable, uid: string): AddressTable {
  const byUid = new Map(table.byUid);
  byUid.delete(uid);
  return { ...table, byUid };
}

/** Takes over that a pod holds this address, whatever the table said. */
export function hold(table: AddressTable, uid: string, address: string): AddressTable {
  return { ...table, byUid: new Map(table.byUid).set(uid, address) };
}

export function numberOf(address: string): Ipv4 {
  const number = parseIpv4(address);
  if (number === undefined) throw new InvariantError(`an IPv4 address is not ${address}`);
  return number;
}
