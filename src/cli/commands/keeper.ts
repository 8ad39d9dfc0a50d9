/**
 * Restarts server and agents of one cluster, with back-off, where no service manager does it. It
 * adopts processes that run already (its predecessor may have been killed), so starting it is safe at
 * any time. On SIGTERM it ends its children and then itself.
 */
import { spawn } from "node:child_process";
import { copyFile, mkdir, open, stat, truncate } from "node:fs/promises";
import { join } from "node:path";
import { UserError } from "../../util/errors.ts";
import { text, type Command } from "../command.ts";
import { layoutOf, readCluster, type ClusterFile, type Layout } from "../cluster-file.ts";
import { endAll, isAlive, processesOf, type OwnProcess } from "../processes.ts";

const backoffMinMs = 100;
const backoffMaxMs = 5_000;
/** A child that lived this long starts its back-off anew. */
const steadyMs = 10_000;
const pollMs = 200;
const logLimitBytes = 10 << 20;
const logCheckMs = 60_000;

export const keeper: Command = {
  name: "keeper",
  summary: "restart server and agents of one cluster",
  examples: ["troupe keeper --data-dir /var/lib/troupe/dev"],
  options: [{ name: "data-dir", type: "string", value: "DIR", help: "data directory of the cluster" }],
  async run(values) {
    const dataDir = text(values, "data-dir") ?? "";
    const cluster = await readCluster(dataDir);
    if (cluster === undefined) throw new UserError("TRP-0111", `there is no cluster at ${dataDir}`, { exitCode: 3 });
    if (processesOf(dataDir).some((process) => process.role === "keeper")) return 0;
    return new Keeper(dataDir, cluster).run();
  },
};

interface Role {
  /** Argument list behind `troupe`. */
  readonly args: readonly string[];
  readonly log: string;
  readonly is: (process: OwnProcess) => boolean;
}

class Keeper {
  readonly #dataDir: string;
  readonly #layout: Layout;
  readonly #roles: readonly Role[];
  #stopping = false;

  constructor(dataDir: string, cluster: ClusterFile) {
    this.#dataDir = dataDir;
    this.#layout = layoutOf(dataDir);
    this.#roles = [
      { args: ["server", "--data-dir", dataDir], log: "server.log", is: (process) => process.role === "server" },
      ...cluster.nodes.map((node) => ({
        args: ["agent", "--data-dir", dataDir, "--node", node],
        log: `agent-${node}.log`,
        is: (process: OwnProcess) => process.role === "agent" && process.node === node,
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
    const agents = own.filter((process) => process.role === "agent").map((process) => process.pid);
    const servers = own.filter((process) => process.role === "server").map((process) => process.pid);
    await endAll(agents, 5_000);
    await endAll(servers, 5_000);
    await Promise.all(keeping);
    return 0;
  }

  async #keep(role: Role): Promise<void> {
    let backoffMs = backoffMinMs;
    while (!this.#stopping) {
      const startedMs = Date.now();
      const present = processesOf(this.#dataDir).find(role.is);
      if (present === undefined) await this.#runChild(role);
      else await this.#waitFor(present.pid);
      if (this.#stopping) return;
      backoffMs = Date.now() - startedMs > steadyMs ? backoffMinMs : Math.min(backoffMs * 2, backoffMaxMs);
      await sleep(backoffMs, () => this.#stopping);
    }
  }

  async #runChild(role: Role): Promise<void> {
    const log = await open(join(this.#layout.logs, role.log), "a", 0o640);
    try {
      const child = spawn(process.execPath, [process.argv[1]!, ...role.args], {
        stdio: ["ignore", log.fd, log.fd],
        cwd: "/",
      });
      await new Promise<void>((resolve) => {
        child.once("exit", () => resolve());
        child.once("error", () => resolve());
      });
    } finally {
      await log.close();
    }
  }

  async #waitFor(pid: number): Promise<void> {
    while (!this.#stopping && isAlive(pid)) await sleep(pollMs, () => this.#stopping);
  }

  /** Children append; so the log can be copied aside and cut under their hands. */
  async #rotateLogs(): Promise<void> {
    for (const { log } of this.#roles) {
      const path = join(this.#layout.logs, log);
      const size = await stat(path).then(
        (found) => found.size,
        () => 0,
      );
      if (size <= logLimitBytes) continue;
      await copyFile(path, `${path}.1`);
      await truncate(path, 0);
    }
  }
}

async function sleep(ms: number, isOver: () => boolean): Promise<void> {
  const untilMs = Date.now() + ms;
  while (!isOver() && Date.now() < untilMs) {
    await new Promise((resolve) => setTimeout(resolve, Math.min(50, untilMs - Date.now())));
  }
}
