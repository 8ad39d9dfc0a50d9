import { StatusError, type Status } from "../../util/errors.ts";
import { retryAfterSeconds } from "./limits.ts";

function failure(code: number, reason: string, message: string, details?: Status["details"]): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason,
    ...(details === undefined ? {} : { details }),
    code,
  });
}

/** The mailboxes are full: the client waits and tries again. */
export function tooManyRequests(): StatusError {
  return failure(429, "TooManyRequests", "too many writes are waiting, please try again later", {
    retryAfterSeconds,
  });
}

/** The deadline passed: the write may or may not have happened. */
export function outcomeUnknown(): StatusError {
  return failure(
    504,
    "Timeout",
    "Timeout: request did not complete within the allotted time; whether it took effect is unknown",
  );
}

export function tooLarge(bytes: number): StatusError {
  return failure(
    413,
    "RequestEntityTooLarge",
    `the outcome of this request takes ${bytes} bytes, more than one log entry may hold`,
  );
}

/** A bug in the evaluation: nothing of the request is kept. */
export function internalError(message: string): StatusError {
  return failure(500, "InternalError", `Internal error occurred: ${message}`, {
    causes: [{ reason: "", message }],
  });
}

/** This member stops. */
export function shuttingDown(): StatusError {
  return failure(503, "ServiceUnavailable", "this master is shutting down", { retryAfterSeconds });
}
