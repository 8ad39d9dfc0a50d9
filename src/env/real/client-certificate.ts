import type { TLSSocket } from "node:tls";
import { clientOf, type Subject } from "../client-certificate.ts";
import type { ClientCertificate } from "../http.ts";

/** A connection's certificate does not change, and reading it costs as much as a small request. */
const certificates = new WeakMap<TLSSocket, ClientCertificate | "none">();

/** Whose connection it is; undefined unless an authority that the server believes has signed for it. */
export function certificateOf(socket: TLSSocket): ClientCertificate | undefined {
  const known = certificates.get(socket) ?? readCertificate(socket) ?? "none";
  certificates.set(socket, known);
  return known === "none" ? undefined : known;
}

function readCertificate(socket: TLSSocket): ClientCertificate | undefined {
  return socket.authorized
    ? clientOf(socket.getPeerCertificate().subject as unknown as Subject | undefined)
    : undefined;
}
