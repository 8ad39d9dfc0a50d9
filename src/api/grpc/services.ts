/** The services of the native door, and the two that every gRPC tool expects beside them. */
import type { ServerDuplexStream, ServerUnaryCall, ServerWritableStream, ServiceDefinition } from "@grpc/grpc-js";
import { grpcCodes } from "../../util/grpc.ts";
import type { Door } from "../rest/call.ts";
import { serveCall, serveTransact, serveWish } from "./door.ts";
import type {
  ActorsRequest,
  CallRequest,
  DeleteCollectionRequest,
  GetRequest,
  HistoryRequest,
  ListRequest,
  LogsRequest,
  Operation,
  TransactRequest,
  TransitionsRequest,
  WatchRequest,
} from "./messages.ts";
import { getWish, writeWish } from "./requests.ts";
import { duplex, streaming, unary, type GrpcService } from "./server.ts";
import {
  serveActors,
  serveDeleteCollection,
  serveHistory,
  serveListPages,
  serveLogChunks,
  serveTransitions,
  serveWatchBatches,
} from "./streams.ts";
import { readingAll } from "./unreadable.ts";

/** A service of a `.proto` file, and what reflection tells of it. */
export interface ServiceFile {
  /** `troupe.v1.Api`. */
  readonly name: string;
  readonly definition: ServiceDefinition;
  /** Full names of the service, its methods and the file's types. */
  readonly symbols: readonly string[];
  /** A serialised FileDescriptorProto, and the name that it gives itself. */
  readonly describe: () => Promise<{ readonly name: string; readonly bytes: Uint8Array }>;
}

export function apiService(file: ServiceFile, door: Door): GrpcService {
  const { clock } = door.env;
  const write = (field: keyof Operation) =>
    unary((request, caller) => serveWish(door, caller, () => writeWish(door.catalogue, { [field]: request })));
  return {
    definition: readingAll(file.definition),
    handlers: {
      Get: unary((request, caller) => serveWish(door, caller, () => getWish(door.catalogue, request as GetRequest))),
      Create: write("create"),
      Replace: write("replace"),
      Apply: write("apply"),
      Patch: write("patch"),
      Delete: write("delete"),
      DeleteCollection: unary((request, caller) =>
        serveDeleteCollection(door, caller, request as DeleteCollectionRequest),
      ),
      Transact: unary((request, caller) => serveTransact(door, caller, request as TransactRequest)),
      Calls: duplex((request, caller) => serveCall(door, caller, request as CallRequest)),
      List: streaming(clock, (request, caller, sink) => serveListPages(door, caller, request as ListRequest, sink)),
      Watch: streaming(clock, (request, caller, sink) =>
        serveWatchBatches(door, caller, request as WatchRequest, sink),
      ),
      Actors: streaming(clock, (request, caller, sink) => serveActors(door, caller, request as ActorsRequest, sink)),
      Transitions: streaming(clock, (request, caller, sink) =>
        serveTransitions(door, caller, request as TransitionsRequest, sink),
      ),
      History: streaming(clock, (request, caller, sink) => serveHistory(door, caller, request as HistoryRequest, sink)),
      Logs: streaming(clock, (request, caller, sink) => serveLogChunks(door, caller, request as LogsRequest, sink)),
    },
  };
}

const serving = 1;
const notServing = 2;
const serviceUnknown = 3;

/**
 * grpc.health.v1: "" is the server. Anybody may ask, as anybody may ask `/readyz`. `Watch` answers the
 * state of now and every change of it.
 */
export function healthService(
  file: ServiceFile,
  options: {
    readonly names: readonly string[];
    readonly isReady: () => boolean;
    /** Calls back regularly until the answered function is called. */
    readonly every: (run: () => void) => () => void;
  },
): GrpcService {
  const known = new Set(["", ...options.names]);
  const open = new Set<ServerWritableStream<{ service: string }, object>>();
  const statusOf = (name: string): number =>
    known.has(name) ? (options.isReady() ? serving : notServing) : serviceUnknown;
  return {
    definition: file.definition,
    handlers: {
      Check(call: ServerUnaryCall<{ service: string }, object>, done: (error: object | null, reply?: object) => void) {
        const status = statusOf(call.request.service);
        if (status === serviceUnknown) done({ code: grpcCodes.NOT_FOUND, details: "unknown service" });
        else done(null, { status });
      },
      Watch(call: ServerWritableStream<{ service: string }, object>) {
        let shown = 0;
        const show = (): void => {
          const status = statusOf(call.request.service);
          if (status !== shown) call.write({ status });
          shown = status;
        };
        show();
        open.add(call);
        const stop = options.every(show);
        const over = (): void => {
          stop();
          open.delete(call);
        };
        call.on("cancelled", over);
        call.on("close", over);
      },
    },
    stop() {
      for (const call of open) call.end();
    },
  };
}

interface ReflectionRequest {
  readonly host: string;
  readonly fileByFilename?: string;
  readonly fileContainingSymbol?: string;
  readonly listServices?: string;
}

/** grpc.reflection: which services there are, and the descriptors of their files. */
export function reflectionService(file: ServiceFile, served: readonly ServiceFile[]): GrpcService {
  const answer = async (request: ReflectionRequest): Promise<object> => {
    const { fileByFilename = "", fileContainingSymbol = "" } = request;
    // Members of a oneof that were not sent have their type's default: what was sent is an own property.
    const isAsked = (field: keyof ReflectionRequest): boolean => Object.hasOwn(request, field);
    if (isAsked("listServices")) {
      return { listServicesResponse: { service: served.map(({ name }) => ({ name })) } };
    }
    if (isAsked("fileContainingSymbol")) {
      const found = served.find(({ symbols }) => symbols.includes(fileContainingSymbol));
      return found === undefined ? notFound(fileContainingSymbol) : fileAnswer((await found.describe()).bytes);
    }
    if (isAsked("fileByFilename")) {
      const files = await Promise.all(served.map((each) => each.describe()));
      const found = files.find(({ name }) => name === fileByFilename);
      return found === undefined ? notFound(fileByFilename) : fileAnswer(found.bytes);
    }
    return notFound("an extension");
  };
  return {
    definition: file.definition,
    handlers: {
      ServerReflectionInfo: (call: ServerDuplexStream<object, object>): void =>
        duplex(async (request) => {
          const asked = request as ReflectionRequest;
          return { validHost: asked.host, originalRequest: asked, ...(await answer(asked)) };
        })(call),
    },
  };
}

function fileAnswer(bytes: Uint8Array): object {
  return { fileDescriptorResponse: { fileDescriptorProto: [bytes] } };
}

function notFound(what: string): object {
  return { errorResponse: { errorCode: grpcCodes.NOT_FOUND, errorMessage: `${what} is not served` } };
}
