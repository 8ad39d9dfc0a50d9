import type { Exec, HostFiles } from "../../env/host.ts";
import { messageOf } from "../../util/errors.ts";
import { mountsAtOnceCount, mountTimeoutMs } from "./limits.ts";

/** Memory file systems of volumes, and what is mounted below a folder. */
export interface Mounter {
  /** Idempotent. `sizeBytes` 0: the kernel's own limit. */
  tmpfs(path: string, sizeBytes: number): Promise<void>;
  /** Deepest first; throws if one cannot be unmounted. */
  unmountBelow(folder: string): Promise<void>;
}

/** Mounts each pair of options and path; prints the numbers of those that failed. */
const mountEach = `n=0; while [ $# -gt 1 ]; do mount -t tmpfs -o "$1" tmpfs "$2" || echo $n; n=$((n+1)); shift 2; done`;

interface Waiting {
  readonly path: string;
  readonly options: string;
  settle(isMounted: boolean): void;
}

/**
 * `namespace`: words before each command, to reach the runtime's mount namespace. Starting a process
 * is what a mount costs, so all that come while one runs go together into the next.
 */
export function createMounter(exec: Exec, files: HostFiles, namespace: readonly string[] = []): Mounter {
  const run = async (...words: readonly string[]): Promise<void> => {
    const [file, ...args] = [...namespace, ...words];
    const result = await exec.run(file!, args, { timeoutMs: mountTimeoutMs });
    if (result.exitCode !== 0) throw new Error(`${words.join(" ")}: ${result.stderr.trim()}`);
  };
  const mount = (options: string, path: string): Promise<void> =>
    run("mount", "-t", "tmpfs", "-o", options, "tmpfs", path);
  let waiting: Waiting[] = [];
  let isMounting = false;
  const mountWaiting = async (): Promise<void> => {
    if (isMounting) return;
    isMounting = true;
    while (waiting.length > 0) {
      const batch = waiting.splice(0, mountsAtOnceCount);
      const words = batch.flatMap(({ options, path }) => [options, path]);
      const [file, ...args] = [...namespace, "sh", "-c", mountEach, "sh", ...words];
      const failed = await exec.run(file!, args, { timeoutMs: mountTimeoutMs }).then(
        ({ exitCode, stdout }) => (exitCode === 0 ? new Set(stdout.trim().split("\n")) : undefined),
        () => undefined,
      );
      for (const [index, each] of batch.entries()) each.settle(failed?.has(String(index)) === false);
    }
    isMounting = false;
  };
  const mountTogether = async (options: string, path: string): Promise<void> => {
    const isMounted = await new Promise<boolean>((settle) => {
      waiting.push({ path, options, settle });
      void mountWaiting();
    });
    // Alone it fails with a text of its own.
    if (!isMounted && !(await mounted()).includes(path)) await mount(options, path);
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
      await mountTogether(`rw${size}`, path);
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
