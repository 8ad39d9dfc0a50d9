import type { Crypto, Disk, DiskFile, Log } from "../env/env.ts";
import { invariant, messageOf, UserError } from "../util/errors.ts";
import type { HardState, Persist } from "./core/types.ts";
import { BatchQueue, encodeBatch, lengthOf } from "./batch.ts";
import type { Batch } from "./batch.ts";
import {
  BATCH_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  SECTOR_BYTES,
  SEGMENT_HEADER_BYTES,
  encodeSegmentHeader,
  paddedToSector,
} from "./format.ts";
import type { SnapshotMark } from "./format.ts";
import { raftLimits } from "./limits.ts";
import { NEW_PATH, SPARE_PATH, WAL_FOLDER, segmentPath } from "./wal-names.ts";
import { recoverLog } from "./wal-recover.ts";
import type { RecoveredLog, SegmentExtent } from "./wal-recover.ts";

/**
 * The write-ahead log. One batch is under way at a time; what arrives meanwhile goes into the next
 * one together (group commit). A batch is one write to a file opened O_DSYNC. A write that fails is
 * the end: the kernel may have dropped the pages, so trying again would lie; `onFatal` is called
 * once, and nothing is reported durable after it.
 */
export interface WalOptions {
  readonly disk: Disk;
  readonly crypto: Crypto;
  readonly log: Log;
  readonly clusterId: string;
  readonly memberId: number;
  /** A multiple of 512, with room for the longest entry; 64 MiB. */
  readonly segmentBytes?: number;
  readonly zeroFillPieceBytes?: number;
  readonly firstZeroFillBytes?: number;
  /** Every persist up to this number is on stable storage. */
  readonly onDurable: (seq: number) => void;
  readonly onFatal: (error: Error) => void;
}

/** What a log that has just been opened held. */
export type WalContent = Pick<RecoveredLog, "hardState" | "mark" | "entries" | "tail" | "doubtUpTo" | "logBytes">;

export interface OpenedWal {
  readonly wal: Wal;
  readonly content: WalContent;
}

/** Makes the log or reads it back. Throws `UserError` where it is damaged or another member's. */
export async function openWal(options: WalOptions): Promise<OpenedWal> {
  await options.disk.makeFolder(WAL_FOLDER);
  await options.disk.remove(NEW_PATH);
  const recovered = await recoverLog(options);
  if (recovered === undefined) {
    const wal = new Wal(options, emptyLog);
    await wal.begin();
    return { wal, content: emptyLog };
  }
  const wal = new Wal(options, recovered);
  await wal.resume(recovered);
  return { wal, content: recovered };
}

const emptyLog: RecoveredLog = {
  hardState: { term: 0, votedFor: 0 },
  mark: { index: 0, term: 0 },
  entries: [],
  tail: "clean",
  doubtUpTo: 0,
  segments: [],
  writeAt: 0,
  nextBatch: 1,
  previousCrc: 0,
  logBytes: 0,
};

interface OpenSegment extends SegmentExtent {
  readonly file: DiskFile;
  /** Where the next batch goes. */
  at: number;
  /** The file's length: up to here the blocks are there already. */
  filledTo: number;
}

interface MarkWaiter {
  readonly mark: SnapshotMark;
  readonly done: () => void;
}

export class Wal {
  readonly #options: WalOptions;
  readonly #segmentBytes: number;
  readonly #pieceBytes: number;
  readonly #queue: BatchQueue;
  readonly #older: SegmentExtent[];
  readonly #markWaiters: MarkWaiter[] = [];
  #current: OpenSegment | undefined;
  #nextBatch: number;
  #previousCrc: number;
  #hardState: HardState;
  #mark: SnapshotMark;
  #writtenBytes: number;
  #state: "open" | "closing" | "failed" = "open";
  #drain: Promise<void> | undefined;
  #fill: Promise<void> | undefined;
  #spare: Promise<void> | undefined;
  #isSpareReady = false;
  #housekeeping: Promise<void> = Promise.resolve();

  constructor(options: WalOptions, recovered: RecoveredLog) {
    this.#options = options;
    this.#segmentBytes = options.segmentBytes ?? raftLimits.segmentBytes;
    this.#pieceBytes = options.zeroFillPieceBytes ?? raftLimits.zeroFillPieceBytes;
    this.#queue = new BatchQueue(recovered.hardState);
    this.#older = recovered.segments.slice(0, -1).map((extent) => ({ ...extent }));
    this.#nextBatch = recovered.nextBatch;
    this.#previousCrc = recovered.previousCrc;
    this.#hardState = recovered.hardState;
    this.#mark = recovered.mark;
    this.#writtenBytes = recovered.logBytes;
  }

  /** Bytes of batches since the log was made or opened, those read at the opening included. */
  get writtenBytes(): number {
    return this.#writtenBytes;
  }

  /** The newest snapshot mark that is durable. */
  get mark(): SnapshotMark {
    return this.#mark;
  }

  /** First start: segment 1, with only a little zero-filled. */
  async begin(): Promise<void> {
    await this.#openSegment(1);
  }

  async resume(recovered: RecoveredLog): Promise<void> {
    const { disk } = this.#options;
    const last = recovered.segments.at(-1);
    invariant(last !== undefined, "a recovered log has a segment");
    const file = await disk.open(segmentPath(last.segment), "dsync");
    this.#current = { ...last, file, at: recovered.writeAt, filledTo: await file.size() };
    this.#isSpareReady = await disk.exists(SPARE_PATH);
  }

  /** Takes it over in this turn; `onDurable` tells when it is safe. */
  append(persist: Persist): void {
    invariant(this.#state !== "closing", "nothing is appended to a closing log");
    this.#queue.add(persist);
    this.#wake();
  }

  /** Resolves once the log says durably that a snapshot up to this index exists. */
  writeMark(mark: SnapshotMark): Promise<void> {
    invariant(mark.index >= this.#mark.index, "snapshot marks go up");
    this.#queue.addMark(mark);
    return new Promise((done) => {
      this.#markWaiters.push({ mark, done });
      this.#wake();
    });
  }

  /** Lets go of segments in which every entry lies at or below `index`, which a mark must cover. */
  release(index: number): Promise<void> {
    invariant(index <= this.#mark.index, "only what a durable snapshot holds is released");
    return this.#alone(() => this.#releaseUpTo(index));
  }

  /** Waits for what is under way and closes the files. */
  async close(): Promise<void> {
    while (this.#drain !== undefined) await this.#drain;
    this.#state = this.#state === "failed" ? "failed" : "closing";
    await this.#fill;
    await this.#spare;
    await this.#housekeeping;
    await this.#current?.file.close();
  }

  #wake(): void {
    if (this.#drain !== undefined || this.#state !== "open") return;
    this.#drain = this.#writeBatches().finally(() => {
      this.#drain = undefined;
      if (!this.#queue.isEmpty) this.#wake();
    });
  }

  async #writeBatches(): Promise<void> {
    // The rest of this turn belongs to the same batch.
    await Promise.resolve();
    while (!this.#queue.isEmpty && this.#state === "open") {
      const batch = this.#queue.take(Math.min(raftLimits.batchBytes, this.#segmentBytes - SEGMENT_HEADER_BYTES));
      try {
        await this.#write(batch);
      } catch (error) {
        this.#fail(error);
        return;
      }
      this.#report(batch);
    }
  }

  async #write(batch: Batch): Promise<void> {
    const lengthBytes = paddedToSector(lengthOf(batch));
    const full = this.#segment();
    if (full.at + lengthBytes > this.#segmentBytes) {
      await this.#alone(() => this.#openSegment(full.segment + 1));
      await this.#fill;
      await full.file.close();
    }
    const segment = this.#segment();
    // A zero-fill that is under way must not run over the batch.
    if (segment.at + lengthBytes > segment.filledTo) await this.#fill;
    const encoded = encodeBatch(this.#options.crypto, batch, {
      segment: segment.segment,
      seq: this.#nextBatch,
      previousCrc: this.#previousCrc,
    });
    await segment.file.write(segment.at, encoded.slices);
    if (batch.truncateFrom > 0) this.#forgetFrom(batch.truncateFrom);
    segment.maxIndex = Math.max(segment.maxIndex, batch.entries.at(-1)?.index ?? 0);
    segment.at += encoded.lengthBytes;
    segment.filledTo = Math.max(segment.filledTo, segment.at);
    this.#nextBatch += 1;
    this.#previousCrc = encoded.crc;
    this.#hardState = batch.hardState;
    this.#writtenBytes += encoded.lengthBytes;
    this.#fillAhead(segment);
  }

  #report(batch: Batch): void {
    if (batch.mark !== undefined) {
      this.#mark = batch.mark;
      this.#markWaiters.shift()?.done();
    } else if (batch.seq > 0) {
      this.#options.onDurable(batch.seq);
    }
  }

  #forgetFrom(index: number): void {
    for (const extent of this.#older) extent.maxIndex = Math.min(extent.maxIndex, index - 1);
    const current = this.#segment();
    current.maxIndex = Math.min(current.maxIndex, index - 1);
  }

  #segment(): OpenSegment {
    invariant(this.#current !== undefined, "an open log has a current segment");
    return this.#current;
  }

  /** Files change their names in one piece of work at a time. */
  #alone(work: () => Promise<void>): Promise<void> {
    const run = this.#housekeeping.then(work);
    this.#housekeeping = run.catch((error: unknown) => this.#fail(error));
    return run;
  }

  /** Header first, then its name: a segment file always begins with a sound header. */
  async #openSegment(segment: number): Promise<void> {
    const { disk, crypto, clusterId, memberId } = this.#options;
    const header = encodeSegmentHeader(crypto, {
      clusterId,
      memberId,
      segment,
      firstBatch: this.#nextBatch,
      previousCrc: this.#previousCrc,
      hardState: this.#hardState,
      mark: this.#mark,
    });
    await this.#spare;
    const hasSpare = this.#isSpareReady;
    this.#isSpareReady = false;
    const from = hasSpare ? SPARE_PATH : NEW_PATH;
    const file = await disk.open(from, "dsync");
    const firstFill = this.#options.firstZeroFillBytes ?? raftLimits.firstZeroFillBytes;
    const zeros = hasSpare ? 0 : Math.min(firstFill, this.#segmentBytes - SEGMENT_HEADER_BYTES);
    await file.write(0, [header, new Uint8Array(zeros)]);
    await disk.rename(from, segmentPath(segment));
    await disk.syncFolder(WAL_FOLDER);
    if (this.#current !== undefined) {
      this.#older.push({ segment: this.#current.segment, maxIndex: this.#current.maxIndex });
    }
    this.#current = {
      segment,
      maxIndex: 0,
      file,
      at: SEGMENT_HEADER_BYTES,
      filledTo: await file.size(),
    };
  }

  /** Grows the current file by pieces, and later the next one, so that batches rarely change a file's length. */
  #fillAhead(segment: OpenSegment): void {
    const aheadBytes = segment.filledTo - segment.at;
    if (this.#fill === undefined && segment.filledTo < this.#segmentBytes && aheadBytes < this.#pieceBytes / 8) {
      this.#fill = this.#fillPiece(segment).finally(() => (this.#fill = undefined));
    }
    if (segment.at > this.#segmentBytes / 2 && !this.#isSpareReady && this.#spare === undefined) {
      this.#spare = this.#makeSpare().finally(() => (this.#spare = undefined));
    }
  }

  async #fillPiece(segment: OpenSegment): Promise<void> {
    const length = Math.min(this.#pieceBytes, this.#segmentBytes - segment.filledTo);
    try {
      await segment.file.write(segment.filledTo, [new Uint8Array(length)]);
      segment.filledTo += length;
    } catch (error) {
      // Room may come back before the batches reach the end of what is filled.
      if ((error as { readonly code?: unknown }).code !== "ENOSPC") this.#fail(error);
      else this.#options.log("warn", "wal-no-room-ahead", { segment: segment.segment });
    }
  }

  /** Without room for a spare file the log goes on: the current segment is still good. */
  async #makeSpare(): Promise<void> {
    const { disk, log } = this.#options;
    try {
      await disk.remove(NEW_PATH);
      const file = await disk.open(NEW_PATH, "dsync");
      for (let at = 0; at < this.#segmentBytes; at += this.#pieceBytes) {
        await file.write(at, [new Uint8Array(Math.min(this.#pieceBytes, this.#segmentBytes - at))]);
      }
      await file.close();
      await disk.rename(NEW_PATH, SPARE_PATH);
      await disk.syncFolder(WAL_FOLDER);
      this.#isSpareReady = true;
    } catch (error) {
      log("warn", "wal-no-spare-segment", { reason: messageOf(error) });
    }
  }

  /** Oldest first, each made durable before the next, so that a crash never leaves a gap. */
  async #releaseUpTo(index: number): Promise<void> {
    const { disk } = this.#options;
    while (this.#older[0] !== undefined && this.#older[0].maxIndex <= index) {
      const path = segmentPath(this.#older[0].segment);
      if (this.#isSpareReady || this.#spare !== undefined) {
        await disk.remove(path);
      } else {
        await disk.rename(path, SPARE_PATH);
        this.#isSpareReady = true;
      }
      await disk.syncFolder(WAL_FOLDER);
      this.#older.shift();
    }
  }

  #fail(error: unknown): void {
    if (this.#state === "failed") return;
    this.#state = "failed";
    const reason = error instanceof Error ? error : new Error(messageOf(error));
    this.#options.onFatal(
      new UserError("TRP-0203", `the log cannot be written: ${reason.message}`, {
        hint: "Check the disk of the data directory; the server does not go on without it.",
        cause: reason,
      }),
    );
  }
}

/** The longest payload that fits a segment of this length. */
export function payloadBytesMax(segmentBytes: number): number {
  const room = segmentBytes - SEGMENT_HEADER_BYTES - BATCH_HEADER_BYTES - RECORD_HEADER_BYTES;
  return Math.min(raftLimits.entryBytes, room - SECTOR_BYTES);
}
