// `down` leaves nothing behind, in whatever state it finds a cluster: well, killed as a whole, half
// started, or gone already.
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import test, { type ExecutionContext } from "ava";
import { createMachine, canDrive, root, until, type Machine } from "./support/machine.ts";
import { networkOf } from "./support/network.ts";
import { containerProcesses, killHard, leftOvers, pidsOf, shimSockets } from "./support/processes.ts";

const live = canDrive ? test.serial : test.serial.skip;
const name = `dn${process.pid % 10_000}`;
const everything = ["keeper", "server", "agent", "dns", "containerd", "shim"] as const;
/** Moments in the start of a cluster: the records, the keeper, the network, containerd, the agent. */
const moments = [300, 900, 1_600, 2_500];
let machine: Machine;
let data: string;
let before: readonly string[];

test.before(async () => {
  if (!canDrive) return;
  machine = createMachine();
  data = join(machine.folder, "d");
  before = await networkOf(machine);
});
test.after.always(async () => {
  if (canDrive) await machine.dispose();
});

/** The network namespaces of the cluster's containers, by number. */
function podNamespaces(): ReadonlySet<number> {
  return new Set(containerProcesses(name).map((pid) => statSync(`/proc/${pid}/ns/net`).ino));
}

function namespaces(): readonly number[] {
  return readdirSync("/run/netns").map(
    (entry) => statSync(join("/run/netns", entry), { throwIfNoEntry: false })?.ino ?? 0,
  );
}

async function nothingIsLeft(t: ExecutionContext, pods: ReadonlySet<number> = new Set()): Promise<void> {
  t.deepEqual(leftOvers(data, name), []);
  t.deepEqual(await networkOf(machine), before);
  t.deepEqual(
    namespaces().filter((inode) => pods.has(inode)),
    [],
  );
  const kubeconfig = machine.env["KUBECONFIG"]!;
  t.false(existsSync(kubeconfig) && readFileSync(kubeconfig, "utf8").includes(`troupe-${name}`));
}

async function up(): Promise<void> {
  const ran = await machine.troupe("up", "--name", name, "--data-dir", data);
  if (ran.code !== 0) throw new Error(ran.stderr);
}

async function down(t: ExecutionContext, ...flags: readonly string[]): Promise<void> {
  const ran = await machine.troupe("down", "--name", name, ...flags);
  t.is(ran.code, 0, ran.stderr);
}

live("after kill -9 of everything at once, down leaves nothing; run twice it finds nothing to do", async (t) => {
  await up();
  await machine.kubectl("apply", "-f", join(root, "examples/hello"));
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
  const pods = podNamespaces();
  // Three pods and the machine's own.
  t.true(pods.size >= 3);
  const sockets = shimSockets(data);
  t.true(sockets.filter((path) => existsSync(path)).length >= 3, sockets.join(" "));
  killHard(pidsOf(data, ...everything));
  t.true(leftOvers(data, name).length > 0, "containers outlive their shims");
  await down(t);
  await nothingIsLeft(t, pods);
  t.deepEqual(
    sockets.filter((path) => existsSync(path)),
    [],
  );
  t.true(existsSync(data));
  await down(t);
  await nothingIsLeft(t, pods);
});

live("up again brings the pods back; down --purge takes them and the data, run twice too", async (t) => {
  await up();
  await machine.kubectl("rollout", "status", "deployment/hello", "--timeout=60s");
  const clusterIp = await machine.kubectl("get", "service", "hello", "-o", "jsonpath={.spec.clusterIP}");
  await until("the service answers", async () => {
    const ran = await machine.run("busybox", ["wget", "-q", "-O", "-", `http://${clusterIp}/`], { timeoutMs: 3_000 });
    return ran.code === 0;
  });
  const pods = podNamespaces();
  await down(t, "--purge");
  await nothingIsLeft(t, pods);
  t.false(existsSync(data));
  await down(t, "--purge");
  await nothingIsLeft(t, pods);
});

for (const afterMs of moments) {
  live(`up that is killed after ${afterMs} ms, with all that it started or without, is taken down`, async (t) => {
    const child = machine.start(process.execPath, [join(root, "bin/troupe"), "up", "--name", name, "--data-dir", data]);
    child.stdout!.resume();
    child.stderr!.resume();
    const ended = new Promise((resolve) => child.once("close", resolve));
    await delay(afterMs);
    child.kill("SIGKILL");
    if (moments.indexOf(afterMs) % 2 === 1) killHard(pidsOf(data, ...everything));
    await ended;
    await down(t, "--purge", "--data-dir", data);
    await nothingIsLeft(t);
    t.false(existsSync(data));
  });
}
