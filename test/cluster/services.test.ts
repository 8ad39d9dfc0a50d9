import test from "ava";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import { alive, deployment, isReady, pod, rolledOut, service } from "./kit.ts";

const slicesOf = (cluster: Cluster, name: string) =>
  cluster
    .list("endpointslices.discovery.k8s.io")
    .filter(({ metadata }) => metadata.labels?.["kubernetes.io/service-name"] === name);

/** Address → ready, as the slices say it. */
const inSlices = (cluster: Cluster, name: string): Record<string, boolean> =>
  Object.fromEntries(
    slicesOf(cluster, name).flatMap(({ endpoints }) =>
      (endpoints ?? []).map(({ addresses, conditions }) => [addresses[0]!, conditions?.ready ?? true]),
    ),
  );

const inEndpoints = (cluster: Cluster, name: string): { ready: string[]; not: string[] } => {
  const subsets = cluster.get("endpoints", name)?.subsets ?? [];
  return {
    ready: subsets.flatMap(({ addresses }) => (addresses ?? []).map(({ ip }) => ip)),
    not: subsets.flatMap(({ notReadyAddresses }) => (notReadyAddresses ?? []).map(({ ip }) => ip)),
  };
};

test("slices and endpoints of a Service follow the readiness of its pods", async (t) => {
  let ready = false;
  await using cluster = await createCluster({
    nodes: 2,
    seed: 11,
    time: "virtual",
    script: () => ({ probe: (kind) => kind !== "readiness" || ready }),
  });
  await cluster.apply([service("web"), deployment("web", { replicas: 2 }, { readinessProbe: true })]);
  await cluster.until(() => alive(cluster, "web").every(({ status }) => status?.podIP !== undefined));
  await cluster.until(() => Object.keys(inSlices(cluster, "web")).length === 2);
  t.deepEqual(Object.values(inSlices(cluster, "web")), [false, false]);
  await cluster.until(() => inEndpoints(cluster, "web").not.length === 2);
  t.deepEqual(inEndpoints(cluster, "web").ready, []);

  ready = true;
  await cluster.until(() => Object.values(inSlices(cluster, "web")).every(Boolean));
  await cluster.until(() => inEndpoints(cluster, "web").ready.length === 2);
  t.deepEqual(inEndpoints(cluster, "web").not, []);
  const addresses = alive(cluster, "web").map(({ status }) => status!.podIP!);
  t.deepEqual(Object.keys(inSlices(cluster, "web")).toSorted(), addresses.toSorted());
  const [slice] = slicesOf(cluster, "web");
  t.like(slice!.ports![0]!, { name: "http", port: 80, protocol: "TCP" });
  t.is(slice!.metadata.ownerReferences![0]!.name, "web");

  ready = false;
  await cluster.until(() => Object.values(inSlices(cluster, "web")).every((each) => !each));
  await cluster.until(() => inEndpoints(cluster, "web").ready.length === 0);
});

test("a terminating pod is shown as serving but not ready, then leaves the slices", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 12, time: "virtual" });
  const shape = { readinessProbe: true, annotations: { "simulated.troupe.dev/stop-ms": "3000" } };
  await cluster.apply([service("web"), pod("web", shape)]);
  await cluster.until(() => Object.values(inSlices(cluster, "web")).includes(true));
  await cluster.delete("pods", "web");
  await cluster.advance(200);
  const [endpoint] = slicesOf(cluster, "web")[0]!.endpoints ?? [];
  t.like(endpoint!.conditions!, { ready: false, serving: true, terminating: true });
  t.deepEqual(inEndpoints(cluster, "web").ready, []);
  await cluster.until(() => cluster.get("pods", "web") === undefined, { withinMs: 30_000 });
  await cluster.advance(1_000);
  t.deepEqual(inSlices(cluster, "web"), {});
});

test("a Service gets an address of its own, and a deleted one takes its slices along", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 13, time: "virtual" });
  await cluster.apply([service("web"), service("two"), deployment("web", { replicas: 1 })]);
  await rolledOut(cluster, "web");
  await cluster.until(() => Object.values(inSlices(cluster, "web")).includes(true));
  const [one, two] = [cluster.get("services", "web")!, cluster.get("services", "two")!];
  t.regex(one.spec.clusterIP!, /^10\.43\./);
  t.not(one.spec.clusterIP, two.spec.clusterIP);
  await cluster.delete("services", "web");
  await cluster.until(() => slicesOf(cluster, "web").length === 0 && cluster.get("endpoints", "web") === undefined);
  t.is(alive(cluster, "web").filter(isReady).length, 1);
});

test("Service `kubernetes` stands with the master's address as its endpoint", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 14, time: "virtual" });
  t.is(cluster.get("services", "kubernetes")!.spec.clusterIP, "10.43.0.1");
  t.deepEqual(inEndpoints(cluster, "kubernetes"), { ready: ["192.0.2.10"], not: [] });
  t.deepEqual(inSlices(cluster, "kubernetes"), { "192.0.2.10": true });
});

test("fifty pods that become ready at once cost a Service a few writes, and a change after that is written at once", async (t) => {
  await using cluster = await createCluster({ nodes: 4, seed: 15, time: "virtual" });
  await cluster.apply(service("web"));
  await cluster.settled();
  const { store } = cluster.master;
  const writes = { slices: 0, endpoints: 0 };
  store.onStaged((changes) => {
    for (const { previous, next } of changes) {
      const kind = (next ?? previous)!.kind;
      if (kind === "endpointslices.discovery.k8s.io") writes.slices += 1;
      if (kind === "endpoints") writes.endpoints += 1;
    }
  });
  await cluster.apply(deployment("web", { replicas: 50 }));
  await cluster.until(() => Object.values(inSlices(cluster, "web")).filter(Boolean).length === 50);
  await cluster.until(() => inEndpoints(cluster, "web").ready.length === 50);
  t.true(writes.slices <= 8, `${writes.slices} writes of slices`);
  t.true(writes.endpoints <= 5, `${writes.endpoints} writes of endpoints`);

  await cluster.advance(1_000);
  const before = writes.slices;
  const [first] = alive(cluster, "web");
  const address = first!.status!.podIP!;
  await cluster.delete("pods", first!.metadata.name);
  await cluster.until(() => inSlices(cluster, "web")[address] !== true, { withinMs: 50, stepMs: 1 });
  t.is(writes.slices, before + 1);
});

test("fifty pods that become ready at once cost their ReplicaSet and Deployment a few status writes", async (t) => {
  await using cluster = await createCluster({ nodes: 4, seed: 16, time: "virtual" });
  const writes = new Map<string, number>();
  cluster.master.store.onStaged((changes) => {
    for (const { next } of changes) if (next !== undefined) writes.set(next.kind, (writes.get(next.kind) ?? 0) + 1);
  });
  await cluster.apply(deployment("web", { replicas: 50 }));
  await rolledOut(cluster, "web");
  t.true(writes.get("replicasets.apps")! <= 8, `${writes.get("replicasets.apps")} of the ReplicaSet`);
  t.true(writes.get("deployments.apps")! <= 10, `${writes.get("deployments.apps")} of the Deployment`);
});
