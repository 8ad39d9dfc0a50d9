import type { Clock, Log, Timer } from "../../env/env.ts";
import type { Exec, HostFiles } from "../../env/host.ts";
import { messageOf, TransientError, UserError } from "../../util/errors.ts";
import type { Cri } from "../cri/cri.ts";
import { untilAnswering } from "./answering.ts";
import { containerdConfig } from "./config.ts";
import { probeRuntime, type RuntimeFacts } from "./facts.ts";
import {
  logBytesMax,
  restartFirstMs,
  restartMaxMs,
  socketPathBytesMax,
  stableMs,
  stopTimeoutMs,
  watchMs,
} from "./limits.ts";
import { allPids, commandLine, pause, signal, waitGone } from "./processes.ts";

/**
 * The node's own containerd: a process that outlives the agent, all of whose files lie under the
 * data directory. An agent that starts finds it by its pid file and adopts it; while an agent lives,
 * a containerd that dies is started again, with back-off. Containers are not touched by either.
 */
export interface Containerd {
  /** Starts or adopts, and resolves when CRI answers. */
  start(): Promise<RuntimeFacts>;
  /** Stops watching; containerd and its containers run on. */
  release(): void;
  /** Ends containerd; its containers run on. */
  stop(): Promise<void>;
  readonly socket: string;
  /** What its watcher sees. */
  readonly state: "stopped" | "running" | "restarting";
}

export interface ContainerdOptions {
  readonly exec: Exec;
  readonly files: HostFiles;
  readonly clock: Clock;
  readonly log: Log;
  /** Absolute. Must lie on a file system that can hold an overlay's upper folder, else layers are copied. */
  readonly dataDirectory: string;
  /** A client on `socketPath(dataDirectory)`. */
  readonly cri: Cri;
  /** Path of the node's network namespace; absent: ours. */
  readonly netns?: string;
  /** Default 127.0.0.1 of that namespace. */
  readonly streamAddress?: string;
  readonly pauseImage: string;
}

export function socketPath(dataDirectory: string): string {
  return `${dataDirectory}/cd.sock`;
}

function configPath(dataDirectory: string): string {
  return `${dataDirectory}/config.toml`;
}

export function pidPath(dataDirectory: string): string {
  return `${dataDirectory}/containerd.pid`;
}

export function createContainerd(options: ContainerdOptions): Containerd {
  const { dataDirectory, clock, log } = options;
  let facts: RuntimeFacts | undefined;
  let pid = 0;
  let startedAtMs = 0;
  let delayMs = restartFirstMs;
  let timer: Timer | undefined;
  let watching = false;
  let state: Containerd["state"] = "stopped";

  const launch = async (): Promise<void> => {
    pid = await spawnOne(options, facts!);
    startedAtMs = clock.mono();
    await ready(options, pid);
  };

  const watch = (afterMs: number): void => {
    timer = clock.after(afterMs, () => void look(), { daemon: true });
  };

  const look = async (): Promise<void> => {
    let nextMs = watchMs;
    try {
      if (!(await isOurs(options, pid)) && watching) {
        if (clock.mono() - startedAtMs > stableMs) delayMs = restartFirstMs;
        state = "restarting";
        log("warn", "containerd-gone", { pid, restartInMs: delayMs });
        await pause(clock, delayMs);
        delayMs = Math.min(delayMs * 2, restartMaxMs);
        if (watching) await launch();
        state = "running";
        log("info", "containerd-restarted", { pid });
      }
    } catch (error) {
      log("error", "containerd-restart-failed", { error: messageOf(error) });
      nextMs = restartFirstMs;
    }
    if (watching) watch(nextMs);
  };

  const release = (): void => {
    watching = false;
    timer?.cancel();
  };

  return {
    socket: socketPath(dataDirectory),
    get state() {
      return state;
    },
    start: async () => {
      checkSocketPath(dataDirectory);
      facts = await prepare(options);
      const running = await runningPid(options);
      if (running === undefined) {
        await launch();
      } else {
        pid = running;
        startedAtMs = clock.mono();
        log("info", "containerd-adopted", { pid });
        await ready(options, pid);
      }
      watching = true;
      state = "running";
      watch(watchMs);
      return facts;
    },
    release,
    stop: async () => {
      release();
      await stopContainerd(options, dataDirectory);
    },
  };
}

/** Ends the containerd of that data directory, if one runs. */
export async function stopContainerd(
  seams: Pick<ContainerdOptions, "exec" | "files" | "clock">,
  dataDirectory: string,
): Promise<void> {
  const pid = await runningPid({ ...seams, dataDirectory });
  if (pid === undefined) return;
  await signal(seams.exec, "TERM", [pid]);
  if (await waitGone(seams, pid, stopTimeoutMs)) return;
  await signal(seams.exec, "KILL", [pid]);
  await waitGone(seams, pid, stopTimeoutMs);
}

function checkSocketPath(dataDirectory: string): void {
  const bytes = new TextEncoder().encode(socketPath(dataDirectory)).length;
  if (bytes <= socketPathBytesMax) return;
  throw new UserError(
    "TRP-0303",
    `the data directory's path is ${bytes - socketPathBytesMax} bytes too long for a socket`,
    { hint: "choose a shorter --data-dir" },
  );
}

/** The configuration is written again at each start: the machine may have changed. */
async function prepare(options: ContainerdOptions): Promise<RuntimeFacts> {
  const { files, dataDirectory } = options;
  for (const name of ["", "/root", "/state", "/cni/bin", "/cni/conf", "/certs.d", "/log"]) {
    await files.makeFolder(`${dataDirectory}${name}`);
  }
  const facts = await probeRuntime(options, dataDirectory);
  const text = containerdConfig({
    dataDirectory,
    facts,
    pauseImage: options.pauseImage,
    streamAddress: options.streamAddress ?? "127.0.0.1",
  });
  await files.writeAtomic(configPath(dataDirectory), text);
  return facts;
}

async function spawnOne(options: ContainerdOptions, facts: RuntimeFacts): Promise<number> {
  const { files, exec, dataDirectory, netns } = options;
  const logPath = `${dataDirectory}/log/containerd.log`;
  const old = await files.stat(logPath);
  if (old !== undefined && old.size > logBytesMax) await files.rename(logPath, `${logPath}.1`);
  const command = [facts.containerd.path, "-c", configPath(dataDirectory)];
  // Not `ip netns exec`: that makes a mount namespace with a fresh /sys, without cgroups. nsenter
  // replaces itself, so the pid is containerd's.
  const [file, ...args] = netns === undefined ? command : ["nsenter", `--net=${netns}`, ...command];
  const pid = await exec.detach(file!, args, { logPath });
  await files.writeAtomic(pidPath(dataDirectory), `${pid}\n`);
  return pid;
}

function ready(options: ContainerdOptions, pid: number): Promise<void> {
  return untilAnswering(options, async (error, isLate) => {
    if (error.kind === "unimplemented") throw error;
    if (isLate || !(await isAlive(options, pid))) {
      const log = `${options.dataDirectory}/log/containerd.log`;
      throw new TransientError(`containerd does not come up, see ${log}`, { cause: error });
    }
  });
}

type Looking = Pick<ContainerdOptions, "files" | "dataDirectory">;

async function isAlive({ files }: Looking, pid: number): Promise<boolean> {
  return (await commandLine(files, pid)).length > 0;
}

/** A pid is reused in time: it is ours only with our configuration on its command line. */
async function isOurs({ files, dataDirectory }: Looking, pid: number): Promise<boolean> {
  const words = await commandLine(files, pid);
  return words.includes(configPath(dataDirectory)) && words.some((word) => word.endsWith("/containerd"));
}

/** By the pid file, else by looking at all: we may have died between start and file. */
async function runningPid(options: Looking): Promise<number | undefined> {
  const path = pidPath(options.dataDirectory);
  if ((await options.files.stat(path)) !== undefined) {
    const pid = Number((await options.files.readText(path)).trim());
    if (Number.isInteger(pid) && (await isOurs(options, pid))) return pid;
  }
  for (const pid of await allPids(options.files)) {
    if (await isOurs(options, pid)) return pid;
  }
  return undefined;
}
