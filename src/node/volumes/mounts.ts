import type { Exec, HostFiles } from "../../env/host.ts";
import { messageOf } from "../../util/errors.ts";
import { mountTimeoutMs } from "./limits.ts";

/** Memory file systems of volumes, and what is mounted below a folder. */
export interface Mounter {
  /** Idempotent. `sizeBytes` 0: the kernel's own limit. */
  tmpfs(path: string, sizeBytes: number): Promise<void>;
  /** Deepest first; throws if one cannot be unmounted. */
  unmountBelow(folder: string): Promise<void>;
}

/** `namespace`: words before each command, to reach the runtime's mount namespace. */
export function createMounter(exec: Exec, files: HostFiles, namespace: readonly string[] = []): Mounter {
  const run = async (...words: readonly string[]): Promise<void> => {
    const [file, ...args] = [...namespace, ...words];
    const result = await exec.run(file!, args, { timeoutMs: mountTimeoutMs });
    if (result.exitCode !== 0) throw new Error(`${words.join(" ")}: ${result.stderr.trim()}`);
  };
  const mounted = async (): Promise<readonly string[]> => {
    const text = await files.readText("/proc/self/mountinfo");
    return text
      .split("\n")
      .map((line) => line.split(" ")[4])
      .filter((path) => path !== undefined)
      .map((path) => path.replaceAll(/\\(\d{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8))));
  };
  return {
    async tmpfs(path, sizeBytes) {
      await files.makeFolder(path);
      if ((await mounted()).includes(path)) return;
      const size = sizeBytes > 0 ? `,size=${sizeBytes}` : "";
      await run("mount", "-t", "tmpfs", "-o", `rw${size}`, "tmpfs", path);
    },
    async unmountBelow(folder) {
      const below = (await mounted()).filter((path) => path.startsWith(`${folder}/`));
      for (const path of below.toSorted((a, b) => b.length - a.length)) {
        try {
          await run("umount", path);
        } catch (error) {
          if (!messageOf(error).includes("not mounted")) throw error;
        }
      }
    },
  };
}
