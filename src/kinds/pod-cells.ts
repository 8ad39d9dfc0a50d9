import { humanDuration } from "../util/duration.ts";
import { parseTime } from "../util/time-format.ts";
import type { Millis } from "../util/time.ts";
import type { ContainerState, ContainerStatus, Pod } from "./generated/types.ts";
import type { TableRow } from "./kind.ts";
import { isSidecar, isTerminal } from "./pod-resources.ts";
import { ageOf } from "./table.ts";

/** The line of `kubectl get pods`: one word for what a pod is doing, from all its parts. */

interface Summary {
  status: string;
  ready: number;
  restarts: number;
  /** Newest end of a container that was started again. */
  restartedAt: Millis | undefined;
}

export function podRow(pod: Pod, now: Millis): TableRow {
  const summary = summarize(pod);
  const { spec, status } = pod;
  const total = (spec.containers ?? []).length + (spec.initContainers ?? []).filter(isSidecar).length;
  const conditions = podRowConditions(pod);
  return {
    cells: [
      pod.metadata.name,
      `${summary.ready}/${total}`,
      summary.status,
      restartsText(summary, now),
      ageOf(pod, now),
      status?.podIPs?.[0]?.ip ?? orNone(status?.podIP),
      orNone(spec.nodeName),
      orNone(status?.nominatedNodeName),
      readinessGates(pod),
    ],
    ...(conditions === undefined ? {} : { conditions }),
  };
}

/** The STATUS cell: `Running`, `Init:0/2`, `CrashLoopBackOff`, `Terminating` … */
export function podStatusText(pod: Pod): string {
  return summarize(pod).status;
}

function podRowConditions(pod: Pod): TableRow["conditions"] {
  if (!isTerminal(pod)) return undefined;
  const succeeded = pod.status?.phase === "Succeeded";
  const message = succeeded ? "The pod has completed successfully." : "The pod failed.";
  return [{ type: "Completed", status: "True", reason: succeeded ? "Succeeded" : "Failed", message }];
}

function orNone(text: string | undefined): string {
  return text === undefined || text === "" ? "<none>" : text;
}

function readinessGates(pod: Pod): string {
  const gates = pod.spec.readinessGates ?? [];
  if (gates.length === 0) return "<none>";
  const met = gates.filter((gate) => hasCondition(pod, gate.conditionType)).length;
  return `${met}/${gates.length}`;
}

export function hasCondition(pod: Pod, type: string): boolean {
  return pod.status?.conditions?.some((item) => item.type === type && item.status === "True") ?? false;
}

function restartsText(summary: Summary, now: Millis): string {
  const { restarts, restartedAt } = summary;
  if (restarts === 0 || restartedAt === undefined) return String(restarts);
  return `${restarts} (${humanDuration(now - restartedAt)} ago)`;
}

function summarize(pod: Pod): Summary {
  const { status } = pod;
  const summary: Summary = {
    status: orEmpty(status?.reason) || (status?.phase ?? ""),
    ready: 0,
    restarts: 0,
    restartedAt: undefined,
  };
  const gated = status?.conditions?.some((item) => item.type === "PodScheduled" && item.reason === "SchedulingGated");
  if (gated === true) summary.status = "SchedulingGated";
  const sidecars = { restarts: 0, restartedAt: undefined as Millis | undefined };
  const initializing = summarizeInit(pod, summary, sidecars);
  if (!initializing || hasCondition(pod, "Initialized")) {
    summary.restarts = sidecars.restarts;
    summary.restartedAt = sidecars.restartedAt;
    summarizeContainers(pod, summary);
  }
  if (pod.metadata.deletionTimestamp !== undefined) {
    if (status?.reason === "NodeLost") summary.status = "Unknown";
    else if (!isTerminal(pod)) summary.status = "Terminating";
  }
  return summary;
}

function orEmpty(text: string | undefined): string {
  return text ?? "";
}

type Counter = Pick<Summary, "restarts" | "restartedAt">;

function countRestarts(counter: Counter, status: ContainerStatus): void {
  counter.restarts += status.restartCount;
  const ended = parseTime(status.lastState?.terminated?.finishedAt);
  if (ended !== undefined && ended > (counter.restartedAt ?? -Infinity)) counter.restartedAt = ended;
}

/** Answers whether an init container still holds the pod up. */
function summarizeInit(pod: Pod, summary: Summary, sidecars: Counter): boolean {
  const all = pod.spec.initContainers ?? [];
  const byName = new Map(all.map((container) => [container.name, container]));
  for (const [index, status] of (pod.status?.initContainerStatuses ?? []).entries()) {
    const container = byName.get(status.name);
    const sidecar = container !== undefined && isSidecar(container);
    countRestarts(summary, status);
    if (sidecar) countRestarts(sidecars, status);
    const { terminated, waiting } = status.state ?? {};
    if (terminated?.exitCode === 0) continue;
    if (sidecar && status.started === true) {
      if (status.ready) summary.ready += 1;
      continue;
    }
    if (terminated !== undefined) summary.status = `Init:${endedText(terminated)}`;
    else if (orEmpty(waiting?.reason) !== "" && waiting?.reason !== "PodInitializing") {
      summary.status = `Init:${waiting?.reason ?? ""}`;
    } else summary.status = `Init:${index}/${all.length}`;
    return true;
  }
  return false;
}

function endedText(terminated: NonNullable<ContainerState["terminated"]>): string {
  if (orEmpty(terminated.reason) !== "") return terminated.reason ?? "";
  const signal = terminated.signal ?? 0;
  return signal === 0 ? `ExitCode:${terminated.exitCode}` : `Signal:${signal}`;
}

function summarizeContainers(pod: Pod, summary: Summary): void {
  let running = false;
  let failed: string | undefined;
  for (const status of (pod.status?.containerStatuses ?? []).toReversed()) {
    countRestarts(summary, status);
    const { waiting, terminated } = status.state ?? {};
    if (orEmpty(waiting?.reason) !== "") summary.status = waiting?.reason ?? "";
    else if (terminated !== undefined) {
      summary.status = endedText(terminated);
      if (terminated.exitCode !== 0) failed = summary.status;
    } else if (status.ready && status.state?.running !== undefined) {
      running = true;
      summary.ready += 1;
    }
  }
  // A finished container beside running ones does not make the pod look finished.
  if (summary.status !== "Completed") return;
  if (running && hasCondition(pod, "Ready")) summary.status = "Running";
  else if (failed !== undefined) summary.status = failed;
  else if (running) summary.status = "NotReady";
}
