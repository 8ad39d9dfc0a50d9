import type { Timer } from "../../env/env.ts";
import type { Cause, CommandId, Outcome, SystemWrite } from "../../store/outcome.ts";
import type { LogIndex, Term } from "../../store/revision.ts";
import type { StatusError } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { HostTask } from "./actor-host.ts";
import type { WriteReply, WriteRequest } from "./command.ts";
import type { WriteOptions } from "./host-api.ts";
import type { Mail } from "./mailbox.ts";
import type { OpenTransaction } from "./transaction.ts";

/**
 * A command on its way through the host: waiting, in flight to the log, waiting for its read index, or
 * with a leader elsewhere.
 */
export type JobState = "queued" | "inFlight" | "reading" | "away" | "settled";

/** Whose command it is: together its id. */
export type CommandOrigin = Pick<CommandId, "member" | "incarnation" | "sequence">;

export interface Job extends Mail {
  readonly sequence: number;
  readonly cause: Cause;
  /** A client waits: the command outlives the term, and its result is kept until acknowledged. */
  readonly request: WriteRequest | undefined;
  /** What that was authorised as. */
  readonly asked: WriteOptions["asked"] | undefined;
  readonly evaluate: (transaction: OpenTransaction, system: SystemWrite[]) => WriteReply;
  readonly done: (reply: WriteReply) => void;
  readonly failed: (error: Error) => void;
  state: JobState;
  deadline: Timer | undefined;
  /** On the clock of this process. */
  deadlineAtMs: Millis;
  /** It came from this member; undefined: from a client of our own. */
  readonly origin: CommandOrigin | undefined;
  /** Handed to the leader of this term. */
  sent: { readonly term: Term; readonly atMs: Millis } | undefined;
  /** Its outcome is applied here; how it is answered if the leader does not. */
  decided: (() => WriteReply) | undefined;
}

export interface InFlight {
  readonly index: LogIndex;
  readonly job: Job;
  readonly outcome: Outcome;
  readonly reply: WriteReply;
  readonly bytes: number;
}

export interface PendingRead {
  readonly job: Job;
  readonly after: LogIndex;
  readonly reply: WriteReply | StatusError;
}

/** The job of a client's request; it fails by itself when its deadline passes, once someone has set that up. */
export function jobOfRequest(
  request: WriteRequest,
  options: WriteOptions,
  rest: Pick<Job, "sequence" | "done" | "failed" | "origin" | "evaluate"> & { readonly now: Millis },
): Job {
  const { kind, namespace, name, user, subresource, verb } = request;
  const { now, sequence, done, failed, origin, evaluate } = rest;
  return {
    sequence,
    done,
    failed,
    origin,
    evaluate,
    class: options.class,
    asked: options.asked,
    object: name === "" ? undefined : `${kind}/${namespace}/${name}`,
    cause: {
      origin: options.class === "node" ? "node" : options.class === "user" ? "user" : "system",
      actor: user.name,
      event: subresource === undefined ? verb : `${verb}/${subresource}`,
    },
    request,
    state: "queued",
    deadline: undefined,
    deadlineAtMs: now + options.deadlineMs,
    sent: undefined,
    decided: undefined,
  };
}

/** The job of the master's own work: it ends with the term. */
export function jobOfTask(task: HostTask, sequence: number, reply: WriteReply): Job {
  return {
    sequence,
    class: task.class,
    object: undefined,
    cause: task.cause,
    request: undefined,
    evaluate: (transaction, system) => {
      system.push(...task.evaluate(transaction));
      return reply;
    },
    done: () => task.done?.(),
    failed: task.failed,
    origin: undefined,
    asked: undefined,
    state: "queued",
    deadline: undefined,
    deadlineAtMs: 0,
    sent: undefined,
    decided: undefined,
  };
}
