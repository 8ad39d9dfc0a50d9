import type { Clock } from "../env/env.ts";
import {
  type Container,
  type ContainerConfig,
  type ContainerStatus,
  type Cri,
  CriError,
  type CriErrorKind,
  type ExecReply,
  type Image,
  type Labels,
  type LinuxResources,
  type SandboxConfig,
  type SandboxStatus,
} from "../node/cri/cri.ts";

/**
 * A container runtime in memory. It keeps the real one's habits that a node agent can trip over:
 * names are reserved, absent objects may be stopped and removed, a failed start leaves an exited
 * container with exit 128, removing a sandbox removes its containers, a stop waits for the grace.
 * Nothing happens by itself but what a script says, at times of the given clock.
 */
export interface FakeCri extends Cri {
  /** Every call so far, in order. */
  readonly calls: readonly FakeCall[];
  /** What containers of this name do once started; absent: run until they are stopped. */
  script(containerName: string, script: ContainerScript): void;
  /** Answers execSync; absent: exit 0 without output. */
  onExec(run: (containerId: string, command: readonly string[]) => ExecReply): void;
  addImage(name: string, image?: Partial<Image>): Image;
  /** An image that a pull can find. */
  addRemoteImage(name: string, image?: Partial<Image>): void;
  exitContainer(id: string, exitCode: number, reason?: string): void;
  /** As if the shim was killed: containers exit 255, the sandbox is not ready. */
  loseSandbox(id: string): void;
  /** The next call of `method` rejects; `after`: it takes effect first (the answer was lost). */
  failNext(method: keyof Cri, kind: CriErrorKind, message?: string, after?: boolean): void;
  /** While true every call rejects with `unavailable`. */
  setDown(down: boolean): void;
}

export interface FakeCall {
  readonly method: keyof Cri;
  /** Sandbox or container id, image, or the created object's name. */
  readonly subject: string;
}

export interface ContainerScript {
  /** Refuses the start with this text. */
  readonly startError?: string;
  /** One entry an attempt; the last repeats. */
  readonly exits?: readonly {
    readonly afterMs: number;
    readonly exitCode: number;
    readonly reason?: string;
  }[];
  /** Exit code after the stop signal. Default 143; `null`: ignores it and is killed (137) at the end of the grace. */
  readonly stopExitCode?: number | null;
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

interface FakeSandbox {
  readonly status: Mutable<SandboxStatus>;
  readonly config: SandboxConfig;
}

interface FakeContainer {
  readonly status: Mutable<ContainerStatus>;
  readonly sandboxId: string;
  readonly config: ContainerConfig;
  stopped: (() => void)[];
}

interface State {
  readonly clock: Clock;
  readonly sandboxes: Map<string, FakeSandbox>;
  readonly containers: Map<string, FakeContainer>;
  readonly images: Map<string, Image>;
  readonly remote: Map<string, Image>;
  readonly scripts: Map<string, ContainerScript>;
  exec: (containerId: string, command: readonly string[]) => ExecReply;
  readonly addressOf: (podUid: string) => string;
  next: number;
}

interface Failure {
  readonly method: keyof Cri;
  readonly error: CriError;
  readonly after: boolean;
}

const noOutput: ExecReply = {
  stdout: new Uint8Array(0),
  stderr: new Uint8Array(0),
  exitCode: 0,
};

/** `addressOf`: a pod's address by its uid, as a network plugin knows it; absent: one of its own. */
export function createFakeCri(clock: Clock, addressOf?: (podUid: string) => string): FakeCri {
  const calls: FakeCall[] = [];
  const failures: Failure[] = [];
  let down = false;
  const state: State = {
    clock,
    sandboxes: new Map(),
    containers: new Map(),
    images: new Map(),
    remote: new Map(),
    scripts: new Map(),
    exec: () => noOutput,
    addressOf: addressOf ?? (() => `10.244.0.${1 + (state.next % 250)}`),
    next: 1,
  };

  /** Notes the call, fails it where that was asked for, else does it. */
  const pass = async <T>(method: keyof Cri, subject: string, run: () => T): Promise<Awaited<T>> => {
    calls.push({ method, subject });
    if (down) throw new CriError("unavailable", method, "the runtime is down");
    const index = failures.findIndex((failure) => failure.method === method);
    const failure = index < 0 ? undefined : failures.splice(index, 1)[0];
    if (failure !== undefined && !failure.after) throw failure.error;
    const result = await run();
    if (failure !== undefined) throw failure.error;
    return result;
  };

  return {
    calls,
    script: (name, script) => void state.scripts.set(name, script),
    onExec: (run) => void (state.exec = run),
    addImage: (name, image) => addImage(state.images, name, image),
    addRemoteImage: (name, image) => void addImage(state.remote, name, image),
    exitContainer: (id, exitCode, reason) => exit(state, container(state, id), exitCode, reason),
    loseSandbox: (id) => loseSandbox(state, id),
    failNext: (method, kind, message = "told to fail", after = false) =>
      void failures.push({ method, error: new CriError(kind, method, message), after }),
    setDown: (value) => void (down = value),
    ...runtimeCalls(state, pass),
    ...sandboxCalls(state, pass),
    ...containerCalls(state, pass),
    ...imageCalls(state, pass),
    close: () => undefined,
  };
}

type Pass = <T>(method: keyof Cri, subject: string, run: () => T) => Promise<Awaited<T>>;

type RuntimeCalls = Pick<
  Cri,
  | "version"
  | "status"
  | "configuration"
  | "execSync"
  | "exec"
  | "attach"
  | "portForward"
  | "containerStats"
  | "listContainerStats"
  | "imageFilesystems"
>;

function runtimeCalls(state: State, pass: Pass): RuntimeCalls {
  const url = (kind: string, id: string) => (): string => {
    state.next += 1;
    return `http://127.0.0.1:0/${kind}/${id}-${state.next}`;
  };
  const stats = (id: string) => ({
    id,
    labels: container(state, id).status.labels,
    cpuNanoSeconds: 0,
    workingSetBytes: 0,
    memoryUsageBytes: 0,
    writableLayerBytes: 0,
    writableLayerInodes: 0,
  });
  return {
    version: () =>
      pass("version", "", () => ({
        runtimeName: "containerd",
        runtimeVersion: "1.6.20",
        runtimeApiVersion: "v1",
      })),
    status: () => pass("status", "", () => ({ runtimeReady: true, networkReady: true, conditions: [] })),
    configuration: () => pass("configuration", "", () => undefined),
    execSync: (id, command) =>
      pass("execSync", id, () => {
        if (container(state, id).status.state !== "running") {
          throw new CriError("failed", "execSync", "container is not running");
        }
        return state.exec(id, command);
      }),
    exec: ({ containerId }) => pass("exec", containerId, url("exec", containerId)),
    attach: ({ containerId }) => pass("attach", containerId, url("attach", containerId)),
    portForward: (id) => pass("portForward", id, url("portforward", id)),
    containerStats: (id) => pass("containerStats", id, () => stats(id)),
    listContainerStats: (filter) =>
      pass("listContainerStats", "", () =>
        [...state.containers.values()]
          .filter(({ status }) => status.state === "running" && matches(status.labels, filter?.labels))
          .map(({ status }) => stats(status.id)),
      ),
    imageFilesystems: () => pass("imageFilesystems", "", () => []),
  };
}

type SandboxCalls = Pick<
  Cri,
  "runPodSandbox" | "stopPodSandbox" | "removePodSandbox" | "podSandboxStatus" | "listPodSandboxes"
>;

function sandboxCalls(state: State, pass: Pass): SandboxCalls {
  return {
    runPodSandbox: (config, handler = "") =>
      pass("runPodSandbox", config.metadata.name, () => runSandbox(state, config, handler)),
    stopPodSandbox: (id) =>
      pass("stopPodSandbox", id, () => {
        const found = state.sandboxes.get(id);
        if (found === undefined) return;
        found.status.state = "notReady";
        for (const each of containersOf(state, id)) exit(state, each, 137, "Error");
      }),
    removePodSandbox: (id) =>
      pass("removePodSandbox", id, () => {
        for (const each of containersOf(state, id)) {
          exit(state, each, 137, "Error");
          state.containers.delete(each.status.id);
        }
        state.sandboxes.delete(id);
      }),
    podSandboxStatus: (id) =>
      pass("podSandboxStatus", id, () => {
        const found = state.sandboxes.get(id);
        if (found === undefined) throw absent("podSandboxStatus", id);
        return { ...found.status };
      }),
    listPodSandboxes: (filter = {}) =>
      pass("listPodSandboxes", "", () =>
        [...state.sandboxes.values()]
          .map(({ status }) => ({ ...status }))
          .filter(
            (status) =>
              status.id.startsWith(filter.id ?? "") &&
              (filter.state ?? status.state) === status.state &&
              matches(status.labels, filter.labels),
          ),
      ),
  };
}

function runSandbox(state: State, config: SandboxConfig, handler: string): string {
  const { name, namespace, uid, attempt } = config.metadata;
  for (const { status } of state.sandboxes.values()) {
    const taken = status.metadata;
    if (taken.uid === uid && taken.name === name && taken.attempt === attempt) {
      throw reserved("runPodSandbox", `${name}_${namespace}_${uid}_${attempt}`, status.id);
    }
  }
  const id = newId(state, "5a");
  const onHost = config.linux.securityContext.namespaceOptions.network === 2;
  state.sandboxes.set(id, {
    config,
    status: {
      id,
      metadata: config.metadata,
      state: "ready",
      createdAtMs: state.clock.wall(),
      labels: config.labels,
      annotations: config.annotations,
      runtimeHandler: handler,
      ip: onHost ? "" : state.addressOf(uid),
      additionalIps: [],
    },
  });
  return id;
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

function containerCalls(state: State, pass: Pass): ContainerCalls {
  return {
    createContainer: (sandboxId, config) =>
      pass("createContainer", config.metadata.name, () => createContainer(state, sandboxId, config)),
    startContainer: (id) => pass("startContainer", id, () => start(state, container(state, id))),
    stopContainer: (id, timeoutSeconds) =>
      pass("stopContainer", id, () => stop(state, container(state, id), timeoutSeconds)),
    removeContainer: (id) =>
      pass("removeContainer", id, () => {
        const found = state.containers.get(id);
        if (found === undefined) return;
        exit(state, found, 137, "Error");
        state.containers.delete(id);
      }),
    containerStatus: (id) => pass("containerStatus", id, () => ({ ...container(state, id).status })),
    listContainers: (filter = {}) =>
      pass("listContainers", "", () =>
        [...state.containers.values()]
          .map(listed)
          .filter(
            (each) =>
              each.id.startsWith(filter.id ?? "") &&
              (filter.state ?? each.state) === each.state &&
              (filter.podSandboxId ?? each.podSandboxId) === each.podSandboxId &&
              matches(each.labels, filter.labels),
          ),
      ),
    updateContainerResources: (id, resources) =>
      pass("updateContainerResources", id, () => {
        const { status } = container(state, id);
        const set = Object.entries(resources).filter(([, value]) => value !== 0 && value !== "");
        status.resources = { ...status.resources, ...(Object.fromEntries(set) as LinuxResources) };
      }),
    reopenContainerLog: (id) =>
      pass("reopenContainerLog", id, () => {
        if (container(state, id).status.state !== "running") {
          throw new CriError("failed", "reopenContainerLog", "container is not running");
        }
      }),
  };
}

function createContainer(state: State, sandboxId: string, config: ContainerConfig): string {
  const sandbox = state.sandboxes.get(sandboxId);
  if (sandbox === undefined) throw absent("createContainer", sandboxId);
  const image = imageByName(state.images, config.image);
  if (image === undefined) throw absent("createContainer", config.image);
  const { name, attempt } = config.metadata;
  for (const { status } of containersOf(state, sandboxId)) {
    if (status.metadata.name === name && status.metadata.attempt === attempt) {
      throw reserved("createContainer", `${name}_${attempt}`, status.id);
    }
  }
  const id = newId(state, "c0");
  state.containers.set(id, {
    sandboxId,
    config,
    stopped: [],
    status: {
      id,
      metadata: config.metadata,
      state: "created",
      createdAtMs: state.clock.wall(),
      startedAtMs: 0,
      finishedAtMs: 0,
      exitCode: 0,
      image: config.image,
      imageRef: image.repoDigests[0] ?? image.id,
      reason: "",
      message: "",
      labels: config.labels,
      annotations: config.annotations,
      logPath: `${sandbox.config.logDirectory}/${config.logPath}`,
      resources: config.linux.resources,
    },
  });
  return id;
}

function start(state: State, target: FakeContainer): void {
  const { status, config } = target;
  if (status.state !== "created") {
    throw new CriError("failed", "startContainer", `container is in ${status.state} state`);
  }
  const script = state.scripts.get(config.metadata.name) ?? {};
  if (script.startError !== undefined) {
    status.startedAtMs = state.clock.wall();
    status.state = "running";
    exit(state, target, 128, "StartError", script.startError);
    throw new CriError("failed", "startContainer", script.startError);
  }
  status.state = "running";
  status.startedAtMs = state.clock.wall();
  const ending = script.exits?.[Math.min(config.metadata.attempt, script.exits.length - 1)];
  if (ending === undefined) return;
  state.clock.after(ending.afterMs, () => exit(state, target, ending.exitCode, ending.reason));
}

function stop(state: State, target: FakeContainer, timeoutSeconds: number): Promise<void> | void {
  if (target.status.state !== "running") return;
  const { stopExitCode = 143 } = state.scripts.get(target.config.metadata.name) ?? {};
  if (stopExitCode !== null && timeoutSeconds > 0) {
    exit(state, target, stopExitCode);
    return;
  }
  if (timeoutSeconds === 0) {
    exit(state, target, 137);
    return;
  }
  return new Promise((resolve) => {
    target.stopped.push(resolve);
    state.clock.after(timeoutSeconds * 1_000, () => exit(state, target, 137));
  });
}

function exit(
  state: State,
  { status, stopped }: FakeContainer,
  exitCode: number,
  reason?: string,
  message?: string,
): void {
  if (status.state !== "running") return;
  status.state = "exited";
  status.exitCode = exitCode;
  status.reason = reason ?? (exitCode === 0 ? "Completed" : "Error");
  status.message = message ?? "";
  status.finishedAtMs = state.clock.wall();
  for (const resolve of stopped.splice(0)) resolve();
}

function loseSandbox(state: State, id: string): void {
  const found = state.sandboxes.get(id);
  if (found === undefined) throw absent("loseSandbox", id);
  found.status.state = "notReady";
  for (const each of containersOf(state, id)) exit(state, each, 255, "Error");
}

type ImageCalls = Pick<Cri, "listImages" | "imageStatus" | "pullImage" | "removeImage">;

function imageCalls(state: State, pass: Pass): ImageCalls {
  return {
    listImages: () => pass("listImages", "", () => [...new Set(state.images.values())]),
    imageStatus: (name) => pass("imageStatus", name, () => imageByName(state.images, name)),
    pullImage: (name) =>
      pass("pullImage", name, () => {
        const found = imageByName(state.remote, name);
        if (found === undefined) {
          throw new CriError("failed", "pullImage", `failed to pull and unpack image "${name}": not found`);
        }
        state.images.set(name, found);
        return found.id;
      }),
    removeImage: (name) =>
      pass("removeImage", name, () => {
        const found = imageByName(state.images, name);
        for (const [key, image] of state.images) {
          if (image.id === found?.id) state.images.delete(key);
        }
      }),
  };
}

function addImage(images: Map<string, Image>, name: string, image: Partial<Image> = {}): Image {
  const hex = Array.from(new TextEncoder().encode(name), (byte) => byte.toString(16)).join("");
  const id = `sha256:${hex.padStart(64, "0").slice(-64)}`;
  const made: Image = {
    id,
    repoTags: [name],
    repoDigests: [],
    sizeBytes: 1_000_000,
    uid: undefined,
    username: "",
    pinned: false,
    ...image,
  };
  images.set(name, made);
  return made;
}

function imageByName(images: ReadonlyMap<string, Image>, name: string): Image | undefined {
  return images.get(name) ?? [...images.values()].find(({ id }) => id === name);
}

function container(state: State, id: string): FakeContainer {
  const found = state.containers.get(id);
  if (found === undefined) throw absent("container", id);
  return found;
}

function containersOf(state: State, sandboxId: string): FakeContainer[] {
  return [...state.containers.values()].filter((each) => each.sandboxId === sandboxId);
}

function listed({ status, sandboxId }: FakeContainer): Container {
  const { id, metadata, image, imageRef, createdAtMs, labels, annotations } = status;
  return {
    id,
    podSandboxId: sandboxId,
    metadata,
    image,
    imageRef,
    state: status.state,
    createdAtMs,
    labels,
    annotations,
  };
}

function matches(labels: Labels, wanted: Labels = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}

function newId(state: State, prefix: string): string {
  const id = `${prefix}${state.next.toString(16).padStart(62, "0")}`;
  state.next += 1;
  return id;
}

function absent(method: string, id: string): CriError {
  return new CriError("notFound", method, `an error occurred when try to find "${id}": not found`);
}

function reserved(method: string, name: string, id: string): CriError {
  return new CriError("failed", method, `failed to reserve name "${name}": is reserved for "${id}"`);
}
