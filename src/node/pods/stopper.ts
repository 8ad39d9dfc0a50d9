import type { Container, Pod } from "../../kinds/generated/types.ts";
import { messageOf } from "../../util/errors.ts";
import type { Grace } from "./grace.ts";
import { stopGraceMinSeconds } from "./limits.ts";
import type { ContainerFact, PodSnapshot } from "./model.ts";
import { isSidecar } from "./model.ts";
import { containerOf, note } from "./starter.ts";
import type { PodPorts } from "./worker-ports.ts";

/**
 * Stops containers within a grace: preStop first (its time counts), then the runtime's stop with
 * what is left, never less than two seconds. Sidecars stop after all others, in reverse order, or
 * when the grace is over. A grace that shrinks meanwhile reaches stops that are under way.
 */
export interface StopContext {
  readonly ports: PodPorts;
  readonly pod: Pod;
  readonly grace: Grace;
  /** Text of the Killing events; undefined: `Stopping container C`. */
  readonly message?: string;
  /** Called whenever a container has stopped. */
  readonly onStopped: () => void;
}

export async function stopPod(context: StopContext, snapshot: PodSnapshot): Promise<void> {
  const running = snapshot.containers.filter(({ state }) => state !== "exited" && state !== "created");
  const order = (context.pod.spec.initContainers ?? []).filter(isSidecar).map(({ name }) => name);
  const sidecars = running.filter(({ name }) => order.includes(name));
  const others = running.filter((fact) => !sidecars.includes(fact));
  const othersDone = Promise.all(others.map(async (fact) => stopContainer(context, fact)));
  // The last sidecar goes first; each waits for the one behind it.
  let before: Promise<unknown> = othersDone;
  const stops: Promise<unknown>[] = [othersDone];
  const reversed = sidecars.toSorted((a, b) => order.indexOf(b.name) - order.indexOf(a.name));
  for (const fact of reversed) {
    const turn = context.grace.within(before);
    before = stopContainer(context, fact, turn);
    stops.push(before);
  }
  await Promise.all(stops);
  for (const sandbox of snapshot.sandboxes) {
    await context.ports.stops.run(async () => context.ports.cri.stopPodSandbox(sandbox.id));
  }
}

/** `turn`: the stop itself waits for this; preStop does not. */
export async function stopContainer(context: StopContext, fact: ContainerFact, turn?: Promise<unknown>): Promise<void> {
  const { ports, pod, grace } = context;
  const container = containerOf(pod, fact);
  const message = context.message ?? `Stopping container ${fact.name}`;
  note(ports, pod, container, { type: "Normal", reason: "Killing", message });
  await preStop(context, container, fact);
  await turn;
  const calls: Promise<void>[] = [];
  const stop = (): void => {
    const seconds = Math.max(stopGraceMinSeconds, Math.ceil(grace.remainingMs / 1_000));
    calls.push(ports.cri.stopContainer(fact.id, seconds));
  };
  const forget = grace.onShrink(stop);
  try {
    await ports.stops.run(async () => {
      stop();
      await calls[0];
    });
    await Promise.allSettled(calls);
  } finally {
    forget();
    context.onStopped();
  }
}

async function preStop(context: StopContext, container: Container, fact: ContainerFact): Promise<void> {
  const { ports, pod, grace } = context;
  const handler = container.lifecycle?.preStop;
  if (handler === undefined || grace.remainingMs === 0) return;
  try {
    const podIp = pod.status?.podIP ?? "";
    const timeoutMs = grace.remainingMs;
    const call = { pod, container, containerId: fact.id, podIp, handler, timeoutMs };
    const result = await grace.within(ports.hooks.run(call));
    if (result === "late") throw new Error("the grace period is over");
  } catch (error) {
    const message = `PreStopHook failed: ${messageOf(error)}`;
    note(ports, pod, container, { type: "Warning", reason: "FailedPreStopHook", message });
  }
}
