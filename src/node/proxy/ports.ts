/**
 * Ports and protocols as users wrote them, checked: with `util/ipv4.ts` the only values that are ever
 * rendered into nft text. No string of a user gets there. Pure.
 */

declare const brand: unique symbol;

/** 1..65535. */
export type Port = number & { readonly [brand]: "Port" };
export type Proto = "tcp" | "udp" | "sctp";

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
