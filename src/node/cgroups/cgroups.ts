import type { Clock } from "../../env/env.ts";
import type { Exec, HostFiles } from "../../env/host.ts";
import { TransientError } from "../../util/errors.ts";
import { isGone, pause, signal } from "../containerd/processes.ts";
import type { Recorder } from "../network/outside.ts";
import { type CgroupLayout, type CgroupLimits, foldersOf, limitWrites } from "./layout.ts";
import { readUsage, type CgroupUsage } from "./stats.ts";

/**
 * The node's cgroups. containerd makes a sandbox's children under the pod's cgroup, but neither
 * limits nor removes the pod's own: that is done here, before the sandbox is run and after it is
 * removed.
 */
export interface Cgroups {
  readonly layout: CgroupLayout;
  /** Makes the root and its classes; safe to repeat. */
  setUp(): Promise<void>;
  /** Makes the cgroup (with what lies above) and writes its limits; safe to repeat. */
  apply(cgroup: string, limits: CgroupLimits): Promise<void>;
  /** Kills what is left in it and removes it with all below. An absent one is no error. */
  remove(cgroup: string): Promise<void>;
  /** Of a pod's or a container's cgroup (`<pod cgroup>/<container id>`); `undefined`: not there. */
  usage(cgroup: string): Promise<CgroupUsage | undefined>;
}

export interface CgroupsOptions {
  readonly exec: Exec;
  readonly files: HostFiles;
  readonly clock: Clock;
  readonly recorder: Recorder;
  /** `/troupe-<cluster>-<node>`. */
  readonly root: string;
  readonly layout: CgroupLayout;
}

const removeTriesMax = 40;
const removeRetryMs = 50;
/** What pods may be limited by; cpuset and io are enabled where they exist. */
const unifiedControllers = ["cpu", "memory", "pids", "io", "cpuset"];

export function createCgroups(options: CgroupsOptions): Cgroups {
  const { root, layout, recorder } = options;
  return {
    layout,
    setUp: async () => {
      await recorder.record("cgroup", root);
      for (const cgroup of [root, `${root}/burstable`, `${root}/besteffort`]) {
        await make(options, cgroup);
      }
      const least = limitWrites(layout, `${root}/besteffort`, { cpuShares: 2 });
      for (const { path, value } of least.slice(0, 1)) await options.files.write(path, value);
    },
    apply: async (cgroup, limits) => {
      await make(options, cgroup);
      for (const { path, value } of limitWrites(layout, cgroup, limits)) {
        await options.files.write(path, value);
      }
    },
    remove: (cgroup) => removeCgroup(options, layout, cgroup),
    usage: (cgroup) => readUsage(options.files, layout, cgroup),
  };
}

/** Reads how this machine mounts its cgroups. */
export async function detectLayout(files: HostFiles, mount: string = "/sys/fs/cgroup"): Promise<CgroupLayout> {
  if ((await files.stat(`${mount}/cgroup.controllers`)) !== undefined) {
    return { version: 2, mount, controllers: [] };
  }
  const controllers: string[] = [];
  for (const name of await files.list(mount)) {
    // Links such as cpu -> cpu,cpuacct lead to a folder that is listed itself: one entry a tree,
    // but under the single name that the limits are looked up by.
    if ((await files.stat(`${mount}/${name}/cgroup.procs`)) === undefined) continue;
    if (name !== "unified") controllers.push(name);
  }
  return { version: 1, mount, controllers: controllers.filter((name) => !name.includes(",")) };
}

async function make({ files, layout }: CgroupsOptions, cgroup: string): Promise<void> {
  for (const folder of foldersOf(layout, cgroup)) {
    await files.makeFolder(folder);
    if (folder.startsWith(`${layout.mount}/cpuset/`)) await inheritCpuset(files, folder);
  }
  if (layout.version === 2) await delegate(files, layout, cgroup);
}

/** A v1 cpuset begins empty, and no process can enter it; copies from the level above, top down. */
async function inheritCpuset(files: HostFiles, folder: string): Promise<void> {
  const parent = folder.slice(0, folder.lastIndexOf("/"));
  if (parent.split("/").length > 4) await inheritCpuset(files, parent);
  for (const name of ["cpuset.cpus", "cpuset.mems"]) {
    if ((await files.readText(`${folder}/${name}`)).trim() !== "") continue;
    await files.write(`${folder}/${name}`, (await files.readText(`${parent}/${name}`)).trim());
  }
}

/** Every level above a v2 cgroup must hand the controllers down. */
async function delegate(files: HostFiles, layout: CgroupLayout, cgroup: string): Promise<void> {
  let folder = layout.mount;
  for (const part of cgroup.split("/").slice(1)) {
    const there = (await files.readText(`${folder}/cgroup.controllers`)).trim().split(/\s+/);
    const wanted = unifiedControllers.filter((name) => there.includes(name));
    const value = wanted.map((name) => `+${name}`).join(" ");
    if (value !== "") await files.write(`${folder}/cgroup.subtree_control`, value);
    folder = `${folder}/${part}`;
  }
}

type Removing = Pick<CgroupsOptions, "exec" | "files" | "clock">;

/** Throws `TransientError` if processes in it do not end. */
export async function removeCgroup(seams: Removing, layout: CgroupLayout, cgroup: string): Promise<void> {
  const unified = layout.version === 1 ? [`${layout.mount}/unified${cgroup}`] : [];
  for (const folder of [...foldersOf(layout, cgroup), ...unified]) {
    for (let tries = 1; ; tries += 1) {
      if (await removeTree(seams, folder)) break;
      if (tries === removeTriesMax) throw new TransientError(`cgroup ${folder} stays busy`);
      await pause(seams.clock, removeRetryMs);
    }
  }
}

/** Deepest first. False: something is still in it; it was told to end. The runtime removes its own at the same time. */
async function removeTree(seams: Removing, folder: string): Promise<boolean> {
  const { files, exec } = seams;
  if ((await files.stat(folder)) === undefined) return true;
  try {
    let empty = true;
    for (const name of await files.list(folder)) {
      const child = `${folder}/${name}`;
      if ((await files.stat(child))?.kind !== "folder") continue;
      if (!(await removeTree(seams, child))) empty = false;
    }
    if (!empty) return false;
    const pids = (await files.readText(`${folder}/cgroup.procs`)).split("\n").filter(Boolean);
    await signal(exec, "KILL", pids.map(Number));
    if (pids.length === 0) await files.removeFolder(folder);
    return pids.length === 0;
  } catch (error) {
    if (isGone(error)) return true;
    if (error instanceof Error && "code" in error && error.code === "EBUSY") return false;
    throw error;
  }
}
