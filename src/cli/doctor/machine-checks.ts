/** The machine: programs, kernel, cgroups, limits, clock. Everything is only read. */
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { release } from "node:os";
import { gunzipSync } from "node:zlib";
import { isRoot, type ClusterFile } from "../cluster-file.ts";
import { cgroupVersion, missingPackages } from "../machine.ts";
import { fail, ok, warn, type Check } from "./check.ts";
import { doctorLimits } from "./limits.ts";

/** `runtime`: what the cluster runs its pods with; containers need more of the machine than simulated nodes. */
export function machineChecks(runtime: ClusterFile["runtime"], endpoint?: string): readonly Check[] {
  const common = [nodeVersion(process.versions.node), openFiles(readOr("/proc/self/limits")), clockKeeper()];
  if (runtime === "simulated") return common;
  const kernel = readKernel();
  return [
    isRoot
      ? ok("user", "root")
      : fail("user", "not root", "containers and network rules need root: sudo troupe doctor"),
    programs(missingPackages(endpoint)),
    cgroups(),
    ...kernelFeatures.map((feature) => kernelCheck(feature, kernel)),
    inotify(Number(readOr("/proc/sys/fs/inotify/max_user_instances"))),
    ...common,
  ];
}

export function nodeVersion(version: string): Check {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  const isEnough = major > 20 || (major === 20 && minor >= 19);
  if (!isEnough) return fail("node.js", version, "Troupe needs Node.js 20.19 or newer");
  return ok("node.js", version);
}

function programs(missing: readonly string[]): Check {
  if (missing.length === 0) return ok("programs", "containerd, runc, nft, ip, conntrack, busybox, nsenter");
  return fail("programs", `missing: ${missing.join(", ")}`, `apt-get install ${missing.join(" ")}`);
}

const neededControllers = ["cpu", "memory", "pids"];

function cgroups(): Check {
  const version = cgroupVersion();
  if (version === undefined) return fail("cgroups", "none are mounted", "mount them at /sys/fs/cgroup");
  const there =
    version === "v2"
      ? readOr("/sys/fs/cgroup/cgroup.controllers").trim().split(" ")
      : neededControllers.filter((name) => existsSync(`/sys/fs/cgroup/${name}`));
  const lacking = neededControllers.filter((name) => !there.includes(name));
  if (lacking.length === 0) return ok("cgroups", `${version}, with ${neededControllers.join(", ")}`);
  return fail("cgroups", `${version}, without ${lacking.join(", ")}`, "enable these controllers, then start again");
}

export interface KernelFeature {
  readonly name: string;
  /** Of the kernel's configuration, without CONFIG_. */
  readonly option: string;
  readonly module: string;
  readonly use: string;
}

export const kernelFeatures: readonly KernelFeature[] = [
  { name: "nf_tables", option: "NF_TABLES", module: "nf_tables", use: "Services" },
  { name: "nft nat", option: "NFT_NAT", module: "nft_nat", use: "Services" },
  { name: "conntrack", option: "NF_CONNTRACK", module: "nf_conntrack", use: "Services" },
  { name: "veth", option: "VETH", module: "veth", use: "the network of pods" },
  { name: "overlay", option: "OVERLAY_FS", module: "overlay", use: "images" },
];

/** What this kernel tells of itself; what cannot be read is missing. */
export interface Kernel {
  /** The text of its configuration. */
  readonly config: string | undefined;
  /** Names of modules that are loaded, built in or lie on disk. */
  readonly modules: ReadonlySet<string>;
}

export function kernelCheck(feature: KernelFeature, { config, modules }: Kernel): Check {
  const name = `kernel ${feature.name}`;
  if (modules.has(feature.module)) return ok(name, "there");
  const set = config === undefined ? undefined : new RegExp(`^CONFIG_${feature.option}=([ym])$`, "m").exec(config)?.[1];
  if (set === "y") return ok(name, "built in");
  const needed = `${feature.use} need a kernel with CONFIG_${feature.option}`;
  if (set === "m")
    return fail(name, "built as a module that is not installed", `install the kernel's modules; ${needed}`);
  if (config === undefined) return warn(name, "the kernel does not tell", `${needed}: modprobe ${feature.module}`);
  return fail(name, "missing", needed);
}

function readKernel(): Kernel {
  const folder = `/lib/modules/${release()}`;
  const listed = ["modules.builtin", "modules.dep"].flatMap((file) => readOr(`${folder}/${file}`).split("\n"));
  const names = listed.map((line) => /([^/:]+)\.ko/.exec(line)?.[1]?.replaceAll("-", "_") ?? "");
  const loaded = existsSync("/sys/module") ? readdirSync("/sys/module") : [];
  return { config: kernelConfig(), modules: new Set([...names, ...loaded]) };
}

function kernelConfig(): string | undefined {
  if (existsSync("/proc/config.gz")) return gunzipSync(readFileSync("/proc/config.gz")).toString();
  const path = `/boot/config-${release()}`;
  return existsSync(path) ? readOr(path) : undefined;
}

export function openFiles(limits: string): Check {
  const hard = /^Max open files\s+\S+\s+(\S+)/m.exec(limits)?.[1];
  const count = hard === "unlimited" ? Number.POSITIVE_INFINITY : Number(hard ?? Number.NaN);
  const found = `${hard ?? "unknown"} at most`;
  if (count >= doctorLimits.minOpenFilesCount) return ok("open files", found);
  return warn(
    "open files",
    found,
    `raise the hard limit to ${doctorLimits.minOpenFilesCount}: ulimit -Hn, LimitNOFILE=`,
  );
}

function inotify(instances: number): Check {
  const found = `${instances} instances a user`;
  if (instances >= doctorLimits.minInotifyInstancesCount) return ok("inotify", found);
  return warn("inotify", found, "sysctl -w fs.inotify.max_user_instances=8192: programs in pods use them up");
}

const keepers = new Set(["chronyd", "ntpd", "systemd-timesyn", "systemd-timesyncd", "ptp4l", "openntpd"]);

function clockKeeper(): Check {
  const now = new Date().toISOString();
  if (existsSync("/run/systemd/timesync/synchronized")) return ok("clock", `${now}, kept by systemd-timesyncd`);
  const found = processNames().find((name) => keepers.has(name));
  if (found !== undefined) return ok("clock", `${now}, kept by ${found}`);
  const fix = "apt-get install chrony: certificates, leases and several masters need clocks that agree";
  return warn("clock", `${now}, and no program keeps it right`, fix);
}

function processNames(): readonly string[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .map((pid) => readOr(`/proc/${pid}/comm`).trim());
}

/** Empty where there is no such file, or this user may not read it. */
function readOr(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes((error as NodeJS.ErrnoException).code ?? "")) return "";
    throw error;
  }
}
