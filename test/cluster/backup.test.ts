import test from "ava";
import { realCrypto } from "../../src/env/real/crypto.ts";
import { allKinds as kinds } from "../../src/kinds/catalogue.ts";
import { createRaft } from "../../src/raft/driver.ts";
import { Backups, type BackupsOptions } from "../../src/server/backup/backups.ts";
import { listBackups, openBackupFile, pruneBackups, scheduledAt, writeBackup } from "../../src/server/backup/files.ts";
import { encodeBackup, openBackup, type OpenedBackup } from "../../src/server/backup/format.ts";
import { LenientSealer } from "../../src/server/backup/lenient-sealer.ts";
import { countRows, countUnreadable, loadBackup, writeMasterFolder } from "../../src/server/backup/restore.ts";
import { serverLimits } from "../../src/server/limits.ts";
import { createSimDisk } from "../../src/sim/disk.ts";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import { createKeyRing } from "../../src/store/sealer.ts";
import { restoreStore, snapshotOf } from "../../src/store/snapshot.ts";
import type { Store } from "../../src/store/store.ts";
import { concatBytes } from "../../src/util/bytes.ts";
import { StatusError, UserError } from "../../src/util/errors.ts";
import { createRng } from "../unit/raft/support/rng.ts";
import { deployment } from "./kit.ts";

/** Backups: what is in them, what is refused, and what a restored master knows. */

const key = new Uint8Array(32);
const hour = 3_600_000;
const described = {
  name: "dev",
  id: "first-life",
  epoch: 0,
  file: { name: "dev", apiPort: 6443 },
} as const;

async function withObjects(seed: number): Promise<Cluster> {
  const cluster = await createCluster({ nodes: 1, seed, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 2 }));
  const secret = {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    stringData: { password: "hunter" },
  };
  await cluster.apply(secret as never);
  await cluster.until(() => cluster.list("pods").length === 2);
  return cluster;
}

function backupsOf(cluster: Cluster, more: Partial<BackupsOptions> = {}): Backups {
  const { core, store, raft, ring } = cluster.master;
  return new Backups({
    env: cluster.env,
    store,
    log: raft,
    door: core.door,
    member: "m1",
    cluster: described,
    sealingKey: () => ring.current,
    disk: createSimDisk({ rng: createRng(1) }),
    ...more,
  });
}

async function bytesOf(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return concatBytes(all);
}

const opened = (bytes: Uint8Array): Promise<OpenedBackup> =>
  openBackup(realCrypto, async (at, length) => bytes.subarray(at, at + length), bytes.length);

const ringOf = (keys: readonly Uint8Array[]): LenientSealer =>
  new LenientSealer(createKeyRing({ crypto: realCrypto, keys, randomBytes: (length) => new Uint8Array(length) }));

test("a backup holds what was committed when it was taken, sealed rows sealed, whatever is written meanwhile", async (t) => {
  await using cluster = await withObjects(1);
  const before = cluster.master.store.revision;
  const { revision, bytes } = backupsOf(cluster).take();
  await cluster.apply({
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { name: "later" },
  } as never);
  const whole = await bytesOf(bytes);
  t.is(revision, before);
  t.false(Buffer.from(whole).includes("hunter"));
  t.false(Buffer.from(whole).includes(Buffer.from("hunter").toString("base64")));
  const backup = await opened(whole);
  t.like(backup.manifest, {
    revision: before,
    cluster: described,
    member: "m1",
    sealingKey: cluster.master.ring.current,
  });
  const sealer = ringOf([key]);
  const store = await loadBackup(cluster.env, backup, sealer);
  t.is(store.committed.get("configmaps", "default", "later"), undefined);
  t.is(countUnreadable(store, sealer), 0);
  const counts = countRows(store);
  t.like(counts.kinds, { "deployments.apps": 1, pods: 2, secrets: 1 });
  t.deepEqual(counts.sealingKeys, [cluster.master.ring.current]);
  for (const other of [ringOf([new Uint8Array(32).fill(9)]), new LenientSealer()]) {
    const blind = await loadBackup(cluster.env, backup, other);
    t.is(countUnreadable(blind, other), 1);
    t.deepEqual(countRows(blind), counts, "it can be counted without the keys");
  }
});

test("no byte of a backup may change, and none may be missing or be added", async (t) => {
  await using cluster = await withObjects(2);
  const whole = await bytesOf(backupsOf(cluster).take().bytes);
  const verdict = async (bytes: Uint8Array): Promise<string> => {
    try {
      for await (const _ of (await opened(bytes)).content()) continue;
      return "sound";
    } catch (error) {
      return error instanceof UserError ? error.code : String(error);
    }
  };
  t.is(await verdict(whole), "sound");
  const reserved = [5, 6, 7];
  for (let at = 0; at < whole.length; at += at < 64 || at > whole.length - 64 ? 1 : 997) {
    const bent = whole.slice();
    bent[at] = bent[at]! ^ 0x10;
    t.is(await verdict(bent), "TRP-0170", `byte ${at}${reserved.includes(at) ? ", reserved" : ""}`);
    t.is(await verdict(whole.subarray(0, at)), "TRP-0170", `cut at ${at}`);
  }
  t.is(await verdict(concatBytes([whole, new Uint8Array(1)])), "TRP-0170");
});

test("a restored master has the objects, leaps over every revision that was given out, and answers 410 below", async (t) => {
  await using cluster = await withObjects(3);
  const backup = await opened(await bytesOf(backupsOf(cluster).take().bytes));
  for (let count = 0; count < 20; count += 1) {
    await cluster.apply({
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: `later-${count}` },
    } as never);
  }
  const seen = cluster.master.store.revision;
  const disk = createSimDisk({ rng: createRng(2) });
  const env = { ...cluster.env, disk, crypto: realCrypto };
  const loaded = await loadBackup(env, backup, ringOf([key]));
  const { memberId, revision } = await writeMasterFolder(env, loaded, "second-life");
  t.is(revision, backup.manifest.revision + serverLimits.restoreLeapRevisions);
  disk.crash();
  let store: Store | undefined;
  const roles: string[] = [];
  const raft = createRaft({
    env,
    listener: {
      committed: (entries) => entries.forEach(({ index }) => store?.advance(index)),
      role: (role) => void roles.push(role),
    },
    stateMachine: {
      restore: async (_meta, chunks) => {
        store = await restoreStore({ kinds, crc32: (bytes) => realCrypto.crc32(bytes), sealer: ringOf([key]) }, chunks);
      },
      snapshot: () => snapshotOf(store!),
    },
    onFatal: (error) => t.fail(error.message),
  });
  await raft.start();
  t.deepEqual([raft.memberId, raft.clusterId, raft.role], [memberId, "second-life", "leader"]);
  t.true(store!.revision > seen);
  t.is(store!.committed.list("pods").length, 2);
  t.is(store!.committed.get("configmaps", "default", "later-3"), undefined);
  t.is(
    (store!.committed.get("secrets", "default", "s")?.object() as { data?: object } | undefined) !== undefined,
    true,
  );
  for (const kind of ["pods", "configmaps", "nodes", "events"]) {
    for (const from of [1, backup.manifest.revision, seen]) {
      const error = t.throws(() => store!.watch(kind, from, { events: () => undefined }), {
        instanceOf: StatusError,
      });
      t.is(error.status.code, 410, `${kind} from ${from}`);
    }
  }
  t.notThrows(() => store!.watch("pods", store!.revision, { events: () => undefined }).close());
  await raft.stop();
  t.deepEqual(roles.at(-1), "leader");
});

test("by the clock a backup is made when the newest is too old; the oldest go, a person's stay", async (t) => {
  await using cluster = await withObjects(4);
  const disk = createSimDisk({ rng: createRng(3) });
  let now = Date.parse("2026-01-01T00:00:00Z");
  const clock = { ...cluster.env.clock, wall: () => now };
  const limits = { backupEveryMs: 6 * hour, backupKeptCount: 3 };
  const backups = backupsOf(cluster, { env: { ...cluster.env, clock }, disk, limits });
  await writeBackup(disk, "mine.snapshot", backups.take().bytes);
  await backups.check();
  const [first] = (await listBackups(disk)).filter((name) => scheduledAt(name) === now);
  t.regex(first ?? "", /^auto-20260101T000000Z-r\d+\.snapshot$/);
  now += 5 * hour;
  await backups.check();
  t.is((await listBackups(disk)).length, 2, "the newest is young enough");
  for (let count = 0; count < 5; count += 1) {
    now += 6 * hour;
    await backups.check();
  }
  const kept = await listBackups(disk);
  t.is(kept.filter((name) => name.startsWith("auto-")).length, 3);
  t.true(kept.includes("mine.snapshot"));
  t.false(kept.includes(first!));
  now -= 1_000 * hour;
  await backups.check();
  t.true((await listBackups(disk)).some((name) => scheduledAt(name) === now) || (await listBackups(disk)).length === 4);
  const file = await openBackupFile(disk, realCrypto, kept[0]!);
  t.is(file.manifest.cluster.id, "first-life");
  await file.close();
});

test("a backup that breaks off gets no name, and its rest is removed by the next", async (t) => {
  const disk = createSimDisk({ rng: createRng(4) });
  const manifest = {
    format: 1,
    takenAt: "",
    cluster: described,
    member: "m1",
    revision: 1,
    index: 1,
    term: 1,
  } as const;
  async function* broken(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(100);
    throw new Error("the connection is gone");
  }
  const bytes = encodeBackup(realCrypto, { ...manifest, digest: { a: 0, b: 0 }, sealingKey: "" }, broken());
  await t.throwsAsync(writeBackup(disk, "auto-x.snapshot", bytes), { message: /gone/ });
  t.deepEqual(await disk.list(""), []);
  async function* short(): AsyncGenerator<Uint8Array> {
    yield new Uint8Array(1_000).fill(1);
  }
  await t.throwsAsync(writeBackup(disk, "cut.snapshot", short()), {
    message: /handed over to its end/,
  });
  t.deepEqual(await disk.list(""), []);
  const file = await disk.open("auto-20260101T000000Z-r1.snapshot.m1.part", "create");
  await file.sync();
  await file.close();
  await pruneBackups(disk, 8, "m2");
  t.is((await disk.list("")).length, 1, "another master may be writing it at this moment");
  await pruneBackups(disk, 8, "m1");
  t.deepEqual(await disk.list(""), []);
});
