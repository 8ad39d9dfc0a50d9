import type { Env } from "../env/env.ts";
import type { Digest, LogIndex } from "../store/revision.ts";
import type { Settings } from "./core/settings.ts";
import type { Config, ConfigChange, MemberId } from "./core/types.ts";
import type { Birth } from "./identity.ts";
import type { LogListener, ReplicatedLog } from "./log-api.ts";
import type { SnapshotMeta } from "./snapshot.ts";
import type { PeerMessage, Transport } from "./transport-api.ts";

/** The log as its owner sees it: what it needs, what it offers. `createRaft` of `driver.ts` makes one. */
export interface RaftOptions {
  readonly env: Env;
  readonly listener: LogListener;
  readonly stateMachine: StateMachine;
  /** The log cannot go on (a failed sync, a contradiction): the process must end. Called once. */
  readonly onFatal: (error: Error) => void;
  /** Used only when the data directory is new. */
  readonly birth?: Birth;
  /** Carries messages to other members; a lone voter needs none. */
  readonly transport?: Transport;
  readonly settings?: Partial<Settings>;
  readonly snapshotLogBytes?: number;
  readonly segmentBytes?: number;
  /** A snapshot goes to another member in pieces of this length. */
  readonly snapshotChunkBytes?: number;
  /** Applied entries that stay in memory where no member is known to need them. */
  readonly memoryTailEntries?: number;
  /** Room that is kept free on the disk, and given up when it is full; none by default. */
  readonly ballastBytes?: number;
  /** The configuration that holds from now on, committed or not. Called in the turn in which it changes. */
  readonly onConfig?: (config: Config) => void;
  /** The disk is full (no proposals are taken, the leadership is handed over), or has room again. */
  readonly onRoom?: (isFull: boolean) => void;
}

/** What the log replicates: the host's rows. */
export interface StateMachine {
  /**
   * Replaces the whole state; entries after `meta.index` follow through the listener. Called at the
   * start, and on a follower that was too far behind; nothing is handed over until it resolves.
   */
  restore(meta: SnapshotMeta, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** Freezes the state as of the last entries handed to the listener, in this turn; `chunks` is read later. */
  snapshot(): SnapshotSource;
}

export interface SnapshotSource {
  readonly index: LogIndex;
  readonly digest: Digest;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** Called once the snapshot is written or given up, whether or not `chunks` was read. */
  close?(): void;
}

/** A member as the leader sees it. */
export interface MemberStatus {
  readonly id: MemberId;
  readonly address: string | undefined;
  readonly role: "leader" | "voter" | "learner" | "reader";
  /** Its log is known to be durable up to here. */
  readonly match: LogIndex;
  /** Ms since it was heard; 0 for the leader itself. */
  readonly silentMs: number;
  readonly mode: "probe" | "replicate" | "snapshot";
}

export interface ConfigChanged {
  readonly config: Config;
  /** What a person should know: an even number of voters. Empty if there is nothing. */
  readonly advice: string;
}

export interface Raft extends ReplicatedLog {
  readonly clusterId: string;
  readonly memberId: MemberId;
  /** The number of this start, from 1. */
  readonly incarnation: number;
  /** The last entry handed to the listener. */
  readonly applied: LogIndex;
  /**
   * Reads identity and log, and counts this start; `memberId` and `incarnation` are known then.
   * Nothing is handed over yet. `start` does it where it was not done.
   */
  open(): Promise<void>;
  /**
   * Opens the data directory, restores the newest snapshot and goes on. A lone voter is leader, and
   * everything in its log has been handed over, when this resolves. Throws `UserError` where the
   * directory is damaged or another member's.
   */
  start(): Promise<void>;
  /** Waits for the write that is under way. Reads that wait are rejected. */
  stop(): Promise<void>;
  /** A message from a peer; `from` is who its connection proved to be. */
  receive(from: MemberId, message: PeerMessage): void;
  /** The connection to a peer came up or broke. */
  link(peer: MemberId, isUp: boolean): void;
  /** The configuration that holds, committed or not. */
  readonly config: Config;
  readonly isDiskFull: boolean;
  /** The log lost what it had acknowledged, and the leader has not yet sent all of it again. */
  readonly isDamaged: boolean;
  /** Whether a committed entry says that this id is gone for ever. */
  isRemoved(id: MemberId): boolean;
  /** Everyone as the leader sees them; empty elsewhere. */
  members(): readonly MemberStatus[];
  /**
   * Changes who belongs. Resolves once the change is committed, and a joint configuration left.
   * Rejects with `UserError` TRP-0207 where it is refused, with `TransientError` where this member
   * does not lead, or stops to: the change may then come about or not.
   */
  changeConfig(change: ConfigChange, options?: { readonly isForced?: boolean }): Promise<ConfigChanged>;
  /** Hands the leadership over, to the voter furthest ahead if `to` is missing. Rejects with `TransientError`. */
  transfer(to?: MemberId): Promise<void>;
  /**
   * Whether this member would serve clients at once if it led; by default it would. While it would not, or applies
   * what it has missed, it leads only where no other can. Counts from the first leader that it hears.
   */
  prepared(isPrepared: boolean): void;
  /** Takes a snapshot now, whatever the log's length; resolves once it is durable. */
  takeSnapshot(): Promise<void>;
}
