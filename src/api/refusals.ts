import type { Kind } from "../kinds/kind.ts";
import { goQuote } from "../util/gojson.ts";
import { refuse, type Status, type StatusCause, type StatusDetails, type StatusError } from "../util/errors.ts";

/**
 * The answers that only the API's doors and verbs give. Refusals that kinds and the store share
 * stand in `kinds/status-errors.ts`.
 */
export function refusal(code: number, reason: string, message: string, details?: StatusDetails): StatusError {
  return refuse({ code, reason, message, ...(details === undefined ? {} : { details }) });
}

export function detailsOf(kind: Kind, name: string): StatusDetails {
  return {
    ...(name === "" ? {} : { name }),
    ...(kind.group === "" ? {} : { group: kind.group }),
    kind: kind.plural,
  };
}

/** The path is known, and the method has no route on it. */
export function methodNotRouted(): StatusError {
  return refusal(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {});
}

export function unsupportedContentEncoding(coding: string): StatusError {
  const message = `the body of the request has the content encoding ${goQuote(coding)}: only identity is accepted`;
  return refusal(415, "UnsupportedMediaType", message);
}

/** A JSON patch that does not fit the object. Kubernetes says no more about it, and kubectl prints it. */
export function rejectedPatch(): StatusError {
  return refusal(422, "Invalid", "the server rejected our request due to an error in our request", {});
}

/** What a patch makes of the object is none of its kind. `shown`: the object, or the patch. */
export function invalidPatch(shown: string, problem: string): StatusError {
  const message = `Invalid value: ${goQuote(shown)}: ${problem}`;
  return refusal(422, "Invalid", ` "" is invalid: patch: ${message}`, {
    causes: [{ reason: "FieldValueInvalid", message, field: "patch" }],
  });
}

/** 422 about the resource or its options rather than an object of the kind. */
export function invalidOptions(kind: string, name: string, causes: readonly StatusCause[]): StatusError {
  const errors = causes.map((cause) =>
    cause.field === undefined || cause.field === "" ? cause.message : `${cause.field}: ${cause.message}`,
  );
  const text = errors.length === 1 ? errors[0]! : `[${[...new Set(errors)].join(", ")}]`;
  const [plain, ...group] = kind.split(".");
  return refusal(422, "Invalid", `${kind} "${name}" is invalid: ${text}`, {
    ...(name === "" ? {} : { name }),
    ...(group.length === 0 ? {} : { group: group.join(".") }),
    kind: plain!,
    causes,
  });
}

/** A Status of success, as DELETE and the connecting subresources answer it. */
export function success(code: number, details?: StatusDetails): Status {
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Success",
    ...(details === undefined ? {} : { details }),
    code,
  };
}

export function deletedDetails(kind: Kind, name: string, uid: string): StatusDetails {
  return { ...detailsOf(kind, name), uid };
}
