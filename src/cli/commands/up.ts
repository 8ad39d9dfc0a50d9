/**
 * A cluster on this machine, left running under its keeper when it is ready. Run again, it starts
 * what is missing and prints the same ending.
 */
import { spawn } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import { join, resolve } from "node:path";
import { UserError } from "../../util/errors.ts";
import type { ApiAccess } from "../api-client.ts";
import { parseChoice, parseCount, parseDuration } from "../arguments.ts";
import {
  checkName,
  dataDirOf,
  layoutOf,
  readCluster,
  register,
  registryFolder,
  writeCluster,
  type ClusterFile,
} from "../cluster-file.ts";
import { nameOption } from "../cluster-options.ts";
import { flag, text, type Command, type Values } from "../command.ts";
import { addContext, kubeconfigPath, removeContext } from "../kubeconfig.ts";
import { withClusterLock, withLock } from "../lock.ts";
import { checkMachine } from "../machine.ts";
import { paint, say, Steps } from "../output.ts";
import { ensurePki, type Pki } from "../pki.ts";
import { planCluster, type Wish } from "../plan.ts";
import { parsePort } from "../ports.ts";
import { processesOf } from "../processes.ts";
import { waitForMaster, waitForNode } from "../readiness.ts";
import { self } from "../self.ts";
import { takeDown } from "../taking-down.ts";

const waitDefaultMs = 60_000;
const nodesMax = 100;
const mastersMax = 7;
/** Each has a containerd. */
const containerNodesMax = 10;
const followMs = 500;

export const up: Command = {
  name: "up",
  summary: "Starts a cluster on this machine, or what is missing of it; it runs on.",
  examples: ["troupe up", "troupe up --name dev --runtime simulated --nodes 3"],
  options: [
    nameOption,
    { name: "data-dir", type: "string", value: "DIR", help: "where it keeps everything (/var/lib/troupe/NAME)" },
    { name: "port", type: "string", value: "N", help: "port of the API here; gRPC takes the next" },
    { name: "runtime", type: "string", value: "KIND", help: "containerd (default), or simulated: no containers" },
    {
      name: "container-runtime-endpoint",
      type: "string",
      value: "SOCKET",
      help: "a containerd that runs here (default: one of its own)",
    },
    { name: "nodes", type: "string", value: "N", help: "number of nodes, each in a network of its own" },
    { name: "masters", type: "string", value: "N", help: "number of masters: 3 or 5" },
    { name: "wait", type: "string", value: "60s", help: "how long to wait until it is ready" },
    { name: "enable-faults", type: "boolean", help: "serve and obey Faults, for tests (docs/faults.md)" },
    { name: "foreground", type: "boolean", help: "stay; Ctrl-C then does what down does" },
  ],
  async run(values) {
    const name = checkName(text(values, "name") ?? "dev");
    const dataDir = resolve(await dataDirOf(name, text(values, "data-dir")));
    const steps = new Steps();
    const wanted = wishOf(values);
    const faults = flag(values, "enable-faults");
    const wait = text(values, "wait");
    const deadlineMs = Date.now() + (wait === undefined ? waitDefaultMs : parseDuration("wait", wait));
    const present = await readCluster(dataDir);
    const runtime = present?.runtime ?? wanted.runtime ?? "containerd";
    requireFewNodes(runtime, wanted.nodes);
    const endpoint = present?.runtimeEndpoint ?? wanted.runtimeEndpoint;
    await steps.run("checks", async (detail) => detail(checkMachine(runtime, endpoint)));
    const { cluster, pki } = await withClusterLock(dataDir, () => start(name, dataDir, { ...wanted, faults }));
    const waiting = { dataDir, access: accessOf(cluster, pki), deadlineMs };
    const names = cluster.masters?.map((master) => master.name) ?? ["m1"];
    const title = names.length === 1 ? "master m1" : `masters ${names.join(" ")}`;
    const log = names.length === 1 ? "server.log" : "server-m1.log";
    await steps.run(title, async (detail) => detail(await waitForMaster(waiting, log)));
    for (const node of cluster.nodes) {
      await steps.run(`node ${node}`, async (detail) => detail(await waitForNode(waiting, node)));
    }
    const context = await withClusterLock(dataDir, () => rememberContext(dataDir, pki));
    say(`${paint("bold", `Ready in ${steps.seconds}.`)} ${ending(cluster, context)}`);
    return flag(values, "foreground") ? stay(name, dataDir) : 0;
  },
};

function wishOf(values: Values): Wish {
  const endpoint = text(values, "container-runtime-endpoint");
  const [runtime, nodes, port] = [text(values, "runtime"), text(values, "nodes"), text(values, "port")];
  const masters = text(values, "masters");
  return {
    runtime: runtime === undefined ? undefined : parseChoice("runtime", runtime, ["containerd", "simulated"] as const),
    runtimeEndpoint: endpoint === undefined ? undefined : parseEndpoint(endpoint),
    nodes: nodes === undefined ? undefined : parseCount("nodes", nodes, nodesMax),
    masters: masters === undefined ? undefined : parseCount("masters", masters, mastersMax),
    port: port === undefined ? undefined : parsePort(port),
  };
}

/** `unix:///run/containerd/containerd.sock`, or the bare path. */
function parseEndpoint(given: string): string {
  const path = given.replace(/^unix:\/\//, "");
  if (path.startsWith("/")) return path;
  throw new UserError("TRP-0002", `"${given}" is no socket`, {
    cause: new Error("--container-runtime-endpoint takes an absolute path, with or without unix:// before it"),
    hint: `${self} up --container-runtime-endpoint unix:///run/containerd/containerd.sock`,
    exitCode: 2,
  });
}

/** Each is a machine of its own, as far as its containers can see. */
function requireFewNodes(runtime: ClusterFile["runtime"], nodes = 1): void {
  if (runtime === "simulated" || nodes <= containerNodesMax) return;
  throw new UserError("TRP-0104", `at most ${containerNodesMax} nodes with containers run on one machine`, {
    hint: `${self} up --runtime simulated --nodes ${nodes}`,
    exitCode: 2,
  });
}

/** Writes what the processes need, and starts the keeper if none lives. */
async function start(
  name: string,
  dataDir: string,
  { faults, ...wanted }: Wish & { readonly faults: boolean },
): Promise<{ readonly cluster: ClusterFile; readonly pki: Pki }> {
  if (faults) refuseRunning(name, dataDir);
  const isRunning = processesOf(dataDir).some(({ role }) => ["keeper", "server", "forward"].includes(role));
  // Two new clusters must not choose the same number or ports.
  const cluster = await withLock("registry", registryFolder(), async () => {
    const planned = await planCluster(wanted, { name, dataDir, isRunning });
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    await writeCluster(dataDir, planned);
    await register(name, dataDir);
    return planned;
  });
  const pki = await ensurePki(layoutOf(dataDir).pki, cluster);
  await startKeeper(dataDir, faults);
  return { cluster, pki };
}

const everywhere = "0.0.0.0";

export function accessOf(cluster: ClusterFile, pki: Pki): ApiAccess {
  const { listen = everywhere } = cluster.machine ?? {};
  return {
    host: listen === everywhere ? "127.0.0.1" : listen,
    port: cluster.apiPort,
    authority: pki.servingAuthority,
    certificate: pki.admin.certificate,
    key: pki.admin.key,
  };
}

/** What runs was started without it, and takes no orders about that. */
function refuseRunning(name: string, dataDir: string): void {
  const without = processesOf(dataDir).filter(({ role, faults: has }) => keptRoles.has(role) && !has);
  if (without.length === 0) return;
  throw new UserError("TRP-0190", `the cluster "${name}" runs without --enable-faults`, {
    cause: new Error("a process obeys Faults only if it was started so"),
    hint: `${self} down --name ${name} && ${self} up --name ${name} --enable-faults`,
    exitCode: 2,
  });
}

const keptRoles: ReadonlySet<string> = new Set(["keeper", "server", "agent"]);

async function startKeeper(dataDir: string, faults: boolean): Promise<void> {
  if (processesOf(dataDir).some((process) => process.role === "keeper")) return;
  const more = faults ? ["--enable-faults"] : [];
  const { logs } = layoutOf(dataDir);
  await mkdir(logs, { recursive: true });
  const log = await open(join(logs, "keeper.log"), "a", 0o640);
  try {
    // A session of its own: neither Ctrl-C nor a closed terminal reaches it.
    const child = spawn(process.execPath, [process.argv[1]!, "keeper", "--data-dir", dataDir, ...more], {
      detached: true,
      stdio: ["ignore", log.fd, log.fd],
      cwd: "/",
    });
    child.unref();
  } finally {
    await log.close();
  }
}

async function rememberContext(dataDir: string, pki: Pki): Promise<string> {
  const cluster = await readCluster(dataDir);
  if (cluster === undefined) throw new UserError("TRP-0111", `the cluster at ${dataDir} was removed`, { exitCode: 3 });
  const context = `troupe-${cluster.name}`;
  const path = resolve(kubeconfigPath());
  const old = cluster.kubeconfig;
  if (old !== undefined && old.path !== path) await removeContext(old.path, old.context);
  await addContext(path, {
    name: context,
    server: `https://127.0.0.1:${cluster.apiPort}`,
    authority: pki.servingAuthority,
    certificate: pki.admin.certificate,
    key: pki.admin.key,
  });
  await writeCluster(dataDir, { ...cluster, kubeconfig: { path, context } });
  return context;
}

function ending(cluster: ClusterFile, context: string): string {
  const next = "Next: kubectl apply -f examples/hello/";
  const where = cluster.runtime === "containerd" ? `; NodePorts answer on ${cluster.address}` : "";
  return `${next}    (kubectl context "${context}" is set${where})`;
}

/** Until a signal, which takes the cluster down in order; or until somebody else has taken it down. */
async function stay(name: string, dataDir: string): Promise<number> {
  let isAsked = false;
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => (isAsked = true));
  say("Ctrl-C takes it down and keeps the data.");
  for (;;) {
    if (isAsked) {
      const cluster = await readCluster(dataDir);
      if (cluster !== undefined) await takeDown({ name, dataDir, cluster, purge: false });
      return 0;
    }
    if (processesOf(dataDir).length === 0) {
      say(`the cluster "${name}" was taken down`);
      return 0;
    }
    await new Promise((settle) => setTimeout(settle, followMs));
  }
}
