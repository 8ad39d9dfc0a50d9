/**
 * The REST port: TLS with HTTP/1.1 and HTTP/2 on one socket, client certificates asked for but not
 * demanded (a client without one is anonymous, not cut off). HTTP/2 uses the stream API, which costs
 * less than the compatibility one. Adapts both to `HttpExchange`.
 */
import {
  constants,
  createSecureServer,
  type Http2SecureServer,
  type IncomingHttpHeaders,
  type ServerHttp2Stream,
} from "node:http2";
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex, Writable } from "node:stream";
import type { TLSSocket } from "node:tls";
import { createGzip, gzip, type Gzip, type ZlibOptions } from "node:zlib";
import { WebSocketServer, type WebSocket } from "ws";
import { InvariantError, refuse, type StatusError } from "../../util/errors.ts";
import type { HttpExchange, HttpHandler, HttpHead, HttpResponse, HttpStream, WebSocketLike } from "../http.ts";
import type { TlsPort } from "../tls-port.ts";
import { certificateOf } from "./client-certificate.ts";
import {
  countConnections,
  usualConnections,
  type Connection,
  type ConnectionLimits,
  type Connections,
} from "./https-connections.ts";
import {
  cutLate,
  cutUntaken,
  guard,
  hasTooManyHeaders,
  untakenBytesMin,
  headersMax,
  usualPatience,
  type Patience,
} from "./https-guards.ts";
import { adaptSocket } from "./sockets.ts";
import { askingTls, certificateLoader, listen, type ServingPair } from "./tls-server.ts";

export interface HttpsServerOptions extends ServingPair {
  readonly host: string;
  readonly port: number;
  readonly handler: HttpHandler;
  /** How slow a client may be; default `usualPatience`. */
  readonly patience?: Patience;
  /** How many connections are taken; default `usualConnections`. */
  readonly connections?: ConnectionLimits;
}

export interface HttpsServer extends Pick<TlsPort, "loadCertificate"> {
  readonly port: number;
  /** Stops accepting; ends what is open after `graceMs`. */
  close(graceMs: number): Promise<void>;
}

const maxConcurrentStreams = 250;
const initialWindowBytes = 1 << 20;
const maxFrameBytes = 4 << 20;

export async function listenHttps(options: HttpsServerOptions): Promise<HttpsServer> {
  const { patience = usualPatience } = options;
  const server = createSecureServer({
    ...askingTls(options),
    handshakeTimeout: patience.headersMs,
    allowHTTP1: true,
    settings: { maxConcurrentStreams, initialWindowSize: initialWindowBytes },
    // One more than is taken, so that the refusal can be said.
    maxHeaderListPairs: headersMax + 8,
  });
  guard(server, patience);
  const nameOf = (socket: TLSSocket): string | undefined => certificateOf(socket)?.commonName;
  const connections = countConnections(server, options.connections ?? usualConnections, nameOf);
  const sockets = new Set<Socket>();
  // Counted from their first byte on: one that ends its handshake when the others are cut would be cut by nobody.
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  const serve = (exchange: HttpExchange, came: Came): void => {
    const refusal = refusalOf(came);
    if (refusal === undefined) options.handler(exchange);
    else exchange.respond(refusal);
  };
  const webSockets = new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes, skipUTF8Validation: true });
  server.on("secureConnection", (socket) => {
    // A client that resets its connection is no error of ours; its exchanges see `close`.
    socket.on("error", () => socket.destroy());
    socket.setNoDelay(true);
  });
  server.on("request", (request, response) => {
    if (request.headers.host === undefined) {
      response.writeHead(400, { connection: "close" });
      response.end();
      return;
    }
    const connection = connections.of(request.socket as TLSSocket);
    const parts = [request as unknown as IncomingMessage, response as unknown as ServerResponse] as const;
    serve(http1Exchange(...parts, { patience, connection }), { connection, rawHeaders: request.rawHeaders });
  });
  // For that listener Node makes a second pair of objects for each HTTP/2 stream too, which nobody needs.
  server.removeAllListeners("stream");
  server.on(
    "stream",
    (stream: ServerHttp2Stream, headers: IncomingHttpHeaders, _flags: number, rawHeaders: readonly string[]) => {
      cutLate(stream, patience);
      const connection = connectionOf(connections, stream.session);
      serve(new Http2Exchange(stream, headers, { patience, connection }), { connection, rawHeaders });
    },
  );
  server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const connection = connections.of(request.socket as TLSSocket);
    const { rawHeaders } = request;
    serve(upgradeExchange({ request, socket, head, webSockets, connection }), { connection, rawHeaders });
  });
  return {
    port: await listen(server, options.host, options.port),
    loadCertificate: certificateLoader(server, options.clientAuthorities),
    close: (graceMs) => closeServer(server, sockets, graceMs),
  };
}

function closeServer(server: Http2SecureServer, sockets: ReadonlySet<Socket>, graceMs: number): Promise<void> {
  return new Promise((resolve) => {
    const cut = setTimeout(() => {
      for (const socket of sockets) socket.destroy();
    }, graceMs);
    server.close(() => {
      clearTimeout(cut);
      resolve();
    });
  });
}

/** What is known of a request before anybody serves it. */
interface Came {
  readonly connection: Connection | undefined;
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[];
}

/** Refused for what they are, whoever asks and whatever for: no handler sees them. */
function refusalOf({ connection, rawHeaders }: Came): HttpResponse | undefined {
  if (connection?.refusal !== undefined) {
    return plainRefusal({ code: 429, reason: "TooManyRequests", message: connection.refusal }, { "retry-after": "5" });
  }
  if (!hasTooManyHeaders(rawHeaders)) return undefined;
  const message = `the request has more than ${headersMax} header fields`;
  return plainRefusal({ code: 431, reason: "BadRequest", message }, {});
}

function plainRefusal(
  said: { readonly code: number; readonly reason: string; readonly message: string },
  more: HttpHead["headers"],
): HttpResponse {
  const { status } = refuse(said);
  const headers = { "content-type": "application/json", "cache-control": "no-cache, private", ...more };
  return { status: said.code, headers, body: Buffer.from(`${JSON.stringify(status)}\n`) };
}

/** Streams of one session share its connection. */
function connectionOf(connections: Connections, session: ServerHttp2Stream["session"]): Connection | undefined {
  return session === undefined || session.destroyed ? undefined : connections.of(session.socket as TLSSocket);
}

/** What an exchange knows of its connection. */
interface Around {
  readonly patience: Patience;
  readonly connection: Connection | undefined;
}

/** A connection that is refused is closed behind its answer. */
function isRefused(connection: Connection | undefined): boolean {
  return connection?.refusal !== undefined;
}

function belonging(connection: Connection | undefined): Pick<HttpExchange, "belongsTo"> {
  return connection === undefined ? {} : { belongsTo: (user) => connection.belongsTo(user) };
}

function joinHeaders(headers: IncomingHttpHeaders | IncomingMessage["headers"]): Record<string, string> {
  const joined: Record<string, string> = {};
  for (const name of Object.keys(headers)) {
    const value = headers[name];
    if (value !== undefined && !name.startsWith(":")) joined[name] = Array.isArray(value) ? value.join(", ") : value;
  }
  return joined;
}

function tooLarge(limitBytes: number): StatusError {
  const message = `Request entity too large: limit is ${limitBytes}`;
  return refuse({ code: 413, reason: "RequestEntityTooLarge", message });
}

/** By events: an iterator over the stream would cost more than the rest of a small request. */
function readBody(
  source: Duplex | IncomingMessage,
  declared: string | undefined,
  limitBytes: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    if (declared !== undefined && Number(declared) > limitBytes) return reject(tooLarge(limitBytes));
    if (source.destroyed) return reject(cutOff());
    const chunks: Buffer[] = [];
    let length = 0;
    source.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limitBytes) return void chunks.push(chunk);
      source.pause();
      reject(tooLarge(limitBytes));
    });
    // Each comes once by itself; `once` would make a function more for it.
    source.on("end", () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    source.on("error", reject);
    source.on("close", () => {
      if (!source.readableEnded) reject(cutOff());
    });
  });
}

function cutOff(): Error {
  return new Error("the request's body was cut off");
}

/** The least that deflate can do: it halves the time of the next level for a tenth more bytes. */
const gzipOptions: ZlibOptions = { level: 1 };

/** Packs on Node's thread pool; what cannot be packed is answered by nobody, since the head has promised it. */
function packBody({ gzip: isPacked, body }: HttpResponse, send: (body: Uint8Array) => void): void {
  if (isPacked !== true) return send(body);
  gzip(body, gzipOptions, (error, result) => {
    if (error !== null) throw error;
    send(result);
  });
}

function packStream<S extends Writable>(head: HttpHead, stream: S): S | Gzip {
  if (head.gzip !== true) return stream;
  const packer = createGzip(gzipOptions);
  packer.pipe(stream);
  stream.once("close", () => packer.destroy());
  return packer;
}

const noUpgrade = "only a request that asks for an upgrade is upgraded";

/** A class, and not an object of functions: it is made for every request. */
class Http2Exchange implements HttpExchange {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate: HttpExchange["certificate"];
  readonly remoteAddress: string;
  readonly isUpgrade = false;
  readonly #stream: ServerHttp2Stream;
  readonly #around: Around;

  constructor(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, around: Around) {
    this.#stream = stream;
    this.#around = around;
    const socket = stream.session?.socket as TLSSocket | undefined;
    this.method = headers[":method"] ?? "GET";
    this.target = headers[":path"] ?? "/";
    this.headers = joinHeaders(headers);
    this.certificate = socket === undefined ? undefined : certificateOf(socket);
    this.remoteAddress = socket?.remoteAddress ?? "";
    // The peer may reset a stream at any moment; `close` follows and tells whoever listens.
    stream.on("error", () => stream.close(constants.NGHTTP2_INTERNAL_ERROR));
  }

  belongsTo(user: string): boolean {
    return this.#around.connection?.belongsTo(user) ?? true;
  }

  body(limitBytes: number): Promise<Uint8Array> {
    return readBody(this.#stream, this.headers["content-length"], limitBytes);
  }

  respond(response: HttpResponse): void {
    packBody(response, (body) => this.#answer(response, body));
  }

  stream(head: HttpHead): HttpStream {
    const stream = this.#stream;
    this.#respondHead(head, false);
    const out = packStream(head, stream);
    const pending = (): number => stream.writableLength + (out === stream ? 0 : out.writableLength);
    const cut = (): void => this.#drop();
    const wrote = cutUntaken(stream, this.#around.patience, { pending, cut });
    return {
      write: (bytes) => {
        if (stream.destroyed || out.writableEnded) return;
        out.write(bytes);
        wrote(bytes.length);
      },
      get pending() {
        return pending();
      },
      end: () => {
        if (!stream.destroyed) out.end();
      },
      cut,
    };
  }

  upgrade(): Promise<WebSocketLike> {
    return Promise.reject(new InvariantError(noUpgrade));
  }

  switchProtocols(): never {
    throw new InvariantError(noUpgrade);
  }

  onClose(run: () => void): void {
    this.#stream.once("close", run);
  }

  #answer(head: HttpHead, body: Uint8Array): void {
    const { patience, connection } = this.#around;
    const stream = this.#stream;
    this.#respondHead(head, body.length === 0);
    if (body.length > 0 && !stream.destroyed) {
      stream.end(body);
      if (body.length > untakenBytesMin) {
        const pending = (): number => stream.writableLength;
        cutUntaken(stream, patience, { pending, cut: () => this.#drop() })(body.length);
      }
    }
    if (isRefused(connection)) stream.session?.close();
    // Of a body that nobody wanted (429) the rest is let pass, so that its connection lives on.
    stream.resume();
  }

  #respondHead({ status, headers }: HttpHead, endStream: boolean): void {
    const stream = this.#stream;
    if (stream.destroyed || stream.headersSent) return;
    stream.respond({ ":status": status, ...(headers as Record<string, string | string[]>) }, { endStream });
  }

  #drop(): void {
    this.#stream.close(constants.NGHTTP2_CANCEL);
  }
}

function http1Exchange(
  request: IncomingMessage,
  response: ServerResponse,
  { patience, connection }: Around,
): HttpExchange {
  const drop = (): void => void response.destroy();
  return {
    ...belonging(connection),
    method: request.method ?? "GET",
    target: request.url ?? "/",
    headers: joinHeaders(request.headers),
    certificate: certificateOf(request.socket as TLSSocket),
    remoteAddress: request.socket.remoteAddress ?? "",
    isUpgrade: false,
    body: (limitBytes) => readBody(request, request.headers["content-length"], limitBytes),
    respond(answer: HttpResponse) {
      packBody(answer, (body) => {
        if (response.headersSent) return;
        response.writeHead(answer.status, {
          ...(answer.headers as Record<string, string | string[]>),
          "content-length": body.length,
          // What is left of a refused body or head is not waited for.
          ...(answer.status === 413 || answer.status === 431 || isRefused(connection) ? { connection: "close" } : {}),
        });
        response.end(body);
        cutUntaken(response, patience, { pending: () => response.writableLength, cut: drop })(body.length);
      });
    },
    stream(head): HttpStream {
      response.writeHead(head.status, head.headers as Record<string, string | string[]>);
      response.flushHeaders();
      const out = packStream(head, response);
      const pending = (): number => response.writableLength + (out === response ? 0 : out.writableLength);
      const wrote = cutUntaken(response, patience, { pending, cut: drop });
      return {
        write: (bytes) => {
          if (response.destroyed || out.writableEnded) return;
          out.write(bytes);
          wrote(bytes.length);
        },
        get pending() {
          return pending();
        },
        end: () => void out.end(),
        cut: drop,
      };
    },
    upgrade: () => Promise.reject(new InvariantError(noUpgrade)),
    switchProtocols: () => {
      throw new InvariantError(noUpgrade);
    },
    onClose: (run) => void response.once("close", run),
  };
}

interface UpgradeParts {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly webSockets: WebSocketServer;
  readonly connection: Connection | undefined;
}

/** A request to upgrade: answered by `upgrade` (WebSocket) or by a plain response on the raw socket. */
function upgradeExchange({ request, socket, head, webSockets, connection }: UpgradeParts): HttpExchange {
  socket.on("error", () => socket.destroy());
  const plain = (response: HttpResponse): void => {
    const headers = { ...response.headers, "content-length": String(response.body.length), connection: "close" };
    socket.end(Buffer.concat([rawHead(response.status, headers), response.body]));
  };
  return {
    ...belonging(connection),
    method: request.method ?? "GET",
    target: request.url ?? "/",
    headers: joinHeaders(request.headers),
    certificate: certificateOf(request.socket as TLSSocket),
    remoteAddress: request.socket.remoteAddress ?? "",
    isUpgrade: true,
    body: () => Promise.resolve(new Uint8Array()),
    respond: plain,
    stream(streamHead) {
      plain({ ...streamHead, body: new Uint8Array() });
      return { write: () => undefined, pending: 0, end: () => undefined, cut: () => socket.destroy() };
    },
    upgrade(protocol) {
      return new Promise((resolve) => {
        // The port-forward sub-protocol holds a `/`, which ws takes for a syntax error: the choice is
        // ours, so the header is taken away and the answer's header written by hand.
        delete request.headers["sec-websocket-protocol"];
        const addProtocol = (headers: string[], answered: IncomingMessage): void => {
          if (answered === request && protocol !== "") headers.push(`Sec-WebSocket-Protocol: ${protocol}`);
        };
        webSockets.on("headers", addProtocol);
        webSockets.handleUpgrade(request, socket, head, (webSocket) => resolve(adaptWebSocket(webSocket)));
        webSockets.off("headers", addProtocol);
      });
    },
    switchProtocols(headers) {
      if (head.length > 0) socket.unshift(head);
      socket.write(rawHead(101, { connection: "Upgrade", ...headers }));
      return adaptSocket(socket as Socket);
    },
    onClose: (run) => void socket.once("close", run),
  };
}

function rawHead(status: number, headers: HttpHead["headers"]): Buffer {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    (typeof value === "string" ? [value] : value).map((one) => `${name}: ${one}\r\n`),
  );
  return Buffer.from(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n`);
}

function adaptWebSocket(webSocket: WebSocket): WebSocketLike {
  webSocket.on("error", () => webSocket.terminate());
  return {
    send: (bytes, form) => {
      if (webSocket.readyState === webSocket.OPEN) webSocket.send(bytes, { binary: form !== "text" });
    },
    get pending() {
      return webSocket.bufferedAmount;
    },
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    onMessage: (run) =>
      void webSocket.on("message", (data) => {
        run(Array.isArray(data) ? Buffer.concat(data) : new Uint8Array(data as Buffer));
      }),
    onClose: (run) => void webSocket.once("close", run),
    close: (code) => webSocket.close(code),
  };
}
