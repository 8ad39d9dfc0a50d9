/** Takes a node with containers off its machine, whatever state it was left in. */
import type { Env } from "../env/env.ts";
import type { Host } from "../env/host.ts";
import { cleanUpNode } from "../node/containerd/cleanup.ts";
import { socketPath } from "../node/containerd/containerd.ts";
import { createCri } from "../node/cri/client.ts";
import type { Cri } from "../node/cri/cri.ts";
import { nodeScope, scopeCri } from "../node/cri/scoped.ts";
import { messageOf } from "../util/errors.ts";

export interface NodeDownOptions {
  readonly env: Env;
  readonly host: Host;
  readonly dataDirectory: string;
  /** Socket of a containerd that somebody else runs: only what is ours there is ended. */
  readonly runtimeEndpoint?: string;
  /** Containers get this long between TERM and KILL, all at once. */
  readonly graceMs: number;
  readonly keepData: boolean;
}

/** Answers how many containers ran. */
export async function takeDownNode(options: NodeDownOptions): Promise<number> {
  const { env, host, dataDirectory, runtimeEndpoint, graceMs, keepData } = options;
  const { exec, files } = host;
  const { clock, log } = env;
  if ((await files.stat(dataDirectory)) === undefined) return 0;
  const cri = await runtimeOf(options);
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
      sharedRuntime: runtimeEndpoint !== undefined,
      ...(asked === undefined ? {} : { cri: asked }),
    });
    return stopped ?? 0;
  } finally {
    cri?.close();
  }
}

async function runtimeOf({ env, host, dataDirectory, runtimeEndpoint }: NodeDownOptions): Promise<Cri | undefined> {
  const socket = runtimeEndpoint ?? socketPath(dataDirectory);
  if ((await host.files.stat(socket))?.kind !== "socket") return undefined;
  const cri = createCri({ socket, clock: env.clock });
  return runtimeEndpoint === undefined ? cri : scopeCri(cri, nodeScope(dataDirectory));
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
