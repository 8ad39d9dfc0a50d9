import type { ByteStream } from "./host.ts";

/**
 * The HTTP seam. `env/real/https-server.ts` serves it over TLS (HTTP/1.1 and HTTP/2 on one port);
 * the virtual cluster calls the handler directly.
 */
export interface HttpExchange {
  readonly method: string;
  /** Path and query as sent: `/api/v1/pods?limit=500`. */
  readonly target: string;
  /** Lower-case names; several values are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** The verified client certificate, if one was shown. */
  readonly certificate: ClientCertificate | undefined;
  readonly remoteAddress: string;
  /** Reads the whole body. Throws StatusError 413 above `limitBytes`. */
  body(limitBytes: number): Promise<Uint8Array>;
  /** Sends head and whole body. */
  respond(response: HttpResponse): void;
  /** Sends the head now and the body in pieces (watch, logs). */
  stream(head: HttpHead): HttpStream;
  /**
   * Accepts a WebSocket with exactly this sub-protocol, none where it is empty. Only for HTTP/1.1 upgrade
   * requests (`isUpgrade`).
   */
  upgrade(protocol: string): Promise<WebSocketLike>;
  /**
   * Answers 101 with these headers and hands the connection over, with the bytes that came behind the
   * request's head. Only for HTTP/1.1 upgrade requests (`isUpgrade`).
   */
  switchProtocols(headers: HttpHead["headers"]): ByteStream;
  readonly isUpgrade: boolean;
  /** Length of the body, where the transport knows it without a header. */
  readonly bodyBytes?: number;
  /**
   * Tells the transport whose the connection is, as soon as it is known. False: that user has too many
   * connections, and this one is to be refused. Absent where connections are not counted.
   */
  readonly belongsTo?: (user: string) => boolean;
  /** Called once when the client has gone or the exchange is over. */
  onClose(run: () => void): void;
}

export interface ClientCertificate {
  readonly commonName: string;
  readonly organizations: readonly string[];
}

export interface HttpHead {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  /** The transport packs the body; the headers say so already. */
  readonly gzip?: boolean;
}

export interface HttpResponse extends HttpHead {
  readonly body: Uint8Array;
}

export interface HttpStream {
  write(bytes: Uint8Array): void;
  /** Bytes not yet taken by the transport: back-pressure. */
  readonly pending: number;
  end(): void;
  /** Drops what waits and ends the stream without its end. */
  cut(): void;
}

export interface WebSocketLike {
  /** Binary unless `form` says otherwise. */
  send(bytes: Uint8Array, form?: "binary" | "text"): void;
  /** Bytes that the client has not taken. */
  readonly pending: number;
  /** Stops and goes on reading from the client. Messages that have been read already still come. */
  pause(): void;
  resume(): void;
  onMessage(run: (bytes: Uint8Array) => void): void;
  onClose(run: () => void): void;
  close(code: number): void;
}

export type HttpHandler = (exchange: HttpExchange) => void;
