/**
 * A gRPC call as the exchange that the common pipeline serves: what came in is a message, what goes
 * out is handed to a sink instead of a socket. So both doors run the same code behind this point.
 */
import type {
  ClientCertificate,
  HttpExchange,
  HttpHead,
  HttpResponse,
  HttpStream,
  WebSocketLike,
} from "../../env/http.ts";
import { badRequest, requestEntityTooLarge } from "../../kinds/status-errors.ts";

/** Who calls, and how to learn that they have gone. */
export interface Caller {
  /** Metadata of the call, lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate: ClientCertificate | undefined;
  readonly remoteAddress: string;
  onClose(run: () => void): void;
}

/** Takes the answer: a whole one, or a stream's pieces and its end. */
export interface AnswerSink {
  respond(response: HttpResponse): void;
  chunk(bytes: Uint8Array): void;
  end(): void;
  readonly pending: number;
}

export interface MessageParts {
  /** HTTP method that does the same, for logs and metrics. */
  readonly method: string;
  /** `/troupe.v1.Api/Create`. */
  readonly path: string;
  readonly body?: Uint8Array;
  /** Media type of the body. */
  readonly contentType?: string;
}

/** Headers that say how a body is written: here the message says it. */
const ofTheWire: ReadonlySet<string> = new Set(["accept", "accept-encoding", "content-type", "content-length"]);

export class MessageExchange implements HttpExchange {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate: ClientCertificate | undefined;
  readonly remoteAddress: string;
  readonly isUpgrade = false;
  readonly bodyBytes: number;
  readonly #body: Uint8Array;
  readonly #sink: AnswerSink;
  #closeRuns: (() => void)[] | undefined;
  #over = false;

  constructor(parts: MessageParts, caller: Caller, sink: AnswerSink) {
    const { method, path, body = new Uint8Array(0), contentType = "application/json" } = parts;
    this.method = method;
    this.target = path;
    this.certificate = caller.certificate;
    this.remoteAddress = caller.remoteAddress;
    this.headers = headersOf(caller.headers, contentType);
    this.bodyBytes = body.length;
    this.#body = body;
    this.#sink = sink;
  }

  body(limitBytes: number): Promise<Uint8Array> {
    if (this.#body.length > limitBytes) return Promise.reject(requestEntityTooLarge(limitBytes));
    return Promise.resolve(this.#body);
  }

  respond(response: HttpResponse): void {
    if (this.#over) return;
    this.#sink.respond(response);
    this.close();
  }

  stream(_head: HttpHead): HttpStream {
    const sink = this.#sink;
    const end = (): void => {
      if (this.#over) return;
      sink.end();
      this.close();
    };
    return {
      write: (bytes) => {
        if (!this.#over) sink.chunk(bytes);
      },
      get pending() {
        return sink.pending;
      },
      end,
      cut: end,
    };
  }

  upgrade(): Promise<WebSocketLike> {
    return Promise.reject(badRequest("Upgrade request required"));
  }

  switchProtocols(): never {
    throw badRequest("Upgrade request required");
  }

  onClose(run: () => void): void {
    (this.#closeRuns ??= []).push(run);
  }

  /** Answered, or the caller has gone. */
  close(): void {
    this.#over = true;
    const runs = this.#closeRuns;
    this.#closeRuns = undefined;
    if (runs !== undefined) for (const run of runs) run();
  }
}

type Headers = Readonly<Record<string, string>>;

/** The headers of a stream's calls, by media type: many calls come with one metadata. */
const known = new WeakMap<Headers, Map<string, Headers>>();

function headersOf(metadata: Headers, contentType: string): Headers {
  const byType = known.get(metadata) ?? new Map<string, Headers>();
  known.set(metadata, byType);
  let headers = byType.get(contentType);
  if (headers === undefined) {
    const kept = Object.entries(metadata).filter(([name]) => !ofTheWire.has(name));
    headers = { ...Object.fromEntries(kept), "content-type": contentType };
    byType.set(contentType, headers);
  }
  return headers;
}
