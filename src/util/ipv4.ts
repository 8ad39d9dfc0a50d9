/** IPv4 addresses and ranges as numbers, parsed strictly; `ip.ts` knows both families and says what is wrong. */

declare const brand: unique symbol;

/** An IPv4 address as an unsigned 32-bit number. */
export type Ipv4 = number & { readonly [brand]: "Ipv4" };

const dot = 46;
const zero = 48;

export interface Ipv4Cidr {
  /** Without host bits. */
  readonly base: Ipv4;
  readonly bits: number;
}

/**
 * `undefined` for anything but four decimal bytes without leading zeros (010.1.1.1 is ambiguous). By
 * characters: a proxy reads tens of thousands of addresses at once.
 */
export function parseIpv4(text: string | undefined): Ipv4 | undefined {
  if (text === undefined || text.length > 15) return undefined;
  let value = 0;
  let dots = 0;
  let byte = -1;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === dot) {
      if (byte < 0 || dots === 3) return undefined;
      value = value * 256 + byte;
      dots += 1;
      byte = -1;
    } else {
      const digit = code - zero;
      if (digit < 0 || digit > 9 || byte === 0) return undefined;
      byte = byte < 0 ? digit : byte * 10 + digit;
      if (byte > 255) return undefined;
    }
  }
  return dots === 3 && byte >= 0 ? ipv4(value * 256 + byte) : undefined;
}

/** A number that came of arithmetic with addresses. */
export function ipv4(value: number): Ipv4 {
  return (value >>> 0) as Ipv4;
}

/** Host bits are masked away. */
export function parseIpv4Cidr(text: string): Ipv4Cidr | undefined {
  const match = /^([0-9.]+)\/(\d{1,2})$/.exec(text.trim());
  const address = parseIpv4(match?.[1]);
  const bits = Number(match?.[2]);
  if (match === null || address === undefined || bits > 32) return undefined;
  return { base: masked(address, bits), bits };
}

function masked(address: Ipv4, bits: number): Ipv4 {
  return ipv4(bits === 0 ? 0 : address & (0xffffffff << (32 - bits)));
}

export function cidrContains({ base, bits }: Ipv4Cidr, address: Ipv4): boolean {
  return masked(address, bits) === base;
}

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

export function formatIpv4Cidr({ base, bits }: Ipv4Cidr): string {
  return `${formatIpv4(base)}/${bits}`;
}
