import type { Clock, Log } from "../../env/env.ts";
import type { HostFiles } from "../../env/host.ts";
import { messageOf } from "../../util/errors.ts";
import { formatTime } from "../../util/time-format.ts";
import type { Cri } from "../cri/cri.ts";
import { logFileBytesMax, logFilesMax } from "./limits.ts";

/**
 * Rotation: a full log is renamed, then the runtime opens a new one. Until it does, it writes to
 * the renamed file, so no line is lost. To be called every 10 s with the containers that run.
 */
export interface RotateOptions {
  readonly files: HostFiles;
  readonly cri: Pick<Cri, "reopenContainerLog">;
  readonly clock: Clock;
  readonly log: Log;
  readonly fileBytesMax?: number;
}

export interface RunningLog {
  readonly containerId: string;
  readonly path: string;
}

export async function rotateLogs(options: RotateOptions, containers: readonly RunningLog[]): Promise<void> {
  const { files, log, fileBytesMax = logFileBytesMax } = options;
  for (const each of containers) {
    try {
      const stat = await files.stat(each.path);
      if (stat !== undefined && stat.size > fileBytesMax) await rotateOne(options, each);
    } catch (error) {
      log("warn", "log-rotation-failed", { path: each.path, error: messageOf(error) });
    }
  }
}

async function rotateOne({ files, cri, clock }: RotateOptions, { containerId, path }: RunningLog): Promise<void> {
  // One is renamed, one is begun: room for both among the five.
  const old = await rotatedFiles(files, path);
  for (const each of old.slice(0, Math.max(0, old.length - (logFilesMax - 2)))) {
    await files.remove(each);
  }
  const stamp = formatTime(clock.wall()).replaceAll(/[-:Z]/g, "").replace("T", "-");
  const renamed = `${path}.${stamp}`;
  await files.rename(path, renamed);
  try {
    await cri.reopenContainerLog(containerId);
  } catch (error) {
    // It goes on writing to the renamed file: give it its name back.
    if ((await files.stat(path)) === undefined) await files.rename(renamed, path);
    throw error;
  }
}

/** Oldest first: the names end in their time. */
export async function rotatedFiles(files: HostFiles, path: string): Promise<readonly string[]> {
  const slash = path.lastIndexOf("/");
  const folder = path.slice(0, slash);
  const prefix = `${path.slice(slash + 1)}.`;
  const names = (await files.list(folder)).filter(
    (name) => name.startsWith(prefix) && /^\d{8}-\d{6}$/.test(name.slice(prefix.length)),
  );
  return names.sort().map((name) => `${folder}/${name}`);
}
