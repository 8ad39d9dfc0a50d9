import { countVotes, isVoter } from "./config.ts";
import { dropReads } from "./reads.ts";
import { newProgress } from "./progress.ts";
import { appendOwn, broadcastAppend } from "./replication.ts";
import {
  draw,
  endTransfer,
  hasFreshLeader,
  mayCampaign,
  otherMembers,
  otherVoters,
  rankOf,
  resetElectionTimer,
} from "./state.ts";
import type { State } from "./state.ts";
import type { Turn } from "./turn.ts";
import type { CampaignReason, MemberId, Message } from "./types.ts";

const VOTE_PATIENCE = 12;
/** In waits of one place: how long an answer to another's question may be of use to it. */
const YIELD_PLACES = 4;
const VOTE_DOUBLINGS = 5;

/**
 * Who leads. A member first asks whether it would win (pre-vote) and raises its term only then, so
 * one that was cut off does not disturb a live leader when it comes back. Voters refuse while they
 * hear a leader; a broken connection to it lifts that, which makes the change of leader fast.
 */
export function becomeFollower(state: State, turn: Turn, term: number, leader: MemberId): void {
  const role = isVoter(state.configs.current, state.id) ? "follower" : "learner";
  const isNew = term !== state.term || leader !== state.leader || role !== state.role;
  if (term > state.term) {
    state.term = term;
    state.votedFor = 0;
    turn.noteHardState();
  }
  if (isNew) dropReads(state, turn);
  state.role = role;
  state.phase = "none";
  state.leader = leader;
  state.heartbeatDue = Number.POSITIVE_INFINITY;
  state.quorumCheckDue = Number.POSITIVE_INFINITY;
  state.asked.clear();
  if (isNew) state.hasLetGo = false;
  state.progress.clear();
  state.uncommittedBytes = 0;
  endTransfer(state);
  resetElectionTimer(state);
  if (isNew) turn.noteRole();
}

/** Asks for votes, or wins at once where no one else votes. */
export function campaign(state: State, turn: Turn, reason: CampaignReason): void {
  if (state.role === "leader") return;
  if (!mayCampaign(state)) return resetElectionTimer(state);
  dropReads(state, turn);
  state.role = "candidate";
  state.phase = "preVote";
  state.leader = 0;
  state.votes.clear();
  state.votes.set(state.id, true);
  setRetry(state, reason, 1);
  turn.noteRole();
  // Who was told to take over need not ask whether it would win.
  if (reason === "transfer" || countVotes(state.configs.current, state.votes) === "won") {
    askForVotes(state, turn, reason);
    return;
  }
  for (const to of otherVoters(state)) {
    turn.send(to, {
      type: "preVote",
      term: state.term,
      nextTerm: state.term + 1,
      lastIndex: state.log.lastIndex,
      lastTerm: state.log.lastTerm,
      reason,
    });
  }
}

/** With the leader's connection broken, a first refusal may only mean that the voter has not seen it yet. */
function setRetry(state: State, reason: CampaignReason, patience: number): void {
  if (reason !== "linkdown") {
    resetElectionTimer(state);
    return;
  }
  const { linkDownStaggerMs } = state.settings;
  const waitMs = patience * linkDownStaggerMs * (1 + rankOf(state));
  state.electionDeadline = state.now + waitMs + draw(state, 10);
}

function askForVotes(state: State, turn: Turn, reason: CampaignReason): void {
  state.term += 1;
  state.votedFor = state.id;
  state.phase = "vote";
  state.votes.clear();
  // Counted once the persist of this very step is durable.
  state.voteSeq = state.persistSeq + 1;
  turn.noteHardState();
  turn.noteRole();
  // A vote needs a sync on both sides, so it is given more time than a question; more each time,
  // as a new term takes back the votes that a slow disk is about to give.
  setRetry(state, reason, VOTE_PATIENCE * 2 ** Math.min(state.voteTries, VOTE_DOUBLINGS));
  state.voteTries += 1;
  for (const to of otherVoters(state)) {
    // Behind our own, and behind the log that it speaks of: after a crash neither may be less than was said.
    turn.sendDurably(to, {
      type: "vote",
      term: state.term,
      lastIndex: state.log.lastIndex,
      lastTerm: state.log.lastTerm,
      reason,
    });
  }
}

/** Our own vote is durable: it counts from here on. */
export function countOwnVote(state: State, turn: Turn, persistedSeq: number): void {
  if (state.phase !== "vote" || persistedSeq < state.voteSeq || state.votes.has(state.id)) return;
  state.votes.set(state.id, true);
  decide(state, turn);
}

export function onPreVote(
  state: State,
  turn: Turn,
  from: MemberId,
  message: Extract<Message, { type: "preVote" }>,
): void {
  // Granting changes nothing here: no vote, no timer, no contact.
  const granted = message.nextTerm > state.term && mayVoteFor(state, message) && !isSticky(state, from, message.reason);
  const { term } = state;
  if (message.reason === "linkdown") {
    if (!granted) state.asked.set(from, { ...message, at: state.now });
    else if (state.phase === "none" || (state.phase === "preVote" && from < state.id)) letGoFirst(state, turn);
  }
  turn.send(from, { type: "preVoteResp", term, forTerm: message.nextTerm, granted });
}

/**
 * Two that have lost the leader and ask for votes at once take them from each other. Who has an answer for another
 * waits a little with its own question; once in an election, as the other may have no way to the rest.
 */
function letGoFirst(state: State, turn: Turn): void {
  if (state.hasLetGo || state.lostLeader === 0 || !mayCampaign(state)) return;
  if (state.phase === "preVote") becomeFollower(state, turn, state.term, 0);
  state.hasLetGo = true;
  const waitMs = YIELD_PLACES * state.settings.linkDownStaggerMs + draw(state, 10);
  state.electionDeadline = Math.max(state.now + waitMs, Math.min(state.electionDeadline, state.now + 2 * waitMs));
}

/**
 * Our own connection to the leader broke: who was refused a moment ago, because we had not seen it yet, gets
 * another answer, and goes first.
 */
export function answerAgain(state: State, turn: Turn): void {
  let hasGranted = false;
  const freshMs = YIELD_PLACES * state.settings.linkDownStaggerMs;
  for (const [to, { at, ...message }] of state.asked) {
    const { nextTerm } = message;
    if (state.now - at > freshMs || nextTerm <= state.term || !mayVoteFor(state, message)) continue;
    turn.send(to, { type: "preVoteResp", term: state.term, forTerm: nextTerm, granted: true });
    hasGranted = true;
  }
  state.asked.clear();
  if (hasGranted) letGoFirst(state, turn);
}

/** Whether a live leader forbids to vote now. The leader itself may ask for another term. */
export function isSticky(state: State, from: MemberId, reason: CampaignReason): boolean {
  return reason !== "transfer" && from !== state.leader && hasFreshLeader(state);
}

function mayVoteFor(
  state: State,
  { lastIndex, lastTerm }: { readonly lastIndex: number; readonly lastTerm: number },
): boolean {
  const isInDoubt = state.now < state.doubtUntil && lastIndex < state.doubtUpTo;
  if (state.isDamaged) return false;
  return state.log.isUpToDate(lastIndex, lastTerm) && !isInDoubt;
}

export function onPreVoteResp(
  state: State,
  turn: Turn,
  from: MemberId,
  message: Extract<Message, { type: "preVoteResp" }>,
): void {
  if (state.phase !== "preVote" || message.forTerm !== state.term + 1) return;
  // A voter may think better of a refusal, see `answerAgain`.
  if (message.granted || !state.votes.has(from)) state.votes.set(from, message.granted);
  decide(state, turn);
}

export function onVote(state: State, turn: Turn, from: MemberId, message: Extract<Message, { type: "vote" }>): void {
  const isFree = state.votedFor === from || (state.votedFor === 0 && state.leader === 0);
  if (!isFree || !mayVoteFor(state, message)) {
    turn.send(from, { type: "voteResp", term: state.term, granted: false });
    return;
  }
  if (state.votedFor !== from) {
    state.votedFor = from;
    turn.noteHardState();
  }
  resetElectionTimer(state);
  turn.sendDurably(from, { type: "voteResp", term: state.term, granted: true });
}

export function onVoteResp(
  state: State,
  turn: Turn,
  from: MemberId,
  message: Extract<Message, { type: "voteResp" }>,
): void {
  if (state.phase !== "vote") return;
  if (!state.votes.has(from)) state.votes.set(from, message.granted);
  decide(state, turn);
}

function decide(state: State, turn: Turn): void {
  const count = countVotes(state.configs.current, state.votes);
  if (count === "won") {
    if (state.phase === "preVote") askForVotes(state, turn, reasonOf(state));
    else becomeLeader(state, turn);
  } else if (count === "lost") {
    const deadline = state.electionDeadline;
    becomeFollower(state, turn, state.term, 0);
    state.electionDeadline = deadline;
  }
}

function reasonOf(state: State): CampaignReason {
  return state.linkDown.has(state.lostLeader) ? "linkdown" : "timeout";
}

function becomeLeader(state: State, turn: Turn): void {
  const { settings, log } = state;
  state.role = "leader";
  state.phase = "none";
  state.leader = state.id;
  state.lostLeader = 0;
  state.voteTries = 0;
  state.progress.clear();
  for (const id of otherMembers(state)) state.progress.set(id, newProgress(log.lastIndex + 1, state.now));
  state.readRound = 0;
  state.heartbeatDue = state.now + settings.heartbeatMs;
  state.quorumCheckDue = state.now + settings.electionMinMs;
  state.electionDeadline = Number.POSITIVE_INFINITY;
  state.uncommittedBytes = log
    .slice(state.commit + 1, log.lastIndex)
    .reduce((sum, entry) => sum + entry.payload.length, 0);
  state.termStart = log.lastIndex + 1;
  turn.noteRole();
  appendOwn(state, turn, "noop", new Uint8Array(0));
  broadcastAppend(state, turn, false);
}
