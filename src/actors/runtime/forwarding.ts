import type { Clock } from "../../env/env.ts";
import type { ReplicatedLog } from "../../raft/log-api.ts";
import type { CallMessage } from "../../raft/transport-api.ts";
import type { LogIndex, Term } from "../../store/revision.ts";
import { textOf, utf8 } from "../../util/bytes.ts";
import { StatusError, type Status } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { CommandClass, WriteReply, WriteRequest } from "./command.ts";
import type { WriteOptions } from "./host-api.ts";
import type { CommandOrigin, Job } from "./job.ts";
import { forwardRetryMs, forwardAgainMs, queuedCommandsMax } from "./limits.ts";

/**
 * Commands of clients that came to a follower. The origin hands a command to the leader of a term,
 * again and again until it is answered; its id (member, incarnation, sequence) stays the same. The
 * leader evaluates it only in the term that the message names, and only what its origin has not
 * acknowledged; a later leader knows every result of earlier terms before it evaluates anything. So
 * a command that is handed in often happens once, whatever message is late, lost or doubled.
 */
export interface ForwardPort {
  /** Best effort. */
  send(to: number, message: CallMessage): void;
}

/** Beside commands the same connections carry streams to containers (`api/link/relay.ts`). */
export type { RelayMessage } from "../../raft/transport-api.ts";

type Command = Extract<CallMessage, { type: "command" }>;
type Answer = Extract<CallMessage, { type: "answer" }>;

/** What a command's body holds, as JSON. */
interface Content {
  readonly class: CommandClass;
  readonly deadlineMs: Millis;
  readonly asked: NonNullable<WriteOptions["asked"]>;
  readonly request: WriteRequest;
}

/** What an answer's body holds: one of them. Neither: not the leader of that term. */
interface AnswerContent {
  readonly reply?: WriteReply;
  readonly status?: Status;
}

export interface OutboundOptions {
  readonly clock: Clock;
  readonly log: ReplicatedLog;
  readonly identity: { readonly member: number; readonly incarnation: number };
  readonly port: ForwardPort;
  /** Own commands without an answer, oldest first. */
  readonly open: () => Iterable<Job>;
  readonly resultsUpTo: () => number;
  readonly find: (sequence: number) => Job | undefined;
  /** The leader has answered; its reply holds from the entry `index` on. */
  readonly answered: (job: Job, index: LogIndex, reply: WriteReply | StatusError) => void;
  /** The leader that decided it will not answer any more. */
  readonly abandoned: (job: Job) => void;
}

/** The origin's end. */
export class Outbound {
  readonly #options: OutboundOptions;
  #timer: { readonly dueMs: Millis; cancel(): void } | undefined;

  constructor(options: OutboundOptions) {
    this.#options = options;
  }

  /** A command waits for whoever leads elsewhere. */
  offer(job: Job): void {
    job.state = "away";
    job.sent = undefined;
    this.#send(job);
  }

  /** The leader may be another one, or is linked anew: everything that waits is handed in. */
  pump(linked?: number): void {
    const { leader, term } = this.#options.log;
    for (const job of this.#options.open()) {
      if (job.state !== "away") continue;
      if (job.decided !== undefined && job.sent?.term !== term) this.#options.abandoned(job);
      else if (job.sent?.term !== term || linked === leader) this.#send(job);
    }
  }

  /** From the leader. */
  answered(message: Answer): void {
    if (message.incarnation !== this.#options.identity.incarnation) return;
    const job = this.#options.find(message.sequence);
    if (job?.state !== "away") return;
    const { reply, status } = JSON.parse(textOf(message.body)) as AnswerContent;
    if (reply !== undefined) return this.#options.answered(job, message.index, reply);
    if (status !== undefined) return this.#options.answered(job, message.index, new StatusError(status));
    if (job.sent?.term === message.term) job.sent = undefined;
    this.#arm(forwardRetryMs);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #send(job: Job): void {
    const { clock, log, identity, port, resultsUpTo } = this.#options;
    const { leader, term } = log;
    if (leader === undefined || leader === identity.member) return this.#arm(forwardRetryMs);
    const now = clock.mono();
    job.sent = { term, atMs: now };
    if (job.request === undefined) return;
    const { request, asked = [] } = job;
    const content: Content = { class: job.class, deadlineMs: job.deadlineAtMs - now, asked, request };
    const { sequence } = job;
    const { incarnation } = identity;
    const body = utf8(JSON.stringify(content));
    port.send(leader, { type: "command", term, incarnation, sequence, resultsUpTo: resultsUpTo(), body });
    this.#arm(forwardAgainMs);
  }

  /** One timer for all: soon while something could not be sent, now and then for what is not answered. */
  #arm(waitMs: Millis): void {
    const { clock } = this.#options;
    // Less than a clock can tell apart would come again and again in the same moment.
    const delayMs = Math.max(1, waitMs);
    const dueMs = clock.mono() + delayMs;
    if (this.#timer !== undefined && this.#timer.dueMs <= dueMs) return;
    this.#timer?.cancel();
    const timer = clock.after(delayMs, () => this.#again(), { daemon: true });
    this.#timer = { dueMs, cancel: () => timer.cancel() };
  }

  #again(): void {
    this.#timer = undefined;
    const { clock, log, open } = this.#options;
    const now = clock.mono();
    for (const job of open()) {
      if (job.state !== "away") continue;
      const { sent } = job;
      if (job.decided !== undefined && sent?.term !== log.term) this.#options.abandoned(job);
      else if (sent?.term !== log.term || now - sent.atMs >= forwardAgainMs) this.#send(job);
      // At least a moment: a rest too small for the clock would come due again and again at one time.
      else this.#arm(Math.max(1, sent.atMs + forwardAgainMs - now));
    }
  }
}

/** What the leader's end needs of the host in the turn in which a command arrives. */
export interface GuestHost {
  /** That this member leads in. */
  readonly term: Term | undefined;
  /** That it has won, and will lead in once its own entry is applied. */
  readonly nextTerm: Term | undefined;
  readonly applied: () => LogIndex;
  readonly accept: (
    request: WriteRequest,
    options: WriteOptions,
    rest: Pick<Job, "sequence" | "origin" | "done" | "failed">,
  ) => Job;
}

/** The leader's end: commands of other members, for one term. */
export class Guests {
  readonly #port: ForwardPort;
  readonly #jobs = new Map<string, Job>();
  /** By member: its life, and up to where it has acknowledged. */
  readonly #origins = new Map<number, { readonly incarnation: number; readonly upTo: number }>();
  /** Came before this member leads in the term that they name. */
  #early: { readonly from: number; readonly message: Command }[] = [];

  constructor(port: ForwardPort) {
    this.#port = port;
  }

  /** A command arrives. What is known is answered when it is decided; what its origin has given up never. */
  take(from: number, message: Command, host: GuestHost): void {
    const { term, incarnation, sequence, resultsUpTo } = message;
    const origin: CommandOrigin = { member: from, incarnation, sequence };
    if (host.term === undefined && host.nextTerm === term && this.#early.length < queuedCommandsMax) {
      this.#early.push({ from, message });
      return;
    }
    if (host.term !== term) return this.#answer(origin, { term, index: 0 }, {});
    const known = this.#origins.get(from);
    if (known !== undefined && known.incarnation > incarnation) return;
    const upTo = known?.incarnation === incarnation ? Math.max(known.upTo, resultsUpTo) : resultsUpTo;
    this.#origins.set(from, { incarnation, upTo });
    const key = keyOf(origin);
    if (sequence <= upTo || this.#jobs.has(key)) return;
    const { request, ...options } = JSON.parse(textOf(message.body)) as Content;
    const answer = (content: AnswerContent): void => {
      this.#jobs.delete(key);
      this.#answer(origin, { term, index: host.applied() }, content);
    };
    const job = host.accept(request, options, {
      sequence,
      origin,
      done: (reply) => answer({ reply }),
      failed: (error) => {
        if (error instanceof StatusError) answer({ status: error.status });
      },
    });
    if (job.state !== "settled") this.#jobs.set(key, job);
  }

  /** The term begins: what came a little too early is taken. */
  begin(host: GuestHost): void {
    const early = this.#early;
    this.#early = [];
    for (const { from, message } of early) this.take(from, message, host);
  }

  forget(origin: CommandOrigin): void {
    this.#jobs.delete(keyOf(origin));
  }

  /** The origin waits for it no more. */
  isOver({ member, incarnation, sequence }: CommandOrigin): boolean {
    const known = this.#origins.get(member);
    if (known === undefined || known.incarnation < incarnation) return false;
    return known.incarnation > incarnation || sequence <= known.upTo;
  }

  acknowledged({ member, incarnation }: CommandOrigin): number {
    const known = this.#origins.get(member);
    return known?.incarnation === incarnation ? known.upTo : 0;
  }

  #answer(origin: CommandOrigin, at: { readonly term: Term; readonly index: LogIndex }, content: AnswerContent): void {
    const { member, incarnation, sequence } = origin;
    const body = utf8(JSON.stringify(content));
    this.#port.send(member, { type: "answer", ...at, incarnation, sequence, body });
  }

  /** The term is over: who waits hands in again. Answers what was left. */
  end(): readonly Job[] {
    const left = [...this.#jobs.values()];
    this.#early = [];
    this.#jobs.clear();
    this.#origins.clear();
    return left;
  }
}

function keyOf({ member, incarnation, sequence }: CommandOrigin): string {
  return `${member}/${incarnation}/${sequence}`;
}
