// Faults in a live cluster with real processes and containers: each case injects one by the API and
// asserts what the product promises: it goes on, it says why, it loses nothing.
import { join } from "node:path";
import test, { type ExecutionContext } from "ava";
import { createMachine, canDrive, root, until, type Machine } from "./support/machine.ts";
import { apply, hit, inject, over, podOf, statusOf } from "./support/faults.ts";

const live = canDrive ? test.serial : test.serial.skip;
const name = `fl${process.pid % 10_000}`;
let machine: Machine;
let data: string;
let url: string;

const kubectl = (...args: readonly string[]): Promise<string> => machine.kubectl(...args);
const ready = (pod: string): Promise<string> => kubectl("wait", "--for=condition=Ready", `pod/${pod}`, "--timeout=60s");
const rolledOut = (deployment: string): Promise<string> =>
  kubectl("rollout", "status", `deployment/${deployment}`, "--timeout=60s");
const eventsOf = (object: string): Promise<string> => kubectl("events", "--for", object);
/** An Event and the state that it tells of come by ways of their own. */
const tells = (object: string, pattern: RegExp): Promise<void> =>
  until(`${object} tells ${String(pattern)}`, async () => pattern.test(await eventsOf(object)));
/** It is over from now on. */
const lift = (fault: string): Promise<string> => kubectl("delete", "fault", fault);

test.before(async (t) => {
  if (!canDrive) return;
  machine = createMachine();
  data = join(machine.folder, "d");
  const ran = await machine.troupe("up", "--name", name, "--data-dir", data, "--enable-faults");
  t.is(ran.code, 0, ran.stderr);
  await kubectl("apply", "-f", join(root, "examples/hello"));
  await rolledOut("hello");
  url = `http://${await kubectl("get", "service", "hello", "-o", "jsonpath={.spec.clusterIP}")}/`;
});
test.afterEach.always(async () => {
  if (canDrive) await machine.run("kubectl", ["delete", "faults", "--all", "--wait=false"]);
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

async function answers(): Promise<boolean> {
  const ran = await machine.run("curl", ["-sf", "--max-time", "20", url]);
  return ran.code === 0 && ran.stdout.includes("from hello-");
}

const actorOf = async (path: string): Promise<{ readonly restarts: number; readonly lastError?: string }> =>
  (
    JSON.parse(await kubectl("get", "actor", path.slice(1).replaceAll("/", "."), "-o", "json")) as {
      readonly status: { readonly restarts: number; readonly lastError?: string };
    }
  ).status;

/** Containers of all pods: how often each was started again. */
const restartsOf = (selector: string): Promise<string> =>
  kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].status.containerStatuses[*].restartCount}");

const uidsOf = (selector: string): Promise<string> =>
  kubectl("get", "pods", "-l", selector, "-o", "jsonpath={.items[*].metadata.uid}");

/** A runtime that is slow to answer, on a machine with much to do, taints the node for a moment. */
async function noTaints(): Promise<void> {
  const taints = ["get", "node", "n1", "-o", "jsonpath={.spec.taints}"];
  await until("the node has no taint", async () => (await kubectl(...taints)) === "");
}

/** Pids of what carries these words in its arguments and lies in this test's data directory. */
async function processOf(role: "server" | "agent"): Promise<string> {
  const ran = await machine.run("pgrep", ["-f", `troupe ${role} --data-dir ${data}`]);
  return ran.stdout.trim();
}

async function answersAgain(): Promise<void> {
  await until("the master answers", async () => (await kubectl("get", "--raw", "/readyz")).startsWith("ok"));
}

let tries = 0;

/** A disk that nobody writes to does not fail. */
async function writeUntil(what: string, holds: () => Promise<boolean>): Promise<void> {
  await until(what, async () => {
    tries += 1;
    await machine.run("timeout", ["5", "kubectl", "create", "configmap", `try-${tries}`]);
    return holds();
  });
}

async function crashed(t: ExecutionContext, path: string): Promise<void> {
  await inject(machine, "crash", { kind: "crash", where: { path }, for: { ms: 60_000, count: 1 } });
  t.is((await over(machine, "crash")).hits, 1);
  await until(`${path} was started again`, async () => {
    const { restarts, lastError } = await actorOf(path);
    return restarts >= 1 && lastError === "fault injected: crash";
  });
}

live("the runtime fails at a step of a pod's start, whichever: the pod says why, and runs", async (t) => {
  const failsAt = async (method: string): Promise<void> => {
    const pod = `fails-${method.toLowerCase()}`;
    const where = { name: pod, path: `/node/*/cri/${method}` };
    const args = { message: "out of sorts" };
    await inject(machine, pod, { kind: "error", seam: "cri", where, args, for: { ms: 120_000, count: 1 } });
    await apply(machine, podOf(pod));
    await ready(pod);
    const { hits, targets } = await over(machine, pod);
    t.is(hits, 1, method);
    t.is(targets?.[0]?.points?.[0]?.path, `/node/n1/cri/${method}`);
    await tells(`pod/${pod}`, /out of sorts/);
  };
  // At once: each waits for its next try.
  await Promise.all(["runPodSandbox", "createContainer", "startContainer"].map(failsAt));
});

live("the answer to a started sandbox is lost: it is found again, there are not two", async (t) => {
  const where = { name: "lost", path: "/node/*/cri/runPodSandbox" };
  await inject(machine, "losing", { kind: "drop", seam: "cri", where, for: { ms: 60_000, count: 1 } });
  await apply(machine, podOf("lost"));
  await ready("lost");
  await over(machine, "losing");
  t.is(await restartsOf("app=lost"), "0");
});

live("the runtime fails to stop a container: the pod goes for good all the same", async (t) => {
  await apply(machine, podOf("stays"));
  await ready("stays");
  const where = { name: "stays", path: "/node/*/cri/stop*" };
  await inject(machine, "stopping", { kind: "error", seam: "cri", where, for: { ms: 60_000, count: 2 } });
  await kubectl("delete", "pod", "stays", "--timeout=60s");
  t.true(((await over(machine, "stopping")).hits ?? 0) >= 1);
});

live("the runtime is slow for one pod: others start meanwhile", async (t) => {
  const where = { name: "slow", path: "/node/*/cri/runPodSandbox" };
  await inject(machine, "slowly", {
    kind: "delay",
    seam: "cri",
    where,
    args: { ms: 12_000 },
    for: { ms: 60_000, count: 1 },
  });
  await apply(machine, podOf("slow"));
  await apply(machine, podOf("quick"));
  await ready("quick");
  await ready("slow");
  const startOf = async (pod: string): Promise<number> =>
    Date.parse(
      await kubectl("get", "pod", pod, "-o", "jsonpath={.status.containerStatuses[0].state.running.startedAt}"),
    );
  t.true((await startOf("quick")) < (await startOf("slow")));
});

live("a pod gets no address: it says why, and gets one later", async (t) => {
  const args = { message: "the range is on strike" };
  await inject(machine, "no-address", { kind: "error", seam: "cni", args, for: { ms: 60_000, count: 2 } });
  await apply(machine, podOf("nowhere"));
  await ready("nowhere");
  t.is((await over(machine, "no-address")).hits, 2);
  await tells("pod/nowhere", /the range is on strike/);
});

live("nft fails: the last good rules serve, and the new ones come once it works", async (t) => {
  await inject(machine, "no-rules", { kind: "error", seam: "nft", for: { ms: 120_000 } });
  await kubectl("create", "service", "clusterip", "late", "--tcp=80:8080");
  await kubectl("patch", "service", "late", "-p", JSON.stringify({ spec: { selector: { app: "hello" } } }));
  await hit(machine, "no-rules");
  t.true(await answers(), "the service from before is served");
  await lift("no-rules");
  const late = await kubectl("get", "service", "late", "-o", "jsonpath={.spec.clusterIP}");
  await until(
    "the new service is served",
    async () => (await machine.run("curl", ["-sf", "--max-time", "5", `http://${late}/`])).code === 0,
  );
});

live("the proxy's actor crashes: Services are served throughout", async (t) => {
  await crashed(t, "/node/n1/proxy");
  t.true(await answers());
});

live("the link's actor crashes: it is made anew, and orders arrive", async (t) => {
  await crashed(t, "/node/n1/link");
  await apply(machine, podOf("after-link"));
  await ready("after-link");
  await noTaints();
});

live("a pod's actor crashes: its container never notices", async (t) => {
  await apply(machine, podOf("calm"));
  await ready("calm");
  const where = { labels: "app=calm", path: "/node/*/pod/**" };
  await inject(machine, "actor", { kind: "crash", where, for: { ms: 60_000, count: 1 } });
  t.deepEqual(
    (await over(machine, "actor")).targets?.flatMap(({ points }) => points ?? []).map(({ path }) => path),
    ["/node/n1/pod/default/calm"],
  );
  t.is(await restartsOf("app=calm"), "0");
  await kubectl("delete", "pod", "calm", "--timeout=60s");
});

live("the cable to the masters is dead: containers and Services go on, and the node is heard again", async (t) => {
  const uids = await uidsOf("app=hello");
  await inject(machine, "cable", { kind: "hang", seam: "link", where: { node: "n1" }, for: { ms: 8_000 } });
  t.true(await answers());
  await over(machine, "cable");
  await apply(machine, podOf("after-cable"));
  await ready("after-cable");
  t.is(await uidsOf("app=hello"), uids, "nobody was replaced");
});

live("messages from the node come twice and out of order: statuses are what they would be", async (t) => {
  const common = { seam: "link", where: { node: "n1", path: "/link/n1/up/report" }, for: { ms: 120_000 } };
  await inject(machine, "twice", { ...common, kind: "duplicate", when: { p: 0.5 }, seed: 1 });
  await inject(machine, "muddle", { ...common, kind: "reorder", when: { p: 0.3 }, seed: 2 });
  const labels = { app: "many" };
  const template = { metadata: { labels }, spec: (podOf("many") as { readonly spec: object }).spec };
  const metadata = { name: "many" };
  const spec = { replicas: 4, selector: { matchLabels: labels }, template };
  await apply(machine, { apiVersion: "apps/v1", kind: "Deployment", metadata, spec });
  await rolledOut("many");
  await kubectl("scale", "deployment/many", "--replicas=1");
  await until("one is left", async () => (await uidsOf("app=many")).split(" ").length === 1);
  t.is(await restartsOf("app=many"), "0");
  // What the node reports in one is not hit as often: then there is more to report.
  await until("both have hit", async () => {
    const found = await Promise.all(["twice", "muddle"].map((fault) => statusOf(machine, fault)));
    if (found.every(({ hits = 0 }) => hits > 0)) return true;
    await kubectl("delete", "pods", "-l", "app=many");
    await rolledOut("many");
    return false;
  });
});

live("the Deployment controller crashes in a rollout: it is completed", async (t) => {
  await kubectl("set", "env", "deployment/hello", "GREETING=crash");
  await crashed(t, "/ctl/deployment");
  await rolledOut("hello");
  // Pods that are on their way out may answer a little longer.
  await until("the new ones answer", async () =>
    (await machine.run("curl", ["-s", "--max-time", "5", url])).stdout.startsWith("crash from hello-"),
  );
});

live("the scheduler crashes: pods are bound once, by the next one", async (t) => {
  await crashed(t, "/sched");
  await apply(machine, podOf("bound"));
  await ready("bound");
  await tells("pod/bound", /Successfully assigned/);
  t.is((await eventsOf("pod/bound")).match(/Successfully assigned/g)?.length, 1);
});

live("messages to controllers come twice and out of order: what comes of it is the same", async (t) => {
  const common = { seam: "mailbox", where: { path: "/ctl/**" }, for: { ms: 120_000 } };
  await inject(machine, "echo", { ...common, kind: "duplicate", when: { p: 0.5 } });
  await inject(machine, "shuffle", { ...common, kind: "reorder", when: { p: 0.5 } });
  await kubectl("set", "env", "deployment/hello", "GREETING=shuffled");
  await rolledOut("hello");
  for (const fault of ["echo", "shuffle"]) await hit(machine, fault);
  await until("three are left", async () => (await uidsOf("app=hello")).split(" ").length === 3);
  await until("they answer", answers);
  t.pass();
});

live("a message to an object is lost: the client is told that nothing is known, and tries again", async (t) => {
  await kubectl("create", "configmap", "quiet", "--from-literal=a=1");
  const where = { kind: "configmaps", name: "quiet" };
  await inject(machine, "swallow", { kind: "drop", where, for: { ms: 60_000, count: 1 } });
  const patch = ["patch", "configmap", "quiet", "-p", '{"data":{"a":"2"}}'];
  const first = machine.start("kubectl", patch);
  t.is((await over(machine, "swallow")).hits, 1);
  first.kill("SIGKILL");
  t.is(await kubectl("get", "configmap", "quiet", "-o", "jsonpath={.data.a}"), "1");
  await kubectl(...patch);
  t.is(await kubectl("get", "configmap", "quiet", "-o", "jsonpath={.data.a}"), "2");
});

live(
  "an object's reaction is poisoned: its row is written all the same, and the actor says what it failed with",
  async (t) => {
    await apply(machine, podOf("poisoned"));
    await ready("poisoned");
    const where = { kind: "pods", name: "poisoned" };
    await inject(machine, "poison", { kind: "poison", where, for: { ms: 120_000 } });
    await kubectl("delete", "pod", "poisoned", "--wait=false");
    await hit(machine, "poison");
    await lift("poison");
    await until("it goes", async () => (await machine.run("kubectl", ["get", "pod", "poisoned"])).code !== 0);
    t.pass();
  },
);

live("the master's disk is slow: writes are slow, and none is lost", async (t) => {
  await inject(machine, "molasses", {
    kind: "delay",
    seam: "disk",
    where: { master: "m1" },
    args: { ms: 200 },
    for: { ms: 120_000 },
  });
  for (let at = 0; at < 5; at += 1) await kubectl("create", "configmap", `slow-${at}`, `--from-literal=at=${at}`);
  await hit(machine, "molasses");
  for (let at = 0; at < 5; at += 1)
    t.is(await kubectl("get", "configmap", `slow-${at}`, "-o", "jsonpath={.data.at}"), `${at}`);
});

live("the master's disk fails: it ends rather than lie, and its next life has all that was acknowledged", async (t) => {
  await kubectl("create", "configmap", "before-failure");
  const before = await processOf("server");
  const where = { master: "m1", path: "/disk/write/**" };
  const spec = { kind: "error", seam: "disk", where, args: { code: "EIO" }, when: { atMs: 1_000 } };
  const metadata = { name: "broken-disk" };
  const fault = {
    apiVersion: "faults.troupe.dev/v1",
    kind: "Fault",
    metadata,
    spec: { ...spec, for: { ms: 20_000, count: 1 } },
  };
  await apply(machine, fault);
  await writeUntil("another process", async () => ![before, ""].includes(await processOf("server")));
  await answersAgain();
  t.regex(await kubectl("get", "configmap", "before-failure"), /before/);
  t.is((await over(machine, "broken-disk")).hits, 1);
});

live("the master's disk is full: reads are served, and writes go on once there is room", async (t) => {
  await kubectl("create", "configmap", "before-full");
  const where = { master: "m1", path: "/disk/write/**" };
  await apply(machine, {
    apiVersion: "faults.troupe.dev/v1",
    kind: "Fault",
    metadata: { name: "full-disk" },
    spec: { kind: "full", seam: "disk", where, when: { atMs: 1_000 }, for: { ms: 4_000 } },
  });
  await writeUntil("it is over", async () => (await statusOf(machine, "full-disk")).phase === "Ended");
  await answersAgain();
  t.regex(await kubectl("get", "configmap", "before-full"), /before/);
  await kubectl("create", "configmap", "behind-full");
  t.true(((await over(machine, "full-disk")).hits ?? 0) > 0);
});

live("the master stands still for three seconds: nobody kills it for that, and the node is not given up", async (t) => {
  const pid = await processOf("server");
  const where = { master: "m1" };
  await inject(machine, "still", {
    kind: "pause",
    seam: "program",
    where,
    args: { ms: 3_000 },
    for: { ms: 10_000, count: 1 },
  });
  t.true(await answers(), "Services need no master");
  await answersAgain();
  t.is((await over(machine, "still")).hits, 1);
  t.is(await processOf("server"), pid);
});

live("the master hangs: its watchdog ends it, and the next one answers", async (t) => {
  const pid = await processOf("server");
  await apply(machine, {
    apiVersion: "faults.troupe.dev/v1",
    kind: "Fault",
    metadata: { name: "stuck" },
    spec: { kind: "hang", seam: "program", where: { role: "leader" }, for: { ms: 30_000, count: 1 } },
  });
  await until("another process", async () => ![pid, ""].includes(await processOf("server")));
  await answersAgain();
  t.is((await over(machine, "stuck")).hits, 1);
});

live("the agent is killed: containers run on under the next one, and it is killed once only", async (t) => {
  const uids = await uidsOf("app=hello");
  const pid = await processOf("agent");
  const where = { node: "n1" };
  await inject(machine, "agent", { kind: "crash", seam: "program", where, for: { ms: 5_000, count: 1 } });
  await until("another agent", async () => ![pid, ""].includes(await processOf("agent")));
  t.true(await answers());
  t.is((await over(machine, "agent")).hits, 1);
  await apply(machine, podOf("after-agent"));
  await ready("after-agent");
  t.is(await uidsOf("app=hello"), uids);
});

live("clocks are off by five minutes: nobody is evicted, and leases are judged by the leader's time", async (t) => {
  const uids = await uidsOf("app=hello");
  const lasts = { for: { ms: 6_000 }, args: { ms: -300_000 } };
  await inject(machine, "node-clock", { kind: "skew", where: { node: "n1" }, ...lasts });
  await inject(machine, "master-clock", { kind: "skew", where: { master: "m1" }, ...lasts, args: { ms: 300_000 } });
  await apply(machine, podOf("timely"));
  await ready("timely");
  await over(machine, "node-clock");
  t.is(await uidsOf("app=hello"), uids);
  await noTaints();
});

live("troupe fault run makes a file's faults one after the other, waits, and says what was hit", async (t) => {
  const faults = [
    {
      metadata: { name: "first" },
      spec: { kind: "crash", where: { path: "/ctl/replicaset" }, for: { ms: 2_000, count: 1 } },
    },
    {
      metadata: { name: "second" },
      spec: { kind: "crash", where: { path: "/node/n1/status" }, when: { atMs: 2_000 }, for: { ms: 2_000, count: 1 } },
    },
  ].map((each) => JSON.stringify({ apiVersion: "faults.troupe.dev/v1", kind: "Fault", ...each }));
  const file = join(machine.folder, "outage.yaml");
  await machine.run("sh", ["-c", `cat > ${file}`], { input: faults.join("\n---\n") });
  const ran = await machine.troupe("fault", "run", file);
  t.is(ran.code, 0, ran.stderr);
  t.regex(ran.stdout, /first +actor +crash +1 +\w+ +\/ctl\/replicaset \(1\)/);
  t.regex(ran.stdout, /second +actor +crash +1 +\w+ +\/node\/n1\/status \(1\)/);
  const again = await machine.troupe("fault", "run", file);
  t.is(again.code, 0, "those that are over make room");
  t.is((await machine.troupe("fault", "clear", "--all")).code, 0);
  t.is(await kubectl("get", "faults", "-o", "name"), "");
  const refused = await machine.troupe("fault", "add", "melt");
  t.regex(refused.stderr, /spec\.kind: Unsupported value: "melt"/);
});
