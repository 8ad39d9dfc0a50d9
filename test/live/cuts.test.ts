// Three members on machines of their own, a client on a fourth: packets between members are dropped in every way,
// processes are killed and stopped, disks fail, clocks step. Whoever writes and reads through any of them, all the
// time, is told nothing that does not hold, and every watch tells the whole story. The same judges look at etcd first.
import test, { type ExecutionContext } from "ava";
import { join } from "node:path";
import { renameSync, writeFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import type { CutLoad } from "./support/cut-load.ts";
import {
  cut,
  delayPeers,
  etcdMember,
  gapMs,
  grow,
  heal,
  injectSync,
  masterSaid,
  mountSmall,
  startCutLoad,
  unmount,
  wholeUnder,
  writeMuch,
  type Member,
} from "./support/cuts.ts";
import { canDrive, troupe, until } from "./support/machine.ts";
import { standstillOf } from "./support/standstill.ts";
import { steppedClockFile } from "./support/stepped-clock.ts";
import {
  configOf,
  createMachines,
  dataOf,
  newToken,
  startServer,
  untilReady,
  type Box,
  type Machines,
  type Running,
} from "./support/machines.ts";

const live = canDrive ? test.serial : test.serial.skip;
const minuteMs = 60_000;
/** The one whose data lies on a small disk: room for one segment of the log, and a little more. */
const smallDisk = 1;
const smallMib = 96;
const roomyMib = 600;
const segmentMib = 64;
let isMounted = false;
let machines: Machines;
let boxes: readonly Box[];
let client: Box;
let masters: readonly Member[];
let load: Awaited<ReturnType<typeof startCutLoad>>;
const servers = new Map<Box, Running>();
/** When which leader was lost how, for the gaps. */
const losses: { readonly how: string; readonly atMs: number }[] = [];

test.before(() => {
  if (!canDrive) return;
  machines = createMachines(4);
  boxes = machines.boxes.slice(0, 3);
  client = machines.boxes[3]!;
});
test.serial.afterEach.always((t) => {
  if (t.passed) return;
  for (const [{ address }, { child, said }] of servers) t.log(address, child.pid, child.exitCode, said().slice(-4_000));
});
test.after.always(async () => {
  if (!canDrive) return;
  if (isMounted) unmount(boxes[smallDisk]!);
  await machines.dispose();
});

const others = (members: readonly Member[], one: Member): readonly Box[] =>
  members.filter((member) => member !== one).map(({ box }) => box);

/** Nobody hears the leader, and it hears nobody: another one leads, and both are one group again. */
async function cutLeader(members: readonly Member[]): Promise<number> {
  const { leader, term } = await wholeUnder(members, client);
  await cut(leader.box, others(members, leader));
  const atMs = Date.now();
  await until("another one leads", async () => (await newest(members)) > term);
  await delay(300);
  await heal(leader.box);
  await wholeUnder(members, client);
  return atMs;
}

async function newest(members: readonly Member[]): Promise<number> {
  const said = await Promise.all(members.map((member) => member.said(client)));
  return Math.max(...said.map((one) => (one?.leads === true ? one.term : 0)));
}

async function lose(members: readonly Member[], signal: "SIGKILL" | "SIGSTOP"): Promise<number> {
  const { leader, term } = await wholeUnder(members, client);
  const atMs = Date.now();
  process.kill(leader.pid(), signal);
  await until("another one leads", async () => (await newest(members)) > term);
  if (signal === "SIGSTOP") process.kill(leader.pid(), "SIGCONT");
  else {
    await leader.ended();
    leader.start();
  }
  await wholeUnder(members, client);
  return atMs;
}

live("etcd's leader is killed, stopped and cut off: the judges find nothing wrong with it", async (t) => {
  const members = boxes.map((box) => etcdMember(box, boxes));
  try {
    await wholeUnder(members, client);
    const clients = await startCutLoad(client, "etcd", ...boxes.map(({ address }) => address));
    const killedMs = await lose(members, "SIGKILL");
    const stoppedMs = await lose(members, "SIGSTOP");
    const cutMs = await cutLeader(members);
    const report = await clients.stop();
    t.log({ ...summary(report), ...gaps(report, { killed: killedMs, stopped: stoppedMs, cut: cutMs }) });
    t.deepEqual(report.problems, []);
    t.true(report.events > 20 && report.reads > 5);
  } finally {
    for (const member of members) member.end();
  }
});

function gaps(report: CutLoad, since: Readonly<Record<string, number>>): Readonly<Record<string, number>> {
  return Object.fromEntries(Object.entries(since).map(([how, atMs]) => [how, gapMs(report, atMs)]));
}

const summary = ({ acknowledged, unknown, events, reads }: CutLoad): object => ({
  acknowledged,
  unknown,
  events,
  reads,
});

function startMaster(box: Box, ...args: readonly string[]): void {
  servers.set(box, startServer(box, ...args));
}

/** With a wall clock of its own, which is ahead by what the file holds. */
function startWithClock(box: Box, clock: string): void {
  const preload = `--import=${new URL("support/stepped-clock.js", import.meta.url).href}`;
  const env = { NODE_OPTIONS: preload, [steppedClockFile]: clock };
  servers.set(box, box.start("server", [troupe, "server", "--data-dir", dataOf(box)], env));
}

live("three masters on machines of their own become one group", async (t) => {
  const [first, ...more] = boxes as [Box, ...Box[]];
  startMaster(first, "--name", "cuts");
  await untilReady(first);
  mountSmall(boxes[smallDisk]!, smallMib);
  isMounted = true;
  const token = await newToken(first, "--role", "master");
  for (const box of more) startMaster(box, "--join", `${first.address}:6443`, "--token", token);
  masters = boxes.map((box) => ({
    box,
    pid: () => servers.get(box)!.child.pid!,
    start: () => startMaster(box),
    ended: () => servers.get(box)!.ended,
    said: masterSaid(box),
  }));
  await wholeUnder(masters, client);
  load = await startCutLoad(client, "troupe", ...boxes.map(configOf));
  t.pass();
});

live("the leader is cut off from both others: one of them leads, and it comes back as a follower", async (t) => {
  losses.push({ how: "cut", atMs: await cutLeader(masters) });
  t.pass();
});

for (const way of ["out", "in"] as const) {
  live(`the leader's packets are dropped one way (${way}): it gives way, and comes back`, async (t) => {
    const { leader, term } = await wholeUnder(masters, client);
    await cut(leader.box, others(masters, leader), way);
    losses.push({ how: way, atMs: Date.now() });
    await until("another one leads", async () => (await newest(masters)) > term);
    await heal(leader.box);
    await wholeUnder(masters, client);
    t.pass();
  });
}

/** A machine that itself stands still for so long may make followers believe that the leader is gone. */
const stillMaxMs = 300;
const looksMost = 5;

/** Nobody is elected during `work`; looked at again where the machine itself stood still meanwhile. */
async function keepsTerm(t: ExecutionContext, work: (leader: Member) => Promise<void>, box?: Box): Promise<void> {
  for (let look = 1; ; look += 1) {
    if (box !== undefined) await leadBy(box);
    const { leader, term } = await wholeUnder(masters, client);
    const { stood } = await standstillOf(machines.folder, () => work(leader));
    const after = await wholeUnder(masters, client);
    const isMachines = Math.max(stood.timerMs, stood.syncMs) > stillMaxMs;
    if (after.term !== term) t.log(`term ${after.term} instead of ${term}`, stood);
    if (after.term !== term && isMachines && look < looksMost) continue;
    t.is(after.term, term);
    t.is(after.leader, leader);
    return;
  }
}

live("one connection of the leader's is cut: it goes on leading in its term", async (t) => {
  await keepsTerm(t, async (leader) => {
    const [other] = others(masters, leader) as [Box];
    await cut(leader.box, [other]);
    await delay(2_000);
    await heal(leader.box);
  });
});

live("a follower that nobody reaches for a while comes back without an election", async (t) => {
  await keepsTerm(t, async (leader) => {
    const follower = masters.find((member) => member !== leader)!;
    await cut(follower.box, others(masters, follower));
    await delay(2_500);
    await heal(follower.box);
  });
});

live("the leader is killed, another is stopped", async (t) => {
  losses.push({ how: "killed", atMs: await lose(masters, "SIGKILL") });
  losses.push({ how: "stopped", atMs: await lose(masters, "SIGSTOP") });
  t.pass();
});

/** Hands over until the one on this machine leads. */
async function leadBy(box: Box): Promise<void> {
  await until("it leads", async () => {
    const { leader } = await wholeUnder(masters, client);
    if (leader.box === box) return true;
    const own = ["--data-dir", dataOf(leader.box)];
    const said = await leader.box.troupe("member", "list", ...own, "-o", "json");
    const all = (JSON.parse(said.stdout) as { members: readonly { id: number; api: string }[] }).members;
    const id = all.find(({ api }) => api === `${box.address}:6443`)?.id;
    await leader.box.troupe("member", "transfer", String(id), ...own);
    return false;
  });
}

live("all that a leader says arrives 150 ms later: it goes on leading in its term, and writes are taken", async (t) => {
  const [box, ...rest] = boxes as [Box, ...Box[]];
  const delays = await delayPeers(box, rest, 150);
  // It calls the others anew.
  await servers.get(box)!.end("SIGTERM");
  startMaster(box);
  await keepsTerm(t, () => delay(2_000), box);
  await delays.stop();
  await wholeUnder(masters, client);
});

live("the leader's disk is full: another one leads, and it is one of the group again when there is room", async (t) => {
  const box = boxes[smallDisk]!;
  await leadBy(box);
  const { term } = await wholeUnder(masters, client);
  await writeMuch(client, configOf(boxes[0]!), segmentMib + 8);
  await until("another one leads", async () => (await newest(masters)) > term);
  t.pass();
  grow(box, roomyMib);
  await wholeUnder(masters, client);
});

async function sickDisk(t: ExecutionContext, what: string): Promise<void> {
  const { leader } = await wholeUnder(masters, client);
  const disk = await injectSync(leader.box, leader.pid(), what);
  await leader.ended();
  losses.push({ how: what, atMs: Date.now() });
  await disk.stop();
  leader.start();
  await wholeUnder(masters, client);
  t.pass();
}

live("a write of the leader's log fails with EIO: its process ends at once, and another one leads", async (t) => {
  await sickDisk(t, "error=EIO:when=1");
});

live(
  "the leader is killed inside the third write of a thread to its log: nothing acknowledged was in it alone",
  async (t) => {
    await sickDisk(t, "signal=SIGKILL:when=3");
  },
);

live("every write to the leader's log takes 100 ms longer: it goes on leading in its term", async (t) => {
  await keepsTerm(t, async (leader) => {
    const disk = await injectSync(leader.box, leader.pid(), "delay_exit=100000");
    await delay(1_500);
    await disk.stop();
  });
});

live(
  "the clock of one master, which leads, steps by minutes forth and by hours back: it goes on leading",
  async (t) => {
    const box = boxes[2]!;
    const clock = join(machines.folder, "clock");
    // As one piece: the process may look at any moment.
    const step = (minutes: number): void => {
      writeFileSync(`${clock}.new`, String(minutes * minuteMs));
      renameSync(`${clock}.new`, clock);
    };
    // Much less than the ten minutes for which what watchers may ask for is kept: the last test asks for all of it.
    step(2);
    await servers.get(box)!.end("SIGTERM");
    startWithClock(box, clock);
    await leadBy(box);
    const times = servers
      .get(box)!
      .said()
      .matchAll(/"time":"([^"]+)"/g);
    const newestMs = Math.max(...[...times].map(([, time = ""]) => Date.parse(time)));
    t.true(newestMs > Date.now() + minuteMs, "its log tells the time of its own clock");
    const steps = async (): Promise<void> => {
      for (const minutes of [-180, 2, 0]) {
        step(minutes);
        await delay(1_300);
      }
    };
    await keepsTerm(t, steps, box);
  },
);

live(
  "through all of that: nothing acknowledged is lost, no read is stale, the watch tells each change once",
  async (t) => {
    await wholeUnder(masters, client);
    const report = await load.stop();
    const found = losses.map(({ how, atMs }) => [how, gapMs(report, atMs)] as const);
    t.log(summary(report), Object.fromEntries(found));
    t.deepEqual(report.problems, []);
    t.true(report.acknowledged > 100 && report.events > 100 && report.reads > 20);
  },
);
