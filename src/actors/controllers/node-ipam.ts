/**
 * Gives each node a range of pod addresses, once. What is taken is read off the nodes, so that
 * nothing can leak and a restart forgets nothing.
 */
import type { Node } from "../../kinds/generated/types.ts";
import type { TimedView } from "../../store/view.ts";
import { invariant } from "../../util/errors.ts";
import { formatIp, parseCidr, rangeSize, type IpRange } from "../../util/ip.ts";
import { nothing, type Controller, type Plan } from "../runtime/controller.ts";
import { keysOf, watchOwn } from "./common/keys.ts";
import { draftOf, noteOn, update } from "./common/writes.ts";

const kind = "nodes";
const source = "cidrAllocator";
/** Prefix length of one node's range: 256 addresses. */
const nodePrefix = 24;

export interface PodRanges {
  /** `10.42.0.0/16`; nodes get parts of it. */
  readonly clusterCidr: string;
  /** Never given to pods where it overlaps. */
  readonly serviceCidr: string;
}

export function createNodeIpam(ranges: PodRanges): Controller {
  return {
    name: "node-ipam",
    source,
    about: "nodes",
    watches: [
      watchOwn(kind),
      {
        // A range that is free again may be what another node waits for.
        kind,
        keys: (view, previous, next) =>
          previous !== undefined && next === undefined
            ? keysOf(view.list(kind).filter((row) => cidrsOf(row.object<Node>()).length === 0))
            : [],
      },
    ],
    writes: [kind],
    plan: (view, key) => plan(view, key, ranges),
  };
}

function cidrsOf(node: Node): readonly string[] {
  const { podCIDRs = [], podCIDR } = node.spec;
  return podCIDRs.length > 0 || podCIDR === undefined ? podCIDRs : [podCIDR];
}

function plan(view: TimedView, key: string, ranges: PodRanges): Plan {
  const row = view.get(kind, "", key);
  if (row === undefined || row.hot.deleting) return nothing;
  const node = row.object<Node>();
  if (cidrsOf(node).length > 0) return nothing;
  const taken = view
    .list(kind)
    .flatMap((other) => cidrsOf(other.object<Node>()))
    .map(parseCidr)
    .filter((range) => range !== undefined);
  const podCIDR = firstFree(ranges, taken);
  if (podCIDR !== undefined) {
    const spec = { ...node.spec, podCIDR, podCIDRs: [podCIDR] };
    return { writes: [update(row, draftOf(node, { spec }))] };
  }
  const message = `Node ${key} status is now: CIDRNotAvailable`;
  return { writes: [], notes: [noteOn(row, source, { type: "Normal", reason: "CIDRNotAvailable", message })] };
}

function firstFree({ clusterCidr, serviceCidr }: PodRanges, taken: readonly IpRange[]): string | undefined {
  const cluster = parseCidr(clusterCidr);
  invariant(cluster !== undefined, "the range of pod addresses is a CIDR");
  const services = parseCidr(serviceCidr);
  const used = services === undefined ? taken : [...taken, services];
  const family = cluster.family;
  const size = 1n << BigInt((family === 4 ? 32 : 128) - nodePrefix);
  const end = cluster.base + rangeSize(cluster);
  for (let first = cluster.base; first + size <= end; first += size) {
    const isFree = used.every(
      (range) => range.family !== family || range.base >= first + size || range.base + rangeSize(range) <= first,
    );
    if (isFree) return `${formatIp(family, first)}/${nodePrefix}`;
  }
  return undefined;
}
