/**
 * What the plugins read: pods and nodes decoded once into numbers and small lists. Amounts are
 * thousandths of a core for `cpu` and whole units for everything else.
 */
import type {
  Container,
  Node,
  NodeSelector,
  Pod,
  PreferredSchedulingTerm,
  Taint,
  Toleration,
} from "../../kinds/generated/types.ts";
import { quantityMilli, quantityValue } from "../../util/quantity.ts";
import { assumedCpuMilli, assumedMemoryBytes } from "./limits.ts";

/** Resource name → amount. */
export type Amounts = Readonly<Record<string, number>>;

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

export interface PodFacts {
  readonly request: Amounts;
  /** The request with assumed amounts for containers that ask for nothing. */
  readonly assumed: { readonly cpu: number; readonly memory: number };
  readonly ports: readonly HostPort[];
  /** spec.nodeName: set by whoever wants one certain node. */
  readonly nodeName: string;
  readonly nodeSelector: Readonly<Record<string, string>>;
  readonly required: NodeSelector | undefined;
  readonly preferred: readonly PreferredSchedulingTerm[];
  readonly tolerations: readonly Toleration[];
  readonly priority: number;
  readonly mayPreempt: boolean;
}

export interface NodeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly isUnschedulable: boolean;
  readonly allocatable: Amounts;
  readonly podsMax: number;
  /** Sums over the pods that are on the node and have not ended. */
  readonly pods: number;
  readonly requested: Amounts;
  readonly assumed: { readonly cpu: number; readonly memory: number };
  readonly ports: readonly HostPort[];
}

export function podFacts(pod: Pod): PodFacts {
  const { spec } = pod;
  const affinity = spec.affinity?.nodeAffinity;
  return {
    request: podRequest(pod, requestOf),
    assumed: assumedOf(pod),
    ports: hostPorts(pod),
    nodeName: spec.nodeName ?? "",
    nodeSelector: spec.nodeSelector ?? {},
    required: affinity?.requiredDuringSchedulingIgnoredDuringExecution,
    preferred: affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [],
    tolerations: spec.tolerations ?? [],
    priority: spec.priority ?? 0,
    mayPreempt: spec.preemptionPolicy !== "Never",
  };
}

export function nodeFacts(node: Node, pods: readonly PodFacts[]): NodeFacts {
  const allocatable = amountsOf(node.status?.allocatable ?? node.status?.capacity);
  const requested: Record<string, number> = {};
  const assumed = { cpu: 0, memory: 0 };
  for (const pod of pods) {
    addTo(requested, pod.request);
    assumed.cpu += pod.assumed.cpu;
    assumed.memory += pod.assumed.memory;
  }
  return {
    name: node.metadata.name,
    labels: node.metadata.labels ?? {},
    taints: node.spec.taints ?? [],
    isUnschedulable: node.spec.unschedulable === true,
    allocatable,
    podsMax: allocatable["pods"] ?? 0,
    pods: pods.length,
    requested,
    assumed,
    ports: pods.flatMap((pod) => pod.ports),
  };
}

function amountsOf(quantities: Readonly<Record<string, string>> | undefined): Amounts {
  return Object.fromEntries(
    Object.entries(quantities ?? {}).map(([name, quantity]) => [
      name,
      name === "cpu" ? quantityMilli(quantity) : quantityValue(quantity),
    ]),
  );
}

function requestOf(container: Container): Amounts {
  return amountsOf(container.resources?.requests);
}

function assumedOf(pod: Pod): PodFacts["assumed"] {
  const amounts = podRequest(pod, (container) => {
    const { cpu = assumedCpuMilli, memory = assumedMemoryBytes } = requestOf(container);
    return { cpu, memory };
  });
  return { cpu: amounts["cpu"] ?? 0, memory: amounts["memory"] ?? 0 };
}

/**
 * What the pod needs at its widest moment: all containers with all sidecars, or one init container
 * with the sidecars that were started before it. Pod-level requests replace the sums.
 */
function podRequest(pod: Pod, of: (container: Container) => Amounts): Amounts {
  const { spec } = pod;
  const running: Record<string, number> = {};
  for (const container of spec.containers) addTo(running, of(container));
  const sidecars: Record<string, number> = {};
  let starting: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    const amounts = of(container);
    if (container.restartPolicy === "Always") {
      addTo(running, amounts);
      addTo(sidecars, amounts);
      starting = larger(starting, sidecars);
    } else {
      const moment = { ...sidecars };
      addTo(moment, amounts);
      starting = larger(starting, moment);
    }
  }
  const total = { ...larger(running, starting), ...amountsOf(spec.resources?.requests) };
  addTo(total, amountsOf(spec.overhead));
  return total;
}

function addTo(sum: Record<string, number>, amounts: Amounts): void {
  for (const [name, amount] of Object.entries(amounts)) sum[name] = (sum[name] ?? 0) + amount;
}

function larger(a: Amounts, b: Amounts): Record<string, number> {
  const result: Record<string, number> = { ...a };
  for (const [name, amount] of Object.entries(b)) {
    result[name] = Math.max(result[name] ?? 0, amount);
  }
  return result;
}

function hostPorts(pod: Pod): readonly HostPort[] {
  return [...pod.spec.containers, ...(pod.spec.initContainers ?? [])]
    .flatMap((container) => container.ports ?? [])
    .filter(({ hostPort = 0 }) => hostPort > 0)
    .map(({ hostPort = 0, hostIP = "", protocol = "TCP" }) => ({
      ip: hostIP === "" ? "0.0.0.0" : hostIP,
      protocol,
      port: hostPort,
    }));
}
