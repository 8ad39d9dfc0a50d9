import type { Rng } from "../../env/env.ts";
import type { CallMessage, PeerMessage } from "../../raft/transport-api.ts";
import type { SimClock } from "../clock.ts";

/**
 * Connections between members: messages keep their order within one connection unless reordering
 * is asked for, and none outlives the lives of both ends. A cut is silent, or resets the
 * connections, which both ends see.
 */
export interface Endpoint {
  /** The number of this life; undefined while down. */
  readonly life: number | undefined;
  receive(from: number, message: PeerMessage | CallMessage): void;
  link(peer: number, isUp: boolean): void;
}

export class Network {
  readonly #clock: SimClock;
  readonly #rng: Rng;
  readonly #endpoints: Map<number, Endpoint> = new Map();
  /** By ordered pair. */
  readonly #cuts: Map<number, number> = new Map();
  readonly #lastAt: Map<number, number> = new Map();
  lossPercent = 0;
  duplicatePercent = 0;
  reorderMs = 0;
  delayMs = 0;
  delivered = 0;
  onSend: (from: number, to: number, message: PeerMessage | CallMessage) => void = () => undefined;

  constructor(clock: SimClock, rng: Rng) {
    this.#clock = clock;
    this.#rng = rng;
  }

  attach(id: number, endpoint: Endpoint): void {
    this.#endpoints.set(id, endpoint);
  }

  send(from: number, to: number, message: PeerMessage | CallMessage): void {
    this.onSend(from, to, message);
    const draws = this.#rng.u32();
    if (this.isCut(from, to) || draws % 100 < this.lossPercent) return;
    this.#carry(from, to, message);
    if ((draws >>> 8) % 100 < this.duplicatePercent) this.#carry(from, to, message);
  }

  #carry(from: number, to: number, message: PeerMessage | CallMessage): void {
    const sender = this.#endpoints.get(from)?.life;
    const receiver = this.#endpoints.get(to);
    const life = receiver?.life;
    if (receiver === undefined || life === undefined || sender === undefined) return;
    const pair = pairOf(from, to);
    const soonest = this.#clock.mono() + this.delayMs + 0.2 + this.#rng.below(800) / 1_000;
    const extra = this.reorderMs > 0 ? this.#rng.below(this.reorderMs) : 0;
    const at = extra > 0 ? soonest + extra : Math.max(soonest, this.#lastAt.get(pair) ?? 0);
    if (extra === 0) this.#lastAt.set(pair, at);
    const arrive = (): void => {
      if (receiver.life !== life || this.#endpoints.get(from)?.life !== sender || this.isCut(from, to)) return;
      this.delivered += 1;
      receiver.receive(from, message);
    };
    this.#clock.after(at - this.#clock.mono(), arrive, { daemon: true });
  }

  isCut(from: number, to: number): boolean {
    return (this.#cuts.get(pairOf(from, to)) ?? 0) > 0;
  }

  /** Cuts may lie one over the other: each is healed by itself. Answers how. */
  cut(pairs: readonly (readonly [number, number])[], isReset: boolean): () => void {
    for (const [from, to] of pairs) this.#count(from, to, 1);
    if (isReset) for (const [from, to] of pairs) this.tell(from, to, false);
    let isHealed = false;
    return () => {
      if (isHealed) return;
      isHealed = true;
      for (const [from, to] of pairs) this.#count(from, to, -1);
      for (const [from, to] of pairs) if (!this.isCut(from, to)) this.tell(from, to, true);
    };
  }

  #count(from: number, to: number, by: number): void {
    const pair = pairOf(from, to);
    this.#cuts.set(pair, (this.#cuts.get(pair) ?? 0) + by);
  }

  /** Both ends see, each a little later, that their connection broke or stands. */
  tell(a: number, b: number, isUp: boolean): void {
    for (const [at, peer] of [
      [a, b],
      [b, a],
    ] as const) {
      const endpoint = this.#endpoints.get(at);
      const life = endpoint?.life;
      if (endpoint === undefined || life === undefined) continue;
      const run = (): void => {
        if (endpoint.life === life) endpoint.link(peer, isUp);
      };
      this.#clock.after(1 + this.#rng.below(6), run, { daemon: true });
    }
  }

  /** Everyone else sees that a member came or went. */
  tellAll(id: number, isUp: boolean): void {
    for (const other of this.#endpoints.keys()) {
      if (other !== id && !this.isCut(id, other) && !this.isCut(other, id)) this.tell(id, other, isUp);
    }
  }
}

/** Members are counted from 1 on, and are few. */
function pairOf(from: number, to: number): number {
  return from * 65_536 + to;
}
