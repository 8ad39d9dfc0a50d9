/**
 * The words of the Raft core: what goes in, what comes out, what lies in between. Everything is
 * plain data; indexes, terms and member ids are integers below 2^48 (their width on disk).
 * Member id 0 means "none", index 0 and term 0 mean "before the first entry".
 */

export type MemberId = number;

export type EntryKind = "normal" | "noop" | "config" | "checkpoint" | "gate";

/** One position of the log. The payload is never changed once the entry exists. */
export interface Entry {
  readonly index: number;
  readonly term: number;
  readonly kind: EntryKind;
  readonly payload: Uint8Array;
}

/** What must be durable before a member answers a vote or speaks at a term. */
export interface HardState {
  readonly term: number;
  readonly votedFor: MemberId;
}

/** Who counts. `outgoing` is empty unless a joint change is under way; ids ascend in each list. */
export interface Config {
  readonly incoming: readonly MemberId[];
  readonly outgoing: readonly MemberId[];
  readonly learners: readonly MemberId[];
  readonly learnersNext: readonly MemberId[];
  readonly autoLeave: boolean;
}

/** Why a member asks for votes; `linkdown`: its connection to the leader broke. */
export type CampaignReason = "timeout" | "linkdown" | "transfer";

export type Message =
  | {
      readonly type: "preVote";
      /** The asker's own term; `nextTerm` is the one that it would campaign in. */
      readonly term: number;
      readonly nextTerm: number;
      readonly lastIndex: number;
      readonly lastTerm: number;
      readonly reason: CampaignReason;
    }
  | {
      readonly type: "preVoteResp";
      readonly term: number;
      readonly forTerm: number;
      readonly granted: boolean;
    }
  | {
      readonly type: "vote";
      readonly term: number;
      readonly lastIndex: number;
      readonly lastTerm: number;
      readonly reason: CampaignReason;
    }
  | { readonly type: "voteResp"; readonly term: number; readonly granted: boolean }
  | {
      readonly type: "append";
      readonly term: number;
      readonly prevIndex: number;
      readonly prevTerm: number;
      readonly commit: number;
      readonly entries: readonly Entry[];
    }
  | {
      readonly type: "appendResp";
      readonly term: number;
      readonly outcome: "ok";
      /** The log equals the leader's up to here, and is durable up to here. */
      readonly match: number;
    }
  | {
      readonly type: "appendResp";
      readonly term: number;
      readonly outcome: "reject";
      /** `prevIndex` of the append that did not fit. */
      readonly prevIndex: number;
      readonly hintIndex: number;
      readonly hintTerm: number;
    }
  | {
      readonly type: "heartbeat";
      readonly term: number;
      readonly commit: number;
      readonly readRound: number;
      /** Monotonic ms of the sender; comes back untouched. */
      readonly sentAt: number;
    }
  | {
      readonly type: "heartbeatResp";
      readonly term: number;
      readonly readRound: number;
      readonly sentAt: number;
    }
  | { readonly type: "readIndex"; readonly term: number; readonly id: number }
  | {
      readonly type: "readIndexResp";
      readonly term: number;
      readonly id: number;
      readonly index: number;
    };

export type LinkReason = "refused" | "reset" | "fin" | "tls" | "timeout";

export type Input =
  /** Time has moved on to `now`, monotonic ms. */
  | { readonly type: "tick"; readonly now: number }
  /** `from` is who the connection proved to be, never what the message says. */
  | { readonly type: "message"; readonly from: MemberId; readonly message: Message }
  | { readonly type: "propose"; readonly payloads: readonly Uint8Array[]; readonly kind: EntryKind }
  | { readonly type: "readIndex"; readonly id: number }
  /** The write of persist `seq`, and of all before it, is on stable storage. */
  | { readonly type: "persisted"; readonly seq: number }
  | {
      readonly type: "link";
      readonly peer: MemberId;
      readonly isUp: boolean;
      readonly reason?: LinkReason;
    }
  /** Asks for votes now: a lone voter at start. */
  | { readonly type: "campaign" };

export type Role = "leader" | "follower" | "candidate" | "learner";

export interface Persist {
  readonly seq: number;
  readonly hardState: HardState;
  /** Entries from this index on are gone; 0 = none. Comes before `entries`. */
  readonly truncateFrom: number;
  readonly entries: readonly Entry[];
}

export type Effect =
  /** Strictly in order, one write outstanding; answered by `persisted`. */
  | { readonly type: "persist"; readonly persist: Persist }
  /** Must not leave before `persisted` of `afterSeq` (0: at once). */
  | {
      readonly type: "send";
      readonly to: MemberId;
      readonly message: Message;
      readonly afterSeq: number;
    }
  /** Entries up to here may be applied. */
  | { readonly type: "commit"; readonly upTo: number }
  /** Serve the read once everything up to `index` is applied. */
  | { readonly type: "readReady"; readonly id: number; readonly index: number }
  /** The read was lost with the leadership: ask again under a new id. */
  | { readonly type: "readDropped"; readonly id: number }
  | {
      readonly type: "role";
      readonly role: Role;
      readonly term: number;
      readonly leader: MemberId;
    }
  | { readonly type: "reject"; readonly why: "notLeader" | "tooMuchUncommitted"; readonly leader: MemberId }
  | { readonly type: "sendSnapshot"; readonly to: MemberId }
  /** The state contradicts itself; the process must end. */
  | { readonly type: "fatal"; readonly why: string };
