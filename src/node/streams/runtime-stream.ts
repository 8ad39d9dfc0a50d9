import type { NodeStream } from "../../api/node-streams.ts";
import type { HostNet } from "../../env/host.ts";
import { TransientError } from "../../util/errors.ts";
import { createSpdySession } from "../../util/spdy/session.ts";
import { upgradeToSpdy } from "./upgrade.ts";

/**
 * Streams into containers through containerd's streaming server, in the shape that the node's link
 * carries: chunks on channels 0-4. WebSocket towards containerd cannot close stdin alone
 * (`kubectl cp` would hang), so it is SPDY.
 */
export type RuntimeStream = NodeStream;

export interface CommandStreams {
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
  readonly tty: boolean;
}

const channelOf = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4 } as const;

/**
 * `url`: what CRI's Exec or Attach answered. The exit status comes on channel 3, as a Status; a connection that
 * ends without one is an error: how the command ended is not known.
 */
export async function openCommandStream(net: HostNet, url: string, streams: CommandStreams): Promise<RuntimeStream> {
  const { stream, onData } = await upgradeToSpdy(net, url, "v4.channel.k8s.io");
  /** SPDY stream by channel and back. */
  const ids = new Map<number, number>();
  const channels = new Map<number, number>();
  const outgoing = createOutgoing(() => stream.destroy());
  /** Channels that the container's side has not closed yet; when all are, the command is over. */
  const open = new Set<number>();
  let hasStatus = false;
  const ending = (error?: Error): Error | undefined =>
    hasStatus ? undefined : (error ?? new TransientError("the runtime did not say how the command ended"));
  const session = createSpdySession({
    side: "client",
    write: (bytes) => stream.write(bytes),
    pending: () => stream.pending,
    // Runtimes open none.
    streamsMax: 0,
    listener: {
      opened: () => undefined,
      data: (id, bytes, isLast) => {
        const channel = channels.get(id);
        if (channel === undefined) return;
        if (channel === channelOf.error && bytes.length > 0) hasStatus = true;
        if (bytes.length > 0 || isLast) outgoing.chunk({ channel, bytes, ...(isLast ? { end: true } : {}) });
        if (isLast) open.delete(channel);
        if (open.size > 0) return;
        // All has been said; how the connection ends does not matter.
        outgoing.close(ending());
        stream.destroy();
      },
      failed: (error) => outgoing.close(error),
    },
  });
  for (const streamtype of typesOf(streams)) {
    const channel = channelOf[streamtype];
    const id = session.open({ streamtype });
    ids.set(channel, id);
    channels.set(id, channel);
    if (channel !== channelOf.stdin && channel !== channelOf.resize) open.add(channel);
  }
  onData((bytes) => session.receive(bytes));
  stream.onClose((error) => outgoing.close(ending(error)));
  return {
    send: ({ channel, bytes, end = false }) => {
      const id = ids.get(channel);
      if (id !== undefined) session.send(id, bytes, end);
    },
    get pending(): number {
      return stream.pending + session.queued;
    },
    onChunk: outgoing.onChunk,
    onClose: outgoing.onClose,
    close: () => stream.destroy(),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
  };
}

/** In the order in which kubectl opens them. With a terminal there is no stderr. */
function typesOf({ stdin, stdout, stderr, tty }: CommandStreams): readonly (keyof typeof channelOf)[] {
  return [
    "error" as const,
    ...(stdin ? (["stdin"] as const) : []),
    ...(stdout ? (["stdout"] as const) : []),
    ...(stderr && !tty ? (["stderr"] as const) : []),
    ...(tty ? (["resize"] as const) : []),
  ];
}

/** The client's own SPDY frames, relayed both ways on channel 1. */
export async function openPortForward(net: HostNet, url: string): Promise<RuntimeStream> {
  const { stream, onData } = await upgradeToSpdy(net, url, "portforward.k8s.io");
  const outgoing = createOutgoing(() => stream.destroy());
  onData((bytes) => outgoing.chunk({ channel: 1, bytes }));
  stream.onClose((error) => outgoing.close(error));
  return {
    send: ({ bytes, end = false }) => {
      if (bytes.length > 0) stream.write(bytes);
      if (end) stream.end();
    },
    get pending(): number {
      return stream.pending;
    },
    onChunk: outgoing.onChunk,
    onClose: outgoing.onClose,
    close: () => stream.destroy(),
    pause: () => stream.pause(),
    resume: () => stream.resume(),
  };
}

type Chunk = Parameters<NodeStream["send"]>[0];

interface Outgoing {
  chunk(chunk: Chunk): void;
  close(error: Error | undefined): void;
  readonly onChunk: NodeStream["onChunk"];
  readonly onClose: NodeStream["onClose"];
}

/** Keeps what comes before somebody listens; closes once. */
export function createOutgoing(destroy: () => void): Outgoing {
  const early: Chunk[] = [];
  let take: ((chunk: Chunk) => void) | undefined;
  let told: ((error: Error | undefined) => void) | undefined;
  let closed: { readonly error: Error | undefined } | undefined;
  return {
    chunk: (chunk) => {
      if (closed !== undefined) return;
      if (take === undefined) early.push(chunk);
      else take(chunk);
    },
    close: (error) => {
      if (closed !== undefined) return;
      closed = { error };
      if (error !== undefined) destroy();
      told?.(error);
    },
    onChunk: (run) => {
      take = run;
      for (const chunk of early.splice(0)) run(chunk);
    },
    onClose: (run) => {
      told = run;
      if (closed !== undefined) run(closed.error);
    },
  };
}
