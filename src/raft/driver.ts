import type { Clock, Timer } from "../env/env.ts";
import { InvariantError, TransientError, invariant, messageOf } from "../util/errors.ts";
import type { LogIndex } from "../store/revision.ts";
import { isVoter } from "./core/config.ts";
import { isRemoved } from "./core/membership.ts";
import { createState, otherMembers } from "./core/state.ts";
import type { State } from "./core/state.ts";
import { step } from "./core/step.ts";
import type { Config, ConfigChange, Effect, Entry, Input, MemberId, Role } from "./core/types.ts";
import { foreign, loadIdentity, nextIncarnation } from "./identity.ts";
import type { Identity } from "./identity.ts";
import { raftLimits } from "./limits.ts";
import { isOfElection } from "./messages.ts";
import { membersSeen, removedError } from "./member-status.ts";
import { Outgoing } from "./outgoing.ts";
import { Pending } from "./pending.ts";
import type { ConfigChanged, MemberStatus, Raft, RaftOptions } from "./raft-api.ts";
import { Reads } from "./reads.ts";
import { createSnapshotFiles } from "./snapshot.ts";
import type { OpenedSnapshot, SnapshotFiles } from "./snapshot.ts";
import { Counted, Snapshots, isSnapshotMessage } from "./snapshots.ts";
import type { PeerMessage } from "./transport-api.ts";
import { DamageNotes, isMarkedDamaged, markDamaged } from "./wal-damage.ts";
import { configsIn, hasLog, hasOtherVoters, joinLog, logStart, sizeOf } from "./wake.ts";
import { openWal, payloadBytesMax } from "./wal.ts";
import type { Wal, WalContent } from "./wal.ts";

export type { Raft, RaftOptions, SnapshotSource, StateMachine } from "./raft-api.ts";

/**
 * Joins the pure core to disk, clock and transport. Inputs go through one queue, one step at a
 * time; proposals and reads of a turn are gathered and enter the core together, so the hot path has
 * no promise per entry. What the core decides is done in its order.
 */
export function createRaft(options: RaftOptions): Raft {
  return new Driver(options);
}

const noRole = { role: "follower", term: 0, leader: 0 } as const;

class Driver implements Raft {
  readonly #options: RaftOptions;
  readonly #clock: Clock;
  readonly #files: SnapshotFiles;
  readonly #pending: Pending = new Pending();
  #snapshots: Snapshots | undefined;
  #newest: OpenedSnapshot | undefined;
  #isRestoring = false;
  /** More was committed than one turn hands over: the rest is due in the next. */
  #isCatchingUp = false;
  #commitDue: LogIndex = 0;
  #isPrepared = true;
  readonly #damage: DamageNotes;
  readonly #inputs: Input[] = [];
  readonly #reads: Reads = new Reads();
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
  readonly #outgoing: Outgoing;
  #applied: LogIndex = 0;
  #told: { readonly role: Role; readonly term: number; readonly leader: MemberId } = noRole;
  #timer: Timer | undefined;
  /** A lone voter's start, until it leads. */
  #starting: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(options: RaftOptions) {
    this.#options = options;
    this.#clock = options.env.clock;
    this.#files = createSnapshotFiles(options.env);
    this.#damage = new DamageNotes(options.env);
    this.#outgoing = new Outgoing(options.transport);
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

  get config(): Config {
    return this.#state?.configs.current ?? this.#known().config;
  }

  get isDiskFull(): boolean {
    return this.#state?.isFull ?? false;
  }

  get isDamaged(): boolean {
    return this.#state?.isDamaged ?? false;
  }

  isRemoved(id: MemberId): boolean {
    return this.#state !== undefined && isRemoved(this.#state, id);
  }

  members(): readonly MemberStatus[] {
    const state = this.#state;
    return state?.role === "leader" ? membersSeen(state) : [];
  }

  async open(): Promise<void> {
    invariant(this.#life === "new", "a log is opened once");
    this.#life = "opening";
    const { env, birth, segmentBytes, ballastBytes, onRoom } = this.#options;
    const { disk, random } = env;
    const known = await loadIdentity(disk, random.stream("raft"), birth ?? {});
    this.#identity = known;
    if (known.lastIncarnation > 0 && !(await hasLog(env))) throw foreign("its log is missing");
    const { clusterId, memberId } = known;
    this.#newest = await this.#files.openNewest();
    const first = this.#newest?.meta.config ?? known.config;
    const { wal, content } = await openWal({
      ...env,
      clusterId,
      memberId,
      ...(segmentBytes === undefined ? {} : { segmentBytes }),
      ...(ballastBytes === undefined ? {} : { ballastBytes }),
      mayRepair: ({ entries, beyond }) =>
        hasOtherVoters(memberId, [first, ...configsIn(entries), ...configsIn(beyond)]),
      onRoom: (isFull) => {
        this.#feed({ type: "room", isFull });
        onRoom?.(isFull);
      },
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
    const snapshot = this.#newest;
    const meta = snapshot?.meta ?? { index: 0, term: 0, config };
    const joined = joinLog(meta, content);
    const { entries, isLogObsolete, damage } = joined;
    if (damage !== undefined) {
      if (!hasOtherVoters(memberId, [meta.config, ...configsIn(content.entries)])) throw damage;
      await markDamaged(env.disk, damage.message);
    }
    if (isLogObsolete) {
      const { hardState } = content;
      const { index, term } = meta;
      wal.append({ seq: 0, hardState, truncateFrom: 0, entries: [], snapshot: { index, term } });
    }
    const restored = snapshot && new Counted(snapshot.chunks());
    if (snapshot && restored) await stateMachine.restore(snapshot.meta, restored);
    this.#applied = meta.index;
    const state = createState({
      id: memberId,
      hardState: content.hardState,
      snapshot: meta,
      entries,
      now: this.#clock.mono(),
      seed: env.random.stream("raft").u32(),
      doubtUpTo: content.doubtUpTo,
      hasCutTail: content.tail !== "clean",
      isDamaged: await isMarkedDamaged(env.disk),
      settings: settings ?? {},
    });
    this.#state = state;
    this.#snapshots = this.#newSnapshots(state, wal, { tailBytes: sizeOf(entries), newestBytes: restored?.bytes ?? 0 });
    this.#reads.begin(this.#incarnation);
    this.#life = "running";
    logStart(env, { member: memberId, incarnation: this.#incarnation, snapshotIndex: meta.index }, content);
    this.#tellConfig(state.configs.current);
    await this.#begin();
    await wal.makeBallast();
  }

  #newSnapshots(
    state: State,
    wal: Wal,
    known: { readonly tailBytes: number; readonly newestBytes: number },
  ): Snapshots {
    const { env, snapshotLogBytes, snapshotChunkBytes, stateMachine, transport } = this.#options;
    return new Snapshots({
      env,
      chunkBytes: snapshotChunkBytes ?? raftLimits.snapshotChunkBytes,
      files: this.#files,
      wal,
      state,
      logBytesMin: snapshotLogBytes ?? raftLimits.snapshotLogBytesMin,
      logBytesMax: snapshotLogBytes ?? raftLimits.snapshotLogBytesMax,
      newestBytes: known.newestBytes,
      bytesAtSnapshot: wal.writtenBytes - known.tailBytes,
      freeze: () => stateMachine.snapshot(),
      applied: () => this.#applied,
      send: (to, message) => transport?.send(to, message),
      feed: (input) => this.#feed(input),
      onReceived: (from, term, meta) => {
        this.#feed({ type: "snapshotReceived", from, term, snapshot: meta });
      },
      onFatal: (error) => this.#fail(error),
    });
  }

  async stop(): Promise<void> {
    if (this.#life !== "failed") this.#life = "stopped";
    this.#timer?.cancel();
    this.#reads.end("the log has stopped");
    this.#pending.end("the log has stopped");
    await this.#snapshots?.stop();
    await this.#damage.done;
    await this.#wal?.close();
  }

  async changeConfig(change: ConfigChange, options: { readonly isForced?: boolean } = {}): Promise<ConfigChanged> {
    this.#running();
    this.#feed({ type: "tick", now: this.#clock.mono() });
    const isForced = options.isForced ?? false;
    return this.#pending.change(() => this.#feed({ type: "changeConfig", change, isForced }));
  }

  async transfer(to: MemberId = 0): Promise<void> {
    const state = this.#running();
    if (this.#pending.isTransferring || state.role !== "leader") {
      throw new TransientError("this member does not lead, or hands over already", { retryAfterMs: 50 });
    }
    this.#feed({ type: "tick", now: this.#clock.mono() });
    return this.#pending.transfer(() => {
      this.#feed({ type: "transfer", to });
      this.#schedule();
    });
  }

  propose(payload: Uint8Array): LogIndex {
    const state = this.#running();
    if (state.role !== "leader" || this.#told.role !== "leader") {
      throw new TransientError("this member does not lead", { retryAfterMs: 50 });
    }
    if (state.transferTo !== 0) throw new TransientError("the leadership is being handed over", { retryAfterMs: 50 });
    if (state.isFull) throw new TransientError("the disk of this member is full: it takes no writes");
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
      this.#reads.wait({ resolve, reject });
      this.#flushSoon();
    });
  }

  compact(index: LogIndex): void {
    void this.#wal?.release(Math.min(index, this.#snapshots?.releasableTo ?? 0));
  }

  receive(from: MemberId, message: PeerMessage): void {
    if (isSnapshotMessage(message)) return this.#snapshots?.receive(from, message);
    if (isOfElection(message)) this.#lookAtTime();
    this.#feed({ type: "message", from, message });
    if (isOfElection(message)) this.#schedule();
  }

  link(peer: MemberId, isUp: boolean): void {
    this.#lookAtTime();
    this.#feed({ type: "link", peer, isUp });
    this.#schedule();
  }

  /** The core's time is that of the last tick, and waits of some milliseconds begin now. */
  #lookAtTime(): void {
    if (this.#life === "running") this.#feed({ type: "tick", now: this.#clock.mono() });
  }

  prepared(isPrepared: boolean): void {
    this.#isPrepared = isPrepared;
    this.#tellReady();
  }

  /** Before a leader is heard nobody knows what is committed, and someone has to lead. */
  #tellReady(): void {
    const state = this.#state;
    if (this.#life !== "running" || state === undefined || state.leader === 0) return;
    const isReady = this.#isPrepared && !this.#isRestoring && !this.#isCatchingUp;
    if (isReady !== state.isReady) this.#feed({ type: "ready", isReady });
  }

  async takeSnapshot(): Promise<void> {
    this.#running();
    await this.#snapshots?.take();
  }

  async #begin(): Promise<void> {
    const state = this.#running();
    const isAlone = otherMembers(state).length === 0 && isVoter(state.configs.current, state.id);
    // What is left of a damaged log may end before the others joined: they know us, and call.
    if (!isAlone || state.isDamaged) {
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
    if (this.#life === "stopped" || this.#life === "failed") return;
    this.#inputs.push(input);
    this.#drain();
  }

  #drain(): void {
    if (this.#isStepping) return;
    this.#isStepping = true;
    this.#guarded(() => {
      for (let input = this.#next(); input !== undefined; input = this.#next()) {
        for (const effect of step(this.#running(), input)) {
          if (this.#life === "running") this.#do(effect);
        }
      }
    });
    this.#isStepping = false;
  }

  /** A broken invariant of the core, or a listener that threw: the two may disagree now. */
  #guarded(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(messageOf(error)));
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
    const read = this.#reads.ask();
    return read === undefined ? this.#inputs.shift() : { type: "readIndex", id: read };
  }

  #do(effect: Effect): void {
    switch (effect.type) {
      case "persist":
        this.#wal?.append(effect.persist);
        break;
      case "send":
        this.#outgoing.send(effect);
        break;
      case "commit":
        this.#commit(effect.upTo);
        break;
      case "readReady":
        this.#reads.ready(effect.id, effect.index);
        break;
      case "readDropped":
        this.#reads.dropped(effect.id);
        break;
      case "role":
        this.#onRole(effect.role, effect.term);
        break;
      case "reject":
        throw new InvariantError("a proposal that was given an index is taken");
      case "sendSnapshot":
        this.#snapshots?.send(effect.to);
        break;
      case "restore":
        void this.#restore(effect.index);
        break;
      case "config":
        this.#tellConfig(effect.config);
        this.#schedule();
        break;
      case "change":
        this.#pending.onChange(this.#running(), effect.index, effect.refusal);
        break;
      case "transferFailed":
        this.#pending.transferFailed(effect.why);
        break;
      case "removed":
        this.#fail(removedError());
        break;
      case "damage":
        this.#damage.note(effect.isDamaged);
        break;
      case "fatal":
        this.#fail(new InvariantError(effect.why));
        break;
    }
  }

  #commit(upTo: LogIndex): void {
    if (this.#isRestoring || this.#isCatchingUp) {
      this.#commitDue = Math.max(this.#commitDue, upTo);
      return;
    }
    const state = this.#running();
    this.#faultAt("commit");
    const end = Math.min(upTo, this.#applied + raftLimits.turnEntriesMax);
    const entries: readonly Entry[] = state.log.slice(this.#applied + 1, end);
    this.#applied = end;
    this.#options.listener.committed(entries);
    if (state.role === "leader" && end >= state.termStart) this.#tellLeading(state.term);
    this.#pending.settle(state);
    this.#forget(state);
    // One of a state that is about to move on by thousands of entries would serve no start.
    if (end < upTo) this.#catchUp(upTo);
    else this.#snapshots?.takeIfDue();
    this.#tellReady();
  }

  /** A long log in one turn would hold everything else up, and look like a loop to a watchdog. */
  #catchUp(upTo: LogIndex): void {
    this.#isCatchingUp = true;
    this.#commitDue = upTo;
    this.#clock.after(0, () => {
      this.#isCatchingUp = false;
      if (this.#life === "running" && this.#commitDue > this.#applied) {
        this.#guarded(() => this.#commit(this.#commitDue));
      }
    });
  }

  /** The state becomes that of a snapshot from the leader; what is committed meanwhile waits. */
  async #restore(index: LogIndex): Promise<void> {
    this.#commitDue = index;
    if (this.#isRestoring) return;
    this.#isRestoring = true;
    try {
      // A newer one may come in while one is read.
      while (this.#applied < this.#running().log.baseIndex) {
        await this.#snapshots?.writing?.catch(() => undefined);
        const opened = await this.#files.openNewest();
        invariant(opened !== undefined && opened.meta.index >= index, "the snapshot that came in is there");
        await this.#options.stateMachine.restore(opened.meta, opened.chunks());
        this.#applied = opened.meta.index;
        this.#options.env.log("info", "snapshot-installed", { index: this.#applied });
      }
    } catch (error) {
      if (this.#life === "running") this.#fail(error instanceof Error ? error : new Error(messageOf(error)));
      return;
    }
    this.#snapshots?.installed(this.#applied);
    this.#isRestoring = false;
    if (this.#commitDue > this.#applied) this.#guarded(() => this.#commit(this.#commitDue));
  }

  #onRole(role: Role, term: number): void {
    if (role !== "leader") {
      this.#snapshots?.stopSending();
      this.#pending.leadNoMore();
    }
    this.#tellRole(role, term);
    this.#schedule();
  }

  #tellConfig(config: Config): void {
    const { transport, onConfig } = this.#options;
    const state = this.#running();
    transport?.setPeers?.(
      otherMembers(state).map((id) => ({ id, address: config.directory.find((info) => info.id === id)?.address })),
    );
    onConfig?.(config);
  }

  /** `leader` waits for the leader's own entry; the rest is told at once. */
  #tellRole(role: Role, term: number): void {
    if (role === "leader") return;
    const leader = this.#state?.leader ?? 0;
    if (this.#told.role === role && this.#told.term === term && this.#told.leader === leader) return;
    this.#told = { role, term, leader };
    this.#options.listener.role(role, term);
  }

  #tellLeading(term: number): void {
    if (this.#told.role === "leader" && this.#told.term === term) return;
    this.#told = { role: "leader", term, leader: this.memberId };
    this.#options.listener.role("leader", term);
    this.#starting?.resolve();
  }

  /** What no member may ask for leaves memory, but for a short tail; a log that is too long goes whole. */
  #forget(state: State): void {
    const { memoryTailEntries = raftLimits.memoryTailEntries } = this.#options;
    const end = Math.min(this.#applied, state.durable);
    if (end - state.log.baseIndex < 2 * memoryTailEntries) return;
    const isKept = otherMembers(state).length > 0 && state.log.bytes <= state.settings.logBytesMax;
    const upTo = Math.min(end - memoryTailEntries, isKept ? state.floor : Number.POSITIVE_INFINITY);
    if (upTo <= state.log.baseIndex) return;
    state.log.forget(upTo);
    state.configs.forget(upTo);
  }

  #onDurable(seq: number): void {
    this.#outgoing.onDurable(seq, this.term);
    this.#feed({ type: "persisted", seq });
  }

  #schedule(): void {
    const state = this.#state;
    this.#timer?.cancel();
    if (this.#life !== "running" || state === undefined || otherMembers(state).length === 0) return;
    const { electionDeadline, heartbeatDue, quorumCheckDue, transferDeadline } = state;
    const due = Math.min(electionDeadline, heartbeatDue, quorumCheckDue, transferDeadline);
    const delayMs = Math.min(Math.max(due - this.#clock.mono(), 1), state.settings.heartbeatMs);
    this.#timer = this.#clock.after(
      delayMs,
      () => {
        this.#feed({ type: "tick", now: this.#clock.mono() });
        this.#tellReady();
        this.#schedule();
      },
      { daemon: true },
    );
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
    this.#pending.end(error.message);
    this.#options.onFatal(error);
  }
}
