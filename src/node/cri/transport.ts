import * as grpc from "@grpc/grpc-js";
import protobuf from "protobufjs";

import type { Clock } from "../../env/env.ts";
import { messageBytesMax, reconnectFirstMs, reconnectMaxMs } from "./limits.ts";
import { CriError, type CriErrorKind } from "./cri.ts";

/**
 * gRPC on the runtime's unix socket, from a schema that is parsed at start (reflection is as fast as
 * generated code here, and starts three times faster). Messages are typed by whoever calls; this is
 * the one place where decoded bytes get their type.
 */
export interface Transport {
  /** Calls `/<service>/<method>`; rejects with `CriError`. */
  unary<Reply>(call: UnaryCall): Promise<Reply>;
  /** Messages until the stream ends; `onEnd` gets what ended it, once. */
  serverStream<Reply>(call: StreamCall<Reply>): { cancel(): void };
  /** Sends one message and answers the next, in turn. */
  conversation<Reply>(call: Target): Conversation<Reply>;
  decode<Message>(type: string, bytes: Uint8Array): Message;
  close(): void;
}

export interface Target {
  /** Full name: `runtime.v1.RuntimeService`. */
  readonly service: string;
  readonly method: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface UnaryCall extends Target {
  readonly request: object;
  /** Absent: none. */
  readonly timeoutMs?: number;
  readonly signal?: AbortSignal;
}

export interface StreamCall<Reply> extends Target {
  readonly request: object;
  readonly onMessage: (reply: Reply) => void;
  readonly onEnd: (error: CriError | undefined) => void;
}

export interface Conversation<Reply> {
  ask(request: object): Promise<Reply>;
  end(): void;
}

export interface TransportOptions {
  /** Absolute path of the runtime's socket. */
  readonly socket: string;
  /** Files in `proto/`. */
  readonly proto: readonly string[];
  readonly clock: Clock;
}

export function createTransport(options: TransportOptions): Transport {
  const root = protobuf.loadSync(
    options.proto.map((name) => new URL(`../../../../proto/${name}`, import.meta.url).pathname),
  );
  const client = new grpc.Client(`unix:${options.socket}`, grpc.credentials.createInsecure(), {
    "grpc.max_receive_message_length": messageBytesMax,
    "grpc.max_send_message_length": messageBytesMax,
    "grpc.initial_reconnect_backoff_ms": reconnectFirstMs,
    "grpc.max_reconnect_backoff_ms": reconnectMaxMs,
    // A retried create would meet its own reserved name.
    "grpc.enable_retries": 0,
    // Other clients in this process may have a channel to the same socket of a containerd before.
    "grpc.use_local_subchannel_pool": 1,
  });
  const codecs = new Map<string, Codec>();
  const codecOf = (target: Target): Codec => {
    const key = `/${target.service}/${target.method}`;
    const known = codecs.get(key);
    if (known) return known;
    const codec = makeCodec(root, target);
    codecs.set(key, codec);
    return codec;
  };
  return {
    unary: (call) => unary(client, codecOf(call), call, options.clock),
    serverStream: (call) => serverStream(client, codecOf(call), call),
    conversation: (call) => conversation(client, codecOf(call), call),
    decode: <Message>(type: string, bytes: Uint8Array) => root.lookupType(type).decode(bytes) as unknown as Message,
    close: () => client.close(),
  };
}

interface Codec {
  readonly path: string;
  readonly encode: (request: object) => Buffer;
  readonly decode: (bytes: Buffer) => unknown;
}

function makeCodec(root: protobuf.Root, target: Target): Codec {
  const service = root.lookupService(target.service);
  const method = service.methods[target.method];
  if (method === undefined) throw new Error(`no method ${target.service}/${target.method}`);
  const requestType = service.lookupType(method.requestType);
  const replyType = service.lookupType(method.responseType);
  return {
    path: `/${target.service}/${target.method}`,
    encode: (request) => Buffer.from(requestType.encode(request).finish()),
    decode: (bytes) => replyType.decode(bytes),
  };
}

function metadataOf(target: Target): grpc.Metadata {
  const metadata = new grpc.Metadata();
  for (const [name, value] of Object.entries(target.metadata ?? {})) metadata.set(name, value);
  return metadata;
}

function unary<Reply>(client: grpc.Client, codec: Codec, call: UnaryCall, clock: Clock): Promise<Reply> {
  return new Promise((resolve, reject) => {
    const running = client.makeUnaryRequest(
      codec.path,
      codec.encode,
      codec.decode,
      call.request,
      metadataOf(call),
      call.timeoutMs === undefined ? {} : { deadline: clock.wall() + call.timeoutMs },
      (error, reply) => {
        call.signal?.removeEventListener("abort", cancel);
        if (error === null) resolve(reply as Reply);
        else reject(criError(error, call.method));
      },
    );
    const cancel = (): void => running.cancel();
    if (call.signal?.aborted) cancel();
    call.signal?.addEventListener("abort", cancel, { once: true });
  });
}

function serverStream<Reply>(client: grpc.Client, codec: Codec, call: StreamCall<Reply>): { cancel(): void } {
  const stream = client.makeServerStreamRequest(codec.path, codec.encode, codec.decode, call.request, metadataOf(call));
  let failure: CriError | undefined;
  stream.on("data", (reply) => call.onMessage(reply as Reply));
  stream.on("error", (error: grpc.ServiceError) => (failure = criError(error, call.method)));
  stream.on("close", () => call.onEnd(failure));
  return { cancel: () => stream.cancel() };
}

function conversation<Reply>(client: grpc.Client, codec: Codec, call: Target): Conversation<Reply> {
  const stream = client.makeBidiStreamRequest(codec.path, codec.encode, codec.decode, metadataOf(call));
  const waiting: {
    readonly resolve: (reply: Reply) => void;
    readonly reject: (error: Error) => void;
  }[] = [];
  let failure: Error | undefined;
  const fail = (error: Error): void => {
    failure = error;
    for (const waiter of waiting.splice(0)) waiter.reject(error);
  };
  stream.on("data", (reply) => waiting.shift()?.resolve(reply as Reply));
  stream.on("error", (error: grpc.ServiceError) => fail(criError(error, call.method)));
  stream.on("end", () => fail(new CriError("failed", call.method, "the stream has ended")));
  return {
    ask: (request) => {
      if (failure !== undefined) return Promise.reject(failure);
      return new Promise((resolve, reject) => {
        waiting.push({ resolve, reject });
        stream.write(request);
      });
    },
    end: () => stream.end(),
  };
}

function criError(error: grpc.ServiceError, method: string): CriError {
  return new CriError(errorKind(error.code, error.details), method, error.details, {
    cause: error,
  });
}

/** How a gRPC status is to be taken. Exported for its test. */
export function errorKind(code: number, details: string): CriErrorKind {
  switch (code) {
    case grpc.status.NOT_FOUND:
      return "notFound";
    case grpc.status.ALREADY_EXISTS:
      return "alreadyExists";
    case grpc.status.UNAVAILABLE:
      return "unavailable";
    case grpc.status.DEADLINE_EXCEEDED:
    case grpc.status.CANCELLED:
      return "timeout";
    case grpc.status.UNIMPLEMENTED:
      return "unimplemented";
    case grpc.status.INTERNAL:
      // What a call gets whose connection broke while the answer was under way.
      return details.startsWith("Received RST_STREAM") ? "unavailable" : "failed";
    default:
      return "failed";
  }
}
