import { createHost } from "../../../src/actors/runtime/host.ts";
import type { ActorHost } from "../../../src/actors/runtime/actor-host.ts";
import type { User } from "../../../src/actors/runtime/command.ts";
import type { Admission } from "../../../src/api/admission/admission.ts";
import { namespaceLifecycle } from "../../../src/api/admission/namespace-lifecycle.ts";
import { createDecide } from "../../../src/api/decide.ts";
import type { NodeStream, NodeStreamRequest, StreamChunk } from "../../../src/api/node-streams.ts";
import { createRestDoor, type RestDoorOptions } from "../../../src/api/rest/door.ts";
import type { ByteStream } from "../../../src/env/host.ts";
import type {
  ClientCertificate,
  HttpExchange,
  HttpHandler,
  HttpResponse,
  HttpStream,
  WebSocketLike,
} from "../../../src/env/http.ts";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { kindById, kinds } from "../../../src/kinds/catalogue.ts";
import { requestEntityTooLarge } from "../../../src/kinds/status-errors.ts";
import { createSimEnv, type SimEnv } from "../../../src/sim/env.ts";
import { simVersion } from "../../../src/sim/master-facts.ts";
import { decodeOutcome, encodeOutcome } from "../../../src/store/outcome-codec.ts";
import { encodeRow } from "../../../src/store/row.ts";
import { createSealer } from "../../../src/store/sealer.ts";
import { createStore, type Store } from "../../../src/store/store.ts";
import { createFakeLog } from "../actors/fakes.ts";

/** The whole pipeline in process: door, verbs, host and store, over a log of one member. */
export interface Rig {
  readonly env: SimEnv;
  readonly store: Store;
  readonly host: ActorHost;
  readonly handler: HttpHandler;
  readonly streams: FakeStreams;
  /** Sends a request and runs the world until it is answered. */
  call(method: string, target: string, options?: CallOptions): Promise<Answer>;
  /** Starts a request and leaves it open. */
  open(method: string, target: string, options?: CallOptions): FakeExchange;
  post(target: string, body: unknown): Promise<Answer>;
}

export interface CallOptions {
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly user?: User | "anonymous";
  readonly upgrade?: boolean;
  readonly certificate?: ClientCertificate;
}

export interface Answer {
  readonly code: number;
  readonly headers: HttpResponse["headers"];
  readonly text: string;
  // The tests look into answers of every kind.
  readonly json: Loose;
}

/** A JSON value that tests walk through without declaring its type. */
// oxlint-disable-next-line typescript/no-explicit-any
export type Loose = any;

export const admin: User = { name: "admin", groups: ["system:masters", "system:authenticated"] };

export interface FakeStreams {
  readonly requests: { readonly node: string; readonly request: NodeStreamRequest }[];
  readonly last: FakeNodeStream;
}

export class FakeNodeStream implements NodeStream {
  readonly sent: StreamChunk[] = [];
  /** Bytes that the node has not taken: set it to be a slow one. */
  pending = 0;
  isPaused = false;
  closed = false;
  private chunkRun: ((chunk: StreamChunk) => void) | undefined;
  private closeRun: ((error: Error | undefined) => void) | undefined;

  send(chunk: StreamChunk): void {
    this.sent.push(chunk);
  }
  onChunk(run: (chunk: StreamChunk) => void): void {
    this.chunkRun = run;
  }
  /** One listener, as the link's own streams have it. */
  onClose(run: (error: Error | undefined) => void): void {
    if (this.closeRun !== undefined) throw new Error("onClose is given twice");
    this.closeRun = run;
  }
  close(): void {
    this.closed = true;
  }
  pause(): void {
    this.isPaused = true;
  }
  resume(): void {
    this.isPaused = false;
  }
  /** The node sends. */
  chunk(channel: number, text: string, end?: boolean): void {
    this.bytes(channel, Buffer.from(text), end);
  }
  bytes(channel: number, bytes: Uint8Array, end?: boolean): void {
    const chunk: StreamChunk = { channel, bytes, ...(end === undefined ? {} : { end }) };
    this.chunkRun?.(chunk);
  }
  end(error?: Error): void {
    this.closeRun?.(error);
  }
}

export class FakeExchange implements HttpExchange {
  readonly method: string;
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly certificate: ClientCertificate | undefined;
  readonly remoteAddress = "127.0.0.1";
  readonly isUpgrade: boolean;
  readonly user: User | undefined;
  response: HttpResponse | undefined;
  head: { readonly status: number; readonly headers: HttpResponse["headers"] } | undefined;
  readonly written: Uint8Array[] = [];
  ended = false;
  bodyReads = 0;
  /** The server broke the stream off. */
  isCut = false;
  /** Bytes that the transport has not taken: set it to be a slow client. */
  pending = 0;
  /** The server does not read now. */
  isPaused = false;
  protocol = "";
  readonly socketSent: Uint8Array[] = [];
  socketClosed: number | undefined;
  private readonly content: Uint8Array;
  private readonly closeRuns: (() => void)[] = [];
  private readonly messageRuns: ((bytes: Uint8Array) => void)[] = [];

  constructor(method: string, target: string, options: CallOptions = {}) {
    this.method = method;
    this.target = target;
    this.certificate = options.certificate;
    this.isUpgrade = options.upgrade === true;
    this.user = options.user === "anonymous" ? undefined : (options.user ?? admin);
    this.content = bytesOf(options.body);
    this.headers = options.headers ?? {};
  }
  body(limitBytes: number): Promise<Uint8Array> {
    this.bodyReads += 1;
    if (this.content.length > limitBytes) return Promise.reject(requestEntityTooLarge(limitBytes));
    return Promise.resolve(this.content);
  }
  respond(response: HttpResponse): void {
    if (this.answered) throw new Error("answered twice");
    this.response = response;
  }
  stream(head: { status: number; headers: HttpResponse["headers"] }): HttpStream {
    if (this.answered) throw new Error("answered twice");
    this.head = head;
    const stream = {
      write: (bytes: Uint8Array) => void this.written.push(bytes),
      end: () => {
        this.ended = true;
        this.closeRuns.splice(0).forEach((run) => run());
      },
      cut: () => {
        this.isCut = true;
        this.disconnect();
      },
    };
    return Object.defineProperty(stream, "pending", { get: () => this.pending }) as HttpStream & typeof stream;
  }
  upgrade(protocol: string): Promise<WebSocketLike> {
    this.protocol = protocol;
    const socket = {
      send: (bytes: Uint8Array) => void this.socketSent.push(bytes),
      pause: () => void (this.isPaused = true),
      resume: () => void (this.isPaused = false),
      onMessage: (run: (bytes: Uint8Array) => void) => void this.messageRuns.push(run),
      onClose: (run: () => void) => void this.closeRuns.push(run),
      close: (code: number) => void (this.socketClosed = code),
    };
    return Promise.resolve(Object.defineProperty(socket, "pending", { get: () => this.pending }) as never);
  }
  switchProtocols(headers: HttpResponse["headers"]): ByteStream {
    if (this.answered) throw new Error("answered twice");
    this.head = { status: 101, headers };
    const connection = {
      write: (bytes: Uint8Array) => void this.written.push(bytes),
      onData: (run: (bytes: Uint8Array) => void) => void this.messageRuns.push(run),
      onClose: (run: () => void) => void this.closeRuns.push(run),
      pause: () => void (this.isPaused = true),
      resume: () => void (this.isPaused = false),
      end: () => void (this.ended = true),
      destroy: () => this.disconnect(),
    };
    return Object.defineProperty(connection, "pending", { get: () => this.pending }) as never;
  }
  onClose(run: () => void): void {
    this.closeRuns.push(run);
  }
  get answered(): boolean {
    return this.response !== undefined || this.head !== undefined;
  }
  get text(): string {
    const body = this.response?.body ?? Buffer.concat(this.written);
    return Buffer.from(body).toString("utf8");
  }
  /** Watch events so far. */
  get events(): Loose[] {
    return this.text
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as Loose);
  }
  /** The client goes away. */
  disconnect(): void {
    this.closeRuns.splice(0).forEach((run) => run());
  }
  message(...bytes: readonly (number | string)[]): void {
    const parts = bytes.map((part) => (typeof part === "number" ? Uint8Array.of(part) : Buffer.from(part)));
    this.receive(Buffer.concat(parts));
  }
  /** Bytes of an upgraded connection, or a message of its WebSocket. */
  receive(bytes: Uint8Array): void {
    for (const run of this.messageRuns) run(bytes);
  }
}

function bytesOf(body: unknown): Uint8Array {
  if (body === undefined) return new Uint8Array();
  if (body instanceof Uint8Array) return body;
  return Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
}

export function answerOf(exchange: FakeExchange): Answer {
  const { text } = exchange;
  const headers = (exchange.response ?? exchange.head)?.headers ?? {};
  const isJson = String(headers["content-type"]).startsWith("application/json");
  return {
    code: (exchange.response ?? exchange.head)?.status ?? 0,
    headers,
    text,
    json: isJson && text !== "" && exchange.response !== undefined ? JSON.parse(text) : parseLine(text),
  };
}

function parseLine(text: string): Loose {
  return text.startsWith("{") && text.endsWith("}\n") && text.indexOf("\n") === text.length - 1
    ? JSON.parse(text)
    : undefined;
}

export async function createRig(
  options: Partial<RestDoorOptions> = {},
  admission: readonly Admission[] = [namespaceLifecycle],
): Promise<Rig> {
  const env = createSimEnv({ seed: 7, crypto: realCrypto });
  const sealer = createSealer({
    crypto: realCrypto,
    key: new Uint8Array(32),
    randomBytes: (length) => env.random.stream("seal").bytes(length),
  });
  const store = createStore({
    kinds,
    sealer,
    crc32: (bytes) => realCrypto.crc32(bytes),
    limits: { freezeObjects: true },
  });
  const log = createFakeLog(env.clock);
  const host = createHost({
    env,
    store,
    log,
    kinds: { get: kindById },
    codec: {
      encodeRow: (kind, object, revision) =>
        kind.sealed === true ? encodeRow(object, revision, { sealer, kind: kind.id }) : encodeRow(object, revision),
      encodeOutcome,
      decodeOutcome,
    },
    decide: createDecide({ kinds, admission }),
    machines: new Map(),
    identity: { member: 1, incarnation: 1 },
    onFatal: (error) => {
      throw error;
    },
  });
  log.listener = host;
  log.becomeLeader();
  const opened: FakeNodeStream[] = [];
  const streams = {
    requests: [] as { node: string; request: NodeStreamRequest }[],
    get last() {
      return opened.at(-1)!;
    },
  };
  const handler = createRestDoor({
    host,
    store,
    kinds,
    env,
    version: simVersion,
    authenticator: {
      authenticate: (exchange) => Promise.resolve((exchange as FakeExchange).user),
    },
    authorizer: { authorize: () => ({ allowed: true, reason: "" }) },
    tokenIssuer: {
      issue: (claims) =>
        Promise.resolve({
          token: JSON.stringify(claims),
          expirationTimestamp: "2030-01-01T00:00:00Z",
        }),
      verify: (token) => Promise.resolve(JSON.parse(token)),
    },
    nodeStreams: {
      open: (node, request) => {
        streams.requests.push({ node, request });
        opened.push(new FakeNodeStream());
        return Promise.resolve(opened.at(-1)!);
      },
    },
    ...options,
  });
  const open: Rig["open"] = (method, target, callOptions) => {
    const exchange = new FakeExchange(method, target, callOptions);
    handler(exchange);
    return exchange;
  };
  const call: Rig["call"] = async (method, target, callOptions) => {
    const exchange = open(method, target, callOptions);
    for (let round = 0; round < 1_000 && !exchange.answered; round += 1) await env.advance(5);
    return answerOf(exchange);
  };
  const rig: Rig = {
    env,
    store,
    host,
    handler,
    streams,
    open,
    call,
    post: (target, body) => call("POST", target, { body }),
  };
  await rig.post("/api/v1/namespaces", { metadata: { name: "n" } });
  return rig;
}

/** A ConfigMap body. */
export function configMap(name: string, data: Record<string, string> = { k: "v" }): Loose {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name }, data };
}

export function pod(name: string, spec: Record<string, unknown> = {}): Loose {
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name },
    spec: { containers: [{ name: "c", image: "nginx" }], ...spec },
  };
}

export function deployment(name: string, spec: Record<string, unknown> = {}): Loose {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: "c", image: "nginx" }] },
      },
      ...spec,
    },
  };
}

export const CM = "/api/v1/namespaces/n/configmaps";
export const P = "/api/v1/namespaces/n/pods";
export const D = "/apis/apps/v1/namespaces/n/deployments";
