// Members and masters at the edges: a dead master replaced in one step, before and after its successor votes; flags that
// masters must share; a forwarder on another machine that learns of masters that joined; a recovery that is forced.
import { copyFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { canDrive, troupe, until } from "./support/machine.ts";
import {
  configOf,
  dataOf,
  joinMasters,
  membership,
  newToken,
  startFirst,
  startServer,
  untilVoting,
  useMachines,
  type Box,
  type Running,
} from "./support/machines.ts";

const live = canDrive ? test.serial : test.serial.skip;
const servers = new Map<Box, Running>();
const { at } = useMachines(test, 6);
/** A machine without a master. */
const outside = 5;

async function idAt(from: Box, where: Box): Promise<string> {
  const found = (await membership(from)).members.find(({ api }) => api === `${where.address}:6443`);
  return String(found?.id);
}

async function promote(from: Box, ...args: readonly string[]): Promise<string> {
  const ran = await from.troupe("member", "promote", ...args, "--data-dir", dataOf(from));
  return ran.stdout + ran.stderr;
}

test.serial.before(async () => {
  if (!canDrive) return;
  servers.set(at(0), await startFirst(at(0), "edges"));
  const joined = await joinMasters(at(0), [at(1), at(2)]);
  for (const [index, server] of joined.entries()) servers.set(at(index + 1), server);
});

live("a master with --enable-faults does not join masters without; one that is started so later is told", async (t) => {
  const token = await newToken(at(0), "--role", "master");
  const join_ = ["--join", `${at(0).address}:6443`, "--token", token];
  const refused = startServer(at(3), ...join_, "--enable-faults");
  t.is(await refused.ended, 1, refused.said());
  t.regex(refused.said(), /started without --enable-faults, this one with[^]*leave --enable-faults out[^]*TRP-0404/);
  t.is((await membership(at(0))).members.length, 3);
  await servers.get(at(2))!.end("SIGTERM");
  const again = startServer(at(2), "--enable-faults");
  await until("it says so", async () => again.said().includes("flags.differ"));
  t.regex(
    again.said(),
    /without --enable-faults, this one with; start all of them alike: 198\.51\.100\.1:6443 differs/,
  );
  await again.end("SIGTERM");
  servers.set(at(2), startServer(at(2)));
});

const through = (...args: readonly string[]): Promise<string> =>
  at(outside).kubectl(join(at(outside).folder, "kubeconfig"), ...args);
/** What the forwarder has written down of the masters. */
async function learned(): Promise<string> {
  const home = at(outside);
  return (await home.run("sh", ["-c", `cat ${home.folder}/state/troupe/forward/*.json`])).stdout;
}
const knows = (...boxes: readonly Box[]): (() => Promise<boolean>) => {
  return async () => {
    const words = await learned();
    return boxes.every(({ address }) => words.includes(`${address}:6443`));
  };
};

live("a forwarder on another machine learns all masters, and outlives the one that it was told", async (t) => {
  const config = join(at(outside).folder, "kubeconfig");
  copyFileSync(configOf(at(0)), config);
  at(outside).start("forward", [troupe, "forward", "--port", "7443", "--use"], { KUBECONFIG: config });
  await until("it knows all", knows(at(0), at(1), at(2)));
  await until(
    "its context is there",
    async () => (await through("config", "current-context")) === "troupe-edges-forward\n",
  );
  await servers.get(at(0))!.end("SIGKILL");
  t.regex(await through("create", "configmap", "by-another", "-o", "name"), /by-another/);
});

live("a dead master is replaced in one step by one that learns, and the forwarder learns of that one", async (t) => {
  const dead = await idAt(at(1), at(0));
  const token = await newToken(at(1), "--role", "master");
  servers.set(at(3), startServer(at(3), "--join", `${at(1).address}:6443`, "--token", token));
  await until("it learns", async () => (await idAt(at(1), at(3))) !== "undefined");
  const fresh = await idAt(at(1), at(3));
  t.regex(await promote(at(1), fresh, "--replaces", dead), new RegExp(`^member ${fresh} votes`));
  const ids = (await membership(at(1))).members.map(({ id }) => String(id));
  t.deepEqual([ids.length, ids.includes(dead)], [3, false]);
  await until("the forwarder knows it", knows(at(1), at(2), at(3)));
});

live("one that votes already replaces a dead one all the same", async (t) => {
  const token = await newToken(at(1), "--role", "master");
  servers.set(at(4), startServer(at(4), "--join", `${at(1).address}:6443`, "--token", token));
  await untilVoting(at(1), [at(4)]);
  const dead = await idAt(at(2), at(1));
  await servers.get(at(1))!.end("SIGKILL");
  const fresh = await idAt(at(2), at(4));
  await until("another one leads", async () => {
    const { leader } = await membership(at(2));
    return leader !== undefined && String(leader) !== dead;
  });
  t.regex(await promote(at(2), fresh, "--replaces", dead), new RegExp(`^member ${fresh} votes`));
  const { members } = await membership(at(2));
  t.deepEqual([members.length, members.some(({ id }) => String(id) === dead)], [3, false]);
  t.regex(await promote(at(2), fresh, "--replaces", "77"), /77/);
});

live(
  "a recovery that is forced makes another life beside the masters that answer; neither sees the other",
  async (t) => {
    const recover = (...args: readonly string[]) => at(2).troupe("recover", "--data-dir", dataOf(at(2)), ...args);
    const gone = await idAt(at(2), at(2));
    await servers.get(at(2))!.end("SIGTERM");
    await until("the two others go on", async () => {
      const { leader } = await membership(at(3));
      return leader !== undefined && String(leader) !== gone;
    });
    t.regex((await recover("--accept-loss")).stderr, /answers[^]*TRP-0408/);
    const done = await recover("--accept-loss", "--force");
    t.is(done.code, 0, done.stderr);
    servers.set(at(2), startServer(at(2)));
    await until("it leads alone", async () => (await membership(at(2))).leader !== undefined);
    t.is((await membership(at(2))).members.length, 1);
    await at(2).kubectl(configOf(at(2)), "create", "configmap", "of-the-new");
    await at(3).kubectl(configOf(at(3)), "create", "configmap", "of-the-old");
    const names = (box: Box): Promise<string> => box.kubectl(configOf(box), "get", "configmaps", "-o", "name");
    const [fresh, old] = await Promise.all([names(at(2)), names(at(3))]);
    t.true(fresh.includes("by-another") && fresh.includes("of-the-new") && !fresh.includes("of-the-old"), fresh);
    t.true(old.includes("by-another") && old.includes("of-the-old") && !old.includes("of-the-new"), old);
    t.is((await membership(at(3))).members.length, 3);
  },
);
