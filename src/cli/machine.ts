/** What `up` must know of this machine: its address, its routes, which runtime parts lack. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { UserError } from "../util/errors.ts";
import { isRoot, type ClusterFile } from "./cluster-file.ts";
import { parseRoutes, type Route } from "./ranges.ts";
import { self } from "./self.ts";

/** npm puts its packages' programs first in PATH, and one of them is called nft. */
export function programFolders(path: string): readonly string[] {
  const folders = [...path.split(":"), "/usr/sbin", "/sbin", "/usr/local/sbin"];
  return folders.filter((folder) => folder !== "" && !folder.endsWith("/node_modules/.bin"));
}

const searched = programFolders(process.env["PATH"] ?? "");

export function hasProgram(name: string): boolean {
  return searched.some((folder) => existsSync(`${folder}/${name}`));
}

/** Program → Debian package. */
const runtimePrograms: Readonly<Record<string, string>> = {
  containerd: "containerd",
  runc: "runc",
  nft: "nftables",
  ip: "iproute2",
  conntrack: "conntrack",
  busybox: "busybox-static",
  nsenter: "util-linux",
};

const brought = new Set(["containerd", "runc"]);

/** Debian packages that the containerd runtime lacks here; an existing containerd brings its own. */
export function missingPackages(endpoint?: string): readonly string[] {
  return Object.entries(runtimePrograms)
    .filter(([program]) => !hasProgram(program) && !(endpoint !== undefined && brought.has(program)))
    .map(([, name]) => name);
}

/** Both cgroup layouts work; a machine with none cannot run containers. */
export function cgroupVersion(): "v1" | "v2" | undefined {
  if (existsSync("/sys/fs/cgroup/cgroup.controllers")) return "v2";
  if (existsSync("/sys/fs/cgroup/memory")) return "v1";
  return undefined;
}

/** Where the machine has no default route, the node's address lies on a link that the agent makes. */
export const fallbackAddress = "198.18.0.1";

/** IPv4 address of the default route's interface. */
export function machineAddress(): string {
  const lines = readFileSync("/proc/net/route", "utf8").split("\n").slice(1);
  const device = lines.map((line) => line.split("\t")).find((fields) => fields[1] === "00000000")?.[0];
  if (device === undefined) return fallbackAddress;
  return networkInterfaces()[device]?.find((entry) => entry.family === "IPv4")?.address ?? fallbackAddress;
}

export function machineRoutes(): readonly Route[] {
  return parseRoutes(readFileSync("/proc/net/route", "utf8"));
}

/** Answers one line of what was found; throws with all that is missing, not only the first. */
export function checkMachine(runtime: ClusterFile["runtime"], endpoint?: string): string {
  if (process.platform !== "linux") {
    throw new UserError("TRP-0105", `Troupe runs on Linux, this is ${process.platform}`, {
      hint: "use a Linux machine, a virtual one will do",
    });
  }
  if (runtime === "simulated") return "simulated nodes, no containers";
  const hint = `${self} up --runtime simulated (nodes without containers, needs none of it)`;
  const missing = missingPackages(endpoint);
  const cgroups = cgroupVersion();
  if (!isRoot) {
    const lacks = [
      "root, for containers and network rules",
      ...(missing.length > 0 ? [`the packages ${missing.join(" ")}`] : []),
      ...(cgroups === undefined ? ["cgroups, mounted at /sys/fs/cgroup"] : []),
    ];
    throw new UserError("TRP-0106", "the containerd runtime needs root", {
      cause: new Error(`missing here: ${lacks.join("; ")}`),
      hint: `sudo ${self} up, or ${hint}`,
    });
  }
  if (missing.length > 0) {
    throw new UserError("TRP-0107", "programs of the containerd runtime are missing", {
      cause: new Error(`missing here: ${missing.join(", ")}`),
      hint: `apt-get install ${missing.join(" ")}, or ${hint}`,
    });
  }
  if (cgroups === undefined) {
    throw new UserError("TRP-0108", "containers need cgroups", {
      cause: new Error("none are mounted at /sys/fs/cgroup"),
      hint,
    });
  }
  if (endpoint !== undefined && !statSync(endpoint, { throwIfNoEntry: false })?.isSocket()) {
    throw new UserError("TRP-0119", `there is no socket ${endpoint}`, {
      cause: new Error("no containerd runs there"),
      hint: `start it, or ${self} up without --container-runtime-endpoint: Troupe then runs its own`,
    });
  }
  return `root, cgroup ${cgroups}, containerd${endpoint === undefined ? "" : ` at ${endpoint}`}, nftables`;
}
