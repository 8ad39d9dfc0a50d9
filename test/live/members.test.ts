// Masters come and go under write load: 1 → 3 → 5 → 3, a dead one is replaced, and a survivor goes on alone.
import { existsSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { canDrive, until } from "./support/machine.ts";
import {
  configOf,
  dataOf,
  isNodeReady,
  joinMasters,
  membership,
  newToken,
  startAgent,
  startFirst,
  startMemberLoad,
  startServer,
  useMachines,
  type Box,
  type Member,
  type Running,
} from "./support/machines.ts";

const live = canDrive ? test.serial : test.serial.skip;
const servers = new Map<Box, Running>();
const { at, folder } = useMachines(test, 6);

async function memberAt(from: Box, where: Box): Promise<Member | undefined> {
  return (await membership(from)).members.find(({ api }) => api === `${where.address}:6443`);
}

async function joinAll(from: Box, others: readonly Box[]): Promise<void> {
  const joined = await joinMasters(from, others);
  for (const [index, server] of joined.entries()) servers.set(others[index]!, server);
}

test.serial.before(async () => {
  if (canDrive) servers.set(at(0), await startFirst(at(0), "grow"));
});

live(
  "from one master to three, to five, and back to three, the leader among those that go: no write is lost",
  async (t) => {
    const load = await startMemberLoad(at(0), folder());
    await joinAll(at(0), [at(1), at(2)]);
    await joinAll(at(1), [at(3), at(4)]);
    await until("the last one knows all of them", async () => (await membership(at(4))).members.length === 5);
    // The first one leads, most likely: it goes, and one more.
    for (const gone of [at(0), at(3)]) {
      const from = at(4);
      const { id } = (await memberAt(from, gone))!;
      const removed = await from.troupe("member", "remove", String(id), "--data-dir", dataOf(from));
      t.is(removed.stdout, `member ${id} removed\n`, removed.stderr);
      t.is(await servers.get(gone)!.ended, 6, servers.get(gone)!.said());
      t.regex(servers.get(gone)!.said(), /this member was removed from the cluster[^]*TRP-0206/);
    }
    const report = await load.stop();
    t.log(report);
    t.deepEqual(report.problems, []);
    t.true(report.acknowledged > 100, `${report.acknowledged} writes`);
    await until("three are left", async () => (await membership(at(4))).members.length === 3);
  },
);

live("a member that was removed does not start again, and its id is not given anew", async (t) => {
  const again = await at(0).troupe("server", "--data-dir", dataOf(at(0)));
  t.is(again.code, 6);
  t.regex(again.stderr, /was removed from the cluster at 20/);
  await joinAll(at(1), [at(5)]);
  t.is((await memberAt(at(1), at(5)))!.id, 6);
  const listed = await at(1).troupe("member", "list", "--data-dir", dataOf(at(1)));
  t.regex(listed.stderr, /an odd number is better/);
});

live("leadership goes to the member that is named", async (t) => {
  let [members, leader]: [readonly Member[], number | undefined] = [[], undefined];
  await until("one leads", async () => {
    ({ members, leader } = await membership(at(1)));
    return leader !== undefined;
  });
  const other = members.find(({ id, role }) => id !== leader && role === "voter")!;
  const ran = await at(1).troupe("member", "transfer", other.api, "--data-dir", dataOf(at(1)));
  t.is(ran.stdout, `member ${other.id} leads\n`, ran.stderr);
});

live("a dead master is replaced under load", async (t) => {
  const load = await startMemberLoad(at(1), folder());
  const dead = at(5);
  const { id } = (await memberAt(at(1), dead))!;
  await servers.get(dead)!.end("SIGKILL");
  const removed = await at(1).troupe("member", "remove", String(id), "--data-dir", dataOf(at(1)));
  t.is(removed.code, 0, removed.stderr);
  await at(5).run("rm", ["-rf", dataOf(dead)]);
  await joinAll(at(1), [dead]);
  const report = await load.stop();
  t.log(report);
  t.deepEqual(report.problems, []);
  t.is((await memberAt(at(1), dead))!.id, 7);
});

live("where all others are lost one survivor goes on alone, in another epoch; its node comes back", async (t) => {
  const node = await newToken(at(1));
  startAgent(at(0), "--join", `${at(1).address}:6443`, "--token", node, "--node", "w1");
  await until("the node is Ready", () => isNodeReady(at(1), "w1"));
  await at(1).kubectl(configOf(at(1)), "create", "configmap", "kept");
  const recover = (...args: readonly string[]) => at(1).troupe("recover", "--data-dir", dataOf(at(1)), ...args);
  t.regex((await recover("--accept-loss")).stderr, /its server runs, as process \d+[^]*TRP-0408/);
  await servers.get(at(1))!.end("SIGTERM");
  t.regex((await recover("--accept-loss")).stderr, /answers[^]*TRP-0408/);
  for (const index of [2, 4, 5]) await servers.get(at(index))!.end("SIGKILL");
  t.regex((await recover()).stderr, /nobody has said yet that a loss is accepted/);
  t.false(existsSync(join(dataOf(at(1)), "master.part")));
  const done = await recover("--accept-loss");
  t.is(done.code, 0, done.stderr);
  servers.set(at(1), startServer(at(1)));
  await until("it has what was there", async () =>
    /kept/.test(await at(1).kubectl(configOf(at(1)), "get", "configmap", "kept", "-o", "name")),
  );
  t.is((await membership(at(1))).members.length, 1);
  await at(1).kubectl(configOf(at(1)), "create", "configmap", "new");
  await until("the node is Ready again", async () => {
    const found = await at(1).kubectl(configOf(at(1)), "get", "lease", "-n", "kube-node-lease", "-o", "name");
    return /w1/.test(found) && (await isNodeReady(at(1), "w1"));
  });
  // One of the old life is refused: what it holds is of another cluster.
  await at(2).run("rm", ["-rf", dataOf(at(2))]);
  await joinAll(at(1), [at(2)]);
});
