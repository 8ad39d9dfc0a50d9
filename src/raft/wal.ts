import type { Clock, Crypto, Disk, DiskFile, Log } from "../env/env.ts";
import { InvariantError, invariant, messageOf, UserError } from "../util/errors.ts";
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
import { BALLAST_PATH, NEW_PATH, SPARE_PATH, WAL_FOLDER, segmentPath } from "./wal-names.ts";
import { markDamaged, newestSegment, setOldLogAside } from "./wal-damage.ts";
import { recoverLog } from "./wal-recover.ts";
import type { RecoveredLog, SegmentExtent } from "./wal-recover.ts";

/**
 * The write-ahead log. One batch is under way at a time; what arrives meanwhile goes into the next
 * one together (group commit). A batch is one write to a file opened O_DSYNC. A write that fails is
 * the end: the kernel may have dropped the pages, so trying again would lie; `onFatal` is called
 * once, and nothing is reported durable after it. A disk without room is the exception: nothing was
 * written then, so the batch waits and is tried again; `onRoom` tells.
 */
export interface WalOptions {
  readonly disk: Disk;
  readonly crypto: Crypto;
  readonly clock: Clock;
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
  /** The disk is full; it has room again. */
  readonly onRoom?: (isFull: boolean) => void;
  /** Kept free for the moment when the disk is full; 0 = none. */
  readonly ballastBytes?: number;
  /** Whether other members can bring back what a damaged log lost; if not, damage is thrown. */
  readonly mayRepair?: (recovered: RecoveredLog) => boolean;
}

/** What a log that has just been opened held. */
export type WalContent = Pick<
  RecoveredLog,
  "hardState" | "mark" | "entries" | "tail" | "doubtUpTo" | "logBytes" | "damage"
>;

export interface OpenedWal {
  readonly wal: Wal;
  readonly content: WalContent;
}

/** Makes the log or reads it back. Throws `UserError` where it is another member's, or damaged beyond repair. */
export async function openWal(options: WalOptions): Promise<OpenedWal> {
  await options.disk.makeFolder(WAL_FOLDER);
  await options.disk.remove(NEW_PATH);
  const recovered = await recoverLog(options);
  if (recovered === undefined) {
    const wal = new Wal(options, emptyLog);
    await wal.begin();
    return { wal, content: emptyLog };
  }
  if (recovered.damage !== undefined) return restart(options, recovered);
  const wal = new Wal(options, recovered);
  await wal.resume(recovered);
  return { wal, content: recovered };
}

/** A new log with what was sound in the old one; the rest comes from the other members. */
async function restart(options: WalOptions, recovered: RecoveredLog): Promise<OpenedWal> {
  const { damage, entries, hardState, mark } = recovered;
  if (damage === undefined) throw new InvariantError("only a damaged log is begun anew");
  if (options.mayRepair?.(recovered) !== true) throw damage;
  options.log("error", "wal-damaged", { reason: damage.message, soundTo: entries.at(-1)?.index ?? 0 });
  await markDamaged(options.disk, damage.message);
  const first = 1 + (await newestSegment(options.disk));
  const wal = new Wal(options, { ...emptyLog, hardState, mark });
  await wal.begin(first);
  await setOldLogAside(options.disk, first);
  wal.append({ seq: 0, hardState, truncateFrom: 0, entries });
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
  damage: undefined,
  beyond: [],
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
  /** Of one piece, made when it is first needed. */
  #zeros: Uint8Array = new Uint8Array();
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
  #isFull = false;
  /** A batch waits for room. */
  #isStuck = false;
  #isClosing = false;

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

  /** A new log: its first segment, with only a little zero-filled. */
  async begin(segment = 1): Promise<void> {
    await this.#openSegment(segment);
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
    // A newer one has come in meanwhile.
    if (mark.index < this.#mark.index) return Promise.resolve();
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
    this.#isClosing = true;
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
      if (!(await this.#writeOnceThereIsRoom(batch))) return;
      this.#report(batch);
    }
  }

  /** False where the log has ended. */
  async #writeOnceThereIsRoom(batch: Batch): Promise<boolean> {
    for (;;) {
      try {
        await this.#write(batch);
        this.#isStuck = false;
        if (this.#isFull) await this.#seekRoom();
        return true;
      } catch (error) {
        if (codeOf(error) !== "ENOSPC" || this.#isClosing) {
          this.#fail(error);
          return false;
        }
        this.#isStuck = true;
        await this.#meetFullDisk();
      }
    }
  }

  async #meetFullDisk(): Promise<void> {
    const { disk, clock, log, onRoom } = this.#options;
    if (!this.#isFull) {
      this.#isFull = true;
      log("error", "disk-full", { ballast: this.#options.ballastBytes ?? 0 });
      onRoom?.(true);
      this.#seekLater();
      // The room that was kept for this: the log goes on, the member hands over and takes no writes.
      if (await disk.exists(BALLAST_PATH)) return disk.remove(BALLAST_PATH);
    }
    await new Promise<void>((done) => clock.after(raftLimits.fullDiskRetryMs, done));
  }

  /** Without writes no write tells that there is room again. */
  #seekLater(): void {
    const seek = async (): Promise<void> => {
      if (!this.#isFull || this.#isClosing || this.#state === "failed") return;
      try {
        if (!this.#isStuck) await this.#seekRoom();
      } catch (error) {
        this.#fail(error);
      }
      this.#seekLater();
    };
    this.#options.clock.after(5 * raftLimits.fullDiskRetryMs, () => void seek(), { daemon: true });
  }

  /** There is room again once the ballast fits. */
  async #seekRoom(): Promise<void> {
    if (!(await this.makeBallast()) || !this.#isFull) return;
    this.#isFull = false;
    this.#options.log("info", "disk-has-room");
    this.#options.onRoom?.(false);
  }

  /** Takes the room that is to give way when the disk is full; false if there is none. */
  async makeBallast(): Promise<boolean> {
    const { disk, ballastBytes = 0 } = this.#options;
    if (ballastBytes === 0) return true;
    try {
      const file = await disk.open(BALLAST_PATH, "dsync");
      for (let at = await file.size(); at < ballastBytes; at += this.#pieceBytes) {
        await file.write(at, [this.#zerosOf(ballastBytes - at)]);
      }
      await file.close();
      return true;
    } catch (error) {
      if (codeOf(error) !== "ENOSPC") throw error;
      await disk.remove(BALLAST_PATH);
      return false;
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
      if (batch.mark.index > this.#mark.index) this.#mark = batch.mark;
      // One that came in with a snapshot from the leader has no one waiting.
      if (batch.truncateFrom === 0) this.#markWaiters.shift()?.done();
    }
    if (batch.seq > 0) this.#options.onDurable(batch.seq);
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
    this.#housekeeping = run.catch((error: unknown) => {
      // Without room nothing was done; who asked for it tries again.
      if (codeOf(error) !== "ENOSPC") this.#fail(error);
    });
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

  /** At most a piece: a megabyte anew for each would be work for the collector. */
  #zerosOf(lengthBytes: number): Uint8Array {
    if (this.#zeros.length === 0) this.#zeros = new Uint8Array(this.#pieceBytes);
    return this.#zeros.subarray(0, lengthBytes);
  }

  async #fillPiece(segment: OpenSegment): Promise<void> {
    const length = Math.min(this.#pieceBytes, this.#segmentBytes - segment.filledTo);
    try {
      await segment.file.write(segment.filledTo, [this.#zerosOf(length)]);
      segment.filledTo += length;
    } catch (error) {
      // Room may come back before the batches reach the end of what is filled.
      if (codeOf(error) !== "ENOSPC") this.#fail(error);
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
        await file.write(at, [this.#zerosOf(this.#segmentBytes - at)]);
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

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown }).code;
}

/** The longest payload that fits a segment of this length. */
export function payloadBytesMax(segmentBytes: number): number {
  const room = segmentBytes - SEGMENT_HEADER_BYTES - BATCH_HEADER_BYTES - RECORD_HEADER_BYTES;
  return Math.min(raftLimits.entryBytes, room - SECTOR_BYTES);
}
