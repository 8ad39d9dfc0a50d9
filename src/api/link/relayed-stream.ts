/** The asking master's end of a stream that another master holds. */
import type { RelayMessage } from "../../actors/runtime/forwarding.ts";
import { textOf } from "../../util/bytes.ts";
import { StatusError, type Status } from "../../util/errors.ts";
import type { NodeStream, StreamChunk } from "../node-streams.ts";
import type { RelayPart } from "./relay-messages.ts";

export interface RelayedStreamOptions {
  readonly send: (part: RelayPart) => void;
  readonly ended: () => void;
}

export class RelayedStream implements NodeStream {
  readonly #options: RelayedStreamOptions;
  readonly #onClose: ((error: Error | undefined) => void)[] = [];
  #onChunk: ((chunk: StreamChunk) => void) | undefined;
  /** Came while nobody takes, or while paused. */
  #held: StreamChunk[] = [];
  #isPaused = false;
  #closed: { readonly error: Error | undefined } | undefined;
  /** The other end has closed: told once everything that came before is taken. */
  #closing: { readonly error: Error | undefined } | undefined;
  #unacknowledged = 0;

  constructor(options: RelayedStreamOptions) {
    this.#options = options;
  }

  get pending(): number {
    return this.#unacknowledged;
  }

  send({ channel, bytes, end }: StreamChunk): void {
    if (this.#closed !== undefined) return;
    this.#unacknowledged += bytes.length;
    this.#options.send({ step: end === true ? "end" : "chunk", channel, body: bytes });
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    this.#hand();
  }

  onChunk(run: (chunk: StreamChunk) => void): void {
    this.#onChunk = run;
    this.#hand();
  }

  onClose(run: (error: Error | undefined) => void): void {
    if (this.#closed === undefined) this.#onClose.push(run);
    else run(this.#closed.error);
  }

  close(): void {
    if (this.#closed !== undefined) return;
    this.#options.send({ step: "close" });
    this.#finish(undefined);
  }

  take({ step, channel, amount, body }: RelayMessage): void {
    if (this.#closed !== undefined) return;
    if (step === "ack") this.#unacknowledged = Math.max(0, this.#unacknowledged - amount);
    else if (step === "close")
      this.end(body.length === 0 ? undefined : new StatusError(JSON.parse(textOf(body)) as Status));
    else if (step === "chunk" || step === "end") {
      this.#held.push({ channel, bytes: body, ...(step === "end" ? { end: true } : {}) });
      this.#hand();
    }
  }

  /** Behind what has come. */
  end(error: Error | undefined): void {
    this.#closing ??= { error };
    this.#hand();
  }

  #hand(): void {
    const take = this.#onChunk;
    while (take !== undefined && !this.#isPaused && this.#closed === undefined) {
      const chunk = this.#held.shift();
      if (chunk === undefined) break;
      this.#options.send({ step: "ack", amount: chunk.bytes.length });
      take(chunk);
    }
    if (this.#closing !== undefined && this.#held.length === 0) this.#finish(this.#closing.error);
  }

  #finish(error: Error | undefined): void {
    if (this.#closed !== undefined) return;
    this.#closed = { error };
    this.#options.ended();
    for (const run of this.#onClose.splice(0)) run(error);
  }
}
