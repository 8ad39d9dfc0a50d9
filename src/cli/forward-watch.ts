/** Who of the masters leads, and who has gone silent: each is asked now and then. */
import { Agent, request } from "node:https";
import { messageOf } from "../util/errors.ts";

export interface WatchOptions {
  /** `HOST:PORT` of the masters' API, as they are known now. */
  readonly masters: () => readonly string[];
  /** PEM of the authority that the masters' certificates are of; asked for each connection. */
  readonly authority: () => string;
  readonly pollMs: number;
  readonly onSilent: (master: string) => void;
  readonly complain: (words: string) => void;
}

const silentMs = 2_000;
const hastenMs = 50;
/** Once another one leads there is no hope that a silent leader speaks again as such. */
const deposedMs = 700;

interface Asked {
  term: number | undefined;
  hasAnswered: boolean;
  /** Asked then, and not answered yet. */
  sinceMs: number | undefined;
  hasComplained: boolean;
}

export class ForwardWatch {
  readonly #options: WatchOptions;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #asked = new Map<string, Asked>();
  readonly #sleepers = new Set<() => void>();
  #hastening: NodeJS.Timeout | undefined;
  #isStopped = false;

  constructor(options: WatchOptions) {
    this.#options = options;
  }

  /** The master that said last that it leads. */
  get leader(): string | undefined {
    let best: { readonly master: string; readonly term: number } | undefined;
    for (const [master, { term }] of this.#asked) {
      if (term !== undefined && term >= (best?.term ?? 0)) best = { master, term };
    }
    return best?.master;
  }

  /** The leader first, then who answers, then the rest. */
  get order(): readonly string[] {
    const { leader } = this;
    const rank = (master: string): number => {
      if (master === leader) return 0;
      return this.#asked.get(master)?.hasAnswered === true ? 1 : 2;
    };
    return this.#options.masters().toSorted((a, b) => rank(a) - rank(b));
  }

  /** Takes note of masters that have come, too. */
  start(): void {
    for (const master of this.#options.masters()) {
      if (this.#asked.has(master)) continue;
      this.#asked.set(master, { term: undefined, hasAnswered: false, sinceMs: undefined, hasComplained: false });
      void this.#keepAsking(master);
    }
  }

  /**
   * A connection to this master broke, or was not taken: then others go first from now on. All are asked in a moment:
   * many connections break with one master, nobody leads yet, and those that are to elect a leader have work to do.
   */
  broken(master: string, isRefused: boolean): void {
    const asked = this.#asked.get(master);
    if (asked !== undefined && isRefused) {
      asked.term = undefined;
      asked.hasAnswered = false;
    }
    this.#hastening ??= setTimeout(() => this.#hasten(), hastenMs);
  }

  #hasten(): void {
    clearTimeout(this.#hastening);
    this.#hastening = undefined;
    for (const wake of this.#sleepers) wake();
  }

  stop(): void {
    this.#isStopped = true;
    this.#hasten();
    this.#agent.destroy();
  }

  async #keepAsking(master: string): Promise<void> {
    const asked = this.#asked.get(master)!;
    while (!this.#isStopped && this.#options.masters().includes(master)) {
      asked.sinceMs = performance.now();
      const said = await this.#ask(master);
      asked.sinceMs = undefined;
      asked.hasAnswered = !(said instanceof Error);
      asked.term = said instanceof Error ? undefined : said.term;
      if (said instanceof Error && !asked.hasComplained) this.#options.complain(`${master}: ${said.message}`);
      asked.hasComplained = said instanceof Error;
      if (asked.term !== undefined) this.#leads(master, asked.term);
      await this.#sleep();
    }
    this.#asked.delete(master);
  }

  /** A leader of before that does not answer has lost its place, and holds up who is connected to it. */
  #leads(master: string, term: number): void {
    for (const [other, asked] of this.#asked) {
      if (other === master || asked.term === undefined || asked.term >= term) continue;
      if (asked.sinceMs === undefined || performance.now() - asked.sinceMs < deposedMs) continue;
      asked.term = undefined;
      asked.hasAnswered = false;
      this.#options.onSilent(other);
    }
  }

  #sleep(): Promise<void> {
    if (this.#isStopped) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        clearTimeout(timer);
        this.#sleepers.delete(wake);
        resolve();
      };
      const timer = setTimeout(wake, this.#options.pollMs);
      this.#sleepers.add(wake);
    });
  }

  /** The term in which the master leads, if it does; an error where it does not answer. */
  #ask(master: string): Promise<{ readonly term: number | undefined } | Error> {
    const colon = master.lastIndexOf(":");
    const host = master.slice(0, colon).replace(/^\[|\]$/g, "");
    const options = {
      host,
      port: Number(master.slice(colon + 1)),
      path: "/troupe/v1/member",
      ca: this.#options.authority(),
      // Every master's certificate has it, whatever address it is reached at.
      servername: "kubernetes",
      agent: this.#agent,
      timeout: silentMs,
    };
    return new Promise((resolve) => {
      const sent = request(options, (response) => {
        const chunks: Buffer[] = [];
        response.on("data", (chunk: Buffer) => chunks.push(chunk));
        response.on("error", resolve);
        response.on("end", () => resolve(saidIn(Buffer.concat(chunks).toString())));
      });
      sent.on("timeout", () => {
        this.#options.onSilent(master);
        sent.destroy(new Error(`no answer within ${silentMs} ms`));
      });
      sent.on("error", resolve);
      sent.end();
    });
  }
}

function saidIn(body: string): { readonly term: number | undefined } | Error {
  try {
    const { role, term } = JSON.parse(body) as { readonly role: string; readonly term: number };
    return { term: role === "leader" ? term : undefined };
  } catch (error) {
    return new Error(`no master answers there: ${messageOf(error)}`);
  }
}
