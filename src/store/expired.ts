import { StatusError } from "../util/errors.ts";
import type { Revision } from "./revision.ts";

/** Refusals of reads that name a revision, in the words that Kubernetes' clients know. */

/** 410: a watch from below the floor. */
export function watchExpired(from: Revision, floor: Revision): StatusError {
  return expired(`too old resource version: ${from} (${floor})`);
}

/** 410: a list at a revision below the floor. */
export function listExpired(): StatusError {
  return expired("The resourceVersion for the provided list is too old.");
}

/** 504: a list at a revision that does not exist yet; the caller may wait and ask again. */
export function revisionTooLarge(asked: Revision, current: Revision): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `Timeout: Too large resource version: ${asked}, current: ${current}`,
    reason: "Timeout",
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
    code: 504,
  });
}

function expired(message: string): StatusError {
  return new StatusError({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message,
    reason: "Expired",
    code: 410,
  });
}
