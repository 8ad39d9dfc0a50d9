import { open } from "node:fs/promises";

import { execa } from "execa";

import { TransientError } from "../../util/errors.ts";
import type { Child, Exec, ExecResult } from "../host.ts";

/**
 * Processes of the machine. The only file that knows execa: everything else takes the `Exec` seam,
 * so that tests can answer for `ip`, `nft` and `mount`.
 *
 * A detached process writes to a file that it inherited, not to a pipe of ours, and leads a session
 * of its own: neither our death nor a signal to our group reaches it.
 */

const outputBytesMax = 16 * 1024 * 1024;

/**
 * The system's programs before whatever PATH says: npm puts the scripts of packages first, and one
 * of them is called `nft` as well.
 */
const systemPath = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

function environment(given: Readonly<Record<string, string>> | undefined): Readonly<Record<string, string>> {
  const path = [...systemPath, ...(process.env["PATH"] ?? "").split(":")];
  return { PATH: [...new Set(path)].join(":"), ...given };
}

export function realExec(): Exec {
  return { run, start, detach };
}

async function run(
  file: string,
  args: readonly string[],
  options: Parameters<Exec["run"]>[2] = {},
): Promise<ExecResult> {
  const result = await execa(file, [...args], {
    reject: false,
    stripFinalNewline: false,
    maxBuffer: outputBytesMax,
    ...(options.input === undefined ? { stdin: "ignore" as const } : { input: options.input }),
    ...(options.timeoutMs === undefined ? {} : { timeout: options.timeoutMs }),
    env: environment(options.env),
  });
  if (result.exitCode === undefined) {
    throw new TransientError(`${file}: ${whyNotEnded(result, options.timeoutMs)}`, {
      cause: result,
    });
  }
  return { exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
}

interface Unfinished {
  readonly timedOut?: boolean | undefined;
  readonly signal?: string | undefined;
  readonly originalMessage?: string | undefined;
}

function whyNotEnded(result: Unfinished, timeoutMs: number | undefined): string {
  if (result.timedOut) return `did not end within ${timeoutMs} ms`;
  if (result.signal !== undefined) return `ended by ${result.signal}`;
  return result.originalMessage ?? "cannot be started";
}

function start(file: string, args: readonly string[], options: Parameters<Exec["start"]>[2] = {}): Child {
  const child = execa(file, [...args], {
    reject: false,
    buffer: false,
    stdin: "pipe",
    stdout: "pipe",
    stderr: "pipe",
    env: environment(options.env),
  });
  if (child.pid === undefined) throw new TransientError(`${file}: cannot be started`);
  child.stdout.setEncoding("utf8");
  child.stderr.setEncoding("utf8");
  // A write after the child's death is reported by its exit, not by the broken pipe.
  child.stdin.on("error", () => undefined);
  return {
    pid: child.pid,
    write: (text) => void child.stdin.write(text),
    onStdout: (take) => void child.stdout.on("data", (text: string) => take(text)),
    onStderr: (take) => void child.stderr.on("data", (text: string) => take(text)),
    onExit: (take) => void child.then((result) => take(result.exitCode)),
    kill: (signal) => void child.kill(signal),
  };
}

async function detach(file: string, args: readonly string[], options: Parameters<Exec["detach"]>[2]): Promise<number> {
  const log = await open(options.logPath, "a", 0o640);
  try {
    // execa's types know the descriptors 3 to 9 only; every number is inherited alike.
    const descriptor = log.fd as 3;
    const child = execa(file, [...args], {
      reject: false,
      buffer: false,
      detached: true,
      cleanup: false,
      stdin: "ignore",
      stdout: descriptor,
      stderr: descriptor,
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
      env: environment(options.env),
    });
    if (child.pid === undefined) {
      const result: Unfinished = await child;
      throw new TransientError(`${file}: ${whyNotEnded(result, undefined)}`, { cause: result });
    }
    child.unref();
    return child.pid;
  } finally {
    await log.close();
  }
}
