/** Which taints a node's conditions ask for. Taints that users set are left as they are. */
import type { Node, Taint } from "../../../kinds/generated/types.ts";
import type { RowRef, TimedView } from "../../../store/view.ts";
import type { Millis } from "../../../util/time.ts";
import { formatTime } from "../../../util/time-format.ts";
import { evictionRule } from "./zones.ts";

const prefix = "node.kubernetes.io/";
const notReady = `${prefix}not-ready`;
const unreachable = `${prefix}unreachable`;

/** Condition → taint while it is True. */
const pressures: readonly (readonly [condition: string, taint: string])[] = [
  ["MemoryPressure", `${prefix}memory-pressure`],
  ["DiskPressure", `${prefix}disk-pressure`],
  ["PIDPressure", `${prefix}pid-pressure`],
  ["NetworkUnavailable", `${prefix}network-unavailable`],
];
const cordoned = `${prefix}unschedulable`;
const managed: ReadonlySet<string> = new Set([notReady, unreachable, cordoned, ...pressures.map(([, key]) => key)]);

export interface NextTaints {
  readonly taints: readonly Taint[];
  /** When a NoExecute taint that must wait its turn may be set. */
  readonly wakeAt?: Millis;
}

export function nextTaints(view: TimedView, row: RowRef): NextTaints {
  const node = row.object<Node>();
  const now = formatTime(view.now);
  const wanted = noScheduleKeys(node);
  const silentKey = [notReady, unreachable].find((key) => wanted.includes(key));
  const stored = node.spec.taints ?? [];
  const kept = stored
    .filter((taint) => taint.effect !== "NoSchedule" || !managed.has(taint.key) || wanted.includes(taint.key))
    .filter((taint) => !isEvicting(taint))
    // Users give no time; tolerations with an end count from it.
    .map((taint) =>
      taint.effect === "NoExecute" && taint.timeAdded === undefined ? { ...taint, timeAdded: now } : taint,
    );
  const has = new Set(kept.filter(({ effect }) => effect === "NoSchedule").map(({ key }) => key));
  const added = wanted.filter((key) => !has.has(key)).map((key) => ({ key, effect: "NoSchedule" }));
  const evicting = stored.find(isEvicting);
  if (silentKey === undefined) return { taints: [...kept, ...added] };
  const rule = evictionRule(view, row);
  if (rule.kind === "never") return { taints: [...kept, ...added] };
  if (evicting !== undefined) {
    const timeAdded = evicting.timeAdded ?? now;
    const same = { key: silentKey, effect: "NoExecute", timeAdded };
    return { taints: placed(stored, [...kept, ...added], same) };
  }
  if (rule.kind === "paused") return { taints: [...kept, ...added] };
  if (view.now < rule.atMs) return { taints: [...kept, ...added], wakeAt: rule.atMs };
  return { taints: [...kept, ...added, { key: silentKey, effect: "NoExecute", timeAdded: now }] };
}

/** The evicting taint stays where it stood, so that nothing is written for order's sake. */
function placed(stored: readonly Taint[], others: readonly Taint[], taint: Taint): readonly Taint[] {
  const at = Math.min(stored.findIndex(isEvicting), others.length);
  return [...others.slice(0, at), taint, ...others.slice(at)];
}

function isEvicting({ key, effect }: Taint): boolean {
  return effect === "NoExecute" && (key === notReady || key === unreachable);
}

/** A node that has never said that it is ready is not. */
function noScheduleKeys(node: Node): readonly string[] {
  const conditions = node.status?.conditions ?? [];
  const statusOf = (type: string): string | undefined => conditions.find((each) => each.type === type)?.status;
  const ready = statusOf("Ready");
  return [
    ...(ready === "True" ? [] : [ready === "Unknown" ? unreachable : notReady]),
    ...pressures.filter(([condition]) => statusOf(condition) === "True").map(([, key]) => key),
    ...(node.spec.unschedulable === true ? [cordoned] : []),
  ];
}
