/**
 * Which processes belong to a cluster. The truth is /proc, not a pid file: a process is ours if its
 * arguments name the data directory, so nothing is missed after a crash and no stranger is hit.
 */
import { readFileSync, readdirSync } from "node:fs";

export interface OwnProcess {
  readonly pid: number;
  readonly role: "keeper" | "server" | "agent" | "dns" | "containerd" | "shim";
  /** The node of an agent. */
  readonly node: string | undefined;
  readonly argv: readonly string[];
}

function argvOf(pid: number): readonly string[] | undefined {
  try {
    const parts = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return parts.at(-1) === "" ? parts.slice(0, -1) : parts;
  } catch (error) {
    // It ended between the listing and the reading.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

const after = (argv: readonly string[], name: string): string | undefined => {
  const at = argv.indexOf(name);
  return at === -1 ? undefined : argv[at + 1];
};

function classify(pid: number, argv: readonly string[], dataDir: string): OwnProcess | undefined {
  const inside = (path: string | undefined): boolean => path === dataDir || path?.startsWith(`${dataDir}/`) === true;
  const program = argv[0]?.split("/").at(-1) ?? "";
  if (program === "containerd" && (inside(after(argv, "-c")) || inside(after(argv, "--config")))) {
    return { pid, role: "containerd", node: undefined, argv };
  }
  if (program.startsWith("containerd-shim") && inside(after(argv, "-address"))) {
    return { pid, role: "shim", node: undefined, argv };
  }
  if (after(argv, "--data-dir") !== dataDir) return undefined;
  const role = (["keeper", "server", "agent", "dns"] as const).find((name) => argv.includes(name));
  return role === undefined ? undefined : { pid, role, node: after(argv, "--node"), argv };
}

export function processesOf(dataDir: string): readonly OwnProcess[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      const argv = argvOf(Number(entry));
      const own = argv === undefined ? undefined : classify(Number(entry), argv, dataDir);
      return own === undefined || isZombie(own.pid) ? [] : [own];
    });
}

function isZombie(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return /\) [ZX] /.test(stat);
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return true;
    throw error;
  }
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Sends the signal; a process that has ended meanwhile is what was wanted. */
export function signal(pid: number, name: "SIGTERM" | "SIGKILL"): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Ends the processes: TERM, and KILL for what is left after `graceMs`. */
export async function endAll(pids: readonly number[], graceMs: number): Promise<void> {
  for (const pid of pids) signal(pid, "SIGTERM");
  const untilMs = Date.now() + graceMs;
  while (pids.some(isAlive) && Date.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 25));
  for (const pid of pids.filter(isAlive)) signal(pid, "SIGKILL");
  while (pids.some(isAlive) && Date.now() < untilMs + 5_000) await new Promise((resolve) => setTimeout(resolve, 10));
}
