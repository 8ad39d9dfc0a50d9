import type { KubeObject } from "../../kinds/kind.ts";
import type { Pod } from "../../kinds/generated/types.ts";
import { createFieldErrors, statusInvalid } from "../../kinds/errors.ts";
import { badRequest, internalError, notFound } from "../../kinds/status-errors.ts";
import { StatusError, type Status } from "../../util/errors.ts";
import type { WebSocketLike } from "../../env/http.ts";
import { limits } from "../limits.ts";
import type { LogOptions, NodeStream, NodeStreamRequest } from "../node-streams.ts";
import { refusal } from "../refusals.ts";
import type { Call } from "./call.ts";
import { chooseContainer, previousContainerId, whyWaiting } from "./containers.ts";
import type { ReadTarget } from "./read.ts";
import { respond, statusOf } from "./respond.ts";
import type { Query } from "./target.ts";

/**
 * Logs, exec, attach and port-forward: bytes relayed between the client and the node that runs the
 * pod. Nothing is interpreted here but the channels of the WebSocket protocols.
 */

/** GET on a pod's `/log`: plain text, each chunk sent as it comes. */
export async function serveLog(call: Call, target: ReadTarget): Promise<void> {
  const pod = await readPod(call, target);
  const options = logOptions(call.target.query, pod.metadata.name);
  const container = chooseContainer(pod, call.target.query.get("container") ?? "");
  const node = pod.spec.nodeName ?? "";
  if (node === "") {
    respond(call.exchange, { code: 204, contentType: "text/plain", body: new Uint8Array() });
    return;
  }
  const { uid, namespace = "", name } = pod.metadata;
  const previous = options.previous ? { previousId: previousContainerId(pod, container) } : {};
  const request = { kind: "logs", podUid: uid, namespace, pod: name, container, options, ...previous } as const;
  let stream: NodeStream;
  try {
    stream = await call.door.nodeStreams.open(node, request);
  } catch (error) {
    // The node is asked first: it knows of a start before the status tells it.
    const waiting = whyWaiting(pod, container);
    throw waiting === undefined ? error : badRequest(waiting);
  }
  relayLog(call, stream);
}

/**
 * The head waits for the first chunk, so that a refusal of the node can still be a Status. The node
 * may say what is wrong on the error channel.
 */
function relayLog(call: Call, stream: NodeStream): void {
  const { exchange, door } = call;
  let out: ReturnType<typeof exchange.stream> | undefined;
  let refused: Status | undefined;
  const begin = (): NonNullable<typeof out> => {
    out ??= exchange.stream({ status: 200, headers: { "content-type": "text/plain" } });
    return out;
  };
  door.metrics.longRunning("LOG", 1);
  stream.onChunk((chunk) => {
    if (chunk.channel === channels.error) refused ??= readStatus(chunk.bytes);
    else if (chunk.bytes.length > 0) begin().write(chunk.bytes);
  });
  stream.onClose((error) => {
    door.metrics.longRunning("LOG", -1);
    const status = refused?.status === "Failure" ? refused : error && statusOf(error);
    if (out === undefined && status !== undefined) {
      const body = Buffer.from(`${JSON.stringify(status)}\n`);
      respond(exchange, { code: status.code, contentType: "application/json", body });
    } else {
      begin().end();
    }
  });
  exchange.onClose(() => stream.close());
}

function readStatus(bytes: Uint8Array): Status | undefined {
  const text = Buffer.from(bytes).toString("utf8");
  if (!text.startsWith("{")) return text === "" ? undefined : internalError(text).status;
  const value = JSON.parse(text) as Status;
  return { ...value, code: value.code ?? 500 };
}

function logOptions(query: Query, pod: string): LogOptions {
  const errors = createFieldErrors();
  const number = (name: string, min: number): number | undefined => {
    const text = query.get(name);
    if (text === undefined || text === "") return undefined;
    if (!/^-?[0-9]{1,15}$/.test(text)) throw badRequest(`${name}: ${text} is not a number`);
    const value = Number(text);
    if (value < min) {
      const detail = min === 0 ? "must be greater than or equal to 0" : "must be greater than 0";
      errors.invalid(name, value, detail);
    }
    return value;
  };
  const tailLines = number("tailLines", 0);
  const limitBytes = number("limitBytes", 1);
  const sinceSeconds = number("sinceSeconds", 1);
  const sinceTime = query.get("sinceTime");
  if (sinceSeconds !== undefined && sinceTime !== undefined) {
    errors.forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified");
  }
  if (errors.causes.length > 0) throw statusInvalid({ group: "", kind: "PodLogOptions" }, pod, errors);
  return {
    follow: query.flag("follow"),
    previous: query.flag("previous"),
    timestamps: query.flag("timestamps"),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(sinceSeconds === undefined ? {} : { sinceSeconds }),
    ...(sinceTime === undefined ? {} : { sinceTime }),
  };
}

/** The pod of a stream. Throws 404. */
async function readPod(call: Call, target: ReadTarget): Promise<Pod> {
  const { door } = call;
  const { kind, namespace, name } = target;
  await door.host.readBarrier();
  const row = door.store.committed.get(kind.id, namespace, name);
  if (row === undefined) throw notFound(kind, name);
  return row.object<KubeObject & Pod>();
}

function nodeOf(pod: Pod): string {
  const node = pod.spec.nodeName ?? "";
  if (node === "") throw badRequest(`pod ${pod.metadata.name} does not have a host assigned`);
  return node;
}

const channels = { stdin: 0, stdout: 1, stderr: 2, error: 3, resize: 4, close: 255 } as const;

/** Sub-protocols of remote commands, best first. */
const commandProtocols = ["v5.channel.k8s.io", "v4.channel.k8s.io"] as const;

export async function serveExec(call: Call, target: ReadTarget): Promise<void> {
  const pod = await readPod(call, target);
  const { query } = call.target;
  const node = nodeOf(pod);
  const command = query.all("command");
  if (command.length === 0) throw badRequest("you must specify at least 1 command for execution");
  const request: NodeStreamRequest = {
    kind: "exec",
    podUid: pod.metadata.uid,
    container: chooseContainer(pod, query.get("container") ?? ""),
    command,
    ...wantedStreams(query),
  };
  await serveCommand(call, node, request);
}

export async function serveAttach(call: Call, target: ReadTarget): Promise<void> {
  const pod = await readPod(call, target);
  const { query } = call.target;
  const node = nodeOf(pod);
  const request: NodeStreamRequest = {
    kind: "attach",
    podUid: pod.metadata.uid,
    container: chooseContainer(pod, query.get("container") ?? ""),
    ...wantedStreams(query),
  };
  await serveCommand(call, node, request);
}

interface WantedStreams {
  readonly tty: boolean;
  readonly stdin: boolean;
  readonly stdout: boolean;
  readonly stderr: boolean;
}

function wantedStreams(query: Query): WantedStreams {
  const tty = query.flag("tty");
  const wanted = {
    tty,
    stdin: query.flag("stdin"),
    stdout: query.flag("stdout"),
    // A terminal has one output: both streams arrive on it.
    stderr: query.flag("stderr") && !tty,
  };
  if (!wanted.stdin && !wanted.stdout && !wanted.stderr) {
    throw badRequest("you must specify at least 1 of stdin, stdout, stderr");
  }
  return wanted;
}

/**
 * The client is let in first, and what the node refuses comes on the error channel: kubectl takes an
 * upgrade that is refused for an old server's and tries SPDY, whose answer would hide the reason.
 */
async function serveCommand(call: Call, node: string, request: NodeStreamRequest): Promise<void> {
  const socket = await call.exchange.upgrade(chooseProtocol(call, commandProtocols));
  const early: Uint8Array[] = [];
  let isGone = false;
  let receive = (message: Uint8Array): void => void early.push(message);
  socket.onMessage((message) => receive(message));
  socket.onClose(() => {
    isGone = true;
  });
  let stream: NodeStream;
  try {
    stream = await call.door.nodeStreams.open(node, request);
  } catch (error) {
    socket.send(onChannel(channels.error, Buffer.from(JSON.stringify(finalStatus(asError(error))))));
    socket.close(1000);
    return;
  }
  relayCommand(call, socket, stream);
  receive = (message) => fromClient(stream, message);
  for (const message of early) receive(message);
  if (isGone) stream.close();
}

function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown));
}

/** The best sub-protocol that both sides know. Throws 400 where the request is no such upgrade. */
function chooseProtocol(call: Call, known: readonly string[]): string {
  const { exchange } = call;
  if (!exchange.isUpgrade) throw badRequest("Upgrade request required");
  const offered = (exchange.headers["sec-websocket-protocol"] ?? "").split(",").map((name) => name.trim());
  const chosen = known.find((name) => offered.includes(name));
  if (chosen === undefined) {
    throw refusal(400, "BadRequest", `unable to upgrade: none of the sub-protocols is known: ${offered.join(", ")}`);
  }
  return chosen;
}

async function upgrade(call: Call, protocol: string, stream: NodeStream): Promise<WebSocketLike> {
  try {
    return await call.exchange.upgrade(protocol);
  } catch (error) {
    stream.close();
    throw error;
  }
}

/** From the node to the client. The end of one channel is not told: clients know only the end of all. */
function relayCommand(call: Call, socket: WebSocketLike, stream: NodeStream): void {
  let hasStatus = false;
  stream.onChunk(({ channel, bytes }) => {
    if (bytes.length === 0) return;
    hasStatus ||= channel === channels.error;
    socket.send(onChannel(channel, bytes));
  });
  const untrack = track(call);
  stream.onClose((error) => {
    untrack();
    if (!hasStatus) socket.send(onChannel(channels.error, Buffer.from(JSON.stringify(finalStatus(error)))));
    socket.close(1000);
  });
  socket.onClose(() => stream.close());
}

function fromClient(stream: NodeStream, message: Uint8Array): void {
  const channel = message[0];
  if (channel === undefined) return;
  if (channel === channels.close) {
    const closed = message[1];
    if (closed === channels.stdin) stream.send({ channel: closed, bytes: none, end: true });
  } else if (channel === channels.stdin || channel === channels.resize) {
    if (message.length > 1) stream.send({ channel, bytes: message.subarray(1) });
  }
  if (stream.pending > limits.streamPendingBytesMax) stream.close();
}

function onChannel(channel: number, bytes: Uint8Array): Uint8Array {
  return Buffer.concat([Uint8Array.of(channel), bytes]);
}

const none = new Uint8Array();

function finalStatus(error: Error | undefined): unknown {
  if (error === undefined) return { metadata: {}, status: "Success" };
  return error instanceof StatusError ? error.status : statusOf(error);
}

/** Counts the stream while it is open; answers what ends the counting. */
function track(call: Call): () => void {
  const { metrics } = call.door;
  metrics.longRunning("CONNECT", 1);
  return () => metrics.longRunning("CONNECT", -1);
}

const portForwardProtocol = "SPDY/3.1+portforward.k8s.io";

/** SPDY inside a WebSocket: each message is a piece of one byte stream, relayed as it is. */
export async function servePortForward(call: Call, target: ReadTarget): Promise<void> {
  const pod = await readPod(call, target);
  const node = nodeOf(pod);
  const protocol = chooseProtocol(call, [portForwardProtocol]);
  const stream = await call.door.nodeStreams.open(node, {
    kind: "portforward",
    podUid: pod.metadata.uid,
  });
  const socket = await upgrade(call, protocol, stream);
  stream.onChunk(({ bytes }) => {
    if (bytes.length > 0) socket.send(bytes);
  });
  const untrack = track(call);
  stream.onClose((error) => {
    untrack();
    socket.close(error === undefined ? 1000 : 1011);
  });
  socket.onMessage((bytes) => {
    stream.send({ channel: channels.stdout, bytes });
    if (stream.pending > limits.streamPendingBytesMax) stream.close();
  });
  socket.onClose(() => stream.close());
}
