import type { WebSocketLike } from "../../../env/http.ts";
import type { StreamChunk } from "../../node-streams.ts";
import { channels, Early, noBytes, statusAsText, type CommandClient } from "./channels.ts";

/**
 * Remote commands over WebSocket: each message begins with its channel. v5 can end stdin alone; v4 and v5
 * end with a Status, the others with a text. `base64` forms are text messages whose channel is a digit.
 */
export const webSocketCommands: readonly string[] = [
  "v5.channel.k8s.io",
  "v4.channel.k8s.io",
  "v4.base64.channel.k8s.io",
  "channel.k8s.io",
  "base64.channel.k8s.io",
  "",
];

export function createWebSocketClient(socket: WebSocketLike, protocol: string): CommandClient {
  const codec = createChannelCodec(socket, protocol);
  const early = new Early<StreamChunk>();
  const canEndStdin = protocol.startsWith("v5.");
  socket.onMessage((message) => {
    const received = codec.read(message);
    if (received === undefined) return;
    const { channel, bytes } = received;
    if (channel === channels.close && canEndStdin) {
      if (bytes[0] === channels.stdin) early.push({ channel: channels.stdin, bytes: noBytes, end: true });
    } else if ((channel === channels.stdin || channel === channels.resize) && bytes.length > 0) {
      early.push({ channel, bytes });
    }
  });
  return {
    // The end of one channel is not told: clients know only the end of all.
    send: (channel, bytes) => codec.write(channel, bytes),
    finish: (status) => {
      const last = /^v[45]\./.test(protocol) ? status : statusAsText(status);
      if (last !== "") codec.write(channels.error, Buffer.from(last));
      socket.close(1000);
    },
    get pending() {
      return socket.pending;
    },
    pause: () => socket.pause(),
    resume: () => socket.resume(),
    onChunk: (run) => early.listen(run),
    onClose: (run) => socket.onClose(run),
  };
}

export interface ChannelCodec {
  write(channel: number, bytes: Uint8Array): void;
  /** Undefined: an empty message. */
  read(message: Uint8Array): { readonly channel: number; readonly bytes: Uint8Array } | undefined;
}

const digitZero = 48;

export function createChannelCodec(socket: WebSocketLike, protocol: string): ChannelCodec {
  if (!protocol.includes("base64")) {
    return {
      write: (channel, bytes) => socket.send(Buffer.concat([Uint8Array.of(channel), bytes])),
      read: (message) => (message.length === 0 ? undefined : { channel: message[0]!, bytes: message.subarray(1) }),
    };
  }
  return {
    write: (channel, bytes) => {
      const text = String.fromCodePoint(digitZero + channel) + Buffer.from(bytes).toString("base64");
      socket.send(Buffer.from(text), "text");
    },
    read: (message) => {
      if (message.length === 0) return undefined;
      const bytes = Buffer.from(Buffer.from(message.subarray(1)).toString("latin1"), "base64");
      return { channel: message[0]! - digitZero, bytes };
    },
  };
}
