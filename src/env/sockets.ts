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
