import { holdBack } from "../../../env/hold-back.ts";
import type { WebSocketLike } from "../../../env/http.ts";
import { badRequest } from "../../../kinds/status-errors.ts";
import { createSpdySession } from "../../../util/spdy/session.ts";
import { limits } from "../../limits.ts";
import type { NodeStream } from "../../node-streams.ts";
import { askerOf, type Call } from "../call.ts";
import type { ReadTarget } from "../read.ts";
import type { Query } from "../target.ts";
import { channels, noBytes, track } from "./channels.ts";
import { spdyHeaders, spdyProtocol, transportOf, webSocketProtocol } from "./handshake.ts";
import { nodeOf, readPod } from "./pod.ts";
import { createChannelCodec } from "./websocket.ts";

/**
 * Port-forward in its three forms. SPDY/3.1 (kubectl before 1.31) and SPDY inside WebSocket messages
 * (from 1.31 on) go through to the runtime as they are: it speaks the same. Channels in a WebSocket
 * (client libraries) are turned into that protocol here.
 */
const tunnelProtocol = "SPDY/3.1+portforward.k8s.io";
const channelProtocols = ["v4.channel.k8s.io", "v4.base64.channel.k8s.io"] as const;

export async function servePortForward(call: Call, target: ReadTarget): Promise<void> {
  const pod = await readPod(call, target);
  const node = nodeOf(pod);
  const open = (): Promise<NodeStream> =>
    call.door.nodeStreams.open(node, { kind: "portforward", podUid: pod.metadata.uid }, askerOf(call));
  if (transportOf(call) === "spdy") {
    const protocol = spdyProtocol(call, ["portforward.k8s.io"]);
    if (protocol !== undefined) relaySpdy(call, protocol, await open());
    return;
  }
  const protocol = webSocketProtocol(call, [tunnelProtocol, ...channelProtocols]);
  const ports = protocol === tunnelProtocol ? [] : portsOf(call.target.query);
  const stream = await open();
  const socket = await upgrade(call, protocol, stream);
  if (protocol === tunnelProtocol) relayTunnel(call, socket, stream);
  else relayChannels({ call, socket, stream, protocol, ports });
}

async function upgrade(call: Call, protocol: string, stream: NodeStream): Promise<WebSocketLike> {
  try {
    return await call.exchange.upgrade(protocol);
  } catch (error) {
    stream.close();
    throw error;
  }
}

function holdOf(call: Call): Pick<Parameters<typeof holdBack>[0], "clock" | "bytesMax" | "lookMs"> {
  return { clock: call.door.env.clock, bytesMax: limits.streamPendingBytesMax, lookMs: limits.streamLookMs };
}

function relaySpdy(call: Call, protocol: string, stream: NodeStream): void {
  const connection = call.exchange.switchProtocols(spdyHeaders(protocol));
  const hold = holdOf(call);
  const toClient = holdBack({ ...hold, from: stream, to: connection });
  const toNode = holdBack({ ...hold, from: connection, to: stream });
  stream.onChunk(({ bytes }) => {
    connection.write(bytes);
    toClient();
  });
  const untrack = track(call);
  stream.onClose(() => {
    untrack();
    connection.end();
  });
  connection.onClose(() => stream.close());
  connection.onData((bytes) => {
    stream.send({ channel: channels.stdout, bytes });
    toNode();
  });
}

/** Each message is a piece of one byte stream. */
function relayTunnel(call: Call, socket: WebSocketLike, stream: NodeStream): void {
  const hold = holdOf(call);
  const toClient = holdBack({ ...hold, from: stream, to: socket });
  const toNode = holdBack({ ...hold, from: socket, to: stream });
  stream.onChunk(({ bytes }) => {
    if (bytes.length > 0) socket.send(bytes);
    toClient();
  });
  const untrack = track(call);
  stream.onClose((error) => {
    untrack();
    socket.close(error === undefined ? 1000 : 1011);
  });
  socket.onMessage((bytes) => {
    stream.send({ channel: channels.stdout, bytes });
    toNode();
  });
  socket.onClose(() => stream.close());
}

/** Throws 400 for none, too many, or what is no port. */
function portsOf(query: Query): readonly number[] {
  const given = query.all("ports").flatMap((text) => text.split(","));
  if (given.length === 0) throw badRequest('query parameter "ports" is required');
  if (given.length > limits.forwardedPortsMax) throw badRequest(`at most ${limits.forwardedPortsMax} ports are taken`);
  return given.map((text) => {
    const port = Number(text);
    if (!/^[0-9]{1,5}$/.test(text) || port < 1 || port > 65_535) {
      throw badRequest(`unable to parse ${JSON.stringify(text)} as a port`);
    }
    return port;
  });
}

interface ChannelRelay {
  readonly call: Call;
  readonly socket: WebSocketLike;
  readonly stream: NodeStream;
  readonly protocol: string;
  readonly ports: readonly number[];
}

/**
 * Two channels for each port, data and error, of which the first message names the port. Towards the
 * runtime they are a pair of SPDY streams with one request number.
 */
function relayChannels({ call, socket, stream, protocol, ports }: ChannelRelay): void {
  const codec = createChannelCodec(socket, protocol);
  const hold = holdOf(call);
  const toClient = holdBack({ ...hold, from: stream, to: socket });
  const toNode = holdBack({ ...hold, from: socket, to: stream });
  const channelOf = new Map<number, number>();
  const dataStreams: number[] = [];
  const session = createSpdySession({
    side: "client",
    write: (bytes) => stream.send({ channel: channels.stdout, bytes }),
    pending: () => stream.pending,
    streamsMax: 0,
    listener: {
      opened: () => undefined,
      data: (id, bytes, isLast) => {
        const channel = channelOf.get(id);
        if (channel === undefined) return;
        if (bytes.length > 0) codec.write(channel, bytes);
        toClient();
        if (isLast) channelOf.delete(id);
        if (channelOf.size === 0) stream.close();
      },
      failed: () => stream.close(),
    },
  });
  for (const [index, port] of ports.entries()) {
    const headers = { port: String(port), requestid: String(index) };
    const error = session.open({ streamtype: "error", ...headers });
    session.send(error, noBytes, true);
    const data = session.open({ streamtype: "data", ...headers });
    dataStreams.push(data);
    channelOf.set(data, 2 * index);
    channelOf.set(error, 2 * index + 1);
    for (const channel of [2 * index, 2 * index + 1]) codec.write(channel, Uint8Array.of(port & 0xff, port >> 8));
  }
  stream.onChunk(({ bytes }) => session.receive(bytes));
  const untrack = track(call);
  stream.onClose((error) => {
    untrack();
    socket.close(error === undefined ? 1000 : 1011);
  });
  socket.onMessage((message) => {
    const received = codec.read(message);
    const data = received === undefined || received.channel % 2 === 1 ? undefined : dataStreams[received.channel / 2];
    if (received === undefined || data === undefined) return;
    session.send(data, received.bytes, false);
    toNode();
  });
  socket.onClose(() => stream.close());
}
