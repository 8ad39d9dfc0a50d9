import type { ContainerStreamRequest } from "./release.ts";
import type { Env } from "../env/env.ts";
import type { Host } from "../env/host.ts";
import { messageOf } from "../util/errors.ts";
import { type Cgroups, createCgroups, detectLayout } from "./cgroups/cgroups.ts";
import { type Containerd, createContainerd, socketPath } from "./containerd/containerd.ts";
import type { RuntimeFacts } from "./containerd/facts.ts";
import { createCri } from "./cri/client.ts";
import { type ContainerdServices, createContainerdServices } from "./cri/containerd-services.ts";
import type { Cri } from "./cri/cri.ts";
import { pauseImage } from "./images/build/offline.ts";
import { importAtStart } from "./images/import.ts";
import { createPuller, type Puller } from "./images/puller.ts";
import { rotateIntervalMs } from "./logs/limits.ts";
import { rotateLogs } from "./logs/rotate.ts";
import { createIpam, type Ipam } from "./network/ipam.ts";
import { createRecorder, type Recorder } from "./network/outside.ts";
import { findNodeAddress, type NodeAddress, setUpNetwork } from "./network/setup.ts";
import type { RuntimeStream } from "./streams/runtime-stream.ts";
import { openNodeStream } from "./streams/serve.ts";

/**
 * The runtime half of a node, brought up in the one order that works: network, containerd, images,
 * cgroups. Repeating it after any crash finds what runs and makes what is missing. The agent is
 * built on what this answers.
 */
export interface NodeRuntime {
  readonly cri: Cri;
  readonly services: ContainerdServices;
  readonly puller: Puller;
  /** `load` it once the node's range is known. */
  readonly ipam: Ipam;
  readonly cgroups: Cgroups;
  readonly recorder: Recorder;
  readonly facts: RuntimeFacts;
  readonly address: NodeAddress;
  /** Never to be collected. */
  readonly pinnedImages: readonly string[];
  readonly containerd: Pick<Containerd, "state">;
  openStream(request: ContainerStreamRequest): Promise<RuntimeStream>;
  /** Stops watching and rotating; containerd and all containers run on. */
  release(): void;
}

export interface NodeRuntimeOptions {
  readonly env: Pick<Env, "clock" | "log" | "crypto">;
  readonly host: Host;
  /** Absolute, short (see `socketPathBytesMax`), the node's own. */
  readonly dataDirectory: string;
  /** `/troupe-<cluster>-<node>`. */
  readonly cgroupRoot: string;
  readonly serviceCidr: string;
  /** True when this process lives in a network namespace that was made for the node. */
  readonly ownNetns?: boolean;
  /** Path of the node's namespace when this process is not in it; exec then needs `streamAddress`. */
  readonly netns?: string;
  readonly streamAddress?: string;
}

export async function startNodeRuntime(options: NodeRuntimeOptions): Promise<NodeRuntime> {
  const { env, host, dataDirectory, netns } = options;
  const { exec, files, net } = host;
  const { clock, log, crypto } = env;
  const inNetns = netns === undefined ? {} : { netns };
  await files.makeFolder(dataDirectory);
  const recorder = createRecorder({
    files,
    dataDirectory,
    ownNetns: options.ownNetns === true || netns !== undefined,
  });
  const address = await findNodeAddress(exec, recorder, netns);
  await setUpNetwork({
    exec,
    files,
    recorder,
    dataDirectory,
    address,
    serviceCidr: options.serviceCidr,
    ...inNetns,
  });

  const socket = socketPath(dataDirectory);
  const cri = createCri({ socket, clock });
  const services = createContainerdServices({ socket, clock });
  const containerd = createContainerd({
    exec,
    files,
    clock,
    log,
    dataDirectory,
    cri,
    pauseImage,
    ...inNetns,
    ...(options.streamAddress === undefined ? {} : { streamAddress: options.streamAddress }),
  });
  const layout = await detectLayout(files);
  const root = options.cgroupRoot;
  const cgroups = createCgroups({ exec, files, clock, recorder, root, layout });
  let stopRotating = (): void => undefined;
  const release = (): void => {
    stopRotating();
    containerd.release();
    cri.close();
    services.close();
  };
  try {
    const facts = await containerd.start();
    const pinnedImages = await importAtStart({
      exec,
      files,
      crypto,
      log,
      services,
      dataDirectory,
    });
    await cgroups.setUp();
    stopRotating = rotateForever(options, cri);
    return {
      cri,
      services,
      cgroups,
      recorder,
      facts,
      address,
      pinnedImages,
      containerd,
      release,
      puller: createPuller({ cri, clock }),
      ipam: createIpam(files, dataDirectory),
      openStream: (request) => openNodeStream({ cri, net, files, clock }, request),
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Looks at every running container's log each 10 s. Answers how to stop. */
function rotateForever({ env, host }: NodeRuntimeOptions, cri: Cri): () => void {
  const { clock, log } = env;
  const { files } = host;
  /** A container's log path does not change. */
  let paths = new Map<string, string>();
  const round = async (): Promise<void> => {
    const known = new Map<string, string>();
    for (const { id } of await cri.listContainers({ state: "running" })) {
      known.set(id, paths.get(id) ?? (await cri.containerStatus(id)).logPath);
    }
    paths = known;
    const logs = [...paths].map(([containerId, path]) => ({ containerId, path }));
    await rotateLogs({ files, cri, clock, log }, logs);
  };
  let isOver = false;
  let timer = clock.after(rotateIntervalMs, tick, { daemon: true });
  function tick(): void {
    round()
      // The runtime is away or the container has just gone: the next round finds out.
      .catch((error: unknown) => log("debug", "log-rotation-skipped", { error: messageOf(error) }))
      .finally(() => {
        if (!isOver) timer = clock.after(rotateIntervalMs, tick, { daemon: true });
      });
  }
  return () => {
    isOver = true;
    timer.cancel();
  };
}
