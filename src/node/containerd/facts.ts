import type { Exec, HostFiles } from "../../env/host.ts";
import { UserError } from "../../util/errors.ts";

/** What the machine has and allows, as far as containerd's configuration depends on it. */
export interface RuntimeFacts {
  readonly containerd: { readonly path: string; readonly major: number; readonly minor: number };
  /** `runc` first: the default. */
  readonly handlers: readonly { readonly name: "runc" | "crun"; readonly path: string }[];
  readonly apparmor: boolean;
  /** CAP_SYS_RESOURCE. */
  readonly mayLowerOomScore: boolean;
  readonly snapshotter: "overlayfs" | "native";
}

const capSysResource = 24n;
const searchPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

interface Seams {
  readonly exec: Exec;
  readonly files: HostFiles;
}

/** Throws `UserError` when containerd or runc is missing. */
export async function probeRuntime(seams: Seams, dataDirectory: string): Promise<RuntimeFacts> {
  const containerd = await needed(seams, "containerd");
  const runc = await needed(seams, "runc");
  const version = await seams.exec.run(containerd, ["--version"]);
  const crun = await usableCrun(seams);
  return {
    containerd: { path: containerd, ...parseVersion(version.stdout) },
    handlers: [{ name: "runc", path: runc }, ...(crun === undefined ? [] : [{ name: "crun" as const, path: crun }])],
    apparmor: await hasApparmor(seams.files),
    mayLowerOomScore: hasCapability(await seams.files.readText("/proc/self/status")),
    snapshotter: await snapshotterFor(seams.exec, dataDirectory),
  };
}

/** `containerd github.com/containerd/containerd 1.6.20~ds1 1.6.20~ds1-1+deb12u1`, `… v2.0.1 88aa2f…`. */
export function parseVersion(text: string): { readonly major: number; readonly minor: number } {
  const match = /\sv?(\d+)\.(\d+)\./.exec(text);
  if (match === null) {
    throw new UserError("TRP-0301", `containerd's version cannot be read from "${text.trim()}"`, {
      hint: "containerd --version",
    });
  }
  return { major: Number(match[1]), minor: Number(match[2]) };
}

export function hasCapability(status: string): boolean {
  const mask = /^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? "0";
  return ((BigInt(`0x${mask}`) >> capSysResource) & 1n) === 1n;
}

async function needed(seams: Seams, name: string): Promise<string> {
  const path = await find(seams.files, name);
  if (path !== undefined) return path;
  throw new UserError("TRP-0302", `${name} is not installed on this machine`, {
    hint: `apt-get install ${name}`,
  });
}

async function find(files: HostFiles, name: string): Promise<string | undefined> {
  for (const folder of searchPath) {
    if ((await files.stat(`${folder}/${name}`)) !== undefined) return `${folder}/${name}`;
  }
  return undefined;
}

/** crun refuses version 1 with a unified tree beside it that holds a controller. */
async function usableCrun(seams: Seams): Promise<string | undefined> {
  const path = await find(seams.files, "crun");
  if (path === undefined) return undefined;
  const trial = await seams.exec.run(path, ["--version"]);
  if (trial.exitCode !== 0) return undefined;
  const controllers = "/sys/fs/cgroup/unified/cgroup.controllers";
  if ((await seams.files.stat(controllers)) === undefined) return path;
  return (await seams.files.readText(controllers)).trim() === "" ? path : undefined;
}

export async function hasApparmor(files: HostFiles): Promise<boolean> {
  const path = "/sys/module/apparmor/parameters/enabled";
  if ((await files.stat(path)) === undefined) return false;
  return (await files.readText(path)).trim() === "Y";
}

/** overlayfs cannot lie on overlayfs: a node inside a container copies its layers. */
async function snapshotterFor(exec: Exec, directory: string): Promise<"overlayfs" | "native"> {
  const { stdout } = await exec.run("stat", ["-f", "-c", "%T", directory]);
  return stdout.trim() === "overlayfs" ? "native" : "overlayfs";
}
