import test from "ava";
import { createCluster, type Cluster, type Pod } from "troupe/testing";

/** A rollout while nodes are lost: the same events at the same moments in every run. */

const web = (image: string) => ({
  apiVersion: "apps/v1",
  kind: "Deployment",
  metadata: { name: "web" },
  spec: {
    replicas: 10,
    selector: { matchLabels: { app: "web" } },
    strategy: { rollingUpdate: { maxUnavailable: 1, maxSurge: 2 } },
    template: {
      metadata: { labels: { app: "web" } },
      spec: {
        containers: [{ name: "web", image, readinessProbe: { httpGet: { path: "/", port: 8080 }, periodSeconds: 1 } }],
      },
    },
  },
});

const isReady = ({ status }: Pod): boolean =>
  status?.conditions?.some(({ type, status: value }) => type === "Ready" && value === "True") === true;

const ready = (cluster: Cluster, image: string): number =>
  cluster.list("Pod", { labels: "app=web" }).filter((pod) => isReady(pod) && pod.spec.containers[0]?.image === image)
    .length;

for (const seed of [1, 2, 3]) {
  test(`a rollout ends although a node is lost in the middle of it (seed ${seed})`, async (t) => {
    await using cluster = await createCluster({
      nodes: 4,
      seed,
      // Each container needs two seconds to start and three more to answer.
      script: () => ({ startMs: 2_000, readyAfterMs: 3_000 }),
    });
    await cluster.apply(web("web:1"));
    await cluster.until(() => ready(cluster, "web:1") === 10);

    await cluster.apply(web("web:2"));
    await cluster.until(() => ready(cluster, "web:2") >= 3);
    cluster.node("n2").cut();
    await cluster.until(() => ready(cluster, "web:2") === 10, { withinMs: 15 * 60_000 });

    // The lost node's pods were replaced elsewhere; when it comes back it drops what it still runs.
    const onLost = (): readonly Pod[] => cluster.list("Pod").filter(({ spec }) => spec.nodeName === "n2");
    cluster.node("n2").heal();
    await cluster.advance("1m");
    t.true(onLost().every((pod) => isReady(pod)));
    t.is(cluster.list("Pod", { labels: "app=web" }).length, 10);
    t.is(cluster.get("Deployment", "web")?.status?.availableReplicas, 10);
  });
}

test("an image that crashes stops the rollout, and the old pods go on serving", async (t) => {
  await using cluster = await createCluster({
    nodes: 2,
    script: ({ image }) => (image === "web:broken" ? { readyAfterMs: 1_000, exit: { afterMs: 200, exitCode: 1 } } : {}),
  });
  await cluster.apply(web("web:1"));
  await cluster.settled();
  const before = cluster.revision;

  await cluster.apply(web("web:broken"));
  await cluster.advance("20m");
  const { conditions = [] } = cluster.get("Deployment", "web")?.status ?? {};
  t.is(conditions.find(({ type }) => type === "Progressing")?.reason, "ProgressDeadlineExceeded");
  t.is(ready(cluster, "web:1"), 9);

  await cluster.apply(web("web:1"));
  await cluster.advance("1m");
  t.is(ready(cluster, "web:1"), 10);
  t.true(cluster.revision > before);
});
