import type { Clock, Env, Timer } from "../env/env.ts";
import { InvariantError, TransientError, invariant, messageOf } from "../util/errors.ts";
import type { Digest, LogIndex } from "../store/revision.ts";
import { createState, otherMembers } from "./core/state.ts";
import type { State } from "./core/state.ts";
import type { Settings } from "./core/settings.ts";
import { step } from "./core/step.ts";
import type { Effect, Entry, Input, MemberId, Message, Role } from "./core/types.ts";
import { foreign, loadIdentity, nextIncarnation } from "./identity.ts";
import type { Birth, Identity } from "./identity.ts";
import { raftLimits } from "./limits.ts";
import type { LogListener, ReplicatedLog } from "./log-api.ts";
import { createSnapshotFiles } from "./snapshot.ts";
import type { SnapshotFiles, SnapshotMeta } from "./snapshot.ts";
import { WAL_FOLDER, numberOfSegment } from "./wal-names.ts";
import { openWal, payloadBytesMax } from "./wal.ts";
import type { Wal, WalContent } from "./wal.ts";

/**
 * Joins the pure core to disk, clock and transport. Inputs go through one queue, one step at a
 * time; proposals and reads of a turn are gathered and enter the core together, so the hot path has
 * no promise per entry. What the core decides is done in its order.
 */
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
}

/** What the log replicates: the host's rows. */
export interface StateMachine {
  /** Replaces the whole state; entries after `meta.index` follow through the listener. */
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

/** Best effort, in order per peer; `receive` and `link` of `Raft` are its other half. */
export interface Transport {
  send(to: MemberId, message: Message): void;
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
  receive(from: MemberId, message: Message): void;
  /** The connection to a peer came up or broke. */
  link(peer: MemberId, isUp: boolean): void;
  /** Takes a snapshot now, whatever the log's length; resolves once it is durable. */
  takeSnapshot(): Promise<void>;
}

export function createRaft(options: RaftOptions): Raft {
  return new Driver(options);
}

interface ReadGroup {
  readonly resolve: (index: LogIndex) => void;
  readonly reject: (error: Error) => void;
}

class Driver implements Raft {
  readonly #options: RaftOptions;
  readonly #clock: Clock;
  readonly #files: SnapshotFiles;
  readonly #inputs: Input[] = [];
  readonly #reads: Map<number, ReadGroup[]> = new Map();
  #identity: Omit<Identity, "incarnation"> | undefined;
  /** What the log held, from `open` to `start`. */
  #content: WalContent | undefined;
  #incarnation = 0;
  #state: State | undefined;
  #wal: Wal | undefined;
  #life: "new" | "opening" | "opened" | "running" | "stopped" | "failed" = "new";
  #isStepping = false;
  #isFlushDue = false;
  #proposals: Uint8Array[] = [];
  #proposalBytes = 0;
  #newReads: ReadGroup[] = [];
  #lastReadId = 0;
  #held: { readonly afterSeq: number; readonly to: MemberId; readonly message: Message }[] = [];
  #durableSeq = 0;
  #applied: LogIndex = 0;
  #told: { readonly role: Role; readonly term: number } = { role: "follower", term: 0 };
  #timer: Timer | undefined;
  /** A lone voter's start, until it leads. */
  #starting: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  #bytesAtSnapshot = 0;
  #snapshotting: Promise<void> | undefined;
  #releasableTo: LogIndex = 0;

  constructor(options: RaftOptions) {
    this.#options = options;
    this.#clock = options.env.clock;
    this.#files = createSnapshotFiles(options.env);
  }

  get role(): Role {
    return this.#told.role;
  }

  get term(): number {
    return this.#state?.term ?? 0;
  }

  get leader(): MemberId | undefined {
    return this.#state?.leader || undefined;
  }

  get applied(): LogIndex {
    return this.#applied;
  }

  get clusterId(): string {
    return this.#known().clusterId;
  }

  get memberId(): MemberId {
    return this.#known().memberId;
  }

  get incarnation(): number {
    invariant(this.#incarnation > 0, "the incarnation is known once the log is open");
    return this.#incarnation;
  }

  async open(): Promise<void> {
    invariant(this.#life === "new", "a log is opened once");
    this.#life = "opening";
    const { env, birth, segmentBytes } = this.#options;
    const { disk, random } = env;
    const known = await loadIdentity(disk, random.stream("raft"), birth ?? {});
    this.#identity = known;
    if (known.lastIncarnation > 0 && !(await hasLog(env))) throw foreign("its log is missing");
    const { clusterId, memberId } = known;
    const { wal, content } = await openWal({
      ...env,
      clusterId,
      memberId,
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
      onDurable: (seq) => this.#onDurable(seq),
      onFatal: (error) => this.#fail(error),
    });
    this.#wal = wal;
    this.#content = content;
    this.#incarnation = await nextIncarnation(disk, known.lastIncarnation);
    this.#life = "opened";
  }

  async start(): Promise<void> {
    if (this.#life === "new") await this.open();
    const content = this.#content;
    const wal = this.#wal;
    invariant(this.#life === "opened" && content && wal, "a log is started once, when it is open");
    this.#content = undefined;
    const { env, stateMachine, settings } = this.#options;
    const { config, memberId } = this.#known();
    const snapshot = await this.#files.openNewest();
    const meta = snapshot?.meta ?? { index: 0, term: 0, config };
    const entries = entriesAfter(meta.index, content);
    if (snapshot !== undefined) await stateMachine.restore(snapshot.meta, snapshot.chunks());
    this.#applied = meta.index;
    this.#bytesAtSnapshot = wal.writtenBytes - sizeOf(entries);
    this.#state = createState({
      id: memberId,
      hardState: content.hardState,
      snapshot: meta,
      entries,
      now: this.#clock.mono(),
      seed: env.random.stream("raft").u32(),
      doubtUpTo: content.doubtUpTo,
      settings: settings ?? {},
    });
    this.#life = "running";
    this.#logStart(content, meta.index);
    await this.#begin();
  }

  async stop(): Promise<void> {
    if (this.#life !== "failed") this.#life = "stopped";
    this.#timer?.cancel();
    for (const group of [...this.#reads.values(), this.#newReads]) {
      for (const { reject } of group) reject(new TransientError("the log has stopped"));
    }
    this.#reads.clear();
    await this.#snapshotting;
    await this.#wal?.close();
  }

  propose(payload: Uint8Array): LogIndex {
    const state = this.#running();
    if (state.role !== "leader" || this.#told.role !== "leader") {
      throw new TransientError("this member does not lead", { retryAfterMs: 50 });
    }
    const longest = payloadBytesMax(this.#options.segmentBytes ?? raftLimits.segmentBytes);
    invariant(payload.length <= longest, "an entry fits into a segment");
    const waiting = state.uncommittedBytes + this.#proposalBytes;
    if (waiting > 0 && waiting + payload.length > state.settings.uncommittedBytesMax) {
      throw new TransientError("too much is waiting to be committed", { retryAfterMs: 100 });
    }
    this.#faultAt("append");
    this.#proposals.push(payload);
    this.#proposalBytes += payload.length;
    this.#flushSoon();
    return state.log.lastIndex + this.#proposals.length;
  }

  readIndex(): Promise<LogIndex> {
    return new Promise((resolve, reject) => {
      if (this.#life !== "running") {
        reject(new TransientError("the log does not run"));
        return;
      }
      this.#newReads.push({ resolve, reject });
      this.#flushSoon();
    });
  }

  compact(index: LogIndex): void {
    void this.#wal?.release(Math.min(index, this.#releasableTo));
  }

  receive(from: MemberId, message: Message): void {
    this.#feed({ type: "message", from, message });
  }

  link(peer: MemberId, isUp: boolean): void {
    this.#feed({ type: "link", peer, isUp });
    this.#schedule();
  }

  takeSnapshot(): Promise<void> {
    this.#snapshotting ??= this.#writeSnapshot().finally(() => (this.#snapshotting = undefined));
    return this.#snapshotting;
  }

  async #begin(): Promise<void> {
    const state = this.#running();
    const isAlone = otherMembers(state).length === 0;
    if (!isAlone) {
      this.#schedule();
      return;
    }
    const leading = new Promise<void>((resolve, reject) => (this.#starting = { resolve, reject }));
    this.#feed({ type: "campaign" });
    await leading;
  }

  #known(): Omit<Identity, "incarnation"> {
    invariant(this.#identity !== undefined, "the identity is known once the log is open");
    return this.#identity;
  }

  #running(): State {
    if (this.#life !== "running" || this.#state === undefined) {
      throw new TransientError("the log does not run");
    }
    return this.#state;
  }

  /** Everything proposed or asked in this turn enters the core together. */
  #flushSoon(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    void Promise.resolve().then(() => {
      this.#isFlushDue = false;
      this.#drain();
    });
  }

  #feed(input: Input): void {
    this.#inputs.push(input);
    this.#drain();
  }

  #drain(): void {
    if (this.#isStepping) return;
    this.#isStepping = true;
    try {
      for (let input = this.#next(); input !== undefined; input = this.#next()) {
        for (const effect of step(this.#running(), input)) {
          if (this.#life === "running") this.#do(effect);
        }
      }
    } catch (error) {
      // A broken invariant of the core, or a listener that threw: the two may disagree now.
      this.#fail(error instanceof Error ? error : new Error(messageOf(error)));
    } finally {
      this.#isStepping = false;
    }
  }

  /** Proposals first: their indexes have been handed out already. */
  #next(): Input | undefined {
    if (this.#life !== "running") return undefined;
    if (this.#proposals.length > 0) {
      const payloads = this.#proposals;
      this.#proposals = [];
      this.#proposalBytes = 0;
      return { type: "propose", payloads, kind: "normal" };
    }
    if (this.#newReads.length > 0) {
      this.#lastReadId += 1;
      this.#reads.set(this.#lastReadId, this.#newReads);
      this.#newReads = [];
      return { type: "readIndex", id: this.#lastReadId };
    }
    return this.#inputs.shift();
  }

  #do(effect: Effect): void {
    switch (effect.type) {
      case "persist":
        this.#wal?.append(effect.persist);
        break;
      case "send":
        if (effect.afterSeq > this.#durableSeq) this.#held.push(effect);
        else this.#options.transport?.send(effect.to, effect.message);
        break;
      case "commit":
        this.#commit(effect.upTo);
        break;
      case "readReady":
        for (const { resolve } of this.#takeReads(effect.id)) resolve(effect.index);
        break;
      case "readDropped":
        for (const { reject } of this.#takeReads(effect.id)) {
          reject(new TransientError("the leader has changed", { retryAfterMs: 50 }));
        }
        break;
      case "role":
        this.#tellRole(effect.role, effect.term);
        this.#schedule();
        break;
      case "reject":
        throw new InvariantError("a proposal that was given an index is taken");
      case "sendSnapshot":
        this.#options.env.log("warn", "raft-member-needs-snapshot", { member: effect.to });
        break;
      case "fatal":
        this.#fail(new InvariantError(effect.why));
        break;
    }
  }

  #takeReads(id: number): readonly ReadGroup[] {
    const group = this.#reads.get(id) ?? [];
    this.#reads.delete(id);
    return group;
  }

  #commit(upTo: LogIndex): void {
    const state = this.#running();
    this.#faultAt("commit");
    const entries: readonly Entry[] = state.log.slice(this.#applied + 1, upTo);
    this.#applied = upTo;
    this.#options.listener.committed(entries);
    if (state.role === "leader" && upTo >= state.termStart) this.#tellLeading(state.term);
    this.#forget(state);
    this.#snapshotIfDue(state);
  }

  /** `leader` waits for the leader's own entry; the rest is told at once. */
  #tellRole(role: Role, term: number): void {
    if (role === "leader") return;
    if (this.#told.role === role && this.#told.term === term) return;
    this.#told = { role, term };
    this.#options.listener.role(role, term);
  }

  #tellLeading(term: number): void {
    if (this.#told.role === "leader" && this.#told.term === term) return;
    this.#told = { role: "leader", term };
    this.#options.listener.role("leader", term);
    this.#starting?.resolve();
  }

  /** A lone voter has no one to send old entries to: only a short tail stays in memory. */
  #forget(state: State): void {
    const { memoryTailEntries } = raftLimits;
    if (this.#applied - state.log.baseIndex < 2 * memoryTailEntries) return;
    if (otherMembers(state).length > 0) return;
    const upTo = this.#applied - memoryTailEntries;
    state.log.forget(upTo);
    state.configs.forget(upTo);
  }

  #onDurable(seq: number): void {
    this.#durableSeq = seq;
    const { transport } = this.#options;
    const ready = this.#held.filter(({ afterSeq }) => afterSeq <= seq);
    this.#held = this.#held.filter(({ afterSeq }) => afterSeq > seq);
    for (const { to, message } of ready) {
      // What was promised in an older term is of no use to anyone.
      if (message.term === this.term) transport?.send(to, message);
    }
    this.#feed({ type: "persisted", seq });
  }

  #schedule(): void {
    const state = this.#state;
    this.#timer?.cancel();
    if (this.#life !== "running" || state === undefined || otherMembers(state).length === 0) return;
    const due = Math.min(state.electionDeadline, state.heartbeatDue, state.quorumCheckDue);
    const delayMs = Math.min(Math.max(due - this.#clock.mono(), 1), state.settings.heartbeatMs);
    this.#timer = this.#clock.after(
      delayMs,
      () => {
        this.#feed({ type: "tick", now: this.#clock.mono() });
        this.#schedule();
      },
      { daemon: true },
    );
  }

  #snapshotIfDue(state: State): void {
    const limit = this.#options.snapshotLogBytes ?? raftLimits.snapshotLogBytes;
    const written = (this.#wal?.writtenBytes ?? 0) - this.#bytesAtSnapshot;
    if (written < limit || this.#snapshotting !== undefined || state.durable < this.#applied) return;
    this.takeSnapshot().catch((error: unknown) => {
      this.#options.env.log("error", "snapshot-failed", { reason: messageOf(error) });
    });
  }

  async #writeSnapshot(): Promise<void> {
    const state = this.#running();
    const wal = this.#wal;
    invariant(wal !== undefined, "a running log has a file");
    this.#bytesAtSnapshot = wal.writtenBytes;
    if (this.#applied <= wal.mark.index) return;
    const source = this.#options.stateMachine.snapshot();
    const { index, digest, chunks } = source;
    invariant(index <= this.#applied, "a snapshot holds nothing that was not handed over");
    const term = state.log.termAt(index);
    const config = state.configs.at(index);
    try {
      await this.#files.write({ index, term, digest, config }, chunks);
    } finally {
      source.close?.();
    }
    await wal.writeMark({ index, term });
    this.#releasableTo = await this.#files.prune();
    await wal.release(this.#releasableTo);
    state.log.forget(Math.min(this.#releasableTo, this.#applied));
    state.configs.forget(state.log.baseIndex);
  }

  #logStart(content: WalContent, snapshotIndex: LogIndex): void {
    const { log } = this.#options.env;
    log("info", "raft-started", {
      member: this.memberId,
      incarnation: this.#incarnation,
      term: content.hardState.term,
      snapshotIndex,
      entries: content.entries.length,
    });
    if (content.tail !== "clean") {
      log("warn", "wal-tail-cut", { tail: content.tail, doubtUpTo: content.doubtUpTo });
    }
  }

  #faultAt(seam: "append" | "commit"): void {
    const { faults } = this.#options.env;
    if (!faults.enabled) return;
    const action = faults.at({ seam, path: "/raft" });
    if (action.kind === "crash") this.#fail(new Error(`a fault was asked for at ${seam}`));
    if (action.kind === "error" && seam === "append") throw new TransientError(action.message);
  }

  #fail(error: Error): void {
    if (this.#life === "failed") return;
    this.#life = "failed";
    this.#timer?.cancel();
    this.#starting?.reject(error);
    this.#options.onFatal(error);
  }
}

/** What the log holds beyond the snapshot; refuses where the two do not meet. */
function entriesAfter(index: LogIndex, content: WalContent): readonly Entry[] {
  const first = content.entries[0]?.index;
  const last = content.entries.at(-1)?.index ?? 0;
  if (first !== undefined && first > index + 1) {
    throw foreign(`the log begins at entry ${first}, and the snapshot ends at ${index}`);
  }
  if (first === undefined && content.mark.index > index) {
    throw foreign(`the snapshot of entry ${content.mark.index} is missing`);
  }
  if (last < index && last > 0) {
    throw foreign(`the log ends at entry ${last}, before the snapshot of entry ${index}`);
  }
  return content.entries.filter((entry) => entry.index > index);
}

function sizeOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, entry) => sum + entry.payload.length, 0);
}

async function hasLog(env: Env): Promise<boolean> {
  if (!(await env.disk.exists(WAL_FOLDER))) return false;
  return (await env.disk.list(WAL_FOLDER)).some((name) => numberOfSegment(name) !== undefined);
}
