/**
 * The course of faults: Pending, Active, Ended, then gone. Targets keep each fault's time by themselves
 * and tell what they did; here it is summed up, told as Events, and cleared away.
 */
import type { Fault, FaultStatus } from "../../kinds/generated/types.ts";
import type { RowRef, TimedView } from "../../store/view.ts";
import { jsonEqual } from "../../util/equal.ts";
import type { Millis } from "../../util/time.ts";
import { formatTime, parseTime } from "../../util/time-format.ts";
import type { Note } from "../runtime/command.ts";
import { nothing, type Controller, type Plan } from "../runtime/controller.ts";
import { watchOwn } from "./common/keys.ts";
import { noteOn, remove, updateStatus } from "./common/writes.ts";
import { faultSlackMs } from "./limits.ts";

const kind = "faults.faults.troupe.dev";
const source = "fault-controller";
const ttlSecondsDefault = 3_600;

/** Runs only in masters that serve faults. */
export const faultCourse: Controller = {
  name: "fault",
  source,
  about: kind,
  watches: [watchOwn(kind)],
  writes: [kind],
  plan,
};

function plan(view: TimedView, key: string): Plan {
  const row = view.get(kind, "", key);
  if (row === undefined || row.hot.deleting) return nothing;
  const fault = row.object<Fault>();
  const { status = {}, spec } = fault;
  if (status.phase === "Ended") {
    const removeAt = (parseTime(status.endedAt) ?? 0) + (spec.ttlSecondsAfterEnd ?? ttlSecondsDefault) * 1_000;
    if (view.now >= removeAt) return { writes: [remove(row)] };
    const late = { ...status, ...sums(fault) };
    return { writes: jsonEqual(late, status) ? [] : [updateStatus(row, fault, late)], wakeAt: removeAt };
  }
  const next = course(fault, view.now);
  const notes = next.phase === status.phase ? [] : notesOf(row, fault, next);
  return {
    writes: jsonEqual(next, status) ? [] : [updateStatus(row, fault, next)],
    notes,
    wakeAt: wakeAt(fault, next),
  };
}

function course(fault: Fault, now: Millis): FaultStatus {
  const { beginMs, endMs } = times(fault);
  const status = { ...fault.status, ...sums(fault) };
  if (now < beginMs) return { ...status, phase: "Pending" };
  const startedAt = status.startedAt ?? formatTime(now);
  const { targets = [] } = status;
  const isDone = targets.length > 0 && (status.hits ?? 0) > 0 && targets.every(({ phase }) => phase === "Ended");
  if (!isDone && now < endMs) return { ...status, phase: "Active", startedAt };
  return {
    ...status,
    phase: "Ended",
    reason: now < endMs - faultSlackMs ? "Done" : "Expired",
    startedAt,
    endedAt: formatTime(now),
  };
}

function times({ metadata, spec }: Fault): { readonly beginMs: Millis; readonly endMs: Millis } {
  const beginMs = (parseTime(metadata.creationTimestamp) ?? 0) + (spec.when?.atMs ?? 0);
  const { everyMs = 0, times: rounds = 1 } = spec.schedule ?? {};
  // Targets begin when they hear of it: their word comes before ours.
  return { beginMs, endMs: beginMs + (rounds - 1) * everyMs + (spec.for?.ms ?? 0) + faultSlackMs };
}

function wakeAt(fault: Fault, { phase }: FaultStatus): Millis {
  const { beginMs, endMs } = times(fault);
  return phase === "Pending" ? beginMs : endMs;
}

function sums({ spec: { seam = "" }, status }: Fault): Pick<FaultStatus, "hits" | "seams"> {
  const hits = (status?.targets ?? []).reduce((sum, target) => sum + target.hits, 0);
  return hits === 0 ? {} : { hits, seams: [{ seam, hits }] };
}

function notesOf(row: RowRef, { spec }: Fault, next: FaultStatus): readonly Note[] {
  const what = `${spec.kind} at the seam ${spec.seam ?? ""}`;
  if (next.phase === "Active") {
    const message = `${what} for ${spec.for?.ms ?? 0} ms`;
    return [noteOn(row, source, { type: "Warning", reason: "FaultStarted", message })];
  }
  if (next.phase !== "Ended") return [];
  const message = `${what}: ${next.reason === "Done" ? "done" : "its time is over"}, ${next.hits ?? 0} hits`;
  return [noteOn(row, source, { type: "Normal", reason: "FaultEnded", message })];
}
