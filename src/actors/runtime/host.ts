import type { Rng, Timer } from "../../env/env.ts";
import { noWatchdog, type Watchdog } from "../../env/watchdog.ts";
import type { FaultAction, Seam } from "../../env/faults.ts";
import type { LogEntry, ReplicatedLog } from "../../raft/log-api.ts";
import type { CallMessage } from "../../raft/transport-api.ts";
import type { CommandId, Outcome, SystemWrite } from "../../store/outcome.ts";
import type { LogIndex, Term } from "../../store/revision.ts";
import { internalError } from "../../kinds/status-errors.ts";
import { invariant, messageOf, StatusError, TransientError } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { ActorDirectory } from "./actor.ts";
import type { ActorHost, HostOptions, HostTask, LeaderPart } from "./actor-host.ts";
import { compareDigest } from "./checkpoint.ts";
import { Answers } from "./answers.ts";
import { createBreaker, type Breaker } from "./breaker.ts";
import { createClusterClock, type ClusterClock } from "./cluster-clock.ts";
import type { WriteReply, WriteRequest } from "./command.ts";
import { createDeadLetters, type DeadLetters } from "./dead-letters.ts";
import { actors as actorKind } from "../../kinds/actor.ts";
import { createDirectory, type OpenDirectory } from "./directory.ts";
import { hostChildren } from "./host-children.ts";
import { createEvaluator } from "./evaluator.ts";
import { Guests, Outbound } from "./forwarding.ts";
import type { WriteOptions } from "./host-api.ts";
import {
  controllersPausePercent,
  forwardAnswerMs,
  inFlightBytesMax,
  inFlightEntriesMax,
  outcomeBytesMax,
  turnCommandsMax,
  turnMsMax,
} from "./limits.ts";
import { jobOfRequest, jobOfTask, type CommandOrigin, type InFlight, type Job } from "./job.ts";
import { createMailbox, type Mailbox } from "./mailbox.ts";
import { createNoteWriter, reactWithNotes, type NoteWriter } from "./notes.ts";
import { createParking, type Parking } from "./parking.ts";
import { createQuarantine, type Quarantine } from "./quarantine.ts";
import { openActors } from "./host-actors.ts";
import { createReactionTasks, type ReactionTasks } from "./reaction-tasks.ts";
import { createReactions, type Reaction, type Reactions } from "./reactions.ts";
import { mailboxFull, outcomeUnknown, shuttingDown, toError, tooLarge } from "./replies.ts";
import { createReleases, isRelease, type Releases } from "./releases.ts";
import { createResults, type Results } from "./results.ts";
import type { ChildSpec } from "./supervisor.ts";
import { createTimers, type Timers } from "./timers.ts";
import { createTransaction, type OpenTransaction } from "./transaction.ts";
import { createTurns, type Turns } from "./turns.ts";

const releaseDeadlineMs: Millis = 10_000;
const written: WriteReply = { code: 200, revision: 0, warnings: [] };

/**
 * The life of a write. On the leader one command at a time is evaluated over the tip; its outcome
 * is staged and handed to the log in the same turn; once the entry is committed it is applied and
 * the command is answered. An answer without an entry leaves only after what it read is committed
 * and this member is known to have been the leader then. Followers apply, and evaluate nothing.
 *
 * Invariants: the tip is the committed state plus `inFlight`, in order; a command id has at most one
 * outcome; nothing is evaluated outside a term.
 */
class Host implements ActorHost {
  readonly directory: OpenDirectory = createDirectory();
  readonly actors: ActorDirectory;
  readonly quarantine: Quarantine;
  readonly parking: Parking;
  readonly turns: Turns = createTurns();
  readonly deadLetters: DeadLetters;
  readonly breaker: Breaker;
  readonly reactions: Reactions;
  readonly watchdog: Watchdog;
  private readonly options: HostOptions;
  private readonly clock: ClusterClock;
  private readonly mailbox: Mailbox<Job> = createMailbox<Job>();
  private readonly timers: Timers;
  private readonly tasks: ReactionTasks;
  private readonly releases: Releases;
  private readonly notes: NoteWriter;
  private readonly results: Results;
  private readonly random: Rng;
  private readonly parts: LeaderPart[] = [];
  /** Own commands without an answer, in order of their sequence. */
  private readonly open = new Map<number, Job>();
  /** Own commands that a leader elsewhere evaluates; undefined where there is no other member. */
  private readonly outbound: Outbound | undefined;
  /** Commands of other members, while this one leads. */
  private readonly guests: Guests | undefined;
  private inFlight: InFlight[] = [];
  private inFlightBytes = 0;
  private readonly answers: Answers;
  private sequence = 0;
  private leading = false;
  private term: Term = 0;
  /** Of the newest entry. */
  private appliedTerm: Term = 0;
  private stopped = false;
  /** A supervision tree starts timers and reactions; without one the host does. */
  private supervised = false;
  private timersFailed: (error: Error) => void = (error) => this.options.onFatal(error);
  private turn: Timer | undefined;
  private inTurn = false;
  /** The log has enough for now. */
  private paused = false;

  constructor(options: HostOptions) {
    const { env, store, machines, kinds } = options;
    this.options = options;
    this.watchdog = options.watchdog ?? noWatchdog;
    this.clock = createClusterClock(env.clock);
    this.random = env.random.stream("host");
    this.quarantine = createQuarantine(store);
    this.parking = createParking({ kinds, quarantine: this.quarantine });
    this.deadLetters = createDeadLetters(store);
    this.breaker = createBreaker(store, machines);
    this.notes = createNoteWriter(kinds);
    this.results = createResults(store);
    this.answers = new Answers({
      clock: env.clock,
      log: options.log,
      report: env.log,
      applied: () => this.applied,
      leads: () => (this.leading ? this.term : undefined),
      settle: (job, reply) => (reply instanceof StatusError ? this.fail(job, reply) : this.succeed(job, reply)),
      again: (jobs) => {
        for (const job of jobs) this.requeue(job);
        this.wake();
      },
      isStopped: () => this.stopped,
      stopError: shuttingDown,
      lateError: outcomeUnknown,
    });
    const { forward } = options;
    this.guests = forward === undefined ? undefined : new Guests(forward);
    this.outbound =
      forward === undefined
        ? undefined
        : new Outbound({
            clock: env.clock,
            log: options.log,
            identity: options.identity,
            port: forward,
            open: () => this.open.values(),
            resultsUpTo: () => this.resultsUpTo(),
            find: (sequence) => this.open.get(sequence),
            answered: (job, index, reply) => this.onAnswer(job, index, reply),
            abandoned: (job) => this.decideAlone(job),
          });
    this.timers = createTimers({
      store,
      clock: env.clock,
      now: () => this.clock.now(),
      fire: (row) => this.tasks.timerDue(row),
      failed: (error) => this.timersFailed(error),
    });
    const { quarantine, parking, deadLetters, breaker, timers, turns, directory } = this;
    const evaluator = createEvaluator();
    this.reactions = createReactions({
      kinds,
      store,
      timers,
      quarantine,
      parking,
      deadLetters,
      breaker,
      turns,
      evaluator,
      faults: env.faults,
      log: env.log,
    });
    this.tasks = createReactionTasks({
      env,
      timers,
      reactions: this.reactions,
      random: this.random,
      quarantine,
      parking,
      submit: (task) => this.submit(task),
      term: () => (this.leading ? this.term : undefined),
    });
    const { tasks, reactions } = this;
    this.releases = createReleases({ clock: env.clock, directory, quarantine, parking, breaker, reactions, tasks });
    this.actors = openActors({
      parts: { store, kinds, breaker, quarantine, deadLetters, timers, directory, turns, evaluator },
      waiting: () => this.mailbox.perObject(),
      retrying: () => this.tasks.retrying,
    });
  }

  get isLeader(): boolean {
    return this.leading;
  }

  now(): Millis {
    return this.clock.now();
  }

  // ---- in ----

  write(request: WriteRequest, options: WriteOptions): Promise<WriteReply> {
    return new Promise((done, failed) => {
      this.sequence += 1;
      this.accept(this.requestJob(request, options, { sequence: this.sequence, done, failed }));
    });
  }

  private requestJob(
    request: WriteRequest,
    options: WriteOptions,
    rest: Pick<Job, "sequence" | "done" | "failed" | "origin">,
  ): Job {
    const { clock } = this.options.env;
    const job = jobOfRequest(request, options, {
      ...rest,
      now: clock.mono(),
      evaluate: (transaction, system) => {
        if (!isRelease(request)) return this.options.decide(transaction, request);
        system.push(...this.releases.release(transaction, request.name));
        return written;
      },
    });
    job.deadline = clock.after(options.deadlineMs, () => this.late(job), { daemon: true });
    return job;
  }

  private late(job: Job): void {
    if (job.decided === undefined) this.fail(job, outcomeUnknown());
    else this.decideAlone(job);
  }

  submit(task: HostTask): void {
    if (!this.leading) return task.failed(new TransientError("this member is not the leader"));
    this.sequence += 1;
    this.accept(jobOfTask(task, this.sequence, written));
  }

  /** A command arrives at the mailbox; the fault seam of messages. */
  private accept(job: Job): void {
    if (this.stopped) return this.fail(job, shuttingDown());
    if (job.origin === undefined) this.open.set(job.sequence, job);
    const action = this.faultAt("mailbox", job.object ?? job.cause.actor);
    switch (action.kind) {
      case "drop":
      case "hang":
        return;
      case "delay":
        this.options.env.clock.after(action.ms, () => this.enqueue(job));
        return;
      case "reorder":
        if (!this.isAway(job)) this.mailbox.pushFirst([job]);
        return this.wake();
      case "duplicate":
        this.enqueue(job);
        return this.enqueue(job);
      case "none":
      case "crash":
      case "poison":
      case "error":
        this.enqueue(job);
    }
  }

  private enqueue(job: Job): void {
    if (job.state === "settled" || this.isAway(job)) return;
    if (!this.mailbox.push(job)) return this.fail(job, mailboxFull());
    this.wake();
  }

  /** Another member leads, or none that is known: the command goes there. */
  private isAway(job: Job): boolean {
    if (this.leading || this.outbound === undefined) return false;
    if (job.state !== "away") this.outbound.offer(job);
    return true;
  }

  // ---- other members ----

  called(from: number, message: CallMessage): void {
    if (this.stopped) return;
    if (message.type === "answer") return this.outbound?.answered(message);
    this.guests?.take(from, message, {
      term: this.leading ? this.term : undefined,
      applied: () => this.applied,
      accept: (request, options, rest) => {
        const job = this.requestJob(request, options, rest);
        this.accept(job);
        return job;
      },
    });
  }

  linked(peer: number): void {
    this.outbound?.pump(peer);
  }

  private onAnswer(job: Job, index: LogIndex, reply: WriteReply | StatusError): void {
    if (reply instanceof StatusError) {
      return job.decided === undefined ? this.fail(job, reply) : this.decideAlone(job);
    }
    job.decided = () => reply;
    this.answers.whenApplied(index, () => this.succeed(job, reply));
  }

  /** What is applied here says what the command came to. */
  private decideAlone(job: Job): void {
    if (job.decided !== undefined) this.succeed(job, job.decided());
  }

  /** The store is what counts: a snapshot from the leader moves it without an entry. */
  private get applied(): LogIndex {
    return this.options.store.applied;
  }

  // ---- turns ----

  private wake(): void {
    if (!this.leading || this.paused || this.inTurn) return;
    if (this.turn !== undefined || this.mailbox.size === 0) return;
    if (this.load() >= 100) return;
    this.turn = this.options.env.clock.after(0, () => {
      this.turn = undefined;
      this.runTurn();
    });
  }

  /** How full the pipe to the log is, in percent. */
  private load(): number {
    const entries = this.inFlight.length / inFlightEntriesMax;
    return Math.max(entries, this.inFlightBytes / inFlightBytesMax) * 100;
  }

  private runTurn(): void {
    const { clock } = this.options.env;
    const start = clock.mono();
    this.inTurn = true;
    try {
      for (let count = 0; count < turnCommandsMax && this.leading && !this.paused; count += 1) {
        const load = this.load();
        if (load >= 100) break;
        const job = this.mailbox.take({ controllers: load < controllersPausePercent });
        if (job === undefined) break;
        // A duplicate of a command that is in flight or answered is the same command.
        if (job.state === "queued") this.run(job);
        if (clock.mono() - start >= turnMsMax) break;
      }
    } finally {
      this.inTurn = false;
    }
    this.answers.confirm();
    if (this.mailbox.waiting("controller") < this.mailbox.size || this.load() < controllersPausePercent) this.wake();
  }

  /** Evaluates one command at the tip, and stages what it decided. */
  private run(job: Job): void {
    const { store, env } = this.options;
    if (job.origin !== undefined && this.guests?.isOver(job.origin) === true) return this.settle(job);
    job.state = "reading";
    this.watchdog.enter(job.cause);
    const known = job.request && this.results.get(this.originOf(job));
    if (known !== undefined) return this.read(job, this.results.replyOf(known, store.tip));
    const transaction = this.begin();
    const system: SystemWrite[] = [];
    let reply: WriteReply;
    let reaction: Reaction;
    const began = env.clock.mono();
    try {
      if (this.faultAt("mailbox", `${job.cause.actor}#evaluate`).kind === "poison") throw new Error("poisoned");
      reply = job.evaluate(transaction, system);
      if (job.request?.dryRun === true) transaction.reset();
      reaction = reactWithNotes({ reactions: this.reactions, notes: this.notes }, transaction, job.cause);
      system.push(...reaction.system);
      const tookMs = env.clock.mono() - began;
      // A plan's turn is its controller's, which counts it by itself.
      if (job.class !== "controller" && tookMs > 0) {
        this.turns.of({ transaction, kinds: this.options.kinds, log: env.log }, job.cause, tookMs);
      }
    } catch (error) {
      if (!(error instanceof StatusError)) {
        env.log("error", "evaluation-failed", {
          actor: job.cause.actor,
          event: job.cause.event,
          error: messageOf(error),
        });
        if (job.request === undefined) return this.fail(job, toError(error));
        return this.read(job, internalError(messageOf(error)));
      }
      return this.read(job, error);
    }
    if (transaction.writes.length === 0 && system.length === 0) return this.read(job, reply);
    this.propose(job, reply, { transaction, system, messages: reaction.messages });
    this.tasks.retryLater(reaction.retries);
  }

  private begin(): OpenTransaction {
    const { store, kinds, codec } = this.options;
    return createTransaction({
      base: store.tip,
      kinds,
      codec,
      now: this.clock.now(),
      random: this.random,
    });
  }

  private propose(
    job: Job,
    reply: WriteReply,
    decided: {
      readonly transaction: OpenTransaction;
      readonly system: readonly SystemWrite[];
      readonly messages: Outcome["messages"];
    },
  ): void {
    const { store, codec, log, onFatal } = this.options;
    const { transaction } = decided;
    const command = this.commandId(job);
    const result = { code: reply.code, revision: reply.revision };
    const kept = job.request === undefined ? [] : this.results.rows(command, job.request, reply);
    const outcome: Outcome = {
      command,
      now: transaction.now,
      cause: job.cause,
      digest: store.tipDigest,
      firstRevision: store.tip.revision + 1,
      writes: [...transaction.writes],
      system: [...decided.system, ...kept],
      messages: decided.messages,
      reply: result,
    };
    const payload = codec.encodeOutcome(outcome);
    if (payload.length > outcomeBytesMax) return this.read(job, tooLarge(payload.length));
    const fault = this.faultAt("append", job.cause.actor);
    if (fault.kind === "crash") return onFatal(new Error("fault injected: crash before append"));
    let index: LogIndex;
    try {
      index = log.propose(payload);
    } catch (error) {
      if (!(error instanceof TransientError)) return onFatal(toError(error));
      return this.notTaken(job, error);
    }
    job.state = "inFlight";
    this.inFlight.push({ index, job, outcome, reply, bytes: payload.length });
    this.inFlightBytes += payload.length;
    try {
      store.stage(outcome);
    } catch (error) {
      return onFatal(toError(error));
    }
    this.timers.staged(outcome.system);
  }

  /** The log took nothing: it leads no more (`role` follows), or too much waits to be committed. */
  private notTaken(job: Job, error: TransientError): void {
    if (job.request === undefined) this.fail(job, error);
    else this.requeue(job);
    if (this.options.log.role !== "leader") return this.stepDown();
    this.paused = true;
    this.options.env.clock.after(error.retryAfterMs, () => {
      this.paused = false;
      this.wake();
    });
  }

  private commandId(job: Job): CommandId {
    const origin = this.originOf(job);
    const resultsUpTo = job.origin === undefined ? this.resultsUpTo() : (this.guests?.acknowledged(job.origin) ?? 0);
    return { ...origin, resultsUpTo: Math.min(resultsUpTo, job.sequence - 1) };
  }

  private originOf(job: Job): CommandOrigin {
    const { member, incarnation } = this.options.identity;
    return job.origin ?? { member, incarnation, sequence: job.sequence };
  }

  /** Nobody here asks again for results up to this one. */
  private resultsUpTo(): number {
    return (this.open.keys().next().value ?? this.sequence + 1) - 1;
  }

  // ---- answers without an entry ----

  /** A refusal, a no-op, a dry run: it read the tip, so it waits until that is committed and confirmed. */
  private read(job: Job, reply: WriteReply | StatusError): void {
    if (job.request === undefined) {
      // Nobody outside learns of it: no need to confirm.
      if (reply instanceof StatusError) this.fail(job, reply);
      else this.succeed(job, reply);
      return;
    }
    const after = this.inFlight.at(-1)?.index ?? this.applied;
    this.answers.push({ job, after, reply });
  }

  private requeue(job: Job): void {
    if (job.state === "settled" || this.stopped) return;
    job.state = "queued";
    this.mailbox.pushFirst([job]);
  }

  readBarrier(): Promise<void> {
    return this.answers.barrier();
  }

  // ---- the log ----

  committed(entries: readonly LogEntry[]): void {
    try {
      for (const entry of entries) this.apply(entry);
    } catch (error) {
      return this.options.onFatal(toError(error));
    }
    this.answers.moved();
    const term = entries.at(-1)?.term ?? 0;
    if (term > this.appliedTerm) {
      this.appliedTerm = term;
      this.outbound?.pump();
    }
    this.wake();
  }

  restored(): void {
    this.answers.moved();
  }

  private apply(entry: LogEntry): void {
    invariant(entry.index > this.applied, "entries are applied once, in order");
    if (entry.kind === "normal") this.applyOutcome(entry);
    else {
      if (entry.kind === "checkpoint" && this.inFlight.length === 0) compareDigest(this.options.store, entry);
      this.options.store.advance(entry.index);
    }
  }

  private applyOutcome(entry: LogEntry): void {
    const { store, codec, identity, onFatal } = this.options;
    if (this.faultAt("commit", "/log").kind === "crash") {
      return onFatal(new Error("fault injected: crash before apply"));
    }
    const first = this.inFlight[0];
    const own = first?.index === entry.index ? first : undefined;
    const outcome = own?.outcome ?? codec.decodeOutcome(entry.payload);
    store.commit(entry.index, outcome);
    this.clock.committed(outcome.now);
    if (own !== undefined) {
      this.inFlight.shift();
      this.inFlightBytes -= own.bytes;
    }
    if (this.faultAt("apply", "/log").kind === "crash") {
      return onFatal(new Error("fault injected: crash after apply"));
    }
    if (own !== undefined) return this.succeed(own.job, own.reply);
    const { command } = outcome;
    if (command.member !== identity.member || command.incarnation !== identity.incarnation) return;
    // Proposed in an earlier term, committed by a later leader.
    const job = this.open.get(command.sequence);
    if (job?.request === undefined) return;
    const { request } = job;
    const decided = (): WriteReply => this.results.replyFor(request, outcome, store.committed);
    if (job.state !== "away") return this.succeed(job, decided());
    // The leader's own answer says more, and is on its way if the leader lives.
    job.decided ??= decided;
    this.options.env.clock.after(forwardAnswerMs, () => this.decideAlone(job), { daemon: true });
  }

  role(role: ReplicatedLog["role"], term: Term): void {
    if (role !== "leader") {
      this.term = term;
      return this.stepDown();
    }
    if (this.leading && this.term === term) return;
    this.stepDown();
    this.lead(term);
  }

  private lead(term: Term): void {
    const { env } = this.options;
    this.term = term;
    this.leading = true;
    const jumpMs = this.clock.lead();
    if (jumpMs > 5_000) env.log("warn", "cluster-clock-jumped", { ms: Math.floor(jumpMs) });
    this.results.start();
    if (!this.supervised) {
      this.timers.start();
      this.tasks.start();
    }
    // What was in flight in the last term and did not come back is evaluated again, same ids.
    const lost = [...this.open.values()].filter(({ state }) => state !== "queued");
    for (const job of lost) job.state = "queued";
    this.mailbox.pushFirst(lost);
    for (const part of this.parts) part.start(term);
    this.wake();
  }

  /** The tip is dropped; commands that clients wait for stay open until a term answers them. */
  private stepDown(): void {
    if (!this.leading) return;
    this.leading = false;
    this.turn?.cancel();
    this.turn = undefined;
    this.timers.stop();
    this.tasks.stop();
    for (const part of this.parts.toReversed()) part.stop();
    this.inFlight = [];
    this.inFlightBytes = 0;
    this.answers.drop();
    this.options.store.rollback();
    for (const job of this.guests?.end() ?? []) this.drop(job);
    for (const job of this.open.values()) {
      if (job.request === undefined) {
        this.mailbox.remove(job);
        this.fail(job, new TransientError("the term is over"));
      } else if (this.outbound !== undefined) {
        if (job.state === "queued") this.mailbox.remove(job);
        this.outbound.offer(job);
      }
    }
  }

  /** Its origin hands it in again. */
  private drop(job: Job): void {
    if (job.state === "queued") this.mailbox.remove(job);
    this.settle(job);
  }

  // ---- out ----

  private succeed(job: Job, reply: WriteReply): void {
    if (job.state === "settled") return;
    this.settle(job);
    job.done(reply);
  }

  private fail(job: Job, error: Error): void {
    if (job.state === "settled") return;
    if (job.state === "queued") this.mailbox.remove(job);
    this.settle(job);
    job.failed(error);
  }

  private settle(job: Job): void {
    job.state = "settled";
    job.deadline?.cancel();
    if (job.origin === undefined) this.open.delete(job.sequence);
    else this.guests?.forget(job.origin);
  }

  leaderChildren(): readonly ChildSpec[] {
    this.supervised = true;
    return hostChildren({
      clock: this.options.env.clock,
      timers: this.timers,
      tasks: this.tasks,
      waiting: () => this.mailbox.size,
      watchTimers: (failed) => (this.timersFailed = failed),
    });
  }

  addLeaderPart(part: LeaderPart): void {
    if (this.parts.includes(part)) return;
    this.parts.push(part);
    if (this.leading) part.start(this.term);
  }

  stop(): void {
    this.stopped = true;
    this.stepDown();
    this.outbound?.stop();
    for (const job of this.open.values()) this.fail(job, shuttingDown());
  }

  onReleased(run: (path: string) => void): void {
    this.releases.onReleased(run);
  }

  async release(name: string): Promise<void> {
    const user = { name: "system:master", groups: ["system:masters"] };
    const request = { verb: "create", kind: actorKind.id, namespace: "", name, subresource: "release", user } as const;
    await this.write(request, { class: "system", deadlineMs: releaseDeadlineMs });
  }

  private faultAt(seam: Seam, path: string): FaultAction {
    return this.options.env.faults.at({ seam, path });
  }
}

export function createHost(options: HostOptions): ActorHost {
  return new Host(options);
}
