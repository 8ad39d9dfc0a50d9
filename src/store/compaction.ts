import type { Millis } from "../util/time.ts";
import type { HistoryWindow } from "./history.ts";
import type { StoreLimits } from "./limits.ts";
import type { SystemWrite } from "./outcome.ts";
import type { Revision } from "./revision.ts";

/**
 * Which floors should move at `now`: events older than the window, and those beyond its number. The
 * leader decides and puts the answer into an outcome, so that the floors are equal on all masters;
 * committing it moves them. A floor is the end of a transaction, and one move drops a bounded number
 * of events; what is left over is due again at once. A snapshot that is being made keeps the events, not the floor.
 */
export function dueFloors(
  histories: readonly HistoryWindow[],
  now: Millis,
  limits: Pick<StoreLimits, "historyMs" | "historyEventsMax" | "floorStepEventsMax">,
): readonly SystemWrite[] {
  const writes: SystemWrite[] = [];
  for (const history of histories) {
    const floor = dueFloor(history, now, limits);
    if (floor > history.floor) {
      writes.push({ table: "floor", key: history.kind, value: String(floor) });
    }
  }
  return writes;
}

function dueFloor(
  history: HistoryWindow,
  now: Millis,
  limits: Pick<StoreLimits, "historyMs" | "historyEventsMax" | "floorStepEventsMax">,
): Revision {
  const tooMany = history.size - limits.historyEventsMax;
  const count = Math.min(history.size, limits.floorStepEventsMax);
  let floor = history.floor;
  for (let i = 0; i < count; i++) {
    const event = history.at(i);
    if (i >= tooMany && event.now > now - limits.historyMs) break;
    floor = event.end;
  }
  return floor;
}
