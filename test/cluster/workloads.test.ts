import test from "ava";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import {
  alive,
  condition,
  deployment,
  imageOf,
  isReady,
  patch,
  pod,
  replicaSet,
  rolledOut,
  setImage,
  watching,
} from "./kit.ts";

const D = "/apis/apps/v1/namespaces/default/deployments";

const setsOf = (cluster: Cluster, app: string) =>
  cluster
    .list("replicasets.apps")
    .filter(({ metadata }) => metadata.labels?.["app"] === app)
    .toSorted((a, b) => revisionOf(a) - revisionOf(b));

const revisionOf = ({ metadata }: { readonly metadata: { readonly annotations?: Readonly<Record<string, string>> } }) =>
  Number(metadata.annotations?.["deployment.kubernetes.io/revision"]);

test("a Deployment reaches its replicas, is Available, and says that it is complete", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 1, time: "virtual" });
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web");
  const { metadata, status } = cluster.get("deployments.apps", "web")!;
  t.is(revisionOf({ metadata }), 1);
  t.is(metadata.generation, 1, "the number of its rollout is no change that a client made");
  t.like(condition(status!.conditions, "Available"), { status: "True", reason: "MinimumReplicasAvailable" });
  t.like(condition(status!.conditions, "Progressing"), { status: "True", reason: "NewReplicaSetAvailable" });
  const [set] = setsOf(cluster, "web");
  const hash = set!.metadata.labels!["pod-template-hash"]!;
  t.is(set!.metadata.name, `web-${hash}`);
  const pods = alive(cluster, "web");
  t.is(pods.length, 3);
  for (const { metadata: own, status: seen } of pods) {
    t.true(own.name.startsWith(`web-${hash}-`), own.name);
    t.is(own.ownerReferences![0]!.uid, set!.metadata.uid);
    t.is(seen!.phase, "Running");
  }
  t.is(new Set(pods.map(({ spec }) => spec.nodeName)).size, 2, "both nodes are used");
});

test("a rolling update keeps to maxSurge and maxUnavailable, and ends with the new template alone", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 2, time: "virtual" });
  const strategy = { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } };
  const shape = { readinessProbe: true, annotations: { "simulated.troupe.dev/ready-after-ms": "700" } };
  await cluster.apply(deployment("web", { replicas: 4, strategy }, shape));
  await rolledOut(cluster, "web");
  await setImage(cluster, "web", "web:2");
  let [most, fewestReady] = [0, 4];
  const done = (): boolean => {
    const { metadata, status } = cluster.get("deployments.apps", "web")!;
    return (
      status?.observedGeneration === metadata.generation &&
      status?.updatedReplicas === 4 &&
      status.availableReplicas === 4 &&
      status.replicas === 4
    );
  };
  await watching(cluster, done, () => {
    const pods = alive(cluster, "web");
    most = Math.max(most, pods.length);
    fewestReady = Math.min(fewestReady, pods.filter(isReady).length);
  });
  t.is(most, 5);
  t.is(fewestReady, 3);
  t.deepEqual(new Set(alive(cluster, "web").map(imageOf)), new Set(["web:2"]));
  const [old, current] = setsOf(cluster, "web");
  t.deepEqual([old!.spec.replicas, current!.spec.replicas], [0, 4]);
  t.is(revisionOf(cluster.get("deployments.apps", "web")!), 2);
});

test("an image that does not start stops the rollout, is told after the deadline, and the old pods stay", async (t) => {
  await using cluster = await createCluster({
    nodes: 2,
    seed: 3,
    time: "virtual",
    script: ({ image }) => (image === "web:broken" ? { startError: "exec: no such file" } : {}),
  });
  await cluster.apply(deployment("web", { progressDeadlineSeconds: 20 }));
  await rolledOut(cluster, "web");
  await setImage(cluster, "web", "web:broken");
  await cluster.advance(15_000);
  const progressing = () => condition(cluster.get("deployments.apps", "web")!.status!.conditions, "Progressing");
  t.is(progressing()!.status, "True", "not before the deadline");
  await cluster.advance(10_000);
  t.like(progressing(), { status: "False", reason: "ProgressDeadlineExceeded" });
  t.regex(progressing()!.message, /^ReplicaSet "web-[a-z0-9]+" has timed out progressing\.$/);
  t.is(cluster.get("deployments.apps", "web")!.status!.availableReplicas, 3);
  t.is(alive(cluster, "web").filter((each) => imageOf(each) === "web:1" && isReady(each)).length, 3);

  await setImage(cluster, "web", "web:3");
  await rolledOut(cluster, "web");
  t.like(progressing(), { status: "True", reason: "NewReplicaSetAvailable" });
});

test("an undo brings the old ReplicaSet back under a new revision", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 4, time: "virtual" });
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web");
  const [first] = setsOf(cluster, "web");
  await setImage(cluster, "web", "web:2");
  await rolledOut(cluster, "web");
  const { "pod-template-hash": _, ...labels } = first!.spec.template!.metadata!.labels!;
  const template = { metadata: { labels }, spec: first!.spec.template!.spec };
  const undo = [{ op: "replace", path: "/spec/template", value: template }];
  const answer = await cluster.request("PATCH", `${D}/web`, undo, {
    headers: { "content-type": "application/json-patch+json" },
  });
  t.is(answer.code, 200, answer.text);
  await rolledOut(cluster, "web");
  const sets = setsOf(cluster, "web");
  t.is(sets.length, 2);
  t.is(sets.at(-1)!.metadata.uid, first!.metadata.uid);
  t.is(revisionOf(sets.at(-1)!), 3);
  t.deepEqual(new Set(alive(cluster, "web").map(imageOf)), new Set(["web:1"]));
});

test("Recreate never runs old and new pods together", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 5, time: "virtual" });
  const shape = { annotations: { "simulated.troupe.dev/stop-ms": "800" } };
  await cluster.apply(deployment("web", { strategy: { type: "Recreate" } }, shape));
  await rolledOut(cluster, "web");
  await setImage(cluster, "web", "web:2");
  await watching(
    cluster,
    () => alive(cluster, "web").filter((each) => imageOf(each) === "web:2" && isReady(each)).length === 3,
    () => {
      const running = cluster.list("pods").filter(({ status }) => !/Succeeded|Failed/.test(status?.phase ?? ""));
      const images = new Set(running.map(imageOf));
      if (images.size > 1) throw new Error(`${[...images].join(" and ")} at once`);
    },
  );
  t.pass();
});

test("the scale subresource scales up and down, to none", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 6, time: "virtual" });
  await cluster.apply(deployment("web", {}, { readinessProbe: true }));
  await rolledOut(cluster, "web");
  const scale = async (replicas: number): Promise<void> => {
    const got = await cluster.request("GET", `${D}/web/scale`);
    const body = got.json<{ spec: object }>();
    const answer = await cluster.request("PUT", `${D}/web/scale`, { ...body, spec: { replicas } });
    t.is(answer.code, 200, answer.text);
  };
  await scale(7);
  await rolledOut(cluster, "web");
  t.is(alive(cluster, "web").length, 7);
  const ages = alive(cluster, "web").map(({ metadata }) => metadata.name);
  await scale(2);
  await rolledOut(cluster, "web");
  const left = alive(cluster, "web").map(({ metadata }) => metadata.name);
  t.is(left.length, 2);
  t.true(left.every((name) => ages.includes(name)));
  await scale(0);
  const told = (): number => cluster.get("deployments.apps", "web")!.status!.replicas ?? 0;
  await cluster.until(() => cluster.list("pods").length === 0 && told() === 0);
  t.pass();
});

test("a deleted pod is replaced at once, and ends within its grace", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 7, time: "virtual" });
  await cluster.apply(deployment("web", {}, { annotations: { "simulated.troupe.dev/stop-ms": "2000" } }));
  await rolledOut(cluster, "web");
  const [victim] = alive(cluster, "web");
  await cluster.delete("pods", victim!.metadata.name);
  await cluster.advance(500);
  t.is(alive(cluster, "web").length, 3);
  t.truthy(cluster.get("pods", victim!.metadata.name)!.metadata.deletionTimestamp, "still stopping");
  await cluster.until(() => cluster.get("pods", victim!.metadata.name) === undefined, { withinMs: 30_000 });
  t.is(alive(cluster, "web").filter(isReady).length, 3);
});

test("a ReplicaSet adopts matching pods without an owner, and lets go of those that match no more", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 8, time: "virtual" });
  await cluster.apply(pod("stray", { labels: { app: "web" } }));
  await cluster.apply(replicaSet("web", 2));
  await cluster.until(() => alive(cluster, "web").filter(isReady).length === 2);
  const set = cluster.get("replicasets.apps", "web")!;
  t.like(cluster.get("pods", "stray")!.metadata.ownerReferences![0]!, { uid: set.metadata.uid, controller: true });
  await patch(cluster, "/api/v1/namespaces/default/pods/stray", { metadata: { labels: { app: "else" } } });
  await cluster.until(() => alive(cluster, "web").length === 2);
  t.is((cluster.get("pods", "stray")!.metadata.ownerReferences ?? []).length, 0);
  t.is(cluster.get("pods", "stray")!.status!.phase, "Running", "it lives on alone");
});

test("a paused Deployment rolls nothing out until it is resumed", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 9, time: "virtual" });
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web");
  await patch(cluster, `${D}/web`, { spec: { paused: true } });
  await setImage(cluster, "web", "web:2");
  await cluster.advance(30_000);
  t.deepEqual(new Set(alive(cluster, "web").map(imageOf)), new Set(["web:1"]));
  await patch(cluster, `${D}/web`, { spec: { paused: null } });
  await rolledOut(cluster, "web");
  t.deepEqual(new Set(alive(cluster, "web").map(imageOf)), new Set(["web:2"]));
});

test("revisionHistoryLimit keeps that many old ReplicaSets", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 10, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 1, revisionHistoryLimit: 2 }));
  for (const image of ["web:2", "web:3", "web:4", "web:5"]) {
    await rolledOut(cluster, "web");
    await setImage(cluster, "web", image);
  }
  await rolledOut(cluster, "web");
  await cluster.advance(5_000);
  t.deepEqual(setsOf(cluster, "web").map(revisionOf), [3, 4, 5]);
});
