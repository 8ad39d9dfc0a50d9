import { otherMembers } from "./state.ts";
import type { Progress, State } from "./state.ts";
import type { MemberId } from "./types.ts";

/** What the leader keeps of each member: windows, distances, who is next. */

export function newProgress(next: number, now: number): Progress {
  return {
    match: 0,
    next,
    mode: "probe",
    isPaused: false,
    inflight: [],
    inflightBytes: 0,
    told: 0,
    isActive: false,
    readRound: 0,
    linkedAt: Number.NEGATIVE_INFINITY,
    heardAt: now,
    advancedAt: now,
    caughtUpSince: Number.POSITIVE_INFINITY,
    snapshotFailures: 0,
    snapshotRetryAt: Number.NEGATIVE_INFINITY,
    repair: undefined,
  };
}

export function hasRoom(state: State, progress: Progress): boolean {
  const { inflightMessagesMax, inflightBytesMax } = state.settings;
  return progress.inflight.length < inflightMessagesMax && progress.inflightBytes < inflightBytesMax;
}

/**
 * A little that comes while an append is under way leaves with all that comes until its answer, and so does
 * the commit index: frames, syncs and wake-ups cost more than the entries in them. Heartbeats find out
 * whether the append was lost.
 */
export function isGathering(state: State, progress: Progress): boolean {
  const waiting = state.log.lastIndex - progress.next + 1;
  return progress.mode === "replicate" && progress.inflight.length > 0 && waiting < state.settings.gatherEntriesMax;
}

/** Back to one append at a time; the window is forgotten, its bytes too. */
export function toProbe(progress: Progress): void {
  progress.mode = "probe";
  progress.isPaused = false;
  progress.next = progress.match + 1;
  progress.inflight = [];
  progress.inflightBytes = 0;
}

export function freeInflight(progress: Progress, match: number): void {
  let freed = 0;
  for (const { last, bytes } of progress.inflight) {
    if (last > match) break;
    progress.inflightBytes -= bytes;
    freed += 1;
  }
  if (freed > 0) progress.inflight.splice(0, freed);
}

/** The voter, heard lately, whose log is the furthest, but one that has just come back only if there is no other; 0 = none. */
export function bestSuccessor(state: State): MemberId {
  let best: { readonly id: MemberId; readonly isSettled: boolean; readonly match: number } | undefined;
  for (const id of state.configs.current.incoming) {
    const progress = state.progress.get(id);
    if (id === state.id || progress === undefined || state.linkDown.has(id)) continue;
    if (state.now - progress.heardAt >= state.settings.electionMinMs) continue;
    const { match } = progress;
    const isSettled = isSettledIn(state, progress);
    const isFurther = best === undefined || (best.isSettled === isSettled ? match > best.match : isSettled);
    if (isFurther) best = { id, isSettled, match };
  }
  return best?.id ?? 0;
}

/** One that has just begun replays and compiles: clients would wait for it. */
function isSettledIn({ now, commit, settings }: State, { linkedAt, match }: Progress): boolean {
  return now - linkedAt >= settings.settleMs && match >= commit - settings.promoteLagMax;
}

/** The log is kept from here on: every member heard lately has it, and so do we. */
export function floorOf(state: State): number {
  let floor = state.commit;
  for (const id of otherMembers(state)) {
    const progress = state.progress.get(id);
    if (progress === undefined || state.now - progress.heardAt >= state.settings.followerSeenMs) continue;
    floor = Math.min(floor, progress.mode === "snapshot" ? state.log.baseIndex : progress.match);
  }
  return floor;
}
