/**
 * The gRPC port: one server for the native door, the node links, health and reflection. As at the REST
 * port, who shows no client certificate may send a token, and is anonymous otherwise.
 */
import {
  Metadata,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerUnaryCall,
  type ServerWritableStream,
  type ServiceDefinition,
  type UntypedServiceImplementation,
} from "@grpc/grpc-js";
import { clientOf, type Subject } from "../../env/client-certificate.ts";
import type { ClientCertificate } from "../../env/http.ts";
import type { Clock } from "../../env/env.ts";
import type { TlsPort } from "../../env/tls-port.ts";
import type { Status } from "../../util/errors.ts";
import { detailsTrailer, encodeDetails, grpcCodeOf } from "../../util/grpc.ts";
import { tooManyRequests } from "../../kinds/status-errors.ts";
import { limits } from "../limits.ts";
import { linkLimits } from "../link/limits.ts";
import { statusOf } from "../rest/respond.ts";
import type { Caller } from "./exchange.ts";
import { grpcLimits } from "./limits.ts";
import type { MessageSink } from "./streams.ts";
import { readable } from "./unreadable.ts";

export interface GrpcService {
  readonly definition: ServiceDefinition;
  readonly handlers: UntypedServiceImplementation;
  /** The server stops: long calls end now. */
  stop?(): void;
}

type Injector = ReturnType<Server["createConnectionInjector"]>;

export interface GrpcServerOptions {
  readonly clock: Clock;
  readonly services: readonly GrpcService[];
  /** Makes the port; it hands over each connection that is to be served. */
  readonly openPort: (serve: Injector["injectConnection"]) => TlsPort;
}

export interface GrpcServer extends Pick<TlsPort, "listen" | "loadCertificate"> {
  close(graceMs: number): Promise<void>;
}

export function createGrpcServer(options: GrpcServerOptions): GrpcServer {
  const { services, clock } = options;
  const server = new Server({
    "grpc.max_receive_message_length": linkLimits.messageBytes,
    "grpc.max_send_message_length": linkLimits.messageBytes,
    "grpc.keepalive_time_ms": linkLimits.pingEveryMs,
    "grpc.keepalive_timeout_ms": linkLimits.pingTimeoutMs,
  });
  for (const { definition, handlers } of services) server.addService(definition, handlers);
  // TLS is the port's: a connection comes in when its handshake is done, and its certificate is read from it.
  const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
  const port = options.openPort((socket) => injector.injectConnection(socket));
  return {
    listen: (host, portNumber) => port.listen(host, portNumber),
    loadCertificate: (pair) => port.loadCertificate(pair),
    close: (graceMs) =>
      new Promise((resolve) => {
        port.close();
        for (const service of services) service.stop?.();
        const cut = clock.after(graceMs, () => server.forceShutdown());
        server.tryShutdown(() => {
          cut.cancel();
          resolve();
        });
      }),
  };
}

type AnyCall =
  | ServerUnaryCall<object, object>
  | ServerWritableStream<object, object>
  | ServerDuplexStream<object, object>;

interface EventEmitting {
  on(event: "cancelled", run: () => void): unknown;
}

/** Who calls. The certificate counts only if one of our authorities has signed it. */
function callerOf(call: AnyCall): Caller {
  const closeRuns: (() => void)[] = [];
  let gone = false;
  (call as EventEmitting).on("cancelled", () => {
    gone = true;
    for (const run of closeRuns.splice(0)) run();
  });
  return {
    headers: headersOf(call.metadata),
    certificate: certificateOf(call),
    remoteAddress: call.getPeer(),
    onClose(run) {
      if (gone) run();
      else closeRuns.push(run);
    },
  };
}

function headersOf(metadata: Metadata): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const name of Object.keys(metadata.getMap())) {
    if (!name.endsWith("-bin")) headers[name] = metadata.get(name).join(", ");
  }
  return headers;
}

function certificateOf(call: AnyCall): ClientCertificate | undefined {
  return clientOf(call.getAuthContext().sslPeerCertificate?.subject as unknown as Subject | undefined);
}

/** A Status as the error of a call: code, message, and the Status itself as a detail. */
function asGrpcError(error: unknown): { code: number; details: string; metadata: Metadata } {
  const status: Status = statusOf(error);
  const metadata = new Metadata();
  metadata.set(detailsTrailer, Buffer.from(encodeDetails(status)));
  return { code: grpcCodeOf(status), details: status.message ?? "", metadata };
}

/** A call with one answer. */
export function unary(
  serve: (request: object, caller: Caller) => Promise<object>,
): (call: ServerUnaryCall<object, object>, done: (error: object | null, reply?: object) => void) => Promise<void> {
  return async (call, done) => {
    let reply: object;
    try {
      reply = await serve(readable(call.request), callerOf(call));
    } catch (error) {
      done(asGrpcError(error));
      return;
    }
    done(null, reply);
  };
}

/** A call with many answers. A client that takes nothing for a while is given up: what it holds is others'. */
export function streaming<M extends object>(
  clock: Clock,
  serve: (request: object, caller: Caller, sink: MessageSink<M>) => Promise<void>,
): (call: ServerWritableStream<object, object>) => void {
  return (call) => {
    const fail = (error: unknown): void => {
      if (!call.cancelled && !call.writableEnded) call.emit("error", asGrpcError(error));
    };
    const sink = sinkOf<M>(call, clock);
    const begin = async (): Promise<void> => serve(readable(call.request), callerOf(call), sink);
    begin().then(
      // An end in the middle must not look like the end.
      () => (sink.stalled ? fail(tooManyRequests("this client takes nothing")) : void call.end()),
      fail,
    );
  };
}

/**
 * Many calls on one stream, answered as they are done. While too many are in flight the stream is not
 * read on, which holds the client back.
 */
export function duplex(
  serve: (request: object, caller: Caller) => Promise<object>,
): (call: ServerDuplexStream<object, object>) => void {
  return (call) => {
    const caller = callerOf(call);
    const write = inWaves(call);
    let inFlight = 0;
    let ended = false;
    const answer = async (request: object): Promise<void> => {
      try {
        const reply = await serve(readable(request), caller);
        if (!call.cancelled && !call.writableEnded) write(reply);
      } catch (error) {
        if (!call.cancelled && !call.writableEnded) call.emit("error", asGrpcError(error));
      }
      inFlight -= 1;
      if (call.isPaused()) call.resume();
      if (ended && inFlight === 0) call.end();
    };
    call.on("data", (request: object) => {
      inFlight += 1;
      if (inFlight >= grpcLimits.callsInFlightMax) call.pause();
      void answer(request);
    });
    call.on("end", () => {
      ended = true;
      if (inFlight === 0) call.end();
    });
  };
}

/**
 * Writes so that what is answered together leaves together: the log commits many calls at once. gRPC would hand each
 * message to the socket by itself, and wait until it has taken that before it looks at the next.
 */
function inWaves(call: ServerDuplexStream<object, object>): (message: object) => void {
  let isGathering = false;
  call._writev = (messages, done) => {
    let left = messages.length;
    for (const { chunk, encoding } of messages) {
      call._write(chunk, encoding, (error: Error | null | undefined) => {
        left -= 1;
        if (error != null || left === 0) done(error);
      });
    }
  };
  return (message) => {
    if (!isGathering) {
      isGathering = true;
      call.cork();
      // Behind all that was answered in the same step as this one.
      queueMicrotask(() => {
        isGathering = false;
        call.uncork();
      });
    }
    call.write(message);
  };
}

interface CountingSink<M> extends MessageSink<M> {
  readonly stalled: boolean;
}

/** Counts the bytes that gRPC has not handed on yet: its own count is one of messages. */
function sinkOf<M extends object>(call: ServerWritableStream<object, object>, clock: Clock): CountingSink<M> {
  let pending = 0;
  let stalled = false;
  let waiting: (() => void)[] = [];
  const wake = (): void => {
    if (!call.cancelled && !stalled && pending > limits.streamPendingBytesMax) return;
    const runs = waiting;
    waiting = [];
    for (const run of runs) run();
  };
  const watchStall = (): void => {
    const before = pending;
    clock.after(limits.watchStalledMs, () => {
      if (waiting.length === 0) return;
      if (pending < before) return watchStall();
      stalled = true;
      wake();
    });
  };
  call.on("cancelled", wake);
  return {
    write(message, bytes) {
      if (call.cancelled || call.writableEnded) return;
      pending += bytes;
      call.write(message, () => {
        pending -= bytes;
        wake();
      });
    },
    get pending() {
      return pending;
    },
    get stalled() {
      return stalled;
    },
    get closed() {
      return stalled || call.cancelled || call.writableEnded;
    },
    drained: () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        wake();
        if (waiting.length > 0) watchStall();
      }),
  };
}
