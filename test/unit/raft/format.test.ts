import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { encodeBatch } from "../../../src/raft/batch.ts";
import { decodeConfig, encodeConfig } from "../../../src/raft/core/config.ts";
import type { Config, Entry } from "../../../src/raft/core/types.ts";
import {
  SEGMENT_HEADER_BYTES,
  decodeSegmentHeader,
  encodeSegmentHeader,
  readBatchHeader,
  readRecord,
  viewOf,
  writeRecord,
} from "../../../src/raft/format.ts";
import { createSnapshotFiles } from "../../../src/raft/snapshot.ts";
import { Encoder, FrameReader, decode } from "../../../src/raft/wire.ts";
import type { Frame } from "../../../src/raft/wire.ts";
import { createSimDisk } from "../../../src/sim/disk.ts";
import { concatBytes, fromHex, toHex, utf8 } from "../../../src/util/bytes.ts";
import { createRng } from "./support/rng.ts";

/** Frozen layouts: `test/golden/raft/*.hex`. `TROUPE_REWRITE=1` writes them; a difference is a new format number. */
const folder = join(import.meta.dirname, "..", "..", "..", "..", "test", "golden", "raft");

function golden(name: string, bytes: Uint8Array): Uint8Array {
  const path = join(folder, `${name}.hex`);
  const lines = (toHex(bytes).match(/.{1,64}/g) ?? []).join("\n");
  if (process.env["TROUPE_REWRITE"] === "1") writeFileSync(path, `${lines}\n`);
  return fromHex(readFileSync(path, "utf8").replaceAll("\n", ""));
}

const entry: Entry = { index: 0x0102_0304_0506, term: 7, kind: "normal", payload: utf8("troupe") };
const config: Config = {
  incoming: [1, 2],
  outgoing: [1, 3],
  learners: [4],
  learnersNext: [3],
  autoLeave: true,
  directory: [],
  removed: [],
};

test("a batch of one entry: header, record, padding", (t) => {
  const batch = { seq: 1, hardState: { term: 7, votedFor: 9 }, truncateFrom: 3, entries: [entry], mark: undefined };
  const { slices, lengthBytes } = encodeBatch(realCrypto, batch, { segment: 2, seq: 5, previousCrc: 0xdeadbeef });
  const bytes = concatBytes(slices);
  t.is(lengthBytes, 512);
  t.deepEqual(toHex(bytes.subarray(0, 94)), toHex(golden("batch", bytes.subarray(0, 94))));
  t.true(bytes.subarray(94).every((byte) => byte === 0));
  const header = readBatchHeader(realCrypto, bytes, 0);
  t.like(header, {
    lengthBytes: 94,
    segment: 2,
    seq: 5,
    kind: "entries",
    count: 1,
    truncateFrom: 3,
    firstIndex: entry.index,
    hardState: { term: 7, votedFor: 9 },
  });
});

test("an entry record, as it lies in the log and travels", (t) => {
  const bytes = new Uint8Array(30);
  const crc = writeRecord(realCrypto, { bytes, view: viewOf(bytes), at: 0 }, entry, true);
  t.is(toHex(bytes), toHex(golden("record", bytes)));
  t.deepEqual(readRecord(realCrypto, bytes, 0)?.entry, entry);
  const apart = new Uint8Array(30);
  t.is(writeRecord(realCrypto, { bytes: apart, view: viewOf(apart), at: 0 }, entry, false), crc);
});

test("entries that came in a frame are written as they came, and the batch is the same", (t) => {
  const sizes = [3, 0, 700, 20_000, 1, 16_384, 16_385, 512];
  const payload = (length: number): Uint8Array => new Uint8Array(length).map((_, at) => (at * 7 + length) % 251);
  const own = sizes.map((size, at): Entry => ({ index: at + 5, term: 3, kind: "normal", payload: payload(size) }));
  const received = (entries: readonly Entry[]): readonly Entry[] => {
    const frame = new Encoder(realCrypto).encode([
      { type: "append", term: 3, prevIndex: 4, prevTerm: 3, commit: 2, entries },
    ]);
    const decoded: Frame[] = [];
    new FrameReader().push(frame, (body) => decoded.push(decode(realCrypto, body)));
    return decoded[0]?.type === "append" ? decoded[0].entries : [];
  };
  const encoded = (entries: readonly Entry[]): readonly Uint8Array[] => {
    const batch = { seq: 1, hardState: { term: 3, votedFor: 1 }, truncateFrom: 0, entries, mark: undefined };
    return encodeBatch(realCrypto, batch, { segment: 1, seq: 1, previousCrc: 9 }).slices;
  };
  const wanted = toHex(concatBytes(encoded(own)));
  const all = received(own);
  t.is(encoded(all).length, 3, "header, the frame's records, padding");
  t.is(toHex(concatBytes(encoded(all))), wanted);
  for (let from = 0; from < own.length; from += 1) {
    const mixed = [...own.slice(0, from), ...received(own.slice(from, from + 2)), ...received(own.slice(from + 2))];
    t.is(toHex(concatBytes(encoded(mixed))), wanted, `from ${from}`);
    const apart = [...received(own.slice(0, from)), ...own.slice(from, from + 1), ...received(own.slice(from + 1))];
    t.is(toHex(concatBytes(encoded(apart))), wanted, `but ${from}`);
  }
  // A part of such memory that is another entry's payload has no record in front of it.
  const borrowed = { ...all[3]!, payload: all[3]!.payload.subarray(0, 16_384) };
  const plain = { ...borrowed, payload: borrowed.payload.slice() };
  t.is(toHex(concatBytes(encoded([borrowed]))), toHex(concatBytes(encoded([plain]))));
  const elsewhere = { ...all[2]!, index: 1 };
  const copied = { ...elsewhere, payload: elsewhere.payload.slice() };
  t.is(toHex(concatBytes(encoded([elsewhere]))), toHex(concatBytes(encoded([copied]))));
});

test("a snapshot mark", (t) => {
  const batch = {
    seq: 0,
    hardState: { term: 7, votedFor: 9 },
    truncateFrom: 0,
    entries: [],
    mark: { index: 40, term: 6 },
  };
  const { slices } = encodeBatch(realCrypto, batch, { segment: 2, seq: 6, previousCrc: 1 });
  const bytes = concatBytes(slices).subarray(0, 76);
  t.is(toHex(bytes), toHex(golden("mark", bytes)));
});

test("a segment header", (t) => {
  const header = {
    clusterId: "7e57ab1e-0000-4000-8000-000000000001",
    memberId: 9,
    segment: 2,
    firstBatch: 5,
    previousCrc: 0xdeadbeef,
    hardState: { term: 7, votedFor: 9 },
    mark: { index: 40, term: 6 },
  };
  const bytes = encodeSegmentHeader(realCrypto, header);
  t.is(bytes.length, SEGMENT_HEADER_BYTES);
  t.is(toHex(bytes.subarray(0, 130)), toHex(golden("segment", bytes.subarray(0, 130))));
  t.deepEqual(decodeSegmentHeader(realCrypto, bytes), header);
});

test("a configuration", (t) => {
  t.is(toHex(encodeConfig(config)), toHex(golden("config", encodeConfig(config))));
  t.deepEqual(decodeConfig(encodeConfig(config)), config);
});

test("a configuration with a directory and removed ids", (t) => {
  const full: Config = {
    ...config,
    directory: [
      { id: 1, address: "10.0.0.1:6445", isReader: false },
      { id: 4, address: "m4.example:6445", isReader: true },
    ],
    removed: [5, 6],
  };
  t.is(toHex(encodeConfig(full)), toHex(golden("config-members", encodeConfig(full))));
  t.deepEqual(decodeConfig(encodeConfig(full)), full);
});

test("a snapshot of one block, and any flipped bit of it is found", async (t) => {
  const disk = createSimDisk({ rng: createRng(1) });
  const lines: string[] = [];
  const log = (_level: string, event: string): number => lines.push(event);
  const files = createSnapshotFiles({ disk, crypto: realCrypto, log });
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    yield utf8("rows ");
    yield utf8("of bytes");
  };
  await files.write({ index: 40, term: 6, config, digest: { a: 1, b: 2 } }, chunks());
  const path = `snap/${(await disk.list("snap"))[0]}`;
  const bytes = await disk.read(path);
  t.is(toHex(bytes), toHex(golden("snapshot", bytes)));
  const opened = await files.openNewest();
  t.deepEqual(opened?.meta, { index: 40, term: 6, config, digest: { a: 1, b: 2 } });
  // Bytes 5 to 7 of a block header are reserved, but under the crc as well.
  for (let bit = 0; bit < bytes.length * 8; bit += 3) {
    disk.flipBit(path, bit);
    t.is(await files.openNewest(), undefined, `bit ${bit}`);
    disk.flipBit(path, bit);
  }
  t.true(lines.every((line) => line === "snapshot-broken"));
});

test("a snapshot cut at any byte is not used, and the older one is", async (t) => {
  const disk = createSimDisk({ rng: createRng(1) });
  const files = createSnapshotFiles({ disk, crypto: realCrypto, log: () => undefined });
  const chunks = async function* (): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(600_000).fill(7);
  };
  await files.write({ index: 1, term: 1, config, digest: { a: 0, b: 0 } }, chunks());
  await files.write({ index: 2, term: 1, config, digest: { a: 0, b: 0 } }, chunks());
  const newest = await files.openNewest();
  t.is(newest?.meta.index, 2);
  let length = 0;
  for await (const chunk of newest?.chunks() ?? []) {
    t.true(chunk.length <= 262_144);
    length += chunk.length;
  }
  t.is(length, 600_000);
  const path = `snap/${(await disk.list("snap"))[1]}`;
  const whole = await disk.read(path);
  for (const cutAt of [0, 10, 20, 300_000, whole.length - 1]) {
    const file = await disk.open(path, "create");
    await file.write(0, [whole.subarray(0, cutAt)]);
    t.is((await files.openNewest())?.meta.index, 1, `cut at ${cutAt}`);
  }
});
