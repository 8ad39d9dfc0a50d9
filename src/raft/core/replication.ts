import { quorumValue } from "./config.ts";
import { appendEntry, commitTo } from "./entries.ts";
import { freeInflight, hasRoom, isGathering, newProgress, toProbe } from "./progress.ts";
import { answerReads, startEarlyReads } from "./reads.ts";
import { otherMembers } from "./state.ts";
import type { Progress, State } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { Effect, EntryKind, MemberId, Message } from "./types.ts";

/**
 * The leader's log on its way to the others. The leader counts itself by what is durable, not by
 * what it has appended, and counts only entries of its own term; older ones follow with them.
 */
export function propose(state: State, turn: Turn, payloads: readonly Uint8Array[], kind: EntryKind): void {
  const bytes = payloads.reduce((sum, payload) => sum + payload.length, 0);
  const why = refusal(state, bytes, kind);
  if (why !== undefined) {
    turn.emit({ type: "reject", why, leader: state.leader });
    return;
  }
  for (const payload of payloads) appendOwn(state, turn, kind, payload);
  broadcastAppend(state, turn, false);
}

function refusal(state: State, bytes: number, kind: EntryKind): Extract<Effect, { type: "reject" }>["why"] | undefined {
  if (state.role !== "leader") return "notLeader";
  if (state.transferTo !== 0) return "transferring";
  if (state.isFull) return "diskFull";
  const isTooMuch = state.uncommittedBytes > 0 && state.uncommittedBytes + bytes > state.settings.uncommittedBytesMax;
  return isTooMuch && kind === "normal" ? "tooMuchUncommitted" : undefined;
}

/** The leader's next entry; answers its index. */
export function appendOwn(state: State, turn: Turn, kind: EntryKind, payload: Uint8Array): number {
  const index = state.log.lastIndex + 1;
  state.uncommittedBytes += payload.length;
  appendEntry(state, turn, { index, term: state.term, kind, payload });
  return index;
}

export function broadcastAppend(state: State, turn: Turn, isEmptyUseful: boolean): void {
  for (const id of otherMembers(state)) {
    const progress = state.progress.get(id);
    if (progress === undefined || !isGathering(state, progress)) sendAppends(state, turn, id, isEmptyUseful);
  }
}

/** Sends what the member's window allows. `isEmptyUseful`: also without entries, to tell the commit index. */
export function sendAppends(state: State, turn: Turn, to: MemberId, isEmptyUseful: boolean): void {
  const progress = state.progress.get(to) ?? newProgress(state.log.lastIndex + 1, state.now);
  state.progress.set(to, progress);
  if (progress.mode === "snapshot" || (progress.mode === "probe" && progress.isPaused)) return;
  if (!state.log.knows(progress.next - 1)) {
    if (state.now < progress.snapshotRetryAt) {
      progress.mode = "probe";
      progress.isPaused = true;
      return;
    }
    progress.mode = "snapshot";
    turn.emit({ type: "sendSnapshot", to });
    return;
  }
  let hasSent = false;
  while (progress.next <= state.log.lastIndex && hasRoom(state, progress)) {
    sendOne(state, turn, to, progress);
    hasSent = true;
    if (progress.mode === "probe") return;
  }
  if (!hasSent && isEmptyUseful) sendOne(state, turn, to, progress);
}

function sendOne(state: State, turn: Turn, to: MemberId, progress: Progress): void {
  const prevIndex = progress.next - 1;
  const hasWindow = hasRoom(state, progress) && progress.next <= state.log.lastIndex;
  const entries = hasWindow ? state.log.page(progress.next, state.settings.appendBytesMax) : [];
  progress.told = state.commit;
  turn.send(to, {
    type: "append",
    term: state.term,
    prevIndex,
    prevTerm: state.log.termAt(prevIndex),
    commit: state.commit,
    entries,
  });
  if (progress.mode === "probe") {
    progress.isPaused = true;
  } else if (entries.length > 0) {
    const bytes = entries.reduce((sum, entry) => sum + entry.payload.length, 0);
    progress.next += entries.length;
    progress.inflight.push({ last: progress.next - 1, bytes });
    progress.inflightBytes += bytes;
  }
}

/** The stream has ended: after a success the rest follows, after a failure it is tried again, later each time. */
export function onSnapshotSent(state: State, turn: Turn, to: MemberId, index: number, isOk: boolean): void {
  const progress = state.progress.get(to);
  if (state.role !== "leader" || progress?.mode !== "snapshot") return;
  const { snapshotRetryMinMs, snapshotRetryMaxMs } = state.settings;
  toProbe(progress);
  if (isOk) {
    progress.snapshotFailures = 0;
    progress.next = Math.max(progress.match, index) + 1;
    sendAppends(state, turn, to, true);
    return;
  }
  const waitMs = Math.min(snapshotRetryMinMs * 2 ** progress.snapshotFailures, snapshotRetryMaxMs);
  progress.snapshotFailures += 1;
  progress.snapshotRetryAt = state.now + waitMs;
}

export function onAppendResp(
  state: State,
  turn: Turn,
  from: MemberId,
  message: Extract<Message, { type: "appendResp" }>,
): void {
  const progress = state.progress.get(from);
  if (progress === undefined) return;
  progress.isActive = true;
  progress.heardAt = state.now;
  if (message.outcome === "reject") {
    if (stepBack(state, progress, message)) sendAppends(state, turn, from, true);
    return;
  }
  const hasProbed = progress.mode === "probe" && message.match >= progress.match;
  const hasGrown = message.match > progress.match;
  if (!hasGrown && !hasProbed) return;
  if (hasGrown) progress.advancedAt = state.now;
  progress.match = Math.max(progress.match, message.match);
  progress.next = Math.max(progress.next, progress.match + 1);
  if (progress.mode !== "replicate" && state.log.knows(progress.match)) {
    toProbe(progress);
    progress.mode = "replicate";
  }
  freeInflight(progress, message.match);
  // One that has just been found again has missed what was told meanwhile: the commit index too.
  if (hasGrown && advanceCommit(state, turn)) return;
  if (hasProbed || !isGathering(state, progress)) {
    sendAppends(state, turn, from, hasProbed || progress.told < state.commit);
  }
}

/** Where to try next after a refusal; false if the refusal is out of date. */
function stepBack(
  state: State,
  progress: Progress,
  message: Extract<Message, { type: "appendResp"; outcome: "reject" }>,
): boolean {
  if (message.prevIndex <= progress.match || progress.mode === "snapshot") return false;
  if (progress.mode === "replicate") {
    toProbe(progress);
    return true;
  }
  if (message.prevIndex !== progress.next - 1) return false;
  const agreed =
    message.hintTerm > 0 ? state.log.lastWithTermAtMost(message.hintIndex, message.hintTerm).index : message.hintIndex;
  progress.next = Math.max(Math.min(message.prevIndex, agreed + 1), progress.match + 1);
  progress.isPaused = false;
  return true;
}

export function onHeartbeatResp(
  state: State,
  turn: Turn,
  from: MemberId,
  message: Extract<Message, { type: "heartbeatResp" }>,
): void {
  const progress = state.progress.get(from);
  if (progress === undefined) return;
  progress.isActive = true;
  progress.heardAt = state.now;
  progress.isPaused = false;
  if (!hasRoom(state, progress)) freeInflight(progress, progress.inflight[0]?.last ?? 0);
  if (progress.mode === "probe" || progress.match < state.log.lastIndex) {
    // Also without entries: if those under way were lost, the answer says so.
    sendAppends(state, turn, from, true);
  }
  progress.readRound = Math.max(progress.readRound, message.readRound);
  answerReads(state, turn);
}

/** Our own writes became durable: by number, never by index, so an overwritten tail counts for nothing. */
export function onPersisted(state: State, turn: Turn, seq: number): void {
  let done = 0;
  for (const waiting of state.unpersisted) {
    if (waiting.seq > seq) break;
    state.durable = Math.max(state.durable, waiting.upTo);
    done += 1;
  }
  state.unpersisted.splice(0, done);
  if (state.role === "leader") advanceCommit(state, turn);
}

/** True if the commit index has moved; everyone is told then. */
export function advanceCommit(state: State, turn: Turn): boolean {
  const index = quorumValue(state.configs.current, (id) =>
    id === state.id ? state.durable : (state.progress.get(id)?.match ?? 0),
  );
  if (index <= state.commit || state.log.termAt(index) !== state.term) return false;
  for (let at = state.commit + 1; at <= index; at += 1) {
    state.uncommittedBytes -= state.log.at(at).payload.length;
  }
  commitTo(state, turn, index);
  startEarlyReads(state, turn);
  broadcastAppend(state, turn, true);
  return true;
}
