// Three masters on one machine: the leader is killed under write load with a ledger of everything that
// clients were told, and the cluster's one address goes on.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import test from "ava";
import { canDrive, createMachine, kubectls, until, type Machine } from "./support/machine.ts";
import { runMasterKills } from "./support/master-kills-run.ts";

const live = canDrive ? test.serial : test.serial.skip;
const name = `ms${process.pid % 10_000}`;
const leaderKills = 5;
let machine: Machine;
let data: string;

interface Status {
  readonly members: readonly { readonly name: string; readonly role: string; readonly pid: number }[];
  readonly nodes: readonly { readonly ready: boolean }[];
}

async function status(): Promise<Status> {
  const ran = await machine.troupe("status", "--name", name, "-o", "json");
  return JSON.parse(ran.stdout) as Status;
}

const leaderOf = ({ members }: Status): string => members.find(({ role }) => role === "leader")?.name ?? "nobody";

test.before(async (t) => {
  if (!canDrive) return;
  machine = createMachine();
  data = join(machine.folder, "d");
  const simulated = ["--runtime", "simulated", "--nodes", "2", "--masters", "3", "--wait", "120s"];
  const ran = await machine.troupe("up", "--name", name, "--data-dir", data, ...simulated);
  t.is(ran.code, 0, ran.stderr);
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

live("up --masters 3: status tells the members and their roles, kubectl goes through the one address", async (t) => {
  const { members } = await status();
  t.deepEqual(
    members.map((member) => member.name),
    ["m1", "m2", "m3"],
  );
  // A machine with much to do may let them elect once more.
  await until("one leads, two follow", async () =>
    (await status()).members
      .map(({ role }) => role)
      .toSorted()
      .every((role, at) => role === ["follower", "follower", "leader"][at]),
  );
  await machine.kubectl("create", "deployment", "hello", "--image=web:1", "--replicas=3");
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
  const refused = await machine.troupe("up", "--name", name, "--masters", "5");
  t.regex(refused.stderr, /it has 3 masters/);
});

live("logs, port-forward's refusal and a node's Lease come from any master by its own address", async (t) => {
  const [pod = ""] = (await machine.kubectl("get", "pods", "-o", "name")).trim().split("\n");
  const { masters } = JSON.parse(await readFile(join(data, "cluster.json"), "utf8")) as {
    readonly masters: readonly { readonly name: string; readonly apiPort: number }[];
  };
  for (const { name: member, apiPort } of masters) {
    const at = ["--server", `https://127.0.0.1:${apiPort}`];
    t.regex(await machine.kubectl(...at, "logs", pod), /simulated container/, member);
    const refused = await machine.run(kubectls().at(-1)?.path ?? "kubectl", [...at, "exec", pod, "--", "date"]);
    t.regex(refused.stderr + refused.stdout, /simulated/, member);
    await until(`${member} knows when n1 was heard`, async () => {
      const lease = await machine.kubectl(...at, "get", "lease", "-n", "kube-node-lease", "n1", "-o", "yaml");
      return lease.includes("renewTime:");
    });
  }
});

live(
  "kill -9 of the leader under write load, again and again: no write lost, the watch goes on, all come back",
  async (t) => {
    const report = await runMasterKills(machine, data, { kills: leaderKills });
    t.log(report);
    t.deepEqual(report.problems, []);
    t.true(report.acknowledged > leaderKills * 10, `${report.acknowledged} writes`);
    await until("the cluster is whole", async () => (await machine.troupe("status", "--name", name)).code === 0);
    const replicas = ["get", "deployment", "hello", "-o", "jsonpath={.status.readyReplicas}"];
    await until("all pods are ready", async () => (await machine.kubectl(...replicas)) === "3");
  },
);

live("an order that is given right behind the leader's death is carried out", async (t) => {
  let leader: Status["members"][number] | undefined;
  await until("one leads", async () => {
    leader = (await status()).members.find(({ role }) => role === "leader");
    return leader !== undefined;
  });
  process.kill(leader!.pid, "SIGKILL");
  await machine.kubectl("scale", "deployment", "hello", "--replicas=5");
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
  await until("another one leads and all are there", async () => {
    const now = await status();
    return leaderOf(now) !== "nobody" && now.members.every(({ role }) => role === "leader" || role === "follower");
  });
  t.pass();
});
