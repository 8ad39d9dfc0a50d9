import type { ContainerStatus, Pod, PodCondition, PodStatus } from "../../kinds/generated/types.ts";
import type { Millis } from "../../util/time.ts";
import { sandboxChange } from "./actions.ts";
import type { ContainerStatuses } from "./container-statuses.ts";
import { containerStatuses } from "./container-statuses.ts";
import type { PodMemory, PodSnapshot, ProbeResults } from "./model.ts";
import { isSidecar, isTerminalPhase } from "./model.ts";
import type { PodPhase } from "./phase.ts";
import { hasRun, podPhase } from "./phase.ts";
import { podQos } from "./resources.ts";
import { formatTime } from "../../util/time-format.ts";

/**
 * The status that the node reports for a pod: a pure function of facts and of the last status.
 * Invariants: a terminal phase never changes back and is told only when nothing runs; a
 * condition's lastTransitionTime moves only with its status; conditions of others are kept.
 */
export interface StatusFacts {
  /** `status` inside is the last one that was told. */
  readonly pod: Pod;
  readonly snapshot: PodSnapshot;
  readonly probes: ProbeResults;
  readonly memory: PodMemory;
  readonly waiting: Readonly<Record<string, { readonly reason: string; readonly message: string }>>;
  /** Termination messages by container id. */
  readonly messages: Readonly<Record<string, string>>;
  /** Nothing will be restarted: the pod is being deleted, or its phase was decided. */
  readonly ended: boolean;
  /** The node's decision to end the pod (`DeadlineExceeded`, `Evicted`); wins over the containers. */
  readonly verdict?: { readonly reason: string; readonly message: string };
  readonly hostIps: readonly string[];
  readonly now: Millis;
}

export function podStatus(facts: StatusFacts): PodStatus {
  const { pod, snapshot } = facts;
  const old = pod.status ?? {};
  const statuses = containerStatuses(facts);
  const all = [...statuses.init, ...statuses.regular];
  const phase = phaseOf(facts, all);
  const ips = podIps(facts);
  const [hostIp] = facts.hostIps;
  const verdict = facts.verdict;
  return {
    ...old,
    phase,
    conditions: conditionsOf(facts, statuses, phase),
    ...(verdict === undefined ? {} : { reason: verdict.reason, message: verdict.message }),
    ...(hostIp === undefined ? {} : { hostIP: hostIp, hostIPs: facts.hostIps.map((ip) => ({ ip })) }),
    ...(ips[0] === undefined ? {} : { podIP: ips[0], podIPs: ips.map((ip) => ({ ip })) }),
    startTime: old.startTime ?? formatTime(facts.now),
    containerStatuses: statuses.regular,
    ...(statuses.init.length === 0 ? {} : { initContainerStatuses: statuses.init }),
    ...(statuses.ephemeral.length === 0 ? {} : { ephemeralContainerStatuses: statuses.ephemeral }),
    qosClass: old.qosClass ?? podQos(pod),
    ...(pod.metadata.generation === undefined ? {} : { observedGeneration: pod.metadata.generation }),
  };

  function podIps({ hostIps }: StatusFacts): readonly string[] {
    if (pod.spec.hostNetwork === true) return snapshot.sandboxes.length === 0 ? [] : hostIps;
    const ip = snapshot.sandboxes.find((sandbox) => sandbox.ready)?.ip ?? "";
    if (ip !== "") return [ip];
    return (old.podIPs ?? []).map((each) => each.ip);
  }
}

function phaseOf(facts: StatusFacts, all: readonly ContainerStatus[]): PodPhase {
  const before = facts.pod.status?.phase;
  if (before === "Failed" || before === "Succeeded") return before;
  const runs = all.some(({ state }) => state?.running !== undefined);
  if (facts.verdict !== undefined) return "Failed";
  const phase = podPhase(facts.pod, all, facts.ended);
  // The end is told only when the sandboxes are down, so that a reader may reuse what the pod held.
  const busy = runs || facts.snapshot.sandboxes.some((sandbox) => sandbox.ready);
  if (isTerminalPhase(phase) && busy) return before === "Pending" && !runs ? "Pending" : "Running";
  return phase;
}

/** Still Pending or Running when everything has stopped for good: Failed. */
export function finalPhase(phase: string | undefined): PodPhase {
  return phase === "Succeeded" ? "Succeeded" : "Failed";
}

function conditionsOf(facts: StatusFacts, statuses: ContainerStatuses, phase: PodPhase): readonly PodCondition[] {
  const { pod } = facts;
  const old = pod.status?.conditions ?? [];
  const ready = containersReady(pod, statuses, phase);
  const own: readonly Verdict[] = [
    {
      type: "PodReadyToStartContainers",
      status: !facts.ended && sandboxChange(pod, facts.snapshot) === undefined,
    },
    initialized(pod, statuses, phase),
    podReady(pod, old, ready),
    { type: "ContainersReady", ...ready },
    { type: "PodScheduled", status: true },
  ];
  const mine = own.map((verdict) => merge(old, verdict, facts));
  const others = old.filter(({ type }) => !own.some((verdict) => verdict.type === type));
  return [...others, ...mine];
}

interface Verdict {
  readonly type: string;
  readonly status: boolean;
  readonly reason?: string;
  readonly message?: string;
}

function merge(old: readonly PodCondition[], verdict: Verdict, facts: StatusFacts): PodCondition {
  const before = old.find(({ type }) => type === verdict.type);
  const status = verdict.status ? "True" : "False";
  const same = before?.status === status && before.lastTransitionTime !== undefined;
  const generation = facts.pod.metadata.generation;
  return {
    type: verdict.type,
    status,
    lastTransitionTime: same ? before.lastTransitionTime! : formatTime(facts.now),
    ...(verdict.reason === undefined ? {} : { reason: verdict.reason }),
    ...(verdict.message === undefined ? {} : { message: verdict.message }),
    ...(generation === undefined ? {} : { observedGeneration: generation }),
  };
}

type Ready = Omit<Verdict, "type">;

function containersReady(pod: Pod, statuses: ContainerStatuses, phase: PodPhase): Ready {
  if (phase === "Succeeded") return { status: false, reason: "PodCompleted" };
  if (phase === "Failed") return { status: false, reason: "PodFailed" };
  const sidecars = new Set((pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name));
  const byName = new Map(statuses.regular.map((status) => [status.name, status]));
  const unready = [
    ...statuses.init.filter(({ name, ready }) => sidecars.has(name) && !ready).map(({ name }) => name),
    ...pod.spec.containers.map(({ name }) => name).filter((name) => byName.get(name)?.ready !== true),
  ];
  if (unready.length === 0) return { status: true };
  const message = `containers with unready status: [${unready.join(" ")}]`;
  return { status: false, reason: "ContainersNotReady", message };
}

function podReady(pod: Pod, conditions: readonly PodCondition[], containers: Ready): Verdict {
  if (!containers.status) return { type: "Ready", ...containers };
  const missing = (pod.spec.readinessGates ?? []).flatMap(({ conditionType }) => {
    const condition = conditions.find(({ type }) => type === conditionType);
    if (condition === undefined) {
      return [`corresponding condition of pod readiness gate "${conditionType}" does not exist.`];
    }
    return condition.status === "True"
      ? []
      : [`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`];
  });
  if (missing.length === 0) return { type: "Ready", status: true };
  return {
    type: "Ready",
    status: false,
    reason: "ReadinessGatesNotReady",
    message: missing.join(", "),
  };
}

function initialized(pod: Pod, statuses: ContainerStatuses, phase: PodPhase): Verdict {
  const type = "Initialized";
  const specs = pod.spec.initContainers ?? [];
  if (phase === "Succeeded") return { type, status: true, reason: "PodCompleted" };
  if (statuses.regular.some(hasRun)) return { type, status: true };
  const incomplete = statuses.init
    .filter((status, index) => (isSidecar(specs[index]!) ? status.started !== true : !status.ready))
    .map(({ name }) => name);
  if (incomplete.length === 0) return { type, status: true };
  return {
    type,
    status: false,
    reason: "ContainersNotInitialized",
    message: `containers with incomplete status: [${incomplete.join(" ")}]`,
  };
}
