import type { Chunk, OpenStream } from "../../api/link/messages.ts";
import type { NodeStream, NodeStreamRequest } from "../../api/node-streams.ts";
import type { Clock, Log } from "../../env/env.ts";
import { holdBack } from "../../env/hold-back.ts";
import { internalError } from "../../kinds/status-errors.ts";
import type { Status } from "../../util/errors.ts";
import { messageOf, StatusError } from "../../util/errors.ts";
import { streamDrainMs, streamPendingMaxBytes } from "./limits.ts";
import type { LinkTransport, StreamCall } from "./transport.ts";

/**
 * One stream to a container: opened by the agent as a call of its own, named by its first chunk,
 * then chunks both ways. A failed request is told on the first chunk.
 */
export interface StreamPorts {
  readonly clock: Clock;
  readonly log: Log;
  readonly transport: LinkTransport;
  readonly openStream: (request: NodeStreamRequest) => Promise<NodeStream>;
}

const nothing = new Uint8Array(0);

export async function serveStream(ports: StreamPorts, { id, request }: OpenStream): Promise<void> {
  const { log, transport } = ports;
  let source: NodeStream | undefined;
  let over = false;
  const early: Chunk[] = [];
  let take = (chunk: Chunk): void => void early.push(chunk);
  const call = transport.stream({
    onChunk: (chunk) => take(chunk),
    onClose: () => {
      over = true;
      source?.close();
    },
  });
  try {
    source = await ports.openStream(JSON.parse(request) as NodeStreamRequest);
  } catch (error) {
    log("info", "stream.refused", { id, error: messageOf(error) });
    call.send({ id, channel: 0, data: nothing, end: true, error: JSON.stringify(statusOf(error)) });
    call.close();
    return;
  }
  if (over) {
    source.close();
    return;
  }
  call.send({ id, channel: 0, data: nothing, end: false, error: "" });
  toMasters(ports, source, call);
  take = fromMasters(ports, call, source);
  for (const chunk of early.splice(0)) take(chunk);
}

const hold = { bytesMax: streamPendingMaxBytes, lookMs: streamDrainMs } as const;

function fromMasters({ clock }: StreamPorts, call: StreamCall, source: NodeStream): (chunk: Chunk) => void {
  const sent = holdBack({ clock, from: call, to: source, ...hold });
  return ({ channel, data, end }) => {
    source.send({ channel, bytes: data, ...(end ? { end: true } : {}) });
    sent();
  };
}

function toMasters({ clock }: StreamPorts, source: NodeStream, call: StreamCall): void {
  const sent = holdBack({ clock, from: source, to: call, ...hold });
  source.onChunk(({ channel, bytes, end }) => {
    call.send({ channel, data: bytes, end: end === true });
    sent();
  });
  source.onClose((error) => {
    if (error !== undefined) {
      call.send({ channel: 3, data: nothing, end: true, error: JSON.stringify(statusOf(error)) });
    }
    call.close();
  });
}

function statusOf(error: unknown): Status {
  return error instanceof StatusError ? error.status : internalError(messageOf(error)).status;
}
