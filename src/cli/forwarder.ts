/**
 * One address for several masters: takes connections on the cluster's two ports and carries their
 * bytes to the master that leads, or else to one that answers. TLS is between client and master; the
 * forwarder reads nothing. A master that dies takes its connections along; one that has gone silent
 * loses them here, so that clients connect anew and reach another.
 */
import { Agent, request } from "node:https";
import { connect, createServer, type Server, type Socket } from "node:net";
import type { ApiAccess } from "./api-client.ts";

export interface ForwardTarget {
  readonly name: string;
  readonly apiPort: number;
  readonly grpcPort: number;
}

export interface ForwarderOptions {
  readonly host: string;
  readonly apiPort: number;
  readonly grpcPort: number;
  /** All on the loopback. */
  readonly masters: readonly ForwardTarget[];
  readonly access: Omit<ApiAccess, "port">;
  readonly complain: (words: string) => void;
}

export interface Forwarder {
  /** The master that said last that it leads. */
  readonly leader: string | undefined;
  stop(): void;
}

const pollMs = 150;
const silentMs = 2_000;
const loopback = "127.0.0.1";

export async function startForwarder(options: ForwarderOptions): Promise<Forwarder> {
  const watch = new Watch(options);
  const carriers = [
    new Carrier(options.apiPort, (target) => target.apiPort, watch, options),
    new Carrier(options.grpcPort, (target) => target.grpcPort, watch, options),
  ];
  watch.onSilent = (name) => {
    for (const carrier of carriers) carrier.drop(name);
  };
  await Promise.all(carriers.map((carrier) => carrier.listen()));
  watch.start();
  return {
    get leader() {
      return watch.leader;
    },
    stop() {
      watch.stop();
      for (const carrier of carriers) carrier.stop();
    },
  };
}

/** Asks every master now and then whether it leads. */
class Watch {
  leader: string | undefined;
  onSilent: (name: string) => void = () => undefined;
  readonly #options: ForwarderOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #terms = new Map<string, number>();
  #isStopped = false;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  /** The leader first; the others in their order. */
  get order(): readonly ForwardTarget[] {
    const { masters } = this.#options;
    return [
      ...masters.filter(({ name }) => name === this.leader),
      ...masters.filter(({ name }) => name !== this.leader),
    ];
  }

  start(): void {
    for (const target of this.#options.masters) void this.#keepAsking(target);
  }

  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#agent.destroy();
  }

  async #keepAsking(target: ForwardTarget): Promise<void> {
    const { name } = target;
    while (!this.#isStopped) {
      const term = await this.#termLed(target);
      if (term === undefined) this.#terms.delete(name);
      else this.#terms.set(name, term);
      const [first] = [...this.#terms].toSorted(([, a], [, b]) => b - a);
      this.leader = first?.[0];
      await new Promise<void>((resolve) => {
        const timer = setTimeout(() => {
          this.#timers.delete(timer);
          resolve();
        }, pollMs);
        this.#timers.add(timer);
      });
    }
  }

  /** The term in which the master leads; undefined: it does not, or does not answer. */
  #termLed({ name, apiPort: port }: ForwardTarget): Promise<number | undefined> {
    const { host, authority: ca, certificate: cert, key } = this.#options.access;
    return new Promise((resolve) => {
      const path = "/troupe/v1/member";
      const sent = request({ host, port, path, ca, cert, key, agent: this.#agent, timeout: silentMs }, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", () => resolve(undefined));
        response.on("end", () => resolve(termIn(Buffer.concat(chunks).toString())));
      });
      sent.on("timeout", () => {
        this.onSilent(name);
        sent.destroy();
      });
      sent.on("error", () => resolve(undefined));
      sent.end();
    });
  }
}

function termIn(body: string): number | undefined {
  if (!body.startsWith("{")) return undefined;
  const said = JSON.parse(body) as { readonly role: string; readonly term: number };
  return said.role === "leader" ? said.term : undefined;
}

/** One port. */
class Carrier {
  readonly #port: number;
  readonly #portOf: (target: ForwardTarget) => number;
  readonly #watch: Watch;
  readonly #options: ForwarderOptions;
  readonly #server: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  /** Both ends of each connection, by master. */
  readonly #open = new Map<Socket, { readonly name: string; readonly inner: Socket }>();

  constructor(port: number, portOf: (target: ForwardTarget) => number, watch: Watch, options: ForwarderOptions) {
    this.#port = port;
    this.#portOf = portOf;
    this.#watch = watch;
    this.#options = options;
  }

  listen(): Promise<void> {
    this.#server.on("connection", (outer: Socket) => this.#carry(outer, [...this.#watch.order]));
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port: this.#port, host: this.#options.host }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", (error) => this.#options.complain(`port ${this.#port}: ${error.message}`));
        resolve();
      });
    });
  }

  stop(): void {
    this.#server.close();
    for (const outer of this.#open.keys()) outer.destroy();
  }

  drop(name: string): void {
    for (const [outer, open] of this.#open) {
      if (open.name !== name) continue;
      outer.destroy();
      open.inner.destroy();
    }
  }

  /** To the first of the masters that takes the connection. */
  #carry(outer: Socket, left: ForwardTarget[]): void {
    const target = left.shift();
    if (target === undefined || outer.destroyed) return void outer.destroy();
    const inner = connect({ port: this.#portOf(target), host: loopback, allowHalfOpen: true, noDelay: true });
    let isThere = false;
    inner.once("connect", () => {
      isThere = true;
      outer.setNoDelay(true);
      this.#open.set(outer, { name: target.name, inner });
      outer.pipe(inner);
      inner.pipe(outer);
    });
    inner.once("error", () => (isThere ? outer.destroy() : this.#carry(outer, left)));
    inner.once("close", () => {
      if (!isThere) return;
      this.#open.delete(outer);
      outer.destroy();
    });
    outer.once("error", () => inner.destroy());
    outer.once("close", () => {
      this.#open.delete(outer);
      inner.destroy();
    });
  }
}
