import type { Crypto, Disk } from "../env/env.ts";
import { messageOf, UserError } from "../util/errors.ts";
import type { Entry, HardState } from "./core/types.ts";
import {
  BATCH_HEADER_BYTES,
  MARK_BYTES,
  SECTOR_BYTES,
  SEGMENT_HEADER_BYTES,
  decodeMark,
  decodeSegmentHeader,
  paddedToSector,
  readBatchHeader,
  readRecord,
} from "./format.ts";
import type { BatchHeader, SegmentHeader, SnapshotMark } from "./format.ts";
import { numberOfSegment, segmentPath, WAL_FOLDER } from "./wal-names.ts";

/**
 * Reads the log back. Batches form one chain over all segments: segment number, batch number and
 * the crc of the header before must fit. Only one write is ever under way, so at most the very last
 * batch can be torn, and only a torn last batch is cut off. Whatever else does not fit is damage of
 * data that may have been acknowledged: then nothing is cut off, and the start is refused.
 */
export interface RecoveredLog {
  readonly hardState: HardState;
  /** The last snapshot that the log knows of; index 0 = none. */
  readonly mark: SnapshotMark;
  /** What the segments hold, without gaps; the first may lie at or below the mark. */
  readonly entries: readonly Entry[];
  /** `unsure`: the last batch has a sound header and a broken body: torn, or rot of an acknowledged one. */
  readonly tail: "clean" | "torn" | "unsure";
  /** Where `unsure`: the last index that the cut batch would have held; else 0. */
  readonly doubtUpTo: number;
  readonly segments: readonly SegmentExtent[];
  /** Where the next batch goes in the last segment. */
  readonly writeAt: number;
  readonly nextBatch: number;
  readonly previousCrc: number;
  /** Bytes of batches read. */
  readonly logBytes: number;
  /** Why what follows cannot be trusted, though it may have been acknowledged; what is here is sound. */
  readonly damage: UserError | undefined;
  /** Changes of members that sound batches behind the damage tell of: hints, not part of the log. */
  readonly beyond: readonly Entry[];
}

export interface SegmentExtent {
  readonly segment: number;
  /** The highest index of an entry that lives in this segment; 0 if it holds none. */
  maxIndex: number;
}

export interface RecoverOptions {
  readonly disk: Disk;
  readonly crypto: Crypto;
  readonly clusterId: string;
  readonly memberId: number;
}

/** Undefined where there is no segment at all. Damage is part of the answer; another member's log is thrown. */
export async function recoverLog(options: RecoverOptions): Promise<RecoveredLog | undefined> {
  const names = (await options.disk.exists(WAL_FOLDER)) ? await options.disk.list(WAL_FOLDER) : [];
  const numbers = names.flatMap((name) => numberOfSegment(name) ?? []);
  if (numbers.length === 0) return undefined;
  const scan = new Scan(options);
  try {
    for (const [position, number] of numbers.entries()) {
      const path = segmentPath(number);
      if (position > 0 && number !== (numbers[position - 1] as number) + 1) {
        throw damage(path, 0, "the segment before it is missing");
      }
      scan.segment(path, number, await readWhole(options.disk, path));
    }
  } catch (error) {
    if (!(error instanceof UserError) || error.code !== "TRP-0201") throw error;
    const { hardState, beyond } = await lookBeyond(options, numbers);
    return { ...scan.finish(hardState), damage: error, beyond };
  }
  return { ...scan.finish(), damage: undefined, beyond: [] };
}

/** What any sound batch tells, also behind the damage: the highest term with its vote, and changes of members. */
async function lookBeyond(
  options: RecoverOptions,
  numbers: readonly number[],
): Promise<{ readonly hardState: HardState; readonly beyond: readonly Entry[] }> {
  const beyond: Entry[] = [];
  let newest: HardState = { term: 0, votedFor: 0 };
  const see = (found: HardState): void => {
    if (found.term > newest.term || (found.term === newest.term && found.votedFor !== 0)) newest = found;
  };
  for (const number of numbers) {
    const bytes = await options.disk.read(segmentPath(number)).catch(() => new Uint8Array(0));
    const header = decodeSegmentHeader(options.crypto, bytes);
    if (header !== undefined) see(header.hardState);
    for (let at = SEGMENT_HEADER_BYTES; at < bytes.length; at += SECTOR_BYTES) {
      const batch = readBatchHeader(options.crypto, bytes, at);
      if (batch?.segment !== number) continue;
      see(batch.hardState);
      const body = readBody(options.crypto, batch, bytes, at);
      if (body === undefined || body instanceof Uint8Array) continue;
      for (const entry of body) if (entry.kind === "config") beyond.push(entry);
    }
  }
  return { hardState: newest, beyond };
}

interface Verdict {
  readonly tail: "clean" | "torn" | "unsure";
  readonly doubtUpTo: number;
}

/** The state of one pass over all segments, oldest first. */
class Scan {
  readonly #options: RecoverOptions;
  readonly #entries: Entry[] = [];
  readonly #segments: SegmentExtent[] = [];
  #hardState: HardState = { term: 0, votedFor: 0 };
  #mark: SnapshotMark = { index: 0, term: 0 };
  #nextBatch = 0;
  #previousCrc = 0;
  #path = "";
  #writeAt = 0;
  #logBytes = 0;
  #verdict: Verdict = { tail: "clean", doubtUpTo: 0 };

  constructor(options: RecoverOptions) {
    this.#options = options;
  }

  segment(path: string, number: number, bytes: Uint8Array): void {
    const header = decodeSegmentHeader(this.#options.crypto, bytes);
    if (header === undefined) throw damage(path, 0, "the segment's header does not match its crc");
    this.#checkOwner(path, header);
    if (header.segment !== number) {
      throw damage(path, 0, `its header says that it is segment ${header.segment}`);
    }
    if (this.#segments.length > 0) this.#checkJoin(header);
    this.#hardState = header.hardState;
    if (header.mark.index > this.#mark.index) this.#mark = header.mark;
    this.#nextBatch = header.firstBatch;
    this.#previousCrc = header.previousCrc;
    this.#path = path;
    this.#segments.push({ segment: number, maxIndex: 0 });
    this.#batches(number, bytes);
  }

  finish(seen: HardState = this.#hardState): Omit<RecoveredLog, "damage" | "beyond"> {
    if (seen.term >= this.#hardState.term) this.#hardState = seen;
    const lastTerm = this.#entries.at(-1)?.term ?? 0;
    const hasLostTerm = lastTerm > this.#hardState.term;
    return {
      // A term without its vote: the vote counts as given to ourselves, so no second one is given.
      hardState: hasLostTerm ? { term: lastTerm, votedFor: this.#options.memberId } : this.#hardState,
      mark: this.#mark,
      entries: this.#entries,
      ...this.#verdict,
      segments: this.#segments,
      writeAt: this.#writeAt,
      nextBatch: this.#nextBatch,
      previousCrc: this.#previousCrc,
      logBytes: this.#logBytes,
    };
  }

  #checkOwner(path: string, header: SegmentHeader): void {
    const { clusterId, memberId } = this.#options;
    if (header.clusterId === clusterId && header.memberId === memberId) return;
    throw new UserError(
      "TRP-0202",
      `${path} belongs to member ${header.memberId} of cluster ${header.clusterId}, ` +
        `this is member ${memberId} of cluster ${clusterId}`,
      { hint: "Give the data directory that belongs to this member." },
    );
  }

  /** A segment ends where the next one goes on: same batch number, same chain. */
  #checkJoin(next: SegmentHeader): void {
    if (next.firstBatch === this.#nextBatch && next.previousCrc === this.#previousCrc) return;
    throw damage(
      this.#path,
      this.#writeAt,
      `batch ${this.#nextBatch} is broken, and segment ${next.segment} goes on at batch ${next.firstBatch}`,
    );
  }

  #batches(segment: number, bytes: Uint8Array): void {
    let at = SEGMENT_HEADER_BYTES;
    for (;;) {
      this.#writeAt = at;
      const header = readBatchHeader(this.#options.crypto, bytes, at);
      const isNext =
        header !== undefined &&
        header.segment === segment &&
        header.seq === this.#nextBatch &&
        header.previousCrc === this.#previousCrc;
      const body = isNext ? readBody(this.#options.crypto, header, bytes, at) : undefined;
      if (header === undefined || body === undefined) {
        this.#verdict = this.#judge(segment, bytes, at, header);
        return;
      }
      this.#take(header, body);
      at += paddedToSector(header.lengthBytes);
      this.#logBytes += paddedToSector(header.lengthBytes);
    }
  }

  #take(header: BatchHeader, body: readonly Entry[] | Uint8Array): void {
    this.#nextBatch = header.seq + 1;
    this.#previousCrc = header.crc;
    this.#hardState = header.hardState;
    if (body instanceof Uint8Array) {
      this.#mark = decodeMark(body);
      // A snapshot from the leader has taken the place of the log.
      if (header.truncateFrom > 0) this.#truncate(header.truncateFrom);
      return;
    }
    if (header.truncateFrom > 0) this.#truncate(header.truncateFrom);
    const last = this.#entries.at(-1)?.index;
    if (last !== undefined && body.length > 0 && header.firstIndex !== last + 1) {
      throw damage(this.#path, this.#writeAt, `entry ${header.firstIndex} follows entry ${last}`);
    }
    for (const entry of body) this.#entries.push(entry);
    const extent = this.#segments.at(-1) as SegmentExtent;
    extent.maxIndex = Math.max(extent.maxIndex, body.at(-1)?.index ?? 0);
  }

  #truncate(from: number): void {
    const first = this.#entries[0]?.index ?? from;
    this.#entries.length = Math.min(this.#entries.length, Math.max(0, from - first));
    for (const extent of this.#segments) extent.maxIndex = Math.min(extent.maxIndex, from - 1);
  }

  /** What the first batch that does not fit means: the table of docs/formats.md, "Opening the log". */
  #judge(segment: number, bytes: Uint8Array, at: number, header: BatchHeader | undefined): Verdict {
    const isOurs = header !== undefined && header.segment === segment;
    if (isOurs && header.seq !== this.#nextBatch) {
      throw damage(this.#path, at, `batch ${header.seq} stands where ${this.#nextBatch} belongs`);
    }
    if (isOurs && header.previousCrc !== this.#previousCrc) {
      throw damage(this.#path, at, `batch ${header.seq} does not follow the one before it`);
    }
    for (let later = at + SECTOR_BYTES; later < bytes.length; later += SECTOR_BYTES) {
      if (!this.#isLaterBatch(segment, bytes, later)) continue;
      throw damage(this.#path, at, `batch ${this.#nextBatch} is broken, and there are later ones`);
    }
    if (isOurs) {
      return { tail: "unsure", doubtUpTo: Math.max(0, header.firstIndex + header.count - 1) };
    }
    const end = Math.min(bytes.length, at + SECTOR_BYTES);
    const isBlank = bytes.subarray(at, end).every((byte) => byte === 0);
    return { tail: isBlank ? "clean" : "torn", doubtUpTo: 0 };
  }

  /** Its header is enough: it may be torn itself, but was begun only once all before it was durable. */
  #isLaterBatch(segment: number, bytes: Uint8Array, at: number): boolean {
    // A cheap look before the crc: most sectors are zeros.
    if (bytes[at] !== 0x54 || at + BATCH_HEADER_BYTES > bytes.length) return false;
    const header = readBatchHeader(this.#options.crypto, bytes, at);
    return header !== undefined && header.segment === segment && header.seq > this.#nextBatch;
  }
}

/** The batch's entries (for a mark: the bytes), or undefined where the body is not what the header says. */
function readBody(
  crypto: Crypto,
  header: BatchHeader,
  bytes: Uint8Array,
  at: number,
): readonly Entry[] | Uint8Array | undefined {
  const end = at + header.lengthBytes;
  if (header.lengthBytes < BATCH_HEADER_BYTES || end > bytes.length) return undefined;
  const body = bytes.subarray(at + BATCH_HEADER_BYTES, end);
  if (header.kind === "mark") {
    return body.length === MARK_BYTES && crypto.crc32(body) === header.bodyCrc ? body : undefined;
  }
  const entries: Entry[] = [];
  let crc = 0;
  let from = 0;
  for (let n = 0; n < header.count; n += 1) {
    const record = readRecord(crypto, body, from);
    if (record === undefined || record.entry.index !== header.firstIndex + n) return undefined;
    crc = crypto.crc32(body.subarray(from, from + 8), crc);
    entries.push(record.entry);
    from = record.nextAt;
  }
  return from === body.length && crc === header.bodyCrc ? entries : undefined;
}

async function readWhole(disk: Disk, path: string): Promise<Uint8Array> {
  try {
    return await disk.read(path);
  } catch (error) {
    throw damage(path, 0, `it cannot be read (${messageOf(error)})`, error);
  }
}

function damage(path: string, at: number, why: string, cause?: unknown): UserError {
  return new UserError("TRP-0201", `the log is damaged in ${path} at byte ${at}: ${why}; nothing was cut off`, {
    hint: "Acknowledged writes may be lost if the log were cut here. Bring the file back from a copy, or let this member rejoin.",
    cause,
  });
}
