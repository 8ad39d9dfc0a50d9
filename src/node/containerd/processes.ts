import type { Clock } from "../../env/env.ts";
import type { Exec, HostFiles } from "../../env/host.ts";
import { stopPollMs } from "./limits.ts";

/** Processes of this machine by /proc. Nothing is killed by name: only pids whose command line was read. */

export interface ProcessSeams {
  readonly exec: Exec;
  readonly files: HostFiles;
  readonly clock: Clock;
}

/** The words of its command line; empty for a process that is gone or a zombie. */
export async function commandLine(files: HostFiles, pid: number): Promise<readonly string[]> {
  try {
    const text = await files.readText(`/proc/${pid}/cmdline`);
    return text.split("\0").slice(0, -1);
  } catch (error) {
    if (isGone(error)) return [];
    throw error;
  }
}

export async function allPids(files: HostFiles): Promise<readonly number[]> {
  return (await files.list("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
}

/** A process that has gone meanwhile is no error. */
export async function signal(exec: Exec, name: "TERM" | "KILL", pids: readonly number[]): Promise<void> {
  if (pids.length === 0) return;
  const script = 'signal=$1; shift; for pid; do kill -s "$signal" "$pid" 2>/dev/null; done; true';
  await exec.run("sh", ["-c", script, "sh", name, ...pids.map(String)]);
}

/** False: it still runs after `timeoutMs`. */
export async function waitGone({ files, clock }: ProcessSeams, pid: number, timeoutMs: number): Promise<boolean> {
  const deadline = clock.mono() + timeoutMs;
  for (;;) {
    if ((await commandLine(files, pid)).length === 0) return true;
    if (clock.mono() >= deadline) return false;
    await pause(clock, stopPollMs);
  }
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => {
    clock.after(ms, resolve, { daemon: true });
  });
}

/** The error of reading what has disappeared between listing and looking. */
export function isGone(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOENT" || code === "ESRCH" || code === "ENODEV" || code === "ENOTDIR";
}
