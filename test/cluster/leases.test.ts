// The Lease of a node: made of its link, shown as a row is, and no row.
import test from "ava";
import type { Lease } from "../../src/kinds/generated/types.ts";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";

const base = "/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases";
const get = async (cluster: Cluster, name: string): Promise<Lease> =>
  (await cluster.request("GET", `${base}/${name}`)).json<Lease>();
const list = async (cluster: Cluster, target: string): Promise<readonly Lease[]> =>
  (await cluster.request("GET", target)).json<{ readonly items: readonly Lease[] }>().items;

test("every node has a lease that its link renews, and none of them is a row", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 90, time: "virtual" });
  await cluster.advance(60_000);
  const lease = await get(cluster, "n1");
  t.like(lease.spec, { holderIdentity: "n1", leaseDurationSeconds: 40 });
  const age = (): number => cluster.master.core.host.now() - Date.parse(lease.spec.renewTime!);
  t.true(age() >= 0 && age() < 15_000, `${age()} ms`);
  const node = cluster.get("nodes", "n1")!;
  t.is(lease.metadata.ownerReferences![0]!.uid, node.metadata.uid);
  t.not(lease.metadata.uid, node.metadata.uid);
  t.deepEqual(
    (await list(cluster, base)).map(({ metadata }) => metadata.name),
    ["n1", "n2"],
  );
  t.is((await list(cluster, "/apis/coordination.k8s.io/v1/leases?fieldSelector=metadata.name%3Dn2")).length, 1);
  t.is((await list(cluster, base.replace("kube-node-lease", "default"))).length, 0);
  t.is(cluster.list("leases.coordination.k8s.io").length, 0);
  t.is((await cluster.request("GET", `${base}/nobody`)).code, 404);
});

test("a node that is silent renews nothing; its lease goes on when it is back", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 91, time: "virtual" });
  await cluster.advance(30_000);
  cluster.node("n1").cut();
  await cluster.advance(5_000);
  const silent = (await get(cluster, "n1")).spec.renewTime;
  await cluster.advance(60_000);
  t.is((await get(cluster, "n1")).spec.renewTime, silent);
  cluster.node("n1").heal();
  await cluster.advance(60_000);
  t.true((await get(cluster, "n1")).spec.renewTime! > silent!);
});

test("a watch tells what is there, what is renewed and what is gone", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 92, time: "virtual" });
  const watch = cluster.open("GET", `${base}?watch=true`);
  await cluster.advance(45_000);
  const types = watch.events.map(({ type, object }) => `${type} ${object.metadata.name}`);
  t.deepEqual(types.slice(0, 2), ["ADDED n1", "MODIFIED n1"]);
  t.true(types.length >= 4 && types.length <= 6, types.join(", "));
  const times = watch.events.map(({ object }) => (object as unknown as Lease).spec.renewTime!);
  t.deepEqual(times, [...new Set(times)].toSorted(), "each says something new");
  const resumed = cluster.open("GET", `${base}?watch=true&resourceVersion=${cluster.master.store.revision}`);
  await cluster.advance(1_000);
  t.is(resumed.events.length, 0, "who resumes knows the lease");
  cluster.node("n1").cut();
  await cluster.delete("nodes", "n1");
  await cluster.advance(12_000);
  t.is(watch.events.at(-1)!.type, "DELETED");
});

test("a lease that somebody stores under a node's name is the one that is shown", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 93, time: "virtual" });
  const metadata = { name: "n1", namespace: "kube-node-lease" };
  const stored = { apiVersion: "coordination.k8s.io/v1", kind: "Lease", metadata, spec: { holderIdentity: "me" } };
  await cluster.apply(stored);
  t.is((await get(cluster, "n1")).spec.holderIdentity, "me");
  t.deepEqual(
    (await list(cluster, base)).map(({ spec }) => spec.holderIdentity),
    ["me"],
  );
  await cluster.delete("leases.coordination.k8s.io", "n1", { namespace: "kube-node-lease" });
  t.is((await get(cluster, "n1")).spec.holderIdentity, "n1");
});
