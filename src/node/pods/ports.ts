import type { Container, LifecycleHandler, Pod } from "../../kinds/generated/types.ts";
import type { Millis } from "../../util/time.ts";
import type { DnsConfig, Mount, SandboxConfig } from "../cri/cri.ts";
import type { ContainerFact } from "./model.ts";
import type { PodCgroup } from "./resources.ts";

/** What a pod's worker needs of the rest of the node. Tests and the simulated node give fakes. */

export interface ReadyImage {
  readonly id: string;
  /** The image's user, where it is a number; else `username`. */
  readonly uid?: number;
  readonly username: string;
}

export interface Images {
  /** Pulls as the policy says. Throws `StartError` with the reason that the status shows. */
  ensure(pod: Pod, container: Container, sandbox: SandboxConfig, signal: AbortSignal): Promise<ReadyImage>;
}

/** A start that failed for a reason that users see (`ErrImagePull`, `CreateContainerConfigError`). */
export class StartError extends Error {
  readonly reason: string;
  /** Not before this wall time; undefined: the common delay. */
  readonly retryAt: Millis | undefined;

  constructor(reason: string, message: string, options?: ErrorOptions & { retryAt?: Millis }) {
    super(message, options);
    this.name = "StartError";
    this.reason = reason;
    this.retryAt = options?.retryAt;
  }
}

/** `volume`: its name. The message stands behind `MountVolume.SetUp failed for volume …`. */
export class MountError extends Error {
  readonly volume: string;

  constructor(volume: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MountError";
    this.volume = volume;
  }
}

export interface MountFacts {
  readonly attempt: number;
  readonly podIps: readonly string[];
  readonly environment: ReadonlyMap<string, string>;
}

export interface Volumes {
  /** Idempotent. Throws `MountError`. */
  setUp(pod: Pod): Promise<void>;
  /** Brings ConfigMaps, Secrets, tokens and fields up to date; answers when to look again. */
  refresh(pod: Pod, podIps: readonly string[]): Promise<Millis | undefined>;
  /** Volume mounts, hosts file and termination log of one container. */
  mounts(pod: Pod, container: Container, facts: MountFacts): Promise<readonly Mount[]>;
  /** Empty: none. */
  terminationMessage(pod: Pod, container: Container, ended: ContainerFact): Promise<string>;
  /** Unmounts and removes all; nothing of the pod is left on disk but its logs. */
  tearDown(pod: Pod): Promise<void>;
  /** Tears down what is left of pods that nobody knows: an agent that was killed had just begun with them. */
  sweep(isKnown: (uid: string) => boolean): Promise<void>;
}

export interface PodNetwork {
  /** The pod's address, known before its sandbox is made. Stable for a uid until released. */
  assign(uid: string): Promise<string>;
  /** After the sandboxes are removed. */
  release(uid: string): Promise<void>;
}

export interface Cgroups {
  /** Idempotent. */
  create(cgroup: PodCgroup): Promise<void>;
  remove(cgroup: PodCgroup): Promise<void>;
}

export interface Hooks {
  /** Runs a lifecycle handler. Rejects with its failure's text. */
  run(hook: HookCall): Promise<void>;
}

export interface HookCall {
  readonly pod: Pod;
  readonly container: Container;
  readonly containerId: string;
  readonly podIp: string;
  readonly handler: LifecycleHandler;
  readonly timeoutMs: Millis;
}

/**
 * Whether all proxies have seen that this pod terminates. Asked before its containers are stopped;
 * `waitUntil` (wall time) is a hint for the next question.
 */
export interface TerminationGate {
  passed(pod: Pod): boolean | { readonly waitUntil: Millis };
}

export const openGate: TerminationGate = { passed: () => true };

export interface NodeFacts {
  readonly name: string;
  readonly hostIps: readonly string[];
  readonly allocatable: Readonly<Record<string, string>>;
  readonly memoryBytes: number;
  readonly cpus: number;
  readonly cgroupRoot: string;
  readonly logRoot: string;
  readonly seccompRoot: string;
  readonly apparmor: boolean;
  readonly clusterDns: string;
  readonly clusterDomain: string;
  readonly hostDns: DnsConfig;
}
