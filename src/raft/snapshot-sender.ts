import type { Clock, Crypto, Timer } from "../env/env.ts";
import { messageOf } from "../util/errors.ts";
import type { MemberId } from "./core/types.ts";
import { raftLimits } from "./limits.ts";
import type { SnapshotToSend } from "./snapshot.ts";
import type { SnapshotId, SnapshotMessage } from "./transport-api.ts";

/**
 * One snapshot on its way to one member: an offer, then pieces from where the member says, a few
 * unanswered at a time. A transfer that was cut off goes on where it stopped, because the member
 * keeps what it has, as long as the file is the same. `onEnd` is called once.
 */
export interface SendOptions {
  readonly clock: Clock;
  readonly crypto: Crypto;
  readonly to: MemberId;
  readonly term: number;
  readonly source: SnapshotToSend;
  readonly chunkBytes: number;
  readonly send: (to: MemberId, message: SnapshotMessage) => void;
  readonly onEnd: (outcome: SendOutcome, reason: string) => void;
}

type SendOutcome = "done" | "stalled" | "broken" | "stopped";

export class SnapshotSender {
  readonly #options: SendOptions;
  #sentTo = 0;
  #ackedTo = 0;
  /** From here on everything was sent once more: those behind a lost piece all ask for it, one answer is enough. */
  #resentFrom = -1;
  #hasBegun = false;
  #isReading = false;
  #hasEnded = false;
  #heardAt: number;
  #timer: Timer | undefined;

  constructor(options: SendOptions) {
    this.#options = options;
    this.#heardAt = options.clock.mono();
    this.#offer();
  }

  get id(): SnapshotId {
    return this.#options.source.id;
  }

  onAck(ack: Extract<SnapshotMessage, { type: "snapshotAck" }>): void {
    if (this.#hasEnded || !isSame(ack.id, this.id)) return;
    this.#heardAt = this.#options.clock.mono();
    if (ack.state === "done") return this.#end("done");
    if (ack.state === "broken") return this.#end("broken");
    if (!this.#hasBegun) this.#begin(ack.offset);
    else if (ack.offset >= this.#ackedTo) this.#goOn(ack.offset, ack.state === "again");
    void this.#pump();
  }

  #begin(offset: number): void {
    this.#hasBegun = true;
    this.#sentTo = offset;
    this.#ackedTo = offset;
    this.#resentFrom = -1;
  }

  #goOn(offset: number, isMissing: boolean): void {
    this.#ackedTo = offset;
    if (!isMissing || offset <= this.#resentFrom) return;
    this.#sentTo = offset;
    this.#resentFrom = offset;
  }

  stop(): void {
    this.#end("stopped");
  }

  #offer(): void {
    const { clock, to, term, send } = this.#options;
    if (clock.mono() - this.#heardAt >= raftLimits.snapshotStallMs) return this.#end("stalled");
    if (!this.#hasBegun || clock.mono() - this.#heardAt >= raftLimits.snapshotOfferMs) {
      // The answer says from where on; what was sent and lost is sent again.
      this.#hasBegun = false;
      send(to, { type: "snapshotOffer", term, id: this.id });
    }
    this.#timer = clock.after(raftLimits.snapshotOfferMs, () => this.#offer(), { daemon: true });
  }

  async #pump(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const { source, send, to, term, crypto, chunkBytes } = this.#options;
    try {
      while (!this.#hasEnded && this.#hasBegun && this.#sentTo < this.id.sizeBytes) {
        if (this.#sentTo - this.#ackedTo >= chunkBytes * raftLimits.snapshotInFlightCount) return;
        const offset = this.#sentTo;
        const bytes = await source.read(offset, chunkBytes);
        if (offset !== this.#sentTo || this.#hasEnded) continue;
        if (bytes.length === 0) return this.#end("broken");
        send(to, { type: "snapshotChunk", term, id: this.id, offset, crc: crypto.crc32(bytes), bytes });
        this.#sentTo = offset + bytes.length;
      }
    } catch (error) {
      // What cannot be read cannot be sent: the caller makes a new snapshot.
      this.#end("broken", messageOf(error));
    } finally {
      this.#isReading = false;
    }
  }

  #end(outcome: SendOutcome, reason = ""): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#timer?.cancel();
    void this.#options.source.close();
    this.#options.onEnd(outcome, reason);
  }
}

export function isSame(a: SnapshotId, b: SnapshotId): boolean {
  return a.index === b.index && a.term === b.term && a.sizeBytes === b.sizeBytes && a.crc === b.crc;
}
