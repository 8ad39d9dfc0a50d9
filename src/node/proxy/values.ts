/**
 * The only values that are ever rendered into nft text: addresses, ports and protocols as numbers and
 * fixed words, parsed strictly from what users wrote. No string of a user passes this file. Pure.
 */

declare const brand: unique symbol;
type Brand<T, Name> = T & { readonly [brand]: Name };

/** An IPv4 address as an unsigned 32-bit number. */
export type Ipv4 = Brand<number, "Ipv4">;
/** 1..65535. */
export type Port = Brand<number, "Port">;
export type Proto = "tcp" | "udp" | "sctp";

/** `undefined` for anything but four decimal bytes without leading zeros (010.1.1.1 is ambiguous). */
export function parseIpv4(text: string | undefined): Ipv4 | undefined {
  const parts = text?.split(".") ?? [];
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255))
    return undefined;
  return (parts.reduce((sum, part) => sum * 256 + Number(part), 0) >>> 0) as Ipv4;
}

export function parsePort(value: unknown): Port | undefined {
  return typeof value === "number" && Number.isInteger(value) && value >= 1 && value <= 65_535
    ? (value as Port)
    : undefined;
}

export function parseProto(text: string | undefined): Proto | undefined {
  switch (text ?? "TCP") {
    case "TCP":
      return "tcp";
    case "UDP":
      return "udp";
    case "SCTP":
      return "sctp";
    default:
      return undefined;
  }
}

export interface Cidr {
  readonly base: Ipv4;
  readonly bits: number;
}

/** Host bits are masked away. */
export function parseCidr(text: string): Cidr | undefined {
  const match = /^([0-9.]+)\/(\d{1,2})$/.exec(text.trim());
  const address = parseIpv4(match?.[1]);
  const bits = Number(match?.[2]);
  if (match === null || address === undefined || bits > 32) return undefined;
  const mask = bits === 0 ? 0 : (0xffffffff << (32 - bits)) >>> 0;
  return { base: ((address & mask) >>> 0) as Ipv4, bits };
}

export function formatIpv4(address: Ipv4): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`;
}

export function formatCidr({ base, bits }: Cidr): string {
  return `${formatIpv4(base)}/${bits}`;
}
