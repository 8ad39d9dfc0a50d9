import { decodeConfig, quorumValue } from "./config.ts";
import { answerReads, startEarlyReads } from "./reads.ts";
import { otherMembers } from "./state.ts";
import type { Progress, State } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { Entry, EntryKind, MemberId, Message } from "./types.ts";

/**
 * The leader's log on its way to the others. The leader counts itself by what is durable, not by
 * what it has appended, and counts only entries of its own term; older ones follow with them.
 */
export function propose(state: State, turn: Turn, payloads: readonly Uint8Array[], kind: EntryKind): void {
  const bytes = payloads.reduce((sum, payload) => sum + payload.length, 0);
  const isTooMuch = state.uncommittedBytes > 0 && state.uncommittedBytes + bytes > state.settings.uncommittedBytesMax;
  if (state.role !== "leader" || (isTooMuch && kind === "normal")) {
    const why = state.role === "leader" ? "tooMuchUncommitted" : "notLeader";
    turn.emit({ type: "reject", why, leader: state.leader });
    return;
  }
  for (const payload of payloads) {
    appendEntry(state, turn, { index: state.log.lastIndex + 1, term: state.term, kind, payload });
  }
  state.uncommittedBytes += bytes;
  broadcastAppend(state, turn, false);
}

/** Every entry of this member's log passes here; a configuration holds from now on. */
export function appendEntry(state: State, turn: Turn, entry: Entry): void {
  turn.append(entry);
  if (entry.kind === "config") {
    state.configs.push({ index: entry.index, config: decodeConfig(entry.payload) });
  }
}

export function newProgress(next: number): Progress {
  return {
    match: 0,
    next,
    mode: "probe",
    isPaused: false,
    inflight: [],
    inflightBytes: 0,
    isActive: false,
    readRound: 0,
  };
}

export function broadcastAppend(state: State, turn: Turn, isEmptyUseful: boolean): void {
  for (const id of otherMembers(state)) sendAppends(state, turn, id, isEmptyUseful);
}

/** Sends what the member's window allows. `isEmptyUseful`: also without entries, to tell the commit index. */
export function sendAppends(state: State, turn: Turn, to: MemberId, isEmptyUseful: boolean): void {
  const progress = state.progress.get(to) ?? newProgress(state.log.lastIndex + 1);
  state.progress.set(to, progress);
  if (progress.mode === "snapshot" || (progress.mode === "probe" && progress.isPaused)) return;
  if (!state.log.knows(progress.next - 1)) {
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

function hasRoom(state: State, progress: Progress): boolean {
  const { inflightMessagesMax, inflightBytesMax } = state.settings;
  return progress.inflight.length < inflightMessagesMax && progress.inflightBytes < inflightBytesMax;
}

function sendOne(state: State, turn: Turn, to: MemberId, progress: Progress): void {
  const prevIndex = progress.next - 1;
  const hasWindow = hasRoom(state, progress) && progress.next <= state.log.lastIndex;
  const entries = hasWindow ? state.log.page(progress.next, state.settings.appendBytesMax) : [];
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

/** Back to one append at a time; the window is forgotten, its bytes too. */
export function toProbe(progress: Progress): void {
  progress.mode = "probe";
  progress.isPaused = false;
  progress.next = progress.match + 1;
  progress.inflight = [];
  progress.inflightBytes = 0;
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
  if (message.outcome === "reject") {
    if (stepBack(state, progress, message)) sendAppends(state, turn, from, true);
    return;
  }
  const hasProbed = progress.mode === "probe" && message.match >= progress.match;
  const hasGrown = message.match > progress.match;
  if (!hasGrown && !hasProbed) return;
  progress.match = Math.max(progress.match, message.match);
  progress.next = Math.max(progress.next, progress.match + 1);
  if (progress.mode !== "replicate" && state.log.knows(progress.match)) {
    toProbe(progress);
    progress.mode = "replicate";
  }
  freeInflight(progress, message.match);
  // One that has just been found again has missed what was told meanwhile: the commit index too.
  if (!hasGrown || !advanceCommit(state, turn)) sendAppends(state, turn, from, hasProbed);
}

function freeInflight(progress: Progress, match: number): void {
  let freed = 0;
  for (const { last, bytes } of progress.inflight) {
    if (last > match) break;
    progress.inflightBytes -= bytes;
    freed += 1;
  }
  if (freed > 0) progress.inflight.splice(0, freed);
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
  progress.isPaused = false;
  if (!hasRoom(state, progress)) freeInflight(progress, progress.inflight[0]?.last ?? 0);
  if (progress.mode === "probe" || progress.match < state.log.lastIndex) {
    sendAppends(state, turn, from, progress.mode === "probe");
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

function commitTo(state: State, turn: Turn, index: number): void {
  if (index <= state.commit) return;
  state.commit = index;
  turn.emit({ type: "commit", upTo: index });
}

/** A follower's side: take what fits, cut only at a true conflict of terms, never below the commit index. */
export function onAppend(
  state: State,
  turn: Turn,
  from: MemberId,
  message: Extract<Message, { type: "append" }>,
): void {
  const { prevIndex, prevTerm, entries } = message;
  const { log, term } = state;
  const alien = entries.find(
    ({ index, term: at }) => index <= state.commit && log.knows(index) && log.termAt(index) !== at,
  );
  if (alien !== undefined) {
    const why = `entry ${alien.index} is committed, and the leader has another`;
    turn.emit({ type: "fatal", why });
    return;
  }
  if (prevIndex < state.commit) {
    const match = state.commit;
    turn.sendDurably(from, { type: "appendResp", term, outcome: "ok", match });
    return;
  }
  if (prevIndex > log.lastIndex || log.termAt(prevIndex) !== prevTerm) {
    const hint = log.lastWithTermAtMost(prevIndex, prevTerm);
    turn.send(from, {
      type: "appendResp",
      term,
      outcome: "reject",
      prevIndex,
      hintIndex: hint.index,
      hintTerm: hint.term,
    });
    return;
  }
  for (const entry of entries) {
    if (entry.index <= log.lastIndex) {
      if (log.termAt(entry.index) === entry.term) continue;
      turn.truncateFrom(entry.index);
    }
    appendEntry(state, turn, entry);
  }
  const match = prevIndex + entries.length;
  commitTo(state, turn, Math.min(message.commit, match));
  turn.sendDurably(from, { type: "appendResp", term, outcome: "ok", match });
}

export function onHeartbeat(
  state: State,
  turn: Turn,
  from: MemberId,
  message: Extract<Message, { type: "heartbeat" }>,
): void {
  if (message.commit > state.log.lastIndex) {
    turn.emit({
      type: "fatal",
      why: `the leader knows our log up to ${message.commit}, but it ends at ${state.log.lastIndex}`,
    });
    return;
  }
  commitTo(state, turn, message.commit);
  const { readRound, sentAt } = message;
  turn.send(from, { type: "heartbeatResp", term: state.term, readRound, sentAt });
}
