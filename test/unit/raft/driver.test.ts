import test from "ava";
import { realCrypto } from "../../../src/env/real/crypto.ts";
import type { Disk, Env } from "../../../src/env/env.ts";
import type { Message } from "../../../src/raft/core/types.ts";
import { createSimClock } from "../../../src/sim/clock.ts";
import { createSimDisk } from "../../../src/sim/disk.ts";
import type { SimDisk } from "../../../src/sim/disk.ts";
import { createSimEnv } from "../../../src/sim/env.ts";
import { InvariantError, TransientError, UserError } from "../../../src/util/errors.ts";
import { settle } from "./support/log.ts";
import { newRaft, say } from "./support/machine.ts";
import type { TestRaft } from "./support/machine.ts";
import { createRng } from "./support/rng.ts";

const newDisk = (seed = 1): SimDisk => createSimDisk({ rng: createRng(seed) });
const envOn = (disk: Disk, seed = 1): Env => createSimEnv({ seed, disk, crypto: realCrypto });

async function started(disk: Disk, options?: Parameters<typeof newRaft>[1]): Promise<TestRaft> {
  const made = newRaft(envOn(disk), options);
  await made.raft.start();
  return made;
}

test("a lone voter leads when start is over, and commits what it is given in order", async (t) => {
  const { raft, list } = await started(newDisk());
  t.is(raft.role, "leader");
  t.is(raft.leader, raft.memberId);
  t.deepEqual(list.roles, ["candidate@0", "candidate@1", "leader@1"].slice(-list.roles.length));
  t.deepEqual([say(raft, "a"), say(raft, "b")], [2, 3]);
  const index = await raft.readIndex();
  t.is(index, 1, "what is not durable is not committed");
  await settle();
  t.deepEqual(list.words, ["a", "b"]);
  t.deepEqual(list.entries, ["1@1 noop", "2@1 normal", "3@1 normal"]);
  t.is(await raft.readIndex(), 3);
  await raft.stop();
});

test("a word proposed while another is being applied gets the next index", async (t) => {
  const { raft, list } = await started(newDisk());
  const indexes: number[] = [];
  list.onWord = (word) => {
    if (word.length < 4) indexes.push(say(raft, `${word}x`));
  };
  say(raft, "a");
  await settle(600);
  t.deepEqual(indexes, [3, 4, 5]);
  t.deepEqual(list.words, ["a", "ax", "axx", "axxx"]);
});

test("a start hands over everything again, under a new incarnation", async (t) => {
  const disk = newDisk();
  const first = await started(disk.attach());
  for (const word of ["a", "b", "c"]) say(first.raft, word);
  await settle();
  disk.crash();
  const second = await started(disk.attach());
  t.deepEqual(second.list.words, ["a", "b", "c"]);
  t.is(second.raft.clusterId, first.raft.clusterId);
  t.is(second.raft.memberId, first.raft.memberId);
  t.deepEqual([first.raft.incarnation, second.raft.incarnation], [1, 2]);
  t.true(second.raft.term > first.raft.term);
});

test("a long log is handed over in turns that let others go between them, in order and whole", async (t) => {
  const disk = newDisk();
  const first = await started(disk.attach());
  const words = Array.from({ length: 2_000 }, (_, at) => `w${at}`);
  for (const word of words) say(first.raft, word);
  await settle();
  disk.crash();
  const env = createSimEnv({ seed: 1, disk: disk.attach(), crypto: realCrypto });
  const second = newRaft(env);
  let whenOthersRan = 0;
  second.list.onWord = (word) => {
    if (word === "w0") env.clock.after(0, () => (whenOthersRan = second.list.words.length));
  };
  const starting = second.raft.start();
  let isOver = false;
  void starting.then(() => (isOver = true));
  for (let round = 0; round < 10_000 && !isOver; round += 1) await env.advance(1);
  await starting;
  t.deepEqual(second.list.words, words);
  t.true(whenOthersRan > 0 && whenOthersRan < words.length, `others ran after ${whenOthersRan} entries`);
});

test("identity and incarnation are known before anything is handed over", async (t) => {
  const disk = newDisk();
  const first = await started(disk.attach());
  say(first.raft, "a");
  await settle();
  const { raft, list } = newRaft(envOn(disk.attach()));
  t.throws(() => raft.incarnation, { instanceOf: InvariantError });
  await raft.open();
  t.is(raft.incarnation, 2);
  t.is(raft.memberId, first.raft.memberId);
  t.deepEqual(list.entries, []);
  await raft.start();
  t.deepEqual(list.words, ["a"]);
});

test("a snapshot follows from the log's length; the next start begins with it, and old segments go", async (t) => {
  const disk = newDisk();
  const { raft, list } = await started(disk.attach(), { snapshotLogBytes: 20_000 });
  for (let n = 1; n <= 150; n += 1) {
    say(raft, `${n} ${"w".repeat(300)}`);
    await settle(40);
  }
  await settle(2_000);
  const snapshots = await disk.list("snap");
  t.is(snapshots.length, 2);
  const segments = (await disk.list("wal")).filter((name) => name.endsWith(".seg"));
  t.not(segments[0], "000000000001.seg");
  disk.crash();
  const again = await started(disk.attach());
  t.true(again.list.restoredAt > 50);
  t.deepEqual(again.list.words, list.words);

  // The newest file rots: the older one and the log that still reaches back to it serve as well.
  disk.flipBit(`snap/${snapshots[1]}`, 3_000);
  const fallback = await started(disk.attach());
  t.true(fallback.list.restoredAt < again.list.restoredAt);
  t.deepEqual(fallback.list.words, list.words);

  disk.flipBit(`snap/${snapshots[0]}`, 3_000);
  const error = await t.throwsAsync(started(disk.attach()), { instanceOf: UserError });
  t.is((error as UserError).code, "TRP-0205");
});

test("a start that applies a long log takes its snapshot at the end of it, not on the way", async (t) => {
  const disk = newDisk();
  const first = await started(disk.attach());
  for (let n = 1; n <= 1_300; n += 1) say(first.raft, `${n} ${"w".repeat(50)}`);
  await settle(2_000);
  disk.crash();
  const env = createSimEnv({ seed: 1, disk: disk.attach(), crypto: realCrypto });
  const { raft, list } = newRaft(env, { snapshotLogBytes: 10_000 });
  let isOver = false;
  void raft.start().then(() => (isOver = true));
  for (let round = 0; round < 10_000 && !isOver; round += 1) await env.advance(1);
  await env.advance(2_000);
  t.is(list.words.length, 1_300);
  const ends = (await disk.list("snap")).map((name) => Number(name.split("-")[0]));
  t.deepEqual(ends, [raft.applied]);
});

test("a snapshot that cannot be written leaves nothing behind, and the log goes on", async (t) => {
  const disk = newDisk();
  const { raft, list, fatal } = await started(disk.attach(), { snapshotLogBytes: 4_000 });
  disk.inject({ operation: "write", path: "snap/", code: "ENOSPC", count: 1 });
  for (let n = 1; n <= 20; n += 1) {
    say(raft, `${n}`);
    await settle(60);
  }
  t.is(list.words.length, 20);
  t.deepEqual(fatal, []);
  t.true((await disk.list("snap")).every((name) => name.endsWith(".snap")));
  t.is(list.openSnapshots, 0);
});

test("a failed sync ends it: told once, nothing more is committed", async (t) => {
  const disk = newDisk();
  const { raft, list, fatal } = await started(disk);
  disk.inject({ operation: "write", code: "EIO" });
  say(raft, "lost");
  await settle();
  t.is(fatal.length, 1);
  t.deepEqual(list.words, []);
  t.throws(() => say(raft, "later"), { instanceOf: TransientError });
  await t.throwsAsync(raft.readIndex(), { instanceOf: TransientError });
});

test("a listener that throws ends it too", async (t) => {
  const { raft, list, fatal } = await started(newDisk());
  list.onWord = () => {
    throw new Error("the state is broken");
  };
  say(raft, "a");
  await settle();
  t.is(fatal[0]?.message, "the state is broken");
});

test("a directory whose log is gone is refused; one whose first start was cut short is not", async (t) => {
  const disk = newDisk();
  await started(disk.attach());
  await disk.remove("wal");
  const error = await t.throwsAsync(started(disk.attach()), { instanceOf: UserError });
  t.is((error as UserError).code, "TRP-0205");

  for (let seed = 1; seed <= 40; seed += 1) {
    const rng = createRng(seed);
    let left = rng.below(40);
    const cut = createSimDisk({
      rng: createRng(seed),
      pace: () => ((left -= 1) < 0 ? new Promise(() => undefined) : Promise.resolve()),
    });
    void newRaft(envOn(cut.attach(), seed)).raft.start();
    await settle();
    cut.crash();
    left = Number.POSITIVE_INFINITY;
    const { raft } = await started(cut.attach());
    t.is(raft.role, "leader", `seed ${seed}`);
  }
});

test("killed at any moment, with snapshots and segments turning over: what was applied stays applied", async (t) => {
  for (let seed = 1; seed <= 25; seed += 1) {
    const rng = createRng(seed);
    const disk = createSimDisk({ rng: createRng(seed + 500), pace: async () => settle(rng.below(5)) });
    let acknowledged: string[] = [];
    for (let life = 1; life <= 5; life += 1) {
      const { raft, list, fatal } = await started(disk.attach(), { snapshotLogBytes: 9_000 });
      const label = `seed ${seed} life ${life}`;
      t.deepEqual(list.words.slice(0, acknowledged.length), acknowledged, label);
      t.is(raft.incarnation, life, label);
      acknowledged = [...list.words];
      list.onWord = (word) => acknowledged.push(word);
      const words = rng.below(50);
      for (let n = 0; n < words; n += 1) {
        say(raft, `${label} ${n} ${"v".repeat(rng.below(900))}`);
        await settle(rng.below(30));
      }
      t.deepEqual(fatal, [], label);
      disk.crash();
    }
  }
});

/** Three members over a transport that delivers by the shared virtual clock, and can cut members off. */
async function three(): Promise<{
  members: TestRaft[];
  cut: Set<number>;
  advance: (ms: number) => Promise<void>;
}> {
  const clock = createSimClock(createRng(5));
  const cut = new Set<number>();
  const ids = [1, 2, 3];
  const members: TestRaft[] = [];
  const envs = ids.map((id) => createSimEnv({ seed: id, disk: newDisk(id), crypto: realCrypto, clock }));
  for (const id of ids) {
    const transport = {
      send(to: number, message: Message): void {
        const deliver = (): void => {
          if (!cut.has(id) && !cut.has(to)) members[to - 1]?.raft.receive(id, message);
        };
        clock.after(1, deliver, { daemon: true });
      },
    };
    const birth = { clusterId: "three", memberId: id, voters: ids };
    members.push(newRaft(envs[id - 1] as Env, { birth, transport }));
  }
  for (const { raft } of members) await raft.start();
  const advance = (ms: number): Promise<void> => (envs[0] as ReturnType<typeof createSimEnv>).advance(ms);
  return { members, cut, advance };
}

test("three members find a leader, agree, read on a follower, and go on when the leader is cut off", async (t) => {
  const { members, cut, advance } = await three();
  await advance(2_000);
  const leader = members.find(({ raft }) => raft.role === "leader") as TestRaft;
  t.truthy(leader);
  say(leader.raft, "one");
  await advance(50);
  t.deepEqual(
    members.map(({ list }) => list.words),
    [["one"], ["one"], ["one"]],
  );
  const follower = members.find(({ raft }) => raft.role === "follower") as TestRaft;
  t.throws(() => say(follower.raft, "no"), { instanceOf: TransientError });
  const read = follower.raft.readIndex();
  await advance(50);
  t.is(await read, 2);

  cut.add(leader.raft.memberId);
  const lost = t.throwsAsync(leader.raft.readIndex(), { instanceOf: TransientError });
  for (const { raft } of members) if (raft !== leader.raft) raft.link(leader.raft.memberId, false);
  await advance(200);
  const next = members.find(({ raft }) => raft.role === "leader" && raft !== leader.raft) as TestRaft;
  t.truthy(next, "a broken connection makes the change fast");
  say(next.raft, "two");
  await advance(3_000);
  await lost;
  t.not(leader.raft.role, "leader");
  cut.clear();
  await advance(500);
  t.deepEqual(leader.list.words, ["one", "two"]);
  t.is(leader.list.roles.filter((role) => role.startsWith("leader")).length, 1);
});

test("of two that lose the leader the one that is prepared leads, whatever its place; alone the other leads as well", async (t) => {
  const { members, cut, advance } = await three();
  await advance(2_000);
  const leader = members.find(({ raft }) => raft.role === "leader") as TestRaft;
  const [first, second] = members.filter((one) => one !== leader) as [TestRaft, TestRaft];
  first.raft.prepared(false);
  const lose = (...lost: readonly TestRaft[]): void => {
    for (const { raft } of lost) cut.add(raft.memberId);
    for (const { raft } of members) {
      for (const gone of lost) if (raft !== gone.raft) raft.link(gone.raft.memberId, false);
    }
  };
  lose(leader);
  await advance(20);
  t.is(second.raft.role, "leader");
  cut.clear();
  for (const { raft } of members) raft.link(leader.raft.memberId, true);
  await advance(500);
  leader.raft.prepared(false);
  lose(second);
  await advance(300);
  t.is(members.filter(({ raft }) => raft.role === "leader" && raft !== second.raft).length, 1);
});

test("a change of the members resolves when it is over, with advice; a hand-over when another leads", async (t) => {
  const { members, advance } = await three();
  await advance(2_000);
  const leader = members.find(({ raft }) => raft.role === "leader") as TestRaft;
  const others = members.filter((one) => one !== leader);
  const [first, second] = others.map(({ raft }) => raft.memberId) as [number, number];
  const removed = leader.raft.changeConfig({ type: "remove", ids: [second] });
  await advance(200);
  const { config, advice } = await removed;
  t.deepEqual(config.removed, [second]);
  t.is(config.outgoing.length, 0);
  t.regex(advice, /^2 voters/);
  t.true(leader.raft.isRemoved(second));
  t.is((others[1] as TestRaft).fatal.map((error) => (error as UserError).code).join(), "TRP-0206");
  const refused = await t.throwsAsync(leader.raft.changeConfig({ type: "promote", ids: [77] }), {
    instanceOf: UserError,
  });
  t.is((refused as UserError).code, "TRP-0207");
  t.deepEqual(
    leader.raft.members().map(({ id, role }) => `${id} ${role}`),
    [`${leader.raft.memberId} leader`, `${first} voter`],
  );
  const over = leader.raft.transfer();
  await advance(200);
  await over;
  t.is(others[0]?.raft.role, "leader");
  await t.throwsAsync(leader.raft.transfer(), { instanceOf: TransientError });
  await t.throwsAsync(leader.raft.changeConfig({ type: "promote", ids: [77] }), { instanceOf: TransientError });
});

test("a member whose log is damaged starts where others can repair it; a lone one is refused, and nothing is cut", async (t) => {
  const disk = newDisk();
  const { raft } = await started(disk.attach());
  for (let n = 1; n <= 6; n += 1) {
    say(raft, `${n}`);
    await settle();
  }
  disk.crash();
  const path = "wal/000000000001.seg";
  const before = await disk.read(path);
  disk.flipBit(path, (4_096 + 512) * 8 + 300);
  const error = await t.throwsAsync(started(disk.attach()), { instanceOf: UserError });
  t.is((error as UserError).code, "TRP-0201");
  t.is((await disk.read(path)).length, before.length);
});

test("a member whose sound log ends before the others joined starts all the same, and they repair it", async (t) => {
  const clock = createSimClock(createRng(5));
  const disks = [1, 2, 3].map((id) => newDisk(id));
  const members: TestRaft[] = [];
  const wake = (id: number): TestRaft => {
    const env = createSimEnv({ seed: id, disk: disks[id - 1]!.attach(), crypto: realCrypto, clock });
    const send = (to: number, message: Message): void =>
      void clock.after(1, () => members[to - 1]?.raft.receive(id, message), { daemon: true });
    const birth = { clusterId: "grown", memberId: id, voters: id === 1 ? [1] : [] };
    return (members[id - 1] = newRaft(env, { birth, transport: { send } }));
  };
  const first = wake(1);
  const advance = (ms: number): Promise<void> => createSimEnv({ seed: 9, clock }).advance(ms);
  await first.raft.start();
  for (const word of ["one", "two", "three", "four"]) {
    say(first.raft, word);
    await advance(5);
  }
  for (const id of [2, 3]) {
    await wake(id).raft.start();
    const isOver = first.raft.changeConfig({ type: "addLearner", id, address: "", isReader: false });
    await advance(500);
    await isOver;
  }
  const isPromoted = first.raft.changeConfig({ type: "promote", ids: [2, 3] });
  await advance(500);
  await isPromoted;
  disks[0]!.crash();
  for (const { raft } of members.slice(1)) raft.link(1, false);
  await advance(3_000);
  disks[0]!.flipBit("wal/000000000001.seg", (4_096 + 2 * 512) * 8 + 300);
  const back = wake(1);
  const starting = back.raft.start();
  await advance(3_000);
  t.is(back.raft.role, "follower");
  await starting;
  t.false(back.raft.isDamaged);
  t.deepEqual(back.list.words, ["one", "two", "three", "four"]);
});

test("with a full disk a log takes no more, keeps what it has, and goes on when there is room", async (t) => {
  const disk = newDisk();
  const rooms: boolean[] = [];
  const env = createSimEnv({ seed: 1, disk: disk.attach(), crypto: realCrypto });
  const { raft, list, fatal } = newRaft(env, { onRoom: (isFull) => rooms.push(isFull), ballastBytes: 20_000 });
  await raft.start();
  t.true(await disk.exists("ballast"));
  disk.inject({ operation: "write", code: "ENOSPC", count: 1 });
  disk.inject({ operation: "write", path: "ballast", code: "ENOSPC", count: 1_000 });
  say(raft, "a");
  await env.advance(10_000);
  t.true(raft.isDiskFull);
  t.deepEqual(list.words, ["a"], "the ballast made room for what was under way");
  t.throws(() => say(raft, "b"), { instanceOf: TransientError, message: /full/ });
  disk.heal();
  await env.advance(20_000);
  t.deepEqual([rooms, raft.isDiskFull], [[true, false], false]);
  t.true(await disk.exists("ballast"));
  say(raft, "c");
  await env.advance(10);
  t.deepEqual(list.words, ["a", "c"]);
  t.deepEqual(fatal, []);
});
