import type { CommandMessage } from "../../raft/transport-api.ts";
import type { CommandId, Outcome } from "../../store/outcome.ts";
import type { LogIndex, Term } from "../../store/revision.ts";
import { StatusError, TransientError } from "../../util/errors.ts";
import type { HostOptions, HostTask } from "./actor-host.ts";
import type { WriteReply, WriteRequest } from "./command.ts";
import { Guests, Outbound, type GuestHost } from "./forwarding.ts";
import type { WriteOptions } from "./host-api.ts";
import { jobOfRequest, jobOfTask, type CommandOrigin, type Job } from "./job.ts";
import { forwardAnswerMs } from "./limits.ts";
import type { Mailbox } from "./mailbox.ts";
import { mailboxFull, outcomeUnknown, shuttingDown } from "./replies.ts";

const written: WriteReply = { code: 200, revision: 0, warnings: [] };

export interface JobsOptions {
  readonly host: Pick<HostOptions, "env" | "log" | "identity" | "forward" | "authorizeAgain">;
  readonly mailbox: Mailbox<Job>;
  /** The term that this member leads in, if it does. */
  readonly leads: () => Term | undefined;
  readonly applied: () => LogIndex;
  readonly whenApplied: (index: LogIndex, run: () => void) => void;
  readonly evaluate: (request: WriteRequest) => Job["evaluate"];
  /** Something waits in the mailbox. */
  readonly wake: () => void;
}

/**
 * Commands from their arrival until they are answered: those of this member's clients, its own work,
 * and, while it leads, those of other members. Each is answered once. One whose client waits keeps its
 * id over terms and leaders, so that it happens at most once.
 */
export class Jobs {
  readonly #options: JobsOptions;
  /** Own commands without an answer, in order of their sequence. */
  readonly #open = new Map<number, Job>();
  /** Own commands that a leader elsewhere evaluates; undefined where there is no other member. */
  readonly #outbound: Outbound | undefined;
  /** Commands of other members, while this one leads. */
  readonly #guests: Guests | undefined;
  #sequence = 0;
  #stopped = false;

  constructor(options: JobsOptions) {
    this.#options = options;
    const { env, log, identity, forward } = options.host;
    if (forward === undefined) return;
    this.#guests = new Guests(forward);
    this.#outbound = new Outbound({
      clock: env.clock,
      log,
      identity,
      port: forward,
      open: () => this.#open.values(),
      resultsUpTo: () => this.#resultsUpTo(),
      find: (sequence) => this.#open.get(sequence),
      answered: (job, index, reply) => this.#onAnswer(job, index, reply),
      abandoned: (job) => this.#decideAlone(job),
    });
  }

  get isStopped(): boolean {
    return this.#stopped;
  }

  // ---- in ----

  write(request: WriteRequest, options: WriteOptions): Promise<WriteReply> {
    return new Promise((done, failed) => {
      this.#sequence += 1;
      this.#accept(this.#jobOf(request, options, { sequence: this.#sequence, done, failed, origin: undefined }));
    });
  }

  submit(task: HostTask): void {
    this.#sequence += 1;
    this.#accept(jobOfTask(task, this.#sequence, written));
  }

  #jobOf(
    request: WriteRequest,
    options: WriteOptions,
    rest: Pick<Job, "sequence" | "done" | "failed" | "origin">,
  ): Job {
    const { clock } = this.#options.host.env;
    const evaluate = this.#evaluateOf(request, options, rest.origin !== undefined);
    const { sequence, done, failed, origin } = rest;
    const job = jobOfRequest(request, options, { sequence, done, failed, origin, now: clock.mono(), evaluate });
    job.deadline = clock.after(options.deadlineMs, () => this.#late(job), { daemon: true });
    return job;
  }

  /** Another member has authorised it by its own state, which may be behind: it is done again here. */
  #evaluateOf(request: WriteRequest, { asked = [] }: WriteOptions, isGuest: boolean): Job["evaluate"] {
    const evaluate = this.#options.evaluate(request);
    const { authorizeAgain } = this.#options.host;
    if (!isGuest || authorizeAgain === undefined) return evaluate;
    return (transaction, system) => {
      authorizeAgain(request.user, asked);
      return evaluate(transaction, system);
    };
  }

  #late(job: Job): void {
    if (job.decided === undefined) this.fail(job, outcomeUnknown());
    else this.#decideAlone(job);
  }

  /** A command arrives at the mailbox; the fault seam of messages. */
  #accept(job: Job): void {
    if (this.#stopped) return this.fail(job, shuttingDown());
    if (job.origin === undefined) this.#open.set(job.sequence, job);
    const { mailbox, wake, host } = this.#options;
    const action = host.env.faults.at({
      seam: "mailbox",
      path: job.object ?? job.cause.actor,
      event: job.cause.event,
      sender: job.cause.actor,
    });
    switch (action.kind) {
      case "drop":
      case "hang":
        return;
      case "delay":
        host.env.clock.after(action.ms, () => this.#enqueue(job));
        return;
      case "reorder":
        if (!this.#isAway(job)) mailbox.pushFirst([job]);
        return wake();
      case "hold":
        return action.until(() => this.#enqueue(job));
      case "duplicate":
        this.#enqueue(job);
        return this.#enqueue(job);
      case "none":
      case "crash":
      case "poison":
      case "error":
        this.#enqueue(job);
    }
  }

  #enqueue(job: Job): void {
    if (job.state === "settled" || this.#isAway(job)) return;
    if (!this.#options.mailbox.push(job)) return this.fail(job, mailboxFull());
    this.#options.wake();
  }

  /** To be evaluated again, before all others. */
  requeue(job: Job): void {
    if (job.state === "settled" || this.#stopped) return;
    job.state = "queued";
    this.#options.mailbox.pushFirst([job]);
  }

  // ---- other members ----

  /** Another member leads, or none that is known: the command goes there. */
  #isAway(job: Job): boolean {
    if (this.#options.leads() !== undefined || this.#outbound === undefined) return false;
    if (job.state !== "away") this.#outbound.offer(job);
    return true;
  }

  called(from: number, message: CommandMessage): void {
    if (this.#stopped) return;
    if (message.type === "answer") return this.#outbound?.answered(message);
    this.#guests?.take(from, message, this.#guestHost());
  }

  #guestHost(): GuestHost {
    const { host, leads, applied } = this.#options;
    const { leader, term } = host.log;
    return {
      term: leads(),
      nextTerm: leader === host.identity.member ? term : undefined,
      applied,
      accept: (request, options, rest) => {
        const job = this.#jobOf(request, options, rest);
        this.#accept(job);
        return job;
      },
    };
  }

  /** The leader may be another one; `peer`: that member is linked anew. */
  pump(peer?: number): void {
    this.#outbound?.pump(peer);
  }

  #onAnswer(job: Job, index: LogIndex, reply: WriteReply | StatusError): void {
    if (reply instanceof StatusError) {
      return job.decided === undefined ? this.fail(job, reply) : this.#decideAlone(job);
    }
    job.decided = () => reply;
    this.#options.whenApplied(index, () => this.succeed(job, reply));
  }

  /** What is applied here says what the command came to. */
  #decideAlone(job: Job): void {
    if (job.decided !== undefined) this.succeed(job, job.decided());
  }

  // ---- ids ----

  originOf(job: Job): CommandOrigin {
    const { member, incarnation } = this.#options.host.identity;
    return job.origin ?? { member, incarnation, sequence: job.sequence };
  }

  commandId(job: Job): CommandId {
    const upTo = job.origin === undefined ? this.#resultsUpTo() : (this.#guests?.acknowledged(job.origin) ?? 0);
    const { member, incarnation, sequence } = this.originOf(job);
    return { member, incarnation, sequence, resultsUpTo: Math.min(upTo, job.sequence - 1) };
  }

  /** Nobody here asks again for results up to this one. */
  #resultsUpTo(): number {
    return (this.#open.keys().next().value ?? this.#sequence + 1) - 1;
  }

  // ---- terms ----

  /** A term begins: what the last one had taken up and not answered is evaluated again, same ids. */
  takeBack(): void {
    const lost = [...this.#open.values()].filter(({ state }) => state !== "queued");
    for (const job of lost) job.state = "queued";
    this.#options.mailbox.pushFirst(lost);
    this.#guests?.begin(this.#guestHost());
  }

  /** A term ends: the master's own work ends with it; commands that clients wait for stay open. */
  termOver(): void {
    for (const job of this.#guests?.end() ?? []) this.#drop(job);
    for (const job of this.#open.values()) {
      if (job.request === undefined) {
        this.#options.mailbox.remove(job);
        this.fail(job, new TransientError("the term is over"));
      } else if (this.#outbound !== undefined) {
        if (job.state === "queued") this.#options.mailbox.remove(job);
        this.#outbound.offer(job);
      }
    }
  }

  /** Its origin hands it in again. */
  #drop(job: Job): void {
    if (job.state === "queued") this.#options.mailbox.remove(job);
    this.#settle(job);
  }

  // ---- out ----

  /** Whether its origin waits for it no more; it is settled then. */
  isOver(job: Job): boolean {
    if (job.origin === undefined || this.#guests?.isOver(job.origin) !== true) return false;
    this.#settle(job);
    return true;
  }

  /** An outcome that this member did not propose in this term: it may be that of a command of its own. */
  applied({ command }: Outcome, replyTo: (request: WriteRequest) => () => WriteReply): void {
    const { identity, env } = this.#options.host;
    if (command.member !== identity.member || command.incarnation !== identity.incarnation) return;
    const job = this.#open.get(command.sequence);
    if (job?.request === undefined) return;
    const { request } = job;
    if (job.state !== "away") return this.succeed(job, replyTo(request)());
    // The leader's own answer says more, and is on its way if the leader lives.
    job.decided ??= replyTo(request);
    env.clock.after(forwardAnswerMs, () => this.#decideAlone(job), { daemon: true });
  }

  answer(job: Job, reply: WriteReply | StatusError): void {
    if (reply instanceof StatusError) this.fail(job, reply);
    else this.succeed(job, reply);
  }

  succeed(job: Job, reply: WriteReply): void {
    if (job.state === "settled") return;
    this.#settle(job);
    job.done(reply);
  }

  fail(job: Job, error: Error): void {
    if (job.state === "settled") return;
    if (job.state === "queued") this.#options.mailbox.remove(job);
    this.#settle(job);
    job.failed(error);
  }

  #settle(job: Job): void {
    job.state = "settled";
    job.deadline?.cancel();
    if (job.origin === undefined) this.#open.delete(job.sequence);
    else this.#guests?.forget(job.origin);
  }

  /** From here on nothing is taken. */
  stop(): void {
    this.#stopped = true;
  }

  /** The last of them are refused. */
  end(): void {
    this.#outbound?.stop();
    for (const job of this.#open.values()) this.fail(job, shuttingDown());
  }
}
