/** Takes a node with containers off its machine, whatever state it was left in. */
import type { Env } from "../env/env.ts";
import type { Host } from "../env/host.ts";
import { cleanUpNode } from "../node/containerd/cleanup.ts";
import { socketPath } from "../node/containerd/containerd.ts";
import { createCri } from "../node/cri/client.ts";
import type { Cri } from "../node/cri/cri.ts";
import { messageOf } from "../util/errors.ts";

export interface NodeDownOptions {
  readonly env: Env;
  readonly host: Host;
  readonly dataDirectory: string;
  /** Containers get this long between TERM and KILL, all at once. */
  readonly graceMs: number;
  readonly keepData: boolean;
}

/** Answers how many containers ran. */
export async function takeDownNode({ env, host, dataDirectory, graceMs, keepData }: NodeDownOptions): Promise<number> {
  const { exec, files } = host;
  const { clock, log } = env;
  if ((await files.stat(dataDirectory)) === undefined) return 0;
  const answers = (await files.stat(socketPath(dataDirectory)))?.kind === "socket";
  const cri = answers ? createCri({ socket: socketPath(dataDirectory), clock }) : undefined;
  try {
    const stopped = cri === undefined ? 0 : await stopContainers(env, cri, graceMs);
    const asked = stopped === undefined ? undefined : cri;
    await cleanUpNode({
      exec,
      files,
      clock,
      log,
      dataDirectory,
      keepData,
      ...(asked === undefined ? {} : { cri: asked }),
    });
    return stopped ?? 0;
  } finally {
    cri?.close();
  }
}

/** Undefined: the runtime does not answer, what runs is killed by the clean-up. */
async function stopContainers({ log }: Env, cri: Cri, graceMs: number): Promise<number | undefined> {
  try {
    const running = await cri.listContainers({ state: "running" });
    const seconds = Math.floor(graceMs / 1_000);
    const ends = await Promise.allSettled(running.map(({ id }) => cri.stopContainer(id, seconds)));
    for (const end of ends) if (end.status === "rejected") log("warn", "down.stop", { error: messageOf(end.reason) });
    return running.length;
  } catch (error) {
    log("info", "down.runtime-silent", { error: messageOf(error) });
    return undefined;
  }
}
