import type { Container, ContainerState, ContainerStatus, Pod } from "../../kinds/generated/types.ts";
import type { ContainerFact, ContainerRole, RoledContainer } from "./model.ts";
import { containersOf } from "./model.ts";
import { formatTime } from "../../util/time-format.ts";
import type { StatusFacts } from "./status.ts";

/**
 * One status per container of the spec, from the two newest containers of that name. Reasons and
 * messages are Kubernetes' own words: clients match on them.
 */
export interface ContainerStatuses {
  readonly regular: readonly ContainerStatus[];
  /** In the order of the spec. */
  readonly init: readonly ContainerStatus[];
  readonly ephemeral: readonly ContainerStatus[];
}

export function containerStatuses(facts: StatusFacts): ContainerStatuses {
  const all = containersOf(facts.pod);
  const of = (...roles: readonly ContainerRole[]): ContainerStatus[] =>
    all.filter(({ role }) => roles.includes(role)).map((roled) => statusOf(facts, roled));
  return {
    regular: of("regular").toSorted((a, b) => (a.name < b.name ? -1 : 1)),
    init: of("init", "sidecar"),
    ephemeral: of("ephemeral"),
  };
}

function statusOf(facts: StatusFacts, { container, role }: RoledContainer): ContainerStatus {
  const [last, previous] = facts.snapshot.containers.filter(({ name }) => name === container.name);
  const old = oldStatus(facts.pod, container.name);
  if (last === undefined) return withoutContainer(facts, container, role, old);

  const state = stateOf(facts, last, role);
  const end = previous?.state === "exited" ? terminatedState(facts, previous) : old?.lastState;
  const shown = shownState(facts, container.name, last, state);
  const lastState = shown === state ? end : state;
  const running = last.state === "running" && shown === state;
  const started =
    role === "init" || role === "ephemeral"
      ? false
      : running && facts.probes.startup(last.id) === "success" && !facts.memory.starting.includes(last.id);
  return {
    name: container.name,
    state: shown,
    lastState: lastState ?? {},
    ready: isReady(facts, last, role, started),
    restartCount: last.attempt,
    image: container.image ?? "",
    imageID: last.imageId,
    containerID: `containerd://${last.id}`,
    started,
  };
}

function isReady(facts: StatusFacts, last: ContainerFact, role: ContainerRole, started: boolean): boolean {
  if (role === "init") return last.state === "exited" && last.exitCode === 0;
  return started && facts.probes.readiness(last.id) === "success";
}

function stateOf(facts: StatusFacts, last: ContainerFact, role: ContainerRole): ContainerState {
  switch (last.state) {
    case "running":
      return { running: { startedAt: formatTime(last.startedAt) } };
    case "exited":
      return terminatedState(facts, last);
    case "created":
      return waitingState(facts, last.name, role);
    case "unknown":
      return oldStatus(facts.pod, last.name)?.state?.running === undefined
        ? waitingState(facts, last.name, role)
        : {
            terminated: {
              exitCode: 137,
              reason: "ContainerStatusUnknown",
              message: "The container could not be located when the pod was terminated",
            },
          };
  }
}

function terminatedState(facts: StatusFacts, fact: ContainerFact): ContainerState {
  const message = facts.messages[fact.id] ?? fact.message;
  return {
    terminated: {
      exitCode: fact.exitCode,
      reason: fact.reason === "" ? (fact.exitCode === 0 ? "Completed" : "Error") : fact.reason,
      ...(message === "" ? {} : { message }),
      // Never started: 1970, as clients know it from Kubernetes.
      startedAt: formatTime(fact.startedAt),
      finishedAt: formatTime(fact.finishedAt),
      containerID: `containerd://${fact.id}`,
    },
  };
}

/** A container that waits for a restart shows why; its end moves to `lastState`. */
function shownState(facts: StatusFacts, name: string, last: ContainerFact, state: ContainerState): ContainerState {
  const waiting = facts.ended ? undefined : facts.waiting[name];
  if (waiting === undefined || last.state === "running") return state;
  return { waiting };
}

function waitingState(facts: StatusFacts, name: string, role: ContainerRole): ContainerState {
  const known = facts.ended ? undefined : facts.waiting[name];
  if (known !== undefined) return { waiting: known };
  const hasInit = (facts.pod.spec.initContainers ?? []).length > 0 && role !== "ephemeral";
  return { waiting: { reason: hasInit ? "PodInitializing" : "ContainerCreating" } };
}

/** Nothing in the runtime: never started, or lost. */
function withoutContainer(
  facts: StatusFacts,
  container: Container,
  role: ContainerRole,
  old: ContainerStatus | undefined,
): ContainerStatus {
  const base = {
    name: container.name,
    image: container.image ?? "",
    imageID: old?.imageID ?? "",
    ready: false,
    started: false,
  };
  if (role === "init" && isInitialized(facts)) {
    const message =
      "Unable to get init container status from container runtime and pod has been initialized, treat it as exited normally";
    const done = { terminated: { exitCode: 0, reason: "Completed", message } };
    const known = old?.state?.terminated === undefined ? undefined : old.state;
    return {
      ...base,
      state: known ?? done,
      lastState: old?.lastState ?? {},
      ready: true,
      restartCount: old?.restartCount ?? 0,
    };
  }
  const state = waitingState(facts, container.name, role);
  if (old?.containerID === undefined) return { ...base, state, lastState: {}, restartCount: 0 };
  const kept = { ...base, containerID: old.containerID };
  if (old.state?.terminated !== undefined) {
    // Its container was removed after the end: what was told stays true.
    return { ...kept, state: old.state, lastState: old.lastState ?? {}, restartCount: old.restartCount };
  }
  const lost = {
    terminated: {
      exitCode: 137,
      reason: "ContainerStatusUnknown",
      message: "The container could not be located when the pod was deleted.  The container used to be Running",
    },
  };
  const wasRunning = old.state?.running !== undefined;
  const again = wasRunning && facts.pod.metadata.deletionTimestamp === undefined;
  return {
    ...kept,
    state,
    lastState: wasRunning ? lost : (old.lastState ?? {}),
    restartCount: old.restartCount + (again ? 1 : 0),
  };
}

function isInitialized(facts: StatusFacts): boolean {
  const regular = new Set(facts.pod.spec.containers.map(({ name }) => name));
  return facts.snapshot.containers.some(({ name }) => regular.has(name));
}

function oldStatus(pod: Pod, name: string): ContainerStatus | undefined {
  return [
    ...(pod.status?.containerStatuses ?? []),
    ...(pod.status?.initContainerStatuses ?? []),
    ...(pod.status?.ephemeralContainerStatuses ?? []),
  ].find((status) => status.name === name);
}
