import type { Timer } from "../../env/env.ts";
import type { Cause, Outcome, SystemWrite } from "../../store/outcome.ts";
import type { LogIndex } from "../../store/revision.ts";
import type { StatusError } from "../../util/errors.ts";
import type { WriteReply, WriteRequest } from "./command.ts";
import type { Mail } from "./mailbox.ts";
import type { OpenTransaction } from "./transaction.ts";

/** A command on its way through the host: waiting, in flight to the log, or waiting for its read index. */
export type JobState = "queued" | "inFlight" | "reading" | "settled";

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
