/**
 * Streams to containers: the master asks on the link, the agent opens a call for each, named by a
 * random id. A stream that is not opened in time is refused; one whose link breaks ends with an error.
 */
import type { ServerDuplexStream } from "@grpc/grpc-js";
import type { Clock, Rng } from "../../env/env.ts";
import { Unsent } from "../../env/unsent.ts";
import { serviceUnavailable } from "../../kinds/status-errors.ts";
import { StatusError, type Status } from "../../util/errors.ts";
import type { NodeStream, NodeStreamRequest, StreamChunk } from "../node-streams.ts";
import { linkLimits } from "./limits.ts";
import type { Chunk, OpenStream } from "./messages.ts";

interface Waiting {
  readonly node: string;
  resolve(stream: NodeStream): void;
  reject(error: StatusError): void;
}

export class StreamTable {
  readonly #waiting = new Map<string, Waiting>();
  readonly #clock: Clock;
  readonly #random: Rng;

  constructor(clock: Clock, random: Rng) {
    this.#clock = clock;
    this.#random = random;
  }

  open(node: string, request: NodeStreamRequest, send: (open: OpenStream) => void): Promise<NodeStream> {
    const id = Array.from(this.#random.bytes(16), (byte) => byte.toString(16).padStart(2, "0")).join("");
    return new Promise((resolve, reject) => {
      const timer = this.#clock.after(linkLimits.openStreamMs, () => {
        this.#waiting.delete(id);
        reject(serviceUnavailable(`node ${node} did not open the stream in time`));
      });
      this.#waiting.set(id, {
        node,
        resolve: (stream) => {
          timer.cancel();
          resolve(stream);
        },
        reject: (error) => {
          timer.cancel();
          reject(error);
        },
      });
      send({ id, request: JSON.stringify(request) });
    });
  }

  /** A call that the agent of `node` has opened. Its first chunk names the stream. */
  accept(node: string, call: ServerDuplexStream<Chunk, Partial<Chunk>>): void {
    call.once("data", (first: Chunk) => {
      const waiting = this.#waiting.get(first.id);
      if (waiting === undefined || waiting.node !== node) {
        call.end();
        return;
      }
      this.#waiting.delete(first.id);
      if (first.error !== "") {
        waiting.reject(new StatusError(JSON.parse(first.error) as Status));
        call.end();
        return;
      }
      waiting.resolve(adapt(call));
    });
  }

  /** The link of a node is gone: what waits for it is refused. */
  drop(node: string): void {
    for (const [id, waiting] of this.#waiting) {
      if (waiting.node !== node) continue;
      this.#waiting.delete(id);
      waiting.reject(serviceUnavailable(`the link to node ${node} broke`));
    }
  }
}

function adapt(call: ServerDuplexStream<Chunk, Partial<Chunk>>): NodeStream {
  let onChunk: ((chunk: StreamChunk) => void) | undefined;
  const onClose: ((error: Error | undefined) => void)[] = [];
  const early: StreamChunk[] = [];
  let closed: { readonly error: Error | undefined } | undefined;
  const close = (error: Error | undefined): void => {
    if (closed !== undefined) return;
    closed = { error };
    for (const run of onClose) run(error);
  };
  const unsent = new Unsent();
  call.on("data", (chunk: Chunk) => {
    if (chunk.error !== "") return close(new StatusError(JSON.parse(chunk.error) as Status));
    const taken: StreamChunk = { channel: chunk.channel, bytes: chunk.data, ...(chunk.end ? { end: true } : {}) };
    if (onChunk === undefined) early.push(taken);
    else onChunk(taken);
  });
  call.on("end", () => {
    close(undefined);
    call.end();
  });
  call.on("error", close);
  call.on("cancelled", () => close(new Error("the node's connection broke")));
  return {
    send: (chunk) => {
      if (closed !== undefined) return;
      const { channel, bytes, end } = chunk;
      call.write({ channel, data: bytes, end: end === true }, unsent.add(bytes.length));
    },
    get pending() {
      return unsent.bytes;
    },
    pause: () => void call.pause(),
    resume: () => void call.resume(),
    onChunk(run) {
      onChunk = run;
      for (const chunk of early.splice(0)) run(chunk);
    },
    onClose(run) {
      if (closed === undefined) onClose.push(run);
      else run(closed.error);
    },
    close: () => call.end(),
  };
}
