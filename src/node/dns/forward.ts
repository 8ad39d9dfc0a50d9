/**
 * Asks upstream servers for names outside the cluster: a fresh socket and a random id per query (the
 * answer must match both and repeat the question), two tries, then SERVFAIL; never silence, because
 * some resolvers wait seconds for it. Same questions in flight are asked once; answers are kept for a
 * short while.
 */
import type { Clock, Rng } from "../../env/env.ts";
import type { HostNet } from "../../env/host.ts";
import type { Sockets } from "../../env/sockets.ts";
import { dnsLimits } from "./limits.ts";
import { encodeQuery, readName, types, type Edns, type Question } from "./message.ts";

export interface ForwarderOptions {
  readonly clock: Clock;
  readonly random: Rng;
  readonly sockets: Sockets;
  readonly net: HostNet;
  /** `host` or `host:port`; asked in turn, the healthy one first. */
  readonly upstreams: readonly string[];
}

interface Cached {
  readonly bytes: Uint8Array;
  readonly untilMs: number;
}

/** The upstream's whole message with id 0, or undefined when nobody answered. */
export type Forwarded = Uint8Array | undefined;

export class Forwarder {
  readonly #options: ForwarderOptions;
  readonly #cache = new Map<string, Cached>();
  readonly #inFlight = new Map<string, Promise<Forwarded>>();
  #preferred = 0;

  constructor(options: ForwarderOptions) {
    this.#options = options;
  }

  ask(question: Question, edns: Edns | undefined): Promise<Forwarded> {
    const key = `${question.name.toLowerCase()} ${question.type} ${question.class} ${edns?.dnssecOk}`;
    const cached = this.#cache.get(key);
    if (cached !== undefined && cached.untilMs > this.#options.clock.mono()) return Promise.resolve(cached.bytes);
    const asked = this.#inFlight.get(key);
    if (asked !== undefined) return asked;
    if (this.#inFlight.size >= dnsLimits.inFlightCount) return Promise.resolve(undefined);
    const answer = this.#query(question, edns).then((bytes) => {
      this.#inFlight.delete(key);
      if (bytes !== undefined) this.#remember(key, bytes);
      return bytes;
    });
    this.#inFlight.set(key, answer);
    return answer;
  }

  async #query(question: Question, edns: Edns | undefined): Promise<Forwarded> {
    const { upstreams } = this.#options;
    for (let attempt = 0; attempt < dnsLimits.triesCount * upstreams.length; attempt += 1) {
      const at = (this.#preferred + attempt) % upstreams.length;
      const answer = await this.#once(upstreams[at]!, question, edns);
      if (answer === undefined) continue;
      this.#preferred = at;
      return answer;
    }
    return undefined;
  }

  async #once(upstream: string, question: Question, edns: Edns | undefined): Promise<Forwarded> {
    const target = parseUpstream(upstream);
    const id = this.#options.random.below(0x10000);
    const query = encodeQuery(id, question, edns);
    const bytes = await this.#overUdp(target, query, (answer) => matches(answer, id, question));
    if (bytes === undefined) return undefined;
    const isTruncated = (bytes[2]! & 0x02) !== 0;
    const whole = isTruncated ? await this.#overTcp(target, query, (answer) => matches(answer, id, question)) : bytes;
    if (whole === undefined) return undefined;
    const plain = whole.slice();
    plain[0] = 0;
    plain[1] = 0;
    return plain;
  }

  async #overUdp(target: Target, query: Uint8Array, fits: (bytes: Uint8Array) => boolean): Promise<Forwarded> {
    const { clock, sockets } = this.#options;
    const socket = await sockets.udp({ host: target.host.includes(":") ? "::" : "0.0.0.0", port: 0 });
    return new Promise((resolve) => {
      const settle = (bytes: Forwarded): void => {
        timer.cancel();
        socket.close();
        resolve(bytes);
      };
      const timer = clock.after(dnsLimits.tryMs, () => settle(undefined));
      socket.onMessage((bytes, from) => {
        if (from.host === target.host && from.port === target.port && fits(bytes)) settle(bytes);
      });
      socket.send(query, target);
    });
  }

  async #overTcp(target: Target, query: Uint8Array, fits: (bytes: Uint8Array) => boolean): Promise<Forwarded> {
    const { clock, net } = this.#options;
    const stream = await net.dial(target).catch(() => undefined);
    if (stream === undefined) return undefined;
    return new Promise((resolve) => {
      let held = new Uint8Array();
      const settle = (bytes: Forwarded): void => {
        timer.cancel();
        stream.destroy();
        resolve(bytes);
      };
      const timer = clock.after(dnsLimits.tryMs, () => settle(undefined));
      stream.onClose(() => settle(undefined));
      stream.onData((bytes) => {
        held = concat(held, bytes);
        const length = held.length < 2 ? Number.POSITIVE_INFINITY : (held[0]! << 8) | held[1]!;
        if (held.length >= length + 2)
          settle(fits(held.subarray(2, length + 2)) ? held.slice(2, length + 2) : undefined);
      });
      stream.write(framed(query));
    });
  }

  #remember(key: string, bytes: Uint8Array): void {
    const seconds = keepSeconds(bytes);
    if (seconds === 0) return;
    // The oldest entry goes first: insertion order is age, since an entry is replaced, never refreshed.
    this.#cache.delete(key);
    if (this.#cache.size >= dnsLimits.cacheEntries) this.#cache.delete(this.#cache.keys().next().value!);
    this.#cache.set(key, { bytes, untilMs: this.#options.clock.mono() + seconds * 1_000 });
  }
}

interface Target {
  readonly host: string;
  readonly port: number;
}

function parseUpstream(text: string): Target {
  const match = /^\[?([0-9a-fA-F:.]+?)\]?(?::(\d+))?$/.exec(
    text.split(":").length > 2 && !text.startsWith("[") ? `[${text}]` : text,
  );
  return { host: match?.[1] ?? text, port: Number(match?.[2] ?? 53) };
}

export function framed(message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(message.length + 2);
  bytes[0] = message.length >> 8;
  bytes[1] = message.length & 0xff;
  bytes.set(message, 2);
  return bytes;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(a.length + b.length);
  joined.set(a);
  joined.set(b, a.length);
  return joined;
}

/** The answer is to our query: id, response bit and the very question. */
function matches(bytes: Uint8Array, id: number, question: Question): boolean {
  if (bytes.length < 12 || ((bytes[0]! << 8) | bytes[1]!) !== id || (bytes[2]! & 0x80) === 0) return false;
  try {
    const { name, end } = readName(bytes, 12);
    const type = (bytes[end]! << 8) | bytes[end + 1]!;
    return name.toLowerCase() === question.name.toLowerCase() && type === question.type;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}

/** Seconds that an answer may be kept: the smallest TTL of its records, bounded; denials less; failures not at all. */
function keepSeconds(bytes: Uint8Array): number {
  const code = bytes[3]! & 15;
  if (code !== 0 && code !== 3) return 0;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const answers = view.getUint16(6);
  const isDenial = code === 3 || answers === 0;
  let smallest: number = isDenial ? dnsLimits.cacheDenialTtlMaxSeconds : dnsLimits.cacheTtlMaxSeconds;
  try {
    let at = readName(bytes, 12).end + 4;
    for (let index = 0; index < answers + view.getUint16(8); index += 1) {
      const { end } = readName(bytes, at);
      if (view.getUint16(end) !== types.OPT) smallest = Math.min(smallest, view.getUint32(end + 4));
      at = end + 10 + view.getUint16(end + 8);
    }
  } catch (error) {
    if (error instanceof RangeError) return 0;
    throw error;
  }
  return smallest;
}
