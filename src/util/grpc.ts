import { concatBytes, Reader, textOf, utf8, Writer } from "./bytes.ts";
import type { Status } from "./errors.ts";

/**
 * What both ends of the gRPC door agree on beyond its messages: how a Kubernetes Status becomes a
 * gRPC error and back (the code that fits, and the whole Status in the details, so that a client of
 * this door learns as much as one of the other), and the numbers of the enumerations.
 */

/** gRPC's status codes. */
export const grpcCodes = {
  OK: 0,
  CANCELLED: 1,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  UNAUTHENTICATED: 16,
} as const;

/** `WatchEvent.Type` of `proto/api.proto`. */
export const eventTypes = { ADDED: 1, MODIFIED: 2, DELETED: 3, BOOKMARK: 4 } as const;
export type EventTypeName = keyof typeof eventTypes;

/** `PatchRequest.Type` of `proto/api.proto`. */
export const patchTypes = { json: 1, merge: 2, strategic: 3 } as const;
export type PatchTypeName = keyof typeof patchTypes;

/** The trailer that carries a serialised google.rpc.Status. */
export const detailsTrailer = "grpc-status-details-bin";

const failureType = "type.googleapis.com/troupe.v1.Failure";

export function grpcCodeOf(status: Pick<Status, "code" | "reason">): number {
  switch (status.code) {
    case 400:
    case 406:
    case 413:
    case 415:
    case 422:
      return grpcCodes.INVALID_ARGUMENT;
    case 401:
      return grpcCodes.UNAUTHENTICATED;
    case 403:
      return grpcCodes.PERMISSION_DENIED;
    case 404:
      return grpcCodes.NOT_FOUND;
    case 405:
      return grpcCodes.UNIMPLEMENTED;
    case 409:
      return status.reason === "AlreadyExists" ? grpcCodes.ALREADY_EXISTS : grpcCodes.ABORTED;
    case 410:
      return grpcCodes.OUT_OF_RANGE;
    case 429:
      return grpcCodes.RESOURCE_EXHAUSTED;
    case 503:
      return grpcCodes.UNAVAILABLE;
    case 504:
      return grpcCodes.DEADLINE_EXCEEDED;
    default:
      return grpcCodes.INTERNAL;
  }
}

/** google.rpc.Status{1 code, 2 message, 3 details: Any{1 type_url, 2 value: Failure{1 status}}}. */
export function encodeDetails(status: Status): Uint8Array {
  const failure = field(1, utf8(JSON.stringify(status)));
  const any = concatBytes([field(1, utf8(failureType)), field(2, failure)]);
  const code = Uint8Array.of(1 << 3, grpcCodeOf(status));
  return concatBytes([code, field(2, utf8(status.message ?? "")), field(3, any)]);
}

/** The Status inside; undefined where the details are none of ours. */
export function decodeDetails(details: Uint8Array): Status | undefined {
  const any = bytesField(details, 3);
  const type = any && bytesField(any, 1);
  if (any === undefined || type === undefined || textOf(type) !== failureType) return undefined;
  const failure = bytesField(any, 2);
  const status = failure && bytesField(failure, 1);
  return status && (JSON.parse(textOf(status)) as Status);
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  return new Writer(bytes.length + 16)
    .u8((number << 3) | 2)
    .bytes(bytes)
    .finish();
}

/** The first field of this number that has a length; other fields are passed over. */
function bytesField(message: Uint8Array, number: number): Uint8Array | undefined {
  const reader = new Reader(message);
  while (!reader.done) {
    const key = reader.varint();
    if ((key & 7) === 0) {
      reader.varint();
      continue;
    }
    if ((key & 7) !== 2) return undefined;
    const length = reader.varint();
    if (length > reader.left) return undefined;
    const bytes = reader.raw(length);
    if (key >> 3 === number) return bytes;
  }
  return undefined;
}
