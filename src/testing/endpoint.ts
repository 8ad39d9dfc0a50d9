/**
 * The doors of a virtual cluster on real sockets of the loopback: what kubectl, a client library or an
 * operator under test connects to. Answers are those of a master's own ports, since it is its code that
 * answers. Connections break when the virtual master dies, and are taken again on the same ports when the
 * next one lives.
 */
import type { GrpcServer, GrpcService } from "../api/grpc/server.ts";
import type { CertifiedKey, Issuer } from "../auth/certificates.ts";
import type { HttpExchange } from "../env/http.ts";
import { realClock } from "../env/real/clock.ts";
import type { HttpsServer } from "../env/real/https-server.ts";
import type { Core } from "../server/core.ts";
import { encodeBase64 } from "../util/base64.ts";
import { utf8 } from "../util/bytes.ts";
import { invariant } from "../util/errors.ts";
import type { Millis } from "../util/time.ts";
import { Pump, type PumpedRequest } from "./pump.ts";

export interface ListenOptions {
  /** Default: one that is free, with the next one free as well. */
  readonly port?: number;
  /** Virtual time per real time while clients only watch and wait. Default 1. */
  readonly speed?: number;
}

/** Whom a kubeconfig is for. */
export interface EndpointUser {
  readonly name: string;
  readonly groups?: readonly string[];
}

export interface EndpointOptions extends ListenOptions {
  readonly core: () => Core;
  readonly advance: (ms: Millis) => Promise<void>;
  readonly onError: (error: Error) => void;
}

interface Keys {
  readonly issuer: Issuer;
  readonly authority: CertifiedKey;
  readonly serving: CertifiedKey;
  readonly admin: CertifiedKey;
}

const host = "127.0.0.1";
const validMs: Millis = 24 * 60 * 60 * 1_000;
const portTriesMax = 20;

export class Endpoint implements AsyncDisposable {
  readonly #options: EndpointOptions;
  readonly #keys: Keys;
  readonly #pump: Pump;
  #rest: HttpsServer | undefined;
  #grpc: GrpcServer | undefined;
  #down: Promise<unknown> = Promise.resolve();
  #isClosed = false;
  /** Of REST; gRPC listens on the next one, where the project's own clients look for it. */
  #port: number;

  private constructor(options: EndpointOptions, keys: Keys) {
    this.#options = options;
    this.#keys = keys;
    this.#port = options.port ?? 0;
    const { advance, onError, speed = 1 } = options;
    this.#pump = new Pump({ clock: realClock, speed, advance, onError });
  }

  static async listen(options: EndpointOptions): Promise<Endpoint> {
    const endpoint = new Endpoint(options, await makeKeys());
    await endpoint.masterUp();
    return endpoint;
  }

  /** `https://127.0.0.1:PORT`. */
  get url(): string {
    return `https://${host}:${this.#port}`;
  }

  /** `127.0.0.1:PORT`. */
  get grpcAddress(): string {
    return `${host}:${this.#port + 1}`;
  }

  /** The text of one, for an administrator (group `system:masters`). */
  get kubeconfig(): string {
    return this.#kubeconfigOf(this.#keys.admin);
  }

  /** The same for somebody else: who may do what is the cluster's to say. */
  async kubeconfigFor({ name, groups = [] }: EndpointUser): Promise<string> {
    const { issuer, authority } = this.#keys;
    return this.#kubeconfigOf(
      await issuer.leaf(authority, { commonName: name, organizations: groups, usage: "client", validMs }),
    );
  }

  /** Waits in real time, while the clients' requests let virtual time pass. Rejects after `withinMs` (ten seconds). */
  async until(condition: () => boolean, { withinMs = 10_000 }: { readonly withinMs?: Millis } = {}): Promise<void> {
    const end = realClock.mono() + withinMs;
    while (!condition()) {
      if (realClock.mono() >= end) throw new Error(`did not come true within ${withinMs} ms: ${String(condition)}`);
      await new Promise<void>((resolve) => void realClock.after(lookEveryMs, resolve));
    }
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#pump.stop();
    this.masterDown();
    await this.#down;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Connections break, and new ones are refused. */
  masterDown(): void {
    const closing = [this.#down, this.#rest?.close(0), this.#grpc?.close(0)].filter((each) => each !== undefined);
    this.#rest = undefined;
    this.#grpc = undefined;
    this.#down = Promise.all(closing);
  }

  /** Takes connections again, if it does not yet. */
  async masterUp(): Promise<void> {
    if (this.#rest !== undefined) return;
    await this.#down;
    const isFree = this.#port === 0;
    for (let tries = 1; ; tries += 1) {
      try {
        await this.#bind();
        return;
      } catch (error) {
        this.masterDown();
        await this.#down;
        if (!isFree || tries === portTriesMax) throw error;
        this.#port = 0;
      }
    }
  }

  async #bind(): Promise<void> {
    const { authority, serving } = this.#keys;
    const core = this.#options.core();
    const { listenHttps } = await import("../env/real/https-server.ts");
    const { createNativeServer } = await import("../server/native.ts");
    this.#rest = await listenHttps({
      host,
      port: this.#port,
      ...serving,
      clientAuthorities: [authority.certificate],
      handler: (exchange) => core.rest(this.#pumped(exchange)),
    });
    this.#port = this.#rest.port;
    this.#grpc = createNativeServer({
      env: { ...core.door.env, clock: realClock },
      core,
      tls: { ...serving, clientAuthority: authority.certificate, nodeAuthority: authority.certificate },
      isReady: () => true,
      wrap: (service) => this.#pumpedService(service),
    });
    await this.#grpc.listen(host, this.#port + 1);
  }

  #pumped(exchange: HttpExchange): HttpExchange {
    const request = this.#pump.began();
    exchange.onClose(() => request.ended());
    const told = <A extends readonly unknown[], R>(call: (...args: A) => R): ((...args: A) => R) => {
      return (...args) => {
        request.answered();
        return call(...args);
      };
    };
    const { method, target, headers, certificate, remoteAddress, isUpgrade, bodyBytes } = exchange;
    return {
      method,
      target,
      headers,
      certificate,
      remoteAddress,
      isUpgrade,
      ...(bodyBytes === undefined ? {} : { bodyBytes }),
      belongsTo: (user) => exchange.belongsTo?.(user) ?? true,
      body: (limitBytes) => exchange.body(limitBytes),
      onClose: (run) => exchange.onClose(run),
      respond: told((response) => exchange.respond(response)),
      stream: told((head) => exchange.stream(head)),
      upgrade: told((protocol) => exchange.upgrade(protocol)),
      switchProtocols: told((answered) => exchange.switchProtocols(answered)),
    };
  }

  #pumpedService(service: GrpcService): GrpcService {
    const handlers = Object.entries(service.handlers).map(([name, handler]) => {
      invariant(typeof handler === "function", "a handler is a function");
      const pumped = (call: Call, done?: (...reply: unknown[]) => void): void => {
        const request = this.#pump.began();
        const answer = done && ((...reply: unknown[]): void => (request.ended(), done(...reply)));
        if (answer === undefined) follow(call, request);
        (handler as (call: Call, done?: unknown) => void)(call, answer);
      };
      return [name, pumped];
    });
    return { ...service, handlers: Object.fromEntries(handlers) as GrpcService["handlers"] };
  }

  #kubeconfigOf({ certificate, key }: CertifiedKey): string {
    const base64 = (pem: string): string => encodeBase64(utf8(pem));
    return `apiVersion: v1
kind: Config
current-context: virtual
clusters:
  - name: virtual
    cluster:
      server: ${this.url}
      certificate-authority-data: ${base64(this.#keys.authority.certificate)}
users:
  - name: virtual
    user:
      client-certificate-data: ${base64(certificate)}
      client-key-data: ${base64(key)}
contexts:
  - name: virtual
    context:
      cluster: virtual
      user: virtual
`;
  }
}

const lookEveryMs: Millis = 5;

/** A call of gRPC's, as far as its end can be heard. */
interface Call {
  once(event: "cancelled" | "finish" | "close" | "error", run: () => void): unknown;
}

/** A stream of answers counts as a watch from its start. */
function follow(call: Call, request: PumpedRequest): void {
  for (const event of ["cancelled", "finish", "close"] as const) call.once(event, () => request.ended());
}

async function makeKeys(): Promise<Keys> {
  const { createIssuer } = await import("../auth/certificates.ts");
  const issuer = createIssuer({ webcrypto: globalThis.crypto, now: () => realClock.wall() });
  const authority = await issuer.authority("troupe-virtual");
  const names = ["localhost", host, "kubernetes", "kubernetes.default.svc"];
  const [serving, admin] = await Promise.all([
    issuer.leaf(authority, { commonName: "kube-apiserver", usage: "server", names, validMs }),
    issuer.leaf(authority, { commonName: "admin", organizations: ["system:masters"], usage: "client", validMs }),
  ]);
  return { issuer, authority, serving, admin };
}
