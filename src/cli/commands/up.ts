/**
 * A cluster on this machine, left running under its keeper when it is ready. Run again, it starts
 * what is missing and prints the same ending.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../../util/errors.ts";
import { get, type ApiAccess } from "../api-client.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import {
  checkName,
  dataDirOf,
  isRoot,
  layoutOf,
  readCluster,
  register,
  registered,
  writeCluster,
  type ClusterFile,
} from "../cluster-file.ts";
import { addContext, kubeconfigPath } from "../kubeconfig.ts";
import { cgroupVersion, choosePorts, chooseNumber, defaultAddress, missingPackages, rangesOf } from "../machine.ts";
import { paint, say, Steps } from "../output.ts";
import { ensurePki, type Pki } from "../pki.ts";
import { processesOf } from "../processes.ts";

const waitDefaultMs = 60_000;
const pollMs = 40;

export const up: Command = {
  name: "up",
  summary: "Starts a cluster on this machine, or what is missing of it, and leaves it running.",
  examples: ["troupe up", "troupe up --name dev --runtime simulated --nodes 3"],
  options: [
    { name: "name", type: "string", value: "NAME", help: "name of the cluster (dev)" },
    { name: "data-dir", type: "string", value: "DIR", help: "where it keeps everything" },
    { name: "port", type: "string", value: "N", help: "port of the API on this machine; gRPC takes the next one" },
    {
      name: "runtime",
      type: "string",
      value: "KIND",
      help: "containerd (default) or simulated: nodes without containers",
    },
    { name: "nodes", type: "string", value: "N", help: "number of nodes (simulated only, for now)" },
    { name: "wait", type: "string", value: "60s", help: "how long to wait until it is ready" },
    { name: "foreground", type: "boolean", help: "stay, and end the cluster with Ctrl-C" },
  ],
  async run(values) {
    const name = checkName(text(values, "name") ?? "dev");
    const dataDir = resolve(await dataDirOf(name, text(values, "data-dir")));
    const steps = new Steps();
    const wanted = wish(values);
    const present = await readCluster(dataDir);
    await steps.run("checks", async (detail) => detail(await check(present?.runtime ?? wanted.runtime)));
    const cluster = present ?? (await plan(name, wanted));
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await writeCluster(dataDir, cluster);
    await register(name, dataDir);
    const pki = await ensurePki(layoutOf(dataDir).pki, cluster);
    const access = accessOf(cluster, pki);
    const deadlineMs = Date.now() + wanted.waitMs;
    const keeper = flag(values, "foreground") ? startKeeper(dataDir, true) : startKeeper(dataDir, false);
    await keeper.started;
    await steps.run("master m1", async (detail) => detail(await waitForMaster(dataDir, access, deadlineMs)));
    for (const node of cluster.nodes) {
      await steps.run(`node ${node}`, async (detail) =>
        detail(await waitForNode({ dataDir, access, node, deadlineMs })),
      );
    }
    const context = await rememberContext(dataDir, cluster, pki);
    say(`${paint("bold", `Ready in ${steps.seconds}.`)} ${ending(cluster, context)}`);
    return flag(values, "foreground") ? keeper.ended() : 0;
  },
};

interface Wish {
  readonly runtime: ClusterFile["runtime"];
  readonly nodes: number;
  readonly port: number | undefined;
  readonly waitMs: number;
}

function wish(values: Values): Wish {
  const runtime = text(values, "runtime") ?? "containerd";
  if (runtime !== "containerd" && runtime !== "simulated") {
    throw new UserError("TRP-0103", `--runtime ${runtime} is unknown: containerd or simulated`, { exitCode: 2 });
  }
  const nodes = Number(text(values, "nodes") ?? "1");
  if (!Number.isInteger(nodes) || nodes < 1 || nodes > 100) {
    throw new UserError("TRP-0103", `--nodes takes a number from 1 to 100`, { exitCode: 2 });
  }
  if (runtime === "containerd" && nodes > 1) {
    throw new UserError("TRP-0104", "several nodes on one machine are simulated ones, for now", {
      hint: `troupe up --runtime simulated --nodes ${nodes}`,
      exitCode: 2,
    });
  }
  const port = text(values, "port");
  return {
    runtime,
    nodes,
    port: port === undefined ? undefined : Number(port),
    waitMs: durationMs(text(values, "wait")),
  };
}

function durationMs(words: string | undefined): number {
  if (words === undefined) return waitDefaultMs;
  const match = /^(\d+)(ms|s|m)?$/.exec(words);
  if (match === null) throw new UserError("TRP-0103", `--wait ${words} is no length of time, as 60s`, { exitCode: 2 });
  return Number(match[1]) * { ms: 1, s: 1_000, m: 60_000 }[(match[2] ?? "s") as "ms" | "s" | "m"];
}

function check(runtime: ClusterFile["runtime"]): Promise<string> {
  if (runtime === "simulated") return Promise.resolve("simulated nodes, no containers");
  const hint = "troupe up --runtime simulated";
  if (process.platform !== "linux") throw new UserError("TRP-0105", "containers need Linux", { hint });
  if (!isRoot)
    throw new UserError("TRP-0106", "containers need root on this machine", { hint: `sudo troupe up, or ${hint}` });
  const missing = missingPackages();
  if (missing.length > 0) {
    throw new UserError("TRP-0107", `the containerd runtime lacks ${missing.join(", ")}`, {
      hint: `apt-get install ${missing.join(" ")}, or ${hint}`,
    });
  }
  const cgroups = cgroupVersion();
  if (cgroups === undefined) throw new UserError("TRP-0108", "no cgroups are mounted at /sys/fs/cgroup", { hint });
  return Promise.resolve(`root, cgroup ${cgroups}, containerd, nftables`);
}

async function plan(name: string, wanted: Wish): Promise<ClusterFile> {
  const others = (await registered()).filter((entry) => entry.name !== name);
  const number = chooseNumber(others);
  const apiPort = await choosePorts(wanted.port, others);
  const hostTaken = others.some(({ cluster }) => cluster.runtime === "containerd" && cluster.network === "host");
  const network = wanted.runtime === "containerd" && hostTaken ? "namespace" : "host";
  return {
    version: 1,
    name,
    id: randomUUID(),
    number,
    runtime: wanted.runtime,
    nodes: Array.from({ length: wanted.nodes }, (_, index) => `n${index + 1}`),
    apiPort,
    grpcPort: apiPort + 1,
    address: defaultAddress() ?? dummyAddress,
    network,
    ...rangesOf(number),
    clusterDomain: "cluster.local",
  };
}

/** Where the machine has no default route, the node's address lies on a dummy link that the agent makes. */
const dummyAddress = "198.18.0.1";

export function accessOf(cluster: ClusterFile, pki: Pki): ApiAccess {
  return {
    host: "127.0.0.1",
    port: cluster.apiPort,
    authority: pki.servingAuthority,
    certificate: pki.admin.certificate,
    key: pki.admin.key,
  };
}

interface KeeperHandle {
  readonly started: Promise<void>;
  ended(): Promise<number>;
}

function startKeeper(dataDir: string, foreground: boolean): KeeperHandle {
  const arguments_ = [process.argv[1]!, "keeper", "--data-dir", dataDir];
  if (foreground) {
    const child = spawn(process.execPath, arguments_, { stdio: "inherit" });
    const ended = new Promise<number>((settle) => child.once("exit", (code) => settle(code ?? 0)));
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => child.kill("SIGTERM"));
    return { started: Promise.resolve(), ended: () => ended };
  }
  return { started: detachKeeper(dataDir, arguments_), ended: () => Promise.resolve(0) };
}

async function detachKeeper(dataDir: string, arguments_: readonly string[]): Promise<void> {
  if (processesOf(dataDir).some((process) => process.role === "keeper")) return;
  const { logs } = layoutOf(dataDir);
  await mkdir(logs, { recursive: true });
  const log = await open(join(logs, "keeper.log"), "a", 0o640);
  try {
    const child = spawn(process.execPath, arguments_, { detached: true, stdio: ["ignore", log.fd, log.fd], cwd: "/" });
    child.unref();
  } finally {
    await log.close();
  }
}

async function waitForMaster(dataDir: string, access: ApiAccess, deadlineMs: number): Promise<string> {
  await until(
    deadlineMs,
    async () => (await get(access, "/readyz", 2_000)).status === 200,
    async () => {
      throw await timeout(dataDir, "the master is not ready", "server.log");
    },
  );
  return `https://127.0.0.1:${access.port}`;
}

interface NodeWait {
  readonly dataDir: string;
  readonly access: ApiAccess;
  readonly node: string;
  readonly deadlineMs: number;
}

interface NodeFacts {
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly addresses?: readonly { readonly type: string; readonly address: string }[];
    readonly capacity?: Readonly<Record<string, string>>;
  };
}

async function waitForNode({ dataDir, access, node, deadlineMs }: NodeWait): Promise<string> {
  let facts: NodeFacts = {};
  const isReady = async (): Promise<boolean> => {
    const answer = await get(access, `/api/v1/nodes/${node}`);
    facts = answer.status === 200 ? (JSON.parse(answer.body) as NodeFacts) : {};
    return facts.status?.conditions?.some(({ type, status }) => type === "Ready" && status === "True") === true;
  };
  await until(deadlineMs, isReady, async () => {
    const why = facts.status?.conditions?.find(({ type }) => type === "Ready")?.message ?? "its agent has not reported";
    throw await timeout(dataDir, `node ${node} is not Ready: ${why}`, `agent-${node}.log`);
  });
  const address = facts.status?.addresses?.find(({ type }) => type === "InternalIP")?.address ?? "?";
  const capacity = facts.status?.capacity ?? {};
  return `${address} Ready, ${capacity["cpu"] ?? "?"} cpu, ${capacity["memory"] ?? "?"}, ${capacity["pods"] ?? "?"} pods`;
}

async function until(deadlineMs: number, isTrue: () => Promise<boolean>, late: () => Promise<never>): Promise<void> {
  for (;;) {
    // Nobody listens yet, or the process is between two starts: ask again until the deadline.
    if (await isTrue().catch(() => false)) return;
    if (Date.now() > deadlineMs) await late();
    await new Promise((settle) => setTimeout(settle, pollMs));
  }
}

async function timeout(dataDir: string, what: string, log: string): Promise<UserError> {
  const path = join(layoutOf(dataDir).logs, log);
  const tail = (await readFile(path, "utf8").catch(() => "")).trimEnd().split("\n").slice(-5).join("\n");
  return new UserError("TRP-0109", `${what}; nothing was undone`, {
    hint: `read ${path}; it ends with:\n${tail}`,
    exitCode: 4,
  });
}

async function rememberContext(dataDir: string, cluster: ClusterFile, pki: Pki): Promise<string> {
  const context = `troupe-${cluster.name}`;
  const path = kubeconfigPath();
  await addContext(path, {
    name: context,
    server: `https://127.0.0.1:${cluster.apiPort}`,
    authority: pki.servingAuthority,
    certificate: pki.admin.certificate,
    key: pki.admin.key,
  });
  await writeCluster(dataDir, { ...cluster, kubeconfig: { path: resolve(path), context } });
  return context;
}

function ending(cluster: ClusterFile, context: string): string {
  const next = "Next: kubectl apply -f examples/hello/";
  const where = cluster.runtime === "containerd" ? `; NodePorts answer on ${cluster.address}` : "";
  return `${next}    (kubectl context "${context}" is set${where})`;
}
