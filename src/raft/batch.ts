import type { Crypto } from "../env/env.ts";
import type { Entry, HardState, Persist } from "./core/types.ts";
import {
  BATCH_HEADER_BYTES,
  RECORD_HEADER_BYTES,
  encodeMark,
  isInRecord,
  paddedToSector,
  viewOf,
  writeBatchHeader,
  writeRecord,
} from "./format.ts";
import type { SnapshotMark } from "./format.ts";
import { raftLimits } from "./limits.ts";

/**
 * What waits for the disk, and its bytes. Everything that came while a write was under way goes
 * into one batch, so that one write is one batch: a torn write is then always the last batch.
 */
export interface Batch {
  /** The last persist that is whole once this batch is durable; 0 = none. */
  readonly seq: number;
  readonly hardState: HardState;
  readonly truncateFrom: number;
  readonly entries: readonly Entry[];
  readonly mark: SnapshotMark | undefined;
}

export class BatchQueue {
  #items: Persist[] = [];
  /** Each waits for the persists that were there before it: what it covers is in the log then. */
  #marks: { readonly mark: SnapshotMark; readonly after: Persist | undefined }[] = [];
  #hardState: HardState;

  constructor(hardState: HardState) {
    this.#hardState = hardState;
  }

  get isEmpty(): boolean {
    return this.#items.length === 0 && this.#marks.length === 0;
  }

  add(persist: Persist): void {
    this.#items.push(persist);
  }

  addMark(mark: SnapshotMark): void {
    this.#marks.push({ mark, after: this.#items.at(-1) });
  }

  /**
   * The next batch, at most `bytesMax` long but never empty. Entries that a later persist cuts off
   * again are not written at all.
   */
  take(bytesMax: number): Batch {
    const next = this.#marks[0];
    if (next !== undefined && (next.after === undefined || !this.#items.includes(next.after))) {
      this.#marks.shift();
      return { seq: 0, hardState: this.#hardState, truncateFrom: 0, entries: [], mark: next.mark };
    }
    const reset = this.#items[0];
    if (reset?.snapshot !== undefined) {
      this.#items = this.#items.slice(1);
      this.#hardState = reset.hardState;
      return { seq: reset.seq, hardState: reset.hardState, truncateFrom: 1, entries: [], mark: reset.snapshot };
    }
    const entries: Entry[] = [];
    let seq = 0;
    let truncateFrom = 0;
    let bytes = BATCH_HEADER_BYTES;
    let taken = 0;
    for (const item of this.#items) {
      if (item.snapshot !== undefined) break;
      if (item.truncateFrom > 0) {
        while (entries.length > 0 && (entries.at(-1) as Entry).index >= item.truncateFrom) {
          bytes -= sizeOf(entries.pop() as Entry);
        }
        truncateFrom = truncateFrom === 0 ? item.truncateFrom : Math.min(truncateFrom, item.truncateFrom);
      }
      this.#hardState = item.hardState;
      let count = 0;
      for (const entry of item.entries) {
        const size = sizeOf(entry);
        if (bytes + size > bytesMax && entries.length > 0) break;
        entries.push(entry);
        bytes += size;
        count += 1;
      }
      if (count < item.entries.length) {
        const rest = { ...item, truncateFrom: 0, entries: item.entries.slice(count) };
        this.#items[taken] = rest;
        this.#marks = this.#marks.map((waiting) => (waiting.after === item ? { ...waiting, after: rest } : waiting));
        break;
      }
      seq = item.seq;
      taken += 1;
    }
    this.#items = taken === this.#items.length ? [] : this.#items.slice(taken);
    return { seq, hardState: this.#hardState, truncateFrom, entries, mark: undefined };
  }
}

function sizeOf(entry: Entry): number {
  return RECORD_HEADER_BYTES + entry.payload.length;
}

export interface BatchPlace {
  readonly segment: number;
  readonly seq: number;
  readonly previousCrc: number;
}

export interface EncodedBatch {
  readonly slices: readonly Uint8Array[];
  /** With the padding. */
  readonly lengthBytes: number;
  readonly crc: number;
}

export function lengthOf(batch: Batch): number {
  if (batch.mark !== undefined) return BATCH_HEADER_BYTES + encodeMark(batch.mark).length;
  let length = BATCH_HEADER_BYTES;
  for (const entry of batch.entries) length += sizeOf(entry);
  return length;
}

/**
 * Small payloads are copied beside their headers into one buffer; large ones stay where they are, and so do
 * records that came from another member as they are written here.
 */
export function encodeBatch(crypto: Crypto, batch: Batch, place: BatchPlace): EncodedBatch {
  const lengthBytes = lengthOf(batch);
  const { truncateFrom, hardState } = batch;
  const { segment, seq, previousCrc } = place;
  const paddingBytes = paddedToSector(lengthBytes) - lengthBytes;
  if (batch.mark !== undefined) {
    const bytes = new Uint8Array(lengthBytes + paddingBytes);
    const body = encodeMark(batch.mark);
    bytes.set(body, BATCH_HEADER_BYTES);
    const bodyCrc = crypto.crc32(body);
    const crc = writeBatchHeader(crypto, bytes, {
      lengthBytes,
      segment,
      seq,
      previousCrc,
      kind: "mark",
      count: 0,
      truncateFrom,
      firstIndex: 0,
      hardState,
      bodyCrc,
    });
    return { slices: [bytes], lengthBytes: bytes.length, crc };
  }
  const records = encodeRecords(crypto, batch.entries, paddingBytes);
  const crc = writeBatchHeader(crypto, records.first, {
    lengthBytes,
    segment,
    seq,
    previousCrc,
    kind: "entries",
    count: batch.entries.length,
    truncateFrom,
    firstIndex: batch.entries[0]?.index ?? 0,
    hardState,
    bodyCrc: records.bodyCrc,
  });
  return { slices: records.slices, lengthBytes: lengthBytes + paddingBytes, crc };
}

interface Records {
  readonly slices: readonly Uint8Array[];
  /** Starts with room for the batch header. */
  readonly first: Uint8Array;
  readonly bodyCrc: number;
}

function encodeRecords(crypto: Crypto, entries: readonly Entry[], paddingBytes: number): Records {
  let ownBytes = BATCH_HEADER_BYTES + paddingBytes;
  for (const entry of entries) {
    if (isInRecord(entry)) continue;
    const { payload } = entry;
    ownBytes += RECORD_HEADER_BYTES + (isCopied(payload) ? payload.length : 0);
  }
  const bytes = new Uint8Array(ownBytes);
  const view = viewOf(bytes);
  const heads = new Uint8Array(entries.length * recordHeadBytes);
  const slices = new Slices(bytes);
  for (const [position, entry] of entries.entries()) {
    const { payload } = entry;
    const { at } = slices;
    if (isInRecord(entry)) {
      const recordAt = payload.byteOffset - RECORD_HEADER_BYTES;
      heads.set(new Uint8Array(payload.buffer, recordAt, recordHeadBytes), position * recordHeadBytes);
      slices.addForeign(payload.buffer, recordAt, RECORD_HEADER_BYTES + payload.length);
      continue;
    }
    const copied = isCopied(payload);
    writeRecord(crypto, { bytes, view, at }, entry, copied);
    heads.set(bytes.subarray(at, at + recordHeadBytes), position * recordHeadBytes);
    slices.addOwn(RECORD_HEADER_BYTES + (copied ? payload.length : 0));
    if (!copied) slices.addForeign(payload.buffer, payload.byteOffset, payload.length);
  }
  slices.addOwn(paddingBytes);
  return { slices: slices.finish(), first: bytes, bodyCrc: crypto.crc32(heads) };
}

/** Length and crc of a record: what the batch's own crc covers. */
const recordHeadBytes = 8;

/** Bytes of one buffer, and between them those of others; neighbours are one slice. */
class Slices {
  readonly #own: Uint8Array;
  readonly #slices: Uint8Array[] = [];
  #from = 0;
  #foreign: { readonly buffer: ArrayBufferLike; readonly from: number; to: number } | undefined;
  /** Up to here the own buffer is in use; its head is, from the start. */
  at: number = BATCH_HEADER_BYTES;

  constructor(own: Uint8Array) {
    this.#own = own;
  }

  addOwn(lengthBytes: number): void {
    if (lengthBytes > 0) this.#endForeign();
    this.at += lengthBytes;
  }

  addForeign(buffer: ArrayBufferLike, from: number, lengthBytes: number): void {
    const last = this.#foreign;
    if (last?.buffer === buffer && last.to === from) {
      last.to += lengthBytes;
      return;
    }
    this.#endForeign();
    this.#endOwn();
    this.#foreign = { buffer, from, to: from + lengthBytes };
  }

  finish(): readonly Uint8Array[] {
    this.#endForeign();
    this.#endOwn();
    return this.#slices;
  }

  #endOwn(): void {
    if (this.at > this.#from) this.#slices.push(this.#own.subarray(this.#from, this.at));
    this.#from = this.at;
  }

  #endForeign(): void {
    const last = this.#foreign;
    if (last !== undefined) this.#slices.push(new Uint8Array(last.buffer, last.from, last.to - last.from));
    this.#foreign = undefined;
  }
}

function isCopied(payload: Uint8Array): boolean {
  return payload.length <= raftLimits.copiedPayloadBytes;
}
