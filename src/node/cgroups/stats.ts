import type { HostFiles } from "../../env/host.ts";
import { isGone } from "../containerd/processes.ts";
import type { CgroupLayout } from "./layout.ts";

/**
 * Usage straight from the cgroup's files: a fiftieth of what the runtime's own pod stats cost.
 */
export interface CgroupUsage {
  readonly cpuNanoSeconds: number;
  readonly memoryUsageBytes: number;
  /** Usage without file pages that can be dropped at once. */
  readonly workingSetBytes: number;
  readonly rssBytes: number;
}

/** `undefined`: the cgroup is not there. */
export async function readUsage(
  files: HostFiles,
  layout: CgroupLayout,
  cgroup: string,
): Promise<CgroupUsage | undefined> {
  try {
    return layout.version === 2
      ? await unifiedUsage(files, `${layout.mount}${cgroup}`)
      : await controllerUsage(files, layout.mount, cgroup);
  } catch (error) {
    if (isGone(error)) return undefined;
    throw error;
  }
}

async function unifiedUsage(files: HostFiles, folder: string): Promise<CgroupUsage> {
  const [cpu, current, memory] = await Promise.all([
    files.readText(`${folder}/cpu.stat`),
    files.readText(`${folder}/memory.current`),
    files.readText(`${folder}/memory.stat`),
  ]);
  return usageOf({
    cpuNanoSeconds: fieldOf(cpu, "usage_usec") * 1_000,
    memoryUsageBytes: Number(current.trim()),
    inactiveBytes: fieldOf(memory, "inactive_file"),
    rssBytes: fieldOf(memory, "anon"),
  });
}

async function controllerUsage(files: HostFiles, mount: string, cgroup: string): Promise<CgroupUsage> {
  const [cpu, usage, memory] = await Promise.all([
    files.readText(`${mount}/cpuacct${cgroup}/cpuacct.usage`),
    files.readText(`${mount}/memory${cgroup}/memory.usage_in_bytes`),
    files.readText(`${mount}/memory${cgroup}/memory.stat`),
  ]);
  return usageOf({
    cpuNanoSeconds: Number(cpu.trim()),
    memoryUsageBytes: Number(usage.trim()),
    inactiveBytes: fieldOf(memory, "total_inactive_file"),
    rssBytes: fieldOf(memory, "total_rss"),
  });
}

function usageOf(read: {
  readonly cpuNanoSeconds: number;
  readonly memoryUsageBytes: number;
  readonly inactiveBytes: number;
  readonly rssBytes: number;
}): CgroupUsage {
  const { cpuNanoSeconds, memoryUsageBytes, inactiveBytes, rssBytes } = read;
  return {
    cpuNanoSeconds,
    memoryUsageBytes,
    workingSetBytes: Math.max(0, memoryUsageBytes - inactiveBytes),
    rssBytes,
  };
}

/** The number behind `name ` in a file of such lines; 0 where the kernel does not have it. */
function fieldOf(text: string, name: string): number {
  const match = new RegExp(`^${name} (\\d+)$`, "m").exec(text);
  return match === null ? 0 : Number(match[1]);
}
