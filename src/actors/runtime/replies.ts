import { entityTooLarge, serviceUnavailable, tooManyRequests } from "../../kinds/status-errors.ts";
import { refuse, type StatusError } from "../../util/errors.ts";
import { retryAfterSeconds } from "./limits.ts";

/** What the host itself refuses; refusals of a write's content come from its verb. */

/** The mailboxes are full: the client waits and tries again. */
export function mailboxFull(): StatusError {
  return tooManyRequests("too many writes are waiting, please try again later", { retryAfterSeconds });
}

/** The deadline passed: the write may or may not have happened. */
export function outcomeUnknown(): StatusError {
  const message = "Timeout: request did not complete within the allotted time; whether it took effect is unknown";
  return refuse({ code: 504, reason: "Timeout", message });
}

export function tooLarge(bytes: number): StatusError {
  return entityTooLarge(`the outcome of this request takes ${bytes} bytes, more than one log entry may hold`);
}

/** This member stops. */
export function shuttingDown(): StatusError {
  return serviceUnavailable("this master is shutting down", retryAfterSeconds);
}
