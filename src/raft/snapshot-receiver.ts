import type { Crypto, Disk, DiskFile, Log } from "../env/env.ts";
import { messageOf } from "../util/errors.ts";
import type { MemberId } from "./core/types.ts";
import { isSame } from "./snapshot-sender.ts";
import type { SnapshotFiles, SnapshotMeta } from "./snapshot.ts";
import type { SnapshotId, SnapshotMessage } from "./transport-api.ts";

/**
 * The other end of a transfer: one file at a time grows on disk, every piece durable before it is
 * answered, so that a restart goes on where it stopped. A second offer takes the place of the
 * first. The whole is read and checked before anything is done with it.
 */
export interface ReceiveOptions {
  readonly disk: Disk;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly files: SnapshotFiles;
  readonly send: (to: MemberId, message: SnapshotMessage) => void;
  /** A whole, sound snapshot has its name now. Resolves once it is handed to the log. */
  readonly onWhole: (from: MemberId, term: number, meta: SnapshotMeta) => void;
  readonly onFatal: (error: Error) => void;
}

type Incoming = Extract<SnapshotMessage, { type: "snapshotOffer" | "snapshotChunk" }>;
type AckState = Extract<SnapshotMessage, { type: "snapshotAck" }>["state"];

export class SnapshotReceiver {
  readonly #options: ReceiveOptions;
  #current: { readonly id: SnapshotId; readonly file: DiskFile; offset: number } | undefined;
  #work: Promise<void> = Promise.resolve();
  #isStopped = false;

  constructor(options: ReceiveOptions) {
    this.#options = options;
  }

  /** One after the other, in the order of arrival. */
  receive(from: MemberId, message: Incoming): void {
    this.#work = this.#work.then(() => this.#take(from, message));
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#work;
    await this.#current?.file.close();
  }

  async #take(from: MemberId, message: Incoming): Promise<void> {
    if (this.#isStopped) return;
    try {
      if (message.type === "snapshotOffer") await this.#open(message.id);
      await this.#write(from, message);
    } catch (error) {
      // Room may come back, and the sender tries again; any other failure of the disk is the end.
      this.#current = undefined;
      if ((error as { readonly code?: unknown }).code === "ENOSPC") {
        this.#options.log("warn", "snapshot-no-room", { index: message.id.index });
      } else {
        this.#options.onFatal(error instanceof Error ? error : new Error(messageOf(error)));
      }
    }
  }

  async #open(id: SnapshotId): Promise<void> {
    if (this.#current !== undefined && isSame(this.#current.id, id)) return;
    const { disk, files } = this.#options;
    await this.#current?.file.close();
    this.#current = undefined;
    await files.dropIncoming(id);
    const file = await disk.open(files.incomingPath(id), "dsync");
    this.#current = { id, file, offset: Math.min(await file.size(), id.sizeBytes) };
  }

  async #write(from: MemberId, message: Incoming): Promise<void> {
    const current = this.#current;
    if (current === undefined || !isSame(current.id, message.id)) return;
    let state: AckState = "again";
    if (message.type === "snapshotChunk") {
      const isSound = this.#options.crypto.crc32(message.bytes) === message.crc;
      if (message.offset === current.offset && isSound) {
        await current.file.write(message.offset, [message.bytes]);
        current.offset += message.bytes.length;
        state = "more";
      } else if (message.offset < current.offset) state = "more";
    }
    if (current.offset >= current.id.sizeBytes) state = await this.#finish(from, message);
    const { id, offset } = current;
    this.#options.send(from, { type: "snapshotAck", term: message.term, id, offset, state });
  }

  async #finish(from: MemberId, { id, term }: Incoming): Promise<AckState> {
    const { files, log, onWhole } = this.#options;
    await this.#current?.file.close();
    this.#current = undefined;
    try {
      onWhole(from, term, await files.adopt(id));
      return "done";
    } catch (error) {
      log("error", "snapshot-broken", { index: id.index, reason: messageOf(error) });
      await files.dropIncoming(undefined);
      return "broken";
    }
  }
}
