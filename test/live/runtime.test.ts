/**
 * The node's runtime half on the real machine: its own containerd in its own network namespace, own
 * cgroup root and data directory. Root only. Whatever a test leaves is removed at the end, and that
 * nothing is left is the last test.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";

import test from "ava";

import { realClock } from "../../src/env/real/clock.ts";
import { realCrypto } from "../../src/env/real/crypto.ts";
import { realHost } from "../../src/env/real/host.ts";
import { createCgroups, detectLayout } from "../../src/node/cgroups/cgroups.ts";
import { podCgroup } from "../../src/node/cgroups/layout.ts";
import { cleanUpNode } from "../../src/node/containerd/cleanup.ts";
import { createContainerd, pidPath, socketPath } from "../../src/node/containerd/containerd.ts";
import { createCri } from "../../src/node/cri/client.ts";
import { createContainerdServices } from "../../src/node/cri/containerd-services.ts";
import { type ContainerConfig, type Cri, namespaceMode, type SandboxConfig } from "../../src/node/cri/cri.ts";
import { busyboxImage, pauseImage } from "../../src/node/images/build/offline.ts";
import { importArchive, importAtStart } from "../../src/node/images/import.ts";
import { writeTar } from "../../src/node/images/tar.ts";
import { rotateLogs } from "../../src/node/logs/rotate.ts";
import { makeNodeNamespace } from "../../src/node/network/namespace.ts";
import { createIpam } from "../../src/node/network/ipam.ts";
import { createRecorder, readRecords } from "../../src/node/network/outside.ts";
import { podLink } from "../../src/node/network/plugin.ts";
import { findNodeAddress, setUpNetwork } from "../../src/node/network/setup.ts";
import { startNodeRuntime } from "../../src/node/runtime.ts";
import { openNodeStream } from "../../src/node/streams/serve.ts";
import { createHeaderCompressor, createSpdyDecoder, dataFrames, synStream } from "../../src/util/spdy/frames.ts";
import type { RuntimeStream } from "../../src/node/streams/runtime-stream.ts";
import { isRoot, until } from "./support/machine.ts";

const live = isRoot ? test.serial : test.serial.skip;

const unique = `nrt${process.pid % 100_000}`;
const dataDirectory = isRoot ? mkdtempSync("/tmp/trn-") : "";
const cgroupRoot = `/troupe-${unique}`;
const subnet = `172.31.${100 + (process.pid % 100)}`;
const namespace = {
  name: unique,
  bridge: `${unique}b`,
  link: `${unique}v`,
  bridgeAddress: `${subnet}.1/24`,
  nodeAddress: `${subnet}.10`,
};
const podUid = "11111111-2222-3333-4444-555555555555";

/** How long what is asked of a container may take; nothing here is about that. */
const execSeconds = 60;

const clock = realClock;
const crypto = realCrypto;
const host = realHost();
const { exec, files, net } = host;
const log = (): void => undefined;
const recorder = createRecorder({ files, dataDirectory, ownNetns: true });
const machineRecorder = createRecorder({ files, dataDirectory });
const seams = { exec, files, clock, log, dataDirectory };

let netns = "";
let cri: Cri;
let node: ReturnType<typeof createContainerd>;

function open(): void {
  cri = createCri({ socket: socketPath(dataDirectory), clock });
  node = createContainerd({
    ...seams,
    cri,
    netns,
    pauseImage,
    // From here the namespace's loopback cannot be reached.
    streamAddress: namespace.nodeAddress,
  });
}

const namespaces = {
  network: namespaceMode.pod,
  pid: namespaceMode.container,
  ipc: namespaceMode.pod,
};
const labels = {
  "io.kubernetes.pod.name": "web",
  "io.kubernetes.pod.namespace": "default",
  "io.kubernetes.pod.uid": podUid,
};

const sandboxConfig: SandboxConfig = {
  metadata: { name: "web", uid: podUid, namespace: "default", attempt: 0 },
  hostname: "web",
  logDirectory: `${dataDirectory}/log/pods/web`,
  labels,
  annotations: {},
  linux: {
    cgroupParent: podCgroup(cgroupRoot, "Burstable", podUid),
    securityContext: { namespaceOptions: namespaces },
  },
};

function containerConfig(
  name: string,
  command: readonly string[],
  options: Partial<ContainerConfig> = {},
): ContainerConfig {
  return {
    metadata: { name, attempt: 0 },
    image: busyboxImage,
    command,
    args: [],
    workingDir: "",
    envs: [{ key: "GREETING", value: "grüezi" }],
    mounts: [],
    labels: { ...labels, "io.kubernetes.container.name": name },
    annotations: {},
    logPath: `${name}.log`,
    stdin: false,
    stdinOnce: false,
    tty: false,
    linux: { resources: {}, securityContext: { namespaceOptions: namespaces } },
    ...options,
  };
}

async function run(name: string, command: readonly string[], options: Partial<ContainerConfig> = {}): Promise<string> {
  const [sandbox] = await cri.listPodSandboxes({ state: "ready" });
  const config = containerConfig(name, command, options);
  const id = await cri.createContainer(sandbox!.id, config, sandboxConfig);
  await cri.startContainer(id);
  return id;
}

async function exited(id: string): Promise<number> {
  await until(`${id} has exited`, async () => (await cri.containerStatus(id)).state === "exited");
  return (await cri.containerStatus(id)).exitCode;
}

/** Everything that a stream brings until it closes, by channel. */
function drain(stream: RuntimeStream): Promise<Readonly<Record<number, string>>> {
  return new Promise((resolve, reject) => {
    const received: Record<number, Buffer[]> = {};
    stream.onChunk(({ channel, bytes }) => (received[channel] ??= []).push(Buffer.from(bytes)));
    stream.onClose((error) => {
      if (error !== undefined) return reject(error);
      const texts = Object.entries(received).map(([channel, parts]) => [channel, Buffer.concat(parts).toString()]);
      resolve(Object.fromEntries(texts) as Record<number, string>);
    });
  });
}

const logOptions = { follow: false, previous: false, timestamps: false };

function logs(container: string, options: Partial<typeof logOptions> & { tailLines?: number }) {
  return openNodeStream(
    { cri, net, files, clock },
    {
      kind: "logs",
      podUid,
      namespace: "default",
      pod: "web",
      container,
      options: { ...logOptions, ...options },
    },
  );
}

test.before(async () => {
  if (!isRoot) return;
  netns = await makeNodeNamespace(exec, machineRecorder, namespace);
  open();
});

test.after.always(async () => {
  if (!isRoot) return;
  cri.close();
  node.release();
  if (existsSync(dataDirectory)) await cleanUpNode(seams);
});

live("the node's network is set up in its own namespace, and containerd starts there", async (t) => {
  const address = await findNodeAddress(exec, recorder, netns);
  t.deepEqual(address, { address: namespace.nodeAddress, link: "eth0", mtu: 1_500 });
  await setUpNetwork({
    exec,
    files,
    recorder,
    dataDirectory,
    address,
    serviceCidr: "10.96.0.0/16",
    netns,
  });
  const facts = await node.start();
  t.is(facts.handlers[0]?.name, "runc");
  const { runtimeReady } = await cri.status();
  t.true(runtimeReady);
  await until("NetworkReady", async () => (await cri.status()).networkReady);
  const pid = readFileSync(pidPath(dataDirectory), "utf8").trim();
  const inside = await exec.run("nsenter", [`--net=${netns}`, "readlink", "/proc/self/ns/net"]);
  const its = await exec.run("readlink", [`/proc/${pid}/ns/net`]);
  t.is(its.stdout, inside.stdout);
});

live("pause and busybox come without a registry; a docker archive is taken too", async (t) => {
  const services = createContainerdServices({ socket: socketPath(dataDirectory), clock });
  t.teardown(() => services.close());
  const options = { exec, files, crypto, log, services };
  const names = await importAtStart({ ...options, dataDirectory });
  t.deepEqual(names, [pauseImage, busyboxImage]);
  await until("CRI sees busybox", async () => (await cri.imageStatus(busyboxImage)) !== undefined);

  const layer = writeTar([{ kind: "file", name: "hello", mode: 0o644, content: Buffer.from("hi\n") }]);
  const diffId = `sha256:${Buffer.from(crypto.sha256(layer)).toString("hex")}`;
  const config = { architecture: "amd64", os: "linux", rootfs: { type: "layers", diff_ids: [diffId] } };
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const saved = [{ Config: "c.json", RepoTags: ["tool:2"], Layers: ["l/layer.tar"] }];
  const archive = writeTar([
    { kind: "file", name: "manifest.json", mode: 0o644, content: json(saved) },
    { kind: "file", name: "c.json", mode: 0o644, content: json(config) },
    { kind: "file", name: "l/layer.tar", mode: 0o644, content: layer },
  ]);
  await files.write(`${dataDirectory}/saved.tar`, archive);
  const given = await importArchive(options, `${dataDirectory}/saved.tar`);
  t.deepEqual(given, ["docker.io/library/tool:2"]);
  await until("CRI sees it", async () => (await cri.imageStatus("tool:2")) !== undefined);
});

live("a pod runs with the address that was chosen for it, within its cgroup's limits", async (t) => {
  const layout = await detectLayout(files);
  const cgroups = createCgroups({ ...seams, recorder, root: cgroupRoot, layout });
  await cgroups.setUp();
  const cgroup = podCgroup(cgroupRoot, "Burstable", podUid);
  await cgroups.apply(cgroup, { cpuShares: 204, cpuQuotaMicros: 50_000, memoryBytes: 64 << 20 });
  const ipam = createIpam(files, dataDirectory);
  await ipam.load("10.244.7.0/24");
  const address = await ipam.allocate(podUid);
  t.is(address, "10.244.7.2");

  const sandbox = await cri.runPodSandbox(sandboxConfig);
  t.is((await cri.podSandboxStatus(sandbox)).ip, address);
  const link = await exec.run("nsenter", [`--net=${netns}`, "ip", "link", "show", podLink(sandbox)]);
  t.is(link.exitCode, 0);
  const id = await run("main", ["sh", "-c", "echo started; trap 'exit 7' TERM; sleep 1000 & wait"]);
  t.is((await cri.containerStatus(id)).state, "running");
  t.true((await cgroups.usage(`${cgroup}/${id}`))!.memoryUsageBytes > 0);
  t.true((await cgroups.usage(cgroup))!.cpuNanoSeconds > 0);
  const ping = [`--net=${netns}`, "busybox", "ping", "-c", "1", "-W", "2", address];
  await until("it is reached", async () => (await exec.run("nsenter", ping)).exitCode === 0);
  t.is(await cgroups.usage(`${cgroup}/nobody`), undefined);
});

live("exec carries stdin to its end, both outputs and the exit code", async (t) => {
  const command = ["sh", "-c", 'wc -c; echo "$GREETING" >&2; exit 5'];
  const stream = await openNodeStream(
    { cri, net, files, clock },
    {
      kind: "exec",
      podUid,
      container: "main",
      command,
      tty: false,
      stdin: true,
      stdout: true,
      stderr: true,
    },
  );
  const all = drain(stream);
  stream.send({ channel: 0, bytes: new Uint8Array(4 << 20) });
  stream.send({ channel: 0, bytes: new Uint8Array(0), end: true });
  const received = await all;
  t.is(received[1], `${4 << 20}\n`);
  t.is(received[2], "grüezi\n");
  const status = JSON.parse(received[3]!) as { status: string; details: { causes: object[] } };
  t.is(status.status, "Failure");
  t.deepEqual(status.details.causes, [{ reason: "ExitCode", message: "5" }]);
});

live("a terminal has one output, and its size can be set", async (t) => {
  const stream = await openNodeStream(
    { cri, net, files, clock },
    {
      kind: "exec",
      podUid,
      container: "main",
      command: ["sh", "-c", "read line; stty size; echo got $line"],
      tty: true,
      stdin: true,
      stdout: true,
      stderr: true,
    },
  );
  const all = drain(stream);
  t.teardown(() => stream.close());
  stream.send({ channel: 4, bytes: Buffer.from('{"Width":101,"Height":37}') });
  // The size travels on a stream of its own, so nothing orders it before the input.
  await until("the size has arrived", async () => {
    const probe = await cri.execSync(
      (await cri.listContainers({ state: "running" }))[0]!.id,
      ["sh", "-c", "for p in /dev/pts/[0-9]*; do stty size <$p; done"],
      execSeconds,
    );
    return Buffer.from(probe.stdout).toString().includes("37 101");
  });
  stream.send({ channel: 0, bytes: Buffer.from("word\n") });
  const received = await all;
  t.regex(received[1]!, /37 101\r\ngot word\r\n/);
  t.like(JSON.parse(received[3]!), { status: "Success" });
});

live("the runtime tells of a container's end before the next listing", async (t) => {
  const services = createContainerdServices({ socket: socketPath(dataDirectory), clock });
  t.teardown(() => services.close());
  const told: string[] = [];
  let isOver = false;
  const subscription = services.subscribe(
    (id) => told.push(id),
    () => (isOver = true),
  );
  t.teardown(() => subscription.cancel());
  // A subscription has no answer that says from when on it holds: ends until one is heard of.
  const ids: string[] = [];
  await until("it was told", async () => {
    ids.push(await run(`short${ids.length}`, ["true"]));
    await exited(ids.at(-1)!);
    return told.length > 0;
  });
  t.true(ids.includes(told[0]!));
  subscription.cancel();
  await until("the subscription is over", () => Promise.resolve(isOver));
});

live("port-forward reaches a port of the pod with the client's own SPDY", async (t) => {
  const id = await run("echo", ["sh", "-c", "while true; do nc -l -p 8080 -e cat; done"]);
  await until("it listens", async () => {
    const { stdout } = await cri.execSync(id, ["netstat", "-ltn"], execSeconds);
    return Buffer.from(stdout).toString().includes(":8080 ");
  });
  const stream = await openNodeStream({ cri, net, files, clock }, { kind: "portforward", podUid });
  t.teardown(() => stream.close());
  const decoder = createSpdyDecoder();
  const compressor = createHeaderCompressor();
  const echoed = new Promise<string>((resolve, reject) => {
    stream.onChunk(({ bytes }) => {
      for (const frame of decoder.push(bytes)) {
        if (frame.kind !== "data" || frame.bytes.length === 0) continue;
        const text = Buffer.from(frame.bytes).toString();
        if (frame.stream === 3) resolve(text);
        else reject(new Error(text));
      }
    });
  });
  const headers = { port: "8080", requestid: "0" };
  const send = (bytes: Uint8Array): void => stream.send({ channel: 1, bytes });
  send(synStream(1, { streamtype: "error", ...headers }, compressor));
  send(synStream(3, { streamtype: "data", ...headers }, compressor));
  send(dataFrames(1, new Uint8Array(0), true));
  send(dataFrames(3, Buffer.from("over and back"), false));
  t.is(await echoed, "over and back");
});

live("a log is read by tail, followed over a rotation without a gap, and ends with its container", async (t) => {
  const script = "i=0; while [ $i -lt 300 ]; do echo line $i; i=$((i+1)); done; exec sleep 1000";
  const id = await run("talker", ["sh", "-c", script]);
  const { logPath } = await cri.containerStatus(id);
  await until("300 lines", () => Promise.resolve(readFileSync(logPath, "utf8").split("\n").length === 301));
  const tail = await drain(await logs("talker", { tailLines: 2 }));
  t.is(tail[1], "line 298\nline 299\n");
  const following = drain(await logs("talker", { follow: true }));
  await rotateLogs({ files, cri, clock, log, fileBytesMax: 1_000 }, [{ containerId: id, path: logPath }]);
  t.is(readdirSync(`${dataDirectory}/log/pods/web`).filter((name) => name.startsWith("talker")).length, 2);
  const say = await cri.execSync(id, ["sh", "-c", "echo after >/proc/1/fd/1"], execSeconds);
  t.is(say.exitCode, 0);
  await cri.stopContainer(id, 0);
  const lines = (await following)[1]!.trimEnd().split("\n");
  t.is(lines.length, 301);
  t.is(lines[300], "after");
});

live("containerd that is killed is started again; containers run on and their exit is not lost", async (t) => {
  const shared = `${dataDirectory}/shared`;
  await files.makeFolder(shared);
  const script = "while [ ! -e /shared/go ]; do sleep 0.05; done; exit 42";
  const mounts = [{ containerPath: "/shared", hostPath: shared }];
  const id = await run("brief", ["sh", "-c", script], { mounts });
  const [main] = await cri.listContainers({ labels: { "io.kubernetes.container.name": "main" } });
  const before = await cri.containerStatus(main!.id);
  const pid = Number(readFileSync(pidPath(dataDirectory), "utf8"));
  process.kill(pid, "SIGKILL");
  // It ends while nobody is there to see it.
  await files.write(`${shared}/go`, "");
  await until("another containerd", () =>
    Promise.resolve(Number(readFileSync(pidPath(dataDirectory), "utf8")) !== pid),
  );
  await until("it answers", () =>
    cri.version().then(
      () => true,
      () => false,
    ),
  );
  t.is(await exited(id), 42);
  const after = await cri.containerStatus(main!.id);
  t.is(after.state, "running");
  t.is(after.startedAtMs, before.startedAtMs);
  t.deepEqual(after.labels, before.labels);
});

live("an agent that starts anew adopts the containerd that runs", async (t) => {
  const pid = readFileSync(pidPath(dataDirectory), "utf8");
  node.release();
  cri.close();
  const runtime = await startNodeRuntime({
    env: { clock, log, crypto },
    host,
    dataDirectory,
    cgroupRoot,
    serviceCidr: "10.96.0.0/16",
    netns,
    streamAddress: namespace.nodeAddress,
  });
  t.teardown(() => runtime.release());
  t.deepEqual(runtime.pinnedImages, [pauseImage, busyboxImage]);
  await runtime.ipam.load("10.244.7.0/24");
  t.is(runtime.ipam.addressOf(podUid), "10.244.7.2");
  open();
  t.is(readFileSync(pidPath(dataDirectory), "utf8"), pid);
  const [main] = await cri.listContainers({ labels: { "io.kubernetes.container.name": "main" } });
  await cri.stopContainer(main!.id, 10);
  t.is((await cri.containerStatus(main!.id)).exitCode, 7);
});

live("clean-up leaves no process, mount, namespace, link, table or cgroup", async (t) => {
  const records = await readRecords(files, dataDirectory);
  t.true(records.some(({ kind, inside }) => kind === "route" && inside === true));
  node.release();
  await cleanUpNode({ ...seams, cri });
  const processes = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && names(name));
  t.deepEqual(processes, []);
  t.notRegex(readFileSync("/proc/self/mountinfo", "utf8"), new RegExp(dataDirectory));
  t.false(existsSync(netns));
  t.false(existsSync(`/sys/class/net/${namespace.bridge}`));
  t.false(existsSync(`/sys/class/net/${namespace.link}`));
  const table = await exec.run("nft", ["list", "table", "ip", unique]);
  t.regex(table.stderr, /No such file/);
  const { stdout } = await exec.run("find", ["/sys/fs/cgroup", "-name", `*${unique}*`]);
  t.is(stdout, "");
  t.false(existsSync(dataDirectory));
  await cleanUpNode(seams);
});

function names(pid: string): boolean {
  if (Number(pid) === process.pid) return false;
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(dataDirectory);
  } catch (error) {
    // It ended between the listing and the reading.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return false;
    throw error;
  }
}
