import test from "ava";
import { createCluster } from "../../src/testing/cluster.ts";
import { alive, condition, deployment, isReady, rolledOut, setImage } from "./kit.ts";

const hour = 3_600_000;

for (const [seed, skewMs] of [
  [70, hour],
  [71, -hour],
] as const) {
  test(`a wall clock that steps by ${skewMs / hour} h loses no node, restarts nothing and stops no rollout`, async (t) => {
    await using cluster = await createCluster({ nodes: 2, seed, time: "virtual" });
    await cluster.apply(deployment("web", { replicas: 4 }));
    await rolledOut(cluster, "web");
    const before = alive(cluster, "web").map(({ metadata }) => metadata.uid);
    cluster.env.clock.skewMs = skewMs;
    for (let minute = 0; minute < 10; minute += 1) {
      await cluster.advance(60_000);
      for (const node of cluster.list("nodes")) {
        t.is(condition(node.status!.conditions, "Ready")!.status, "True", `${node.metadata.name} after ${minute} min`);
      }
    }
    t.deepEqual(
      alive(cluster, "web").map(({ metadata }) => metadata.uid),
      before,
    );
    await setImage(cluster, "web", "web:2");
    await rolledOut(cluster, "web");
    await cluster.restartMaster();
    await setImage(cluster, "web", "web:3");
    await rolledOut(cluster, "web");
    t.is(alive(cluster, "web").filter(isReady).length, 4);
  });
}

test("a disk that fails stops the master at once; what was acknowledged is there after the repair", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 72, time: "virtual" });
  const path = "/api/v1/namespaces/default/configmaps";
  const body = (name: string): object => ({ apiVersion: "v1", kind: "ConfigMap", metadata: { name } });
  t.is((await cluster.request("POST", path, body("before"))).code, 201);
  cluster.failDisk("EIO");
  const exchange = cluster.open("POST", path, body("during"));
  await t.throwsAsync(cluster.advance(5_000), { message: /EIO/ });
  t.not(exchange.status, 201, "not acknowledged");
  cluster.crashMaster();
  await cluster.startMaster();
  t.truthy(cluster.get("configmaps", "before"));
  t.is((await cluster.request("POST", path, body("after"))).code, 201);
});
