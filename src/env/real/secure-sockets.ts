import { once } from "node:events";
import { connect as connectTcp, type AddressInfo } from "node:net";
import { connect, createSecureContext, createServer, type SecureContext, type TLSSocket } from "node:tls";
import type { Credentials, SecureConnection, SecureSockets } from "../sockets.ts";
import { adaptSocket } from "./sockets.ts";

/** Made anew only for other certificates: it takes milliseconds, and a lost member is called again and again. */
let known: { readonly credentials: Credentials; readonly context: SecureContext } | undefined;

function contextOf(credentials: Credentials): SecureContext {
  const { certificate, key, authority } = credentials;
  const old = known?.credentials;
  if (known !== undefined && old?.certificate === certificate && old.key === key && old.authority === authority) {
    return known.context;
  }
  const context = createSecureContext({ ...pemOf(credentials), minVersion: "TLSv1.3" });
  known = { credentials: { certificate, key, authority }, context };
  return context;
}

function pemOf({ certificate, key, authority }: Credentials): { cert: string; key: string; ca: string } {
  return { cert: certificate, key, ca: authority };
}

/** TLS 1.3 with certificates on both sides. Who the other end is, its certificate's URIs say; names of hosts do not matter. */
export const realSecureSockets: SecureSockets = {
  async listen({ host, port }, credentials, onConnection) {
    const server = createServer({
      ...pemOf(credentials()),
      requestCert: true,
      rejectUnauthorized: true,
      minVersion: "TLSv1.3",
      SNICallback: (_name, done) => done(null, contextOf(credentials())),
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
      const plain = connectTcp({ host, port, noDelay: true });
      let socket: TLSSocket | undefined;
      const late = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
      const fail = (error: Error): void => {
        clearTimeout(late);
        plain.destroy();
        socket?.destroy();
        reject(error);
      };
      plain.once("error", fail);
      plain.once("connect", () => {
        // Only now: who is refused has not paid for TLS.
        const wrapped = connect({ ...clientOptions, socket: plain, secureContext: contextOf(credentials) });
        socket = wrapped;
        wrapped.once("error", fail);
        wrapped.once("secureConnect", () => {
          clearTimeout(late);
          wrapped.off("error", fail);
          resolve(adapt(wrapped));
        });
      });
    });
  },
};

const clientOptions = {
  // Asks for the newest certificate, see `SNICallback`.
  servername: "peer.troupe.internal",
  rejectUnauthorized: true,
  checkServerIdentity: () => undefined,
} as const;

function adapt(socket: TLSSocket): SecureConnection {
  const names = socket.getPeerCertificate().subjectaltname ?? "";
  const peerUris = names
    .split(", ")
    .filter((name) => name.startsWith("URI:"))
    .map((name) => name.slice(4));
  return { stream: adaptSocket(socket), peerUris };
}
