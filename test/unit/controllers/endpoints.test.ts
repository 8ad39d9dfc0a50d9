import test from "ava";
import fc from "fast-check";
import type { Endpoints, EndpointSlice, Pod, Service } from "../../../src/kinds/generated/types.ts";
import { endpoints } from "../../../src/actors/controllers/endpoints.ts";
import { endpointslice } from "../../../src/actors/controllers/endpointslice.ts";
import { pack } from "../../../src/actors/controllers/endpoints/packing.ts";
import { World } from "./harness.ts";
import { podDraft, ready } from "./objects.ts";

const kind = "endpointslices.discovery.k8s.io";
const both = [endpointslice, endpoints];

function withService(spec: Readonly<Record<string, unknown>> = {}): World {
  const world = new World();
  world.add("nodes", {
    apiVersion: "v1",
    kind: "Node",
    metadata: { name: "n1", labels: { "topology.kubernetes.io/zone": "z1" } },
    spec: {},
  });
  world.add("services", {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "web", namespace: "default", labels: { team: "a" } },
    spec: {
      clusterIP: "10.43.0.9",
      ipFamilies: ["IPv4"],
      selector: { app: "web" },
      ports: [{ name: "http", port: 80, targetPort: 8080, protocol: "TCP" }],
      ...spec,
    },
  });
  return world;
}

function addPod(world: World, name: string, ip: string, spec: Readonly<Record<string, unknown>> = {}): Pod {
  const draft = podDraft(name, { app: "web" });
  const pod = world.add<Pod>("pods", { ...draft, spec: { ...(draft["spec"] as object), nodeName: "n1", ...spec } });
  world.setStatus("pods", pod, { podIP: ip, podIPs: [{ ip }] });
  ready(world, world.get<Pod>("pods", "default", name));
  return world.get<Pod>("pods", "default", name);
}

function descending(a: number | undefined, b: number | undefined): number {
  return (b ?? 0) - (a ?? 0);
}

function slices(world: World): readonly EndpointSlice[] {
  return world.all<EndpointSlice>(kind);
}

test("a ready pod stands in a slice and in Endpoints, with what clients need to know of it", (t) => {
  const world = withService();
  const pod = addPod(world, "a", "10.42.0.5");
  world.settle(both);
  const [slice] = slices(world);
  t.regex(slice?.metadata.name ?? "", /^web-[a-z0-9]{5}$/);
  t.deepEqual(slice?.metadata.labels, {
    team: "a",
    "kubernetes.io/service-name": "web",
    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
  });
  t.like(slice?.metadata.ownerReferences?.[0], { kind: "Service", name: "web", controller: true });
  t.is(slice?.addressType, "IPv4");
  t.deepEqual(slice?.ports, [{ name: "http", port: 8080, protocol: "TCP" }]);
  const targetRef = { kind: "Pod", namespace: "default", name: "a", uid: pod.metadata.uid };
  t.deepEqual(slice?.endpoints, [
    {
      addresses: ["10.42.0.5"],
      conditions: { ready: true, serving: true, terminating: false },
      targetRef,
      nodeName: "n1",
      zone: "z1",
    },
  ]);
  t.deepEqual(world.get<Endpoints>("endpoints", "default", "web").subsets, [
    {
      addresses: [{ ip: "10.42.0.5", nodeName: "n1", targetRef }],
      ports: [{ name: "http", port: 8080, protocol: "TCP" }],
    },
  ]);
  t.deepEqual(world.restless(both), []);
});

test("a Service without endpoints has one empty slice without ports, which goes when a pod comes", (t) => {
  const world = withService();
  world.settle(both);
  t.deepEqual(
    slices(world).map((slice) => [slice.endpoints, slice.ports]),
    [[[], undefined]],
  );
  addPod(world, "a", "10.42.0.5");
  world.settle(both);
  t.deepEqual(
    slices(world).map((slice) => slice.endpoints?.length),
    [1],
  );
});

test("a terminating ready pod serves, but is not ready; Endpoints leave it out", (t) => {
  const world = withService();
  world.delete("pods", addPod(world, "a", "10.42.0.5"));
  world.settle(both);
  t.deepEqual(slices(world)[0]?.endpoints?.[0]?.conditions, {
    ready: false,
    serving: true,
    terminating: true,
  });
  t.is(world.get<Endpoints>("endpoints", "default", "web").subsets, undefined);
});

test("pods that are not ready, have ended, have no address or stand on an unknown node", (t) => {
  const world = withService();
  ready(world, addPod(world, "unready", "10.42.0.1"), false);
  world.setStatus("pods", addPod(world, "ended", "10.42.0.2"), { phase: "Succeeded", podIP: "10.42.0.2" });
  addPod(world, "lost", "10.42.0.3", { nodeName: "gone" });
  world.setStatus("pods", addPod(world, "bare", "10.42.0.4"), { phase: "Running" });
  world.settle(both);
  t.deepEqual(
    slices(world)
      .flatMap((slice) => slice.endpoints ?? [])
      .map(({ addresses, conditions }) => [addresses[0], conditions?.ready]),
    [["10.42.0.1", false]],
  );
  const [subset] = world.get<Endpoints>("endpoints", "default", "web").subsets ?? [];
  t.is(subset?.addresses?.map(({ ip }) => ip).includes("10.42.0.1") ?? false, false);
  t.true(subset?.notReadyAddresses?.some(({ ip }) => ip === "10.42.0.1"));
});

test("publishNotReadyAddresses counts every running pod as ready", (t) => {
  const world = withService({ publishNotReadyAddresses: true });
  ready(world, addPod(world, "unready", "10.42.0.1"), false);
  world.settle(both);
  t.like(slices(world)[0]?.endpoints?.[0]?.conditions, { ready: true, serving: false });
  t.is(world.get<Endpoints>("endpoints", "default", "web").subsets?.[0]?.addresses?.length, 1);
});

test("250 pods fill slices of 100, 100 and 50, and the loss of one writes one slice", (t) => {
  const world = withService();
  for (let at = 0; at < 250; at += 1) addPod(world, `p${at}`, `10.42.${at >> 7}.${at & 127}`);
  world.step(endpointslice, "default/web");
  t.deepEqual(
    slices(world)
      .map((slice) => slice.endpoints?.length)
      .toSorted(descending),
    [100, 100, 50],
  );
  const victim = slices(world)[1]?.endpoints?.[7]?.targetRef?.name ?? "";
  world.drop("pods", "default", victim);
  const plan = world.step(endpointslice, "default/web");
  t.deepEqual(
    plan.writes.map((write) => write.op),
    ["update"],
  );
  t.is(endpointslice.plan(world.view(), "default/web").writes.length, 0);
});

test("a named port that pods resolve differently makes two slices, and two subsets", (t) => {
  const world = withService({ ports: [{ name: "http", port: 80, targetPort: "web" }] });
  const container = (port: number): unknown => [{ name: "c", ports: [{ name: "web", containerPort: port }] }];
  addPod(world, "a", "10.42.0.1", { containers: container(8080) });
  addPod(world, "b", "10.42.0.2", { containers: container(9090) });
  world.settle(both);
  t.deepEqual(
    slices(world)
      .map((slice) => slice.ports?.[0]?.port)
      .toSorted(descending),
    [9090, 8080],
  );
  t.is(world.get<Endpoints>("endpoints", "default", "web").subsets?.length, 2);
  t.deepEqual(world.restless(both), []);
});

test("a new selector replaces all endpoints in one plan", (t) => {
  const world = withService();
  addPod(world, "old", "10.42.0.1");
  world.settle(both);
  const service = world.get<Service>("services", "default", "web");
  const next = addPod(world, "new", "10.42.0.2");
  world.edit<Pod>("pods", next, (pod) => ({ ...pod, metadata: { ...pod.metadata, labels: { app: "next" } } }));
  world.edit<Service>("services", service, (old) => ({ ...old, spec: { ...old.spec, selector: { app: "next" } } }));
  world.step(endpointslice, "default/web");
  t.deepEqual(
    slices(world)
      .flatMap((slice) => slice.endpoints ?? [])
      .map(({ addresses }) => addresses[0]),
    ["10.42.0.2"],
  );
});

test("headless Services are marked, publish hostnames, and need no ports", (t) => {
  const world = withService({ clusterIP: "None", ports: [] });
  addPod(world, "a", "10.42.0.1", { hostname: "a-0", subdomain: "web" });
  world.settle(both);
  t.is(slices(world)[0]?.metadata.labels?.["service.kubernetes.io/headless"], "");
  t.is(slices(world)[0]?.endpoints?.[0]?.hostname, "a-0");
  t.is(world.get<Endpoints>("endpoints", "default", "web").subsets?.[0]?.addresses?.[0]?.hostname, "a-0");
});

test("two families make two sets of slices; Endpoints hold the first family", (t) => {
  const world = withService({ ipFamilies: ["IPv4", "IPv6"] });
  const pod = addPod(world, "a", "10.42.0.1");
  world.setStatus("pods", pod, { ...pod.status, podIPs: [{ ip: "10.42.0.1" }, { ip: "fd00::1" }] });
  world.settle(both);
  t.deepEqual(
    slices(world)
      .map((slice) => slice.addressType)
      .toSorted(),
    ["IPv4", "IPv6"],
  );
  t.is(world.get<Endpoints>("endpoints", "default", "web").subsets?.[0]?.addresses?.length, 1);
});

test("ready endpoints carry hints where the Service prefers what is near", (t) => {
  const world = withService({ trafficDistribution: "PreferSameNode" });
  addPod(world, "a", "10.42.0.1");
  world.settle(both);
  t.deepEqual(slices(world)[0]?.endpoints?.[0]?.hints, { forZones: [{ name: "z1" }], forNodes: [{ name: "n1" }] });
});

test("Services without a selector and user-made slices are left alone", (t) => {
  const world = withService({ selector: undefined });
  world.add(kind, {
    apiVersion: "discovery.k8s.io/v1",
    kind: "EndpointSlice",
    metadata: { name: "mine", namespace: "default", labels: { "kubernetes.io/service-name": "web" } },
    addressType: "IPv4",
    endpoints: [],
  });
  world.settle(both);
  t.deepEqual(
    slices(world).map((slice) => slice.metadata.name),
    ["mine"],
  );
  t.false(world.has("endpoints", "default", "web"));
});

test("Endpoints go with their Service, those of users stay", (t) => {
  const world = withService();
  world.add("endpoints", { apiVersion: "v1", kind: "Endpoints", metadata: { name: "mine", namespace: "default" } });
  world.settle(both);
  t.true(world.has("endpoints", "default", "web"));
  world.drop("services", "default", "web");
  world.settle(both);
  t.false(world.has("endpoints", "default", "web"));
  t.true(world.has("endpoints", "default", "mine"));
});

test("property: packing holds exactly what is wanted, in full slices only, and touches few", (t) => {
  const names = fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 30 });
  fc.assert(
    fc.property(names, names, fc.integer({ min: 1, max: 7 }), (before, after, sizeMax) => {
      const endpoint = (name: number): { readonly addresses: readonly string[] } => ({ addresses: [`${name}`] });
      const identity = {
        keyOf: (each: { readonly addresses: readonly string[] }) => each.addresses[0] ?? "",
        isEqual: () => true,
      };
      const row = new World().view();
      const first = pack([], before.map(endpoint), sizeMax, identity);
      const existing = first.created.map((list) => ({ row: row as never, endpoints: list }));
      const next = pack(existing, after.map(endpoint), sizeMax, identity);
      const lists = [...next.kept.map((slice) => slice.endpoints), ...next.created];
      t.deepEqual(
        lists
          .flat()
          .map(identity.keyOf)
          .map(Number)
          .toSorted((a, b) => a - b),
        after.toSorted((a, b) => a - b),
      );
      t.true(lists.every((list) => list.length > 0 && list.length <= sizeMax));
      t.is(next.kept.length + next.emptied.length, existing.length);
      const again = pack(
        lists.map((list) => ({ row: row as never, endpoints: list })),
        after.map(endpoint),
        sizeMax,
        identity,
      );
      t.deepEqual(
        again.kept.map((slice) => slice.endpoints),
        lists,
        "a second packing changes nothing",
      );
    }),
  );
});
