import type { Crypto } from "../env/env.ts";
import type { ByteStream } from "../env/host.ts";
import { messageOf } from "../util/errors.ts";
import type { CallMessage, PeerMessage } from "./transport-api.ts";
import { FrameReader, decode } from "./wire.ts";
import type { Encoder, Frame, Hello, Lane, Refusal } from "./wire.ts";

/** One connection between two members: frames in, frames out, in order; the first one is a hello. */
export interface PeerLinkOptions {
  readonly crypto: Crypto;
  readonly encoder: Encoder;
  readonly stream: ByteStream;
  readonly lane: Lane;
  readonly onHello: (hello: Hello) => void;
  readonly onRefused: (refusal: Refusal) => void;
  readonly onMessage: (message: PeerMessage | CallMessage) => void;
  /** Called once. */
  readonly onClose: (reason: string) => void;
}

export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #frames: FrameReader = new FrameReader();
  lane: Lane;
  #hasMet = false;
  #isClosed = false;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.lane = options.lane;
    options.stream.onData((bytes) => this.#take(bytes));
    options.stream.onClose((error) => this.close(error?.message ?? "the other end closed it"));
  }

  get pendingBytes(): number {
    return this.#options.stream.pending;
  }

  send(frame: Frame): void {
    if (!this.#isClosed) this.#options.stream.write(this.#options.encoder.encode(frame));
  }

  /** What was sent still leaves; nothing more is taken. */
  finish(): void {
    this.#hasMet = false;
    this.#options.stream.end();
  }

  /** Nothing that is still under way is handed over. */
  close(reason: string): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.stream.destroy();
    this.#options.onClose(reason);
  }

  #take(bytes: Uint8Array): void {
    if (this.#isClosed) return;
    try {
      this.#frames.push(bytes, (body) => {
        if (!this.#isClosed) this.#hand(decode(this.#options.crypto, body));
      });
    } catch (error) {
      this.close(messageOf(error));
    }
  }

  #hand(frame: Frame): void {
    if (frame.type === "hello") {
      if (this.#hasMet) return this.close("a second greeting");
      this.#hasMet = true;
      this.#options.onHello(frame);
    } else if (frame.type === "refused") {
      this.#options.onRefused(frame);
      this.close(frame.why);
    } else if (this.#hasMet) {
      this.#options.onMessage(frame);
    } else {
      this.close("a message before the greeting");
    }
  }
}
