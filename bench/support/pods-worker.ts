/**
 * Runs inside the bench's namespace. Lines on stdin: `product N`, `floor C N`; for each one line of
 * JSON on stdout once all is Running and taken down again. Usage: pods-worker DATADIR FOLDER CLUSTER
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request, type RequestOptions } from "node:https";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parse } from "yaml";
import { realClock } from "../../src/env/real/clock.ts";
import { realCrypto } from "../../src/env/real/crypto.ts";
import { realHost } from "../../src/env/real/host.ts";
import type { Pod } from "../../src/kinds/generated/types.ts";
import { cleanUpNode } from "../../src/node/containerd/cleanup.ts";
import { pidPath, socketPath } from "../../src/node/containerd/containerd.ts";
import { createCri } from "../../src/node/cri/client.ts";
import type { Image } from "../../src/node/cri/cri.ts";
import { busyboxImage } from "../../src/node/images/build/offline.ts";
import { containerConfig, podUidLabel, sandboxConfig } from "../../src/node/pods/config.ts";
import { podCgroup } from "../../src/node/pods/resources.ts";
import { startNodeRuntime } from "../../src/node/runtime.ts";
import { cpuMs, cpuMsOf, minus, pause, type Cpu } from "./cluster.ts";

export interface Round {
  /** Until all are Running (product), or all starts are answered (floor). */
  readonly ms: number;
  /** When the first, the tenth … was there. */
  readonly marksMs: readonly number[];
  readonly cpuMsPerPod: Cpu;
}

const [dataDir, folder, cluster] = process.argv.slice(2) as [string, string, string];
const host = realHost();
const kubeconfig = parse(readFileSync(join(folder, "kubeconfig"), "utf8")) as {
  readonly clusters: readonly { readonly cluster: Readonly<Record<string, string>> }[];
  readonly users: readonly { readonly user: Readonly<Record<string, string>> }[];
};
const base64 = (text: string | undefined): Buffer => Buffer.from(text ?? "", "base64");
const access = {
  ca: base64(kubeconfig.clusters[0]!.cluster["certificate-authority-data"]),
  cert: base64(kubeconfig.users[0]!.user["client-certificate-data"]),
  key: base64(kubeconfig.users[0]!.user["client-key-data"]),
};
const server = new URL(kubeconfig.clusters[0]!.cluster["server"]!);
const productCri = createCri({ socket: socketPath(join(dataDir, "n1")), clock: realClock });

function call(method: string, path: string, body?: object): Promise<string> {
  return new Promise((resolve, reject) => {
    const options: RequestOptions = {
      ...access,
      host: server.hostname,
      port: server.port,
      method,
      path,
      headers: { "content-type": "application/json" },
    };
    const sent = request(options, (response) => {
      let text = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => (text += part));
      response.on("end", () =>
        (response.statusCode ?? 500) < 400 ? resolve(text) : reject(new Error(`${method} ${path}: ${text}`)),
      );
    });
    sent.on("error", reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
  });
}

/** Calls `onPod` for each version of a pod until the answer is true. */
function watchPods(onPod: (pod: Pod) => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const path = "/api/v1/namespaces/default/pods?watch=1&labelSelector=app%3Dbench";
    const sent = request({ ...access, host: server.hostname, port: server.port, path }, (response) => {
      let rest = "";
      response.setEncoding("utf8");
      response.on("error", reject);
      response.on("data", (part: string) => {
        const lines = `${rest}${part}`.split("\n");
        rest = lines.pop()!;
        if (!lines.some((line) => onPod((JSON.parse(line) as { readonly object: Pod }).object))) return;
        resolve();
        sent.destroy();
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

const template = {
  metadata: { labels: { app: "bench" } },
  spec: {
    terminationGracePeriodSeconds: 1,
    containers: [{ name: "app", image: busyboxImage, imagePullPolicy: "IfNotPresent", command: ["sleep", "86400"] }],
  },
};

let sample: Pod | undefined;

async function product(count: number): Promise<Round> {
  const before = cpuMsOf(dataDir);
  const running = new Set<string>();
  const marksMs: number[] = [];
  const startMs = performance.now();
  const seen = watchPods((pod) => {
    if (pod.status?.phase !== "Running" || running.has(pod.metadata.uid)) return false;
    running.add(pod.metadata.uid);
    if (running.size % 10 === 1) marksMs.push(Math.round(performance.now() - startMs));
    sample = pod;
    return running.size === count;
  });
  const selector = { matchLabels: { app: "bench" } };
  const deployment = {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name: "bench" },
    spec: { replicas: count, selector, template },
  };
  await call("POST", "/apis/apps/v1/namespaces/default/deployments", deployment);
  await seen;
  const ms = Math.round(performance.now() - startMs);
  const cpuMsPerPod = minus(cpuMsOf(dataDir), before, count);
  await call("DELETE", "/apis/apps/v1/namespaces/default/deployments/bench");
  while ((await productCri.listPodSandboxes()).length > 0) await pause(100);
  while ((JSON.parse(await call("GET", "/api/v1/namespaces/default/pods")) as { items: unknown[] }).items.length > 0) {
    await pause(100);
  }
  await pause(1_500);
  return { ms, marksMs, cpuMsPerPod };
}

const floorRoot = join(folder, "floor");
const cgroupRoot = `/troupe-${cluster}-floor`;
const floorSeams = { clock: realClock, crypto: realCrypto, log: () => undefined };
mkdirSync(floorRoot, { recursive: true });
const floorNode = await startNodeRuntime({
  env: floorSeams,
  host,
  dataDirectory: floorRoot,
  cgroupRoot,
  serviceCidr: "10.250.0.0/16",
});
await floorNode.ipam.load("10.251.0.0/24");
const image = await imported();

/** containerd's CRI part hears of an import a moment after it. */
async function imported(): Promise<Image> {
  for (;;) {
    const found = await floorNode.cri.imageStatus(busyboxImage);
    if (found !== undefined) return found;
    await pause(50);
  }
}

/** What a pod of ours is made of, in the runtime's words, without what only the product needs. */
function podOf(number: number): Pod {
  if (sample === undefined) throw new Error("the product's round comes first");
  const uid = `${sample.metadata.uid.slice(0, -4)}${String(number).padStart(4, "0")}`;
  return { ...sample, metadata: { ...sample.metadata, uid, name: `floor-${number}` } };
}

async function startRaw(number: number): Promise<void> {
  const { cri, ipam, cgroups } = floorNode;
  const pod = podOf(number);
  const { uid } = pod.metadata;
  const facts = {
    cgroupRoot,
    logRoot: `${floorRoot}/logs`,
    seccompRoot: `${floorRoot}/seccomp`,
    memoryCapacityBytes: host.memoryBytes,
    apparmor: floorNode.apparmor,
    attempt: 0,
  };
  const ip = await ipam.allocate(uid);
  const group = podCgroup(pod, cgroupRoot);
  await cgroups.apply(group.path, { cpuShares: group.cpuShares });
  const dns = { servers: ["10.96.0.10"], searches: ["default.svc.cluster.local"], options: ["ndots:5"] };
  const sandbox = sandboxConfig(pod, { ...facts, hostname: pod.metadata.name, dns });
  const sandboxId = await cri.runPodSandbox(sandbox, "");
  const container = pod.spec.containers[0]!;
  const mounts = ["/etc/hosts", "/dev/termination-log", "/var/run/secrets/kubernetes.io/serviceaccount"].map(
    (containerPath, index) => {
      const hostPath = join(floorRoot, `mount-${index}`);
      if (!existsSync(hostPath)) {
        if (index === 2) mkdirSync(hostPath);
        else writeFileSync(hostPath, "");
      }
      return { containerPath, hostPath };
    },
  );
  const environment = new Map([["POD_IP", ip]]);
  const config = containerConfig(pod, container, { ...facts, imageId: image.id, environment, mounts });
  await cri.startContainer(await cri.createContainer(sandboxId, config, sandbox));
}

function floorCpu(): Cpu {
  const all = cpuMsOf(floorRoot);
  return { ...all, containerd: cpuMs(Number(readFileSync(pidPath(floorRoot), "utf8"))), caller: cpuMs(process.pid) };
}

async function floor(atOnce: number, count: number): Promise<Round> {
  const before = floorCpu();
  const marksMs: number[] = [];
  const startMs = performance.now();
  let done = 0;
  await atOnceEach(count, atOnce, async (number) => {
    await startRaw(number);
    done += 1;
    if (done % 10 === 1) marksMs.push(Math.round(performance.now() - startMs));
  });
  const ms = Math.round(performance.now() - startMs);
  const cpuMsPerPod = minus(floorCpu(), before, count);
  const { cri, cgroups, ipam } = floorNode;
  const containers = await cri.listContainers();
  await atOnceEach(containers.length, 8, (number) => cri.stopContainer(containers[number]!.id, 0));
  const sandboxes = await cri.listPodSandboxes();
  await atOnceEach(sandboxes.length, 8, async (number) => {
    const { id, labels } = sandboxes[number]!;
    // Under load a shim may end while it is asked to: the second try finds it gone.
    await cri.stopPodSandbox(id).catch(() => cri.stopPodSandbox(id));
    await cri.removePodSandbox(id);
    await ipam.release(labels[podUidLabel] ?? "");
    await cgroups.remove(podCgroup(podOf(number), cgroupRoot).path);
  });
  await pause(1_500);
  return { ms, marksMs, cpuMsPerPod };
}

async function atOnceEach(count: number, atOnce: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0;
  const one = async (): Promise<void> => {
    for (let number = next++; number < count; number = next++) await work(number);
  };
  await Promise.all(Array.from({ length: atOnce }, one));
}

try {
  for await (const line of createInterface(process.stdin)) {
    const [what, ...numbers] = line.split(" ");
    const [first, second] = numbers.map(Number) as [number, number];
    const round = what === "product" ? await product(first) : await floor(first, second);
    process.stdout.write(`${JSON.stringify(round)}\n`);
  }
} finally {
  productCri.close();
  floorNode.release();
  await cleanUpNode({ ...host, ...floorSeams, dataDirectory: floorRoot });
}
process.exit(0);
