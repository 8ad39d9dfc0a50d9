/** The leader's end: streams that other masters asked for, to nodes whose links are here. */
import type { RelayMessage } from "../../actors/runtime/forwarding.ts";
import { serviceUnavailable } from "../../kinds/status-errors.ts";
import { textOf, utf8 } from "../../util/bytes.ts";
import { statusOf } from "../rest/respond.ts";
import type { NodeStream } from "../node-streams.ts";
import { linkLimits } from "./limits.ts";
import { refusal, type OpenContent, type RelayPart, type RelayServerOptions } from "./relay-messages.ts";

interface Served {
  readonly origin: number;
  readonly reply: (part: RelayPart) => void;
  /** Undefined: the node has not opened it yet. */
  stream: NodeStream | undefined;
  /** Chunks on their way to the origin. */
  unacknowledgedBytes: number;
  isHeldBack: boolean;
  /** Of the origin, not yet taken by the node. */
  owedBytes: number;
  isOver: boolean;
}

export class RelayServer {
  readonly #options: RelayServerOptions;
  readonly #served = new Map<string, Served>();

  constructor(options: RelayServerOptions) {
    this.#options = options;
  }

  take(from: number, message: RelayMessage): void {
    const { port, leads, heard } = this.#options;
    const { incarnation, stream } = message;
    const key = `${from}/${incarnation}/${stream}`;
    const address = { type: "relay", incarnation, stream, toOrigin: true } as const;
    const reply = (part: RelayPart): void =>
      port.send(from, { ...address, channel: 0, amount: 0, body: new Uint8Array(), ...part });
    if (message.step === "heard") {
      if (leads()) reply({ step: "heard", body: utf8(JSON.stringify(heard())) });
      return;
    }
    const served = this.#served.get(key);
    if (served !== undefined) this.#hear(served, message, key);
    else if (message.step === "open") void this.#open(key, { from, reply }, message.body);
  }

  lost(peer: number): void {
    for (const [key, served] of this.#served) if (served.origin === peer) this.#over(key, served);
  }

  release(): void {
    for (const [key, served] of this.#served) {
      served.reply({ step: "close", body: utf8(JSON.stringify(leaderChanged)) });
      this.#over(key, served);
    }
  }

  async #open(
    key: string,
    { from, reply }: { readonly from: number; readonly reply: Served["reply"] },
    body: Uint8Array,
  ): Promise<void> {
    const { leads, local, authorize } = this.#options;
    if (!leads()) return reply({ step: "refused" });
    const served: Served = {
      origin: from,
      reply,
      stream: undefined,
      unacknowledgedBytes: 0,
      isHeldBack: false,
      owedBytes: 0,
      isOver: false,
    };
    this.#served.set(key, served);
    try {
      const { node, request, asker } = JSON.parse(textOf(body)) as OpenContent;
      authorize(asker);
      const stream = await local.open(node, request, asker);
      if (served.isOver) return stream.close();
      served.stream = stream;
      reply({ step: "opened" });
      this.#carry(key, served, stream);
    } catch (error) {
      if (served.isOver) return;
      this.#served.delete(key);
      reply({ step: "refused", body: refusal(error) });
    }
  }

  #carry(key: string, served: Served, stream: NodeStream): void {
    stream.onChunk(({ channel, bytes, end }) => {
      served.reply({ step: end === true ? "end" : "chunk", channel, body: bytes });
      served.unacknowledgedBytes += bytes.length;
      if (served.isHeldBack || served.unacknowledgedBytes < linkLimits.relayWindowBytes) return;
      served.isHeldBack = true;
      stream.pause();
    });
    stream.onClose((error) => {
      if (served.isOver) return;
      served.reply({ step: "close", ...(error === undefined ? {} : { body: utf8(JSON.stringify(statusOf(error))) }) });
      this.#over(key, served);
    });
  }

  /** From the origin. */
  #hear(served: Served, { step, channel, amount, body }: RelayMessage, key: string): void {
    const { stream } = served;
    if (step === "close") return this.#over(key, served);
    if (stream === undefined) return;
    if (step === "ack") {
      served.unacknowledgedBytes -= amount;
      if (!served.isHeldBack || served.unacknowledgedBytes > linkLimits.relayWindowBytes / 2) return;
      served.isHeldBack = false;
      stream.resume();
    } else if (step === "chunk" || step === "end") {
      stream.send({ channel, bytes: body, ...(step === "end" ? { end: true } : {}) });
      served.owedBytes += body.length;
      if (served.owedBytes === body.length) this.#acknowledge(served, stream);
    }
  }

  /** What the origin has sent counts as sent once the node takes it. */
  #acknowledge(served: Served, stream: NodeStream): void {
    if (served.isOver) return;
    if (stream.pending >= linkLimits.relayWindowBytes) {
      this.#options.clock.after(linkLimits.relayLookMs, () => this.#acknowledge(served, stream), { daemon: true });
      return;
    }
    served.reply({ step: "ack", amount: served.owedBytes });
    served.owedBytes = 0;
  }

  #over(key: string, served: Served): void {
    this.#served.delete(key);
    served.isOver = true;
    served.stream?.close();
  }
}

const leaderChanged = serviceUnavailable("the leader has changed: open the stream again").status;
