import type { Effect, MemberId, Message } from "./core/types.ts";
import type { Transport } from "./transport-api.ts";

/** What the core says to other members: some of it leaves only once what it promises is durable. */
export class Outgoing {
  readonly #transport: Transport | undefined;
  #held: { readonly afterSeq: number; readonly to: MemberId; readonly message: Message }[] = [];
  #durableSeq = 0;

  /** Without a transport there are no others. */
  constructor(transport: Transport | undefined) {
    this.#transport = transport;
  }

  send(effect: Extract<Effect, { type: "send" }>): void {
    if (effect.afterSeq > this.#durableSeq) this.#held.push(effect);
    else this.#transport?.send(effect.to, effect.message);
  }

  /** Everything up to this write is on stable storage. What was promised in another term is of no use to anyone. */
  onDurable(seq: number, term: number): void {
    this.#durableSeq = seq;
    const ready = this.#held.filter(({ afterSeq }) => afterSeq <= seq);
    this.#held = this.#held.filter(({ afterSeq }) => afterSeq > seq);
    for (const { to, message } of ready) if (message.term === term) this.#transport?.send(to, message);
  }
}
