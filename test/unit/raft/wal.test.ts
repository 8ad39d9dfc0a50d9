import test from "ava";
import { createSimDisk } from "../../../src/sim/disk.ts";
import type { SimDisk } from "../../../src/sim/disk.ts";
import { BATCH_HEADER_BYTES, SEGMENT_HEADER_BYTES } from "../../../src/raft/format.ts";
import type { Entry } from "../../../src/raft/core/types.ts";
import { UserError } from "../../../src/util/errors.ts";
import { createRng } from "./support/rng.ts";
import { entry, openTestWal, persist, settle, shape } from "./support/log.ts";
import type { TestWal } from "./support/log.ts";

const first = "wal/000000000001.seg";
const newDisk = (seed = 1): SimDisk => createSimDisk({ rng: createRng(seed) });

/** Three batches of one sector each; the log is left as a killed process leaves it. */
async function threeBatches(disk: SimDisk, payload = "x"): Promise<TestWal> {
  const opened = await openTestWal(disk);
  for (let n = 1; n <= 3; n += 1) {
    opened.wal.append(persist(n, [entry(n, 1, payload)]));
    await settle();
  }
  return opened;
}

test("what was durable before a crash is there after it, with hard state and payloads", async (t) => {
  const disk = newDisk();
  const before = await openTestWal(disk);
  t.is(before.content.entries.length, 0);
  before.wal.append(persist(1, [entry(1, 1), entry(2, 1)]));
  before.wal.append(persist(2, [entry(3, 2, "y".repeat(5_000))], { hardState: { term: 3, votedFor: 9 } }));
  await settle();
  t.deepEqual(before.durable, [2]);
  disk.crash();
  const after = await openTestWal(disk);
  t.is(shape(after.content.entries), "1@1 2@1 3@2");
  t.is(after.content.entries[2]?.payload.length, 5_000);
  t.deepEqual(after.content.hardState, { term: 3, votedFor: 9 });
  t.is(after.content.tail, "clean");
});

test("a payload too large to be copied is written from where it lies and read back", async (t) => {
  const disk = newDisk();
  const before = await openTestWal(disk, { segmentBytes: 1_048_576 });
  before.wal.append(persist(1, [entry(1, 1, "a"), entry(2, 1, "b".repeat(40_000)), entry(3, 1, "c")]));
  await settle();
  disk.crash();
  const after = await openTestWal(disk, { segmentBytes: 1_048_576 });
  t.deepEqual(
    after.content.entries.map(({ payload }) => payload.length),
    [1, 40_000, 1],
  );
});

test("all that arrives in one turn, or while a write is under way, shares one write", async (t) => {
  let writes = 0;
  let release: (() => void)[] = [];
  let isSlow = false;
  const disk = createSimDisk({
    rng: createRng(1),
    pace: (operation) => {
      if (operation === "write") writes += 1;
      return isSlow ? new Promise((resolve) => release.push(resolve)) : Promise.resolve();
    },
  });
  const { wal, durable } = await openTestWal(disk, { firstZeroFillBytes: 12_000 });
  isSlow = true;
  writes = 0;
  for (let n = 1; n <= 5; n += 1) wal.append(persist(n, [entry(n, 1)]));
  await settle();
  t.is(writes, 1);
  for (let n = 6; n <= 9; n += 1) wal.append(persist(n, [entry(n, 1)]));
  await settle();
  t.is(writes, 1, "one write outstanding");
  t.deepEqual(durable, []);
  for (let round = 0; round < 2; round += 1) {
    const waiting = release;
    release = [];
    for (const run of waiting) run();
    await settle();
  }
  t.is(writes, 2);
  t.deepEqual(durable, [5, 9]);
});

test("entries that are cut off before they were written never reach the disk", async (t) => {
  const disk = newDisk();
  const { wal, durable } = await openTestWal(disk);
  wal.append(persist(1, [entry(1, 1), entry(2, 1), entry(3, 1)]));
  wal.append(persist(2, [entry(2, 2), entry(3, 2)], { truncateFrom: 2 }));
  await settle();
  wal.append(persist(3, [entry(3, 3)], { truncateFrom: 3 }));
  await settle();
  t.deepEqual(durable, [2, 3]);
  disk.crash();
  const { content } = await openTestWal(disk);
  t.is(shape(content.entries), "1@1 2@2 3@3");
});

test("segments follow each other, and each repeats hard state and mark", async (t) => {
  const disk = newDisk();
  const { wal } = await openTestWal(disk);
  for (let n = 1; n <= 40; n += 1) {
    wal.append(persist(n, [entry(n, 2, "z".repeat(1_000))], { hardState: { term: 2, votedFor: 5 } }));
    await settle();
  }
  const segments = (await disk.list("wal")).filter((name) => name.endsWith(".seg"));
  t.true(segments.length >= 4);
  await wal.writeMark({ index: 30, term: 2 });
  await wal.release(30);
  const kept = (await disk.list("wal")).filter((name) => name.endsWith(".seg"));
  t.true(kept.length < segments.length);
  disk.crash();
  const { content } = await openTestWal(disk);
  t.deepEqual(content.mark, { index: 30, term: 2 });
  t.true((content.entries[0]?.index ?? 99) <= 31);
  t.is(content.entries.at(-1)?.index, 40);
  t.deepEqual(content.hardState, { term: 2, votedFor: 5 });
});

test("a recycled segment never shows what it held before", async (t) => {
  const disk = newDisk();
  const { wal } = await openTestWal(disk);
  let index = 0;
  for (let round = 1; round <= 6; round += 1) {
    for (let n = 0; n < 12; n += 1) {
      index += 1;
      wal.append(persist(index, [entry(index, round, "r".repeat(1_000))]));
      await settle();
    }
    await wal.writeMark({ index, term: round });
    await wal.release(index);
    await settle();
  }
  disk.crash();
  const { content } = await openTestWal(disk);
  t.is(content.entries.at(-1)?.index, index);
  t.is(content.mark.index, index);
});

test("a batch with a broken body at the very end is cut, and its last index stays in doubt", async (t) => {
  const disk = newDisk();
  await threeBatches(disk);
  const last = SEGMENT_HEADER_BYTES + 2 * 512;
  disk.flipBit(first, (last + BATCH_HEADER_BYTES + 24) * 8);
  const { content } = await openTestWal(disk);
  t.is(shape(content.entries), "1@1 2@1");
  t.is(content.tail, "unsure");
  t.is(content.doubtUpTo, 3);
});

test("damage in the middle is named, and nothing is cut off", async (t) => {
  const disk = newDisk();
  await threeBatches(disk);
  disk.flipBit(first, (SEGMENT_HEADER_BYTES + 512 + BATCH_HEADER_BYTES + 24) * 8);
  const stored = await disk.read(first);
  const error = await t.throwsAsync(openTestWal(disk), { instanceOf: UserError });
  t.is((error as UserError).code, "TRP-0201");
  t.regex(error?.message ?? "", /000000000001\.seg at byte 4608: batch 2 is broken/);
  t.deepEqual(await disk.read(first), stored);
});

test("a change of members behind the damage still tells whether others may repair the log", async (t) => {
  const disk = newDisk();
  const opened = await openTestWal(disk);
  const change: Entry = { index: 3, term: 1, kind: "config", payload: Uint8Array.of(9) };
  for (const [n, one] of [entry(1, 1), entry(2, 1), change, entry(4, 1)].entries()) {
    opened.wal.append(persist(n + 1, [one]));
    await settle();
  }
  disk.flipBit(first, (SEGMENT_HEADER_BYTES + 512 + BATCH_HEADER_BYTES + 24) * 8);
  const asked: unknown[] = [];
  const { content } = await openTestWal(disk, {
    mayRepair: ({ entries, beyond }) => asked.push(entries.length, beyond) > 0,
  });
  t.deepEqual(asked, [1, [change]]);
  t.is(shape(content.entries), "1@1", "it is a hint, and no part of the log");
});

test("every sector of a three-batch tail, blank or bent or old, gives the right verdict", async (t) => {
  for (let sector = 0; sector < 3; sector += 1) {
    for (const kind of ["blank", "bent", "old"] as const) {
      const disk = newDisk();
      await threeBatches(disk);
      const at = SEGMENT_HEADER_BYTES + sector * 512;
      if (kind === "blank") disk.overwrite(first, at, new Uint8Array(512));
      if (kind === "bent") disk.flipBit(first, (at + 9) * 8);
      if (kind === "old") disk.overwrite(first, at, (await disk.read(first)).slice(at - 512, at));
      const label = `${kind} sector ${sector}`;
      if (sector < 2 || kind === "old") {
        await t.throwsAsync(openTestWal(disk), { instanceOf: UserError }, label);
      } else {
        const { content } = await openTestWal(disk);
        t.is(shape(content.entries), "1@1 2@1", label);
        t.is(content.tail, kind === "blank" ? "clean" : "torn", label);
      }
    }
  }
});

test("a batch that is gone is damage also where the write behind it is torn: that was begun once this was durable", async (t) => {
  const disk = newDisk();
  await threeBatches(disk);
  disk.overwrite(first, SEGMENT_HEADER_BYTES + 512, new Uint8Array(512));
  disk.flipBit(first, (SEGMENT_HEADER_BYTES + 2 * 512 + BATCH_HEADER_BYTES + 24) * 8);
  const error = await t.throwsAsync(openTestWal(disk), { instanceOf: UserError });
  t.regex(error?.message ?? "", /batch 2 is broken, and there are later ones/);
});

test("a segment whose predecessor is missing is damage", async (t) => {
  const disk = newDisk();
  const { wal } = await openTestWal(disk);
  for (let n = 1; n <= 40; n += 1) {
    wal.append(persist(n, [entry(n, 1, "z".repeat(1_000))]));
    await settle();
  }
  await wal.close();
  await disk.remove("wal/000000000002.seg");
  const error = await t.throwsAsync(openTestWal(disk), { instanceOf: UserError });
  t.regex(error?.message ?? "", /the segment before it is missing/);
});

test("a log of another member or cluster is refused", async (t) => {
  const disk = newDisk();
  await threeBatches(disk);
  const error = await t.throwsAsync(openTestWal(disk, { memberId: 8 }), { instanceOf: UserError });
  t.is((error as UserError).code, "TRP-0202");
  await t.throwsAsync(openTestWal(disk, { clusterId: "other" }), { instanceOf: UserError });
});

test("a write that fails is fatal once, and nothing is durable afterwards", async (t) => {
  const disk = newDisk();
  const { wal, durable, fatal } = await openTestWal(disk);
  wal.append(persist(1, [entry(1, 1)]));
  await settle();
  disk.inject({ operation: "write", code: "EIO" });
  wal.append(persist(2, [entry(2, 1)]));
  await settle();
  wal.append(persist(3, [entry(3, 1)]));
  await settle();
  t.deepEqual(durable, [1]);
  t.is(fatal.length, 1);
  t.is((fatal[0] as UserError).code, "TRP-0203");
});

test("without room for a spare segment the log goes on; without room for the next one it stops", async (t) => {
  const disk = newDisk();
  const { wal, fatal, durable } = await openTestWal(disk);
  disk.inject({ operation: "open", code: "ENOSPC", path: "wal/new", count: 3 });
  for (let n = 1; n <= 11; n += 1) {
    wal.append(persist(n, [entry(n, 1, "z".repeat(1_000))]));
    await settle();
  }
  t.true(durable.length >= 7);
  t.true(fatal.length <= 1);
  if (fatal.length === 1) t.regex(String(fatal[0]?.message), /ENOSPC/);
  t.is(fatal.length, durable.length === 11 ? 0 : 1);
});

test("a term that only entries show counts as voted in, for ourselves", async (t) => {
  const disk = newDisk();
  const { wal } = await openTestWal(disk);
  wal.append(persist(1, [entry(1, 4)], { hardState: { term: 3, votedFor: 2 } }));
  await settle();
  const { content } = await openTestWal(disk);
  t.deepEqual(content.hardState, { term: 4, votedFor: 7 });
});

test("whatever moment the power fails at, durable entries survive and none is half there", async (t) => {
  for (let seed = 1; seed <= 120; seed += 1) {
    const rng = createRng(seed);
    const disk = createSimDisk({
      rng: createRng(seed + 1_000),
      pace: async () => settle(rng.below(6)),
    });
    const written: string[] = [];
    let acknowledged = 0;
    for (let life = 0; life < 4; life += 1) {
      const seqs: number[] = [];
      const opened = await openTestWal(disk.attach(), {
        onDurable: (seq) => (acknowledged = seqs[seq - 1] as number),
        zeroFillPieceBytes: 1024,
      });
      const { entries } = opened.content;
      const label = `seed ${seed} life ${life}`;
      t.true(entries.length >= acknowledged, label);
      for (const [at, got] of entries.entries()) {
        t.is(new TextDecoder().decode(got.payload), written[at] as string, label);
      }
      written.length = entries.length;
      acknowledged = 0;
      const steps = rng.below(30);
      for (let n = 0; n < steps; n += 1) {
        const batch = Array.from({ length: 1 + rng.below(3) }, () => {
          written.push(`${label} ${written.length} ${"p".repeat(rng.below(700))}`);
          return entry(written.length, life + 1, written.at(-1) as string);
        });
        seqs.push(written.length);
        opened.wal.append(persist(seqs.length, batch));
        await settle(rng.below(12));
      }
      t.deepEqual(opened.fatal, [], label);
      disk.crash();
    }
  }
});
