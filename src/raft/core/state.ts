import type { Config, Entry, HardState, MemberId, Message, Role } from "./types.ts";
import { ConfigStack, decodeConfig, isVoter, membersOf, votersOf } from "./config.ts";
import { EntryLog } from "./log.ts";
import { defaultSettings } from "./settings.ts";
import type { Settings } from "./settings.ts";

/** What the leader knows of one member's log. */
export interface Progress {
  /** The member's log is durable and equal to ours up to here. */
  match: number;
  /** The next entry to send. */
  next: number;
  /** `probe`: one append at a time until one fits; `replicate`: many under way; `snapshot`: none. */
  mode: "probe" | "replicate" | "snapshot";
  /** In `probe`: an append is out and not answered. */
  isPaused: boolean;
  inflight: { readonly last: number; readonly bytes: number }[];
  inflightBytes: number;
  /** The commit index of the last append that was sent. */
  told: number;
  /** Has answered since the last check of the quorum. */
  isActive: boolean;
  /** The highest read round that it has confirmed in this term. */
  readRound: number;
  /** Since when there is a connection to it; -Infinity: since before this term. */
  linkedAt: number;
  /** When it was last heard, and when its `match` last grew. */
  heardAt: number;
  advancedAt: number;
  /** A learner: since when it has been close to the commit index; Infinity = it is not. */
  caughtUpSince: number;
  /** Streams that failed one after the other, and when the next may begin. */
  snapshotFailures: number;
  snapshotRetryAt: number;
  repair: Repair | undefined;
}

/** A member that has lost what it had acknowledged: what it needs before it may vote again. */
export interface Repair {
  readonly nonce: number;
  readonly upTo: number;
  /** A round of the others, begun after the question: we still lead, without this member's help. */
  readonly round: number;
}

export interface Read {
  readonly id: number;
  /** Who asked: this member, or a follower that passed it on. */
  readonly from: MemberId;
}

/** One member's whole state. Only `step` changes it. */
export interface State {
  readonly id: MemberId;
  readonly settings: Settings;
  readonly log: EntryLog;
  readonly configs: ConfigStack;
  random: number;
  term: number;
  votedFor: MemberId;
  role: Role;
  /** While `role` is candidate: asking whether it would win, or asking for the vote. */
  phase: "none" | "preVote" | "vote";
  leader: MemberId;
  /** The leader whose connection broke last, left out of the ranking. */
  lostLeader: MemberId;
  commit: number;
  /** Our log is on stable storage up to here. */
  durable: number;
  /** Persists that are not durable yet, and the last index each makes durable. */
  unpersisted: { readonly seq: number; upTo: number }[];
  persistSeq: number;
  /** The persist that holds our own vote; counted once durable. */
  voteSeq: number;
  /** Times that it asked for votes since a leader was heard. */
  voteTries: number;
  readonly votes: Map<MemberId, boolean>;
  /** Who was refused because we still hear the leader that it has lost, and when. */
  readonly asked: Map<MemberId, Extract<Message, { type: "preVote" }> & { readonly at: number }>;
  /** Another one that has lost the leader was let go first, in this election. */
  hasLetGo: boolean;
  /** With the leader's connection broken: from when on it asks for votes although another one may go first. */
  turnAt: number;
  /** Has applied what there is, and would serve clients at once. */
  isReady: boolean;
  readonly progress: Map<MemberId, Progress>;
  /** Index of the leader's own first entry of this term. */
  termStart: number;
  uncommittedBytes: number;
  readRound: number;
  reads: (Read & { readonly index: number; round: number })[];
  /** Reads from before the leader's own entry was committed. */
  earlyReads: Read[];
  /** Reads passed on to the leader, with the time. */
  readonly forwardedReads: Map<number, number>;
  readonly linkDown: Set<MemberId>;
  now: number;
  electionDeadline: number;
  heartbeatDue: number;
  quorumCheckDue: number;
  lastContact: number;
  /** The log may have lost acknowledged entries up to here: shorter logs get no vote for a while. */
  doubtUpTo: number;
  doubtUntil: number;
  /** The tail was cut in doubt when the log was opened. */
  readonly hasCutTail: boolean;
  /** Acknowledged entries are missing: no votes, no campaign, until a leader says `repaired`. */
  isDamaged: boolean;
  readonly repairNonce: number;
  /** Who is to take over, and until when we wait for it; 0 = no one. */
  transferTo: MemberId;
  transferDeadline: number;
  hasToldSuccessor: boolean;
  isFull: boolean;
  /** Every member seen lately has the log up to here. */
  floor: number;
}

export interface InitialState {
  readonly id: MemberId;
  readonly hardState: HardState;
  readonly snapshot: { readonly index: number; readonly term: number; readonly config: Config };
  readonly entries: readonly Entry[];
  readonly now: number;
  readonly seed: number;
  readonly doubtUpTo?: number;
  readonly isDamaged?: boolean;
  /** Something that looked like a torn write was cut off the log's end. */
  readonly hasCutTail?: boolean;
  readonly settings?: Partial<Settings>;
}

/** A member as it wakes up: everything given is durable; nothing above the snapshot is known to be committed. */
export function createState(initial: InitialState): State {
  const { snapshot, id, now } = initial;
  const settings = { ...defaultSettings, ...initial.settings };
  const log = new EntryLog(snapshot, initial.entries);
  const state: State = {
    id,
    settings,
    log,
    configs: new ConfigStack({ index: snapshot.index, config: snapshot.config }),
    random: initial.seed >>> 0 || 1,
    term: initial.hardState.term,
    votedFor: initial.hardState.votedFor,
    role: isVoter(snapshot.config, id) ? "follower" : "learner",
    phase: "none",
    leader: 0,
    lostLeader: 0,
    commit: snapshot.index,
    durable: log.lastIndex,
    unpersisted: [],
    persistSeq: 0,
    voteSeq: 0,
    voteTries: 0,
    votes: new Map(),
    asked: new Map(),
    hasLetGo: false,
    turnAt: 0,
    isReady: true,
    progress: new Map(),
    termStart: 0,
    uncommittedBytes: 0,
    readRound: 0,
    reads: [],
    earlyReads: [],
    forwardedReads: new Map(),
    linkDown: new Set(),
    now,
    electionDeadline: Number.POSITIVE_INFINITY,
    heartbeatDue: Number.POSITIVE_INFINITY,
    quorumCheckDue: Number.POSITIVE_INFINITY,
    lastContact: Number.NEGATIVE_INFINITY,
    doubtUpTo: initial.doubtUpTo ?? 0,
    doubtUntil: now + 5 * settings.electionMinMs,
    hasCutTail: initial.hasCutTail ?? (initial.doubtUpTo ?? 0) > 0,
    isDamaged: initial.isDamaged ?? false,
    repairNonce: initial.seed >>> 0,
    transferTo: 0,
    transferDeadline: Number.POSITIVE_INFINITY,
    hasToldSuccessor: false,
    isFull: false,
    floor: 0,
  };
  for (const { kind, index, payload } of initial.entries) {
    if (kind === "config") state.configs.push({ index, config: decodeConfig(payload) });
  }
  if (!isVoter(state.configs.current, id)) state.role = "learner";
  else state.role = "follower";
  resetElectionTimer(state);
  return state;
}

/** Uniform in [0, bound); the generator's state is part of the member's. */
export function draw(state: State, bound: number): number {
  let value = state.random;
  value ^= value << 13;
  value ^= value >>> 17;
  value ^= value << 5;
  state.random = value >>> 0;
  return state.random % bound;
}

/** The place among the voters without the lost leader: two that lose it do not ask at once. */
export function rankOf(state: State): number {
  const others = votersOf(state.configs.current).filter((id) => id !== state.lostLeader);
  return Math.max(0, others.indexOf(state.id));
}

/** When it asks, in waits of one place: by rank, and behind all others one that is not ready. */
export function placeOf(state: State): number {
  const others = votersOf(state.configs.current).filter((id) => id !== state.lostLeader);
  return rankOf(state) + (state.isReady ? 0 : others.length);
}

/** Who goes first where the logs are equal: those before it in rank; all others before one that is not ready. */
export function placesBefore(state: State): readonly MemberId[] {
  const others = votersOf(state.configs.current).filter((id) => id !== state.lostLeader);
  return state.isReady ? others.slice(0, rankOf(state)) : others.filter((id) => id !== state.id);
}

/**
 * Learners and members whose log is damaged never ask for votes. Who loses the vote by a configuration that
 * is not known to be committed asks still: it may be the only one that has it, and the others cannot elect
 * anyone whose log ends before it.
 */
export function mayCampaign({ configs, commit, id, isDamaged }: State): boolean {
  const mayVote = isVoter(configs.current, id) || (configs.currentIndex > commit && isVoter(configs.at(commit), id));
  return mayVote && !isDamaged;
}

export function resetElectionTimer(state: State): void {
  const { electionMinMs, rankStaggerMs, electionJitterMs } = state.settings;
  // With a full disk one leads only if no one else does.
  const shyMs = state.isFull ? 2 * electionMinMs : 0;
  state.electionDeadline = mayCampaign(state)
    ? state.now + electionMinMs + shyMs + rankStaggerMs * placeOf(state) + draw(state, electionJitterMs)
    : Number.POSITIVE_INFINITY;
}

export function otherVoters(state: State): readonly MemberId[] {
  return votersOf(state.configs.current).filter((id) => id !== state.id);
}

export function otherMembers(state: State): readonly MemberId[] {
  return membersOf(state.configs.current).filter((id) => id !== state.id);
}

/** Whether this member has a reason to believe that a leader is alive. */
export function hasFreshLeader(state: State): boolean {
  if (state.role === "leader") return true;
  return (
    state.leader !== 0 &&
    !state.linkDown.has(state.leader) &&
    state.now - state.lastContact < state.settings.electionMinMs
  );
}

export function endTransfer(state: State): void {
  state.transferTo = 0;
  state.transferDeadline = Number.POSITIVE_INFINITY;
}
