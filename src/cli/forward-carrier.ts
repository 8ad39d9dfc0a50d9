/**
 * One port of the forwarder. Carries each connection to the first master that answers on it: what the client
 * has said up to the first byte of an answer is kept, and told to the next master if there is none. With TLS
 * that is the client's greeting alone, so nothing is asked twice.
 */
import { connect, createServer, type Server, type Socket } from "node:net";

export interface CarrierOptions {
  readonly host: string;
  readonly port: number;
  /** `HOST:PORT` on which masters take what comes here, the best one first. Asked for each connection. */
  readonly targets: () => readonly string[];
  /** A master did not take a connection (`isRefused`), or broke one. */
  readonly broken: (target: string, isRefused: boolean) => void;
  readonly complain: (words: string) => void;
}

/** A master that takes a connection and says nothing this long is passed over. */
const answerMs = 1_000;
/** No master answers: so long, and this often, they are tried again before the client is told. */
const patienceMs = 3_000;
const pauseMs = 50;
/** More than a greeting is not kept. */
const heldBytesMax = 65_536;

export class Carrier {
  readonly #options: CarrierOptions;
  readonly #server: Server = createServer({ allowHalfOpen: true });
  readonly #open = new Set<Carried>();

  constructor(options: CarrierOptions) {
    this.#options = options;
  }

  listen(): Promise<void> {
    const { host, port, complain } = this.#options;
    this.#server.on("connection", (outer: Socket) => {
      const carried = new Carried(outer, this.#options, () => this.#open.delete(carried));
      this.#open.add(carried);
      carried.next();
    });
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ port, host }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", (error) => complain(`port ${port}: ${error.message}`));
        resolve();
      });
    });
  }

  stop(): void {
    this.#server.close();
    for (const carried of this.#open) carried.end();
  }

  /** This master has gone silent. */
  drop(target: string): void {
    for (const carried of this.#open) if (carried.target === target) carried.lost();
  }
}

class Carried {
  target = "";
  readonly #outer: Socket;
  readonly #options: CarrierOptions;
  readonly #ended: () => void;
  readonly #untilMs: number = performance.now() + patienceMs;
  #left: string[];
  #held: Buffer[] = [];
  #heldBytes = 0;
  #inner: Socket | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isAnswered = false;
  /** This master has taken the connection. */
  #isTaken = false;
  #isOver = false;

  constructor(outer: Socket, options: CarrierOptions, ended: () => void) {
    this.#outer = outer;
    this.#options = options;
    this.#ended = ended;
    this.#left = [...options.targets()];
    outer.setNoDelay(true);
    outer.on("data", this.#hold);
    outer.once("error", () => this.end());
    outer.once("close", () => this.end());
  }

  /** To the next master. */
  next(): void {
    if (this.#isOver) return;
    clearTimeout(this.#timer);
    this.#inner?.destroy();
    const target = this.#left.shift();
    if (target === undefined) return this.#againLater();
    this.target = target;
    const colon = target.lastIndexOf(":");
    const host = target.slice(0, colon).replace(/^\[|\]$/g, "");
    const inner = connect({ host, port: Number(target.slice(colon + 1)), allowHalfOpen: true, noDelay: true });
    this.#inner = inner;
    this.#isTaken = false;
    // A host that is gone says nothing at all.
    this.#timer = setTimeout(() => this.#failed(inner), answerMs);
    inner.once("connect", () => {
      clearTimeout(this.#timer);
      this.#isTaken = true;
      if (this.#held.length > 0) this.#tell(inner, Buffer.concat(this.#held));
    });
    inner.once("data", (first: Buffer) => this.#join(inner, first));
    inner.once("error", () => this.#failed(inner));
    inner.once("close", () => this.#failed(inner));
  }

  /** The master is silent: somebody else, where that can still be. */
  lost(): void {
    if (this.#isAnswered) this.end();
    else this.next();
  }

  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.#inner?.destroy();
    this.#outer.destroy();
    this.#ended();
  }

  readonly #hold = (chunk: Buffer): void => {
    this.#held.push(chunk);
    this.#heldBytes += chunk.length;
    if (this.#heldBytes > heldBytesMax) return this.end();
    if (this.#inner?.readyState === "open") this.#tell(this.#inner, chunk);
  };

  #tell(inner: Socket, bytes: Buffer): void {
    inner.write(bytes);
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#failed(inner), answerMs);
  }

  #join(inner: Socket, first: Buffer): void {
    if (inner !== this.#inner || this.#isOver) return;
    clearTimeout(this.#timer);
    this.#isAnswered = true;
    this.#held = [];
    this.#outer.off("data", this.#hold);
    this.#outer.write(first);
    this.#outer.pipe(inner);
    inner.pipe(this.#outer);
  }

  #failed(inner: Socket): void {
    if (inner !== this.#inner || this.#isOver) return;
    this.#options.broken(this.target, !this.#isTaken);
    if (this.#isAnswered) this.end();
    else this.next();
  }

  #againLater(): void {
    this.#inner = undefined;
    if (performance.now() > this.#untilMs) return this.end();
    this.#timer = setTimeout(() => {
      this.#left = [...this.#options.targets()];
      this.next();
    }, pauseMs);
  }
}
