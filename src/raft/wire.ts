import type { Crypto } from "../env/env.ts";
import { concatBytes, equalBytes, Reader, Writer } from "../util/bytes.ts";
import { invariant } from "../util/errors.ts";
import type { CampaignReason, Entry, Message } from "./core/types.ts";
import { RECORD_HEADER_BYTES, keepsRecords, readRecord, viewOf, writeRecord } from "./format.ts";
import type {
  CallMessage,
  CommandMessage,
  PeerMessage,
  RelayMessage,
  SnapshotId,
  SnapshotMessage,
} from "./transport-api.ts";

/**
 * Messages between members as bytes: length (4), type (1), then fields of fixed width; entries are
 * the very records of the log on disk, whose crc the receiver checks. A frame that does not fit is
 * an error of the connection, never a wrong message.
 */
export const FRAME_HEADER_BYTES = 5;
/** A page of entries, one entry of full length over it, and room for the fields. */
export const frameBytesMax: number = 8 * 1_048_576;

/** First on every connection, from both ends. */
export interface Hello {
  readonly type: "hello";
  readonly clusterId: string;
  readonly memberId: number;
  readonly incarnation: number;
  readonly lane: Lane;
}

/** `bulk` carries snapshots and `call` commands of clients, so that heartbeats never wait behind them. */
export type Lane = "log" | "bulk" | "call";

/** Why the other end does not want us. */
export interface Refusal {
  readonly type: "refused";
  readonly why: string;
  readonly isRemoved: boolean;
}

export type Frame = Hello | Refusal | PeerMessage | CallMessage;

const types = [
  ["hello", "refused", "preVote", "preVoteResp", "vote", "voteResp", "append", "appendResp"],
  ["heartbeat", "heartbeatResp", "readIndex", "readIndexResp", "timeoutNow", "repair", "repaired", "removed"],
  ["snapshotOffer", "snapshotChunk", "snapshotAck", "command", "answer", "relay"],
].flat() as readonly Frame["type"][];

const reasons: readonly CampaignReason[] = ["timeout", "linkdown", "transfer"];
const ackStates: readonly Extract<SnapshotMessage, { type: "snapshotAck" }>["state"][] = [
  "more",
  "again",
  "done",
  "broken",
];
const relaySteps: readonly RelayMessage["step"][] = [
  ...(["open", "opened", "refused", "chunk", "end", "ack", "close", "heard"] as const),
];
const protocol = 2;
const lanes: readonly Lane[] = ["log", "bulk", "call"];

interface Appended {
  readonly entries: readonly Entry[];
  readonly bytes: Uint8Array;
}

/** What goes to one follower mostly goes to the others as well: the last append's bytes are kept for them. */
export class Encoder {
  readonly #crypto: Crypto;
  #last: Appended = { entries: [], bytes: new Uint8Array() };

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  /** One after the other in one buffer. It may be handed out again: no one writes into it. */
  encode(frames: readonly Frame[]): Uint8Array {
    const pieces = frames.map((frame) => (frame.type === "append" ? this.#append(frame) : encodeSmall(frame)));
    return pieces.length === 1 ? (pieces[0] as Uint8Array) : concatBytes(pieces);
  }

  #append(message: Extract<Message, { type: "append" }>): Uint8Array {
    const { entries } = message;
    const fields = new Writer(64)
      .u32(0)
      .u8(types.indexOf("append"))
      .u48(message.term)
      .u48(message.prevIndex)
      .u48(message.prevTerm)
      .u48(message.commit)
      .u32(entries.length)
      .finish();
    let length = fields.length;
    for (const { payload } of entries) length += RECORD_HEADER_BYTES + payload.length;
    viewOf(fields).setUint32(0, length - 4);
    const last = this.#last;
    if (!isSameRun(last.entries, entries)) {
      const bytes = new Uint8Array(length);
      bytes.set(fields);
      this.#writeRecords(bytes, fields.length, entries);
      if (entries.length > 0) this.#last = { entries, bytes };
      return bytes;
    }
    if (equalBytes(last.bytes.subarray(0, fields.length), fields)) return last.bytes;
    const bytes = last.bytes.slice();
    bytes.set(fields);
    return bytes;
  }

  #writeRecords(bytes: Uint8Array, from: number, entries: readonly Entry[]): void {
    const view = viewOf(bytes);
    let at = from;
    for (const entry of entries) {
      writeRecord(this.#crypto, { bytes, view, at }, entry, true);
      at += RECORD_HEADER_BYTES + entry.payload.length;
    }
  }
}

/** Two pieces of one log without a gap: where both ends are the same, all of it is. */
function isSameRun(one: readonly Entry[], other: readonly Entry[]): boolean {
  return one.length > 0 && one.length === other.length && one[0] === other[0] && one.at(-1) === other.at(-1);
}

function encodeSmall(frame: Exclude<Frame, { type: "append" }>): Uint8Array {
  const writer = new Writer(64);
  writer.u32(0).u8(types.indexOf(frame.type));
  writeFields(writer, frame);
  const bytes = writer.finish();
  viewOf(bytes).setUint32(0, bytes.length - 4);
  return bytes;
}

function writeFields(writer: Writer, frame: Exclude<Frame, { type: "append" }>): void {
  switch (frame.type) {
    case "hello":
      writer.u8(protocol).string(frame.clusterId).u48(frame.memberId).u48(frame.incarnation);
      writer.u8(lanes.indexOf(frame.lane));
      return;
    case "refused":
      writer.string(frame.why).u8(frame.isRemoved ? 1 : 0);
      return;
    case "preVote":
      writer.u48(frame.term).u48(frame.nextTerm).u48(frame.lastIndex).u48(frame.lastTerm);
      writer.u8(reasons.indexOf(frame.reason));
      return;
    case "preVoteResp":
      writer
        .u48(frame.term)
        .u48(frame.forTerm)
        .u8(frame.granted ? 1 : 0);
      return;
    case "vote":
      writer.u48(frame.term).u48(frame.lastIndex).u48(frame.lastTerm).u8(reasons.indexOf(frame.reason));
      return;
    case "voteResp":
      writer.u48(frame.term).u8(frame.granted ? 1 : 0);
      return;
    case "appendResp":
      writer.u48(frame.term).u8(frame.outcome === "ok" ? 1 : 0);
      if (frame.outcome === "ok") writer.u48(frame.match);
      else writer.u48(frame.prevIndex).u48(frame.hintIndex).u48(frame.hintTerm);
      return;
    case "heartbeat":
      writer.u48(frame.term).u48(frame.commit).u48(frame.commitTerm);
      writer.u48(frame.readRound).f64(frame.sentAt).u48(frame.floor);
      return;
    case "heartbeatResp":
      writer.u48(frame.term).u48(frame.readRound).f64(frame.sentAt);
      return;
    case "readIndex":
      writer.u48(frame.term).u48(frame.id);
      return;
    case "readIndexResp":
      writer.u48(frame.term).u48(frame.id).u48(frame.index);
      return;
    case "repair":
      writer.u48(frame.term).u48(frame.nonce).u48(frame.lastIndex);
      return;
    case "repaired":
      writer.u48(frame.term).u48(frame.nonce).u48(frame.upTo);
      return;
    case "timeoutNow":
    case "removed":
      writer.u48(frame.term);
      return;
    case "snapshotOffer":
      writeId(writer.u48(frame.term), frame.id);
      return;
    case "snapshotChunk":
      writeId(writer.u48(frame.term), frame.id).u48(frame.offset).u32(frame.crc).bytes(frame.bytes);
      return;
    case "snapshotAck":
      writeId(writer.u48(frame.term), frame.id).u48(frame.offset).u8(ackStates.indexOf(frame.state));
      return;
    case "command":
      writer.u48(frame.term).u48(frame.incarnation).u48(frame.sequence).u48(frame.resultsUpTo).bytes(frame.body);
      return;
    case "answer":
      writer.u48(frame.term).u48(frame.incarnation).u48(frame.sequence).u48(frame.index).bytes(frame.body);
      return;
    case "relay":
      writer.u48(frame.incarnation).u48(frame.stream).u8(relaySteps.indexOf(frame.step));
      writer
        .u8(frame.toOrigin ? 1 : 0)
        .u8(frame.channel)
        .u48(frame.amount)
        .bytes(frame.body);
  }
}

function writeId(writer: Writer, id: SnapshotId): Writer {
  return writer.u48(id.index).u48(id.term).u48(id.sizeBytes).u32(id.crc);
}

/** `body`: all after the length, not shared with anyone: the entries' payloads are parts of it. Throws `InvariantError`. */
export function decode(crypto: Crypto, body: Uint8Array): Frame {
  const type = types[body[0] ?? 0xff];
  invariant(type !== undefined, "a frame is of a known type");
  const reader = new Reader(body.subarray(1));
  if (type === "append") return decodeAppend(crypto, body, reader);
  const frame = readFields(type, reader);
  reader.end();
  return frame;
}

function decodeAppend(crypto: Crypto, body: Uint8Array, reader: Reader): Frame {
  const fields = { term: reader.u48(), prevIndex: reader.u48(), prevTerm: reader.u48(), commit: reader.u48() };
  const count = reader.u32();
  const entries: Entry[] = [];
  const view = viewOf(body);
  let at = 1 + 4 * 6 + 4;
  for (let n = 0; n < count; n += 1) {
    const record = readRecord(crypto, body, at, view);
    invariant(record !== undefined, "an entry arrives as it was sent");
    entries.push(record.entry);
    at = record.nextAt;
  }
  invariant(at === body.length, "an append ends with its last entry");
  // The log writes them as they came.
  if (count > 0) keepsRecords(body.buffer);
  return { type: "append", ...fields, entries };
}

function readFields(type: Exclude<Frame["type"], "append">, reader: Reader): Frame {
  switch (type) {
    case "hello":
      invariant(reader.u8() === protocol, "the other member speaks the same protocol");
      return {
        type,
        clusterId: reader.string(),
        memberId: reader.u48(),
        incarnation: reader.u48(),
        lane: lanes[reader.u8()] ?? "log",
      };
    case "refused":
      return { type, why: reader.string(), isRemoved: reader.u8() === 1 };
    case "snapshotOffer":
    case "snapshotChunk":
    case "snapshotAck":
      return readSnapshot(type, reader.u48(), reader);
    case "command":
    case "answer":
      return readCall(type, reader);
    case "relay":
      return readRelay(reader);
    default:
      return readMessage(type, reader.u48(), reader);
  }
}

function readSnapshot(type: SnapshotMessage["type"], term: number, reader: Reader): SnapshotMessage {
  const id = { index: reader.u48(), term: reader.u48(), sizeBytes: reader.u48(), crc: reader.u32() };
  if (type === "snapshotOffer") return { type, term, id };
  const offset = reader.u48();
  if (type === "snapshotChunk") return { type, term, id, offset, crc: reader.u32(), bytes: reader.bytes() };
  return { type, term, id, offset, state: ackStates[reader.u8()] ?? "again" };
}

function readRelay(reader: Reader): RelayMessage {
  const [incarnation, stream] = [reader.u48(), reader.u48()];
  const step = relaySteps[reader.u8()];
  invariant(step !== undefined, "a step of a stream is a known one");
  const [toOrigin, channel, amount] = [reader.u8() === 1, reader.u8(), reader.u48()];
  return { type: "relay", incarnation, stream, step, toOrigin, channel, amount, body: reader.bytes() };
}

function readCall(type: CommandMessage["type"], reader: Reader): CommandMessage {
  const id = { term: reader.u48(), incarnation: reader.u48(), sequence: reader.u48() };
  const number = reader.u48();
  const body = reader.bytes();
  return type === "command" ? { type, ...id, resultsUpTo: number, body } : { type, ...id, index: number, body };
}

function readMessage(type: Exclude<Message["type"], "append">, term: number, reader: Reader): Message {
  switch (type) {
    case "preVote":
      return {
        type,
        term,
        nextTerm: reader.u48(),
        lastIndex: reader.u48(),
        lastTerm: reader.u48(),
        reason: reasons[reader.u8()] ?? "timeout",
      };
    case "preVoteResp":
      return { type, term, forTerm: reader.u48(), granted: reader.u8() === 1 };
    case "vote":
      return {
        type,
        term,
        lastIndex: reader.u48(),
        lastTerm: reader.u48(),
        reason: reasons[reader.u8()] ?? "timeout",
      };
    case "voteResp":
      return { type, term, granted: reader.u8() === 1 };
    case "appendResp":
      return reader.u8() === 1
        ? { type, term, outcome: "ok", match: reader.u48() }
        : {
            type,
            term,
            outcome: "reject",
            prevIndex: reader.u48(),
            hintIndex: reader.u48(),
            hintTerm: reader.u48(),
          };
    case "heartbeat":
      return {
        type,
        term,
        commit: reader.u48(),
        commitTerm: reader.u48(),
        readRound: reader.u48(),
        sentAt: reader.f64(),
        floor: reader.u48(),
      };
    case "heartbeatResp":
      return { type, term, readRound: reader.u48(), sentAt: reader.f64() };
    case "readIndex":
      return { type, term, id: reader.u48() };
    case "readIndexResp":
      return { type, term, id: reader.u48(), index: reader.u48() };
    case "repair":
      return { type, term, nonce: reader.u48(), lastIndex: reader.u48() };
    case "repaired":
      return { type, term, nonce: reader.u48(), upTo: reader.u48() };
    case "timeoutNow":
    case "removed":
      return { type, term };
  }
}

/** Cuts a stream of bytes into frames; each body is a copy of its own. */
export class FrameReader {
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;

  /** Calls `onFrame` for each whole frame. Throws `InvariantError` at one that is too long. */
  push(bytes: Uint8Array, onFrame: (body: Uint8Array) => void): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
    for (let length = this.#nextLength(); length !== undefined; length = this.#nextLength()) {
      invariant(length > 0 && length <= frameBytesMax, "a frame has a sensible length");
      if (this.#waitingBytes < 4 + length) return;
      onFrame(this.#take(4 + length).subarray(4));
    }
  }

  #nextLength(): number | undefined {
    if (this.#waitingBytes < 4) return undefined;
    const first = this.#waiting[0] as Uint8Array;
    if (first.length < 4) this.#waiting.unshift(this.#take(Math.min(this.#waitingBytes, 4), true));
    const head = this.#waiting[0] as Uint8Array;
    return viewOf(head).getUint32(0);
  }

  /** The next `length` bytes as a copy; `isKept`: they still count as waiting. */
  #take(length: number, isKept = false): Uint8Array {
    const out = new Uint8Array(length);
    let at = 0;
    while (at < length) {
      const piece = this.#waiting[0] as Uint8Array;
      const part = piece.subarray(0, length - at);
      out.set(part, at);
      at += part.length;
      if (part.length === piece.length) this.#waiting.shift();
      else this.#waiting[0] = piece.subarray(part.length);
    }
    if (!isKept) this.#waitingBytes -= length;
    return out;
  }
}
