import type { User } from "../actors/runtime/command.ts";
import type {
  ClientCertificate,
  HttpExchange,
  HttpHead,
  HttpResponse,
  HttpStream,
  WebSocketLike,
} from "../env/http.ts";
import type { ByteStream } from "../env/host.ts";
import { requestEntityTooLarge } from "../kinds/status-errors.ts";
import { InvariantError } from "../util/errors.ts";

/** An HTTP request in process: what a client sent, and what it has received so far. */
export interface SimRequest {
  readonly method: string;
  readonly target: string;
  /** Sent as JSON unless it is bytes. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  /** Shown as a client certificate; undefined: anonymous. */
  readonly user: Pick<User, "name" | "groups"> | undefined;
}

/** An event of a watch. */
export interface SeenEvent {
  readonly type: "ADDED" | "MODIFIED" | "DELETED" | "BOOKMARK" | "ERROR";
  readonly object: {
    readonly metadata: { readonly name: string; readonly namespace?: string; readonly resourceVersion: string };
    readonly code?: number;
  };
}

export class SimExchange implements HttpExchange {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate: ClientCertificate | undefined;
  readonly remoteAddress = "192.0.2.200";
  readonly isUpgrade = false;
  /** The connection broke before the answer was whole. */
  lost = false;
  ended = false;
  #head: HttpHead | undefined;
  readonly #pieces: Uint8Array[] = [];
  readonly #content: Uint8Array;
  readonly #onClose: (() => void)[] = [];

  constructor({ method, target, body, headers, user }: SimRequest) {
    this.method = method;
    this.target = target;
    this.#content = bytesOf(body);
    this.headers = { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers };
    this.certificate = user === undefined ? undefined : { commonName: user.name, organizations: user.groups };
  }

  async body(limitBytes: number): Promise<Uint8Array> {
    if (this.#content.length > limitBytes) throw requestEntityTooLarge(limitBytes);
    return this.#content;
  }

  respond({ body, ...head }: HttpResponse): void {
    if (this.lost) return;
    this.#begin(head);
    this.#pieces.push(body);
    this.#end();
  }

  stream(head: HttpHead): HttpStream {
    if (!this.lost) this.#begin(head);
    return {
      pending: 0,
      write: (bytes) => {
        if (!this.lost) this.#pieces.push(bytes.slice());
      },
      end: () => {
        if (!this.lost) this.#end();
      },
      cut: () => this.disconnect(),
    };
  }

  async upgrade(): Promise<WebSocketLike> {
    throw new InvariantError("an exchange in process is no upgrade");
  }

  switchProtocols(): ByteStream {
    throw new InvariantError("an exchange in process is no upgrade");
  }

  onClose(run: () => void): void {
    this.#onClose.push(run);
  }

  /** The client goes, or its connection breaks: nothing arrives any more. */
  disconnect(): void {
    this.lost = !this.ended;
    for (const run of this.#onClose.splice(0)) run();
  }

  /** The server's process died: nobody is told. */
  breakOff(): void {
    this.lost = !this.ended;
    this.#onClose.splice(0);
  }

  get status(): number {
    return this.#head?.status ?? 0;
  }

  get answerHeaders(): HttpHead["headers"] {
    return this.#head?.headers ?? {};
  }

  get text(): string {
    const decoder = new TextDecoder();
    return this.#pieces.map((piece) => decoder.decode(piece, { stream: true })).join("");
  }

  /** Whole events of a watch so far. */
  get events(): readonly SeenEvent[] {
    const lines = this.text.split("\n").slice(0, -1);
    return lines.map((line) => JSON.parse(line) as SeenEvent);
  }

  #begin(head: HttpHead): void {
    if (this.#head !== undefined) throw new InvariantError(`${this.method} ${this.target} is answered twice`);
    this.#head = head;
  }

  #end(): void {
    this.ended = true;
    for (const run of this.#onClose.splice(0)) run();
  }
}

function bytesOf(body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array(0);
  if (body instanceof Uint8Array) return body;
  return new TextEncoder().encode(JSON.stringify(body));
}
