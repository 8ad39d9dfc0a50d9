import test from "ava";
import { createCluster } from "../../src/testing/cluster.ts";
import { configMap, deployment, rolledOut, setImage } from "./kit.ts";

/** The virtual cluster itself: that it can be trusted. */

const history = async (seed: number): Promise<string> => {
  await using cluster = await createCluster({ nodes: 3, seed, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 5 }));
  await rolledOut(cluster, "web");
  cluster.node("n2").cut();
  await setImage(cluster, "web", "web:2");
  await cluster.restartMaster();
  await cluster.advance(30_000);
  cluster.node("n2").heal();
  await rolledOut(cluster, "web");
  await cluster.settled();
  return cluster.digest;
};

test("the same seed gives the same history, another seed another", async (t) => {
  const [first, second, other] = [await history(30), await history(30), await history(31)];
  t.is(first, second);
  t.not(first, other);
});

test("requests pass authentication, authorisation and admission as over the network", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 32, time: "virtual" });
  const path = "/api/v1/namespaces/default/configmaps";
  const eve = { name: "eve", groups: ["staff"] };
  t.is((await cluster.request("GET", path, undefined, { user: eve })).code, 403);
  t.is((await cluster.request("GET", path, undefined, { user: "anonymous" })).code, 403);
  t.is((await cluster.request("GET", "/healthz", undefined, { user: "anonymous" })).code, 200);
  t.is((await cluster.request("POST", path, configMap("Bad Name"))).code, 422);
  t.is((await cluster.request("POST", path, configMap("good"))).code, 201);
  const nobody = await cluster.request("POST", "/api/v1/namespaces/nowhere/configmaps", configMap("lost"));
  t.is(nobody.code, 404);
});

test("a node that is cut off keeps its pods, and goes on where it was when it comes back", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 33, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 2 }));
  await rolledOut(cluster, "web");
  const before = cluster.list("pods").map(({ metadata }) => metadata.uid);
  cluster.node("n1").cut();
  await cluster.apply(deployment("late", { replicas: 1 }));
  await cluster.advance(20_000);
  t.is(cluster.get("deployments.apps", "late")!.status!.availableReplicas ?? 0, 0);
  cluster.node("n1").heal();
  await rolledOut(cluster, "late");
  const after = cluster.list("pods").map(({ metadata }) => metadata.uid);
  t.true(before.every((uid) => after.includes(uid)));
  t.true(cluster.list("pods").every(({ status }) => status!.containerStatuses![0]!.restartCount === 0));
});

test("logs and exec's refusals come from the node that runs the pod", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 34, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 1 }));
  await rolledOut(cluster, "web");
  const { name } = cluster.list("pods")[0]!.metadata;
  const log = await cluster.request("GET", `/api/v1/namespaces/default/pods/${name}/log`);
  t.is(log.code, 200);
  t.regex(log.text, /simulated container app/);
  cluster.node("n1").cut();
  const cut = await cluster.request("GET", `/api/v1/namespaces/default/pods/${name}/log`);
  t.is(cut.code, 503, cut.text);
});
