import type { Clock } from "../../env/env.ts";
import type { Millis } from "../../util/time.ts";
import type { ContainerConfig, ContainerStatus, Cri, Image, Labels, SandboxConfig, SandboxStatus } from "../cri/cri.ts";
import { CriError, namespaceMode } from "../cri/cri.ts";
import type { ScriptOf, SimulatedScript, SimulatedSubject } from "./script.ts";

/**
 * A runtime without containers: sandboxes and containers are records, and their lives are what a
 * script says, at times of the given clock. Every image is there.
 */
export interface SimulatedRuntime extends Cri {
  /** Told when a sandbox or a container has ended, as a real runtime tells it. */
  onEnd(run: () => void): void;
  scriptOf(containerId: string): SimulatedScript | undefined;
  /** How long it runs; undefined: it does not. */
  runningMs(containerId: string): Millis | undefined;
  /** Ends a container as if its process had. */
  exit(containerId: string, exitCode: number, reason?: string): void;
  /** Sandboxes and containers as data, for `SimulatedRuntimeOptions.from`. */
  records(): RuntimeRecords;
}

export interface RuntimeRecords {
  readonly next: number;
  readonly sandboxes: readonly SandboxStatus[];
  readonly containers: readonly {
    readonly status: ContainerStatus;
    readonly sandboxId: string;
    readonly subject: SimulatedSubject;
  }[];
}

/** A status is never changed but replaced: records and answers are the very objects. */
interface Box {
  status: SandboxStatus;
}

interface Unit {
  status: ContainerStatus;
  readonly sandboxId: string;
  readonly script: SimulatedScript;
  readonly subject: SimulatedSubject;
}

export interface SimulatedRuntimeOptions {
  readonly clock: Clock;
  readonly script: ScriptOf;
  /** The address of a pod, by uid. */
  readonly addressOf: (uid: string) => string;
  /** What runs already. Scripts go on where they are by the clock. */
  readonly from?: RuntimeRecords | undefined;
}

const defaultStartMs = 20;
/** Ends later than this do not keep a virtual cluster from being settled. */
const pendingMaxMs = 60_000;

export function createSimulatedRuntime(options: SimulatedRuntimeOptions): SimulatedRuntime {
  const { clock } = options;
  const boxes = new Map<string, Box>();
  const units = new Map<string, Unit>();
  const listeners: (() => void)[] = [];
  let changes = 0;
  let next = options.from?.next ?? 1;

  const changed = (): void => void (changes += 1);
  const ended = (): void => {
    changed();
    for (const listener of listeners) listener();
  };
  const newId = (): string => {
    next += 1;
    return next.toString(16).padStart(64, "0");
  };
  const unit = (id: string, method: string): Unit => {
    const found = units.get(id);
    if (found === undefined) throw new CriError("notFound", method, `container "${id}": not found`);
    return found;
  };
  const box = (id: string, method: string): Box => {
    const found = boxes.get(id);
    if (found === undefined) throw new CriError("notFound", method, `sandbox "${id}": not found`);
    return found;
  };
  const end = (unit: Unit, exitCode: number, reason: string, message = ""): void => {
    if (unit.status.state !== "running") return;
    unit.status = { ...unit.status, state: "exited", exitCode, reason, message, finishedAtMs: clock.wall() };
    ended();
  };
  /** Its script ends it by itself. */
  const endLater = (unit: Unit): void => {
    const { exit } = unit.script;
    if (exit === undefined || unit.status.state !== "running") return;
    const leftMs = unit.status.startedAtMs + exit.afterMs - clock.wall();
    const run = (): void => end(unit, exit.exitCode, exit.reason ?? wordOf(exit.exitCode));
    clock.after(leftMs, run, { daemon: leftMs > pendingMaxMs });
  };
  for (const status of options.from?.sandboxes ?? []) boxes.set(status.id, { status });
  for (const { status, sandboxId, subject } of options.from?.containers ?? []) {
    const kept: Unit = { status, sandboxId, subject, script: options.script(subject) };
    units.set(status.id, kept);
    endLater(kept);
  }
  const wait = async (ms: Millis): Promise<void> => {
    if (ms <= 0) return;
    await new Promise<void>((resolve) => {
      clock.after(ms, resolve);
    });
  };
  const refuse = (method: string) => async (): Promise<never> => {
    throw new CriError("unimplemented", method, "a simulated node does not do this");
  };

  return {
    changes: () => changes,
    onEnd: (run) => void listeners.push(run),
    scriptOf: (id) => units.get(id)?.script,
    runningMs(id) {
      const status = units.get(id)?.status;
      return status?.state === "running" ? clock.wall() - status.startedAtMs : undefined;
    },
    records: () => ({
      next,
      sandboxes: Array.from(boxes.values(), ({ status }) => status),
      containers: Array.from(units.values(), ({ status, sandboxId, subject }) => ({ status, sandboxId, subject })),
    }),
    exit: (id, exitCode, reason) => end(unit(id, "exit"), exitCode, reason ?? wordOf(exitCode)),

    version: async () => ({ runtimeName: "simulated", runtimeVersion: "1", runtimeApiVersion: "v1" }),
    status: async () => ({ runtimeReady: true, networkReady: true, conditions: [] }),

    async runPodSandbox(config, handler = "") {
      const id = newId();
      boxes.set(id, { status: sandboxStatus(id, config, handler, clock.wall(), options.addressOf) });
      changed();
      return id;
    },
    async stopPodSandbox(id) {
      const found = boxes.get(id);
      if (found === undefined) return;
      found.status = { ...found.status, state: "notReady" };
      for (const each of units.values()) if (each.sandboxId === id) end(each, 137, "Error");
      ended();
    },
    async removePodSandbox(id) {
      for (const [unitId, each] of units) if (each.sandboxId === id) units.delete(unitId);
      boxes.delete(id);
      changed();
    },
    podSandboxStatus: async (id) => box(id, "podSandboxStatus").status,
    listPodSandboxes: async (filter = {}) =>
      [...boxes.values()]
        .map(({ status }) => status)
        .filter(
          ({ id, state, labels }) =>
            id.startsWith(filter.id ?? "") && (filter.state ?? state) === state && matches(labels, filter.labels),
        ),

    async createContainer(sandboxId, config, sandbox) {
      const id = newId();
      const subject = subjectOf(config, sandbox);
      box(sandboxId, "createContainer");
      units.set(id, {
        sandboxId,
        subject,
        script: options.script(subject),
        status: containerStatus(id, config, sandbox, clock.wall()),
      });
      changed();
      return id;
    },
    async startContainer(id) {
      const found = unit(id, "startContainer");
      const { script } = found;
      await wait(script.startMs ?? defaultStartMs);
      found.status = { ...found.status, state: "running", startedAtMs: clock.wall() };
      if (script.startError !== undefined) {
        end(found, 128, "StartError", script.startError);
        throw new CriError("failed", "startContainer", script.startError);
      }
      changed();
      endLater(found);
    },
    async stopContainer(id, timeoutSeconds) {
      const found = unit(id, "stopContainer");
      if (found.status.state !== "running") return;
      const { stopMs = 0, stopExitCode = 0 } = found.script;
      await wait(Math.min(stopMs, timeoutSeconds * 1_000));
      const killed = stopMs > timeoutSeconds * 1_000;
      end(found, killed ? 137 : stopExitCode, killed ? "Error" : wordOf(stopExitCode));
    },
    async removeContainer(id) {
      units.delete(id);
      changed();
    },
    containerStatus: async (id) => unit(id, "containerStatus").status,
    listContainers: async (filter = {}) =>
      // Each pod asks for its own, of hundreds: only what is answered is copied.
      [...units.values()]
        .filter(
          ({ status: { id, state, labels }, sandboxId }) =>
            matches(labels, filter.labels) &&
            (filter.state ?? state) === state &&
            (filter.podSandboxId ?? sandboxId) === sandboxId &&
            id.startsWith(filter.id ?? ""),
        )
        .map(({ status, sandboxId }) => ({ ...status, podSandboxId: sandboxId })),
    async updateContainerResources(id, resources) {
      const found = unit(id, "updateContainerResources");
      found.status = { ...found.status, resources };
    },
    reopenContainerLog: async () => {},
    async execSync(id, command) {
      const reply = unit(id, "execSync").script.exec?.(command) ?? { stdout: "simulated\n", exitCode: 0 };
      const stdout = new TextEncoder().encode(reply.stdout);
      return { stdout, stderr: new Uint8Array(), exitCode: reply.exitCode };
    },
    exec: refuse("exec"),
    attach: refuse("attach"),
    portForward: refuse("portForward"),
    containerStats: refuse("containerStats"),
    configuration: async () => undefined,
    listContainerStats: async () => [],
    listImages: async () => [],
    imageStatus: async (image) => imageOf(image),
    pullImage: async (image) => imageOf(image).id,
    removeImage: async () => {},
    imageFilesystems: async () => [],
    close: () => {},
  };
}

export function imageOf(name: string): Image {
  return {
    id: `sha256:simulated-${name}`,
    repoTags: [name],
    repoDigests: [],
    sizeBytes: 0,
    uid: 1_000,
    username: "",
    pinned: true,
  };
}

function sandboxStatus(
  id: string,
  config: SandboxConfig,
  runtimeHandler: string,
  now: Millis,
  addressOf: (uid: string) => string,
): SandboxStatus {
  const onHost = config.linux.securityContext.namespaceOptions.network === namespaceMode.node;
  return {
    id,
    metadata: config.metadata,
    state: "ready",
    createdAtMs: now,
    labels: config.labels,
    annotations: config.annotations,
    runtimeHandler,
    ip: onHost ? "" : addressOf(config.metadata.uid),
    additionalIps: [],
  };
}

function containerStatus(id: string, config: ContainerConfig, sandbox: SandboxConfig, now: Millis): ContainerStatus {
  return {
    id,
    metadata: config.metadata,
    state: "created",
    createdAtMs: now,
    startedAtMs: 0,
    finishedAtMs: 0,
    exitCode: 0,
    image: config.image,
    imageRef: config.image,
    reason: "",
    message: "",
    labels: config.labels,
    annotations: config.annotations,
    logPath: `${sandbox.logDirectory}/${config.logPath}`,
    resources: config.linux.resources,
  };
}

function subjectOf(config: ContainerConfig, sandbox: SandboxConfig): SimulatedSubject {
  const { name, namespace, uid } = sandbox.metadata;
  return {
    namespace,
    pod: name,
    uid,
    labels: sandbox.labels,
    annotations: sandbox.annotations,
    container: config.metadata.name,
    image: config.image.replace(/^sha256:simulated-/, ""),
    attempt: config.metadata.attempt,
  };
}

function wordOf(exitCode: number): string {
  return exitCode === 0 ? "Completed" : "Error";
}

function matches(labels: Labels, wanted: Labels = {}): boolean {
  return Object.entries(wanted).every(([key, value]) => labels[key] === value);
}
