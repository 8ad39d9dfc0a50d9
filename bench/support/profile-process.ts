/** A CPU profile of another process, through its inspector, which listens in the bench's network namespace only. */
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { BenchCluster } from "./cluster.ts";

const script = fileURLToPath(new URL("./profile-worker.js", import.meta.url));

export interface ProfileWish {
  readonly pid: number;
  /** Of the profile that is written. */
  readonly path: string;
  readonly forMs: number;
}

/** Works while the process is profiled. */
export async function profileProcess(
  { machine }: Pick<BenchCluster, "machine">,
  { pid, path, forMs }: ProfileWish,
  work: () => Promise<unknown>,
): Promise<void> {
  const child = machine.start(process.execPath, [script, String(pid), String(forMs), path]);
  child.stderr!.pipe(process.stderr);
  child.stdout!.resume();
  const ended = once(child, "exit");
  await Promise.all([ended, work()]);
  const [code] = (await ended) as [number | null];
  if (code !== 0) throw new Error(`the profile of process ${pid} failed`);
}
