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
  placeOf,
  placesBefore,
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
  if (reason === "linkdown") countQuestions(state);
  // Who was told to take over need not ask whether it would win.
  if (reason === "transfer" || (hasWon(state) && isOurTurn(state))) {
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
  if (hasWon(state)) state.electionDeadline = Math.min(state.electionDeadline, state.turnAt);
}

/** The wait is over: for votes that will not come, for answers, or for those who go first. */
export function onElectionDue(state: State, turn: Turn): void {
  const reason = reasonOf(state);
  if (state.phase === "preVote" && state.now >= state.turnAt && hasWon(state)) askForVotes(state, turn, reason);
  else campaign(state, turn, reason);
}

/**
 * The connection to the leader broke: who has lost it too is asked at once, whatever the rank. A question tells as
 * much as an answer: each of the two knows both logs, so who goes first asks for votes with the first word that it
 * hears from the other.
 */
export function onLeaderLost(state: State, turn: Turn, leader: MemberId): void {
  state.lostLeader = leader;
  state.turnAt = state.now + placeOf(state) * state.settings.linkDownStaggerMs;
  state.electionDeadline = Math.min(state.electionDeadline, state.turnAt);
  if (answerAgain(state, turn)) return;
  const isNeeded = [...state.asked].some(([, question]) => isShorter(state, question));
  if (state.isReady || isNeeded) campaign(state, turn, "linkdown");
}

type Question = Extract<Message, { type: "preVote" }>;
type Asked = Question & { readonly at: number };

/** Its log ends before ours: it gets no vote from here. */
function isShorter({ log }: State, { lastIndex, lastTerm }: Question): boolean {
  return !log.isUpToDate(lastIndex, lastTerm);
}

/** Of two that have lost the leader, the other one can wait: we would not vote for it, or come before it. */
function isBehind(state: State, from: MemberId, question: Question): boolean {
  if (isShorter(state, question)) return true;
  const { lastIndex, lastTerm } = state.log;
  const isEqual = question.lastIndex === lastIndex && question.lastTerm === lastTerm;
  return isEqual && state.isReady && !placesBefore(state).includes(from);
}

/** Whoever has lost the leader and is behind us would grant us the vote that it asks for itself. */
function grantsUs(state: State, from: MemberId, question: Asked): boolean {
  return isFresh(state, question) && question.nextTerm === state.term + 1 && isBehind(state, from, question);
}

function countQuestions(state: State): void {
  for (const [from, question] of state.asked) {
    if (grantsUs(state, from, question)) state.votes.set(from, true);
  }
}

function isFresh(state: State, { at }: Asked): boolean {
  return state.now - at <= YIELD_PLACES * state.settings.linkDownStaggerMs;
}

const hasWon = (state: State): boolean => countVotes(state.configs.current, state.votes) === "won";

/** With a leader lost by its connection: nobody who goes first is still to be heard, or that has taken too long. */
function isOurTurn(state: State): boolean {
  if (reasonOf(state) !== "linkdown" || state.now >= state.turnAt) return true;
  return placesBefore(state).every((id) => state.votes.get(id) === true);
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
  const { term, log } = state;
  const vote = { type: "vote", term, lastIndex: log.lastIndex, lastTerm: log.lastTerm, reason } as const;
  // Not before the log that it speaks of is durable: a vote for it may reach the next life. Our own vote may follow:
  // it counts only once it is durable, and nobody leads without it.
  const isSound = state.unpersisted.length === 0;
  for (const to of otherVoters(state)) {
    if (isSound) turn.send(to, vote);
    else turn.sendDurably(to, vote);
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
  const { term } = state;
  const { nextTerm, reason } = message;
  const waits = reason === "linkdown" && isFirst(state) && isBehind(state, from, message);
  const granted = nextTerm > term && mayVoteFor(state, message) && !isSticky(state, from, reason) && !waits;
  turn.send(from, { type: "preVoteResp", term, forTerm: nextTerm, granted });
  if (reason !== "linkdown") return;
  if (!granted) meetQuestion(state, turn, from, message);
  else if (state.phase === "none" || (state.phase === "preVote" && !isBehind(state, from, message))) {
    letGoFirst(state, turn);
  }
}

/** We have lost the leader as well and have just asked: for a while we go before those behind us. */
function isFirst(state: State): boolean {
  const patienceMs = YIELD_PLACES * state.settings.linkDownStaggerMs;
  return state.phase === "preVote" && reasonOf(state) === "linkdown" && state.now < state.turnAt + patienceMs;
}

/** A question that was not granted. It is kept: we may lose the leader in a moment too, or have asked already. */
function meetQuestion(state: State, turn: Turn, from: MemberId, message: Question): void {
  const question = { ...message, at: state.now };
  state.asked.set(from, question);
  if (reasonOf(state) !== "linkdown" || !grantsUs(state, from, question)) return;
  if (state.phase === "preVote") {
    state.votes.set(from, true);
    decide(state, turn);
  } else if (state.phase === "none" && state.role !== "leader" && !state.hasLetGo) {
    // It cannot win, and waits in vain: it is ours to ask.
    campaign(state, turn, "linkdown");
  }
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
 * another answer, and goes first. True if there is one.
 */
function answerAgain(state: State, turn: Turn): boolean {
  let hasGranted = false;
  for (const [to, question] of state.asked) {
    if (!isFresh(state, question) || question.nextTerm <= state.term || !mayVoteFor(state, question)) continue;
    if (isBehind(state, to, question)) continue;
    turn.send(to, { type: "preVoteResp", term: state.term, forTerm: question.nextTerm, granted: true });
    state.asked.delete(to);
    hasGranted = true;
  }
  if (hasGranted) letGoFirst(state, turn);
  return hasGranted;
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
    if (state.phase === "vote") leadOnceSafe(state, turn);
    else if (isOurTurn(state)) askForVotes(state, turn, reasonOf(state));
    else state.electionDeadline = Math.min(state.electionDeadline, state.turnAt);
  } else if (count === "lost") {
    const deadline = state.electionDeadline;
    becomeFollower(state, turn, state.term, 0);
    state.electionDeadline = deadline;
  }
}

function reasonOf(state: State): CampaignReason {
  return state.linkDown.has(state.lostLeader) ? "linkdown" : "timeout";
}

/**
 * The others may be enough, and our own vote still on its way to the disk. After a crash we would ask in this term
 * again, be voted for again, and write other entries in the place of those that we had sent: so we wait for it.
 */
function leadOnceSafe(state: State, turn: Turn): void {
  if (state.votes.has(state.id)) becomeLeader(state, turn);
}

function becomeLeader(state: State, turn: Turn): void {
  const { settings, log } = state;
  state.role = "leader";
  state.phase = "none";
  state.leader = state.id;
  state.lostLeader = 0;
  state.voteTries = 0;
  state.progress.clear();
  for (const id of otherMembers(state)) state.progress.set(id, newProgress(nextOf(state, id), state.now));
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

/** Where the member's log goes on: as it said when it asked for votes itself, else where ours does. */
function nextOf({ log, asked }: State, id: MemberId): number {
  const { lastIndex, lastTerm } = asked.get(id) ?? log;
  const isOurs = lastIndex <= log.lastIndex && log.knows(lastIndex) && log.termAt(lastIndex) === lastTerm;
  return (isOurs ? lastIndex : log.lastIndex) + 1;
}
