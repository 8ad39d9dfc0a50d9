import type { Timer } from "../../env/env.ts";
import type { Cause, CommandId, Outcome, SystemWrite } from "../../store/outcome.ts";
import type { LogIndex, Term } from "../../store/revision.ts";
import type { StatusError } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { WriteReply, WriteRequest } from "./command.ts";
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
  readonly evaluate: (transaction: OpenTransaction, system: SystemWrite[]) => WriteReply;
  readonly done: (reply: WriteReply) => void;
  readonly failed: (error: Error) => void;
  state: JobState;
  deadline: Timer | undefined;
  /** On the clock of this process. */
  deadlineAtMs: Millis;
  /** It came from this member; undefined: from a client of our own. */
  readonly origin?: CommandOrigin;
  /** Handed to the leader of this term. */
  sent?: { readonly term: Term; readonly atMs: Millis } | undefined;
  /** Its outcome is applied here; how it is answered if the leader does not. */
  decided?: () => WriteReply;
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
