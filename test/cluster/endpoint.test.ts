import * as k8s from "@kubernetes/client-node";
import test from "ava";
import { credentialsOf } from "../../src/client/kubeconfig.ts";
import { connect } from "../../src/client/main.ts";
import { createCluster } from "../../src/testing/main.ts";
import { configMap, deployment, pod } from "./kit.ts";

/** The virtual cluster's doors on real sockets. */

function configOf(text: string): k8s.KubeConfig {
  const config = new k8s.KubeConfig();
  config.loadFromString(text);
  return config;
}

test("a client library works over HTTPS, and time stands still when no request is open", async (t) => {
  await using cluster = await createCluster();
  await using endpoint = await cluster.listen();
  const config = configOf(endpoint.kubeconfig);
  const core = config.makeApiClient(k8s.CoreV1Api);
  await core.createNamespacedConfigMap({ namespace: "default", body: { metadata: { name: "made" } } });
  t.truthy(cluster.get("ConfigMap", "made"));
  const { items } = await core.listNode();
  t.is(items.length, 1);
  await new Promise((resolve) => setTimeout(resolve, 30));
  const at = cluster.env.clock.mono();
  await new Promise((resolve) => setTimeout(resolve, 50));
  t.is(cluster.env.clock.mono(), at);
});

test("while a client watches, time passes as fast as it is told to", async (t) => {
  await using cluster = await createCluster();
  await using endpoint = await cluster.listen({ speed: 50 });
  const config = configOf(endpoint.kubeconfig);
  const seen: string[] = [];
  const watch = await new k8s.Watch(config).watch(
    "/api/v1/namespaces/default/pods",
    {},
    (phase: string, object: k8s.V1Pod) => seen.push(`${phase} ${object.status?.phase ?? ""}`),
    () => {},
  );
  // A watch that is open tells a change as one; what it finds when it opens it tells as ADDED.
  await cluster.apply(pod("first"));
  await endpoint.until(() => seen.length > 0);
  const annotations = { "simulated.troupe.dev/exit-after-ms": "20000", "simulated.troupe.dev/exit-code": "0" };
  await cluster.apply(pod("job", { annotations, spec: { restartPolicy: "Never" } }));
  await endpoint.until(() => seen.includes("MODIFIED Succeeded"));
  t.true(seen.includes("MODIFIED Running"));
  watch.abort();
});

test("the native client finds its door on the port behind", async (t) => {
  await using cluster = await createCluster();
  await using endpoint = await cluster.listen({ speed: 20 });
  const credentials = credentialsOf(endpoint.kubeconfig, () => "", undefined);
  t.is(credentials.address, endpoint.grpcAddress);
  const client = connect(credentials);
  await client.kind("deployments.apps").create(deployment("web"));
  for await (const event of client.kind("deployments.apps").watch()) {
    if (event.type !== "SYNCED" && event.object.status?.readyReplicas === 3) break;
  }
  client.close();
  t.is(cluster.get("Deployment", "web")?.status?.readyReplicas, 3);
});

test("a kubeconfig is made for anybody, who may do what the cluster lets them", async (t) => {
  await using cluster = await createCluster({ nodes: 0 });
  await using endpoint = await cluster.listen();
  const eve = configOf(await endpoint.kubeconfigFor({ name: "eve", groups: ["staff"] })).makeApiClient(k8s.CoreV1Api);
  const refused = await t.throwsAsync(eve.listNode(), { instanceOf: k8s.ApiException });
  t.is((refused as k8s.ApiException<unknown>).code, 403);
});

test("connections break with the master, and the next one is found on the same port", async (t) => {
  await using cluster = await createCluster({ nodes: 0 });
  await using endpoint = await cluster.listen();
  const { url } = endpoint;
  const core = configOf(endpoint.kubeconfig).makeApiClient(k8s.CoreV1Api);
  await cluster.apply(configMap("kept"));
  cluster.crashMaster();
  const read = () => core.readNamespacedConfigMap({ namespace: "default", name: "kept" });
  t.like(await read().catch((error: unknown) => error), { code: "ECONNREFUSED" });
  await cluster.startMaster();
  t.is(endpoint.url, url);
  t.is((await read()).metadata?.name, "kept");
});
