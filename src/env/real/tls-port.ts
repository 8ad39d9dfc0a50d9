/**
 * The TLS port under the gRPC server: a client certificate is asked for and not demanded, connections are
 * counted as those of the REST port are, and gRPC gets those that are within the bounds. What is beyond a
 * bound is told so in gRPC (RESOURCE_EXHAUSTED) and then closed.
 *
 * A connection without a certificate stays its address's, also when a token comes on it: gRPC does not tell
 * which connection a call came on.
 */
import { createServer as createHttp2, type Http2Server, type ServerHttp2Stream } from "node:http2";
import { createServer, type TLSSocket } from "node:tls";
import type { TlsPort } from "../tls-port.ts";
import { certificateOf } from "./client-certificate.ts";
import { countConnections, usualConnections, type Connections, type ConnectionLimits } from "./https-connections.ts";
import { askingTls, certificateLoader, listen, type ServingPair } from "./tls-server.ts";

export interface TlsPortOptions extends ServingPair {
  /** How many connections are taken; default `usualConnections`. */
  readonly connections?: ConnectionLimits;
  /** Who has not finished the handshake by then is cut; default 10 s. */
  readonly handshakeMs?: number;
}

const usualHandshakeMs = 10_000;

/** Each connection within the bounds is handed to `serve`, once. */
export function createTlsPort(options: TlsPortOptions, serve: (socket: TLSSocket) => void): TlsPort {
  const server = createServer({
    ...askingTls(options),
    ALPNProtocols: ["h2"],
    handshakeTimeout: options.handshakeMs ?? usualHandshakeMs,
  });
  const limits = options.connections ?? usualConnections;
  const connections = countConnections(server, limits, (socket) => certificateOf(socket)?.commonName);
  const refusing = createRefusing(connections);
  // A handshake that failed, or was not done in time.
  server.on("tlsClientError", (_error, socket) => socket.destroy());
  server.on("secureConnection", (socket) => {
    // A client that resets its connection is no error of ours; its calls end.
    socket.on("error", () => socket.destroy());
    // Its handshake took longer than the port was open: whoever served it would not be told to end it.
    if (!server.listening) return void socket.destroy();
    socket.setNoDelay(true);
    if (connections.of(socket)?.refusal === undefined) serve(socket);
    else refusing.emit("connection", socket);
  });
  return {
    listen: (host, port) => listen(server, host, port),
    loadCertificate: certificateLoader(server, options.clientAuthorities),
    close: () => void server.close(),
  };
}

const resourceExhausted = 8;

/** Answers each call with the reason why its connection is not served, and closes the connection behind it. */
function createRefusing(connections: Connections): Http2Server {
  const server = createHttp2();
  server.on("stream", (stream: ServerHttp2Stream) => {
    stream.on("error", () => stream.destroy());
    const reason = connections.of(stream.session?.socket as TLSSocket)?.refusal ?? "";
    const status = { "grpc-status": String(resourceExhausted), "grpc-message": encodeURI(reason) };
    stream.respond({ ":status": 200, "content-type": "application/grpc", ...status }, { endStream: true });
    stream.session?.close();
  });
  return server;
}
