import type { ByteStream } from "../../env/host.ts";
import type { HttpExchange, HttpHead, HttpResponse, HttpStream, WebSocketLike } from "../../env/http.ts";
import { InvariantError } from "../../util/errors.ts";
import { textOf, utf8 } from "../../util/bytes.ts";

/** One request of a client, and what becomes of it: exactly one of these ends it. */
export interface ExchangeEvents {
  /** The whole answer. */
  answered(status: number, text: string): void;
  /** A watch: what has come of its body. */
  piece?(text: string): void;
  /** A watch came to its end. */
  ended?(): void;
  /** The connection broke: nobody knows what became of it. */
  lost(): void;
}

export interface ExchangeRequest {
  readonly method: string;
  readonly target: string;
  readonly body?: object;
  readonly contentType?: string;
}

/** An HTTP request in process. Nothing reaches the client once the connection is broken. */
export class Exchange implements HttpExchange {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate: HttpExchange["certificate"] = administrator;
  readonly remoteAddress = "192.0.2.200";
  readonly isUpgrade = false;
  readonly #body: object | undefined;
  readonly #events: ExchangeEvents;
  readonly #onClose: (() => void)[] = [];
  #isOver = false;

  constructor({ method, target, body, contentType = "application/json" }: ExchangeRequest, events: ExchangeEvents) {
    this.method = method;
    this.target = target;
    this.headers = body === undefined ? {} : { "content-type": contentType };
    this.#body = body;
    this.#events = events;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  async body(): Promise<Uint8Array> {
    return this.#body === undefined ? new Uint8Array(0) : utf8(JSON.stringify(this.#body));
  }

  respond({ status, body }: HttpResponse): void {
    if (this.#isOver) return;
    this.#end();
    this.#events.answered(status, textOf(body));
  }

  stream(_head: HttpHead): HttpStream {
    return {
      pending: 0,
      write: (bytes) => {
        if (!this.#isOver) this.#events.piece?.(textOf(bytes));
      },
      end: () => {
        if (this.#isOver) return;
        this.#end();
        this.#events.ended?.();
      },
      cut: () => this.breakOff(),
    };
  }

  /** The client goes. */
  leave(): void {
    if (!this.#isOver) this.#end();
  }

  /** The server's process died, or it cut the connection. */
  breakOff(): void {
    if (this.#isOver) return;
    this.#end();
    this.#events.lost();
  }

  onClose(run: () => void): void {
    this.#onClose.push(run);
  }

  async upgrade(): Promise<WebSocketLike> {
    throw new InvariantError("an exchange in process is no upgrade");
  }

  switchProtocols(): ByteStream {
    throw new InvariantError("an exchange in process is no upgrade");
  }

  #end(): void {
    this.#isOver = true;
    for (const run of this.#onClose.splice(0)) run();
  }
}

const administrator = { commonName: "admin", organizations: ["system:masters"] };
