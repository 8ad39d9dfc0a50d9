/** IP addresses and ranges as numbers; texts are checked as strictly as Kubernetes checks them. */

export interface IpAddress {
  readonly family: 4 | 6;
  readonly value: bigint;
  /** `::ffff:1.2.3.4`: an IPv4 address in IPv6 clothes. */
  readonly mapped: boolean;
  /** An IPv4 octet was written with leading zeros. */
  readonly leadingZeros: boolean;
}

export interface IpRange {
  readonly family: 4 | 6;
  /** Network address. */
  readonly base: bigint;
  readonly prefix: number;
  /** Bits were set beyond the prefix. */
  readonly hostBits: boolean;
  readonly leadingZeros: boolean;
  readonly mapped: boolean;
}

export function parseIp(text: string): IpAddress | undefined {
  if (!text.includes(":")) {
    const four = parseIpv4(text);
    return four && { family: 4, value: four.value, mapped: false, leadingZeros: four.leadingZeros };
  }
  return parseIpv6(text);
}

function parseIpv4(text: string): { readonly value: bigint; readonly leadingZeros: boolean } | undefined {
  const parts = text.split(".");
  if (parts.length !== 4 || !parts.every((part) => /^[0-9]{1,3}$/.test(part))) return undefined;
  let value = 0n;
  let leadingZeros = false;
  for (const part of parts) {
    const octet = Number(part);
    if (octet > 255) return undefined;
    if (part.length > 1 && part.startsWith("0")) leadingZeros = true;
    value = value * 256n + BigInt(octet);
  }
  return { value, leadingZeros };
}

function parseIpv6(text: string): IpAddress | undefined {
  let body = text;
  let leadingZeros = false;
  const tail = /^(.*:)([0-9.]*\.[0-9.]*)$/.exec(text);
  if (tail !== null) {
    const four = parseIpv4(tail[2] ?? "");
    if (four === undefined) return undefined;
    leadingZeros = four.leadingZeros;
    body = `${tail[1]}${(four.value >> 16n).toString(16)}:${(four.value & 0xffffn).toString(16)}`;
  }
  const halves = body.split("::");
  if (halves.length > 2) return undefined;
  const groups = (half: string | undefined): readonly string[] =>
    half === undefined || half === "" ? [] : half.split(":");
  const [left, right] = [groups(halves[0]), groups(halves[1])];
  const missing = 8 - left.length - right.length;
  if (halves.length === 2 ? missing < 1 : missing !== 0) return undefined;
  const all = [...left, ...Array<string>(halves.length === 2 ? missing : 0).fill("0"), ...right];
  if (!all.every((group) => /^[0-9a-fA-F]{1,4}$/.test(group))) return undefined;
  const value = all.reduce((sum, group) => sum * 65_536n + BigInt(`0x${group}`), 0n);
  return { family: 6, value, mapped: value >> 32n === 0xffffn, leadingZeros };
}

/** Canonical text (RFC 5952). */
export function formatIp(family: 4 | 6, value: bigint): string {
  if (family === 4) {
    return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join(".");
  }
  const groups = Array.from({ length: 8 }, (_, index) => Number((value >> BigInt(112 - index * 16)) & 0xffffn));
  let best = { at: -1, length: 1 };
  for (let at = 0; at < 8; at += 1) {
    let length = 0;
    while (groups[at + length] === 0) length += 1;
    if (length > best.length) best = { at, length };
  }
  const hex = (from: number, to?: number): string =>
    groups
      .slice(from, to)
      .map((group) => group.toString(16))
      .join(":");
  if (best.at < 0) return hex(0);
  return `${hex(0, best.at)}::${hex(best.at + best.length)}`;
}

export function parseCidr(text: string): IpRange | undefined {
  const match = /^([^/]+)\/([0-9]{1,3})$/.exec(text);
  const ip = match === null ? undefined : parseIp(match[1] ?? "");
  if (ip === undefined) return undefined;
  const width = ip.family === 4 ? 32 : 128;
  const digits = match?.[2] ?? "";
  const prefix = Number(digits);
  if (prefix > width) return undefined;
  const shift = BigInt(width - prefix);
  const base = (ip.value >> shift) << shift;
  return {
    family: ip.family,
    base,
    prefix,
    hostBits: base !== ip.value,
    leadingZeros: ip.leadingZeros || (digits.length > 1 && digits.startsWith("0")),
    mapped: ip.mapped,
  };
}

/** Number of addresses in a range, network and broadcast included. */
export function rangeSize(range: IpRange): bigint {
  return 1n << BigInt((range.family === 4 ? 32 : 128) - range.prefix);
}

export function rangeContains(range: IpRange, ip: IpAddress): boolean {
  return ip.family === range.family && ip.value >= range.base && ip.value < range.base + rangeSize(range);
}

/** What is wrong with a text that must be an IP address. */
export function ipProblems(text: string): readonly string[] {
  const ip = parseIp(text);
  if (ip === undefined) {
    return ["must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"];
  }
  const errors: string[] = [];
  if (ip.leadingZeros) errors.push("must not have leading 0s");
  if (ip.mapped) errors.push("must not be an IPv4-mapped IPv6 address");
  return errors;
}

/** What is wrong with a text that must be a range in CIDR notation. */
export function cidrProblems(text: string): readonly string[] {
  const range = parseCidr(text);
  if (range === undefined) {
    return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"];
  }
  const errors: string[] = [];
  if (range.leadingZeros) errors.push("must not have leading 0s in IP or prefix length");
  if (range.mapped) errors.push("must not have an IPv4-mapped IPv6 address");
  if (range.hostBits) errors.push("must not have bits set beyond the prefix length");
  return errors;
}

const reserved: readonly { readonly name: string; readonly ranges: readonly IpRange[] }[] = [
  { name: "loopback range (127.0.0.0/8, ::1/128)", ranges: rangesOf("127.0.0.0/8", "::1/128") },
  { name: "link-local range (169.254.0.0/16, fe80::/10)", ranges: rangesOf("169.254.0.0/16", "fe80::/10") },
  { name: "link-local multicast range (224.0.0.0/24, ff02::/10)", ranges: rangesOf("224.0.0.0/24", "ff02::/16") },
];

function rangesOf(...texts: readonly string[]): readonly IpRange[] {
  return texts.map((text) => parseCidr(text)).filter((range) => range !== undefined);
}

/** What keeps an address from being an endpoint (or an external IP). */
export function endpointIpProblems(text: string): readonly string[] {
  const ip = parseIp(text);
  if (ip === undefined) return ["must be a valid IP address"];
  const inRange = reserved.filter(({ ranges }) => ranges.some((range) => rangeContains(range, ip)));
  const errors = inRange.map(({ name }) => `may not be in the ${name}`);
  return ip.value === 0n ? [`may not be unspecified (${text})`, ...errors] : errors;
}
