import type { Container, Pod } from "../../kinds/generated/types.ts";
import type { Millis } from "../../util/time.ts";

/**
 * What the pod rules work on: facts about one pod's sandboxes and containers as the runtime tells
 * them, and the little that the agent remembers beside them. Plain data; the decisions
 * (`actions.ts`, `status.ts`) are pure functions of it.
 */

/** `init` runs to its end before the next; `sidecar` is an init container with restartPolicy Always. */
export type ContainerRole = "init" | "sidecar" | "regular" | "ephemeral";

export interface SandboxFact {
  readonly id: string;
  readonly attempt: number;
  readonly ready: boolean;
  readonly createdAt: Millis;
  /** Empty: none (yet), or the host's network. */
  readonly ip: string;
  readonly hostNetwork: boolean;
}

export interface ContainerFact {
  readonly id: string;
  readonly name: string;
  readonly sandboxId: string;
  /** Also the restart count that users see. */
  readonly attempt: number;
  readonly state: "created" | "running" | "exited" | "unknown";
  readonly createdAt: Millis;
  /** 0 = never. */
  readonly startedAt: Millis;
  readonly finishedAt: Millis;
  readonly exitCode: number;
  readonly reason: string;
  readonly message: string;
  /** `containerHash` of the spec that it was made from. */
  readonly hash: string;
  readonly imageId: string;
}

/** Both lists newest first. */
export interface PodSnapshot {
  readonly sandboxes: readonly SandboxFact[];
  readonly containers: readonly ContainerFact[];
}

export type ProbeResult = "success" | "failure" | "unknown";

/** Latest results by container id; a container without such a probe answers `success`. */
export interface ProbeResults {
  liveness(containerId: string): ProbeResult;
  readiness(containerId: string): ProbeResult;
  startup(containerId: string): ProbeResult;
}

/** Back-off of one container; a new hash begins anew. */
export interface BackOffEntry {
  readonly delayMs: Millis;
  /** Wall time of the last restart that was let through. */
  readonly updatedAt: Millis;
  readonly hash: string;
}

/** A start that could not be done: what the status says meanwhile, and when to try again. */
export interface StartFailure {
  readonly reason: string;
  readonly message: string;
  readonly retryAt: Millis;
}

export interface PodMemory {
  readonly backOff: Readonly<Record<string, BackOffEntry>>;
  readonly failures: Readonly<Record<string, StartFailure>>;
  /** Ids of containers whose postStart hook is under way. */
  readonly starting: readonly string[];
}

export const emptyMemory: PodMemory = { backOff: {}, failures: {}, starting: [] };

export interface RoledContainer {
  readonly container: Container;
  readonly role: ContainerRole;
}

/** In the order in which they are started. */
export function containersOf(pod: Pod): readonly RoledContainer[] {
  return [
    ...(pod.spec.initContainers ?? []).map((container) => ({
      container,
      role: isSidecar(container) ? ("sidecar" as const) : ("init" as const),
    })),
    ...pod.spec.containers.map((container) => ({ container, role: "regular" as const })),
    ...(pod.spec.ephemeralContainers ?? []).map((ephemeral) => ({
      container: { ...ephemeral, name: ephemeral.name ?? "" },
      role: "ephemeral" as const,
    })),
  ];
}

export function isSidecar(container: Container): boolean {
  return container.restartPolicy === "Always";
}

export function newest(snapshot: PodSnapshot, name: string): ContainerFact | undefined {
  return snapshot.containers.find((container) => container.name === name);
}

export function newestIn(snapshot: PodSnapshot, name: string, sandboxId: string): ContainerFact | undefined {
  return snapshot.containers.find((container) => container.name === name && container.sandboxId === sandboxId);
}

/** Only name and image: other fields cannot change in place. 32-bit FNV-1a, hex. */
export function containerHash(container: { readonly name: string; readonly image?: string }): string {
  const text = JSON.stringify([container.name, container.image ?? ""]);
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i += 1) {
    hash ^= text.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** `name_namespace(uid)`: how the kubelet's messages name a pod. */
export function podLabel(pod: Pod): string {
  return `${pod.metadata.name}_${pod.metadata.namespace ?? ""}(${pod.metadata.uid})`;
}

export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === "Succeeded" || phase === "Failed";
}
