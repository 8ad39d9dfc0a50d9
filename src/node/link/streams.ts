import type { Chunk, OpenStream } from "../../api/link/messages.ts";
import type { NodeStream, NodeStreamRequest } from "../../api/node-streams.ts";
import type { Clock, Log } from "../../env/env.ts";
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

/** Sources that can be held back while the link is slow. */
interface Pausable extends NodeStream {
  pause?(): void;
  resume?(): void;
}

const nothing = new Uint8Array(0);

export async function serveStream(ports: StreamPorts, { id, request }: OpenStream): Promise<void> {
  const { log, transport } = ports;
  let source: Pausable | undefined;
  let over = false;
  const early: Chunk[] = [];
  const call = transport.stream({
    onChunk: (chunk) => {
      if (source === undefined) early.push(chunk);
      else pass(source, chunk);
    },
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
  relay(ports, source, call);
  for (const chunk of early.splice(0)) pass(source, chunk);
}

function pass(source: NodeStream, chunk: Chunk): void {
  source.send({ channel: chunk.channel, bytes: chunk.data, ...(chunk.end ? { end: true } : {}) });
}

function relay({ clock }: StreamPorts, source: Pausable, call: StreamCall): void {
  let paused = false;
  source.onChunk(({ channel, bytes, end }) => {
    call.send({ channel, data: bytes, end: end === true });
    if (paused || call.pending < streamPendingMaxBytes) return;
    paused = true;
    source.pause?.();
    const look = (): void => {
      if (call.pending >= streamPendingMaxBytes) clock.after(streamDrainMs, look);
      else {
        paused = false;
        source.resume?.();
      }
    };
    clock.after(streamDrainMs, look);
  });
  source.onClose((error) => {
    if (error !== undefined) {
      call.send({ channel: 3, data: nothing, end: true, error: JSON.stringify(statusOf(error)) });
    }
    call.close();
  });
}

function statusOf(error: unknown): Status {
  if (error instanceof StatusError) return error.status;
  return {
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    message: `Internal error occurred: ${messageOf(error)}`,
    reason: "InternalError",
    code: 500,
  };
}
