import { deepEqual, equal, ok, rejects } from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createCluster, StatusError } from "troupe/testing";

/**
 * Does a set of manifests work? Applied to a cluster with the nodes that it is meant for, it is admitted,
 * scheduled and run. This file is for Node's own test runner:
 * `node --test dist/examples/testing/manifests.node.js`.
 */

const folder = join(import.meta.dirname, "..", "..", "..", "examples", "testing", "manifests");
const shop = readFileSync(join(folder, "shop.yaml"), "utf8");

void test("the shop comes up on two small nodes", async () => {
  await using cluster = await createCluster({ nodes: [{ cpus: 1 }, { cpus: 1 }] });
  await cluster.apply(shop);
  await cluster.settled();
  equal(cluster.get("Deployment", "front", { namespace: "shop" })?.status?.readyReplicas, 3);

  const pods = cluster.list("Pod", { namespace: "shop", labels: "app=front" });
  const nodes = new Set(pods.map(({ spec }) => spec.nodeName));
  equal(nodes.size, 2, "the pods are spread");

  const [slice] = cluster.list("endpointslices.discovery.k8s.io", { namespace: "shop" });
  deepEqual(
    slice?.endpoints?.flatMap(({ addresses }) => addresses).toSorted(),
    pods.map(({ status }) => status?.podIP ?? "").toSorted(),
    "the Service reaches them all",
  );
});

void test("one small node is too little, and the cluster says why", async () => {
  await using cluster = await createCluster({ nodes: [{ cpus: 1 }] });
  await cluster.apply(shop);
  await cluster.settled();
  const waiting = cluster.list("Pod", { namespace: "shop" }).filter(({ spec }) => spec.nodeName === undefined);
  ok(waiting.length > 0);
  const [first] = waiting;
  const scheduled = first?.status?.conditions?.find(({ type }) => type === "PodScheduled");
  ok(scheduled?.message?.includes("Insufficient cpu"), scheduled?.message);
});

void test("a limit below its request is refused before anything runs", async () => {
  await using cluster = await createCluster();
  const tooLow = shop.replace("memory: 256Mi", "memory: 64Mi");
  await rejects(cluster.apply(tooLow), (error) => error instanceof StatusError && error.status.code === 422);
});
