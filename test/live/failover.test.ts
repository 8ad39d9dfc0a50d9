// Three masters under load by clients of followers and of the one address: the leader dies, goes silent, hands over;
// all are restarted one by one. Nothing acknowledged is lost, no watch misses anything, and a client that tries again
// once sees no error. `npm run soak -- failover` does the same for longer, and gives figures.
import { readFile } from "node:fs/promises";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import test from "ava";
import { runFailovers, type Failovers, type How } from "./support/failover-run.ts";
import { canDrive, createMachine, troupe, until, type Machine } from "./support/machine.ts";
import { pidOfMember } from "./support/members.ts";
import { killHard, pidsOf } from "./support/processes.ts";

/** Where more than processors can do wants to run, or the disk takes its time, times are those of the machine. */
const isQuiet = ({ stood }: Failovers): boolean =>
  loadavg()[0]! < 2 * cpus().length && Math.max(stood.timerMs, stood.syncMs) < stillMaxMs;
const stillMaxMs = 250;
const live = canDrive ? test.serial : test.serial.skip;
const name = `fo${process.pid % 10_000}`;
let machine: Machine;
let data: string;

test.before(async (t) => {
  if (!canDrive) return;
  machine = createMachine();
  data = join(machine.folder, "d");
  const simulated = ["--runtime", "simulated", "--nodes", "2", "--masters", "3", "--wait", "120s"];
  const ran = await machine.troupe("up", "--name", name, "--data-dir", data, ...simulated);
  t.is(ran.code, 0, ran.stderr);
  await machine.kubectl("create", "deployment", "hello", "--image=web:1", "--replicas=3");
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

const pods = async (): Promise<string> =>
  machine.kubectl("get", "pods", "-o", "jsonpath={range .items[*]}{.metadata.uid}{.status.startTime}{end}");

/** Pods are what they were: a change of the leader touches no container. */
async function failovers(how: How, times: number): Promise<Failovers> {
  const before = await pods();
  const report = await runFailovers(machine, data, { how, times });
  const after = await pods();
  return before === after ? report : { ...report, problems: [...report.problems, `pods: ${before}, then ${after}`] };
}

live("the leader is killed: writes go on within three seconds, controllers plan within one more", async (t) => {
  const report = await failovers("kill", 5);
  t.log(report);
  t.deepEqual(report.problems, []);
  if (!isQuiet(report)) return;
  t.true(report.gap.maxMs < 3_000, `${report.gap.maxMs} ms`);
  t.true(report.planBehind.maxMs < 1_000, `${report.planBehind.maxMs} ms`);
});

live("the leader goes silent with its connections open: another one leads when an election time is over", async (t) => {
  const report = await failovers("silent", 3);
  t.log(report);
  t.deepEqual(report.problems, []);
  if (isQuiet(report)) t.true(report.gap.maxMs < 3_000, `${report.gap.maxMs} ms`);
});

live("masters are restarted one by one under load: one election at most for each, none for a follower", async (t) => {
  const report = await failovers("restart", 6);
  t.log(report);
  t.deepEqual(report.problems, []);
  if (isQuiet(report)) t.true(report.electionsMost <= 1, `${report.electionsMost} elections`);
});

live("the keeper dies, the forwarder dies: the one address goes on, and is there again", async (t) => {
  killHard(pidsOf(data, "keeper"));
  await machine.kubectl("create", "configmap", "without-keeper");
  const again = await machine.troupe("up", "--name", name, "--data-dir", data);
  t.is(again.code, 0, again.stderr);
  const forwarders = pidsOf(data, "forward");
  t.is(forwarders.length, 1);
  const [forwarder] = forwarders;
  killHard(forwarders);
  await until("another forwarder", async () => {
    const [now = forwarder] = pidsOf(data, "forward");
    return now !== forwarder && (await machine.kubectl("get", "configmap", "without-keeper")) !== "";
  });
  t.pass();
});

live("troupe forward: a local address for masters that are told or learned, which outlives each of them", async (t) => {
  const { masters } = JSON.parse(await readFile(join(data, "cluster.json"), "utf8")) as {
    readonly masters: readonly { readonly name: string; readonly apiPort: number }[];
  };
  const to = masters.map(({ apiPort }) => `127.0.0.1:${apiPort}`).join(",");
  const script = [troupe, "forward", "--context", `troupe-${name}`, "--to", to, "--port", "7900", "--use"];
  const forwarder = machine.start(process.execPath, script);
  try {
    const through = ["--context", `troupe-${name}-forward`];
    await until("the forwarder", async () => (await machine.kubectl(...through, "get", "nodes", "-o", "name")) !== "");
    for (const { name: member } of masters) {
      const pid = pidOfMember(data, member);
      if (pid === undefined) throw new Error(`there is no master ${member}`);
      killHard([pid]);
      await machine.kubectl(...through, "create", "configmap", `without-${member}`);
      await until(`${member} is back`, async () => {
        const said = await machine.troupe("status", "--name", name);
        return said.code === 0;
      });
    }
    t.is(
      (await machine.run(process.execPath, [troupe, "get", "configmaps", ...through])).code,
      0,
      "gRPC is the next port",
    );
  } finally {
    forwarder.kill("SIGTERM");
  }
});
