import { badRequest } from "../../../kinds/status-errors.ts";
import { holdBack } from "../../../env/hold-back.ts";
import { limits } from "../../limits.ts";
import type { NodeStream, NodeStreamRequest } from "../../node-streams.ts";
import { askerOf, type Call } from "../call.ts";
import { chooseContainer } from "../containers.ts";
import type { ReadTarget } from "../read.ts";
import type { Query } from "../target.ts";
import { channels, finalStatus, track, type CommandClient } from "./channels.ts";
import { spdyHeaders, spdyProtocol, transportOf, webSocketProtocol } from "./handshake.ts";
import { nodeOf, readPod } from "./pod.ts";
import { openSpdyClient, spdyCommands } from "./spdy.ts";
import { createWebSocketClient, webSocketCommands } from "./websocket.ts";

/** exec and attach: bytes relayed between the client, in the protocol that it speaks, and the pod's node. */

type Command = Extract<NodeStreamRequest, { readonly kind: "exec" | "attach" }>;

export async function serveExec(call: Call, target: ReadTarget): Promise<void> {
  const pod = await readPod(call, target);
  const { query } = call.target;
  const node = nodeOf(pod);
  const command = query.all("command");
  if (command.length === 0) throw badRequest("you must specify at least 1 command for execution");
  await serveCommand(call, node, {
    kind: "exec",
    podUid: pod.metadata.uid,
    container: chooseContainer(pod, query.get("container") ?? ""),
    command,
    ...wantedStreams(query),
  });
}

export async function serveAttach(call: Call, target: ReadTarget): Promise<void> {
  const pod = await readPod(call, target);
  const { query } = call.target;
  const node = nodeOf(pod);
  await serveCommand(call, node, {
    kind: "attach",
    podUid: pod.metadata.uid,
    container: chooseContainer(pod, query.get("container") ?? ""),
    ...wantedStreams(query),
  });
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
async function serveCommand(call: Call, node: string, command: Command): Promise<void> {
  const client = await openClient(call, command);
  if (client === undefined) return;
  let isGone = false;
  client.onClose(() => {
    isGone = true;
  });
  // What the client says meanwhile waits in its connection.
  client.pause();
  let stream: NodeStream;
  try {
    stream = await call.door.nodeStreams.open(node, command, askerOf(call));
  } catch (error) {
    client.resume();
    client.finish(finalStatus(error));
    return;
  }
  relay(call, client, stream);
  client.resume();
  if (isGone) stream.close();
}

async function openClient(call: Call, command: Command): Promise<CommandClient | undefined> {
  const { exchange } = call;
  if (transportOf(call) === "websocket") {
    const protocol = webSocketProtocol(call, webSocketCommands);
    return createWebSocketClient(await exchange.upgrade(protocol), protocol);
  }
  const protocol = spdyProtocol(call, spdyCommands);
  if (protocol === undefined) return undefined;
  const connection = exchange.switchProtocols(spdyHeaders(protocol));
  return openSpdyClient({ clock: call.door.env.clock, connection, protocol, command });
}

function relay(call: Call, client: CommandClient, stream: NodeStream): void {
  const { clock } = call.door.env;
  const hold = { clock, bytesMax: limits.streamPendingBytesMax, lookMs: limits.streamLookMs };
  const toClient = holdBack({ ...hold, from: stream, to: client });
  const toNode = holdBack({ ...hold, from: client, to: stream });
  let status = "";
  stream.onChunk(({ channel, bytes }) => {
    if (bytes.length === 0) return;
    if (channel === channels.error) {
      // The last word waits for the last output.
      if (status.length < limits.commandStatusBytesMax) status += Buffer.from(bytes).toString("utf8");
    } else {
      client.send(channel, bytes);
      toClient();
    }
  });
  const untrack = track(call);
  stream.onClose((error) => {
    untrack();
    client.finish(status === "" ? finalStatus(error) : status);
  });
  client.onChunk((chunk) => {
    stream.send(chunk);
    toNode();
  });
  client.onClose(() => stream.close());
}
