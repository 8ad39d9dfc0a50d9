import { refuse, type StatusCause, type StatusDetails, type StatusError } from "../util/errors.ts";
import { goQuote } from "../util/gojson.ts";

/** Every refusal that the API answers, in Kubernetes' words. One function a reason. */

/** The part of a kind that messages name: `deployments.apps`. */
export interface ResourceName {
  readonly group: string;
  readonly plural: string;
}

function qualified(resource: ResourceName): string {
  return resource.group === "" ? resource.plural : `${resource.plural}.${resource.group}`;
}

function details(resource: ResourceName, name: string, more: StatusDetails = {}): StatusDetails {
  return {
    ...(name === "" ? {} : { name }),
    ...(resource.group === "" ? {} : { group: resource.group }),
    kind: resource.plural,
    ...more,
  };
}

export function notFound(resource: ResourceName, name: string): StatusError {
  return refuse({
    code: 404,
    reason: "NotFound",
    message: `${qualified(resource)} ${goQuote(name)} not found`,
    details: details(resource, name),
  });
}

/** A path that leads nowhere. */
export function pathNotFound(): StatusError {
  return refuse({
    code: 404,
    reason: "NotFound",
    message: "the server could not find the requested resource",
    details: {},
  });
}

/** `deleting`: the object that holds the name is on its way out. */
export function alreadyExists(resource: ResourceName, name: string, deleting = false): StatusError {
  const prefix = deleting ? "object is being deleted: " : "";
  return refuse({
    code: 409,
    reason: "AlreadyExists",
    message: `${prefix}${qualified(resource)} ${goQuote(name)} already exists`,
    details: details(resource, name),
  });
}

export function generateNameConflict(resource: ResourceName, name: string): StatusError {
  return refuse({
    code: 409,
    reason: "AlreadyExists",
    message: `${qualified(resource)} ${goQuote(name)} already exists, the server was not able to generate a unique name for the object`,
    details: details(resource, name, { retryAfterSeconds: 1 }),
  });
}

export const modifiedText =
  "the object has been modified; please apply your changes to the latest version and try again";

/** 409 `Operation cannot be fulfilled on pods "x": <problem>`. */
export function conflict(resource: ResourceName, name: string, problem: string = modifiedText): StatusError {
  return refuse({
    code: 409,
    reason: "Conflict",
    message: `Operation cannot be fulfilled on ${qualified(resource)} ${goQuote(name)}: ${problem}`,
    details: details(resource, name),
  });
}

/** 403 `pods "x" is forbidden: <problem>`. */
export function forbidden(
  resource: ResourceName,
  name: string,
  problem: string,
  causes?: readonly StatusCause[],
): StatusError {
  const subject = name === "" ? qualified(resource) : `${qualified(resource)} ${goQuote(name)}`;
  return refuse({
    code: 403,
    reason: "Forbidden",
    message: `${subject} is forbidden: ${problem}`,
    details: details(resource, name, causes === undefined ? {} : { causes }),
  });
}

/** 403 outside any resource: `forbidden: <problem>`. */
export function forbiddenPath(problem: string): StatusError {
  return refuse({
    code: 403,
    reason: "Forbidden",
    message: `forbidden: ${problem}`,
    details: {},
  });
}

export function namespaceTerminating(resource: ResourceName, name: string, namespace: string): StatusError {
  const cause: StatusCause = {
    reason: "NamespaceTerminating",
    message: `namespace ${namespace} is being terminated`,
    field: "metadata.namespace",
  };
  const problem = `unable to create new content in namespace ${namespace} because it is being terminated`;
  return forbidden(resource, name, problem, [cause]);
}

export function unauthorized(): StatusError {
  return refuse({ code: 401, reason: "Unauthorized", message: "Unauthorized" });
}

export function badRequest(message: string): StatusError {
  return refuse({ code: 400, reason: "BadRequest", message });
}

/** The body is no valid form of the kind (400). */
export function cannotBeHandled(
  kind: { readonly kind: string; readonly version: string },
  problem: string,
): StatusError {
  return badRequest(`${kind.kind} in version ${goQuote(kind.version)} cannot be handled as a ${kind.kind}: ${problem}`);
}

/** Strict field validation found `unknown field "spec.x"` or `duplicate field "spec.y"` (400). */
export function strictDecoding(
  kind: { readonly kind: string; readonly version: string },
  problems: readonly string[],
): StatusError {
  return cannotBeHandled(kind, `strict decoding error: ${problems.join(", ")}`);
}

export function methodNotAllowed(resource: ResourceName, verb: string): StatusError {
  return refuse({
    code: 405,
    reason: "MethodNotAllowed",
    message: `${verb} is not supported on resources of kind ${goQuote(qualified(resource))}`,
    details: details(resource, ""),
  });
}

export function notAcceptable(mediaTypes: readonly string[]): StatusError {
  return refuse({
    code: 406,
    reason: "NotAcceptable",
    message: `only the following media types are accepted: ${mediaTypes.join(", ")}`,
  });
}

export function unsupportedMediaType(mediaTypes: readonly string[]): StatusError {
  return refuse({
    code: 415,
    reason: "UnsupportedMediaType",
    message: `the body of the request was in an unknown format - accepted media types include: ${mediaTypes.join(", ")}`,
  });
}

export function entityTooLarge(message: string): StatusError {
  return refuse({ code: 413, reason: "RequestEntityTooLarge", message });
}

/** The limit of the body. */
export function requestEntityTooLarge(limitBytes: number): StatusError {
  return entityTooLarge(`Request entity too large: limit is ${limitBytes}`);
}

/** 410; without a message, the one of a list whose revision is compacted. */
export function expired(message = "The resourceVersion for the provided list is too old."): StatusError {
  return refuse({ code: 410, reason: "Expired", message });
}

/** 410 for a watch: `too old resource version: 5 (100)`. */
export function watchExpired(revision: number, floor: number): StatusError {
  return expired(`too old resource version: ${revision} (${floor})`);
}

export function timeout(message: string, retryAfterSeconds?: number): StatusError {
  return refuse({
    code: 504,
    reason: "Timeout",
    message: `Timeout: ${message}`,
    details: retryAfterSeconds === undefined ? {} : { retryAfterSeconds },
  });
}

/** 504: the revision that was asked for lies in the future. */
export function tooLargeResourceVersion(wanted: number, current: number): StatusError {
  return refuse({
    code: 504,
    reason: "Timeout",
    message: `Timeout: Too large resource version: ${wanted}, current: ${current}`,
    details: {
      causes: [{ reason: "ResourceVersionTooLarge", message: "Too large resource version" }],
      retryAfterSeconds: 1,
    },
  });
}

export function tooManyRequests(
  message: string,
  more: { readonly retryAfterSeconds?: number; readonly causes?: readonly StatusCause[] } = {},
): StatusError {
  return refuse({ code: 429, reason: "TooManyRequests", message, details: more });
}

export function serviceUnavailable(message: string, retryAfterSeconds?: number): StatusError {
  const more = retryAfterSeconds === undefined ? {} : { details: { retryAfterSeconds } };
  return refuse({ code: 503, reason: "ServiceUnavailable", message, ...more });
}

export function internalError(problem: string): StatusError {
  return refuse({
    code: 500,
    reason: "InternalError",
    message: `Internal error occurred: ${problem}`,
    details: { causes: [{ reason: "", message: problem }] },
  });
}

/** A refusal without a reason, of which kubectl prints the words alone. Kubernetes makes it a 500; it is the client's. */
export function plainRefusal(message: string): StatusError {
  return refuse({ code: 400, reason: "", message });
}
