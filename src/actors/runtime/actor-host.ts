import type { Env } from "../../env/env.ts";
import type { Watchdog } from "../../env/watchdog.ts";
import type { LogListener, ReplicatedLog } from "../../raft/log-api.ts";
import type { CommandMessage } from "../../raft/transport-api.ts";
import type { Cause, SystemWrite } from "../../store/outcome.ts";
import type { Term } from "../../store/revision.ts";
import type { TipStore } from "../../store/store-api.ts";
import type { Millis } from "../../util/time.ts";
import type { Breaker } from "./breaker.ts";
import type { HostCodec, KindLookup } from "./codec.ts";
import type { CommandClass, Decide, User } from "./command.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { OpenDirectory } from "./directory.ts";
import type { ForwardPort } from "./forwarding.ts";
import type { WriteHost, WriteOptions } from "./host-api.ts";
import type { MachineCatalogue } from "./machine.ts";
import type { Parking } from "./parking.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Reactions } from "./reactions.ts";
import type { ChildSpec } from "./supervisor.ts";
import type { OpenTransaction } from "./transaction.ts";
import type { Turns } from "./turns.ts";

/** What the actor host offers to the composition, to controllers and to sweeps. */
export interface ActorHost extends WriteHost, LogListener {
  /** Work of the master's own (plans, timers, sweeps). Fails with TransientError when the term ends. */
  submit(task: HostTask): void;
  /** Leader's time; on a follower the newest committed time, moved on by the own clock. */
  now(): Millis;
  readonly isLeader: boolean;
  readonly watchdog: Watchdog;
  readonly directory: OpenDirectory;
  readonly quarantine: Quarantine;
  readonly parking: Parking;
  readonly deadLetters: DeadLetters;
  readonly breaker: Breaker;
  readonly turns: Turns;
  readonly reactions: Reactions;
  /** Something that lives and dies with the term: controllers, sweeps. Started in the order of the calls; a part that is there already is left alone. */
  addLeaderPart(part: LeaderPart): void;
  /** Timers and object actors as parts of a supervised leader scope; whoever calls it starts them. */
  leaderChildren(): readonly ChildSpec[];
  /** As `troupe actors release` does: out of quarantine, by the name that the API uses. Resolves when durable. */
  release(name: string): Promise<void>;
  /** Told with the path of each actor that was let go. */
  onReleased(run: (path: string) => void): void;
  /** From another member: a command for the leader, or what one of ours came to. */
  called(from: number, message: CommandMessage): void;
  /** The connection to a member is there again: what waits for it is handed in anew. */
  linked(peer: number): void;
  /** The store has taken over a snapshot of the leader. */
  restored(): void;
  /** No more writes; waiting ones are refused with 503. */
  stop(): void;
}

export interface LeaderPart {
  start(term: Term): void;
  stop(): void;
}

export interface HostTask {
  readonly class: CommandClass;
  readonly cause: Cause;
  /** Throwing keeps nothing. Row writes go through the transaction; system rows are answered. */
  readonly evaluate: (transaction: OpenTransaction) => readonly SystemWrite[];
  readonly done?: () => void;
  readonly failed: (error: Error) => void;
}

export interface HostOptions {
  readonly env: Env;
  readonly store: TipStore;
  /** `propose` must not call back into the listener in the same turn. */
  readonly log: ReplicatedLog;
  readonly kinds: KindLookup;
  readonly codec: HostCodec;
  readonly decide: Decide;
  readonly machines: MachineCatalogue;
  /** This member, and how often it has started. Read when a term begins, not before. */
  readonly identity: { readonly member: number; readonly incarnation: number };
  /** Store and log disagree: the process must end. */
  readonly onFatal: (error: Error) => void;
  /** The way to the other members. Default: there are none. */
  readonly forward?: ForwardPort;
  /** Throws StatusError where the user may not do what another member has let it do. Default: that is believed. */
  readonly authorizeAgain?: (user: User, asked: NonNullable<WriteOptions["asked"]>) => void;
  /** Told what is evaluated. Default: nobody watches. */
  readonly watchdog?: Watchdog;
}
