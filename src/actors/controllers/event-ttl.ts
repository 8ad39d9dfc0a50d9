/**
 * Events expire an hour after they were last seen. Keys are spans of five minutes in which Events
 * were seen, so that there is one timer for each span and not one for each Event.
 */
import type { RowRef } from "../../store/view.ts";
import type { Millis } from "../../util/time.ts";
import { parseTime } from "../../util/time-format.ts";
import type { Controller, Plan } from "../runtime/controller.ts";
import type { TimedView } from "../../store/view.ts";
import { remove } from "./common/writes.ts";
import { eventSpanMs, eventTtlMs, planWritesMax } from "./limits.ts";

const kind = "events";

export const eventTtl: Controller = {
  name: "event-ttl",
  source: "event-ttl-controller",
  watches: [{ kind, keys: (_view, _previous, next) => (next === undefined ? [] : [spanOf(next)]) }],
  writes: [kind],
  plan,
};

function lastSeen(row: RowRef): Millis {
  const seen = row.hot["lastSeen"];
  const text = typeof seen === "string" ? seen : row.object().metadata.creationTimestamp;
  return parseTime(text) ?? 0;
}

function spanOf(row: RowRef): string {
  return String(Math.floor(lastSeen(row) / eventSpanMs));
}

function plan(view: TimedView, key: string): Plan {
  const dueAt = (Number(key) + 1) * eventSpanMs + eventTtlMs;
  if (view.now < dueAt) return { writes: [], wakeAt: dueAt };
  const expired = view.list(kind).filter((row) => lastSeen(row) + eventTtlMs <= view.now && !row.hot.deleting);
  const writes = expired.slice(0, planWritesMax).map((row) => remove(row));
  return { writes, ...(expired.length > planWritesMax ? { more: true } : {}) };
}
