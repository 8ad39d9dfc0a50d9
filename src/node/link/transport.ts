import type * as grpc from "@grpc/grpc-js";
import type { Chunk, Down, Up } from "../../api/link/messages.ts";
import type { Clock } from "../../env/env.ts";
import { Unsent } from "../../env/unsent.ts";
import { openChannel } from "../../client/channel.ts";
import { connectMaxMs, pingEveryMs } from "./limits.ts";

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
  let next = 0;
  const address = (): string => {
    if (typeof options.address === "string") return options.address;
    const all = options.address();
    return all[next % all.length] ?? "";
  };
  const open = (): grpc.Client => {
    const { tls, serverName } = options;
    const { authority, certificate, key } = tls;
    const channel = { address: address(), authority, certificate, key, pingEveryMs };
    return openChannel({ ...channel, ...(serverName === undefined ? {} : { serverName }) });
  };
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
