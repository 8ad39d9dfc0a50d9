import type { Container, Pod } from "../../kinds/generated/types.ts";
import type { Millis } from "../../util/time.ts";
import { crashBackOff, durationText } from "./back-off.ts";
import type {
  BackOffEntry,
  ContainerFact,
  ContainerRole,
  PodMemory,
  PodSnapshot,
  ProbeResults,
  RoledContainer,
  SandboxFact,
} from "./model.ts";
import { containerHash, containersOf, isTerminalPhase, newest, newestIn, podLabel } from "./model.ts";

/**
 * What to do next for one pod: a pure function of its spec, the runtime's facts, probe results and
 * the agent's memory. The worker does the first action, looks again, and asks again; so an agent
 * that was killed anywhere goes on where it stood, and no two actions on a pod overlap.
 *
 * Invariants: containers start only in a READY sandbox; an init container starts only when all
 * before it are done; a container that waits for its back-off keeps the pod alive.
 */
export type PodAction =
  | {
      readonly kind: "kill-container";
      readonly container: ContainerFact;
      readonly cause: KillCause;
      /** Text of the Killing event. */
      readonly message: string;
    }
  /** Stop everything, sidecars last, then the sandboxes. */
  | { readonly kind: "kill-pod" }
  | { readonly kind: "create-sandbox"; readonly attempt: number; readonly changed: boolean }
  | {
      readonly kind: "start-container";
      readonly name: string;
      readonly role: ContainerRole;
      readonly attempt: number;
      readonly sandbox: SandboxFact;
      /** Created by an earlier life of the agent but never started. */
      readonly existing?: ContainerFact;
      /** To be remembered before the start. */
      readonly backOff?: BackOffEntry;
    };

export type KillCause = "liveness" | "startup" | "definition" | "unknown" | "unwanted";

export interface PodDecision {
  /** To be done in this order; after the first group (kills, or one other) decide again. */
  readonly actions: readonly PodAction[];
  /** When to look again even if nothing happens. */
  readonly wakeAt: Millis | undefined;
  /** Containers that wait for a restart or a retry, by name. */
  readonly waiting: Readonly<Record<string, { readonly reason: string; readonly message: string }>>;
  readonly stage: "sandbox" | "init" | "running" | "ended";
}

export interface PodFacts {
  readonly pod: Pod;
  readonly snapshot: PodSnapshot;
  readonly probes: ProbeResults;
  readonly memory: PodMemory;
  /** Wall time, as the runtime's times are. */
  readonly now: Millis;
}

export function podActions(facts: PodFacts): PodDecision {
  const { pod, snapshot } = facts;
  if (isTerminalPhase(pod.status?.phase)) return ended(snapshot);
  const change = sandboxChange(pod, snapshot);
  return change === undefined ? decideContainers(facts, snapshot.sandboxes[0]!) : decideSandbox(facts, change);
}

/** The attempt of the sandbox that must be made, or undefined when the newest one serves. */
export function sandboxChange(pod: Pod, snapshot: PodSnapshot): number | undefined {
  const [current] = snapshot.sandboxes;
  if (current === undefined) return 0;
  const ready = snapshot.sandboxes.filter((sandbox) => sandbox.ready).length;
  const hostNetwork = pod.spec.hostNetwork === true;
  const serves =
    current.ready && ready === 1 && current.hostNetwork === hostNetwork && (hostNetwork || current.ip !== "");
  return serves ? undefined : current.attempt + 1;
}

function decideSandbox(facts: PodFacts, attempt: number): PodDecision {
  const { pod, snapshot } = facts;
  const busy = isBusy(snapshot);
  const never = pod.spec.restartPolicy === "Never";
  if (never && attempt > 0 && snapshot.containers.length > 0) return ended(snapshot);
  const wanted = pod.spec.containers.some((container) => {
    const last = newest(snapshot, container.name);
    return last?.state !== "exited" || mayRestart(pod, container, "regular", last.exitCode);
  });
  if (!wanted) return ended(snapshot);
  if (initFailed(pod, snapshot)) return ended(snapshot);
  const kill: PodAction[] = busy ? [{ kind: "kill-pod" }] : [];
  return {
    actions: [...kill, { kind: "create-sandbox", attempt, changed: attempt > 0 }],
    wakeAt: undefined,
    waiting: {},
    stage: "sandbox",
  };
}

/** An init container ended badly and may not run again. */
function initFailed(pod: Pod, snapshot: PodSnapshot): boolean {
  return containersOf(pod).some(({ container, role }) => {
    if (role !== "init") return false;
    const last = newest(snapshot, container.name);
    return last?.state === "exited" && last.exitCode !== 0 && !mayRestart(pod, container, "init", last.exitCode);
  });
}

/** Something of the pod may still run. */
function isBusy(snapshot: PodSnapshot): boolean {
  return (
    snapshot.sandboxes.some((sandbox) => sandbox.ready) ||
    snapshot.containers.some((container) => container.state === "running")
  );
}

function ended(snapshot: PodSnapshot): PodDecision {
  return {
    actions: isBusy(snapshot) ? [{ kind: "kill-pod" }] : [],
    wakeAt: undefined,
    waiting: {},
    stage: "ended",
  };
}

interface Draft {
  readonly kills: PodAction[];
  readonly starts: PodAction[];
  readonly waiting: Record<string, { reason: string; message: string }>;
  wakeAt: Millis | undefined;
  /** Regular containers that run, or will. */
  alive: number;
}

function decideContainers(facts: PodFacts, sandbox: SandboxFact): PodDecision {
  const { pod, snapshot } = facts;
  const draft: Draft = { kills: [], starts: [], waiting: {}, wakeAt: undefined, alive: 0 };
  const all = containersOf(pod);
  for (const roled of all) {
    if (roled.role === "ephemeral" && newest(snapshot, roled.container.name) === undefined) {
      start(facts, sandbox, roled, draft);
    }
  }
  const regulars = all.filter(({ role }) => role === "regular");
  const initialized = regulars.some(({ container }) => newestIn(snapshot, container.name, sandbox.id) !== undefined);
  // Decided first: sidecars are not started again for a pod whose work is done.
  const work: Draft = { ...draft, starts: [], kills: [], alive: 0 };
  for (const roled of regulars) decideRegular(facts, sandbox, roled, work);
  if (work.alive === 0 && work.kills.length === 0) return ended(snapshot);

  const init = decideInit(facts, sandbox, draft, initialized);
  if (init === "failed") return ended(snapshot);
  const ready = initialized || init === "done";
  if (ready) {
    draft.kills.push(...work.kills);
    draft.starts.push(...work.starts);
    draft.wakeAt = earliest(draft.wakeAt, work.wakeAt);
  }
  return {
    actions: [...draft.kills, ...draft.starts],
    wakeAt: draft.wakeAt,
    // Both drafts share the record; before init is done nothing of the regular ones is shown.
    waiting: ready ? draft.waiting : withoutRegulars(draft.waiting, regulars),
    stage: ready ? "running" : "init",
  };
}

function withoutRegulars(waiting: Draft["waiting"], regulars: readonly RoledContainer[]): PodDecision["waiting"] {
  const names = new Set(regulars.map(({ container }) => container.name));
  return Object.fromEntries(Object.entries(waiting).filter(([name]) => !names.has(name)));
}

/** Walks the init containers in order up to the first that is not done. */
function decideInit(
  facts: PodFacts,
  sandbox: SandboxFact,
  draft: Draft,
  initialized: boolean,
): "done" | "under-way" | "failed" {
  for (const roled of containersOf(facts.pod)) {
    const { container, role } = roled;
    if (role === "init" && !initialized) {
      const last = newestIn(facts.snapshot, container.name, sandbox.id);
      if (last?.state === "exited" && last.exitCode === 0) continue;
      if (last?.state === "running") return "under-way";
      if (last?.state === "exited" && !mayRestart(facts.pod, container, "init", last.exitCode)) {
        return "failed";
      }
      reviveOrStart(facts, sandbox, roled, draft);
      return "under-way";
    }
    if (role === "sidecar" && !decideSidecar(facts, sandbox, roled, draft) && !initialized) {
      return "under-way";
    }
  }
  return "done";
}

/** True when the next container may begin: it runs and has started. */
function decideSidecar(facts: PodFacts, sandbox: SandboxFact, roled: RoledContainer, draft: Draft): boolean {
  const last = newestIn(facts.snapshot, roled.container.name, sandbox.id);
  if (last?.state === "running") {
    const kill = killOf(facts, roled, last);
    if (kill === undefined) return hasStarted(facts, last);
    draft.kills.push(kill);
    return false;
  }
  reviveOrStart(facts, sandbox, roled, draft);
  return false;
}

function decideRegular(facts: PodFacts, sandbox: SandboxFact, roled: RoledContainer, draft: Draft): void {
  const { pod, snapshot } = facts;
  const { container } = roled;
  const last = newest(snapshot, container.name);
  const here = last?.sandboxId === sandbox.id;
  if (last?.state === "running" && here) {
    const kill = killOf(facts, roled, last);
    if (kill === undefined) draft.alive += 1;
    else draft.kills.push(kill);
    return;
  }
  const changed = last !== undefined && last.hash !== containerHash(container);
  const over = last?.state === "exited" && !changed && !mayRestart(pod, container, "regular", last.exitCode);
  if (over) return;
  draft.alive += 1;
  reviveOrStart(facts, sandbox, roled, draft);
}

/** Starts what an earlier agent created, stops what is unknown, else starts anew. */
function reviveOrStart(facts: PodFacts, sandbox: SandboxFact, roled: RoledContainer, draft: Draft): void {
  const last = newestIn(facts.snapshot, roled.container.name, sandbox.id);
  if (last?.state === "unknown") {
    draft.kills.push({
      kind: "kill-container",
      container: last,
      cause: "unknown",
      message: `Container ${last.name} is in unknown state, try killing it before restart`,
    });
    return;
  }
  start(facts, sandbox, roled, draft);
}

function start(facts: PodFacts, sandbox: SandboxFact, { container, role }: RoledContainer, draft: Draft): void {
  const { memory, now, snapshot } = facts;
  const last = newest(snapshot, container.name);
  const hash = containerHash(container);
  const existing = last?.state === "created" && last.sandboxId === sandbox.id && last.hash === hash ? last : undefined;
  let backOff: BackOffEntry | undefined;
  if (last?.state === "exited") {
    const verdict = crashBackOff(memory.backOff[container.name], last.finishedAt, now, hash);
    if (verdict.kind === "wait") {
      draft.waiting[container.name] = {
        reason: "CrashLoopBackOff",
        message: backOffText(facts.pod, container.name, verdict.delayMs),
      };
      draft.wakeAt = earliest(draft.wakeAt, verdict.until);
      return;
    }
    backOff = verdict.next;
  }
  const failure = memory.failures[container.name];
  if (failure !== undefined) {
    draft.waiting[container.name] = { reason: failure.reason, message: failure.message };
    if (failure.retryAt > now) {
      draft.wakeAt = earliest(draft.wakeAt, failure.retryAt);
      return;
    }
  }
  draft.starts.push({
    kind: "start-container",
    name: container.name,
    role,
    attempt: existing?.attempt ?? nextAttempt(facts.pod, container.name, last),
    sandbox,
    ...(existing === undefined ? {} : { existing }),
    ...(backOff === undefined ? {} : { backOff }),
  });
}

/** One more than the newest; a container that the runtime has lost still counts by its status. */
function nextAttempt(pod: Pod, name: string, last: ContainerFact | undefined): number {
  if (last !== undefined) return last.attempt + 1;
  const known = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
    (status) => status.name === name,
  );
  return known?.containerID === undefined ? 0 : known.restartCount + 1;
}

function killOf(facts: PodFacts, { container, role }: RoledContainer, running: ContainerFact): PodAction | undefined {
  const { pod, probes } = facts;
  const again = (base: string, restart: boolean): string => (restart ? `${base}, will be restarted` : base);
  const kill = (cause: KillCause, message: string): PodAction => ({
    kind: "kill-container",
    container: running,
    cause,
    message,
  });
  if (running.hash !== containerHash(container)) {
    return kill("definition", `Container ${container.name} definition changed, will be restarted`);
  }
  const restart = mayRestart(pod, container, role, 137);
  if (probes.startup(running.id) === "failure") {
    return kill("startup", again(`Container ${container.name} failed startup probe`, restart));
  }
  if (probes.liveness(running.id) === "failure") {
    return kill("liveness", again(`Container ${container.name} failed liveness probe`, restart));
  }
  return undefined;
}

/** Startup probe passed (or none) and the postStart hook is over. */
function hasStarted(facts: PodFacts, running: ContainerFact): boolean {
  return facts.probes.startup(running.id) === "success" && !facts.memory.starting.includes(running.id);
}

/** Whether a container that ended with `exitCode` runs again; a container's own policy wins. */
export function mayRestart(pod: Pod, container: Container, role: ContainerRole, exitCode: number): boolean {
  if (role === "ephemeral") return false;
  for (const rule of container.restartPolicyRules ?? []) {
    const values = rule.exitCodes?.values ?? [];
    const listed = values.includes(exitCode);
    const fits = rule.exitCodes?.operator === "NotIn" ? !listed : listed;
    if (rule.action === "Restart" && fits) return true;
  }
  const policy = container.restartPolicy ?? pod.spec.restartPolicy ?? "Always";
  if (policy === "Never") return false;
  if (role === "init" || policy === "OnFailure") return exitCode !== 0;
  return true;
}

function backOffText(pod: Pod, container: string, delayMs: Millis): string {
  return `back-off ${durationText(delayMs)} restarting failed container=${container} pod=${podLabel(pod)}`;
}

function earliest(a: Millis | undefined, b: Millis | undefined): Millis | undefined {
  if (a === undefined) return b;
  return b === undefined ? a : Math.min(a, b);
}
