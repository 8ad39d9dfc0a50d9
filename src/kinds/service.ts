import { labelName } from "../util/names.ts";
import { formatLabels } from "../util/selector.ts";
import type { Millis } from "../util/time.ts";
import { allVerbs, defineKind } from "./define.ts";
import type { Service, ServicePort, ServiceSpec, ServiceStatus } from "./generated/types.ts";
import type { Draft, HotRecord, Kind, TableRow } from "./kind.ts";
import { validateService, validateServiceStatus, validateServiceUpdate } from "./service-rules.ts";
import { serviceSchema } from "./schemas/service.ts";
import { ageColumn, ageOf, column, nameColumn } from "./table.ts";

/** One address for many pods. Addresses and ports are given by `api/admission/service-allocation.ts`. */

export interface ServiceHot extends HotRecord {
  readonly type: string;
  readonly selector: Readonly<Record<string, string>> | undefined;
  readonly clusterIP: string;
  readonly clusterIPs: readonly string[];
  /** All node ports, the one for health checks included. */
  readonly nodePorts: readonly number[];
}

export const services: Kind = defineKind<Service>({
  id: "services",
  group: "",
  version: "v1",
  kind: "Service",
  plural: "services",
  singular: "service",
  shortNames: ["svc"],
  categories: ["all"],
  scope: "Namespaced",
  verbs: allVerbs,
  storage: "rows",
  description: "One address and name for the pods that its selector picks.",
  schema: serviceSchema,
  name: labelName,
  generation: "none",
  createOnUpdate: true,
  subresources: { status: true, others: ["proxy"] },
  defaults,
  prepareCreate: (draft) => {
    draft["status"] = { loadBalancer: {} };
  },
  prepareUpdate: (draft, old) => dropDependent(draft, old),
  prepareStatus: (draft, old) => {
    if (old.spec.type !== "LoadBalancer") return;
    defaultIngress(draft);
  },
  validate: validateService,
  validateUpdate: validateServiceUpdate,
  validateStatus: (service, _old, errors) => validateServiceStatus(errors, service),
  warnings: (service, old) => warnings(service.spec, old?.spec.type),
  inert: [
    "spec.externalIPs",
    "spec.loadBalancerIP",
    "spec.loadBalancerClass",
    "spec.loadBalancerSourceRanges",
    "spec.trafficDistribution",
    "spec.healthCheckNodePort",
  ],
  columns: [
    nameColumn,
    column("Type", "How the service is reached."),
    column("Cluster-IP", "Address inside the cluster."),
    column("External-IP", "Addresses for the outside."),
    column("Port(s)", "Ports, with the node's port where there is one."),
    ageColumn,
    column("Selector", "Labels by which its pods are picked.", { wide: true }),
  ],
  row,
  selectable: {
    "spec.clusterIP": (service) => service.spec.clusterIP ?? "",
    "spec.type": (service) => service.spec.type ?? "",
  },
  hot: (service) => serviceHot(service),
  indexes: {
    clusterIP: (hot) => (hot as ServiceHot).clusterIPs.filter((ip) => ip !== "" && ip !== "None"),
    nodePort: (hot) => (hot as ServiceHot).nodePorts.map(String),
  },
  machine: "object",
});

type Writable<T> = { -readonly [K in keyof T]: T[K] };
type SpecDraft = Writable<ServiceSpec>;

export function needsNodePort(spec: ServiceSpec): boolean {
  return spec.type === "NodePort" || (spec.type === "LoadBalancer" && spec.allocateLoadBalancerNodePorts !== false);
}

/** Is it reached from outside, so that an external traffic policy means something? */
function isExternal(spec: ServiceSpec): boolean {
  return (
    spec.type === "NodePort" ||
    spec.type === "LoadBalancer" ||
    (spec.type === "ClusterIP" && (spec.externalIPs ?? []).length > 0)
  );
}

/** Does a load balancer ask a port of its own which nodes have endpoints? */
export function needsHealthPort(spec: ServiceSpec): boolean {
  return spec.type === "LoadBalancer" && spec.externalTrafficPolicy === "Local";
}

function defaults(draft: Draft): void {
  const spec = draft["spec"] as SpecDraft;
  if ((spec.sessionAffinity ?? "") === "") spec.sessionAffinity = "None";
  if (spec.sessionAffinity === "None") delete spec.sessionAffinityConfig;
  if (spec.sessionAffinity === "ClientIP") {
    const timeoutSeconds = spec.sessionAffinityConfig?.clientIP?.timeoutSeconds ?? 10_800;
    spec.sessionAffinityConfig = { clientIP: { timeoutSeconds } };
  }
  if ((spec.type ?? "") === "") spec.type = "ClusterIP";
  for (const port of (spec.ports ?? []) as Writable<ServicePort>[]) {
    if (port.targetPort === undefined || port.targetPort === 0 || port.targetPort === "") {
      port.targetPort = port.port;
    }
  }
  if (isExternal(spec) && (spec.externalTrafficPolicy ?? "") === "") {
    spec.externalTrafficPolicy = "Cluster";
  }
  if (spec.type === "ExternalName") {
    if (spec.internalTrafficPolicy === "Cluster") delete spec.internalTrafficPolicy;
  } else spec.internalTrafficPolicy ??= "Cluster";
  if (spec.type === "LoadBalancer") {
    spec.allocateLoadBalancerNodePorts ??= true;
    defaultIngress(draft);
  }
}

function defaultIngress(draft: Draft): void {
  const status = draft["status"] as ServiceStatus | undefined;
  for (const ingress of (status?.loadBalancer?.ingress ?? []) as {
    ip?: string;
    ipMode?: string;
  }[]) {
    if ((ingress.ip ?? "") !== "") ingress.ipMode ??= "VIP";
  }
}

/** What belongs to the old type goes with it, unless the client gave a new value. */
function dropDependent(draft: Draft, old: Service): void {
  const spec = draft["spec"] as SpecDraft;
  const before = old.spec;
  if (needsPorts(before) && !needsPorts(spec)) dropNodePorts(spec, before);
  if (needsHealthPort(before) && !needsHealthPort(spec)) {
    dropIfSame(spec, before, "healthCheckNodePort");
  }
  if (isExternal(before) && !isExternal(spec)) dropIfSame(spec, before, "externalTrafficPolicy");
  if (before.type === "LoadBalancer" && spec.type !== "LoadBalancer") {
    dropIfSame(spec, before, "allocateLoadBalancerNodePorts");
    dropIfSame(spec, before, "loadBalancerClass");
    draft["status"] = { ...(draft["status"] as ServiceStatus), loadBalancer: {} };
  }
  if (before.type !== "ExternalName" && spec.type === "ExternalName") {
    const same = (spec.clusterIPs ?? []).join() === (before.clusterIPs ?? []).join();
    if (same || spec.clusterIPs === undefined) {
      dropIfSame(spec, before, "clusterIP");
      delete spec.clusterIPs;
    }
    const families = (spec.ipFamilies ?? []).join() === (before.ipFamilies ?? []).join();
    if (families) delete spec.ipFamilies;
    dropIfSame(spec, before, "ipFamilyPolicy");
  }
}

function needsPorts(spec: ServiceSpec): boolean {
  return spec.type === "NodePort" || spec.type === "LoadBalancer";
}

function dropNodePorts(spec: SpecDraft, before: ServiceSpec): void {
  const known = new Set((before.ports ?? []).map((port) => port.nodePort ?? 0));
  const ports = (spec.ports ?? []) as Writable<ServicePort>[];
  if (ports.some((port) => !known.has(port.nodePort ?? 0) && (port.nodePort ?? 0) !== 0)) return;
  for (const port of ports) delete port.nodePort;
}

function dropIfSame(spec: SpecDraft, before: ServiceSpec, name: keyof ServiceSpec): void {
  if (spec[name] === before[name]) delete spec[name];
}

function warnings(spec: ServiceSpec, oldType: string | undefined): readonly string[] {
  const found: string[] = [];
  if (spec.type === "LoadBalancer" && oldType !== "LoadBalancer") {
    found.push("spec.type: no load balancer is given yet; the service is reached through its node ports");
  }
  if ((spec.externalIPs ?? []).length > 0) {
    found.push("spec.externalIPs is deprecated and may no longer be implemented in some clusters");
  }
  if (spec.clusterIP === "None") {
    const ignored: readonly [string, boolean][] = [
      ["spec.loadBalancerIP", (spec.loadBalancerIP ?? "") !== ""],
      ["spec.externalIPs", (spec.externalIPs ?? []).length > 0],
      ["spec.SessionAffinity", spec.sessionAffinity === "ClientIP"],
    ];
    for (const [name, set] of ignored) {
      if (set) found.push(`${name} is ignored for headless services`);
    }
  }
  if (spec.trafficDistribution === "PreferClose") {
    found.push('spec.trafficDistribution: "PreferClose" is deprecated; use "PreferSameZone"');
  }
  return found;
}

function serviceHot(service: Service): Omit<ServiceHot, keyof HotRecord> {
  const { spec } = service;
  const ports = (spec.ports ?? []).map((port) => port.nodePort ?? 0);
  return {
    type: spec.type ?? "ClusterIP",
    selector: spec.selector,
    clusterIP: spec.clusterIP ?? "",
    clusterIPs: spec.clusterIPs ?? (spec.clusterIP === undefined ? [] : [spec.clusterIP]),
    nodePorts: [...new Set([...ports, spec.healthCheckNodePort ?? 0])].filter((port) => port !== 0),
  };
}

function row(service: Service, now: Millis): TableRow {
  const { spec } = service;
  const selector = formatLabels(spec.selector);
  const clusterIP = spec.clusterIPs?.[0] ?? spec.clusterIP ?? "";
  return {
    cells: [
      service.metadata.name,
      spec.type ?? "",
      clusterIP === "" ? "<none>" : clusterIP,
      externalText(service),
      portsText(spec),
      ageOf(service, now),
      selector === "" ? "<none>" : selector,
    ],
  };
}

function externalText(service: Service): string {
  const { spec, status } = service;
  const listed = (spec.externalIPs ?? []).join(",");
  if (spec.type === "ExternalName") return spec.externalName ?? "";
  if (spec.type !== "LoadBalancer") return listed === "" ? "<none>" : listed;
  const ingress = (status?.loadBalancer?.ingress ?? [])
    .map((item) => item.ip ?? item.hostname ?? "")
    .filter((item) => item !== "");
  const balanced = [...new Set(ingress)].sort().join(",");
  const all = [balanced, listed].filter((part) => part !== "").join(",");
  return all === "" ? "<pending>" : all;
}

function portsText(spec: ServiceSpec): string {
  const ports = (spec.ports ?? []).map(({ port, nodePort, protocol }) =>
    (nodePort ?? 0) === 0 ? `${port}/${protocol ?? "TCP"}` : `${port}:${nodePort}/${protocol ?? "TCP"}`,
  );
  return ports.length === 0 ? "<none>" : ports.join(",");
}
