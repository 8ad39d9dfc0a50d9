/** What the REST port and the gRPC port have in common below their protocols. */
import type { AddressInfo } from "node:net";
import type { Server, TlsOptions } from "node:tls";
import type { TlsPort } from "../tls-port.ts";

export interface ServingPair {
  readonly certificate: string;
  readonly key: string;
  /** PEM of the authorities whose client certificates are believed. */
  readonly clientAuthorities: readonly string[];
}

/** A client certificate is asked for and not demanded: who shows none is anonymous, not cut off. */
export function askingTls(pair: ServingPair): TlsOptions {
  return { ...pemOf(pair), requestCert: true, rejectUnauthorized: false };
}

/** `first`: the authorities that are believed where none are named. */
export function certificateLoader(server: Server, first: readonly string[]): TlsPort["loadCertificate"] {
  return ({ clientAuthorities = first, ...pair }) => server.setSecureContext(pemOf({ ...pair, clientAuthorities }));
}

function pemOf({ certificate, key, clientAuthorities }: ServingPair): { key: string; cert: string; ca: string[] } {
  return { key, cert: certificate, ca: [...clientAuthorities] };
}

/** Answers the port that was bound. */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      resolve((server.address() as AddressInfo).port);
    });
  });
}
