/**
 * EndpointSlice: the addresses behind each Service, in slices of at most a hundred, one set of
 * slices per address family and per map of ports. A Service without endpoints has one empty slice.
 */
import type { Endpoint, EndpointPort, EndpointSlice, Node, Pod, Service } from "../../kinds/generated/types.ts";
import type { RowRef, TimedView } from "../../store/view.ts";
import { nothing, type Controller, type Plan, type PlanWrite } from "../runtime/controller.ts";
import { jsonEqual } from "../../util/equal.ts";
import { rowOf, watchOwn } from "./common/keys.ts";
import { childName } from "./common/names.ts";
import { controllerReference } from "./common/owners.ts";
import { isReady, isTerminating } from "./common/pods.ts";
import { formatTime } from "../../util/time-format.ts";
import { create, draftOf, remove, update } from "./common/writes.ts";
import { pack, type ExistingSlice } from "./endpoints/packing.ts";
import {
  addressesOf,
  familyOf,
  hasComputedEndpoints,
  isHeadless,
  publishedHostname,
  selectedPods,
  targetPorts,
  watchNodes,
  watchPods,
  zoneLabel,
  type Family,
  type TargetPort,
} from "./endpoints/service-pods.ts";
import { endpointSlicePaceMs, endpointsPerSliceMax } from "./limits.ts";

const kind = "endpointslices.discovery.k8s.io";
const serviceLabel = "kubernetes.io/service-name";
const managedByLabel = "endpointslice.kubernetes.io/managed-by";
const manager = "endpointslice-controller.k8s.io";
const headlessLabel = "service.kubernetes.io/headless";
const triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";

export const endpointslice: Controller = {
  name: "endpointslice",
  source: "endpoint-slice-controller",
  about: "services",
  watches: [
    watchOwn("services"),
    watchPods,
    watchNodes,
    {
      kind,
      keys: (_view, previous, next) => [...new Set([previous, next].flatMap(serviceOf))],
    },
  ],
  writes: [kind],
  paceMs: endpointSlicePaceMs,
  plan,
};

function serviceOf(row: RowRef | undefined): readonly string[] {
  const service = row?.hot.labels[serviceLabel];
  if (row === undefined || service === undefined || !isOurs(row)) return [];
  return [`${row.namespace}/${service}`];
}

function isOurs(row: RowRef): boolean {
  return row.hot.labels[managedByLabel] === manager;
}

/** Endpoints that share a map of ports. */
interface PortGroup {
  readonly ports: readonly TargetPort[];
  readonly endpoints: Endpoint[];
}

interface SliceSet {
  readonly view: TimedView;
  readonly service: Service;
  readonly family: Family;
}

function plan(view: TimedView, key: string): Plan {
  const row = rowOf(view, "services", key);
  if (row === undefined || row.hot.deleting) return nothing;
  const service = row.object<Service>();
  if (!hasComputedEndpoints(service)) return nothing;
  const existing = view
    .list(kind, { namespace: row.namespace })
    .filter((slice) => isOurs(slice) && slice.hot.labels[serviceLabel] === row.name)
    .filter((slice) => !slice.hot.deleting);
  const families = (service.spec.ipFamilies ?? ["IPv4"]) as readonly Family[];
  const pods = selectedPods(view, service, true);
  const writes = families.flatMap((family) => {
    const slices = existing.filter((slice) => typeOf(slice) === family);
    return familyWrites({ view, service, family }, slices, pods);
  });
  const foreign = existing.filter((slice) => !families.includes(typeOf(slice) as Family));
  return { writes: [...writes, ...foreign.map((slice) => remove(slice))] };
}

function typeOf(row: RowRef): string {
  return row.object<EndpointSlice>().addressType;
}

function familyWrites(set: SliceSet, existing: readonly RowRef[], pods: readonly Pod[]): readonly PlanWrite[] {
  const groups = groupByPorts(set, pods);
  if (groups.size === 0) return emptyWrites(set, existing);
  const writes: PlanWrite[] = [];
  let created = 0;
  for (const [portsKey, { ports, endpoints }] of groups) {
    const slices = existing
      .map((row) => ({ row, slice: row.object<EndpointSlice>() }))
      .filter(({ slice }) => portKey(slice.ports ?? []) === portsKey)
      .map(({ row, slice }): ExistingSlice => ({ row, endpoints: slice.endpoints ?? [] }));
    const packing = pack(slices, endpoints, endpointsPerSliceMax, {
      keyOf: (endpoint) => `${endpoint.targetRef?.uid} ${endpoint.addresses[0]}`,
      isEqual: (a, b) => jsonEqual(normal(a), normal(b)),
    });
    for (const kept of packing.kept) writes.push(...updated(set, kept));
    writes.push(...packing.emptied.map((row) => remove(row)));
    for (const list of packing.created) {
      writes.push(newSlice(set, ports, list, created));
      created += 1;
    }
  }
  const stale = existing.filter((row) => !groups.has(portKey(row.object<EndpointSlice>().ports ?? [])));
  return [...writes, ...stale.map((row) => remove(row))];
}

/** No endpoints: clients still find one slice, so that they can tell "none" from "not yet". */
function emptyWrites(set: SliceSet, existing: readonly RowRef[]): readonly PlanWrite[] {
  const isEmpty = (row: RowRef): boolean => {
    const { ports = [], endpoints = [] } = row.object<EndpointSlice>();
    return ports.length === 0 && endpoints.length === 0;
  };
  const placeholder = existing.find(isEmpty);
  const surplus = existing.filter((row) => row !== placeholder).map((row) => remove(row));
  if (placeholder === undefined) return [newSlice(set, [], [], 0), ...surplus];
  return [...updated(set, { row: placeholder, endpoints: [] }), ...surplus];
}

function groupByPorts(set: SliceSet, pods: readonly Pod[]): ReadonlyMap<string, PortGroup> {
  const groups = new Map<string, PortGroup>();
  for (const pod of pods) {
    const ports = targetPorts(set.service, pod);
    const key = portKey(ports);
    for (const address of addressesOf(pod)) {
      if (familyOf(address) !== set.family) continue;
      const endpoint = endpointOf(set, pod, address);
      if (endpoint === undefined) continue;
      const group = groups.get(key) ?? { ports, endpoints: [] };
      groups.set(key, group);
      group.endpoints.push(endpoint);
    }
  }
  return groups;
}

function portKey(ports: readonly EndpointPort[]): string {
  const texts = ports.map(({ name = "", port, protocol = "TCP", appProtocol = "" }) =>
    [name, port, protocol, appProtocol].join(" "),
  );
  return texts.toSorted().join(",");
}

function endpointOf({ view, service }: SliceSet, pod: Pod, address: string): Endpoint | undefined {
  const { nodeName = "" } = pod.spec;
  const node = nodeName === "" ? undefined : view.get("nodes", "", nodeName)?.object<Node>();
  const publishes = service.spec.publishNotReadyAddresses === true;
  // A pod on a node that does not exist is about to go; its address may be given out again.
  if (node === undefined && !publishes) return undefined;
  const serving = isReady(pod);
  const terminating = isTerminating(pod);
  const ready = publishes || (serving && !terminating);
  const zone = node?.metadata.labels?.[zoneLabel];
  const hostname = publishedHostname(service, pod);
  const hints = ready ? hintsOf(service, zone, nodeName) : undefined;
  const { namespace = "", name, uid } = pod.metadata;
  return {
    addresses: [address],
    conditions: { ready, serving, terminating },
    ...(hostname === undefined ? {} : { hostname }),
    targetRef: { kind: "Pod", namespace, name, uid },
    ...(nodeName === "" ? {} : { nodeName }),
    ...(zone === undefined ? {} : { zone }),
    ...(hints === undefined ? {} : { hints }),
  };
}

function hintsOf(service: Service, zone: string | undefined, nodeName: string): Endpoint["hints"] | undefined {
  const distribution = service.spec.trafficDistribution;
  const forZones = zone === undefined ? {} : { forZones: [{ name: zone }] };
  if (distribution === "PreferSameNode" && nodeName !== "") {
    return { ...forZones, forNodes: [{ name: nodeName }] };
  }
  const isZonal = distribution === "PreferClose" || distribution === "PreferSameZone";
  return isZonal && zone !== undefined ? forZones : undefined;
}

/** An endpoint with what its absent members mean. */
function normal(endpoint: Endpoint): unknown {
  const { ready = true, serving = ready, terminating = false } = endpoint.conditions ?? {};
  return { ...endpoint, conditions: { ready, serving, terminating } };
}

function labelsOf(service: Service): Readonly<Record<string, string>> {
  return {
    ...service.metadata.labels,
    ...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
    [serviceLabel]: service.metadata.name,
    [managedByLabel]: manager,
  };
}

/** At most one write: nothing if endpoints and labels stand there already. */
function updated({ view, service }: SliceSet, next: ExistingSlice): readonly PlanWrite[] {
  const slice = next.row.object<EndpointSlice>();
  const labels = labelsOf(service);
  const old = slice.endpoints ?? [];
  const isSame = old.length === next.endpoints.length && old.every((endpoint, at) => endpoint === next.endpoints[at]);
  if (isSame && jsonEqual(labels, slice.metadata.labels ?? {})) return [];
  const annotations = {
    ...slice.metadata.annotations,
    [triggerAnnotation]: formatTime(view.now),
  };
  return [update(next.row, draftOf(slice, { endpoints: next.endpoints }, { labels, annotations }))];
}

function newSlice(
  { view, service, family }: SliceSet,
  ports: readonly TargetPort[],
  endpoints: readonly Endpoint[],
  ordinal: number,
): PlanWrite {
  const { name, namespace = "", uid } = service.metadata;
  const seed = `${uid}/${view.revision}/${family}/${ordinal}`;
  const isTaken = (candidate: string): boolean => view.get(kind, namespace, candidate) !== undefined;
  return create(kind, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: {
      name: childName(`${name}-`, seed, isTaken),
      generateName: `${name}-`,
      namespace,
      labels: labelsOf(service),
      annotations: { [triggerAnnotation]: formatTime(view.now) },
      ownerReferences: [controllerReference(service)],
    },
    addressType: family,
    endpoints,
    ...(ports.length > 0 ? { ports } : {}),
  });
}
