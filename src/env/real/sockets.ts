import { createSocket } from "node:dgram";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { createServer, isIPv6, type AddressInfo, type Socket } from "node:net";
import type { ByteStream } from "../host.ts";
import type { Sockets } from "../sockets.ts";

export const realSockets: Sockets = {
  async udp({ host, port }) {
    const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
    // An unreachable peer shows as an error of the next send; DNS treats it as silence.
    socket.on("error", () => undefined);
    const bound = once(socket, "listening");
    socket.bind({ address: host, port, exclusive: true });
    await bound;
    return {
      port: socket.address().port,
      send: (bytes, to) => socket.send(bytes, to.port, to.host, () => undefined),
      onMessage: (run) =>
        void socket.on("message", (bytes, from) => run(bytes, { host: from.address, port: from.port })),
      close: () => socket.close(),
    };
  },

  async listen(at, onConnection) {
    // A socket file of a process that was killed is in the way of its successor.
    if ("path" in at) await rm(at.path, { force: true });
    const server = createServer((socket) => onConnection(adaptSocket(socket), socket.remoteAddress ?? ""));
    const listening = once(server, "listening");
    server.listen(at);
    await listening;
    const address = server.address();
    return {
      port: typeof address === "object" ? ((address as AddressInfo | null)?.port ?? 0) : 0,
      close: () => void server.close(),
    };
  },
};

export function adaptSocket(socket: Socket): ByteStream {
  let failed: Error | undefined;
  socket.setNoDelay(true);
  socket.on("error", (error) => {
    failed = error;
  });
  return {
    write: (bytes) => {
      if (!socket.destroyed) socket.write(bytes);
    },
    get pending() {
      return socket.writableLength;
    },
    onData: (run) => void socket.on("data", run),
    onClose: (run) => void socket.once("close", () => run(failed)),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
}
