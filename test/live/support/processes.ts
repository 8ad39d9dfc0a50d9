/** Processes of a cluster as a test looks for them: by their command lines, not by what Troupe says of itself. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export type Role = "keeper" | "server" | "agent" | "dns" | "forward" | "containerd" | "shim";

interface Found {
  readonly pid: number;
  readonly words: readonly string[];
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    // It ended between the listing and the reading.
    if (["ENOENT", "ESRCH"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}

function allPids(): readonly number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number);
}

/** Every process whose command line names the data directory. */
function processesIn(dataDir: string): readonly Found[] {
  return allPids()
    .map((pid) => ({ pid, words: read(`/proc/${pid}/cmdline`).split("\0") }))
    .filter(({ words }) => words.some((word) => word === dataDir || word.startsWith(`${dataDir}/`)));
}

function roleOf(words: readonly string[]): Role | undefined {
  const program = words[0]?.split("/").at(-1) ?? "";
  if (program === "containerd") return "containerd";
  if (program.startsWith("containerd-shim")) return "shim";
  return (["keeper", "server", "agent", "dns", "forward"] as const).find((role) => words[2] === role);
}

export function pidsOf(dataDir: string, ...roles: readonly Role[]): readonly number[] {
  return processesIn(dataDir).flatMap(({ pid, words }) => {
    const role = roleOf(words);
    return role !== undefined && roles.includes(role) ? [pid] : [];
  });
}

export function killHard(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
    }
  }
}

/** The first process of a container, by the cgroup that carries its id: the lowest pid may be a child's. */
export function initOf(containerId: string): number | undefined {
  const id = containerId.replace(/^containerd:\/\//, "");
  const own = allPids().filter((pid) => read(`/proc/${pid}/cgroup`).includes(id));
  return own.find((pid) => /^NSpid:.*\t1$/m.test(read(`/proc/${pid}/status`)));
}

/** Ended, and waiting for its parent: where a shim was killed, for the machine's first process. */
function isZombie(pid: number): boolean {
  return /\) [ZX] /.test(read(`/proc/${pid}/stat`));
}

/** The sockets of the shims, which lie outside the data directory. */
export function shimSockets(dataDir: string): readonly string[] {
  const bundles = join(dataDir, "n1/state/io.containerd.runtime.v2.task/k8s.io");
  return readdirSync(bundles).map((id) => read(join(bundles, id, "address")).replace(/^unix:\/\//, ""));
}

/** Every process in the cluster's cgroups: those of containers. */
export function containerProcesses(cluster: string): readonly number[] {
  return allPids().filter((pid) => !isZombie(pid) && read(`/proc/${pid}/cgroup`).includes(`troupe-${cluster}-`));
}

/** Everything of a cluster that stands outside its data directory, one line each; empty after `down`. */
export function leftOvers(dataDir: string, cluster: string): readonly string[] {
  const cgroups = readdirSync("/sys/fs/cgroup").flatMap((entry) =>
    [`/sys/fs/cgroup/${entry}`, `/sys/fs/cgroup/${entry}/troupe-${cluster}-n1`].filter(
      (path) => path.includes(`troupe-${cluster}-`) && existsSync(path),
    ),
  );
  return [
    ...processesIn(dataDir).map(({ pid, words }) => `process ${pid}: ${words.join(" ")}`),
    ...containerProcesses(cluster).map(
      (pid) => `process of a container ${pid}: ${read(`/proc/${pid}/cmdline`).replaceAll("\0", " ")}`,
    ),
    ...read("/proc/self/mountinfo")
      .split("\n")
      .filter((line) => line.includes(` ${dataDir}/`))
      .map((line) => `mount ${line.split(" ")[4]}`),
    ...cgroups.map((path) => `cgroup ${path}`),
  ];
}
