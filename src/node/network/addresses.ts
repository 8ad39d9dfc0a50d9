import { InvariantError } from "../../util/errors.ts";

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
  readonly first: number;
  readonly last: number;
}

/** Network, first address (the node's own) and broadcast are left out. */
export function rangeOf(cidr: string): AddressRange {
  const [address, bits] = cidr.split("/");
  const prefix = Number(bits);
  if (address === undefined || !Number.isInteger(prefix) || prefix < 8 || prefix > 30) {
    throw new InvariantError(`a pod range is an IPv4 CIDR with a prefix of 8 to 30, not ${cidr}`);
  }
  const size = 2 ** (32 - prefix);
  const network = Math.floor(numberOf(address) / size) * size;
  return { first: network + 2, last: network + size - 2 };
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
  const used = new Set([...table.byUid.values()].map(numberOf));
  const { first, last } = table.range;
  const size = last - first + 1;
  const start = table.last < first || table.last > last ? first - 1 : table.last;
  for (let step = 1; step <= size; step += 1) {
    const candidate = first + ((start - first + step + size) % size);
    if (used.has(candidate)) continue;
    const address = textOf(candidate);
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

export function isAddress(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^\d{1,3}$/.test(part) && Number(part) < 256);
}

export function numberOf(address: string): number {
  if (!isAddress(address)) throw new InvariantError(`an IPv4 address is not ${address}`);
  return address.split(".").reduce((sum, part) => sum * 256 + Number(part), 0);
}

export function textOf(number: number): string {
  return [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join(".");
}
