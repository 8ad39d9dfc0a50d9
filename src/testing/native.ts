/**
 * The native door called in process: the client's transport of a virtual cluster. Messages are those of
 * the wire, encoded and decoded as gRPC does it, so that absent fields and defaults look as they do there.
 */
import type { User } from "../actors/runtime/command.ts";
import { serveCall, serveTransact, serveWish } from "../api/grpc/door.ts";
import type { Caller } from "../api/grpc/exchange.ts";
import type { CallReply, CallRequest, StreamCalls, UnaryCalls } from "../api/grpc/messages.ts";
import { getWish, writeWish } from "../api/grpc/requests.ts";
import {
  serveActors,
  serveDeleteCollection,
  serveHistory,
  serveListPages,
  serveLogChunks,
  serveTransitions,
  serveWatchBatches,
  type MessageSink,
} from "../api/grpc/streams.ts";
import { readable, readingAll } from "../api/grpc/unreadable.ts";
import type { Door } from "../api/rest/call.ts";
import { statusOf } from "../api/rest/respond.ts";
import type { CallHandlers, CallStream, Transport } from "../client/transport.ts";
import { loadService } from "../env/real/proto.ts";
import { TransientError } from "../util/errors.ts";

type Loose = never;

export class NativeTransport implements Transport {
  readonly #door: () => Door | undefined;
  readonly #user: Pick<User, "name" | "groups"> | undefined;
  #loaded: ReturnType<typeof loadService> | undefined;
  readonly #open = new Set<(error: Error) => void>();

  /** `door`: that of the master of this moment; undefined while there is none. */
  constructor(door: () => Door | undefined, user: Pick<User, "name" | "groups"> | undefined) {
    this.#door = door;
    this.#user = user;
  }

  get #service(): ReturnType<typeof loadService> {
    return (this.#loaded ??= readingAll(loadService("api.proto", "troupe.v1.Api")));
  }

  unary<M extends keyof UnaryCalls>(method: M, request: UnaryCalls[M]["request"]): Promise<UnaryCalls[M]["reply"]> {
    return new Promise((resolve, reject) => {
      const door = this.#door();
      if (door === undefined) return reject(broken());
      this.#open.add(reject);
      const done = (): void => void this.#open.delete(reject);
      serveUnary(door, this.#caller([]), method, this.#sent(method, request) as Loose)
        .finally(done)
        .then((reply) => resolve(this.#received(method, reply) as Loose), reject);
    });
  }

  stream<M extends keyof StreamCalls>(
    method: M,
    request: StreamCalls[M]["request"],
  ): AsyncIterable<StreamCalls[M]["reply"]> {
    const door = this.#door();
    const queue = new Queue();
    const closeRuns: (() => void)[] = [];
    const breakOff = (error: Error): void => queue.fail(error);
    if (door === undefined) queue.fail(broken());
    else {
      this.#open.add(breakOff);
      const sink: MessageSink<object> = {
        write: (message) => queue.push(this.#received(method, message)),
        pending: 0,
        drained: () => Promise.resolve(),
        get closed() {
          return queue.isOver;
        },
      };
      const caller = this.#caller(closeRuns);
      serveStream(door, caller, { method, request: this.#sent(method, request), sink }).then(
        () => queue.end(),
        (error: Error) => queue.fail(error),
      );
    }
    const left = (): void => {
      this.#open.delete(breakOff);
      queue.end();
      for (const run of closeRuns.splice(0)) run();
    };
    return queue.messages(left) as AsyncIterable<Loose>;
  }

  calls({ onReply, onClose }: CallHandlers): CallStream {
    this.#open.add(onClose);
    return {
      send: (request) => {
        const door = this.#door();
        if (door === undefined) return;
        const sent = this.#sent("Calls", request) as CallRequest;
        void serveCall(door, this.#caller([]), sent).then((reply) => {
          if (this.#open.has(onClose)) onReply(this.#received("Calls", reply) as CallReply);
        });
      },
      close: () => {
        this.#open.delete(onClose);
        onClose(new TransientError("the stream has ended"));
      },
    };
  }

  /** One message as bytes, whatever they are, to a call of any kind; a `Calls` stream ends behind it. */
  wire(method: keyof UnaryCalls | keyof StreamCalls | "Calls", bytes: Uint8Array): WireCall {
    const door = this.#door();
    const closeRuns: (() => void)[] = [];
    const call = new WireCall(closeRuns);
    const serve = async (): Promise<void> => {
      if (door === undefined) throw broken();
      const request = readable(this.#service[method]!.requestDeserialize(Buffer.from(bytes)) as object) as Loose;
      const reply = (message: object): void => call.replied(this.#received(method, message));
      const caller = this.#caller(closeRuns);
      if (method === "Calls") return reply(await serveCall(door, caller, request));
      if (this.#service[method]!.responseStream) {
        return serveStream(door, caller, { method: method as keyof StreamCalls, request, sink: call.sinkOf(reply) });
      }
      reply(await serveUnary(door, caller, method as keyof UnaryCalls, request));
    };
    serve().then(
      () => call.over(),
      (error: unknown) => call.over(error),
    );
    return call;
  }

  close(): void {
    this.breakOff();
  }

  /** The master's process died. */
  breakOff(): void {
    const open = [...this.#open];
    this.#open.clear();
    for (const fail of open) fail(broken());
  }

  #caller(closeRuns: (() => void)[]): Caller {
    const user = this.#user;
    return {
      headers: {},
      certificate: user === undefined ? undefined : { commonName: user.name, organizations: user.groups },
      remoteAddress: "192.0.2.200",
      onClose: (run) => void closeRuns.push(run),
    };
  }

  #sent(method: string, request: object): object {
    const { requestSerialize, requestDeserialize } = this.#service[method]!;
    return requestDeserialize(requestSerialize(request)) as object;
  }

  #received(method: string, reply: object): object {
    const { responseSerialize, responseDeserialize } = this.#service[method]!;
    return responseDeserialize(responseSerialize(reply)) as object;
  }
}

function broken(): TransientError {
  return new TransientError("the connection broke", { retryAfterMs: 50 });
}

function serveUnary(door: Door, caller: Caller, method: keyof UnaryCalls, request: Loose): Promise<object> {
  switch (method) {
    case "Get":
      return serveWish(door, caller, () => getWish(door.catalogue, request));
    case "Transact":
      return serveTransact(door, caller, request);
    case "DeleteCollection":
      return serveDeleteCollection(door, caller, request);
    case "Create":
    case "Replace":
    case "Apply":
    case "Patch":
    case "Delete":
      return serveWish(door, caller, () => writeWish(door.catalogue, { [method.toLowerCase()]: request }));
  }
}

function serveStream(
  door: Door,
  caller: Caller,
  call: { readonly method: keyof StreamCalls; readonly request: object; readonly sink: MessageSink<object> },
): Promise<void> {
  const { method, request, sink } = call;
  switch (method) {
    case "List":
      return serveListPages(door, caller, request, sink);
    case "Watch":
      return serveWatchBatches(door, caller, request, sink);
    case "Actors":
      return serveActors(door, caller, request, sink);
    case "Transitions":
      return serveTransitions(door, caller, request, sink);
    case "History":
      return serveHistory(door, caller, request, sink);
    case "Logs":
      return serveLogChunks(door, caller, request, sink);
  }
}

/** A call over bytes, as HTTP would tell how it went. */
export class WireCall {
  ended = false;
  /** 0: nothing has come yet. A refusal inside a `Calls` reply counts as the call's. */
  status = 0;
  /** JSON of the refusal's Status. */
  text = "";
  replies = 0;
  readonly #closeRuns: (() => void)[];

  constructor(closeRuns: (() => void)[]) {
    this.#closeRuns = closeRuns;
  }

  replied(message: object): void {
    this.replies += 1;
    const { failure } = message as Partial<CallReply>;
    if (failure == null) this.status ||= 200;
    else this.#refused(new TextDecoder().decode(failure.status));
  }

  over(error?: unknown): void {
    if (error !== undefined) this.#refused(JSON.stringify(statusOf(error)));
    this.status ||= 200;
    this.ended = true;
  }

  /** A stream has begun, whether or not it has anything to say. */
  sinkOf(write: (message: object) => void): MessageSink<object> {
    this.status = 200;
    const isOver = (): boolean => this.ended;
    return {
      write,
      pending: 0,
      drained: () => Promise.resolve(),
      get closed() {
        return isOver();
      },
    };
  }

  /** The client goes. */
  disconnect(): void {
    this.ended = true;
    for (const run of this.#closeRuns.splice(0)) run();
  }

  #refused(status: string): void {
    this.text = status;
    this.status = (JSON.parse(status) as { code: number }).code;
  }
}

/** Messages that wait to be read. What was queued before a failure is still read. */
class Queue {
  isOver = false;
  readonly #messages: object[] = [];
  #failure: Error | undefined;
  #wake: (() => void) | undefined;

  push(message: object): void {
    if (!this.isOver) this.#messages.push(message);
    this.#wake?.();
  }

  fail(error: Error): void {
    if (!this.isOver) this.#failure = error;
    this.end();
  }

  end(): void {
    this.isOver = true;
    this.#wake?.();
  }

  async *messages(left: () => void): AsyncGenerator<object> {
    try {
      for (;;) {
        const message = this.#messages.shift();
        if (message !== undefined) yield message;
        else if (!this.isOver) await new Promise<void>((resolve) => (this.#wake = resolve));
        else if (this.#failure !== undefined) throw this.#failure;
        else return;
      }
    } finally {
      left();
    }
  }
}
