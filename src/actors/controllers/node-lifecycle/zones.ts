/**
 * How fast pods may be driven off silent nodes. One node is more likely broken than many at once:
 * if most of a zone is silent, its network is the likelier cause; if all zones are, it is ours.
 */
import type { Taint } from "../../../kinds/generated/types.ts";
import type { RowRef, View } from "../../../store/view.ts";
import type { Millis } from "../../../util/time.ts";
import { parseTime } from "../../../util/time-format.ts";
import {
  evictionEveryMs,
  largeZoneNodesMin,
  partialZoneNodesMin,
  partialZoneShareMin,
  slowEvictionEveryMs,
} from "../limits.ts";

export type EvictionRule =
  /** All zones are silent: nothing is evicted, and what was begun is taken back. */
  | { readonly kind: "never" }
  /** Most of a small zone is silent: nothing new is evicted. */
  | { readonly kind: "paused" }
  /** The next node of the zone may be evicted at this time. */
  | { readonly kind: "from"; readonly atMs: Millis };

type ZoneState = "normal" | "partial" | "full";

export function evictionRule(view: View, node: RowRef): EvictionRule {
  const zones = zonesOf(view);
  const states = [...zones.values()].map(stateOf);
  if (states.every((state) => state === "full")) return { kind: "never" };
  const zone = zones.get(zoneOf(node)) ?? [node];
  const isPartial = stateOf(zone) === "partial";
  if (isPartial && zone.length <= largeZoneNodesMin) return { kind: "paused" };
  const last = Math.max(0, ...zone.map(evictedAt));
  return { kind: "from", atMs: last + (isPartial ? slowEvictionEveryMs : evictionEveryMs) };
}

function zonesOf(view: View): ReadonlyMap<string, readonly RowRef[]> {
  const zones = new Map<string, RowRef[]>();
  for (const row of view.list("nodes")) {
    const zone = zoneOf(row);
    zones.set(zone, [...(zones.get(zone) ?? []), row]);
  }
  return zones;
}

function zoneOf(row: RowRef): string {
  const { labels } = row.hot;
  return `${labels["topology.kubernetes.io/region"] ?? ""}/${labels["topology.kubernetes.io/zone"] ?? ""}`;
}

function stateOf(zone: readonly RowRef[]): ZoneState {
  const silent = zone.filter((row) => row.hot["ready"] !== "True").length;
  if (silent === zone.length) return "full";
  return silent >= partialZoneNodesMin && silent / zone.length >= partialZoneShareMin ? "partial" : "normal";
}

/** When the node was last given up; 0 if it was not. */
function evictedAt(row: RowRef): Millis {
  const taints = (row.hot["taints"] ?? []) as readonly Taint[];
  const times = taints
    .filter(({ key, effect }) => effect === "NoExecute" && /^node\.kubernetes\.io\/(not-ready|unreachable)$/.test(key))
    .map(({ timeAdded }) => parseTime(timeAdded) ?? 0);
  return Math.max(0, ...times);
}
