import type { Rng } from "../../env/env.ts";
import { internalError } from "../../kinds/status-errors.ts";
import type { SystemWrite } from "../../store/outcome.ts";
import { asError, messageOf, StatusError } from "../../util/errors.ts";
import type { Millis } from "../../util/time.ts";
import type { HostOptions } from "./actor-host.ts";
import type { ClusterClock } from "./cluster-clock.ts";
import type { WriteReply } from "./command.ts";
import type { Job } from "./job.ts";
import { reactWithNotes, type NoteWriter } from "./notes.ts";
import type { Reaction, Reactions } from "./reactions.ts";
import { createTransaction, type OpenTransaction } from "./transaction.ts";
import type { Turns } from "./turns.ts";

/** What one command came to at the tip. Nothing is kept until the host has staged it. */
export type Evaluated =
  /** Nothing to write: a refusal, a no-op, a dry run. */
  | { readonly kind: "answer"; readonly reply: WriteReply | StatusError }
  /** A bug in the master's own work. */
  | { readonly kind: "fault"; readonly error: Error }
  | Decided;

export interface Decided {
  readonly kind: "decided";
  readonly reply: WriteReply;
  readonly transaction: OpenTransaction;
  readonly system: readonly SystemWrite[];
  readonly messages: Reaction["messages"];
  readonly retries: Reaction["retries"];
}

export type Evaluate = (job: Job) => Evaluated;

export interface EvaluationOptions {
  readonly options: Pick<HostOptions, "env" | "store" | "kinds" | "codec">;
  readonly clock: ClusterClock;
  readonly random: Rng;
  readonly reactions: Reactions;
  readonly turns: Turns;
  readonly notes: NoteWriter;
}

/** Synchronous: the command's own writes, then what the machines of the written objects do about them. */
export function createEvaluation({ options, clock, random, reactions, turns, notes }: EvaluationOptions): Evaluate {
  const { env, store, kinds, codec } = options;

  const timed = ({ class: of, cause }: Job, transaction: OpenTransaction, tookMs: Millis): void => {
    // A plan's turn is its controller's, which counts it by itself.
    if (of !== "controller" && tookMs > 0) turns.of({ transaction, kinds, log: env.log }, cause, tookMs);
  };

  const attempt = (job: Job): Evaluated => {
    const transaction = createTransaction({ base: store.tip, kinds, codec, now: clock.now(), random });
    const own: SystemWrite[] = [];
    const began = env.clock.mono();
    const fault = env.faults.at({ seam: "mailbox", path: `${job.cause.actor}#evaluate` });
    if (fault.kind === "poison") throw new Error("poisoned");
    const reply = job.evaluate(transaction, own);
    if (job.request?.dryRun === true) transaction.reset();
    const { system: reacted, messages, retries } = reactWithNotes({ reactions, notes }, transaction, job.cause);
    const system = own.length === 0 ? reacted : [...own, ...reacted];
    timed(job, transaction, env.clock.mono() - began);
    if (transaction.writes.length === 0 && system.length === 0) return { kind: "answer", reply };
    return { kind: "decided", reply, transaction, system, messages, retries };
  };

  return (job) => {
    try {
      return attempt(job);
    } catch (error) {
      if (error instanceof StatusError) return { kind: "answer", reply: error };
      const { actor, event } = job.cause;
      env.log("error", "evaluation-failed", { actor, event, error: messageOf(error) });
      if (job.request !== undefined) return { kind: "answer", reply: internalError(messageOf(error)) };
      return { kind: "fault", error: asError(error) };
    }
  };
}
