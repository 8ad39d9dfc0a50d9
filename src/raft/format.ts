import type { Crypto } from "../env/env.ts";
import { invariant } from "../util/errors.ts";
import { textOf, utf8 } from "../util/bytes.ts";
import type { Entry, EntryKind, HardState } from "./core/types.ts";

/**
 * The bytes of the log (docs/formats.md, "Log"): entry records, batch headers, segment headers.
 * Integers are big-endian. An entry record is the same on every member and on the wire; a batch
 * header is local to the member that wrote it. Frozen by test/golden/raft.
 */

export const SECTOR_BYTES = 512;
export const RECORD_HEADER_BYTES = 24;
export const BATCH_HEADER_BYTES = 64;
export const SEGMENT_HEADER_BYTES = 4096;
export const MARK_BYTES = 12;

const BATCH_MAGIC = 0x54524254; // TRBT
const SEGMENT_MAGIC = 0x54525347; // TRSG
const SEGMENT_VERSION = 1;
const CLUSTER_ID_BYTES_MAX = 64;
const SEGMENT_FIELDS_BYTES = 130;

const KINDS: readonly EntryKind[] = ["normal", "noop", "config", "checkpoint", "gate"];

export interface SnapshotMark {
  readonly index: number;
  readonly term: number;
}

/** What a batch holds. Every batch repeats the hard state, so that no segment is without it. */
export interface BatchHeader {
  readonly lengthBytes: number;
  readonly segment: number;
  readonly seq: number;
  readonly previousCrc: number;
  readonly kind: "entries" | "mark";
  readonly count: number;
  readonly truncateFrom: number;
  readonly firstIndex: number;
  readonly hardState: HardState;
  readonly bodyCrc: number;
  readonly crc: number;
}

export interface SegmentHeader {
  readonly clusterId: string;
  readonly memberId: number;
  readonly segment: number;
  readonly firstBatch: number;
  readonly previousCrc: number;
  readonly hardState: HardState;
  readonly mark: SnapshotMark;
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function setU48(view: DataView, at: number, value: number): void {
  view.setUint16(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 2, value >>> 0);
}

export function getU48(view: DataView, at: number): number {
  return view.getUint16(at) * 2 ** 32 + view.getUint32(at + 2);
}

/**
 * Writes the record's header into `target` at `at`, and behind it the payload where `isCopied`.
 * Answers the record's crc.
 */
export function writeRecord(
  crypto: Crypto,
  target: { readonly bytes: Uint8Array; readonly view: DataView; readonly at: number },
  entry: Entry,
  isCopied: boolean,
): number {
  const { bytes, view, at } = target;
  const payloadAt = at + RECORD_HEADER_BYTES;
  view.setUint32(at, entry.payload.length);
  setU48(view, at + 8, entry.index);
  setU48(view, at + 14, entry.term);
  view.setUint8(at + 20, KINDS.indexOf(entry.kind));
  view.setUint8(at + 21, 0);
  view.setUint16(at + 22, 0);
  let crc: number;
  if (isCopied) {
    bytes.set(entry.payload, payloadAt);
    crc = crypto.crc32(bytes.subarray(at + 8, payloadAt + entry.payload.length));
  } else {
    crc = crypto.crc32(entry.payload, crypto.crc32(bytes.subarray(at + 8, payloadAt)));
  }
  view.setUint32(at + 4, crc);
  return crc;
}

/** Memory of received frames: the payload of each entry in it lies behind its record's header. */
const framed = new WeakSet<ArrayBufferLike>();

/** Says that all entries whose payloads lie in this buffer were read from records in it, which nobody changes. */
export function keepsRecords(buffer: ArrayBufferLike): void {
  framed.add(buffer);
}

/** Whether the bytes before this entry's payload are its record's header: they name it, too. */
export function isInRecord({ payload, index, term }: Entry): boolean {
  const { buffer, byteOffset, length } = payload;
  if (!framed.has(buffer) || byteOffset < RECORD_HEADER_BYTES) return false;
  const view = new DataView(buffer, byteOffset - RECORD_HEADER_BYTES, RECORD_HEADER_BYTES);
  return view.getUint32(0) === length && getU48(view, 8) === index && getU48(view, 14) === term;
}

export interface DecodedRecord {
  readonly entry: Entry;
  readonly nextAt: number;
}

/** The record at `at`, or undefined where its bytes are short, damaged or of an unknown kind. `view`: of these bytes. */
export function readRecord(
  crypto: Crypto,
  bytes: Uint8Array,
  at: number,
  view: DataView = viewOf(bytes),
): DecodedRecord | undefined {
  if (at + RECORD_HEADER_BYTES > bytes.length) return undefined;
  const payloadAt = at + RECORD_HEADER_BYTES;
  const nextAt = payloadAt + view.getUint32(at);
  if (nextAt > bytes.length) return undefined;
  if (crypto.crc32(bytes.subarray(at + 8, nextAt)) !== view.getUint32(at + 4)) return undefined;
  const kind = KINDS[view.getUint8(at + 20)];
  if (kind === undefined) return undefined;
  const entry: Entry = {
    index: getU48(view, at + 8),
    term: getU48(view, at + 14),
    kind,
    payload: bytes.subarray(payloadAt, nextAt),
  };
  return { entry, nextAt };
}

/** Fills the first 64 bytes of `target`; answers the header's crc, which the next batch names. */
export function writeBatchHeader(crypto: Crypto, target: Uint8Array, header: Omit<BatchHeader, "crc">): number {
  const view = viewOf(target);
  view.setUint32(0, BATCH_MAGIC);
  view.setUint32(4, header.lengthBytes);
  setU48(view, 8, header.segment);
  setU48(view, 14, header.seq);
  view.setUint32(20, header.previousCrc);
  view.setUint8(24, header.kind === "mark" ? 2 : 1);
  view.setUint8(25, 0);
  view.setUint16(26, 0);
  view.setUint32(28, header.count);
  setU48(view, 32, header.truncateFrom);
  setU48(view, 38, header.firstIndex);
  setU48(view, 44, header.hardState.term);
  setU48(view, 50, header.hardState.votedFor);
  view.setUint32(56, header.bodyCrc);
  const crc = crypto.crc32(target.subarray(0, 60));
  view.setUint32(60, crc);
  return crc;
}

/** The header at `at`, or undefined where there is none or its crc does not match. */
export function readBatchHeader(crypto: Crypto, bytes: Uint8Array, at: number): BatchHeader | undefined {
  if (at + BATCH_HEADER_BYTES > bytes.length) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(at) !== BATCH_MAGIC) return undefined;
  const crc = view.getUint32(at + 60);
  if (crypto.crc32(bytes.subarray(at, at + 60)) !== crc) return undefined;
  const kind = view.getUint8(at + 24);
  if (kind !== 1 && kind !== 2) return undefined;
  return {
    lengthBytes: view.getUint32(at + 4),
    segment: getU48(view, at + 8),
    seq: getU48(view, at + 14),
    previousCrc: view.getUint32(at + 20),
    kind: kind === 2 ? "mark" : "entries",
    count: view.getUint32(at + 28),
    truncateFrom: getU48(view, at + 32),
    firstIndex: getU48(view, at + 38),
    hardState: { term: getU48(view, at + 44), votedFor: getU48(view, at + 50) },
    bodyCrc: view.getUint32(at + 56),
    crc,
  };
}

export function encodeMark(mark: SnapshotMark): Uint8Array {
  const bytes = new Uint8Array(MARK_BYTES);
  setU48(viewOf(bytes), 0, mark.index);
  setU48(viewOf(bytes), 6, mark.term);
  return bytes;
}

export function decodeMark(bytes: Uint8Array): SnapshotMark {
  return { index: getU48(viewOf(bytes), 0), term: getU48(viewOf(bytes), 6) };
}

/** The 4 KiB at the head of a segment; what is not a field is zero. */
export function encodeSegmentHeader(crypto: Crypto, header: SegmentHeader): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  const clusterId = utf8(header.clusterId);
  invariant(clusterId.length <= CLUSTER_ID_BYTES_MAX, "a cluster id has at most 64 bytes");
  view.setUint32(0, SEGMENT_MAGIC);
  view.setUint16(4, SEGMENT_VERSION);
  view.setUint16(6, clusterId.length);
  bytes.set(clusterId, 8);
  setU48(view, 72, header.memberId);
  setU48(view, 78, header.segment);
  setU48(view, 84, header.firstBatch);
  view.setUint32(90, header.previousCrc);
  setU48(view, 94, header.hardState.term);
  setU48(view, 100, header.hardState.votedFor);
  setU48(view, 106, header.mark.index);
  setU48(view, 112, header.mark.term);
  view.setUint32(SEGMENT_FIELDS_BYTES - 4, crypto.crc32(bytes.subarray(0, 126)));
  return bytes;
}

/** The header, or undefined where it cannot be trusted. */
export function decodeSegmentHeader(crypto: Crypto, bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0) !== SEGMENT_MAGIC || view.getUint16(4) !== SEGMENT_VERSION) return undefined;
  if (crypto.crc32(bytes.subarray(0, 126)) !== view.getUint32(126)) return undefined;
  return {
    clusterId: textOf(bytes.subarray(8, 8 + Math.min(view.getUint16(6), CLUSTER_ID_BYTES_MAX))),
    memberId: getU48(view, 72),
    segment: getU48(view, 78),
    firstBatch: getU48(view, 84),
    previousCrc: view.getUint32(90),
    hardState: { term: getU48(view, 94), votedFor: getU48(view, 100) },
    mark: { index: getU48(view, 106), term: getU48(view, 112) },
  };
}

export function paddedToSector(lengthBytes: number): number {
  return Math.ceil(lengthBytes / SECTOR_BYTES) * SECTOR_BYTES;
}
