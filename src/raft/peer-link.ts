import type { Clock, Crypto } from "../env/env.ts";
import type { ByteStream } from "../env/host.ts";
import { messageOf } from "../util/errors.ts";
import { isOfElection } from "./messages.ts";
import type { CallMessage, PeerMessage } from "./transport-api.ts";
import { FrameReader, decode } from "./wire.ts";
import type { Encoder, Frame, Hello, Lane, Refusal } from "./wire.ts";

/**
 * One connection between two members: frames in, frames out, in order; the first one is a hello. What is
 * sent while pending input is worked off leaves together, as one write: a system call and a TLS record
 * cost more than what is in them.
 */
export interface PeerLinkOptions {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly encoder: Encoder;
  readonly stream: ByteStream;
  readonly lane: Lane;
  readonly onHello: (hello: Hello) => void;
  readonly onRefused: (refusal: Refusal) => void;
  readonly onMessage: (message: PeerMessage | CallMessage) => void;
  /** Called once. `isLost`: it is not we who closed it. */
  readonly onClose: (reason: string, isLost: boolean) => void;
}

export class PeerLink {
  readonly #options: PeerLinkOptions;
  readonly #frames: FrameReader = new FrameReader();
  lane: Lane;
  #waiting: Frame[] = [];
  #waitingBytes = 0;
  #hasMet = false;
  #isClosed = false;

  constructor(options: PeerLinkOptions) {
    this.#options = options;
    this.lane = options.lane;
    options.stream.onData((bytes) => this.#take(bytes));
    options.stream.onClose((error) => this.#end(error?.message ?? "the other end closed it", true));
  }

  get pendingBytes(): number {
    return this.#options.stream.pending + this.#waitingBytes;
  }

  send(frame: Frame): void {
    if (this.#isClosed) return;
    if (isUrgent(frame)) {
      this.#waiting.push(frame);
      return this.#flush();
    }
    if (this.#waiting.length === 0) this.#options.clock.after(0, () => this.#flush(), { daemon: true });
    this.#waiting.push(frame);
    this.#waitingBytes += sizeOf(frame);
  }

  /** What was sent still leaves; nothing more is taken. */
  finish(): void {
    this.#hasMet = false;
    this.#flush();
    this.#options.stream.end();
  }

  /** Nothing that is still under way is handed over. */
  close(reason: string): void {
    this.#end(reason, false);
  }

  #end(reason: string, isLost: boolean): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#options.stream.destroy();
    this.#options.onClose(reason, isLost);
  }

  #flush(): void {
    const frames = withoutOutdated(this.#waiting);
    this.#waiting = [];
    this.#waitingBytes = 0;
    if (!this.#isClosed && frames.length > 0) this.#options.stream.write(this.#options.encoder.encode(frames));
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

/** Few, while clients wait for a leader: pending input, such as those clients' new connections, goes behind them. */
function isUrgent(frame: Frame): boolean {
  return frame.type === "hello" || frame.type === "refused" ? false : isOfElection(frame);
}

/** About what a frame will take; entries are what counts. */
function sizeOf(frame: Frame): number {
  if (frame.type === "snapshotChunk") return frame.bytes.length;
  if (frame.type === "command" || frame.type === "answer" || frame.type === "relay") return frame.body.length;
  return frame.type === "append" ? frame.entries.reduce((sum, { payload }) => sum + payload.length, 0) : 0;
}

/**
 * Without what a later frame of the same term says as well: an acknowledgement that is followed by one
 * that goes as far, and an append that only tells the commit index before another append.
 */
function withoutOutdated(frames: readonly Frame[]): readonly Frame[] {
  if (frames.length < 2) return frames;
  const kept: Frame[] = [];
  let ack: Extract<Frame, { type: "appendResp"; outcome: "ok" }> | undefined;
  let append: Extract<Frame, { type: "append" }> | undefined;
  for (const frame of frames.toReversed()) {
    if (frame.type === "appendResp" && frame.outcome === "ok") {
      if (ack !== undefined && ack.term === frame.term && ack.match >= frame.match) continue;
      ack = frame;
    } else if (frame.type === "append") {
      if (frame.entries.length === 0 && append?.term === frame.term && append.prevIndex >= frame.prevIndex) continue;
      append = frame;
    }
    kept.push(frame);
  }
  return kept.reverse();
}
