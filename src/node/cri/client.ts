import type { Clock } from "../../env/env.ts";
import type {
  ContainerConfig,
  ContainerFilter,
  Cri,
  PullOptions,
  RuntimeVersion,
  SandboxConfig,
  SandboxFilter,
} from "./cri.ts";
import * as decode from "./decode.ts";
import { callTimeoutMs, queryTimeoutMs } from "./limits.ts";
import { createTransport, type Transport } from "./transport.ts";

/**
 * CRI v1 over gRPC. Every call has a deadline but PullImage, which its caller cancels; the calls
 * that wait for a process (stop, exec) get its time on top of the usual one.
 */
export interface CriOptions {
  /** Absolute path of containerd's socket. */
  readonly socket: string;
  readonly clock: Clock;
}

export function createCri(options: CriOptions): Cri {
  return criOver(createTransport({ ...options, proto: ["cri.proto"] }));
}

interface CallOptions {
  /** `null`: no deadline. */
  readonly timeoutMs?: number | null;
  readonly signal?: AbortSignal | undefined;
}

type Call = <Reply>(method: string, request: object, options?: CallOptions) => Promise<Reply>;

/** The typed calls over any transport. */
function criOver(transport: Transport): Cri {
  const caller =
    (service: string): Call =>
    (method, request, { timeoutMs = callTimeoutMs, signal } = {}) =>
      transport.unary({
        service,
        method,
        request,
        ...(timeoutMs === null ? {} : { timeoutMs }),
        ...(signal === undefined ? {} : { signal }),
      });
  const runtime = caller("runtime.v1.RuntimeService");
  return {
    ...runtimeCalls(runtime),
    ...sandboxCalls(runtime),
    ...containerCalls(runtime),
    ...streamCalls(runtime),
    ...imageCalls(caller("runtime.v1.ImageService")),
    close: () => transport.close(),
  };
}

const query: CallOptions = { timeoutMs: queryTimeoutMs };

type RuntimeCalls = Pick<Cri, "version" | "status" | "configuration" | "containerStats" | "listContainerStats">;

function runtimeCalls(call: Call): RuntimeCalls {
  return {
    version: () => call<RuntimeVersion>("Version", {}, query),
    status: async () => decode.decodeStatus(await call("Status", {}, query)),
    configuration: async () => {
      const reply = await call<{ readonly info: Readonly<Record<string, string>> }>("Status", { verbose: true }, query);
      return reply.info["config"];
    },
    containerStats: async (id) => {
      const reply = await call<{ readonly stats: decode.RawContainerStats }>(
        "ContainerStats",
        { containerId: id },
        query,
      );
      return decode.decodeContainerStats(reply.stats);
    },
    listContainerStats: async (filter) => {
      const reply = await call<{ readonly stats: readonly decode.RawContainerStats[] }>(
        "ListContainerStats",
        filter === undefined ? {} : { filter: { labelSelector: filter.labels } },
        query,
      );
      return reply.stats.map(decode.decodeContainerStats);
    },
  };
}

type SandboxCalls = Pick<
  Cri,
  "runPodSandbox" | "stopPodSandbox" | "removePodSandbox" | "podSandboxStatus" | "listPodSandboxes"
>;

function sandboxCalls(call: Call): SandboxCalls {
  return {
    runPodSandbox: async (config, handler = "") => {
      const reply = await call<{ readonly podSandboxId: string }>("RunPodSandbox", {
        config,
        runtimeHandler: handler,
      });
      return reply.podSandboxId;
    },
    stopPodSandbox: async (id) => {
      await call("StopPodSandbox", { podSandboxId: id });
    },
    removePodSandbox: async (id) => {
      await call("RemovePodSandbox", { podSandboxId: id });
    },
    podSandboxStatus: async (id) => {
      const reply = await call<{ readonly status: decode.RawSandboxStatus }>(
        "PodSandboxStatus",
        { podSandboxId: id },
        query,
      );
      return decode.decodeSandboxStatus(reply.status);
    },
    listPodSandboxes: async (filter) => {
      const reply = await call<{ readonly items: readonly decode.RawSandbox[] }>(
        "ListPodSandbox",
        filter === undefined ? {} : { filter: sandboxFilter(filter) },
        query,
      );
      return reply.items.map(decode.decodeSandbox);
    },
  };
}

type ContainerCalls = Pick<
  Cri,
  | "createContainer"
  | "startContainer"
  | "stopContainer"
  | "removeContainer"
  | "containerStatus"
  | "listContainers"
  | "updateContainerResources"
  | "reopenContainerLog"
>;

function containerCalls(call: Call): ContainerCalls {
  return {
    createContainer: async (sandboxId, config, sandboxConfig: SandboxConfig) => {
      const reply = await call<{ readonly containerId: string }>("CreateContainer", {
        podSandboxId: sandboxId,
        config: containerConfig(config),
        sandboxConfig,
      });
      return reply.containerId;
    },
    startContainer: async (id) => {
      await call("StartContainer", { containerId: id });
    },
    stopContainer: async (id, timeoutSeconds) => {
      await call(
        "StopContainer",
        { containerId: id, timeout: timeoutSeconds },
        { timeoutMs: callTimeoutMs + timeoutSeconds * 1_000 },
      );
    },
    removeContainer: async (id) => {
      await call("RemoveContainer", { containerId: id });
    },
    containerStatus: async (id) => {
      const reply = await call<{ readonly status: decode.RawContainerStatus }>(
        "ContainerStatus",
        { containerId: id },
        query,
      );
      return decode.decodeContainerStatus(reply.status);
    },
    listContainers: async (filter) => {
      const reply = await call<{ readonly containers: readonly decode.RawContainer[] }>(
        "ListContainers",
        filter === undefined ? {} : { filter: containerFilter(filter) },
        query,
      );
      return reply.containers.map(decode.decodeContainer);
    },
    updateContainerResources: async (id, resources) => {
      await call("UpdateContainerResources", { containerId: id, linux: resources });
    },
    reopenContainerLog: async (id) => {
      await call("ReopenContainerLog", { containerId: id });
    },
  };
}

type StreamCalls = Pick<Cri, "execSync" | "exec" | "attach" | "portForward">;

function streamCalls(call: Call): StreamCalls {
  const url = async (method: string, request: object): Promise<string> => {
    const reply = await call<{ readonly url: string }>(method, request, query);
    return reply.url;
  };
  return {
    execSync: async (id, command, timeoutSeconds) => {
      const reply = await call<{
        readonly stdout: Uint8Array;
        readonly stderr: Uint8Array;
        readonly exitCode: number;
      }>(
        "ExecSync",
        { containerId: id, cmd: command, timeout: timeoutSeconds },
        { timeoutMs: callTimeoutMs + timeoutSeconds * 1_000 },
      );
      return { stdout: bytesOf(reply.stdout), stderr: bytesOf(reply.stderr), exitCode: reply.exitCode };
    },
    exec: ({ command, ...streams }) => url("Exec", { ...streams, cmd: command }),
    attach: (request) => url("Attach", request),
    portForward: (sandboxId) => url("PortForward", { podSandboxId: sandboxId, port: [] }),
  };
}

type ImageCalls = Pick<Cri, "listImages" | "imageStatus" | "pullImage" | "removeImage" | "imageFilesystems">;

function imageCalls(call: Call): ImageCalls {
  return {
    listImages: async () => {
      const reply = await call<{ readonly images: readonly decode.RawImage[] }>("ListImages", {}, query);
      return reply.images.map(decode.decodeImage);
    },
    imageStatus: async (image) => {
      const reply = await call<{ readonly image: decode.RawImage | null }>("ImageStatus", { image: { image } }, query);
      return reply.image ? decode.decodeImage(reply.image) : undefined;
    },
    pullImage: async (image, { auth, sandboxConfig, signal }: PullOptions = {}) => {
      const reply = await call<{ readonly imageRef: string }>(
        "PullImage",
        { image: { image }, auth, sandboxConfig },
        { timeoutMs: null, signal },
      );
      return reply.imageRef;
    },
    removeImage: async (image) => {
      await call("RemoveImage", { image: { image } });
    },
    imageFilesystems: async () => {
      const reply = await call<{
        readonly imageFilesystems: readonly Parameters<typeof decode.decodeFilesystem>[0][];
      }>("ImageFsInfo", {}, query);
      return reply.imageFilesystems.map(decode.decodeFilesystem);
    },
  };
}

function sandboxFilter({ id, state, labels }: SandboxFilter): object {
  return {
    id,
    state: state === undefined ? undefined : { state: decode.sandboxStates[state] },
    labelSelector: labels,
  };
}

function containerFilter({ id, state, podSandboxId, labels }: ContainerFilter): object {
  return {
    id,
    state: state === undefined ? undefined : { state: decode.containerStates[state] },
    podSandboxId,
    labelSelector: labels,
  };
}

const utf8 = new TextEncoder();

function containerConfig({ image, envs, ...rest }: ContainerConfig): object {
  return {
    ...rest,
    image: { image },
    // A string would be taken for base64.
    envs: envs.map(({ key, value }) => ({ key, value: utf8.encode(value) })),
  };
}

/** protobufjs' default of a bytes field is an empty list, not an empty array of bytes. */
function bytesOf(decoded: Uint8Array): Uint8Array {
  return decoded.length === 0 ? new Uint8Array(0) : decoded;
}
