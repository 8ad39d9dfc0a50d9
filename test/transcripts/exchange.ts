/** A request at the REST door that remembers its answer; over a real connection, or without one. */
import type { ByteStream } from "../../src/env/host.ts";
import type {
  ClientCertificate,
  HttpExchange,
  HttpHead,
  HttpResponse,
  HttpStream,
  WebSocketLike,
} from "../../src/env/http.ts";

export interface SentRequest {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Uint8Array;
  readonly isUpgrade: boolean;
}

export const administrator: ClientCertificate = { commonName: "admin", organizations: ["system:masters"] };

const none: HttpStream = { pending: 0, write: () => undefined, end: () => undefined, cut: () => undefined };

export class SeenExchange implements HttpExchange {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly content: Uint8Array;
  readonly isUpgrade: boolean;
  readonly certificate: ClientCertificate = administrator;
  readonly remoteAddress = "127.0.0.1";
  head: HttpHead | undefined;
  protocol: string | undefined;
  /** The answer is whole, or the client has gone. */
  ended = false;
  /** Messages of an upgraded connection. */
  readonly received: Uint8Array[] = [];
  readonly replied: Uint8Array[] = [];
  /** How much of a SPDY connection had come when the server spoke last. */
  #answered: number | undefined;
  readonly #pieces: Uint8Array[] = [];
  readonly #connection: HttpExchange | undefined;
  readonly #onClose: (() => void)[] = [];
  readonly #onMessage: ((bytes: Uint8Array) => void)[] = [];

  constructor(request: SentRequest, connection?: HttpExchange) {
    this.method = request.method;
    this.target = request.target;
    this.headers = request.headers;
    this.content = request.content;
    this.isUpgrade = request.isUpgrade;
    this.#connection = connection;
    connection?.onClose(() => this.disconnect());
  }

  async body(): Promise<Uint8Array> {
    return this.content;
  }

  respond(response: HttpResponse): void {
    this.head = response;
    this.#pieces.push(response.body);
    this.#connection?.respond(response);
    this.disconnect();
  }

  stream(head: HttpHead): HttpStream {
    this.head = head;
    const outer = this.#connection?.stream(head) ?? none;
    return {
      pending: 0,
      write: (bytes) => {
        if (this.ended) return;
        this.#pieces.push(bytes.slice());
        outer.write(bytes);
      },
      end: () => {
        outer.end();
        this.disconnect();
      },
      cut: () => {
        outer.cut();
        this.disconnect();
      },
    };
  }

  async upgrade(protocol: string): Promise<WebSocketLike> {
    this.protocol = protocol;
    const outer = await this.#connection?.upgrade(protocol);
    outer?.onMessage((bytes) => this.say(bytes));
    outer?.onClose(() => this.disconnect());
    return {
      pending: 0,
      pause: () => outer?.pause(),
      resume: () => outer?.resume(),
      send: (bytes) => {
        this.replied.push(bytes.slice());
        outer?.send(bytes);
      },
      onMessage: (run) => void this.#onMessage.push(run),
      onClose: (run) => void this.#onClose.push(run),
      close: (code) => {
        outer?.close(code);
        this.disconnect();
      },
    };
  }

  /** Each piece that comes or goes is a message. */
  switchProtocols(headers: HttpHead["headers"]): ByteStream {
    this.protocol = [headers["upgrade"], headers["x-stream-protocol-version"]].join(" ");
    const outer = this.#connection?.switchProtocols(headers);
    outer?.onData((bytes) => this.say(bytes));
    outer?.onClose(() => this.disconnect());
    const end = (): void => {
      outer?.end();
      this.disconnect();
    };
    return {
      pending: 0,
      pause: () => outer?.pause(),
      resume: () => outer?.resume(),
      write: (bytes) => {
        this.replied.push(bytes.slice());
        this.#answered = this.received.length;
        outer?.write(bytes);
      },
      onData: (run) => void this.#onMessage.push(run),
      onClose: (run) => void this.#onClose.push(() => run(undefined)),
      end,
      destroy: end,
    };
  }

  onClose(run: () => void): void {
    this.#onClose.push(run);
  }

  /** The client sends a message over the upgraded connection. */
  say(bytes: Uint8Array): void {
    this.received.push(bytes.slice());
    for (const run of this.#onMessage) run(bytes);
  }

  disconnect(): void {
    this.ended = true;
    for (const run of this.#onClose.splice(0)) run();
  }

  /** What a replay says, at once: not the resets by which a SPDY client leaves, or nobody would hear it. */
  get toSay(): readonly Uint8Array[] {
    return this.received.slice(0, this.#answered);
  }

  get isAnswered(): boolean {
    return this.head !== undefined || this.protocol !== undefined;
  }

  /** Stays open after its head until the client goes. */
  get isLasting(): boolean {
    return this.protocol !== undefined || /[?&](watch|follow)=(true|1)/.test(this.target);
  }

  get byteCount(): number {
    return this.#pieces.reduce((sum, piece) => sum + piece.length, 0);
  }

  get bytes(): Uint8Array {
    return Buffer.concat(this.#pieces);
  }
}
