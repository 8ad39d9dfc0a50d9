import test from "ava";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import { alive, configMap, deployment, namespace, pod, replicaSet, rolledOut, service } from "./kit.ts";

const inShop = <T extends { metadata: object }>(object: T): T => ({
  ...object,
  metadata: { ...object.metadata, namespace: "shop" },
});

test("a new cluster has its four namespaces, each with its account and the authority's certificate", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 20, time: "virtual" });
  await cluster.advance(1_000);
  const names = cluster.list("namespaces").map(({ metadata }) => metadata.name);
  t.deepEqual(names, ["default", "kube-node-lease", "kube-public", "kube-system"]);
  for (const name of names) {
    t.truthy(cluster.get("serviceaccounts", "default", { namespace: name }), name);
    const certificate = cluster.get("configmaps", "kube-root-ca.crt", { namespace: name })!;
    t.regex(certificate.data!["ca.crt"]!, /BEGIN CERTIFICATE/);
  }
});

test("a new namespace gets both as well, and what was deleted comes back", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 21, time: "virtual" });
  await cluster.apply(namespace("shop"));
  const both = (): boolean =>
    cluster.get("serviceaccounts", "default", { namespace: "shop" }) !== undefined &&
    cluster.get("configmaps", "kube-root-ca.crt", { namespace: "shop" }) !== undefined;
  await cluster.until(both);
  await cluster.delete("serviceaccounts", "default", { namespace: "shop" });
  await cluster.delete("configmaps", "kube-root-ca.crt", { namespace: "shop" });
  await cluster.until(both);
  t.is(cluster.get("namespaces", "shop")!.status!.phase, "Active");
});

test("a deleted namespace takes no more objects, ends its pods first, then the rest, then itself", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 22, time: "virtual" });
  const shape = { annotations: { "simulated.troupe.dev/stop-ms": "2000" } };
  await cluster.apply([
    namespace("shop"),
    inShop(configMap("settings", { a: "1" })),
    inShop(service("web")),
    inShop(deployment("web", { replicas: 2 }, shape)),
  ]);
  await cluster.until(
    () => cluster.get("deployments.apps", "web", { namespace: "shop" })?.status?.availableReplicas === 2,
  );
  await cluster.delete("namespaces", "shop");
  await cluster.advance(300);
  t.is(cluster.get("namespaces", "shop")!.status!.phase, "Terminating");
  t.true(cluster.list("pods", { namespace: "shop" }).length > 0, "its pods take their time");
  t.truthy(
    cluster.get("configmaps", "settings", { namespace: "shop" }),
    "what pods may need stays until they are gone",
  );
  const refused = await cluster.request("POST", "/api/v1/namespaces/shop/configmaps", inShop(configMap("late")));
  t.is(refused.code, 403);
  t.regex(refused.json().message!, /because it is being terminated/);
  await cluster.until(() => cluster.get("namespaces", "shop") === undefined, { withinMs: 60_000 });
  const left = [
    ...cluster.list("pods", { namespace: "shop" }),
    ...cluster.list("configmaps", { namespace: "shop" }),
    ...cluster.list("services", { namespace: "shop" }),
    ...cluster.list("deployments.apps", { namespace: "shop" }),
    ...cluster.list("events", { namespace: "shop" }),
  ];
  t.deepEqual(left, []);
});

const setWithPods = async (seed: number): Promise<Cluster> => {
  const cluster = await createCluster({ nodes: 1, seed, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 2 }, { annotations: { "simulated.troupe.dev/stop-ms": "1000" } }));
  await rolledOut(cluster, "web");
  return cluster;
};

test("background deletion: the owner goes at once, its dependents after it", async (t) => {
  await using cluster = await setWithPods(23);
  await cluster.delete("deployments.apps", "web", { body: { propagationPolicy: "Background" } });
  t.is(cluster.get("deployments.apps", "web"), undefined);
  await cluster.until(() => cluster.list("pods").length === 0 && cluster.list("replicasets.apps").length === 0);
  t.pass();
});

test("foreground deletion: the owner stays until its dependents are gone", async (t) => {
  await using cluster = await setWithPods(24);
  await cluster.delete("deployments.apps", "web", { body: { propagationPolicy: "Foreground" } });
  await cluster.advance(200);
  t.deepEqual(cluster.get("deployments.apps", "web")!.metadata.finalizers, ["foregroundDeletion"]);
  await cluster.until(
    () => {
      const [owner, pods] = [cluster.get("deployments.apps", "web"), cluster.list("pods").length];
      if (owner === undefined && pods > 0) throw new Error("the owner went before its pods");
      return owner === undefined;
    },
    { stepMs: 5 },
  );
  t.is(cluster.list("replicasets.apps").length, 0);
});

test("orphaning deletion: the dependents live on without an owner, and a new owner adopts them", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 25, time: "virtual" });
  await cluster.apply(replicaSet("web", 2));
  await cluster.until(() => cluster.get("replicasets.apps", "web")?.status?.readyReplicas === 2);
  const before = alive(cluster, "web").map(({ metadata }) => metadata.uid);
  await cluster.delete("replicasets.apps", "web", { body: { propagationPolicy: "Orphan" } });
  await cluster.until(() => cluster.get("replicasets.apps", "web") === undefined);
  await cluster.advance(5_000);
  t.deepEqual(
    alive(cluster, "web").map(({ metadata }) => metadata.uid),
    before,
  );
  t.true(alive(cluster, "web").every(({ metadata }) => (metadata.ownerReferences ?? []).length === 0));
  await cluster.apply(replicaSet("web", 2));
  await cluster.until(() => cluster.get("replicasets.apps", "web")?.status?.readyReplicas === 2);
  t.deepEqual(
    alive(cluster, "web").map(({ metadata }) => metadata.uid),
    before,
  );
});

test("an object whose owner never was is collected", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 26, time: "virtual" });
  const ghost = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: "ghost",
    uid: "0b2f3c44-0000-4000-8000-000000000000",
  };
  const stray = pod("stray");
  await cluster.apply({ ...stray, metadata: { ...stray.metadata, ownerReferences: [ghost] } });
  await cluster.until(() => cluster.get("pods", "stray") === undefined, { withinMs: 60_000 });
  t.pass();
});
