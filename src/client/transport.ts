/**
 * How the client reaches a master. Real: gRPC over TLS; the virtual cluster calls its door in process.
 * A refusal is a `StatusError`, with all that the REST door would say; a `TransientError` means that
 * nobody answered, so that whether a write took effect is unknown.
 */
import * as grpc from "@grpc/grpc-js";
import type { CallReply, CallRequest, StreamCalls, UnaryCalls } from "../api/grpc/messages.ts";
import type { Clock } from "../env/env.ts";
import { messageOf, StatusError, TransientError } from "../util/errors.ts";
import { decodeDetails, detailsTrailer } from "../util/grpc.ts";
import { openChannel, type ChannelOptions } from "./channel.ts";
import { clientLimits } from "./limits.ts";

export interface Transport {
  unary<M extends keyof UnaryCalls>(method: M, request: UnaryCalls[M]["request"]): Promise<UnaryCalls[M]["reply"]>;
  /** Messages as they come; leaving the loop cancels the call. */
  stream<M extends keyof StreamCalls>(
    method: M,
    request: StreamCalls[M]["request"],
  ): AsyncIterable<StreamCalls[M]["reply"]>;
  /** Many calls in flight on one stream. */
  calls(handlers: CallHandlers): CallStream;
  close(): void;
}

export interface CallHandlers {
  readonly onReply: (reply: CallReply) => void;
  /** Once, when nothing comes any more. */
  readonly onClose: (error: Error) => void;
}

export interface CallStream {
  send(request: CallRequest): void;
  close(): void;
}

/** Where a master is, and as whom to come. */
export interface Credentials extends ChannelOptions {
  readonly token?: string;
}

/** `service`: `loadService("api.proto", "troupe.v1.Api")`. */
export function createGrpcTransport(
  credentials: Credentials,
  service: grpc.ServiceDefinition,
  clock: Clock,
): Transport {
  const client = openChannel(credentials);
  const metadata = (): grpc.Metadata => {
    const sent = new grpc.Metadata();
    if (credentials.token !== undefined) sent.set("authorization", `Bearer ${credentials.token}`);
    return sent;
  };
  const methodOf = (name: string): grpc.MethodDefinition<object, object> => {
    const method = service[name];
    if (method === undefined) throw new Error(`the API has no call ${name}`);
    return method as grpc.MethodDefinition<object, object>;
  };
  return {
    unary: (name, request) =>
      new Promise((resolve, reject) => {
        const { path, requestSerialize, responseDeserialize } = methodOf(name);
        const done = (error: grpc.ServiceError | null, reply?: object): void => {
          if (error !== null) reject(errorOf(error));
          else resolve(reply as never);
        };
        const options = { deadline: clock.wall() + clientLimits.callMs };
        client.makeUnaryRequest(path, requestSerialize, responseDeserialize, request, metadata(), options, done);
      }),
    stream: (name, request) => {
      const { path, requestSerialize, responseDeserialize } = methodOf(name);
      return messagesOf(() =>
        client.makeServerStreamRequest(path, requestSerialize, responseDeserialize, request, metadata()),
      );
    },
    calls({ onReply, onClose }) {
      const { path, requestSerialize, responseDeserialize } = methodOf("Calls");
      const duplex = client.makeBidiStreamRequest(path, requestSerialize, responseDeserialize, metadata());
      let over = false;
      const close = (error: Error): void => {
        if (over) return;
        over = true;
        onClose(error);
      };
      duplex.on("data", (reply) => onReply(reply as CallReply));
      duplex.on("error", (error: grpc.ServiceError) => close(errorOf(error)));
      duplex.on("end", () => close(new TransientError("the stream has ended")));
      return { send: (request) => void duplex.write(request), close: () => duplex.end() };
    },
    close: () => client.close(),
  };
}

async function* messagesOf<M>(open: () => grpc.ClientReadableStream<object>): AsyncGenerator<M> {
  const call = open();
  try {
    for await (const message of call) yield message as M;
  } catch (error) {
    throw errorOf(error as grpc.ServiceError);
  } finally {
    call.cancel();
  }
}

/** The refusal that the trailer carries, or that nobody answered. */
function errorOf(error: grpc.ServiceError): Error {
  const [details] = error.metadata?.get(detailsTrailer) ?? [];
  const status = details === undefined ? undefined : decodeDetails(Buffer.from(details));
  if (status !== undefined) return new StatusError(status, { cause: error });
  const retryAfterMs = clientLimits.backoffMs;
  return new TransientError(`the API did not answer: ${error.details ?? messageOf(error)}`, {
    cause: error,
    retryAfterMs,
  });
}
