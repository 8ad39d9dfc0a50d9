import * as k8s from "@kubernetes/client-node";
import test from "ava";
import { createCluster, type Endpoint, type Pod } from "troupe/testing";
import { RegisterOperator } from "./operator.ts";

/**
 * An operator is tested against a whole cluster: it connects over HTTPS as it does everywhere else, its pods
 * run, and the cluster can be looked at, broken and mended in between. Nothing is installed.
 */

const deployment = {
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas: 3,
    selector: { matchLabels: { app: "web" } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: {
        readinessGates: [{ conditionType: "example.com/registered" }],
        containers: [{ name: "web", image: "web:1" }],
      },
    },
  },
};

async function startOperator(endpoint: Endpoint): Promise<RegisterOperator> {
  const config = new k8s.KubeConfig();
  config.loadFromString(endpoint.kubeconfig);
  const operator = new RegisterOperator(config);
  await operator.start();
  return operator;
}

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;

test("pods are registered before they are ready, and taken out before they go", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 1 });
  await using endpoint = await cluster.listen();
  const operator = await startOperator(endpoint);
  await cluster.apply(deployment);
  await endpoint.until(() => cluster.list("Pod", { labels: "app=web" }).filter(isReady).length === 3);
  t.is(operator.register.size, 3);

  await cluster.apply({ ...deployment, spec: { ...deployment.spec, replicas: 1 } });
  await endpoint.until(() => cluster.list("Pod", { labels: "app=web" }).length === 1);
  const [left] = cluster.list("Pod", { labels: "app=web" });
  t.deepEqual([...operator.register], [left?.metadata.name]);
  await operator.stop();
});

test("without the operator nothing gets ready, and nothing that it holds goes", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 2 });
  await using endpoint = await cluster.listen();
  await cluster.apply(deployment);
  await cluster.advance("10m");
  const pods = () => cluster.list("Pod", { labels: "app=web" });
  t.deepEqual(pods().filter(isReady), []);

  const first = await startOperator(endpoint);
  await endpoint.until(() => pods().filter(isReady).length === 3);
  await first.stop();
  await cluster.delete("Deployment", "web");
  await cluster.advance("10m");
  t.is(pods().length, 3);

  const second = await startOperator(endpoint);
  await endpoint.until(() => pods().length === 0);
  t.is(second.register.size, 0);
  await second.stop();
});

test("the operator goes on after the master was down", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 3 });
  await using endpoint = await cluster.listen();
  const operator = await startOperator(endpoint);
  await cluster.restartMaster();
  await cluster.apply(deployment);
  await endpoint.until(() => cluster.list("Pod", { labels: "app=web" }).filter(isReady).length === 3);
  t.is(operator.register.size, 3);
  await operator.stop();
});
