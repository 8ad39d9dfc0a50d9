import type { ContainerStreamRequest } from "./release.ts";
import type { Env } from "../env/env.ts";
import type { Host } from "../env/host.ts";
import { messageOf } from "../util/errors.ts";
import { type Cgroups, createCgroups, detectLayout } from "./cgroups/cgroups.ts";
import { type Containerd, createContainerd, socketPath } from "./containerd/containerd.ts";
import { joinRuntime } from "./containerd/existing.ts";
import { hasApparmor } from "./containerd/facts.ts";
import { createCri } from "./cri/client.ts";
import { type ContainerdServices, createContainerdServices } from "./cri/containerd-services.ts";
import type { Cri } from "./cri/cri.ts";
import { nodeScope, scopeCri } from "./cri/scoped.ts";
import { pauseImage } from "./images/build/offline.ts";
import { importAtStart } from "./images/import.ts";
import { createPuller, type Puller } from "./images/puller.ts";
import { rotateIntervalMs } from "./logs/limits.ts";
import { rotateLogs } from "./logs/rotate.ts";
import { createIpam, type Ipam } from "./network/ipam.ts";
import { createRecorder, type Recorder } from "./network/outside.ts";
import { findNodeAddress, type NodeAddress, setUpNetwork, type SetUpOptions } from "./network/setup.ts";
import { listedLogPath, logRootOf } from "./pods/config.ts";
import type { RuntimeStream } from "./streams/runtime-stream.ts";
import { openNodeStream } from "./streams/serve.ts";

/**
 * The runtime half of a node, brought up in the one order that works: network, containerd (its own, or one
 * that somebody else runs), images, cgroups. Repeating it after any crash finds what runs and makes what is missing. The agent is
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
  readonly apparmor: boolean;
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
  /** A containerd that somebody else runs; absent: one of the node's own, under the data directory. */
  readonly endpoint?: string;
  /** Absolute, short (see `socketPathBytesMax`), the node's own. */
  readonly dataDirectory: string;
  /** `/troupe-<cluster>-<node>`. */
  readonly cgroupRoot: string;
  readonly serviceCidr: string;
  /** True when this process lives in a network namespace that was made for the node. */
  readonly ownNetns?: boolean;
  /** Around the runtime: faults, say. Default: the runtime itself. */
  readonly wrap?: (cri: Cri) => Cri;
  /** Path of the node's namespace when this process is not in it; exec then needs `streamAddress`. */
  readonly netns?: string;
  readonly streamAddress?: string;
}

export async function startNodeRuntime(options: NodeRuntimeOptions): Promise<NodeRuntime> {
  const { env, host, dataDirectory, netns } = options;
  const { exec, files, net } = host;
  const { clock, log, crypto } = env;
  await files.makeFolder(dataDirectory);
  const recorder = createRecorder({
    files,
    dataDirectory,
    ownNetns: options.ownNetns === true || netns !== undefined,
  });
  const address = await findNodeAddress(exec, recorder, netns);
  const socket = options.endpoint ?? socketPath(dataDirectory);
  const bare = createCri({ socket, clock });
  const whole = options.wrap?.(bare) ?? bare;
  const cri = options.endpoint === undefined ? whole : scopeCri(whole, nodeScope(dataDirectory));
  const services = createContainerdServices({ socket, clock });
  const layout = await detectLayout(files);
  const cgroups = createCgroups({ exec, files, clock, recorder, root: options.cgroupRoot, layout });
  let stopRotating = (): void => undefined;
  let containerd: Pick<Containerd, "state" | "release"> | undefined;
  const release = (): void => {
    stopRotating();
    containerd?.release();
    cri.close();
    services.close();
  };
  try {
    const parts = { options, cri, recorder, address };
    const started = await (options.endpoint === undefined ? startOwn(parts) : joinExisting(parts, options.endpoint));
    containerd = started.containerd;
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
      apparmor: started.apparmor,
      address,
      pinnedImages,
      containerd: started.containerd,
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

interface Parts {
  readonly options: NodeRuntimeOptions;
  readonly cri: Cri;
  readonly recorder: Recorder;
  readonly address: NodeAddress;
}

interface Started {
  readonly containerd: Pick<Containerd, "state" | "release">;
  readonly apparmor: boolean;
}

async function startOwn(parts: Parts): Promise<Started> {
  const { env, host, dataDirectory, netns, streamAddress } = parts.options;
  await setUpNetwork(networkOf(parts));
  const containerd = createContainerd({
    exec: host.exec,
    files: host.files,
    clock: env.clock,
    log: env.log,
    dataDirectory,
    cri: parts.cri,
    pauseImage,
    ...(netns === undefined ? {} : { netns }),
    ...(streamAddress === undefined ? {} : { streamAddress }),
  });
  try {
    const { apparmor } = await containerd.start();
    return { containerd, apparmor };
  } catch (error) {
    containerd.release();
    throw error;
  }
}

async function joinExisting(parts: Parts, socket: string): Promise<Started> {
  const { clock, log } = parts.options.env;
  const containerd = await joinRuntime({ clock, log, cri: parts.cri, socket });
  try {
    const { apparmor, cniConfDirectory, cniBinDirectory } = containerd.settings;
    const cni = { confDirectory: cniConfDirectory, binDirectory: cniBinDirectory };
    await setUpNetwork({ ...networkOf(parts), cni });
    return { containerd, apparmor: apparmor && (await hasApparmor(parts.options.host.files)) };
  } catch (error) {
    containerd.release();
    throw error;
  }
}

function networkOf({ options, recorder, address }: Parts): SetUpOptions {
  const { host, dataDirectory, serviceCidr, netns } = options;
  const { exec, files } = host;
  return { exec, files, recorder, dataDirectory, address, serviceCidr, ...(netns === undefined ? {} : { netns }) };
}

/** Looks at every running container's log each 10 s. Answers how to stop. */
function rotateForever({ env, host, dataDirectory }: NodeRuntimeOptions, cri: Cri): () => void {
  const { clock, log } = env;
  const { files } = host;
  const round = async (): Promise<void> => {
    const running = await cri.listContainers({ state: "running" });
    const logs = running.map((each) => ({ containerId: each.id, path: listedLogPath(each, logRootOf(dataDirectory)) }));
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
