import { appendEntry, commitTo, takeConfig, truncateFrom } from "./entries.ts";
import { askForRepair, noteDamage } from "./repair.ts";
import type { State } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { MemberId, Message, SnapshotPoint } from "./types.ts";

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
      truncateFrom(state, turn, entry.index);
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
  const why = lostSince(state, message);
  if (why !== undefined && state.hasCutTail && !state.isDamaged) noteDamage(state, turn);
  if (why !== undefined && !state.isDamaged) {
    turn.emit({ type: "fatal", why });
    return;
  }
  const { commit, commitTerm } = message;
  if (why === undefined && commitTerm > 0) commitTo(state, turn, commit);
  state.floor = Math.max(state.floor, Math.min(message.floor, state.commit));
  askForRepair(state, turn, from);
  const { readRound, sentAt } = message;
  turn.send(from, { type: "heartbeatResp", term: state.term, readRound, sentAt });
}

/**
 * What the leader knows of our log it was told by us. A log that has lost its end since is shorter, or has entries
 * again that it had cut off; an entry with the same index and term has the same entries before it. Undefined: none is lost.
 */
function lostSince(
  { log, commit: known }: State,
  { commit, commitTerm }: Extract<Message, { type: "heartbeat" }>,
): string | undefined {
  if (commit > log.lastIndex) return `the leader knows our log up to ${commit}, but it ends at ${log.lastIndex}`;
  if (commit <= known || commitTerm === 0 || log.termAt(commit) === commitTerm) return undefined;
  return `the leader knows entry ${commit} of our log with term ${commitTerm}, but its term is ${log.termAt(commit)}`;
}

/** A snapshot from the leader lies here whole: it replaces the log, unless we are further already. */
export function onSnapshotReceived(state: State, turn: Turn, from: MemberId, snapshot: SnapshotPoint): void {
  const { log } = state;
  const { index, term } = snapshot;
  const isKnown = log.knows(index) && log.termAt(index) === term;
  if (index > state.commit && !isKnown) {
    const before = state.configs.current;
    turn.reset(snapshot);
    state.commit = index;
    turn.emit({ type: "restore", index });
    if (before !== state.configs.current) takeConfig(state, turn);
  } else if (index > state.commit) {
    commitTo(state, turn, index);
  }
  turn.sendDurably(from, {
    type: "appendResp",
    term: state.term,
    outcome: "ok",
    match: Math.max(state.commit, index),
  });
}
