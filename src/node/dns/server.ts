/**
 * A node's DNS server: UDP and TCP on the cluster's DNS address. Answers the cluster's zone from
 * memory and forwards the rest. It serves pods and this host only; it is no open resolver.
 */
import type { Clock } from "../../env/env.ts";
import type { ByteStream } from "../../env/host.ts";
import type { Listener, Sockets, UdpSocket } from "../../env/sockets.ts";
import { framed, type Forwarder } from "./forward.ts";
import { dnsLimits } from "./limits.ts";
import {
  classIn,
  codes,
  decodeQuery,
  encodeAnswer,
  encodeRefusal,
  encodeTruncated,
  isMalformed,
  types,
  udpLimit,
  type Answer,
  type Query,
} from "./message.ts";
import { answerZone, type ZoneState } from "./zone.ts";

export interface DnsServerOptions {
  readonly clock: Clock;
  readonly sockets: Sockets;
  /** Asked for at each query: a resync puts another one in its place. */
  readonly zone: () => ZoneState;
  readonly forwarder: Pick<Forwarder, "ask"> | undefined;
  /** Who may ask. */
  readonly isClient: (address: string) => boolean;
  readonly addresses: readonly string[];
  readonly port: number;
}

export interface DnsServer {
  close(): void;
}

export async function startDnsServer(options: DnsServerOptions): Promise<DnsServer> {
  const server = new Server(options);
  await server.listen();
  return server;
}

const aliasDepthMax = 8;
const failure: Answer = { code: codes.serverFailure, authoritative: false, answers: [] };

class Server implements DnsServer {
  readonly #options: DnsServerOptions;
  readonly #open: (UdpSocket | Listener)[] = [];
  readonly #buckets = new Map<string, { tokens: number; atMs: number }>();
  #connections = 0;
  #turn = 0;

  constructor(options: DnsServerOptions) {
    this.#options = options;
  }

  async listen(): Promise<void> {
    const { addresses, port, sockets } = this.#options;
    for (const host of addresses) {
      const udp = await sockets.udp({ host, port });
      udp.onMessage((bytes, from) => {
        if (!this.#isAllowed(from.host)) return;
        void this.#answer(bytes, undefined).then((answer) => {
          if (answer !== undefined) udp.send(answer, from);
        });
      });
      this.#open.push(udp, await sockets.listen({ host, port: udp.port }, (stream, peer) => this.#serve(stream, peer)));
    }
  }

  close(): void {
    for (const open of this.#open) open.close();
  }

  /** A token bucket per client, so that one loud pod does not starve the others. */
  #isAllowed(address: string): boolean {
    if (!this.#options.isClient(address)) return false;
    const now = this.#options.clock.mono();
    const full = dnsLimits.queriesPerClientPerSecond;
    const bucket = this.#buckets.get(address) ?? { tokens: full, atMs: now };
    bucket.tokens = Math.min(full, bucket.tokens + ((now - bucket.atMs) / 1_000) * full);
    bucket.atMs = now;
    this.#buckets.set(address, bucket);
    if (this.#buckets.size > dnsLimits.cacheEntries) this.#buckets.clear();
    if (bucket.tokens < 1) return false;
    bucket.tokens -= 1;
    return true;
  }

  #serve(stream: ByteStream, peer: string): void {
    if (!this.#isAllowed(peer.replace(/^::ffff:/, "")) || this.#connections >= dnsLimits.tcpConnectionsCount) {
      stream.destroy();
      return;
    }
    this.#connections += 1;
    const { clock } = this.#options;
    let held: Uint8Array = new Uint8Array();
    let idle = clock.after(dnsLimits.tcpIdleMs, () => stream.destroy());
    stream.onClose(() => {
      this.#connections -= 1;
      idle.cancel();
    });
    stream.onData((bytes) => {
      idle.cancel();
      idle = clock.after(dnsLimits.tcpIdleMs, () => stream.destroy());
      const joined = new Uint8Array(held.length + bytes.length);
      joined.set(held);
      joined.set(bytes, held.length);
      held = joined;
      while (held.length >= 2 && held.length >= 2 + ((held[0]! << 8) | held[1]!)) {
        const length = (held[0]! << 8) | held[1]!;
        const query = held.slice(2, 2 + length);
        held = held.slice(2 + length);
        void this.#answer(query, dnsLimits.tcpMessageBytes).then((answer) => {
          if (answer !== undefined) stream.write(framed(answer));
        });
      }
    });
  }

  /** Undefined: what came is no query, say nothing. `limitBytes` undefined: as the query over UDP allows. */
  async #answer(bytes: Uint8Array, limitBytes: number | undefined): Promise<Uint8Array | undefined> {
    const query = decodeQuery(bytes);
    if (isMalformed(query)) return query.id === undefined ? undefined : encodeRefusal(query.id, query.code);
    const limit = limitBytes ?? udpLimit(query);
    if (query.edns !== undefined && query.edns.version !== 0) return encodeAnswer(query, bad(codes.badVersion), limit);
    if (query.question.type === types.AXFR || query.question.class !== classIn) {
      return encodeAnswer(query, bad(codes.refused), limit);
    }
    const local = answerZone(this.#options.zone(), query.question);
    this.#turn = (this.#turn + 1) % 0x7fffffff;
    if (local === undefined) return this.#forward(query, limit);
    return encodeAnswer(query, this.#resolveAlias(query, rotated(local, this.#turn)), limit);
  }

  /** An ExternalName's target inside the zone is answered with it, a loop limit of eight; outside it stands alone. */
  #resolveAlias(query: Query, answer: Answer): Answer {
    let joined = answer;
    for (let depth = 0; depth < aliasDepthMax; depth += 1) {
      const last = joined.answers.at(-1);
      if (last?.data.type !== types.CNAME || query.question.type === types.CNAME) break;
      const next = answerZone(this.#options.zone(), { ...query.question, name: last.data.target });
      if (next === undefined || next.answers.length === 0) break;
      joined = { ...joined, answers: [...joined.answers, ...next.answers] };
    }
    return joined;
  }

  async #forward(query: Query, limitBytes: number): Promise<Uint8Array> {
    const { forwarder } = this.#options;
    if (forwarder === undefined || !query.recursionDesired) return encodeAnswer(query, bad(codes.refused), limitBytes);
    const upstream = await forwarder.ask(query.question, query.edns);
    if (upstream === undefined) return encodeAnswer(query, failure, limitBytes);
    if (upstream.length > limitBytes) return encodeTruncated(query);
    const answer = upstream.slice();
    answer[0] = query.id >> 8;
    answer[1] = query.id & 0xff;
    return answer;
  }
}

function bad(code: number): Answer {
  return { code, authoritative: false, answers: [] };
}

/** Round robin: clients take the first address. */
function rotated(answer: Answer, turn: number): Answer {
  if (answer.answers.length < 2) return answer;
  const at = turn % answer.answers.length;
  return { ...answer, answers: [...answer.answers.slice(at), ...answer.answers.slice(0, at)] };
}
