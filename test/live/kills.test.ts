// What dies comes back, and takes nothing with it: containers, pods, agent, containerd, keeper, DNS, and
// the master under write load with a ledger of everything that clients were told.
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { createMachine, canDrive, root, until, type Machine } from "./support/machine.ts";
import { runMasterKills } from "./support/master-kills-run.ts";
import { initOf, killHard, pidsOf } from "./support/processes.ts";

const live = canDrive ? test.serial : test.serial.skip;
const name = `ki${process.pid % 10_000}`;
const masterKills = 8;
let machine: Machine;
let data: string;

interface Pod {
  readonly metadata: { readonly name: string };
  readonly status: {
    readonly containerStatuses?: readonly {
      readonly ready: boolean;
      readonly restartCount: number;
      readonly containerID: string;
      readonly state: Readonly<Record<string, { readonly reason?: string; readonly startedAt?: string }>>;
      readonly lastState: { readonly terminated?: { readonly exitCode: number; readonly reason: string } };
    }[];
  };
}

test.before(async (t) => {
  if (!canDrive) return;
  machine = createMachine();
  data = join(machine.folder, "d");
  const ran = await machine.troupe("up", "--name", name, "--data-dir", data);
  t.is(ran.code, 0, ran.stderr);
  await machine.kubectl("apply", "-f", join(root, "examples/hello"));
  const ticks = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "ticks" },
    spec: {
      terminationGracePeriodSeconds: 1,
      containers: [
        {
          name: "ticks",
          image: "localhost/troupe/busybox:1",
          command: [
            "/bin/sh",
            "-c",
            "trap 'exit 0' TERM; touch /tmp/well; while :; do n=$((n+1)); echo tick $n; sleep 0.3; done",
          ],
          readinessProbe: {
            exec: { command: ["test", "-f", "/tmp/well"] },
            periodSeconds: 1,
            // How quick it is, is not asked.
            timeoutSeconds: 20,
            failureThreshold: 1,
          },
        },
      ],
    },
  };
  const applied = await machine.run("kubectl", ["apply", "-f", "-"], { input: JSON.stringify(ticks) });
  t.is(applied.code, 0, applied.stderr);
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
  await machine.kubectl("wait", "--for=condition=Ready", "pod/ticks", "--timeout=60s");
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

async function podsOf(): Promise<readonly Pod[]> {
  return (JSON.parse(await machine.kubectl("get", "pods", "-o", "json")) as { readonly items: readonly Pod[] }).items;
}

async function container(pod: string) {
  const found = (await podsOf()).find(({ metadata }) => metadata.name === pod)?.status.containerStatuses?.[0];
  if (found === undefined) throw new Error(`${pod} has no container`);
  return found;
}

/** What must not change when something around the containers dies. */
async function lives(): Promise<readonly string[]> {
  return (await podsOf()).map(({ metadata, status }) => {
    const { containerID, state, restartCount } = status.containerStatuses![0]!;
    return `${metadata.name} ${containerID} ${state["running"]?.startedAt} ${restartCount} ${initOf(containerID)}`;
  });
}

async function newPid(role: "agent" | "server" | "containerd" | "dns", old: readonly number[]): Promise<void> {
  await until(`a new ${role} runs`, () =>
    Promise.resolve(pidsOf(data, role).length > 0 && pidsOf(data, role).every((pid) => !old.includes(pid))),
  );
}

async function nodeWorks(t: ExecutionContext): Promise<void> {
  const tick = async (): Promise<number> =>
    Number(/tick (\d+)/.exec(await machine.kubectl("logs", "ticks", "--tail=1"))?.[1] ?? 0);
  let before = 0;
  await until("logs are served", async () => (before = await tick()) > 0);
  await until("logs go on", async () => (await tick()) > before);
  await until("exec works", async () => {
    await machine.kubectl("exec", "ticks", "--", "rm", "-f", "/tmp/well");
    return true;
  });
  await until("the readiness probe goes on", async () => !(await container("ticks")).ready);
  await machine.kubectl("exec", "ticks", "--", "touch", "/tmp/well");
  await until("the pod is ready again", async () => (await container("ticks")).ready);
  t.true((await machine.kubectl("get", "nodes")).includes(" Ready "));
}

live("a container's process that is killed is restarted at once, then with a back-off that is shown", async (t) => {
  const first = await container("ticks");
  killHard([initOf(first.containerID)!]);
  await until("it is restarted", async () => (await container("ticks")).restartCount === 1);
  await until("it is ready", async () => (await container("ticks")).ready);
  const second = await container("ticks");
  t.not(second.containerID, first.containerID);
  t.like(second.lastState.terminated, { exitCode: 137, reason: "Error" });
  killHard([initOf(second.containerID)!]);
  await until("it is shown to back off", async () =>
    /0\/1 +CrashLoopBackOff +1 /.test(await machine.kubectl("get", "pods", "ticks")),
  );
  await until("it is restarted after the back-off", async () => (await container("ticks")).restartCount === 2);
  await until("it is ready", async () => (await container("ticks")).ready);
  t.regex(await machine.kubectl("events", "--for", "pod/ticks"), /Back-off restarting failed container ticks/);
});

live("a deleted pod is replaced", async (t) => {
  const names = async (): Promise<readonly string[]> =>
    (await machine.kubectl("get", "pods", "-l", "app=hello", "-o", "name")).trim().split("\n");
  const [victim = ""] = await names();
  await machine.kubectl("delete", victim, "--timeout=60s");
  let after: readonly string[] = [];
  await until("there are three again", async () => (after = await names()).length === 3);
  t.false(after.includes(victim));
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
});

live("kill -9 of the agent: containers run on, are adopted, and probes, logs and exec go on", async (t) => {
  const before = await lives();
  const agent = pidsOf(data, "agent");
  killHard(agent);
  await newPid("agent", agent);
  await nodeWorks(t);
  t.deepEqual(await lives(), before);
});

live("kill -9 of containerd: containers run on, are adopted, and new pods start", async (t) => {
  const before = await lives();
  const old = pidsOf(data, "containerd");
  killHard(old);
  await newPid("containerd", old);
  await nodeWorks(t);
  t.deepEqual(await lives(), before);
  await machine.kubectl("run", "later", "--image=localhost/troupe/busybox:1", "--", "sleep", "1000");
  await machine.kubectl("wait", "--for=condition=Ready", "pod/later", "--timeout=60s");
  await machine.kubectl("delete", "pod", "later", "--grace-period=1");
});

live("kill -9 of the keeper: up again adopts what runs, and keeps it", async (t) => {
  const before = await lives();
  const own = pidsOf(data, "server", "agent", "dns", "containerd");
  killHard(pidsOf(data, "keeper"));
  const ran = await machine.troupe("up", "--name", name);
  t.is(ran.code, 0, ran.stderr);
  t.deepEqual(pidsOf(data, "server", "agent", "dns", "containerd"), own);
  t.is(pidsOf(data, "keeper").length, 1);
  t.deepEqual(await lives(), before);
  const agent = pidsOf(data, "agent");
  killHard(agent);
  await newPid("agent", agent);
  await nodeWorks(t);
});

live("kill -9 of the DNS process: names are answered again within seconds", async (t) => {
  await until("there is one", async () => pidsOf(data, "dns").length === 1);
  const old = pidsOf(data, "dns");
  const server = await machine.kubectl("exec", "ticks", "--", "sed", "-n", "s/^nameserver //p", "/etc/resolv.conf");
  killHard(old);
  await until(
    "the name is answered",
    async () => {
      const asked = ["nslookup", "hello.default.svc.cluster.local", server.trim()];
      return (await machine.run("busybox", asked, { timeoutMs: 5_000 })).code === 0;
    },
    30_000,
  );
  t.is(pidsOf(data, "dns").length, 1);
});

live("kill -9 of the master under write load: no write lost, no revision reused, the watch goes on", async (t) => {
  const before = await lives();
  const report = await runMasterKills(machine, data, { kills: masterKills });
  t.log(report);
  t.deepEqual(report.problems, []);
  t.true(report.acknowledged > masterKills * 10, `${report.acknowledged} writes`);
  t.true(report.resumptions >= masterKills);
  await until("the node is ready", async () => (await machine.troupe("status", "--name", name)).code === 0);
  t.deepEqual(await lives(), before);
});
