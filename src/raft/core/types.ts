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
  /** Where members are reached; ids ascend. A member of a log's very beginning may be missing here. */
  readonly directory: readonly MemberInfo[];
  /** Ids that were members once and never will be again; ascending. */
  readonly removed: readonly MemberId[];
}

export interface MemberInfo {
  readonly id: MemberId;
  /** `host:port` of its peer door, as the others dial it; the log does not read it. */
  readonly address: string;
  /** A learner for good: it serves reads and is never promoted. */
  readonly isReader: boolean;
}

/** What may be asked of the configuration. Every change of voters is a joint one. */
export type ConfigChange =
  | {
      readonly type: "addLearner";
      readonly id: MemberId;
      readonly address: string;
      readonly isReader: boolean;
    }
  | { readonly type: "setAddress"; readonly id: MemberId; readonly address: string }
  | { readonly type: "promote"; readonly ids: readonly MemberId[] }
  | { readonly type: "remove"; readonly ids: readonly MemberId[] }
  /** One joint change: the learner votes as the other goes, so there is never an even number. */
  | { readonly type: "replace"; readonly remove: MemberId; readonly promote: MemberId };

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
      /** What is committed of what the leader believes to be in the receiver's log. */
      readonly commit: number;
      /** The term of that entry; 0: the leader's own log no longer knows it. */
      readonly commitTerm: number;
      readonly readRound: number;
      /** Monotonic ms of the sender; comes back untouched. */
      readonly sentAt: number;
      /** Every member seen lately has the log up to here: no one will ask for older entries. */
      readonly floor: number;
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
    }
  /** The leader hands over: campaign now, without asking first. */
  | { readonly type: "timeoutNow"; readonly term: number }
  /** The sender's log has lost what it had acknowledged; it is sound up to `lastIndex`. */
  | {
      readonly type: "repair";
      readonly term: number;
      /** One number a life of the asker. */
      readonly nonce: number;
      readonly lastIndex: number;
    }
  /** With the log up to `upTo`, the asker holds all that it may ever have acknowledged. */
  | { readonly type: "repaired"; readonly term: number; readonly nonce: number; readonly upTo: number }
  /** The receiver has been removed, by a committed entry. */
  | { readonly type: "removed"; readonly term: number };

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
  | { readonly type: "campaign" }
  /** Hand the leadership over; `to` 0 = to the voter whose log is the furthest. */
  | { readonly type: "transfer"; readonly to: MemberId }
  /** `isForced`: also where too few of the new voters have been heard lately. */
  | { readonly type: "changeConfig"; readonly change: ConfigChange; readonly isForced: boolean }
  /** The snapshot stream that `sendSnapshot` asked for has ended. */
  | { readonly type: "snapshotSent"; readonly to: MemberId; readonly index: number; readonly isOk: boolean }
  /** A whole snapshot from `from` is on stable storage. */
  | {
      readonly type: "snapshotReceived";
      readonly from: MemberId;
      readonly term: number;
      readonly snapshot: SnapshotPoint;
    }
  /** The disk has no room, or has room again. */
  | { readonly type: "room"; readonly isFull: boolean }
  /** Whether clients would be served at once if this member led. One that is not ready leads only where no other can. */
  | { readonly type: "ready"; readonly isReady: boolean };

/** What a snapshot stands for. */
export interface SnapshotPoint {
  readonly index: number;
  readonly term: number;
  readonly config: Config;
}

export type Role = "leader" | "follower" | "candidate" | "learner";

export interface Persist {
  readonly seq: number;
  readonly hardState: HardState;
  /** Entries from this index on are gone; 0 = none. Comes before `entries`. */
  readonly truncateFrom: number;
  readonly entries: readonly Entry[];
  /** The whole log gives way to this snapshot. Comes before `entries`. */
  readonly snapshot?: { readonly index: number; readonly term: number };
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
  | {
      readonly type: "reject";
      readonly why: "notLeader" | "tooMuchUncommitted" | "transferring" | "diskFull";
      readonly leader: MemberId;
    }
  /** Send a snapshot that the log reaches back to; answered by `snapshotSent`. */
  | { readonly type: "sendSnapshot"; readonly to: MemberId }
  /** The state is that of the snapshot at `index` now; entries after it follow by `commit`. */
  | { readonly type: "restore"; readonly index: number }
  /** The configuration that holds from now on, committed or not. */
  | { readonly type: "config"; readonly config: Config; readonly index: number }
  /** Answers `changeConfig` in the same step: the entry's index, or why not. */
  | { readonly type: "change"; readonly index: number; readonly refusal: string }
  /** Answers `transfer` where it comes to nothing; success is a `role`. */
  | { readonly type: "transferFailed"; readonly to: MemberId; readonly why: string }
  /** This member is needed no more, by a committed entry: it must end and never come back. */
  | { readonly type: "removed" }
  /** `isDamaged`: it may have lost what it acknowledged; remembered durably until it is told otherwise. */
  | { readonly type: "damage"; readonly isDamaged: boolean }
  /** The state contradicts itself; the process must end. */
  | { readonly type: "fatal"; readonly why: string };
