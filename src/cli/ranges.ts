/**
 * Which number a new cluster gets on this machine, and the address ranges, links and names that follow
 * from it. Pure: the caller reads the machine's routes and the registry.
 */
import { UserError } from "../util/errors.ts";

export interface Ranges {
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly dnsAddress: string;
}

/** Where the node of a second or later cluster lives: a namespace behind a bridge. */
export interface BridgePlan {
  /** At most 15 letters. */
  readonly bridge: string;
  /** The machine's end of the node's veth. */
  readonly link: string;
  /** The machine's address on the bridge, without prefix. */
  readonly bridgeAddress: string;
  readonly bridgePrefix: 24;
  readonly nodeAddress: string;
}

/** 10.42 + 2k and the one after it must stay below 10.255. */
export const numberMax = 105;

export function rangesOf(number: number): Ranges {
  const second = 42 + 2 * number;
  return {
    podCidr: `10.${second}.0.0/16`,
    serviceCidr: `10.${second + 1}.0.0/16`,
    dnsAddress: `10.${second + 1}.0.10`,
  };
}

/** `at`: which of the cluster's nodes, from 0. */
export function bridgeOf(number: number, at = 0): BridgePlan {
  const network = `172.31.${77 + number}`;
  return {
    bridge: `tb${number}`,
    link: at === 0 ? `tv${number}` : `tv${number}n${at + 1}`,
    bridgeAddress: `${network}.1`,
    bridgePrefix: 24,
    nodeAddress: `${network}.${11 + at}`,
  };
}

/** Name under /run/netns, and of the nft table that translates what leaves it. */
export function namespaceName(cluster: string, node: string): string {
  return `troupe-${cluster}-${node}`;
}

export interface Route {
  /** Network address as a number. */
  readonly network: number;
  readonly bits: number;
}

/** `/proc/net/route`: addresses are hexadecimal in the machine's order of bytes, which is little-endian. */
export function parseRoutes(text: string): readonly Route[] {
  return text
    .split("\n")
    .slice(1)
    .map((line) => line.split("\t"))
    .filter((fields) => fields.length > 7)
    .map((fields) => ({ network: littleEndian(fields[1]!), bits: bitCount(littleEndian(fields[7]!)) }));
}

function littleEndian(hex: string): number {
  return [6, 4, 2, 0].reduce((sum, at) => sum * 256 + Number.parseInt(hex.slice(at, at + 2), 16), 0);
}

function bitCount(mask: number): number {
  return mask.toString(2).replaceAll("0", "").length;
}

function routeOf(cidr: string): Route {
  const [address, bits] = cidr.split("/");
  return { network: address!.split(".").reduce((sum, part) => sum * 256 + Number(part), 0), bits: Number(bits) };
}

function overlap(a: Route, b: Route): boolean {
  const size = 2 ** (32 - Math.min(a.bits, b.bits));
  return Math.floor(a.network / size) === Math.floor(b.network / size);
}

/**
 * The lowest number that no other cluster has and whose ranges no route of the machine touches. Where a
 * wide route (a VPN's 10.0.0.0/8) covers all of them, one that only narrower routes leave free.
 */
export function chooseNumber(taken: ReadonlySet<number>, routes: readonly Route[]): number {
  const free = Array.from({ length: numberMax + 1 }, (_, number) => number).filter((number) => !taken.has(number));
  const narrow = routes.filter(({ bits }) => bits > 0);
  const clear = (number: number, against: readonly Route[]): boolean => {
    const { podCidr, serviceCidr } = rangesOf(number);
    const wanted = [podCidr, serviceCidr, `${bridgeOf(number).bridgeAddress}/24`].map(routeOf);
    return wanted.every((range) => !against.some((route) => overlap(range, route)));
  };
  const found =
    free.find((number) => clear(number, narrow)) ??
    free.find((number) =>
      clear(
        number,
        narrow.filter(({ bits }) => bits >= 16),
      ),
    );
  if (found !== undefined) return found;
  throw new UserError("TRP-0116", "no address range is left for another cluster on this machine", {
    cause: new Error("each takes two of 10.42.0.0/16 to 10.253.0.0/16, and clusters or routes hold all of them"),
    hint: "troupe down --name OTHER --purge",
  });
}
