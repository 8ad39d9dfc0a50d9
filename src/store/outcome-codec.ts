import { Reader, Writer } from "../util/bytes.ts";
import { invariant } from "../util/errors.ts";
import type { Cause, CommandId, Outcome, OutboxMessage, RowWrite, SystemTable, SystemWrite } from "./outcome.ts";

/**
 * The binary form of an outcome: payload of a normal log entry. Equal bytes on every member; golden
 * bytes freeze the layout. A change of layout is a new format number, and old ones stay readable
 * for as long as a log may hold them.
 */

const outcomeFormat = 1;
/** Several groups may share log batches and frames one day; until then there is group 0 only. */
const groupId = 0;

const origins: readonly Cause["origin"][] = ["user", "plan", "timer", "node", "system"];

/** Position = number in outcomes and snapshots. Append only. */
export const systemTables: readonly SystemTable[] = [
  "timer",
  "outbox",
  "result",
  "dead-letter",
  "quarantine",
  "floor",
  "identity",
];

const putOp = 1;
const deleteOp = 2;
const absent = 0;
const present = 1;

export function encodeOutcome(outcome: Outcome): Uint8Array {
  const out = new Writer(sizeHint(outcome));
  out.u8(outcomeFormat).varint(groupId);
  const { member, incarnation, sequence, resultsUpTo } = outcome.command;
  out.varint(member).varint(incarnation).varint(sequence).varint(resultsUpTo);
  out.f64(outcome.now);
  out.u8(origins.indexOf(outcome.cause.origin));
  out.string(outcome.cause.actor).string(outcome.cause.event);
  out.u32(outcome.digest.a).u32(outcome.digest.b);
  out.varint(outcome.firstRevision);
  out.varint(outcome.writes.length);
  for (const write of outcome.writes) encodeWrite(out, write);
  out.varint(outcome.system.length);
  for (const write of outcome.system) encodeSystemWrite(out, write);
  out.varint(outcome.messages.length);
  for (const message of outcome.messages) {
    out.string(message.target).string(message.key).string(message.id).bytes(message.body);
  }
  out.varint(outcome.reply.code).varint(outcome.reply.revision);
  return out.finish();
}

/** Row and message bytes are views on `payload`. */
export function decodeOutcome(payload: Uint8Array): Outcome {
  const from = new Reader(payload);
  invariant(from.u8() === outcomeFormat, "an outcome has a known format");
  invariant(from.varint() === groupId, "an outcome belongs to group 0");
  const command = decodeCommand(from);
  const now = from.f64();
  const cause = decodeCause(from);
  const digest = { a: from.u32(), b: from.u32() };
  const firstRevision = from.varint();
  const writes = many(from, decodeWrite);
  const system = many(from, decodeSystemWrite);
  const messages = many(from, decodeMessage);
  const reply = { code: from.varint(), revision: from.varint() };
  from.end();
  return { command, now, cause, digest, firstRevision, writes, system, messages, reply };
}

function encodeWrite(out: Writer, write: RowWrite): void {
  out.u8(write.op === "put" ? putOp : deleteOp);
  out.string(write.kind).string(write.namespace).string(write.name).varint(write.expected);
  if (write.op === "put") out.bytes(write.row);
}

function decodeWrite(from: Reader): RowWrite {
  const op = from.u8();
  invariant(op === putOp || op === deleteOp, "a row write is a put or a delete");
  const kind = from.string();
  const namespace = from.string();
  const name = from.string();
  const expected = from.varint();
  const place = { kind, namespace, name, expected };
  return op === putOp ? { op: "put", ...place, row: from.bytes() } : { op: "delete", ...place };
}

function encodeSystemWrite(out: Writer, write: SystemWrite): void {
  out.u8(systemTables.indexOf(write.table)).string(write.key);
  if (write.value === undefined) out.u8(absent);
  else out.u8(present).string(write.value);
}

function decodeSystemWrite(from: Reader): SystemWrite {
  const table = systemTables[from.u8()];
  invariant(table !== undefined, "a system write names a known table");
  const key = from.string();
  return from.u8() === absent ? { table, key } : { table, key, value: from.string() };
}

function decodeCommand(from: Reader): CommandId {
  const member = from.varint();
  const incarnation = from.varint();
  const sequence = from.varint();
  return { member, incarnation, sequence, resultsUpTo: from.varint() };
}

function decodeCause(from: Reader): Cause {
  const origin = origins[from.u8()];
  invariant(origin !== undefined, "a cause has a known origin");
  const actor = from.string();
  return { origin, actor, event: from.string() };
}

function decodeMessage(from: Reader): OutboxMessage {
  const target = from.string();
  const key = from.string();
  const id = from.string();
  return { target, key, id, body: from.bytes() };
}

function many<T>(from: Reader, decode: (from: Reader) => T): readonly T[] {
  const count = from.varint();
  invariant(count <= from.left, "a count does not promise more than there are bytes");
  const all: T[] = [];
  for (let i = 0; i < count; i++) all.push(decode(from));
  return all;
}

/** So that a large outcome is not grown into step by step. */
function sizeHint(outcome: Outcome): number {
  let bytes = 256;
  for (const write of outcome.writes) {
    bytes += 96 + write.namespace.length + write.name.length;
    if (write.op === "put") bytes += write.row.length;
  }
  for (const write of outcome.system) {
    bytes += 16 + write.key.length + (write.value?.length ?? 0);
  }
  for (const message of outcome.messages) bytes += 96 + message.body.length;
  return bytes;
}
