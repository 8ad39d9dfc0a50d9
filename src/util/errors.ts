import type { JsonObject } from "./json.ts";

/**
 * The four classes of error in Troupe. A new class or code exists only where a caller reacts
 * differently; everything else is text.
 */

/** One field's part of a refusal: `reason` as `FieldValueInvalid`, `message` without the path. */
export interface StatusCause {
  readonly reason: string;
  readonly message: string;
  readonly field?: string;
}

export interface StatusDetails {
  readonly name?: string;
  readonly group?: string;
  /** The resource's plural, but the Kind in a 422 (as Kubernetes does it). */
  readonly kind?: string;
  readonly uid?: string;
  readonly causes?: readonly StatusCause[];
  readonly retryAfterSeconds?: number;
}

/** `meta/v1.Status`: what the API answers when it does not answer an object. */
export interface Status {
  readonly kind: "Status";
  readonly apiVersion: "v1";
  readonly metadata: JsonObject;
  readonly status: "Success" | "Failure";
  readonly message?: string;
  readonly reason?: string;
  readonly details?: StatusDetails;
  readonly code: number;
}

/** The API must answer with a Status of Kubernetes' words; mapped to HTTP and gRPC in one place. */
export class StatusError extends Error {
  readonly status: Status;

  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? "unknown", options);
    this.name = "StatusError";
    this.status = status;
  }
}

/** The parts of a refusal that differ; `reason` is left out of the answer where it is empty. */
export interface Refusal {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
  readonly details?: StatusDetails;
}

/** A refusal in one's own words; those in Kubernetes' words stand in `kinds/status-errors.ts`. */
export function refuse({ code, reason, message, details }: Refusal): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    ...(reason === "" ? {} : { reason }),
    ...(details === undefined ? {} : { details }),
    code,
  });
}

/** A person must act: one sentence, and the command that helps. Printed by the CLI without a stack. */
export class UserError extends Error {
  readonly code: string;
  readonly hint: string | undefined;
  /** Exit code of the CLI, see `docs/reference/exit-codes.md`. */
  readonly exitCode: number;

  constructor(code: string, message: string, options?: ErrorOptions & { hint?: string; exitCode?: number }) {
    super(message, options);
    this.name = "UserError";
    this.code = code;
    this.hint = options?.hint;
    this.exitCode = options?.exitCode ?? 1;
  }
}

/** A retry may help. Only drivers catch it, with bounded retries. */
export class TransientError extends Error {
  readonly retryAfterMs: number;

  constructor(message: string, options?: ErrorOptions & { retryAfterMs?: number }) {
    super(message, options);
    this.name = "TransientError";
    this.retryAfterMs = options?.retryAfterMs ?? 1_000;
  }
}

/** A bug: an impossible state. An actor is stopped and supervised; raft, store and apply crash. */
export class InvariantError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "InvariantError";
  }
}

/** States what must hold here; throws `InvariantError` with exactly that sentence if it does not. */
export function invariant(condition: unknown, mustHold: string): asserts condition {
  if (!condition) throw new InvariantError(`invariant broken: ${mustHold}`);
}

/** Whatever was thrown, as an error. */
export function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** The text of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
