/**
 * Endpoints: the older form of what EndpointSlices say, one object a Service, for clients that
 * still read it. Only objects that carry our label are removed with their Service.
 */
import type { EndpointAddress, Endpoints, EndpointSubset, Pod, Service } from "../../kinds/generated/types.ts";
import type { Draft } from "../../kinds/kind.ts";
import type { RowRef, TimedView } from "../../store/view.ts";
import { nothing, type Controller, type Plan } from "../runtime/controller.ts";
import { canonical } from "./common/canonical.ts";
import { jsonEqual } from "../../util/equal.ts";
import { rowOf, watchOwn } from "./common/keys.ts";
import { isReady } from "./common/pods.ts";
import { formatTime } from "../../util/time-format.ts";
import { create, draftOf, remove, update } from "./common/writes.ts";
import {
  addressesOf,
  familyOf,
  hasComputedEndpoints,
  isHeadless,
  publishedHostname,
  selectedPods,
  targetPorts,
  watchPods,
  type TargetPort,
} from "./endpoints/service-pods.ts";
import { endpointsCapacityMax, endpointsPaceMs } from "./limits.ts";

const kind = "endpoints";
const managedByLabel = "endpoints.kubernetes.io/managed-by";
const headlessLabel = "service.kubernetes.io/headless";
const triggerAnnotation = "endpoints.kubernetes.io/last-change-trigger-time";
const capacityAnnotation = "endpoints.kubernetes.io/over-capacity";
const manager = "endpoint-controller";

export const endpoints: Controller = {
  name: "endpoints",
  source: manager,
  about: "services",
  watches: [watchOwn("services"), watchPods, watchOwn(kind)],
  writes: [kind],
  paceMs: endpointsPaceMs,
  plan,
};

function plan(view: TimedView, key: string): Plan {
  const row = rowOf(view, "services", key);
  const old = rowOf(view, kind, key);
  if (row === undefined) {
    const isOurs = old?.hot.labels[managedByLabel] === manager && !old.hot.deleting;
    return old !== undefined && isOurs ? { writes: [remove(old)] } : nothing;
  }
  const service = row.object<Service>();
  if (row.hot.deleting || !hasComputedEndpoints(service)) return nothing;
  const addresses = addressesBehind(view, service);
  const isTruncated = addresses.length > endpointsCapacityMax;
  const subsets = subsetsOf(isTruncated ? truncated(addresses) : addresses);
  const labels = {
    ...service.metadata.labels,
    ...(isHeadless(service) ? { [headlessLabel]: "" } : {}),
    [managedByLabel]: manager,
  };
  return { writes: [...writesOf({ view, service, old, isTruncated }, subsets, labels)] };
}

interface Address {
  readonly address: EndpointAddress;
  readonly ready: boolean;
  readonly ports: readonly TargetPort[];
}

function addressesBehind(view: TimedView, service: Service): readonly Address[] {
  const publishes = service.spec.publishNotReadyAddresses === true;
  const family = service.spec.ipFamilies?.[0] ?? "IPv4";
  return selectedPods(view, service, publishes).flatMap((pod) => {
    const ip = addressesOf(pod).find((address) => familyOf(address) === family);
    if (ip === undefined) return [];
    const ports = targetPorts(service, pod);
    const isPortless = isHeadless(service) && (service.spec.ports ?? []).length === 0;
    if (ports.length === 0 && !isPortless) return [];
    return [{ address: addressOf(service, pod, ip), ready: publishes || isReady(pod), ports }];
  });
}

function addressOf(service: Service, pod: Pod, ip: string): EndpointAddress {
  const hostname = publishedHostname(service, pod);
  const { namespace = "", name, uid } = pod.metadata;
  const { nodeName = "" } = pod.spec;
  return {
    ip,
    ...(hostname === undefined ? {} : { hostname }),
    ...(nodeName === "" ? {} : { nodeName }),
    targetRef: { kind: "Pod", namespace, name, uid },
  };
}

/** Ready addresses are kept before others. */
function truncated(addresses: readonly Address[]): readonly Address[] {
  return addresses.toSorted((a, b) => Number(b.ready) - Number(a.ready)).slice(0, endpointsCapacityMax);
}

/** Ports with the same addresses share a subset; so every address stands once for each of its ports. */
function subsetsOf(addresses: readonly Address[]): readonly EndpointSubset[] {
  const sorted = addresses.toSorted((a, b) => (textOf(a) < textOf(b) ? -1 : 1));
  const byPort = new Map<string, { port: TargetPort | undefined; members: Address[] }>();
  for (const each of sorted) {
    const ports = each.ports.length === 0 ? [undefined] : each.ports;
    for (const port of ports) {
      const key = canonical(port ?? null);
      const entry = byPort.get(key) ?? { port, members: [] };
      byPort.set(key, entry);
      entry.members.push(each);
    }
  }
  const groups = new Map<string, { ports: TargetPort[]; members: readonly Address[] }>();
  for (const [, { port, members }] of [...byPort].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const key = members.map(textOf).join(" ");
    const group = groups.get(key) ?? { ports: [], members };
    groups.set(key, group);
    if (port !== undefined) group.ports.push(port);
  }
  return [...groups.values()].map(({ ports, members }) => {
    const ready = members.filter((member) => member.ready).map(({ address }) => address);
    const notReady = members.filter((member) => !member.ready).map(({ address }) => address);
    return {
      ...(ready.length > 0 ? { addresses: ready } : {}),
      ...(notReady.length > 0 ? { notReadyAddresses: notReady } : {}),
      ...(ports.length > 0 ? { ports: ports.map(portOf) } : {}),
    };
  });
}

function textOf({ address, ready }: Address): string {
  return `${address.ip} ${address.targetRef?.uid} ${ready}`;
}

/** An unnamed port has no name here. */
function portOf({ name, ...port }: TargetPort): NonNullable<EndpointSubset["ports"]>[number] {
  return name === "" ? port : { name, ...port };
}

interface Target {
  readonly view: TimedView;
  readonly service: Service;
  readonly old: RowRef | undefined;
  readonly isTruncated: boolean;
}

function writesOf(
  { view, service, old, isTruncated }: Target,
  subsets: readonly EndpointSubset[],
  labels: Readonly<Record<string, string>>,
): Plan["writes"] {
  const stored = old?.object<Endpoints>();
  const { [capacityAnnotation]: capacity, ...kept } = stored?.metadata.annotations ?? {};
  const isSame =
    stored !== undefined &&
    jsonEqual(stored.subsets ?? [], subsets) &&
    jsonEqual(stored.metadata.labels ?? {}, labels) &&
    (capacity !== undefined) === isTruncated;
  if (isSame || old?.hot.deleting === true) return [];
  const annotations = {
    ...kept,
    [triggerAnnotation]: formatTime(view.now),
    ...(isTruncated ? { [capacityAnnotation]: "truncated" } : {}),
  };
  if (old !== undefined && stored !== undefined) {
    const members = { subsets: subsets.length > 0 ? subsets : undefined };
    return [update(old, draftOf(stored, members, { labels, annotations }))];
  }
  const { name, namespace = "" } = service.metadata;
  const draft: Draft = {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name, namespace, labels, annotations },
    ...(subsets.length > 0 ? { subsets } : {}),
  };
  return [create(kind, draft)];
}
