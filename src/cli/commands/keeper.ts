/**
 * Restarts server and agents of one cluster, with back-off, where no service manager does it. It
 * adopts processes that run already (its predecessor may have been killed), so starting it is safe at
 * any time. On SIGTERM it ends its children and then itself.
 */
import { spawn } from "node:child_process";
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { UserError, messageOf } from "../../util/errors.ts";
import { flag, text, type Command } from "../command.ts";
import { layoutOf, readCluster, type ClusterFile, type Layout } from "../cluster-file.ts";
import { backoffMinMs, nextBackoff, rotateLog } from "../keeping.ts";
import { tryLock } from "../lock.ts";
import { endAll, isAlive, processesOf, type OwnProcess, type ProcessId } from "../processes.ts";
import { bridgeOf, namespaceName } from "../ranges.ts";

const pollMs = 200;
const endGraceMs = 5_000;
const logLimitBytes = 10 << 20;
const logCheckMs = 60_000;

export const keeper: Command = {
  name: "keeper",
  summary: "restart server and agents of one cluster",
  examples: ["troupe keeper --data-dir /var/lib/troupe/dev"],
  options: [
    { name: "data-dir", type: "string", value: "DIR", help: "data directory of the cluster" },
    { name: "enable-faults", type: "boolean", help: "handed on to all that it starts" },
  ],
  async run(values) {
    const dataDir = text(values, "data-dir") ?? "";
    const cluster = await readCluster(dataDir);
    if (cluster === undefined) throw new UserError("TRP-0111", `there is no cluster at ${dataDir}`, { exitCode: 3 });
    // Held as long as this process lives: two keepers would start everything twice.
    if ((await tryLock("keeper", dataDir)) === undefined) return 0;
    if (processesOf(dataDir).some((process) => process.role === "keeper")) return 0;
    return new Keeper(dataDir, cluster, flag(values, "enable-faults")).run();
  },
};

interface Role {
  /** Argument list behind `troupe`. */
  readonly args: readonly string[];
  readonly log: string;
  readonly is: (process: OwnProcess) => boolean;
  /** Makes the network namespace that the child lives in, and answers its path. */
  readonly namespace?: () => Promise<string>;
}

class Keeper {
  readonly #dataDir: string;
  readonly #layout: Layout;
  readonly #roles: readonly Role[];
  #stopping = false;

  constructor(dataDir: string, cluster: ClusterFile, faults: boolean) {
    const more = faults ? ["--enable-faults"] : [];
    this.#dataDir = dataDir;
    this.#layout = layoutOf(dataDir);
    this.#roles = [
      ...serversOf(dataDir, cluster, more),
      ...cluster.nodes.map((node) => ({
        args: ["agent", "--data-dir", dataDir, "--node", node, ...more],
        log: `agent-${node}.log`,
        is: (process: OwnProcess) => process.role === "agent" && process.node === node,
        ...(cluster.network === "namespace" ? { namespace: () => this.#makeNamespace(cluster, node) } : {}),
      })),
    ];
  }

  async run(): Promise<number> {
    await mkdir(this.#layout.logs, { recursive: true });
    const ended = new Promise<void>((resolve) => {
      for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => resolve());
    });
    // The terminal that `up` ran in may close; the cluster stays.
    process.on("SIGHUP", () => undefined);
    const logs = setInterval(() => void this.#rotateLogs(), logCheckMs);
    const keeping = this.#roles.map((role) => this.#keep(role));
    await ended;
    this.#stopping = true;
    clearInterval(logs);
    const own = processesOf(this.#dataDir);
    for (const role of ["agent", "server", "forward"] as const) {
      await endAll(
        own.filter((process) => process.role === role),
        endGraceMs,
      );
    }
    await Promise.all(keeping);
    return 0;
  }

  async #keep(role: Role): Promise<void> {
    let backoffMs = backoffMinMs;
    while (!this.#stopping) {
      const startedMs = Date.now();
      const present = processesOf(this.#dataDir).find(role.is);
      if (present === undefined) await this.#runChild(role);
      else await this.#waitFor(present);
      if (this.#stopping) return;
      backoffMs = nextBackoff(backoffMs, Date.now() - startedMs);
      await sleep(backoffMs, () => this.#stopping);
    }
  }

  async #runChild(role: Role): Promise<void> {
    const log = await open(join(this.#layout.logs, role.log), "a", 0o640);
    try {
      const command = [process.execPath, process.argv[1]!, ...role.args];
      // Not `ip netns exec`: that has a /sys of its own, without cgroups. nsenter becomes the agent.
      const [file, ...args] =
        role.namespace === undefined ? command : ["nsenter", `--net=${await role.namespace()}`, ...command];
      if (this.#stopping) return;
      const child = spawn(file!, args, { stdio: ["ignore", log.fd, log.fd], cwd: "/" });
      await new Promise<void>((resolve) => {
        child.once("exit", () => resolve());
        child.once("error", (error) => {
          complain(`${role.log}: ${error.message}`);
          resolve();
        });
      });
    } catch (error) {
      // Tried again after the back-off, as if the child had ended.
      complain(`${role.log}: ${messageOf(error)}`);
    } finally {
      await log.close();
    }
  }

  /** Made by us, not by the agent: the agent lives in it. */
  async #makeNamespace({ name, number, nodes, podCidr }: ClusterFile, node: string): Promise<string> {
    const { prepareNamespace } = await import("../../server/node-namespace.ts");
    const { realHost } = await import("../../env/real/host.ts");
    const { bridgePrefix, bridgeAddress, ...plan } = bridgeOf(number, nodes.indexOf(node));
    return prepareNamespace(realHost(), this.#layout.node(node), {
      ...plan,
      name: namespaceName(name, node),
      bridgeAddress: `${bridgeAddress}/${bridgePrefix}`,
      ...(nodes.length === 1 ? {} : { podCidr }),
    });
  }

  async #waitFor(present: ProcessId): Promise<void> {
    while (!this.#stopping && isAlive(present)) await sleep(pollMs, () => this.#stopping);
  }

  async #rotateLogs(): Promise<void> {
    for (const log of [...this.#roles.map((role) => role.log), "keeper.log"]) {
      try {
        await rotateLog(join(this.#layout.logs, log), logLimitBytes);
      } catch (error) {
        // A full disk, say: the cluster runs on, and the next round tries again.
        complain(`${log} cannot be cut: ${messageOf(error)}`);
      }
    }
  }
}

function serversOf(dataDir: string, { masters }: ClusterFile, more: readonly string[]): readonly Role[] {
  const args = ["server", "--data-dir", dataDir, ...more];
  if (masters === undefined) return [{ args, log: "server.log", is: ({ role }) => role === "server" }];
  const members = masters.map(({ name }) => ({
    args: [...args, "--member", name],
    log: `server-${name}.log`,
    is: ({ role, node }: OwnProcess) => role === "server" && node === name,
  }));
  // They stand behind the cluster's one address: a process of its own, which outlives the keeper as they do.
  const forward = { args: ["forward", "--data-dir", dataDir], log: "forward.log" };
  return [...members, { ...forward, is: ({ role }: OwnProcess) => role === "forward" }];
}

/** Into keeper.log. */
function complain(words: string): void {
  process.stderr.write(`${new Date().toISOString()} ${words}\n`);
}

async function sleep(ms: number, isOver: () => boolean): Promise<void> {
  const untilMs = Date.now() + ms;
  while (!isOver() && Date.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(50, untilMs - Date.now())));
  }
}
