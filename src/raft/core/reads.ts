import { countVotes, quorumValue } from "./config.ts";
import { floorOf } from "./progress.ts";
import { otherMembers } from "./state.ts";
import type { Read, State } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { MemberId } from "./types.ts";

/**
 * Reads that are linearizable without a log entry: the leader notes its commit index, then a
 * majority of voters confirms a heartbeat round that began later. Rounds are counted per
 * leadership, so an answer to an older question never confirms a newer one; learners never count.
 * There are no leases: fast elections would break them.
 */
export function requestRead(state: State, turn: Turn, id: number): void {
  if (state.role === "leader") {
    addRead(state, turn, { id, from: state.id });
  } else if (state.leader !== 0) {
    state.forwardedReads.set(id, state.now);
    turn.send(state.leader, { type: "readIndex", term: state.term, id });
  } else {
    turn.emit({ type: "readDropped", id });
  }
}

/** Before the leader's own entry is committed its commit index may be behind what clients saw. */
export function addRead(state: State, turn: Turn, read: Read): void {
  if (state.commit < state.termStart) {
    state.earlyReads.push(read);
    return;
  }
  state.readRound += 1;
  state.reads.push({ ...read, index: state.commit, round: state.readRound });
  if (countVotes(state.configs.current, new Map([[state.id, true]])) === "won") {
    answerReads(state, turn);
  } else {
    broadcastHeartbeat(state, turn);
  }
}

export function startEarlyReads(state: State, turn: Turn): void {
  if (state.commit < state.termStart || state.earlyReads.length === 0) return;
  const reads = state.earlyReads;
  state.earlyReads = [];
  for (const read of reads) addRead(state, turn, read);
}

/** After a stall no old answer counts: all that wait get a new round. */
export function renumberReads(state: State): void {
  state.readRound += 1;
  for (const read of state.reads) read.round = state.readRound;
}

export function answerReads(state: State, turn: Turn): void {
  const confirmed = quorumValue(state.configs.current, (id) =>
    id === state.id ? state.readRound : (state.progress.get(id)?.readRound ?? 0),
  );
  const ready = state.reads.filter((read) => read.round <= confirmed);
  if (ready.length === 0) return;
  state.reads = state.reads.filter((read) => read.round > confirmed);
  for (const { id, from, index } of ready) {
    if (from === state.id) turn.emit({ type: "readReady", id, index });
    else turn.send(from, { type: "readIndexResp", term: state.term, id, index });
  }
}

/** Leadership or leader is gone: who asked must ask again, under a new id. */
export function dropReads(state: State, turn: Turn): void {
  for (const { id, from } of [...state.reads, ...state.earlyReads]) {
    if (from === state.id) turn.emit({ type: "readDropped", id });
  }
  for (const id of state.forwardedReads.keys()) turn.emit({ type: "readDropped", id });
  state.reads = [];
  state.earlyReads = [];
  state.forwardedReads.clear();
}

/** A question or its answer was lost on the way. */
export function dropOldForwardedReads(state: State, turn: Turn): void {
  for (const [id, sentAt] of state.forwardedReads) {
    if (state.now - sentAt < state.settings.electionMinMs) continue;
    state.forwardedReads.delete(id);
    turn.emit({ type: "readDropped", id });
  }
}

export function broadcastHeartbeat(state: State, turn: Turn): void {
  state.floor = floorOf(state);
  for (const id of otherMembers(state)) sendHeartbeat(state, turn, id);
}

/** The commit index sent is one that this member's log is known to reach; the term lets it see whether it still does. */
function sendHeartbeat(state: State, turn: Turn, to: MemberId): void {
  const match = state.progress.get(to)?.match ?? 0;
  const commit = Math.min(state.commit, match);
  turn.send(to, {
    type: "heartbeat",
    term: state.term,
    commit,
    commitTerm: state.log.knows(commit) ? state.log.termAt(commit) : 0,
    readRound: state.readRound,
    sentAt: state.now,
    floor: state.floor,
  });
}
