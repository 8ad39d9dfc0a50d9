import type { Timer } from "../../env/env.ts";
import type { FaultAction, Seam } from "../../env/faults.ts";
import { noWatchdog, type Watchdog } from "../../env/watchdog.ts";
import { actors as actorKind } from "../../kinds/actor.ts";
import type { LogEntry, ReplicatedLog } from "../../raft/log-api.ts";
import type { CommandMessage } from "../../raft/transport-api.ts";
import type { Outcome, SystemWrite } from "../../store/outcome.ts";
import type { LogIndex, Term } from "../../store/revision.ts";
import { asError, invariant, TransientError, type StatusError } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { ActorDirectory } from "./actor.ts";
import type { ActorHost, HostOptions, HostTask, LeaderPart } from "./actor-host.ts";
import { Answers } from "./answers.ts";
import type { Breaker } from "./breaker.ts";
import { compareDigest } from "./checkpoint.ts";
import type { WriteReply, WriteRequest } from "./command.ts";
import type { DeadLetters } from "./dead-letters.ts";
import type { OpenDirectory } from "./directory.ts";
import type { Decided } from "./evaluation.ts";
import type { WriteOptions } from "./host-api.ts";
import { hostChildren } from "./host-children.ts";
import { createHostParts, type HostParts } from "./host-parts.ts";
import type { Job } from "./job.ts";
import { Jobs } from "./jobs.ts";
import {
  clockJumpWarnMs,
  leaderPartsDelayMs,
  leaderPartsLatestMs,
  leaderPartsLookMs,
  outcomeBytesMax,
  releaseDeadlineMs,
} from "./limits.ts";
import type { Parking } from "./parking.ts";
import { Pipe } from "./pipe.ts";
import type { Quarantine } from "./quarantine.ts";
import type { Reactions } from "./reactions.ts";
import { isRelease } from "./releases.ts";
import { outcomeUnknown, shuttingDown, tooLarge } from "./replies.ts";
import type { ChildSpec } from "./supervisor.ts";
import { TurnLoop } from "./turn-loop.ts";
import type { Turns } from "./turns.ts";

const noRows: readonly SystemWrite[] = [];
const released: WriteReply = { code: 200, revision: 0, warnings: [] };

/**
 * The life of a write. On the leader one command at a time (`jobs.ts`) is evaluated over the tip
 * (`evaluation.ts`); its outcome is staged and handed to the log in the same turn; once the entry is
 * committed it is applied and the command is answered. An answer without an entry (`answers.ts`) leaves
 * only after what it read is committed and this member is known to have been the leader then.
 * Followers apply, and evaluate nothing.
 *
 * Invariants: the tip is the committed state plus the outcomes in the pipe, in order; a command id has at most one
 * outcome; nothing is evaluated outside a term.
 */
class Host implements ActorHost {
  readonly directory: OpenDirectory;
  readonly actors: ActorDirectory;
  readonly quarantine: Quarantine;
  readonly parking: Parking;
  readonly turns: Turns;
  readonly deadLetters: DeadLetters;
  readonly breaker: Breaker;
  readonly reactions: Reactions;
  readonly watchdog: Watchdog;
  private readonly options: HostOptions;
  private readonly parts: HostParts;
  private readonly jobs: Jobs;
  private readonly answers: Answers;
  private readonly leaderParts: LeaderPart[] = [];
  /** Of this term: `due` while commands that waited go first. */
  private partsState: "off" | "due" | "on" = "off";
  private partsTimer: Timer | undefined;
  /** An outcome of this term is committed. */
  private hasDecided = false;
  private readonly pipe: Pipe = new Pipe();
  private readonly turnLoop: TurnLoop;
  private leading = false;
  private term: Term = 0;
  /** Of the newest entry. */
  private appliedTerm: Term = 0;
  /** A supervision tree starts timers and reactions; without one the host does. */
  private supervised = false;
  private timersFailed: (error: Error) => void = (error) => this.options.onFatal(error);

  constructor(options: HostOptions) {
    const { env } = options;
    const term = (): Term | undefined => (this.leading ? this.term : undefined);
    const wake = (): void => this.turnLoop.wake();
    this.options = options;
    this.watchdog = options.watchdog ?? noWatchdog;
    this.parts = createHostParts(options, {
      submit: (task) => this.submit(task),
      term,
      timersFailed: (error) => this.timersFailed(error),
    });
    this.jobs = new Jobs({
      host: options,
      mailbox: this.parts.mailbox,
      leads: term,
      applied: () => this.applied,
      whenApplied: (index, run) => this.answers.whenApplied(index, run),
      evaluate: (request) => this.evaluationOf(request),
      wake,
    });
    this.answers = new Answers({
      clock: env.clock,
      log: options.log,
      report: env.log,
      applied: () => this.applied,
      leads: term,
      settle: (job, reply) => this.jobs.answer(job, reply),
      again: (jobs) => {
        for (const job of jobs) this.jobs.requeue(job);
        wake();
      },
      isStopped: () => this.jobs.isStopped,
      stopError: shuttingDown,
      lateError: outcomeUnknown,
    });
    this.turnLoop = new TurnLoop({
      clock: env.clock,
      mailbox: this.parts.mailbox,
      pipe: this.pipe,
      isLeading: () => this.leading,
      run: (job) => this.run(job),
      ended: () => this.answers.confirm(),
    });
    const { directory, actors, quarantine, parking, turns, deadLetters, breaker, reactions } = this.parts;
    this.directory = directory;
    this.actors = actors;
    this.quarantine = quarantine;
    this.parking = parking;
    this.turns = turns;
    this.deadLetters = deadLetters;
    this.breaker = breaker;
    this.reactions = reactions;
  }

  get isLeader(): boolean {
    return this.leading;
  }

  now(): Millis {
    return this.parts.clock.now();
  }

  // ---- in ----

  write(request: WriteRequest, options: WriteOptions): Promise<WriteReply> {
    return this.jobs.write(request, options);
  }

  submit(task: HostTask): void {
    if (this.leading) this.jobs.submit(task);
    else task.failed(new TransientError("this member is not the leader"));
  }

  called(from: number, message: CommandMessage): void {
    this.jobs.called(from, message);
  }

  linked(peer: number): void {
    this.jobs.pump(peer);
  }

  readBarrier(): Promise<void> {
    return this.answers.barrier();
  }

  private evaluationOf(request: WriteRequest): Job["evaluate"] {
    return (transaction, system) => {
      if (!isRelease(request)) return this.options.decide(transaction, request);
      system.push(...this.parts.releases.release(transaction, request.name));
      return released;
    };
  }

  /** The store is what counts: a snapshot from the leader moves it without an entry. */
  private get applied(): LogIndex {
    return this.options.store.applied;
  }

  // ---- turns ----

  /** Evaluates one command at the tip, and stages what it decided. */
  private run(job: Job): void {
    const { results, evaluate, tasks } = this.parts;
    if (this.jobs.isOver(job)) return;
    job.state = "reading";
    this.watchdog.enter(job.cause);
    const known = job.request && results.get(this.jobs.originOf(job));
    if (known !== undefined) return this.answer(job, results.replyOf(known));
    const evaluated = evaluate(job);
    switch (evaluated.kind) {
      case "fault":
        return this.jobs.fail(job, evaluated.error);
      case "answer":
        return this.answer(job, evaluated.reply);
      case "decided":
        this.propose(job, evaluated);
        tasks.retryLater(evaluated.retries);
    }
  }

  /** A refusal, a no-op, a dry run: it read the tip, so it waits until that is committed and confirmed. */
  private answer(job: Job, reply: WriteReply | StatusError): void {
    // Nobody outside learns of the master's own work: no need to confirm.
    if (job.request === undefined) this.jobs.answer(job, reply);
    else this.answers.push({ job, after: this.pipe.last ?? this.applied, reply });
  }

  private propose(job: Job, decided: Decided): void {
    const { codec, log, onFatal } = this.options;
    const { reply } = decided;
    const outcome = this.outcomeOf(job, decided);
    const payload = codec.encodeOutcome(outcome);
    if (payload.length > outcomeBytesMax) return this.answer(job, tooLarge(payload.length));
    const fault = this.faultAt("append", job.cause.actor);
    if (fault.kind === "crash") return onFatal(new Error("fault injected: crash before append"));
    let index: LogIndex;
    try {
      index = log.propose(payload);
    } catch (error) {
      if (!(error instanceof TransientError)) return onFatal(asError(error));
      return this.notTaken(job, error);
    }
    job.state = "inFlight";
    // To another member the reply goes as JSON, in which bytes have no place.
    const answer = job.origin === undefined ? this.printed(reply, outcome) : reply;
    this.pipe.push({ index, job, outcome, reply: answer, bytes: payload.length });
    try {
      this.options.store.stage(outcome);
    } catch (error) {
      return onFatal(asError(error));
    }
    this.parts.timers.staged(outcome.system);
  }

  /** The reply with the bytes of its object, if it is one that was stored. Such a one has neither Status nor parts. */
  private printed(reply: WriteReply, { writes }: Outcome): WriteReply {
    const { code, revision, object, warnings } = reply;
    if (object === undefined) return reply;
    const write = writes.find((each) => each.op === "put" && each.object === object);
    const body = write?.op === "put" ? this.options.codec.plainBody?.(write.row) : undefined;
    return body === undefined ? reply : { code, revision, object, warnings, body };
  }

  private outcomeOf(job: Job, { transaction, system, messages, reply }: Decided): Outcome {
    const { store } = this.options;
    const command = this.jobs.commandId(job);
    const kept = job.request === undefined ? noRows : this.parts.results.rows(command, job.request, reply);
    return {
      command,
      now: transaction.now,
      cause: job.cause,
      digest: store.tipDigest,
      firstRevision: store.tip.revision + 1,
      writes: transaction.writes,
      system: system.length === 0 ? kept : [...system, ...kept],
      messages,
      reply: { code: reply.code, revision: reply.revision },
    };
  }

  /** The log took nothing: it leads no more (`role` follows), or too much waits to be committed. */
  private notTaken(job: Job, error: TransientError): void {
    if (job.request === undefined) this.jobs.fail(job, error);
    else this.jobs.requeue(job);
    if (this.options.log.role !== "leader") return this.stepDown();
    this.turnLoop.pause(error.retryAfterMs);
  }

  // ---- the log ----

  committed(entries: readonly LogEntry[]): void {
    try {
      for (const entry of entries) this.apply(entry);
    } catch (error) {
      return this.options.onFatal(asError(error));
    }
    this.answers.moved();
    const term = entries.at(-1)?.term ?? 0;
    if (term > this.appliedTerm) {
      this.appliedTerm = term;
      this.jobs.pump();
    }
    this.turnLoop.wake();
  }

  restored(): void {
    this.parts.clock.committed(this.options.store.decidedMs);
    this.answers.moved();
  }

  private apply(entry: LogEntry): void {
    invariant(entry.index > this.applied, "entries are applied once, in order");
    if (entry.kind === "normal") this.applyOutcome(entry);
    else {
      if (entry.kind === "checkpoint" && this.pipe.isEmpty) compareDigest(this.options.store, entry);
      this.options.store.advance(entry.index);
    }
  }

  private applyOutcome(entry: LogEntry): void {
    const { store, codec, onFatal } = this.options;
    if (this.faultAt("commit", "/log").kind === "crash") {
      return onFatal(new Error("fault injected: crash before apply"));
    }
    const own = this.pipe.at(entry.index);
    const outcome = own?.outcome ?? codec.decodeOutcome(entry.payload);
    store.commit(entry.index, outcome);
    this.parts.clock.committed(outcome.now);
    if (own !== undefined) {
      this.pipe.shift();
      this.hasDecided = true;
    }
    if (this.faultAt("apply", "/log").kind === "crash") {
      return onFatal(new Error("fault injected: crash after apply"));
    }
    if (own !== undefined) return this.jobs.succeed(own.job, own.reply);
    this.jobs.applied(outcome, (request) => this.parts.results.replyFor(request, outcome));
  }

  // ---- terms ----

  role(role: ReplicatedLog["role"], term: Term): void {
    if (role !== "leader") {
      this.term = term;
      this.stepDown();
      // Whom it follows may be known now: what waits goes there at once.
      return this.jobs.pump();
    }
    if (this.leading && this.term === term) return;
    this.stepDown();
    this.lead(term);
  }

  private lead(term: Term): void {
    const { env } = this.options;
    const { clock, results, timers, tasks } = this.parts;
    this.term = term;
    this.leading = true;
    this.hasDecided = false;
    const jumpMs = clock.lead();
    if (jumpMs > clockJumpWarnMs) env.log("warn", "cluster-clock-jumped", { ms: Math.floor(jumpMs) });
    results.start();
    // Steps need to know them at once; they fire when their child is started.
    timers.start();
    if (this.supervised) timers.pause();
    else tasks.start();
    this.jobs.takeBack();
    this.turnLoop.wake();
    this.startParts();
  }

  /** Controllers take a while to look around: where clients wait since the last leader, these go first. */
  private startParts(): void {
    const { env, forward } = this.options;
    const start = (): void => {
      this.partsState = "on";
      for (const part of this.leaderParts) part.start(this.term);
      this.turnLoop.wake();
    };
    if (forward === undefined) return start();
    this.partsState = "due";
    const { clock } = env;
    const latestMs = clock.mono() + leaderPartsLatestMs;
    const look = (): void => {
      const isWaiting = !this.hasDecided && (!this.pipe.isEmpty || this.parts.mailbox.size > 0);
      if (isWaiting && clock.mono() < latestMs) this.partsTimer = clock.after(leaderPartsLookMs, look);
      else start();
    };
    this.partsTimer = clock.after(leaderPartsDelayMs, look);
  }

  private stopParts(): void {
    this.partsTimer?.cancel();
    const wereOn = this.partsState === "on";
    this.partsState = "off";
    if (wereOn) for (const part of this.leaderParts.toReversed()) part.stop();
  }

  /** The tip is dropped; commands that clients wait for stay open until a term answers them. */
  private stepDown(): void {
    if (!this.leading) return;
    this.leading = false;
    this.turnLoop.stop();
    this.parts.timers.stop();
    this.parts.tasks.stop();
    this.stopParts();
    this.pipe.clear();
    this.answers.drop();
    this.options.store.rollback();
    this.jobs.termOver();
  }

  leaderChildren(): readonly ChildSpec[] {
    this.supervised = true;
    const { timers, tasks, mailbox } = this.parts;
    return hostChildren({
      clock: this.options.env.clock,
      timers,
      tasks,
      waiting: () => mailbox.size,
      watchTimers: (failed) => (this.timersFailed = failed),
    });
  }

  addLeaderPart(part: LeaderPart): void {
    if (this.leaderParts.includes(part)) return;
    this.leaderParts.push(part);
    if (this.partsState === "on") part.start(this.term);
  }

  stop(): void {
    this.jobs.stop();
    this.stepDown();
    this.jobs.end();
  }

  onReleased(run: (path: string) => void): void {
    this.parts.releases.onReleased(run);
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
