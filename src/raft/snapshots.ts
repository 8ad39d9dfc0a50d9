import type { Env } from "../env/env.ts";
import { invariant, messageOf } from "../util/errors.ts";
import type { State } from "./core/state.ts";
import type { Input, MemberId } from "./core/types.ts";
import { SnapshotReceiver } from "./snapshot-receiver.ts";
import { SnapshotSender } from "./snapshot-sender.ts";
import type { SnapshotFiles, SnapshotMeta } from "./snapshot.ts";
import type { SnapshotSource } from "./raft-api.ts";
import type { PeerMessage, SnapshotMessage } from "./transport-api.ts";
import type { Wal } from "./wal.ts";

/**
 * Everything about snapshots that takes time: writing our own when the log has grown, sending one
 * to a member that the log no longer reaches, taking one in.
 */
export interface SnapshotsOptions {
  readonly env: Env;
  readonly files: SnapshotFiles;
  readonly wal: Wal;
  readonly state: State;
  /** A new snapshot is due after as much log as the newest one is long, within these bounds. */
  readonly logBytesMin: number;
  readonly logBytesMax: number;
  /** Of the newest file; 0: there is none. */
  readonly newestBytes: number;
  readonly chunkBytes: number;
  /** Where `wal.writtenBytes` stood at the last snapshot. */
  readonly bytesAtSnapshot: number;
  readonly freeze: () => SnapshotSource;
  readonly applied: () => number;
  readonly send: (to: MemberId, message: PeerMessage) => void;
  readonly feed: (input: Input) => void;
  /** A snapshot that came in has its name; the core decides whether it is used. */
  readonly onReceived: (from: MemberId, term: number, meta: SnapshotMeta) => void;
  readonly onFatal: (error: Error) => void;
}

export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #receiver: SnapshotReceiver;
  readonly #senders: Map<MemberId, SnapshotSender> = new Map();
  #bytesAtSnapshot: number;
  #newestBytes: number;
  #writing: Promise<void> | undefined;
  #releasableTo = 0;
  #isStopped = false;

  constructor(options: SnapshotsOptions) {
    const { env, files, send, onReceived, onFatal } = options;
    const { disk, crypto, log } = env;
    this.#options = options;
    this.#bytesAtSnapshot = options.bytesAtSnapshot;
    this.#newestBytes = options.newestBytes;
    this.#receiver = new SnapshotReceiver({ disk, crypto, log, files, send, onWhole: onReceived, onFatal });
  }

  /** The log may go up to here: a snapshot holds it, and an older one to fall back on. */
  get releasableTo(): number {
    return this.#releasableTo;
  }

  /** The snapshot that is being written, if any. */
  get writing(): Promise<void> | undefined {
    return this.#writing;
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.stopSending();
    await this.#writing?.catch(() => undefined);
    await this.#receiver.stop();
  }

  take(): Promise<void> {
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined));
    return this.#writing;
  }

  takeIfDue(): void {
    const { wal, state, logBytesMin, logBytesMax, applied, env } = this.#options;
    const dueBytes = Math.min(Math.max(this.#newestBytes, logBytesMin), logBytesMax);
    if (wal.writtenBytes - this.#bytesAtSnapshot < dueBytes) return;
    if (this.#writing !== undefined || state.durable < applied()) return;
    this.take().catch((error: unknown) => env.log("error", "snapshot-failed", { reason: messageOf(error) }));
  }

  async #write(): Promise<void> {
    const { wal, state, files, freeze, applied } = this.#options;
    this.#bytesAtSnapshot = wal.writtenBytes;
    if (applied() <= wal.mark.index) return;
    const source = freeze();
    const { index, digest, chunks } = source;
    invariant(index <= applied(), "a snapshot holds nothing that was not handed over");
    const term = state.log.termAt(index);
    const config = state.configs.at(index);
    const content = new Counted(chunks);
    try {
      await files.write({ index, term, digest, config }, content);
    } finally {
      source.close?.();
    }
    this.#newestBytes = content.bytes;
    await wal.writeMark({ index, term });
    this.#releasableTo = Math.max(this.#releasableTo, await files.prune());
    await wal.release(Math.min(this.#releasableTo, wal.mark.index));
  }

  /** A member needs what the log no longer holds; the core is told how it went. */
  send(to: MemberId): void {
    const { env, feed } = this.#options;
    this.#begin(to).catch((error: unknown) => {
      env.log("error", "snapshot-not-sent", { member: to, reason: messageOf(error) });
      feed({ type: "snapshotSent", to, index: 0, isOk: false });
    });
  }

  async #begin(to: MemberId): Promise<void> {
    const { env, files, state, feed, send } = this.#options;
    let source = await files.openToSend();
    if (source === undefined || source.id.index < state.log.baseIndex) {
      await source?.close();
      await this.take();
      source = await files.openToSend();
    }
    invariant(source !== undefined, "a snapshot that was taken is there");
    const { id } = source;
    if (this.#isStopped || state.role !== "leader") {
      await source.close();
      return;
    }
    env.log("info", "snapshot-sending", { member: to, index: id.index, bytes: id.sizeBytes });
    this.#senders.get(to)?.stop();
    const sender: SnapshotSender = new SnapshotSender({
      clock: env.clock,
      crypto: env.crypto,
      to,
      term: state.term,
      source,
      chunkBytes: this.#options.chunkBytes,
      send,
      onEnd: (outcome, reason) => {
        if (this.#senders.get(to) === sender) this.#senders.delete(to);
        if (outcome === "stopped") return;
        env.log(outcome === "done" ? "info" : "warn", `snapshot-${outcome}`, { member: to, index: id.index, reason });
        feed({ type: "snapshotSent", to, index: id.index, isOk: outcome === "done" });
        if (outcome === "broken") this.#replace();
      },
    });
    this.#senders.set(to, sender);
  }

  /** Our newest file is no good to others: a newer one takes its place. */
  #replace(): void {
    const { env } = this.#options;
    this.take().catch((error: unknown) => env.log("error", "snapshot-failed", { reason: messageOf(error) }));
  }

  stopSending(): void {
    for (const sender of this.#senders.values()) sender.stop();
  }

  receive(from: MemberId, message: SnapshotMessage): void {
    const { state } = this.#options;
    if (message.term !== state.term) return;
    if (message.type === "snapshotAck") this.#senders.get(from)?.onAck(message);
    else if (from === state.leader) this.#receiver.receive(from, message);
  }

  /** The log was replaced by a snapshot that came in: older files serve no one. */
  installed(index: number): void {
    this.#bytesAtSnapshot = this.#options.wal.writtenBytes;
    this.#releasableTo = Math.max(this.#releasableTo, index);
  }
}

/** A snapshot's content, and how much of it has been read. */
export class Counted implements AsyncIterable<Uint8Array> {
  readonly #chunks: AsyncIterable<Uint8Array>;
  bytes = 0;

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Uint8Array, void, void> {
    for await (const chunk of this.#chunks) {
      this.bytes += chunk.length;
      yield chunk;
    }
  }
}

export function isSnapshotMessage(message: PeerMessage): message is SnapshotMessage {
  return message.type === "snapshotOffer" || message.type === "snapshotChunk" || message.type === "snapshotAck";
}
