/**
 * Clients under a ledger: writers of ConfigMaps with keys of their own, and a watch that is resumed again and
 * again. What they are told goes into the ledger, which in the end is held against what is stored and against a
 * second watch from the same start. How a write is asked for, and what a lost answer means, is the caller's.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Ledger, type LedgerEvent } from "./ledger.ts";
import type { Answer, RestClient, WatchLine } from "./rest-client.ts";

export interface Write {
  readonly key: string;
  /** Undefined: a deletion. */
  readonly value: string | undefined;
  readonly method: string;
  readonly path: string;
  readonly body: unknown;
}

/** How a write was answered, and at the how manieth try. */
export interface Sent {
  readonly answer: Answer;
  readonly tries: number;
}

export interface Watching {
  /** Whom the next resumption asks. */
  readonly from: (resumption: number) => RestClient;
  /** After how long it is broken off, to be resumed. Default: when the server ends it. */
  readonly lifeMs?: () => number;
  /** Between two. */
  readonly pauseMs: number;
}

export interface LedgerClientOptions {
  /** What nobody knows the end of may still happen later: its key is left alone. Default: it is read, and used again. */
  readonly retires?: boolean;
  /** The part of acknowledged writes that are read back at once. Default: none. */
  readonly readsBack?: number;
}

type Meta = { readonly name: string; readonly resourceVersion: string };
type Stored = { readonly metadata: Meta; readonly data?: { readonly v: string } };

const insistMaxMs = 90_000;
const settleMaxMs = 90_000;
const quietMs = 1_000;
const replayMaxMs = 90_000;
const againMs = 100;
const keysEach = 5;
const deletions = 0.25;

/** An answer of a master that comes or goes: the client may ask again. */
export function isPassing({ status }: Answer): boolean {
  return status >= 500 || status === 429;
}

/** Of the writers; others may have objects in the same namespace. */
function isOwn(name: string): boolean {
  return /^w\d/.test(name);
}

function eventOf({ type, object }: WatchLine): LedgerEvent | undefined {
  const { metadata, data } = object as unknown as Stored;
  if (type !== "ADDED" && type !== "MODIFIED" && type !== "DELETED") return undefined;
  if (!isOwn(metadata.name)) return undefined;
  return { type, key: metadata.name, value: data?.v ?? "", revision: Number(metadata.resourceVersion) };
}

export class LedgerClient {
  readonly ledger: Ledger = new Ledger(0);
  /** Of the namespace's ConfigMaps. */
  readonly folder: string;
  /** When the newest acknowledged write was asked for, and answered. */
  lastAck: { readonly askedMs: number; readonly answeredMs: number } = { askedMs: 0, answeredMs: 0 };
  resumptions = 0;
  readsBack = 0;
  readonly #options: LedgerClientOptions;
  /**
   * Keys whose write was asked for twice: the first request may lie with a master that was stopped, and happen when it
   * goes on. Then it changes nothing, as long as nobody has written anything else.
   */
  readonly #doubtful = new Set<string>();
  /** How many keys of a name were left alone. */
  readonly #retired = new Map<string, number>();
  readonly #client: RestClient;
  readonly #namespace: string;
  #start = 0;
  #isStopping = false;

  constructor(client: RestClient, namespace: string, options: LedgerClientOptions = {}) {
    this.#options = options;
    this.#client = client;
    this.#namespace = namespace;
    this.folder = `/api/v1/namespaces/${namespace}/configmaps`;
  }

  /** Makes the namespace, and what `names` are to hold; the watch begins behind them. */
  async begin(names: readonly string[] = []): Promise<void> {
    await this.insist("POST", "/api/v1/namespaces", { metadata: { name: this.#namespace } });
    for (const name of names) await this.insist("POST", this.folder, { metadata: { name } });
    const { body } = await this.insist("GET", this.folder);
    this.#start = Number((body["metadata"] as Meta).resourceVersion);
    this.ledger.watchRevision = this.#start;
  }

  /** Asks until there is an answer that is none of a master that comes or goes. */
  async insist(method: string, path: string, body?: unknown): Promise<Answer> {
    const untilMs = Date.now() + insistMaxMs;
    for (;;) {
      try {
        const answer = await this.#client.call(method, path, body);
        if (!isPassing(answer)) return answer;
      } catch (error) {
        if (Date.now() > untilMs) throw error;
      }
      if (Date.now() > untilMs) throw new Error(`${method} ${path}: no answer within ${insistMaxMs} ms`);
      await delay(50);
    }
  }

  /**
   * One writer owns its keys, so that each key's writes come one after the other. `send` answers undefined where
   * nobody knows what became of the write.
   */
  async writeOn(writer: number, pauseMs: number, send: (write: Write) => Promise<Sent | undefined>): Promise<void> {
    for (let count = 0; !this.#isStopping; count += 1) {
      const key = await this.#settledKey(`w${writer}-${Math.floor(Math.random() * keysEach)}`);
      const write = this.#next(key, `${key}.${count}`);
      const askedMs = performance.now();
      const sent = await send(write);
      if (sent === undefined) this.ledger.lost(key, write.value);
      else if (this.#take(write, askedMs, sent)) await this.#readBack(key);
      await delay(pauseMs);
    }
  }

  /** A key of which is known what it holds. */
  async #settledKey(name: string): Promise<string> {
    const retired = this.#retired.get(name) ?? 0;
    const key = retired === 0 ? name : `${name}-${retired}`;
    const isDoubtful = this.#doubtful.has(key);
    if (this.ledger.possible(key).length === 1 && !isDoubtful) return key;
    if (this.#options.retires === true || isDoubtful) {
      this.#retired.set(name, retired + 1);
      return `${name}-${retired + 1}`;
    }
    await this.#look(key);
    return key;
  }

  /** What was acknowledged is there, whoever is asked. */
  async #readBack(key: string): Promise<void> {
    const { readsBack = 0 } = this.#options;
    if (Math.random() >= readsBack) return;
    this.readsBack += 1;
    await this.#look(key);
  }

  #next(key: string, next: string): Write {
    const isThere = this.ledger.possible(key)[0] !== undefined;
    const path = isThere ? `${this.folder}/${key}` : this.folder;
    if (isThere && Math.random() < deletions) {
      return { key, value: undefined, method: "DELETE", path, body: undefined };
    }
    const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: key }, data: { v: next } };
    return { key, value: next, method: isThere ? "PUT" : "POST", path, body };
  }

  /** Answers whether it was acknowledged. */
  #take({ key, value }: Write, askedMs: number, { answer, tries }: Sent): boolean {
    const { status, body } = answer;
    if (tries > 1) this.#doubtful.add(key);
    if (status === 200 || status === 201) {
      const revision = (body["metadata"] as Meta | undefined)?.resourceVersion;
      this.ledger.wrote(key, value, revision === undefined ? undefined : Number(revision));
      this.lastAck = { askedMs, answeredMs: performance.now() };
      return true;
    }
    this.ledger.lost(key, value);
    // An earlier try may have happened: then a later one finds it done.
    if (tries > 1 && (status === 404 || status === 409)) return false;
    this.ledger.problems.push(`writing ${key} answered ${status}: ${JSON.stringify(body)}`);
    return false;
  }

  async #look(key: string): Promise<void> {
    const { status, body } = await this.insist("GET", `${this.folder}/${key}`);
    const stored = body as unknown as Stored;
    if (status === 404) this.ledger.read(key, undefined);
    else this.ledger.read(key, stored.data?.v, Number(stored.metadata.resourceVersion));
  }

  #watchPath(revision: number): string {
    return `${this.folder}?watch=1&allowWatchBookmarks=true&resourceVersion=${revision}`;
  }

  /** Until the signal: each resumption goes on from what was told last. */
  async watchOn({ from, lifeMs, pauseMs }: Watching, signal: AbortSignal): Promise<void> {
    for (let resumption = 0; !signal.aborted; resumption += 1) {
      this.resumptions = resumption;
      const turn = lifeMs === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(lifeMs())]);
      const path = this.#watchPath(this.ledger.watchRevision);
      await from(resumption).watch(path, (line) => this.#see(line), turn);
      await delay(pauseMs);
    }
  }

  #see(line: WatchLine): void {
    const event = eventOf(line);
    if (event !== undefined) this.ledger.watched(event);
    else if (line.type === "BOOKMARK") {
      this.ledger.bookmark(Number((line.object as unknown as Stored).metadata.resourceVersion));
    } else if (line.type === "ERROR") {
      this.ledger.problems.push(`the watch from ${this.ledger.watchRevision} answered ${JSON.stringify(line)}`);
    }
  }

  /** The same watch once more from its start, until it has told as much; one that breaks begins anew. */
  async #replay(): Promise<readonly LedgerEvent[]> {
    const { events, problems } = this.ledger;
    const late = AbortSignal.timeout(replayMaxMs);
    const problemsBefore = problems.length;
    for (;;) {
      const told = await this.#replayOnce(late);
      if (told.length >= events.length || late.aborted || problems.length > problemsBefore) return told;
      await delay(againMs);
    }
  }

  async #replayOnce(late: AbortSignal): Promise<readonly LedgerEvent[]> {
    const told: LedgerEvent[] = [];
    const stop = new AbortController();
    const see = (line: WatchLine): void => {
      const event = eventOf(line);
      if (event !== undefined) told.push(event);
      else if (line.type === "ERROR") this.ledger.problems.push(`replay: ${JSON.stringify(line)}`);
      if (told.length >= this.ledger.events.length) stop.abort();
    };
    await this.#client.watch(this.#watchPath(this.#start), see, AbortSignal.any([stop.signal, late]));
    return told;
  }

  async #listed(): Promise<readonly Stored[]> {
    const list = (await this.insist("GET", this.folder)).body as { readonly items: readonly Stored[] };
    return list.items.filter(({ metadata }) => isOwn(metadata.name));
  }

  /** What is stored, once the watch has told it all, and nothing that was left alone comes about any more. */
  async #settledRows(): Promise<ReadonlyMap<string, string>> {
    const { ledger } = this;
    const untilMs = Date.now() + settleMaxMs;
    let [stored, quietAtMs] = [await this.#listed(), Date.now() + quietMs];
    for (let seen = ledger.events.length; Date.now() < untilMs;) {
      const newest = Math.max(
        ...ledger.events.map(({ revision }) => revision),
        ...stored.map(({ metadata }) => Number(metadata.resourceVersion)),
      );
      if (ledger.watchRevision >= newest && Date.now() > quietAtMs) {
        const before = stored;
        stored = await this.#listed();
        if (JSON.stringify(stored) === JSON.stringify(before)) break;
        quietAtMs = Date.now() + quietMs;
      }
      await delay(20);
      if (ledger.events.length !== seen) quietAtMs = Date.now() + quietMs;
      seen = ledger.events.length;
    }
    return new Map(stored.map(({ metadata, data }) => [metadata.name, data?.v ?? ""]));
  }

  /** Runs `work` under writers and a watch, and then holds everything against everything. */
  async during<Done>(
    { writers, watching }: { readonly writers: readonly (() => Promise<void>)[]; readonly watching: Watching },
    work: () => Promise<Done>,
  ): Promise<Done> {
    const stop = new AbortController();
    const watched = this.watchOn(watching, stop.signal);
    const written = Promise.all(writers.map((write) => write()));
    const done = await work();
    this.#isStopping = true;
    await written;
    const stored = await this.#settledRows();
    stop.abort();
    await watched;
    this.ledger.compare(stored);
    this.ledger.compareReplay(await this.#replay());
    return done;
  }
}
