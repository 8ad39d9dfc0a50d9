import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "ava";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import { createRealDisk } from "../../../src/env/real/disk.ts";
import { createSimDisk } from "../../../src/sim/disk.ts";
import { createRng } from "./support/rng.ts";
import { InvariantError } from "../../../src/util/errors.ts";
import type { Disk } from "../../../src/env/env.ts";

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (value: string): Uint8Array => new TextEncoder().encode(value);

async function exercise(disk: Disk): Promise<unknown> {
  await disk.makeFolder("a/b");
  await disk.writeAtomic("a/b/one", bytes("first"));
  await disk.writeAtomic("a/b/one", bytes("second"));
  const file = await disk.open("a/b/two", "dsync");
  await file.write(4, [bytes("xy"), bytes(""), bytes("z")]);
  await file.write(0, [bytes("head")]);
  const size = await file.size();
  const piece = text(await file.read(3, 100));
  await file.close();
  await disk.rename("a/b/two", "a/b/three");
  await disk.remove("a/b/never");
  return {
    one: text(await disk.read("a/b/one")),
    size,
    piece,
    names: await disk.list("a/b"),
    exists: [await disk.exists("a/b/two"), await disk.exists("a/b/three"), await disk.exists("a")],
  };
}

const expected = {
  one: "second",
  size: 7,
  piece: "dxyz",
  names: ["one", "three"],
  exists: [false, true, true],
};

test("the real disk and the simulated one answer alike", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "troupe-disk-"));
  t.teardown(() => rm(root, { recursive: true }));
  t.deepEqual(await exercise(createRealDisk(root)), expected);
  t.deepEqual(await exercise(createSimDisk({ rng: createRng(1) })), expected);
  await t.throwsAsync(async () => createRealDisk(root).read("../etc/passwd"), {
    instanceOf: InvariantError,
  });
});

test("a write of more slices than one system call takes arrives whole", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "troupe-disk-"));
  t.teardown(() => rm(root, { recursive: true }));
  const disk = createRealDisk(root);
  const slices = Array.from({ length: 3_000 }, (_, at) => bytes(`${at};`));
  const file = await disk.open("many", "dsync");
  await file.write(0, slices);
  await file.close();
  t.is(text(await disk.read("many")), slices.map(text).join(""));
});

test("a crash loses unsynced sectors one by one and keeps what was synced", async (t) => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 40; seed += 1) {
    const disk = createSimDisk({ rng: createRng(seed), sectorBytes: 4 });
    const file = await disk.open("log", "dsync");
    await disk.syncFolder("");
    await file.write(0, [bytes("aaaabbbb")]);
    const loose = await disk.open("log", "read");
    await loose.close();
    const lazy = await disk.open("lazy", "create");
    await lazy.write(0, [bytes("lost")]);
    disk.crash();
    t.is(text(await disk.read("log")), "aaaabbbb");
    outcomes.add((await disk.exists("lazy")) ? `kept:${text(await disk.read("lazy"))}` : "gone");
  }
  t.true(outcomes.has("gone"));
  t.true(outcomes.has("kept:lost"));
  t.true(outcomes.has("kept:"));
});

test("a dsync write in flight at a crash is torn at sectors", async (t) => {
  const outcomes = new Set<string>();
  for (let seed = 0; seed < 60; seed += 1) {
    let release = (): void => undefined;
    let isSlow = false;
    const disk = createSimDisk({
      rng: createRng(seed),
      sectorBytes: 4,
      pace: () => (isSlow ? new Promise((resolve) => (release = resolve)) : Promise.resolve()),
    });
    const file = await disk.open("log", "dsync");
    await disk.syncFolder("");
    await file.write(0, [bytes("aaaabbbb")]);
    isSlow = true;
    let isAnswered = false;
    void file.write(0, [bytes("ccccdddd")]).then(() => (isAnswered = true));
    disk.crash();
    isSlow = false;
    release();
    outcomes.add(text(await disk.read("log")));
    t.false(isAnswered);
  }
  t.deepEqual([...outcomes].toSorted(), ["aaaabbbb", "aaaadddd", "ccccbbbb", "ccccdddd"]);
});

test("injected errors carry their code once, and rot flips one bit", async (t) => {
  const disk = createSimDisk({ rng: createRng(1) });
  const file = await disk.open("log", "dsync");
  disk.inject({ operation: "write", code: "EIO", path: "log" });
  await t.throwsAsync(file.write(0, [bytes("a")]), { code: "EIO" });
  await file.write(0, [bytes("a")]);
  disk.flipBit("log", 1);
  t.is(text(await disk.read("log")), "c");
});

test("an image stays what it was, whatever is written to its disk or to those that begin on it", async (t) => {
  const disk = createSimDisk({ rng: createRng(1) });
  const write = async (on: Disk, at: number, what: string): Promise<void> => {
    const file = await on.open("file", "dsync");
    await file.write(at, [bytes(what)]);
  };
  await write(disk, 0, "one two");
  const image = disk.image();
  const [twin, other] = [createSimDisk({ rng: createRng(2), image }), createSimDisk({ rng: createRng(3), image })];
  await write(disk, 0, "ONE");
  await write(twin, 4, "TWO three");
  other.flipBit("file", 0);
  const seen = await Promise.all([disk, twin, other].map(async (each) => text(await each.read("file"))));
  t.deepEqual(seen, ["ONE two", "one TWO three", "nne two"]);
  t.is(text(image.files.get("file") ?? bytes("")), "one two");
  disk.overwrite("file", 0, bytes("Two"));
  const second = disk.image();
  disk.overwrite("file", 0, bytes("TWO"));
  t.is(text(second.files.get("file") ?? bytes("")), "Two two");
});

test("crc32 is the IEEE one and chains by its seed", (t) => {
  t.is(realCrypto.crc32(bytes("123456789")), 0xcbf43926);
  t.is(realCrypto.crc32(bytes("6789"), realCrypto.crc32(bytes("12345"))), 0xcbf43926);
});

test("sealed bytes open under the same key and show any change", (t) => {
  const key = realCrypto.sha256(bytes("key"));
  const sealed = realCrypto.seal(key, bytes("secret"), new Uint8Array(12).fill(7));
  t.is(text(realCrypto.open(key, sealed)), "secret");
  const bent = sealed.slice();
  bent[14] = (bent[14] as number) ^ 1;
  t.throws(() => realCrypto.open(key, bent), { instanceOf: InvariantError });
  t.throws(() => realCrypto.open(key, sealed.subarray(0, 20)), { instanceOf: InvariantError });
});
