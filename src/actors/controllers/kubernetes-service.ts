/**
 * The Service `default/kubernetes`, through which pods reach the API: itself, its Endpoints and its
 * EndpointSlice hold the addresses of the masters. Edits are undone.
 */
import type { Endpoints, EndpointSlice, Service } from "../../kinds/generated/types.ts";
import type { RowRef, TimedView } from "../../store/view.ts";
import { jsonEqual } from "../../util/equal.ts";
import { nothing, type Controller, type Plan, type PlanWrite } from "../runtime/controller.ts";
import { create, draftOf, update } from "./common/writes.ts";
import { familyOf } from "./endpoints/service-pods.ts";

const namespace = "default";
const name = "kubernetes";
const key = "default/kubernetes";
const services = "services";
const endpoints = "endpoints";
const slices = "endpointslices.discovery.k8s.io";
const portName = "https";

export interface ApiAddresses {
  /** Cluster address of the Service: the first of the Services' range. */
  readonly clusterIp: string;
  /** Port of the Service inside the cluster. */
  readonly servicePort: number;
  /** Where the masters listen. Asked at every plan. */
  readonly masters: () => readonly { readonly address: string; readonly port: number }[];
  /** Calls `run` when the masters have changed, until the answer is called. Absent: they never do. */
  readonly onMasters?: (run: () => void) => () => void;
}

export function createKubernetesService(api: ApiAddresses): Controller {
  const watch = (kind: string) => ({
    kind,
    keys: (_view: unknown, previous: RowRef | undefined, next: RowRef | undefined) => {
      const row = next ?? previous;
      return row?.namespace === namespace && row.name === name ? [key] : [];
    },
  });
  return {
    name: "kubernetes-service",
    source: "kubernetes-service-controller",
    watches: [
      watch(services),
      watch(endpoints),
      watch(slices),
      {
        kind: "namespaces",
        keys: (_view, _previous, next) => (next?.name === namespace ? [key] : []),
      },
    ],
    writes: [services, endpoints, slices],
    ...(api.onMasters === undefined ? {} : { follow: (again) => api.onMasters!(() => again(key)) }),
    seed: () => [key],
    plan: (view) => plan(view, api),
  };
}

function plan(view: TimedView, api: ApiAddresses): Plan {
  if (view.get("namespaces", "", namespace) === undefined) return nothing;
  const [first] = api.masters();
  if (first === undefined) return nothing;
  return {
    writes: [
      ...serviceWrites(view.get(services, namespace, name), api, first.port),
      ...endpointsWrites(view.get(endpoints, namespace, name), api),
      ...sliceWrites(view.get(slices, namespace, name), api),
    ],
  };
}

function serviceWrites(row: RowRef | undefined, api: ApiAddresses, targetPort: number): readonly PlanWrite[] {
  const labels = { component: "apiserver", provider: "kubernetes" };
  const port = { name: portName, port: api.servicePort, protocol: "TCP", targetPort };
  if (row === undefined) {
    const spec = {
      type: "ClusterIP",
      clusterIP: api.clusterIp,
      clusterIPs: [api.clusterIp],
      ports: [port],
      sessionAffinity: "None",
    };
    const metadata = { name, namespace, labels };
    return [create(services, { apiVersion: "v1", kind: "Service", metadata, spec })];
  }
  const service = row.object<Service>();
  const hasLabels = Object.entries(labels).every(([label, value]) => service.metadata.labels?.[label] === value);
  if ((hasLabels && jsonEqual(service.spec.ports, [port])) || row.hot.deleting) return [];
  const spec = { ...service.spec, ports: [port] };
  return [update(row, draftOf(service, { spec }, { labels: { ...service.metadata.labels, ...labels } }))];
}

function endpointsWrites(row: RowRef | undefined, api: ApiAddresses): readonly PlanWrite[] {
  const labels = { "endpointslice.kubernetes.io/skip-mirror": "true" };
  const masters = sortedMasters(api);
  const subsets = [...new Set(masters.map(({ port }) => port))].map((port) => ({
    addresses: masters.filter((master) => master.port === port).map(({ address }) => ({ ip: address })),
    ports: [{ name: portName, port, protocol: "TCP" }],
  }));
  if (row === undefined) {
    return [create(endpoints, { apiVersion: "v1", kind: "Endpoints", metadata: { name, namespace, labels }, subsets })];
  }
  const stored = row.object<Endpoints>();
  const isSame = jsonEqual(stored.subsets, subsets) && jsonEqual(stored.metadata.labels, labels);
  return isSame ? [] : [update(row, draftOf(stored, { subsets }, { labels }))];
}

/** One slice: masters that listen on other ports than the first, or in another family, are not in it. */
function sliceWrites(row: RowRef | undefined, api: ApiAddresses): readonly PlanWrite[] {
  const masters = sortedMasters(api);
  const [first] = masters;
  if (first === undefined) return [];
  const labels = { "kubernetes.io/service-name": name };
  const addressType = familyOf(first.address);
  const members = masters.filter(({ address, port }) => port === first.port && familyOf(address) === addressType);
  const list = members.map(({ address }) => ({ addresses: [address], conditions: { ready: true } }));
  const ports = [{ name: portName, port: first.port, protocol: "TCP" }];
  const body = { addressType, endpoints: list, ports };
  if (row === undefined) {
    const metadata = { name, namespace, labels };
    return [create(slices, { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", metadata, ...body })];
  }
  const stored = row.object<EndpointSlice>();
  const isSame =
    jsonEqual([stored.endpoints, stored.ports], [list, ports]) && jsonEqual(stored.metadata.labels, labels);
  return isSame ? [] : [update(row, draftOf(stored, { endpoints: list, ports }, { labels }))];
}

function sortedMasters(api: ApiAddresses): readonly { readonly address: string; readonly port: number }[] {
  return api.masters().toSorted((a, b) => (a.address < b.address ? -1 : 1));
}
