/**
 * DNS messages (RFC 1035, EDNS0 RFC 6891): a bounded decoder of what a stranger sends and an encoder
 * of what we answer. Pure. Names are lists of labels joined by dots, without the final dot; letter
 * case is kept (clients mix it on purpose and compare).
 */

export const types: {
  readonly A: 1;
  readonly NS: 2;
  readonly CNAME: 5;
  readonly SOA: 6;
  readonly PTR: 12;
  readonly HINFO: 13;
  readonly TXT: 16;
  readonly AAAA: 28;
  readonly SRV: 33;
  readonly OPT: 41;
  readonly AXFR: 252;
  readonly ANY: 255;
} = { A: 1, NS: 2, CNAME: 5, SOA: 6, PTR: 12, HINFO: 13, TXT: 16, AAAA: 28, SRV: 33, OPT: 41, AXFR: 252, ANY: 255 };

export const codes: {
  readonly ok: 0;
  readonly formatError: 1;
  readonly serverFailure: 2;
  readonly nameError: 3;
  readonly notImplemented: 4;
  readonly refused: 5;
  readonly badVersion: 16;
} = { ok: 0, formatError: 1, serverFailure: 2, nameError: 3, notImplemented: 4, refused: 5, badVersion: 16 };

export const classIn = 1;
const nameBytesMax = 255;
const labelsMax = 127;
const jumpsMax = 10;
/** Larger answers over UDP are fragmented on some paths (DNS flag day 2020). */
const udpBytesMax = 1_232;
const udpBytesPlain = 512;

export interface Question {
  readonly name: string;
  readonly type: number;
  readonly class: number;
}

export interface Edns {
  readonly version: number;
  readonly udpBytes: number;
  readonly dnssecOk: boolean;
}

export interface Query {
  readonly id: number;
  readonly opcode: number;
  readonly recursionDesired: boolean;
  readonly checkingDisabled: boolean;
  readonly question: Question;
  readonly edns: Edns | undefined;
}

export type RecordData =
  | { readonly type: 1; readonly address: string }
  | { readonly type: 28; readonly address: string }
  | { readonly type: 2 | 5 | 12; readonly target: string }
  | {
      readonly type: 33;
      readonly priority: number;
      readonly weight: number;
      readonly port: number;
      readonly target: string;
    }
  | { readonly type: 16; readonly text: string }
  | { readonly type: 13; readonly cpu: string; readonly os: string }
  | {
      readonly type: 6;
      readonly primary: string;
      readonly mailbox: string;
      readonly serial: number;
      readonly refresh: number;
      readonly retry: number;
      readonly expire: number;
      readonly minimum: number;
    };

export interface ResourceRecord {
  readonly name: string;
  /** Seconds. */
  readonly ttl: number;
  readonly data: RecordData;
}

export interface Answer {
  readonly code: number;
  readonly authoritative: boolean;
  readonly answers: readonly ResourceRecord[];
  readonly authority?: readonly ResourceRecord[];
  readonly additional?: readonly ResourceRecord[];
}

/** What is wrong with a message; `id` lets a format error be answered, without it the message is dropped. */
export interface Malformed {
  readonly id: number | undefined;
  readonly code: number;
}

export function isMalformed(query: Query | Malformed): query is Malformed {
  return "code" in query;
}

/** Decodes a query with exactly one question. A response (QR=1) or less than a header is dropped: `id` undefined. */
export function decodeQuery(bytes: Uint8Array): Query | Malformed {
  if (bytes.length < 12) return { id: undefined, code: codes.formatError };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const id = view.getUint16(0);
  const flags = view.getUint16(2);
  if ((flags & 0x8000) !== 0) return { id: undefined, code: codes.formatError };
  const opcode = (flags >> 11) & 15;
  if (opcode !== 0) return { id, code: codes.notImplemented };
  const counts = {
    questions: view.getUint16(4),
    others: view.getUint16(6) + view.getUint16(8),
    more: view.getUint16(10),
  };
  if (counts.questions !== 1 || counts.others !== 0) return { id, code: codes.formatError };
  try {
    const named = readName(bytes, 12);
    const type = view.getUint16(named.end);
    const question: Question = { name: named.name, type, class: view.getUint16(named.end + 2) };
    const edns = readEdns(bytes, named.end + 4, counts.more);
    return {
      id,
      opcode,
      recursionDesired: (flags & 0x0100) !== 0,
      checkingDisabled: (flags & 0x0010) !== 0,
      question,
      edns,
    };
  } catch (error) {
    // The views above throw RangeError at the end of the message; that is the bound, not an accident.
    if (error instanceof RangeError) return { id, code: codes.formatError };
    throw error;
  }
}

function readEdns(bytes: Uint8Array, start: number, count: number): Edns | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = start;
  let edns: Edns | undefined;
  for (let index = 0; index < count; index += 1) {
    const named = readName(bytes, at);
    const type = view.getUint16(named.end);
    if (type === types.OPT) {
      if (edns !== undefined || named.name !== "") throw new RangeError("one OPT record at the root");
      edns = {
        udpBytes: view.getUint16(named.end + 2),
        version: view.getUint8(named.end + 5),
        dnssecOk: (view.getUint16(named.end + 6) & 0x8000) !== 0,
      };
    }
    at = named.end + 10 + view.getUint16(named.end + 8);
    if (at > bytes.length) throw new RangeError("a record ends behind the message");
  }
  return edns;
}

/** Reads a name at `start`; pointers go backwards only, ten at most. Throws RangeError. */
export function readName(bytes: Uint8Array, start: number): { readonly name: string; readonly end: number } {
  const labels: string[] = [];
  let at = start;
  let end = -1;
  let jumps = 0;
  let length = 0;
  for (;;) {
    const size = bytes[at];
    if (size === undefined) throw new RangeError("a name ends behind the message");
    if ((size & 0xc0) === 0xc0) {
      const target = ((size & 0x3f) << 8) | (bytes[at + 1] ?? 0);
      if (end === -1) end = at + 2;
      jumps += 1;
      if (target >= at || jumps > jumpsMax) throw new RangeError("a pointer must go back");
      at = target;
      continue;
    }
    if ((size & 0xc0) !== 0) throw new RangeError("unknown label type");
    if (size === 0) return { name: labels.join("."), end: end === -1 ? at + 1 : end };
    length += size + 1;
    if (length > nameBytesMax || labels.length >= labelsMax || at + 1 + size > bytes.length) {
      throw new RangeError("a name is too long");
    }
    labels.push(String.fromCharCode(...bytes.subarray(at + 1, at + 1 + size)));
    at += size + 1;
  }
}

/** How many bytes the answer to this query may have over UDP. */
export function udpLimit(query: Query): number {
  return query.edns === undefined ? udpBytesPlain : Math.min(Math.max(query.edns.udpBytes, udpBytesPlain), udpBytesMax);
}

export function encodeAnswer(query: Query, answer: Answer, limitBytes: number): Uint8Array {
  const whole = encode(query, answer, false);
  if (whole.length <= limitBytes) return whole;
  // Too big: an empty answer with TC makes the client ask again over TCP.
  return encode(query, { ...answer, answers: [], authority: [], additional: [] }, true);
}

/** An empty answer with TC: ask again over TCP. */
export function encodeTruncated(query: Query): Uint8Array {
  return encode(query, { code: codes.ok, authoritative: false, answers: [] }, true);
}

/** The answer to something that could not be read: header only. */
export function encodeRefusal(id: number, code: number): Uint8Array {
  const writer = new Writer();
  writer.u16(id);
  writer.u16(0x8000 | (code & 15));
  for (let index = 0; index < 4; index += 1) writer.u16(0);
  return writer.done();
}

function encode(query: Query, answer: Answer, truncated: boolean): Uint8Array {
  const writer = new Writer();
  const opt = query.edns === undefined ? 0 : 1;
  const recursion = query.recursionDesired ? 0x0100 : 0;
  const flags =
    0x8080 | recursion | (answer.authoritative ? 0x0400 : 0) | (truncated ? 0x0200 : 0) | (answer.code & 15);
  writer.u16(query.id);
  writer.u16(flags);
  writer.u16(1);
  writer.u16(answer.answers.length);
  writer.u16(answer.authority?.length ?? 0);
  writer.u16((answer.additional?.length ?? 0) + opt);
  writer.name(query.question.name);
  writer.u16(query.question.type);
  writer.u16(query.question.class);
  for (const record of [...answer.answers, ...(answer.authority ?? []), ...(answer.additional ?? [])])
    writer.record(record);
  if (opt === 1) writer.opt(answer.code >> 4, query.edns?.dnssecOk === true);
  return writer.done();
}

/** A query of our own for an upstream server; `id` is random, the question's letters as the client wrote them. */
export function encodeQuery(
  id: number,
  question: Question,
  edns: { readonly dnssecOk: boolean } | undefined,
): Uint8Array {
  const writer = new Writer();
  writer.u16(id);
  writer.u16(0x0100);
  writer.u16(1);
  writer.u16(0);
  writer.u16(0);
  writer.u16(edns === undefined ? 0 : 1);
  writer.name(question.name);
  writer.u16(question.type);
  writer.u16(question.class);
  if (edns !== undefined) writer.opt(0, edns.dnssecOk);
  return writer.done();
}

class Writer {
  #bytes = new Uint8Array(512);
  #length = 0;
  /** Offsets of names already written, lower case, for compression. */
  readonly #names = new Map<string, number>();

  u8(value: number): void {
    this.#room(1);
    this.#bytes[this.#length] = value;
    this.#length += 1;
  }

  u16(value: number): void {
    this.u8(value >> 8);
    this.u8(value & 0xff);
  }

  u32(value: number): void {
    this.u16(value >>> 16);
    this.u16(value & 0xffff);
  }

  name(name: string): void {
    let rest = name;
    while (rest !== "") {
      const known = this.#names.get(rest.toLowerCase());
      if (known !== undefined) return this.u16(0xc000 | known);
      if (this.#length < 0x4000) this.#names.set(rest.toLowerCase(), this.#length);
      const dot = rest.indexOf(".");
      this.#text(dot === -1 ? rest : rest.slice(0, dot));
      rest = dot === -1 ? "" : rest.slice(dot + 1);
    }
    this.u8(0);
  }

  record({ name, ttl, data }: ResourceRecord): void {
    this.name(name);
    this.u16(data.type);
    this.u16(classIn);
    this.u32(ttl);
    const at = this.#length;
    this.u16(0);
    this.#data(data);
    const size = this.#length - at - 2;
    this.#bytes[at] = size >> 8;
    this.#bytes[at + 1] = size & 0xff;
  }

  /** The EDNS0 pseudo-record: our UDP size, the upper bits of the code. */
  opt(codeHigh: number, dnssecOk: boolean): void {
    this.u8(0);
    this.u16(types.OPT);
    this.u16(udpBytesMax);
    this.u8(codeHigh);
    this.u8(0);
    this.u16(dnssecOk ? 0x8000 : 0);
    this.u16(0);
  }

  #data(data: RecordData): void {
    switch (data.type) {
      case types.A:
        for (const part of data.address.split(".")) this.u8(Number(part));
        return;
      case types.AAAA:
        for (const group of expandIpv6(data.address)) this.u16(group);
        return;
      case types.NS:
      case types.CNAME:
      case types.PTR:
        return this.name(data.target);
      case types.SRV:
        this.u16(data.priority);
        this.u16(data.weight);
        this.u16(data.port);
        return this.name(data.target);
      case types.TXT:
        return this.#text(data.text);
      case types.HINFO:
        this.#text(data.cpu);
        return this.#text(data.os);
      case types.SOA:
        this.name(data.primary);
        this.name(data.mailbox);
        for (const value of [data.serial, data.refresh, data.retry, data.expire, data.minimum]) this.u32(value);
        return;
    }
  }

  #text(text: string): void {
    this.u8(text.length);
    for (let index = 0; index < text.length; index += 1) this.u8(text.charCodeAt(index));
  }

  #room(count: number): void {
    if (this.#length + count <= this.#bytes.length) return;
    const larger = new Uint8Array(this.#bytes.length * 2);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  done(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }
}

/** `fd00::1` → its eight groups. */
export function expandIpv6(address: string): readonly number[] {
  const [head = "", tail] = address.split("::");
  const groups = (text: string): number[] =>
    text === "" ? [] : text.split(":").map((group) => Number.parseInt(group, 16));
  const left = groups(head);
  const right = tail === undefined ? [] : groups(tail);
  return [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right];
}
