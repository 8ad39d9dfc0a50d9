import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { connect, createSecureContext, createServer, type TLSSocket } from "node:tls";
import type { Credentials, SecureConnection, SecureSockets } from "../sockets.ts";
import { adaptSocket } from "./sockets.ts";

/** TLS 1.3 with certificates on both sides. Who the other end is, its certificate's URIs say; names of hosts do not matter. */
export const realSecureSockets: SecureSockets = {
  async listen({ host, port }, credentials, onConnection) {
    const server = createServer({
      ...contextOf(credentials()),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.3",
      SNICallback: (_name, done) => done(null, createSecureContext(contextOf(credentials()))),
    });
    server.on("secureConnection", (socket) => onConnection(adapt(socket)));
    // Someone who is not of the cluster: the connection is gone already.
    server.on("tlsClientError", (_error, socket) => socket.destroy());
    const listening = once(server, "listening");
    server.listen({ host, port });
    await listening;
    const open = new Set<TLSSocket>();
    server.on("secureConnection", (socket) => {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    });
    return {
      port: (server.address() as AddressInfo).port,
      close() {
        server.close();
        for (const socket of open) socket.destroy();
      },
    };
  },

  dial({ host, port, timeoutMs }, credentials) {
    return new Promise((resolve, reject) => {
      const socket = connect({
        ...contextOf(credentials),
        host,
        port,
        // Asks for the newest certificate, see `SNICallback`.
        servername: "peer.troupe.internal",
        minVersion: "TLSv1.3",
        rejectUnauthorized: true,
        checkServerIdentity: () => undefined,
      });
      const giveUp = setTimeout(() => socket.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      const fail = (error: Error): void => {
        clearTimeout(giveUp);
        reject(error);
      };
      socket.once("error", fail);
      socket.once("secureConnect", () => {
        clearTimeout(giveUp);
        socket.off("error", fail);
        resolve(adapt(socket));
      });
    });
  },
};

function contextOf({ certificate, key, authority }: Credentials): { cert: string; key: string; ca: string } {
  return { cert: certificate, key, ca: authority };
}

function adapt(socket: TLSSocket): SecureConnection {
  const names = socket.getPeerCertificate().subjectaltname ?? "";
  const peerUris = names
    .split(", ")
    .filter((name) => name.startsWith("URI:"))
    .map((name) => name.slice(4));
  return { stream: adaptSocket(socket), peerUris };
}
