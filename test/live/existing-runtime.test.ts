// A containerd that somebody else runs: the cluster's pods live in it beside a foreign sandbox, which
// neither the agent nor `down` touches; what the cluster put outside its data directory goes with it.
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "ava";
import { realClock } from "../../src/env/real/clock.ts";
import { createCri } from "../../src/node/cri/client.ts";
import { namespaceMode, type Cri, type SandboxConfig } from "../../src/node/cri/cri.ts";
import { busyboxImage, pauseImage } from "../../src/node/images/build/offline.ts";
import { createMachine, canDrive, until, waiting, type Machine } from "./support/machine.ts";
import { killHard, leftOvers, pidsOf } from "./support/processes.ts";

const live = canDrive ? test.serial : test.serial.skip;
const name = `er${process.pid % 10_000}`;
let machine: Machine;
let runtime: ReturnType<Machine["start"]>;
let cri: Cri;
let socket: string;
const folder = (path: string): string => join(machine.folder, path);

/** As Debian's package has it, but in folders of the test's own. */
const configuration = (): string => `version = 2
root = "${folder("root")}"
state = "${folder("state")}"
oom_score = 0
[grpc]
address = "${socket}"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "${pauseImage}"
restrict_oom_score_adj = true
stream_server_address = "127.0.0.1"
stream_server_port = "0"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "${folder("runc")}"
[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "${folder("cni-bin")}"
conf_dir = "${folder("cni-conf")}"
`;

const foreign: SandboxConfig = {
  metadata: { name: "foreign", uid: `foreign-${name}`, namespace: "default", attempt: 0 },
  hostname: "",
  logDirectory: "",
  labels: { "io.kubernetes.pod.uid": `foreign-${name}`, "io.kubernetes.pod.name": "foreign" },
  annotations: {},
  linux: {
    cgroupParent: `/foreign-${name}`,
    securityContext: {
      namespaceOptions: { network: namespaceMode.node, pid: namespaceMode.container, ipc: namespaceMode.pod },
    },
  },
};

test.before(async () => {
  if (!canDrive) return;
  machine = createMachine();
  socket = folder("c.sock");
  for (const each of ["cni-bin", "cni-conf"]) mkdirSync(folder(each));
  writeFileSync(folder("config.toml"), configuration());
  runtime = machine.start("containerd", ["-c", folder("config.toml")]);
  cri = createCri({ socket, clock: realClock });
  await until("the runtime answers", () =>
    cri.version().then(
      () => true,
      () => false,
    ),
  );
});

test.after.always(async () => {
  if (!canDrive) return;
  for (const { id } of await cri.listPodSandboxes()) {
    await cri.stopPodSandbox(id);
    await cri.removePodSandbox(id);
  }
  cri.close();
  runtime.kill("SIGTERM");
  await new Promise((settle) => runtime.once("exit", settle));
  await machine.dispose();
});

const up = (...more: readonly string[]) =>
  machine.troupe("up", "--name", name, "--data-dir", folder("d"), "--container-runtime-endpoint", ...more);
const pods = async (): Promise<string> => machine.kubectl("get", "pods", "-o", "wide");

live("a socket that is not there is refused before anything starts", async (t) => {
  const ran = await up(`unix://${folder("nothing.sock")}`);
  t.not(ran.code, 0);
  t.regex(ran.stderr, /there is no socket .*TRP-0119/s);
  t.false(existsSync(folder("d")));
});

live("another pod network that comes first is refused, by name", async (t) => {
  writeFileSync(folder("cni-conf/00-a.conflist"), "{}");
  const ran = await up(socket, "--wait", "8s");
  t.not(ran.code, 0);
  // Its agent goes on being started, and says so as often.
  await until("the network is named", async () => {
    const log = await machine.run("sh", ["-c", `cat ${folder("d")}/logs/*`]);
    return /another pod network: .*00-a\.conflist/.test(log.stdout);
  });
  await machine.run("rm", [folder("cni-conf/00-a.conflist")]);
});

live("the cluster's pods run in the existing containerd", async (t) => {
  const ran = await up(`unix://${socket}`);
  t.is(ran.code, 0, ran.stderr);
  const foreignId = await cri.runPodSandbox(foreign);
  const command = ["sh", "-c", waiting];
  await machine.kubectl("create", "deployment", "web", `--image=${busyboxImage}`, "--replicas=2", "--", ...command);
  await machine.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  const there = await cri.listPodSandboxes({ state: "ready" });
  t.is(there.length, 3);
  t.deepEqual(
    there.filter(({ labels }) => labels["troupe.dev/data-directory"] === undefined).map(({ id }) => id),
    [foreignId],
  );
  t.deepEqual(pidsOf(folder("d"), "containerd"), [], "none of our own was started");
  t.regex(await machine.kubectl("exec", "deployment/web", "--", "echo", "hello"), /hello/);
});

live("an agent that was killed adopts its pods and leaves the foreign sandbox alone", async (t) => {
  const before = await pods();
  const old = pidsOf(folder("d"), "agent");
  killHard(old);
  await until("a new agent", async () => {
    const now = pidsOf(folder("d"), "agent");
    return now.length === 1 && !old.includes(now[0]!);
  });
  await machine.kubectl("wait", "--for=condition=Ready", "node/n1", "--timeout=60s");
  await machine.kubectl("delete", "pod", "-l", "app=web", "--wait");
  await machine.kubectl("rollout", "status", "deployment/web", "--timeout=60s");
  t.not(await pods(), before);
  const ready = await cri.listPodSandboxes({ state: "ready" });
  t.true(ready.some(({ metadata }) => metadata.name === "foreign"));
});

live("down takes away what is ours and nothing else", async (t) => {
  const ran = await machine.troupe("down", "--name", name, "--purge");
  t.is(ran.code, 0, ran.stderr);
  t.deepEqual(
    (await cri.listPodSandboxes()).map(({ metadata }) => metadata.name),
    ["foreign"],
  );
  t.deepEqual(readdirSync(folder("cni-bin")), []);
  t.deepEqual(readdirSync(folder("cni-conf")), []);
  t.deepEqual(leftOvers(folder("d"), name), []);
});
