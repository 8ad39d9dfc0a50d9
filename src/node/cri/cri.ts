/**
 * The container runtime as the agent sees it: CRI v1 in typed calls. Real: `client.ts` (gRPC on
 * containerd's socket); in tests: `src/testing/fake-cri.ts`.
 *
 * Two rules that every caller must keep:
 * - `unavailable` and `timeout` mean that the outcome is unknown, never that the object is gone;
 * - names are reserved by the runtime: after a create whose outcome is unknown, list by label and
 *   adopt; do not create again under another attempt.
 *
 * Requests mirror the messages of `proto/cri.proto` in camelCase (absent = unset). Answers are
 * plain objects: states are words, times are ms since the epoch with fractions.
 */
export interface Cri {
  /**
   * How often something in this runtime has changed: while the number stands, a listing would say what the
   * last one said. Undefined or absent: it cannot tell.
   */
  changes?(): number | undefined;
  /** Kind `unimplemented`: the runtime does not speak CRI v1. */
  version(): Promise<RuntimeVersion>;
  status(): Promise<RuntimeStatus>;
  /** The runtime's own configuration as JSON text, in its own words; `undefined`: it tells none. */
  configuration(): Promise<string | undefined>;

  /** Answers the sandbox's id. `handler`: runtime handler's name, empty for the default. */
  runPodSandbox(config: SandboxConfig, handler?: string): Promise<string>;
  /** Kills what still runs and takes the network down. An absent sandbox is no error. */
  stopPodSandbox(id: string): Promise<void>;
  /** Also removes its containers. An absent sandbox is no error. */
  removePodSandbox(id: string): Promise<void>;
  podSandboxStatus(id: string): Promise<SandboxStatus>;
  listPodSandboxes(filter?: SandboxFilter): Promise<readonly Sandbox[]>;

  /** Answers the container's id. */
  createContainer(sandboxId: string, config: ContainerConfig, sandboxConfig: SandboxConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** The image's stop signal, then SIGKILL after `timeoutSeconds` (0: at once). Giving up the call does not undo it. */
  stopContainer(id: string, timeoutSeconds: number): Promise<void>;
  /** An absent container is no error. */
  removeContainer(id: string): Promise<void>;
  containerStatus(id: string): Promise<ContainerStatus>;
  listContainers(filter?: ContainerFilter): Promise<readonly Container[]>;
  /** Acts on the running container; fields that are 0 or absent stay. */
  updateContainerResources(id: string, resources: LinuxResources): Promise<void>;
  /** Fails for a container that does not run. */
  reopenContainerLog(id: string): Promise<void>;

  /** Kind `timeout` after `timeoutSeconds` (0: none of the runtime's own). */
  execSync(id: string, command: readonly string[], timeoutSeconds: number): Promise<ExecReply>;
  /** These three answer a URL of containerd's streaming server: good once, for about a minute. */
  exec(request: ExecRequest): Promise<string>;
  attach(request: AttachRequest): Promise<string>;
  portForward(sandboxId: string): Promise<string>;

  containerStats(id: string): Promise<ContainerStats>;
  listContainerStats(filter?: { readonly labels: Labels }): Promise<readonly ContainerStats[]>;

  listImages(): Promise<readonly Image[]>;
  /** `undefined`: not on this node. */
  imageStatus(image: string): Promise<Image | undefined>;
  /** Answers the image's id. No deadline of its own: `signal` cancels it. */
  pullImage(image: string, options?: PullOptions): Promise<string>;
  /** Removes every name of that image. */
  removeImage(image: string): Promise<void>;
  imageFilesystems(): Promise<readonly FilesystemUsage[]>;

  close(): void;
}

/** What a caller can react to. Everything else is `failed`, with the runtime's text. */
export type CriErrorKind = "notFound" | "alreadyExists" | "unavailable" | "timeout" | "unimplemented" | "failed";

export class CriError extends Error {
  readonly kind: CriErrorKind;
  readonly method: string;

  constructor(kind: CriErrorKind, method: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "CriError";
    this.kind = kind;
    this.method = method;
  }
}

/** True when `error` says that the runtime does not know the object. */
export function isNotFound(error: unknown): boolean {
  return error instanceof CriError && error.kind === "notFound";
}

/** True when nothing is known about what happened: the call may have taken effect. */
export function isOutcomeUnknown(error: unknown): boolean {
  return error instanceof CriError && (error.kind === "unavailable" || error.kind === "timeout");
}

export interface RuntimeVersion {
  readonly runtimeName: string;
  readonly runtimeVersion: string;
  readonly runtimeApiVersion: string;
}

export interface RuntimeCondition {
  readonly type: string;
  readonly status: boolean;
  readonly reason: string;
  readonly message: string;
}

/** The node is Ready only when both are. */
export interface RuntimeStatus {
  readonly runtimeReady: boolean;
  readonly networkReady: boolean;
  readonly conditions: readonly RuntimeCondition[];
}

export type Labels = Readonly<Record<string, string>>;

// Sandboxes.

export interface SandboxMetadata {
  readonly name: string;
  readonly uid: string;
  readonly namespace: string;
  readonly attempt: number;
}

/** Numbers of the proto's enums, for requests. */
export const namespaceMode = { pod: 0, container: 1, node: 2, target: 3 } as const;
export type NamespaceMode = (typeof namespaceMode)[keyof typeof namespaceMode];

export const profileType = { runtimeDefault: 0, unconfined: 1, localhost: 2 } as const;
export type ProfileType = (typeof profileType)[keyof typeof profileType];

export const mountPropagation = { private: 0, hostToContainer: 1, bidirectional: 2 } as const;
export type MountPropagation = (typeof mountPropagation)[keyof typeof mountPropagation];

export interface NamespaceOptions {
  readonly network: NamespaceMode;
  readonly pid: NamespaceMode;
  readonly ipc: NamespaceMode;
  readonly targetId?: string;
}

/** Tells 0 from unset. */
export interface Int64Value {
  readonly value: number;
}

export interface SecurityProfile {
  readonly profileType: ProfileType;
  readonly localhostRef?: string;
}

export interface DnsConfig {
  readonly servers: readonly string[];
  readonly searches: readonly string[];
  readonly options: readonly string[];
}

export interface SandboxConfig {
  readonly metadata: SandboxMetadata;
  /** Empty for the host's network. */
  readonly hostname: string;
  readonly logDirectory: string;
  /** Absent: the host's resolv.conf. */
  readonly dnsConfig?: DnsConfig;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly linux: {
    /** cgroupfs path from the root; the agent makes it before and removes it after. */
    readonly cgroupParent: string;
    readonly securityContext: {
      readonly namespaceOptions: NamespaceOptions;
      readonly runAsUser?: Int64Value;
      readonly runAsGroup?: Int64Value;
      readonly supplementalGroups?: readonly number[];
      readonly privileged?: boolean;
      readonly seccomp?: SecurityProfile;
    };
    readonly sysctls?: Labels;
  };
}

export type SandboxState = "ready" | "notReady";

export interface Sandbox {
  readonly id: string;
  readonly metadata: SandboxMetadata;
  readonly state: SandboxState;
  readonly createdAtMs: number;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly runtimeHandler: string;
}

export interface SandboxStatus extends Sandbox {
  /** Empty on the host's network and before the network is up. */
  readonly ip: string;
  readonly additionalIps: readonly string[];
}

export interface SandboxFilter {
  /** May be a prefix. */
  readonly id?: string;
  readonly state?: SandboxState;
  readonly labels?: Labels;
}

// Containers.

export interface LinuxResources {
  readonly cpuPeriod?: number;
  readonly cpuQuota?: number;
  readonly cpuShares?: number;
  readonly memoryLimitInBytes?: number;
  readonly oomScoreAdj?: number;
  readonly cpusetCpus?: string;
  readonly cpusetMems?: string;
  readonly unified?: Labels;
  readonly memorySwapLimitInBytes?: number;
}

export interface Mount {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly readonly?: boolean;
  /** Not `private` fails where the source's mount is private. */
  readonly propagation?: MountPropagation;
}

export interface Device {
  readonly containerPath: string;
  readonly hostPath: string;
  readonly permissions: string;
}

export interface ContainerSecurity {
  readonly capabilities?: {
    readonly addCapabilities?: readonly string[];
    readonly dropCapabilities?: readonly string[];
  };
  readonly privileged?: boolean;
  /** The same as the sandbox's. */
  readonly namespaceOptions: NamespaceOptions;
  /** Absent: the image's user. */
  readonly runAsUser?: Int64Value;
  readonly runAsUsername?: string;
  readonly runAsGroup?: Int64Value;
  readonly readonlyRootfs?: boolean;
  readonly supplementalGroups?: readonly number[];
  readonly noNewPrivs?: boolean;
  readonly maskedPaths?: readonly string[];
  readonly readonlyPaths?: readonly string[];
  readonly seccomp?: SecurityProfile;
  /** Only where the kernel has it: RuntimeDefault fails the create elsewhere. */
  readonly apparmor?: SecurityProfile;
}

export interface ContainerConfig {
  readonly metadata: { readonly name: string; readonly attempt: number };
  /** The image's id. */
  readonly image: string;
  /** Replaces the entry point; empty: the image's. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly workingDir: string;
  readonly envs: readonly { readonly key: string; readonly value: string }[];
  readonly mounts: readonly Mount[];
  readonly devices?: readonly Device[];
  readonly labels: Labels;
  readonly annotations: Labels;
  /** Relative to the sandbox's log directory. */
  readonly logPath: string;
  readonly stdin: boolean;
  readonly stdinOnce: boolean;
  readonly tty: boolean;
  readonly linux: {
    readonly resources: LinuxResources;
    readonly securityContext: ContainerSecurity;
  };
}

export type ContainerState = "created" | "running" | "exited" | "unknown";

export interface Container {
  readonly id: string;
  readonly podSandboxId: string;
  readonly metadata: { readonly name: string; readonly attempt: number };
  readonly image: string;
  readonly imageRef: string;
  readonly state: ContainerState;
  readonly createdAtMs: number;
  readonly labels: Labels;
  readonly annotations: Labels;
}

export interface ContainerStatus {
  readonly id: string;
  readonly metadata: { readonly name: string; readonly attempt: number };
  readonly state: ContainerState;
  readonly createdAtMs: number;
  /** 0: not yet. */
  readonly startedAtMs: number;
  readonly finishedAtMs: number;
  readonly exitCode: number;
  readonly image: string;
  readonly imageRef: string;
  /** Completed, Error, OOMKilled, StartError, Unknown. */
  readonly reason: string;
  readonly message: string;
  readonly labels: Labels;
  readonly annotations: Labels;
  readonly logPath: string;
  /** As they act now; absent where the runtime does not tell. */
  readonly resources: LinuxResources | undefined;
}

export interface ContainerFilter {
  /** May be a prefix. */
  readonly id?: string;
  readonly state?: ContainerState;
  readonly podSandboxId?: string;
  readonly labels?: Labels;
}

// Streams.

export interface ExecReply {
  readonly stdout: Uint8Array;
  readonly stderr: Uint8Array;
  readonly exitCode: number;
}

export interface AttachRequest {
  readonly containerId: string;
  readonly stdin: boolean;
  readonly stdout: boolean;
  /** Not together with `tty`. */
  readonly stderr: boolean;
  readonly tty: boolean;
}

export interface ExecRequest extends AttachRequest {
  readonly command: readonly string[];
}

// Stats.

export interface ContainerStats {
  readonly id: string;
  readonly labels: Labels;
  readonly cpuNanoSeconds: number;
  readonly workingSetBytes: number;
  readonly memoryUsageBytes: number;
  readonly writableLayerBytes: number;
  readonly writableLayerInodes: number;
}

export interface FilesystemUsage {
  readonly mountpoint: string;
  readonly usedBytes: number;
  readonly inodesUsed: number;
}

// Images.

export interface Image {
  readonly id: string;
  readonly repoTags: readonly string[];
  readonly repoDigests: readonly string[];
  readonly sizeBytes: number;
  /** The image's user by number; absent where it names one or none. */
  readonly uid: number | undefined;
  readonly username: string;
  readonly pinned: boolean;
}

export interface RegistryAuth {
  readonly username?: string;
  readonly password?: string;
  readonly auth?: string;
  readonly identityToken?: string;
  /** `https://host`; empty sends the credentials to mirrors too. */
  readonly serverAddress: string;
}

export interface PullOptions {
  readonly auth?: RegistryAuth;
  readonly sandboxConfig?: SandboxConfig;
  readonly signal?: AbortSignal;
}
