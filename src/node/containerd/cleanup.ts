import type { Clock, Log } from "../../env/env.ts";
import type { Exec, HostFiles } from "../../env/host.ts";
import { messageOf } from "../../util/errors.ts";
import { detectLayout, removeCgroup } from "../cgroups/cgroups.ts";
import type { Cri } from "../cri/cri.ts";
import { networkCommands } from "../network/commands.ts";
import { removeLink, removeNetns, removeTable } from "../network/namespace.ts";
import { type OutsideThing, readRecords } from "../network/outside.ts";
import { socketPath, stopContainerd } from "./containerd.ts";
import { allPids, commandLine, signal, waitGone } from "./processes.ts";
import { stopTimeoutMs } from "./limits.ts";

/**
 * Takes a node's traces off the machine: `down` after the agent has stopped. It works from what is
 * recorded and from what the kernel shows, so it may be repeated after any crash, its own included.
 * The order matters: sandboxes while containerd can still end them, then containerd, shims, mounts,
 * links and namespaces, cgroups, and the records last.
 */
export interface CleanUpOptions {
  readonly exec: Exec;
  readonly files: HostFiles;
  readonly clock: Clock;
  readonly log: Log;
  readonly dataDirectory: string;
  /** Absent: containerd is not asked; what runs is killed. */
  readonly cri?: Cri;
  /** Somebody else runs containerd; it and its shims stay. */
  readonly sharedRuntime?: boolean;
  /** Leaves the data directory (images, logs, volumes), only the records go. */
  readonly keepData?: boolean;
}

const stopsAtOnce = 8;

export async function cleanUpNode(options: CleanUpOptions): Promise<void> {
  const { exec, files, dataDirectory, cri } = options;
  const records = await readRecords(files, dataDirectory);
  if (cri !== undefined) await removeSandboxes(options, cri);
  if (options.sharedRuntime !== true) {
    await stopContainerd(options, dataDirectory);
    await killShims(options);
    await removeShimSockets(options);
  }
  // Containers outlive a killed shim: what is left of them is found by its cgroup.
  const layout = await detectLayout(files);
  for (const { kind, name } of records) {
    if (kind === "cgroup") await removeCgroup(options, layout, name);
  }
  await unmountBelow(options, dataDirectory);
  for (const thing of [...records].reverse()) {
    if (thing.inside !== true) await removeOutside(options, thing);
  }
  if (options.keepData === true) await files.removeAll(`${dataDirectory}/outside.jsonl`);
  // One file system: what could not be unmounted must not be emptied.
  else await networkCommands(exec).run("rm", ["-rf", "--one-file-system", "--", dataDirectory]);
}

async function removeSandboxes({ log }: CleanUpOptions, cri: Cri): Promise<void> {
  let waiting: readonly string[];
  try {
    waiting = (await cri.listPodSandboxes()).map(({ id }) => id);
  } catch (error) {
    log("info", "clean-up-without-runtime", { error: messageOf(error) });
    return;
  }
  const queue = [...waiting];
  const worker = async (): Promise<void> => {
    for (let id = queue.pop(); id !== undefined; id = queue.pop()) {
      try {
        await cri.stopPodSandbox(id);
        await cri.removePodSandbox(id);
      } catch (error) {
        // What containerd cannot end is ended without it below.
        log("warn", "clean-up-sandbox-failed", { id, error: messageOf(error) });
      }
    }
  };
  await Promise.all(Array.from({ length: stopsAtOnce }, worker));
}

/** Shims name their containerd's socket: `containerd-shim-runc-v2 -namespace k8s.io -id … -address D/cd.sock`. */
async function killShims(options: CleanUpOptions): Promise<void> {
  const { exec, files, dataDirectory } = options;
  const socket = socketPath(dataDirectory);
  const shims: number[] = [];
  for (const pid of await allPids(files)) {
    const words = await commandLine(files, pid);
    const isShim = words[0]?.includes("containerd-shim") === true;
    if (isShim && words[words.indexOf("-address") + 1] === socket) shims.push(pid);
  }
  await signal(exec, "KILL", shims);
  for (const pid of shims) await waitGone(options, pid, stopTimeoutMs);
}

const shimSocketFolder = "/run/containerd/s/";

/** A shim makes its socket outside the data directory, and leaves it there where it was killed. */
async function removeShimSockets({ files, dataDirectory }: CleanUpOptions): Promise<void> {
  const bundles = `${dataDirectory}/state/io.containerd.runtime.v2.task/k8s.io`;
  if ((await files.stat(bundles)) === undefined) return;
  for (const id of await files.list(bundles)) {
    const address = `${bundles}/${id}/address`;
    if ((await files.stat(address)) === undefined) continue;
    const path = (await files.readText(address)).trim().replace(/^unix:\/\//, "");
    if (path.startsWith(shimSocketFolder) && !path.includes("..")) await files.removeAll(path);
  }
}

/** Deepest first; the same place may be mounted several times. */
async function unmountBelow(
  { exec, files, log }: Pick<CleanUpOptions, "exec" | "files" | "log">,
  folder: string,
): Promise<void> {
  const places = mountsBelow(await files.readText("/proc/self/mountinfo"), folder);
  for (const place of places) {
    const { exitCode, stderr } = await exec.run("umount", [place]);
    if (exitCode === 0) continue;
    log("warn", "clean-up-unmount-lazily", { place, error: stderr.trim() });
    await exec.run("umount", ["-l", place]);
  }
}

/** Mount points at or below a folder, last mounted first, so that what lies on another goes before it. */
export function mountsBelow(mountinfo: string, folder: string): readonly string[] {
  return mountinfo
    .split("\n")
    .map((line) => unescaped(line.split(" ")[4] ?? ""))
    .filter((place) => place === folder || place.startsWith(`${folder}/`))
    .reverse();
}

/** The kernel writes blanks and backslashes of a path in octal. */
function unescaped(path: string): string {
  return path.replaceAll(/\\([0-7]{3})/g, (_match, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
}

async function removeOutside({ exec, files }: CleanUpOptions, { kind, name }: OutsideThing): Promise<void> {
  switch (kind) {
    case "netns":
      return removeNetns(exec, name);
    case "link":
      return removeLink(exec, name);
    case "table":
      return removeTable(exec, name);
    case "route":
      await networkCommands(exec).try("ip", ["route", "del", name, "dev", "lo"]);
      return;
    case "mount":
      await networkCommands(exec).try("umount", [name]);
      return;
    case "file":
      return files.removeAll(name);
    case "cgroup":
      // Already gone: processes had to end before their mounts.
      return;
  }
}
