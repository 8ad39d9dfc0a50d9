/** Listening sockets of a node's own services (DNS, local feeds). Real ones in `env/real/sockets.ts`. */
import type { ByteStream } from "./host.ts";

export interface Sockets {
  /** A datagram socket bound to exactly this address; port 0 = any. */
  udp(bind: { readonly host: string; readonly port: number }): Promise<UdpSocket>;
  listen(
    at: { readonly host: string; readonly port: number } | { readonly path: string },
    onConnection: (stream: ByteStream, peer: string) => void,
  ): Promise<Listener>;
}

export interface UdpSocket {
  readonly port: number;
  send(bytes: Uint8Array, to: { readonly host: string; readonly port: number }): void;
  onMessage(run: (bytes: Uint8Array, from: { readonly host: string; readonly port: number }) => void): void;
  close(): void;
}

export interface Listener {
  readonly port: number;
  close(): void;
}

/** Connections on which both ends have shown a certificate of one authority. Real ones in `env/real/secure-sockets.ts`. */
export interface SecureSockets {
  /** `credentials` is asked anew for every connection, so that renewed ones need no restart. */
  listen(
    at: { readonly host: string; readonly port: number },
    credentials: () => Credentials,
    onConnection: (connection: SecureConnection) => void,
  ): Promise<Listener>;
  /** Rejects where the other end is not there, or shows no certificate of the authority. */
  dial(
    to: { readonly host: string; readonly port: number; readonly timeoutMs: number },
    credentials: Credentials,
  ): Promise<SecureConnection>;
}

/** PEM texts. */
export interface Credentials {
  readonly certificate: string;
  readonly key: string;
  /** The only authority whose certificates are taken, on both sides; host names are not looked at. */
  readonly authority: string;
}

export interface SecureConnection {
  readonly stream: ByteStream;
  /** The URIs that the other end's certificate speaks for. */
  readonly peerUris: readonly string[];
}
