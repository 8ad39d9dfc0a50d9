import * as grpc from "@grpc/grpc-js";
import type { Chunk, Down, Up } from "../../api/link/messages.ts";
import type { Clock } from "../../env/env.ts";
import { Unsent } from "../../env/unsent.ts";
import { connectMaxMs, messageMaxBytes, pingEveryMs, pingTimeoutMs } from "./limits.ts";

/**
 * How an agent reaches the masters. Real: gRPC over mutual TLS; a virtual cluster connects its nodes
 * in process.
 */
export interface LinkTransport {
  /** One attempt; `onClose` is called once, also when it never came to be. */
  link(handlers: LinkHandlers): LinkCall;
  stream(handlers: StreamHandlers): StreamCall;
  close(): void;
}

export interface LinkHandlers {
  readonly onDown: (down: Down) => void;
  readonly onClose: (error: Error | undefined) => void;
}

export interface StreamHandlers {
  readonly onChunk: (chunk: Chunk) => void;
  readonly onClose: (error: Error | undefined) => void;
}

export interface LinkCall {
  send(up: Up): void;
  close(): void;
}

export interface StreamCall {
  send(chunk: Partial<Chunk>): void;
  /** Bytes not yet taken by the transport. */
  readonly pending: number;
  /** Stops and goes on taking chunks. */
  pause(): void;
  resume(): void;
  close(): void;
}

export interface GrpcTransportOptions {
  /**
   * `host:port` of a master or of the local forwarder; or of all masters: nodes link to the leader, and
   * the next one is tried where a link did not come to be. Asked before each attempt.
   */
  readonly address: MasterAddress;
  readonly clock: Clock;
  /** `loadService("node.proto", "troupe.node.v1.NodeLink")`. */
  readonly service: grpc.ServiceDefinition;
  /** Read anew for each connection: a renewed certificate takes its place there. */
  readonly tls: { readonly authority: string; readonly certificate: string; readonly key: string };
  /** Name in the masters' certificate where it is not the address's. */
  readonly serverName?: string;
}

export type MasterAddress = string | (() => readonly string[]);

type Duplex = grpc.ClientDuplexStream<object, object>;

export function createGrpcTransport(options: GrpcTransportOptions): LinkTransport {
  const credentials = (): grpc.ChannelCredentials => {
    const { authority, certificate, key } = options.tls;
    return grpc.credentials.createSsl(Buffer.from(authority), Buffer.from(key), Buffer.from(certificate));
  };
  let next = 0;
  const address = (): string => {
    if (typeof options.address === "string") return options.address;
    const all = options.address();
    return all[next % all.length] ?? "";
  };
  const open = (): grpc.Client =>
    new grpc.Client(address(), credentials(), {
      "grpc.max_receive_message_length": messageMaxBytes,
      "grpc.max_send_message_length": messageMaxBytes,
      "grpc.keepalive_time_ms": pingEveryMs,
      "grpc.keepalive_timeout_ms": pingTimeoutMs,
      "grpc.initial_reconnect_backoff_ms": 50,
      "grpc.max_reconnect_backoff_ms": 1_000,
      "grpc.enable_retries": 0,
      ...(options.serverName === undefined ? {} : { "grpc.ssl_target_name_override": options.serverName }),
    });
  let client = open();

  const call = (name: "Link" | "Stream"): Duplex => {
    const method = options.service[name]! as grpc.MethodDefinition<object, object>;
    return client.makeBidiStreamRequest(method.path, method.requestSerialize, method.responseDeserialize);
  };

  return {
    link({ onDown, onClose }) {
      const duplex = call("Link");
      let isLinked = false;
      // Of several masters, one that has gone silent holds nobody up.
      const late =
        typeof options.address === "string"
          ? undefined
          : options.clock.after(connectMaxMs, () => duplex.cancel(), { daemon: true });
      duplex.on("data", (down: Down) => {
        isLinked = true;
        late?.cancel();
        onDown(down);
      });
      watchEnd(duplex, (error) => {
        late?.cancel();
        if (!isLinked) next += 1;
        // A fresh channel: a broken one waits out a back-off of its own.
        client.close();
        client = open();
        onClose(error);
      });
      return { send: (up) => void duplex.write(up), close: () => duplex.cancel() };
    },
    stream({ onChunk, onClose }) {
      const duplex = call("Stream");
      const unsent = new Unsent();
      // protobufjs' default of a bytes field is an empty list, not an empty array of bytes.
      duplex.on("data", (chunk: Chunk) => onChunk(plain(chunk)));
      watchEnd(duplex, onClose);
      return {
        send: (chunk) => void duplex.write(chunk, unsent.add(chunk.data?.length ?? 0)),
        get pending(): number {
          return unsent.bytes;
        },
        pause: () => void duplex.pause(),
        resume: () => void duplex.resume(),
        close: () => duplex.end(),
      };
    },
    close: () => client.close(),
  };
}

function plain({ id, channel, end, error, data }: Chunk): Chunk {
  return { id, channel, end, error, data: data.length === 0 ? new Uint8Array(0) : data };
}

/** `end` and `error` may both come; the first counts. */
function watchEnd(duplex: Duplex, onClose: (error: Error | undefined) => void): void {
  let over = false;
  const close = (error: Error | undefined): void => {
    if (over) return;
    over = true;
    onClose(error);
  };
  duplex.on("error", (error: Error) => close(error));
  duplex.on("end", () => close(undefined));
}
