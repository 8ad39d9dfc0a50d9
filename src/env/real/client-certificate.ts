import type { TLSSocket } from "node:tls";
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
  if (!socket.authorized) return undefined;
  const peer = socket.getPeerCertificate();
  const subject = peer.subject as unknown as Readonly<Record<string, string | string[]>> | undefined;
  if (subject === undefined || subject["CN"] === undefined) return undefined;
  const list = (value: string | string[] | undefined): string[] =>
    value === undefined ? [] : Array.isArray(value) ? value : [value];
  return { commonName: list(subject["CN"])[0] ?? "", organizations: list(subject["O"]) };
}
