import { invariant } from "../../util/errors.ts";
import { countVotes } from "./config.ts";
import {
  becomeFollower,
  campaign,
  countOwnVote,
  isSticky,
  onElectionDue,
  onLeaderLost,
  onPreVote,
  onPreVoteResp,
  onVote,
  onVoteResp,
} from "./election.ts";
import { onAppend, onHeartbeat, onSnapshotReceived } from "./follow.ts";
import { changeConfig, followConfig, isRemoved, tendLearners } from "./membership.ts";
import { addRead, broadcastHeartbeat, dropOldForwardedReads, renumberReads, requestRead } from "./reads.ts";
import { toProbe } from "./progress.ts";
import { onRepair, onRepaired } from "./repair.ts";
import { onAppendResp, onHeartbeatResp, onPersisted, onSnapshotSent, propose } from "./replication.ts";
import { resetElectionTimer } from "./state.ts";
import type { State } from "./state.ts";
import { abortTransferIfDue, goOnWithTransfer, onTimeoutNow, startTransfer } from "./transfer.ts";
import { Turn } from "./turn.ts";
import type { Effect, Input, MemberId, Message } from "./types.ts";

/**
 * One step of one member: no waiting, no clock, no chance but what lies in the state. The semantics
 * are those of etcd's raft: pre-vote, check-quorum, read index, storage that answers later.
 */
export function step(state: State, input: Input): Effect[] {
  const turn = new Turn(state);
  const committedBefore = state.commit;
  switch (input.type) {
    case "tick":
      onTick(state, turn, input.now);
      break;
    case "message":
      onMessage(state, turn, input.from, input.message);
      break;
    case "propose":
      propose(state, turn, input.payloads, input.kind);
      break;
    case "readIndex":
      requestRead(state, turn, input.id);
      break;
    case "persisted":
      onPersisted(state, turn, input.seq);
      countOwnVote(state, turn, input.seq);
      break;
    case "link":
      onLink(state, turn, input.peer, input.isUp);
      break;
    case "campaign":
      campaign(state, turn, "timeout");
      break;
    case "transfer":
      startTransfer(state, turn, input.to);
      break;
    case "changeConfig":
      changeConfig(state, turn, input.change, input.isForced);
      break;
    case "snapshotSent":
      onSnapshotSent(state, turn, input.to, input.index, input.isOk);
      break;
    case "snapshotReceived":
      takeSnapshot(state, turn, input);
      break;
    case "room":
      onRoom(state, turn, input.isFull);
      break;
    case "ready":
      onReady(state, input.isReady);
      break;
  }
  if (state.role === "leader" && state.commit > committedBefore) followConfig(state, turn, committedBefore);
  return turn.finish();
}

/** A long gap between ticks means that we were stopped: what came meanwhile is heard first. */
function onTick(state: State, turn: Turn, now: number): void {
  const { electionMinMs, heartbeatMs } = state.settings;
  const isStalled = now - state.now > electionMinMs / 2;
  state.now = Math.max(now, state.now);
  dropOldForwardedReads(state, turn);
  if (state.role !== "leader") {
    if (!isStalled && state.now >= state.electionDeadline) onElectionDue(state, turn);
    return;
  }
  if (isStalled && state.reads.length > 0) renumberReads(state);
  if (state.now >= state.heartbeatDue || isStalled) {
    state.heartbeatDue = state.now + heartbeatMs;
    broadcastHeartbeat(state, turn);
    tendLearners(state, turn);
  }
  abortTransferIfDue(state, turn);
  if (!isStalled && state.now >= state.quorumCheckDue) checkQuorum(state, turn);
}

function checkQuorum(state: State, turn: Turn): void {
  const heard = new Map([[state.id, true]]);
  for (const [id, progress] of state.progress) {
    if (progress.isActive) heard.set(id, true);
    progress.isActive = false;
  }
  state.quorumCheckDue = state.now + state.settings.electionMinMs;
  if (countVotes(state.configs.current, heard) !== "won") becomeFollower(state, turn, state.term, 0);
}

function onLink(state: State, turn: Turn, peer: MemberId, isUp: boolean): void {
  if (isUp) state.linkDown.delete(peer);
  else state.linkDown.add(peer);
  const progress = state.progress.get(peer);
  if (state.role === "leader") {
    if (!isUp && progress?.mode === "replicate") toProbe(progress);
    if (isUp && progress !== undefined) progress.linkedAt = state.now;
    return;
  }
  if (peer !== state.leader || state.electionDeadline === Number.POSITIVE_INFINITY) {
    // The leader of before is back: no reason to hurry any more.
    if (isUp && peer === state.lostLeader) state.lostLeader = 0;
    return;
  }
  if (isUp) return;
  onLeaderLost(state, turn, peer);
}

/** An election that is under way goes on as it was begun. */
function onReady(state: State, isReady: boolean): void {
  if (state.isReady === isReady) return;
  state.isReady = isReady;
  if (state.role !== "leader" && state.phase === "none") resetElectionTimer(state);
}

/** Without room for the log a leader looks for a successor; a follower stops to acknowledge by itself. */
function onRoom(state: State, turn: Turn, isFull: boolean): void {
  if (state.isFull === isFull) return;
  state.isFull = isFull;
  if (state.role !== "leader") resetElectionTimer(state);
  else if (isFull) startTransfer(state, turn, 0);
}

/** Only as long as the leader that sent it is the leader: its term holds the snapshot's entries. */
function takeSnapshot(state: State, turn: Turn, input: Extract<Input, { type: "snapshotReceived" }>): void {
  if (input.term < state.term || state.role === "leader") return;
  if (input.term > state.term || state.leader !== input.from) {
    becomeFollower(state, turn, input.term, input.from);
  }
  onSnapshotReceived(state, turn, input.from, input.snapshot);
}

function onMessage(state: State, turn: Turn, from: MemberId, message: Message): void {
  if (message.type === "removed") {
    turn.emit({ type: "removed" });
    return;
  }
  const isAsking = message.type === "preVote" || message.type === "vote";
  if (isAsking && isRemoved(state, from)) {
    // It may have missed its own end; it would ask for votes for ever.
    turn.send(from, { type: "removed", term: state.term });
    return;
  }
  if (!passesTerm(state, turn, from, message)) return;
  switch (message.type) {
    case "preVote":
      return onPreVote(state, turn, from, message);
    case "preVoteResp":
      return onPreVoteResp(state, turn, from, message);
    case "vote":
      return onVote(state, turn, from, message);
    case "voteResp":
      return onVoteResp(state, turn, from, message);
    case "append":
      hearLeader(state, turn, from);
      return onAppend(state, turn, from, message);
    case "heartbeat":
      hearLeader(state, turn, from);
      return onHeartbeat(state, turn, from, message);
    case "appendResp":
      if (state.role !== "leader") return;
      onAppendResp(state, turn, from, message);
      return goOnWithTransfer(state, turn, from, false);
    case "heartbeatResp":
      if (state.role !== "leader") return;
      onHeartbeatResp(state, turn, from, message);
      return goOnWithTransfer(state, turn, from, true);
    case "readIndex":
      return state.role === "leader" ? addRead(state, turn, { id: message.id, from }) : undefined;
    case "timeoutNow":
      return onTimeoutNow(state, turn, from);
    case "repair":
      return state.role === "leader" ? onRepair(state, turn, from, message) : undefined;
    case "repaired":
      return onRepaired(state, turn, from, message);
    case "readIndexResp":
      if (from === state.leader && state.forwardedReads.delete(message.id)) {
        turn.emit({ type: "readReady", id: message.id, index: message.index });
      }
  }
}

/** Brings us up to the message's term, or answers for ours; true if the message is to be handled. */
function passesTerm(state: State, turn: Turn, from: MemberId, message: Message): boolean {
  // Both travel across terms: asking changes none, and a grant may come from an older one.
  if (message.type === "preVote") return true;
  if (message.type === "preVoteResp" && message.granted) return true;
  if (message.term > state.term) {
    if (message.type === "vote" && isSticky(state, from, message.reason)) return false;
    const isFromLeader = message.type === "append" || message.type === "heartbeat";
    becomeFollower(state, turn, message.term, isFromLeader ? from : 0);
    return true;
  }
  if (message.term === state.term) return true;
  if (message.type === "append" || message.type === "heartbeat") {
    // Tells a deposed leader our term: with pre-vote nothing else would.
    turn.send(from, {
      type: "appendResp",
      term: state.term,
      outcome: "reject",
      prevIndex: message.type === "append" ? message.prevIndex : 0,
      hintIndex: 0,
      hintTerm: 0,
    });
  }
  return message.type === "preVoteResp";
}

function hearLeader(state: State, turn: Turn, from: MemberId): void {
  invariant(state.role !== "leader", "a term has one leader");
  if (state.role === "candidate" || state.leader !== from) {
    becomeFollower(state, turn, state.term, from);
  }
  state.lastContact = state.now;
  state.doubtUpTo = 0;
  state.voteTries = 0;
  state.lostLeader = 0;
  resetElectionTimer(state);
}
