import { createSupervisor } from "../../actors/runtime/supervisor.ts";
import type { Clock, Log, Rng } from "../../env/env.ts";
import { noFaults, type FaultPort } from "../../env/faults.ts";
import type { Millis } from "../../util/time.ts";
import { Shown } from "../shown.ts";
import { manyActors } from "../tree.ts";
import type { Container, Pod, Probe } from "../../kinds/generated/types.ts";
import { containerPath } from "../pods/events.ts";
import type { EventRecorder } from "../pods/events.ts";
import type { ContainerFact, PodSnapshot, ProbeResult, ProbeResults } from "../pods/model.ts";
import { containersOf } from "../pods/model.ts";
import { Semaphore } from "../pods/semaphore.ts";
import { execProbesMaxCount, quietStartMs } from "./limits.ts";
import type { ProbeActor } from "./probe-actor.ts";
import { createProbeActor } from "./probe-actor.ts";
import type { Prober } from "./prober.ts";

/**
 * The probes of all pods of a node: one actor per probe of each running container. Results are kept
 * by container id, so a restarted container begins anew.
 */
export type ProbeKind = "startup" | "liveness" | "readiness";

export interface ProbeSupervisor {
  readonly results: ProbeResults;
  /** Starts and stops probes so that they fit what runs. */
  sync(pod: Pod, snapshot: PodSnapshot): void;
  /** The pod terminates: only readiness goes on. */
  terminate(podUid: string): void;
  stop(podUid: string): void;
  /** Called when a result of a pod's container has changed. */
  onResult(run: (podUid: string) => void): void;
  /** Actors, for the directory. A view that has not changed is the same object as in the list before. */
  list(): readonly ProbeView[];
}

export interface ProbeView {
  readonly podUid: string;
  readonly container: string;
  readonly kind: ProbeKind;
  readonly state: string;
  readonly since: Millis;
  readonly restarts: number;
  /** It waits to be started again. */
  readonly isDown: boolean;
  readonly lastError: string | undefined;
}

export interface ProbeOptions {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Log;
  readonly events: EventRecorder;
  readonly prober: Prober;
  /** Of the probes' actors; default: nothing goes wrong. */
  readonly faults?: FaultPort;
  /** Default: empty. */
  readonly node?: string;
  /** Too many of the actors fail: the agent is at fault. Default: they are left as they are. */
  readonly giveUp?: (error: Error) => void;
}

interface Running {
  readonly kind: ProbeKind;
  readonly container: string;
  readonly podUid: string;
  readonly containerId: string;
  pod: Pod;
  /** Of the newest life; undefined while it waits to be started again. */
  actor: ProbeActor | undefined;
  state: string;
  since: Millis;
  starts: number;
  lastError: string | undefined;
}

export function createProbeSupervisor(options: ProbeOptions): ProbeSupervisor {
  const { clock, events } = options;
  const running = new Map<string, Running>();
  const shown = new Shown<ProbeView>(viewOf);
  const results = new Map<string, ProbeResult>();
  const probed = new Set<string>();
  const listeners: ((podUid: string) => void)[] = [];
  const bornAt = clock.mono();
  const execSlots = new Semaphore(execProbesMaxCount);
  const supervisor = createSupervisor(
    { path: "/probes", ...manyActors },
    { clock, random: options.rng, faults: options.faults ?? noFaults, escalate: (error) => options.giveUp?.(error) },
  );
  supervisor.start();

  const resultOf = (kind: ProbeKind, id: string): ProbeResult => {
    const key = `${id}/${kind}`;
    if (!probed.has(key)) return "success";
    return results.get(key) ?? initial(kind);
  };

  return {
    results: {
      liveness: (id) => resultOf("liveness", id),
      readiness: (id) => resultOf("readiness", id),
      startup: (id) => resultOf("startup", id),
    },
    sync(pod, snapshot) {
      const { uid } = pod.metadata;
      const wanted = new Set<string>();
      for (const { container, role } of containersOf(pod)) {
        if (role === "ephemeral" || role === "init") continue;
        const fact = snapshot.containers.find(({ name, state }) => name === container.name && state === "running");
        if (fact === undefined) continue;
        adopt(pod, fact);
        for (const [kind, probe] of probesOf(container)) {
          const key = `${fact.id}/${kind}`;
          probed.add(key);
          const started = resultOf("startup", fact.id) === "success";
          // Until it has started only the startup probe runs.
          if (kind === "startup" ? started : !started) continue;
          wanted.add(key);
          if (!running.has(key)) begin(pod, container, fact, kind, probe);
          else update(running.get(key)!, pod);
        }
      }
      for (const [key, probe] of running) {
        if (probe.podUid === uid && !wanted.has(key)) end(key);
      }
    },
    terminate(podUid) {
      for (const [key, probe] of running) {
        if (probe.podUid === podUid && probe.kind !== "readiness") end(key);
      }
    },
    stop(podUid) {
      for (const [key, probe] of running) if (probe.podUid === podUid) end(key);
    },
    onResult(run) {
      listeners.push(run);
    },
    list: () => shown.list(),
  };

  function viewOf(key: string, view: ProbeView | undefined): ProbeView | undefined {
    const probe = running.get(key);
    if (probe === undefined) return undefined;
    const { podUid, container, kind, actor, starts, lastError } = probe;
    const state = actor?.state ?? "waiting";
    if (state !== probe.state) {
      probe.state = state;
      probe.since = clock.wall();
    }
    const { since } = probe;
    const [isDown, restarts] = [actor === undefined, starts - 1];
    const isSame =
      view?.state === state &&
      view.since === since &&
      view.isDown === isDown &&
      view.restarts === restarts &&
      view.lastError === lastError;
    if (isSame) return view;
    return { podUid, container, kind, state, since, restarts, isDown, lastError };
  }

  function update(probe: Running, pod: Pod): void {
    probe.pod = pod;
    probe.actor?.update(pod);
  }

  function begin(pod: Pod, container: Container, fact: ContainerFact, kind: ProbeKind, probe: Probe): void {
    const key = `${fact.id}/${kind}`;
    const periodMs = (probe.periodSeconds ?? 10) * 1_000;
    const waitedMs = clock.wall() - fact.startedAt;
    const initialMs = Math.max(0, (probe.initialDelaySeconds ?? 0) * 1_000 - waitedMs);
    // An agent that has just begun spreads the first probes of what it found running.
    const young = clock.mono() - bornAt < quietStartMs && waitedMs > periodMs;
    const { uid } = pod.metadata;
    const entry: Running = {
      kind,
      container: container.name,
      podUid: uid,
      containerId: fact.id,
      pod,
      actor: undefined,
      state: "waiting",
      since: clock.wall(),
      starts: 0,
      lastError: undefined,
    };
    running.set(key, entry);
    const start = (exit: (error: Error) => void): ProbeActor =>
      createProbeActor({
        clock,
        log: options.log,
        prober: options.prober,
        execSlots,
        pod: entry.pod,
        container,
        containerId: fact.id,
        kind,
        probe,
        delayMs: young && entry.starts === 1 ? Math.max(initialMs, options.rng.below(periodMs)) : initialMs,
        onResult: (result) => {
          if (results.get(key) === result) return;
          results.set(key, result);
          for (const listener of listeners) listener(pod.metadata.uid);
        },
        onFailure: (message) => {
          const fieldPath = containerPath(pod, container.name);
          events.record(pod, { type: "Warning", reason: "Unhealthy", message, fieldPath });
        },
        moved: () => shown.moved(key),
        failed(error) {
          entry.actor = undefined;
          entry.lastError = error.message;
          shown.moved(key);
          options.log("error", "probe.actor.failed", { container: fact.id, kind, error: error.message });
          exit(error);
        },
      });
    supervisor.add({
      id: key,
      path: `/node/${options.node ?? ""}/pod/${pod.metadata.namespace ?? ""}/${pod.metadata.name}/${kind}/${container.name}`,
      start(exit) {
        entry.starts += 1;
        const actor = start(exit);
        entry.actor = actor;
        shown.moved(key);
        return { stop: () => actor.stop(), views: () => [] };
      },
    });
  }

  /** A container that was ready before this agent began stays so until its first result. */
  function adopt(pod: Pod, fact: ContainerFact): void {
    const told = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])].find(
      ({ containerID }) => containerID === `containerd://${fact.id}`,
    );
    if (told === undefined) return;
    const [startup, readiness] = [`${fact.id}/startup`, `${fact.id}/readiness`];
    if (told.started === true && !results.has(startup)) results.set(startup, "success");
    if (told.ready && !results.has(readiness)) results.set(readiness, "success");
  }

  function end(key: string): void {
    if (!running.delete(key)) return;
    shown.moved(key);
    supervisor.remove(key);
  }
}

function initial(kind: ProbeKind): ProbeResult {
  if (kind === "liveness") return "success";
  return kind === "readiness" ? "failure" : "unknown";
}

function probesOf(container: Container): readonly (readonly [ProbeKind, Probe])[] {
  const { startupProbe, livenessProbe, readinessProbe } = container;
  return [
    ...(startupProbe === undefined ? [] : [["startup", startupProbe] as const]),
    ...(livenessProbe === undefined ? [] : [["liveness", livenessProbe] as const]),
    ...(readinessProbe === undefined ? [] : [["readiness", readinessProbe] as const]),
  ];
}
