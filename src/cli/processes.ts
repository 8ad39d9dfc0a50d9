/**
 * Which processes belong to a cluster. The truth is /proc, not a pid file: a process is ours if its
 * arguments name the data directory, so nothing is missed after a crash and no stranger is hit. A
 * process is its pid and its start time: a pid that was given anew is another process.
 */
import { readFileSync, readdirSync } from "node:fs";

const roles = ["keeper", "server", "agent", "dns", "forward"] as const;

/** One process, for as long as it lives. */
export interface ProcessId {
  readonly pid: number;
  /** Clock ticks between the machine's boot and its start. */
  readonly startTicks: number;
}

export interface OwnProcess extends ProcessId {
  readonly role: (typeof roles)[number] | "containerd" | "shim";
  /** The node of an agent; the name of one of several masters. */
  readonly node: string | undefined;
  /** It was started with `--enable-faults`. */
  readonly faults: boolean;
}

/** Undefined: it ended meanwhile, or this user may not see it. */
function readProc(pid: number, file: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) return undefined;
    throw error;
  }
}

const after = (argv: readonly string[], name: string): string | undefined => {
  const at = argv.indexOf(name);
  return at === -1 ? undefined : argv[at + 1];
};

/** What a process with these arguments is to the cluster; undefined: nothing. Pure. */
export function classify(argv: readonly string[], dataDir: string): Pick<OwnProcess, "role" | "node"> | undefined {
  const inside = (path: string | undefined): boolean => path === dataDir || path?.startsWith(`${dataDir}/`) === true;
  const program = argv[0]?.split("/").at(-1) ?? "";
  if (program === "containerd" && (inside(after(argv, "-c")) || inside(after(argv, "--config")))) {
    return { role: "containerd", node: undefined };
  }
  if (program.startsWith("containerd-shim") && inside(after(argv, "-address"))) {
    return { role: "shim", node: undefined };
  }
  if (after(argv, "--data-dir") !== dataDir) return undefined;
  // Only the word behind the script is the command: `troupe up --name server` is no server.
  const command = argv[argv.findIndex((word) => word.split("/").at(-1) === "troupe") + 1];
  const role = roles.find((known) => known === command);
  return role === undefined ? undefined : { role, node: after(argv, "--node") ?? after(argv, "--member") };
}

/** State and start time out of /proc/PID/stat; the name in it may hold blanks and brackets. */
export function parseStat(text: string): { readonly state: string; readonly startTicks: number } {
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { state: fields[0] ?? "X", startTicks: Number(fields[19]) };
}

function lookAt(pid: number): ProcessId | undefined {
  const text = readProc(pid, "stat");
  if (text === undefined) return undefined;
  const { state, startTicks } = parseStat(text);
  return state === "Z" || state === "X" ? undefined : { pid, startTicks };
}

export function processesOf(dataDir: string): readonly OwnProcess[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      const pid = Number(entry);
      const line = readProc(pid, "cmdline");
      const argv = line?.replace(/\0$/, "").split("\0") ?? [];
      const own = line === undefined ? undefined : classify(argv, dataDir);
      const living = own === undefined ? undefined : lookAt(pid);
      return own === undefined || living === undefined
        ? []
        : [{ ...living, ...own, faults: argv.includes("--enable-faults") }];
    });
}

/** Every keeper, master and agent on this machine, whichever cluster is theirs. */
export function allTroupeProcesses(): readonly { readonly pid: number; readonly dataDir: string }[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry) && Number(entry) !== process.pid)
    .flatMap((entry) => {
      const argv = (readProc(Number(entry), "cmdline") ?? "").split("\0");
      const dataDir = after(argv, "--data-dir");
      if (dataDir === undefined || !dataDir.startsWith("/")) return [];
      return classify(argv, dataDir) === undefined ? [] : [{ pid: Number(entry), dataDir }];
    });
}

export function isAlive({ pid, startTicks }: ProcessId): boolean {
  return lookAt(pid)?.startTicks === startTicks;
}

/** Sends the signal; a process that has ended meanwhile is what was wanted. */
function signal(target: ProcessId, name: "SIGTERM" | "SIGKILL"): void {
  if (!isAlive(target)) return;
  try {
    process.kill(target.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Ends the processes: TERM, and KILL for what is left after `graceMs`. */
export async function endAll(targets: readonly ProcessId[], graceMs: number): Promise<void> {
  for (const target of targets) signal(target, "SIGTERM");
  const untilMs = Date.now() + graceMs;
  while (targets.some(isAlive) && Date.now() < untilMs) await new Promise((resolve) => setTimeout(resolve, 25));
  for (const target of targets) signal(target, "SIGKILL");
  while (targets.some(isAlive) && Date.now() < untilMs + 5_000) await new Promise((resolve) => setTimeout(resolve, 10));
}
