import * as http from "node:http";
import * as https from "node:https";
import * as net from "node:net";

import { messageOf, TransientError } from "../../util/errors.ts";
import type { ByteStream, HostNet } from "../host.ts";

/**
 * Sockets of the agent. Every failure to reach the other side is a `TransientError` with the
 * system's error as its cause; what the other side answers is a result.
 */

export function realNet(): HostNet {
  return { httpGet, tcpConnect, dial };
}

function httpGet(request: Parameters<HostNet["httpGet"]>[0]): ReturnType<HostNet["httpGet"]> {
  const { scheme, host, port, path, headers, timeoutMs, bodyLimit } = request;
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      clearTimeout(timer);
      reject(new TransientError(error.message, { cause: error }));
    };
    const call = (scheme === "https" ? https : http).request({
      method: "GET",
      host: host.replace(/^\[(.*)\]$/, "$1"),
      port,
      path,
      headers: headerMap(headers),
      agent: false,
      // A probe asks whether the server answers, not who it is.
      ...(scheme === "https" ? { rejectUnauthorized: false } : {}),
    });
    const timer = setTimeout(
      () => call.destroy(new Error(`context deadline exceeded: no answer within ${timeoutMs} ms`)),
      timeoutMs,
    );
    call.on("error", fail);
    call.on("response", (response) => {
      const pieces: Buffer[] = [];
      let size = 0;
      const finish = (): void => {
        clearTimeout(timer);
        resolve({
          status: response.statusCode ?? 0,
          body: Buffer.concat(pieces).subarray(0, bodyLimit).toString("utf8"),
          location: response.headers.location,
        });
      };
      response.on("data", (piece: Buffer) => {
        pieces.push(piece);
        size += piece.length;
        if (size < bodyLimit) return;
        finish();
        call.destroy();
      });
      response.on("end", finish);
      response.on("error", fail);
    });
    call.end();
  });
}

/** Names may come several times and in any case; Node takes the values of one name as a list. */
function headerMap(headers: readonly (readonly [string, string])[]): Record<string, string[]> {
  const byName = new Map<string, { readonly name: string; readonly values: string[] }>();
  for (const [name, value] of headers) {
    const entry = byName.get(name.toLowerCase());
    if (entry) entry.values.push(value);
    else byName.set(name.toLowerCase(), { name, values: [value] });
  }
  return Object.fromEntries([...byName.values()].map(({ name, values }) => [name, values]));
}

function tcpConnect(host: string, port: number, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = net.connect({ host, port });
    const timer = setTimeout(() => socket.destroy(new Error(`no connection within ${timeoutMs} ms`)), timeoutMs);
    socket.on("connect", () => {
      clearTimeout(timer);
      socket.destroy();
      resolve();
    });
    socket.on("error", (error) => {
      clearTimeout(timer);
      reject(new TransientError(`connect ${host}:${port}: ${error.message}`, { cause: error }));
    });
  });
}

/**
 * A socket that is still read after its other side has gone. Node destroys a socket at the first write that fails,
 * and with it what had arrived and was not read: the whole output of a command that ended before its input came.
 */
class ReadToTheEnd extends net.Socket {
  override _write(...[bytes, encoding, done]: Parameters<net.Socket["_write"]>): void {
    super._write(bytes, encoding, (error) => done(isGone(error) ? null : error));
  }

  override _writev(...[pieces, done]: Parameters<NonNullable<net.Socket["_writev"]>>): void {
    super._writev!(pieces, (error) => done(isGone(error) ? null : error));
  }
}

function isGone(error: Error | null | undefined): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "EPIPE" || code === "ECONNRESET";
}

function dial(target: Parameters<HostNet["dial"]>[0]): Promise<ByteStream> {
  return new Promise((resolve, reject) => {
    const socket = new ReadToTheEnd().connect("path" in target ? { path: target.path } : target);
    const refuse = (error: Error): void => {
      const where = "path" in target ? target.path : `${target.host}:${target.port}`;
      reject(new TransientError(`connect ${where}: ${messageOf(error)}`, { cause: error }));
    };
    socket.once("error", refuse);
    socket.once("connect", () => {
      socket.off("error", refuse);
      socket.setNoDelay(true);
      resolve(byteStream(socket));
    });
  });
}

function byteStream(socket: net.Socket): ByteStream {
  let failure: Error | undefined;
  // Without this listener a reset between connect and `onClose` would crash the process.
  socket.on("error", (error) => (failure = error));
  return {
    write: (bytes) => void socket.write(bytes),
    get pending(): number {
      return socket.writableLength;
    },
    onData: (run) => void socket.on("data", (bytes: Buffer) => run(bytes)),
    onClose: (run) => void socket.on("close", () => run(failure)),
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
}
