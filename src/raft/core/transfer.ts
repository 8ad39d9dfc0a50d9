import { becomeFollower, campaign } from "./election.ts";
import { isVoter } from "./config.ts";
import { bestSuccessor } from "./progress.ts";
import { sendAppends } from "./replication.ts";
import { endTransfer } from "./state.ts";
import type { State } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { MemberId } from "./types.ts";

/**
 * Leadership handed over on purpose: no new proposals, the successor's log is brought to the end of
 * ours, then it is told to campaign at once. If it does not lead within an election time, we go on.
 */
export function startTransfer(state: State, turn: Turn, wanted: MemberId): void {
  const to = wanted === 0 ? bestSuccessor(state) : wanted;
  const why = refusal(state, to);
  if (why !== "") {
    turn.emit({ type: "transferFailed", to, why });
    return;
  }
  state.transferTo = to;
  state.transferDeadline = state.now + state.settings.electionMinMs;
  state.hasToldSuccessor = false;
  goOnWithTransfer(state, turn, to, false);
  if (!state.hasToldSuccessor) sendAppends(state, turn, to, true);
}

function refusal(state: State, to: MemberId): string {
  if (state.role !== "leader") return "this member does not lead";
  if (state.transferTo !== 0) return "the leadership is being handed over already";
  if (to === 0) return "no other voter answers";
  if (to === state.id) return "this member leads already";
  if (!state.configs.current.incoming.includes(to)) return `${to} is not a voter`;
  return "";
}

/** Tells the successor as soon as it has all; again with each heartbeat, as the word may be lost. */
export function goOnWithTransfer(state: State, turn: Turn, from: MemberId, isAgain: boolean): void {
  if (state.transferTo !== from || state.progress.get(from)?.match !== state.log.lastIndex) return;
  if (state.hasToldSuccessor && !isAgain) return;
  state.hasToldSuccessor = true;
  turn.send(from, { type: "timeoutNow", term: state.term });
}

export function abortTransferIfDue(state: State, turn: Turn): void {
  if (state.now < state.transferDeadline) return;
  turn.emit({ type: "transferFailed", to: state.transferTo, why: "it did not take over in time" });
  endTransfer(state);
}

/** A leader that no longer votes has committed its own end: it lets go. */
export function sendTimeoutNow(state: State, turn: Turn, to: MemberId): void {
  if (to !== 0) turn.send(to, { type: "timeoutNow", term: state.term });
  becomeFollower(state, turn, state.term, 0);
}

export function onTimeoutNow(state: State, turn: Turn, from: MemberId): void {
  const isFromLeader = from === state.leader || state.leader === 0;
  if (isFromLeader && isVoter(state.configs.current, state.id)) campaign(state, turn, "transfer");
}
