import test from "ava";
import type { Pod, ReplicaSet } from "../../../src/kinds/generated/types.ts";
import { replicaset } from "../../../src/actors/controllers/replicaset.ts";
import { formatTime } from "../../../src/util/time-format.ts";
import { World } from "./harness.ts";
import { kubelet, podDraft, ready, replicaSetDraft, setSpec } from "./objects.ts";

const kind = "replicasets.apps";

function withSet(spec: Readonly<Record<string, unknown>>): { world: World; set: ReplicaSet } {
  const world = new World();
  const set = world.add<ReplicaSet>(kind, replicaSetDraft("web", spec));
  return { world, set };
}

function pods(world: World): readonly Pod[] {
  return world.all<Pod>("pods");
}

function status(world: World): ReplicaSet["status"] {
  return world.get<ReplicaSet>(kind, "default", "web").status;
}

/** Pods of the set with given ready times and nodes, in creation order. */
function place(world: World, set: ReplicaSet, name: string, change: Partial<Pod["spec"]> = {}): Pod {
  const draft = podDraft(name, { app: "web" });
  const owner = {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    name: "web",
    uid: set.metadata.uid,
    controller: true,
  };
  const pod = world.add<Pod>("pods", {
    ...draft,
    metadata: { ...draft.metadata, ownerReferences: [owner] },
    spec: { ...(draft["spec"] as object), nodeName: "n1", ...change },
  });
  ready(world, pod);
  return world.get<Pod>("pods", "default", name);
}

test("a ReplicaSet creates its pods from the template, named after itself, and counts them", (t) => {
  const { world } = withSet({ replicas: 3 });
  world.settle([replicaset]);
  t.is(pods(world).length, 3);
  for (const pod of pods(world)) {
    t.regex(pod.metadata.name, /^web-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
    t.like(pod.metadata.ownerReferences?.[0], {
      kind: "ReplicaSet",
      controller: true,
      blockOwnerDeletion: true,
    });
    t.deepEqual(pod.metadata.labels, { app: "web" });
    t.is(pod.metadata.generateName, "web-");
  }
  t.deepEqual(status(world), {
    replicas: 3,
    fullyLabeledReplicas: 3,
    terminatingReplicas: 0,
    observedGeneration: 1,
  });
  t.deepEqual(
    world.messages("SuccessfulCreate").toSorted(),
    pods(world).map((pod) => `Created pod: ${pod.metadata.name}`),
  );
  t.deepEqual(world.restless([replicaset]), []);
  kubelet(world);
  world.settle([replicaset]);
  t.like(status(world), { readyReplicas: 3, availableReplicas: 3 });
});

test("a failed pod is replaced and left for the pod garbage collector", (t) => {
  const { world, set } = withSet({ replicas: 3 });
  place(world, set, "a");
  place(world, set, "b");
  world.setStatus("pods", place(world, set, "c"), { phase: "Failed" });
  world.settle([replicaset]);
  t.is(pods(world).length, 4);
  t.is(status(world)?.replicas, 3);
});

test("a terminating pod is replaced at once and counted as terminating", (t) => {
  const { world, set } = withSet({ replicas: 1 });
  world.delete("pods", place(world, set, "a"));
  world.settle([replicaset]);
  t.is(pods(world).length, 2);
  t.like(status(world), { replicas: 1, terminatingReplicas: 1 });
});

test("a pod that is relabelled out is released and replaced", (t) => {
  const { world, set } = withSet({ replicas: 1 });
  const pod = place(world, set, "a");
  world.edit<Pod>("pods", pod, (old) => ({
    ...old,
    metadata: { ...old.metadata, labels: { app: "other" } },
  }));
  world.settle([replicaset]);
  t.is(world.get("pods", "default", "a").metadata.ownerReferences, undefined);
  t.is(pods(world).length, 2);
});

test("a matching orphan is adopted; a pod of another controller is ignored", (t) => {
  const { world } = withSet({ replicas: 2 });
  world.add("pods", podDraft("orphan", { app: "web" }));
  const foreign = podDraft("foreign", { app: "web" });
  const owner = { apiVersion: "x/v1", kind: "X", name: "x", uid: "other", controller: true };
  world.add("pods", { ...foreign, metadata: { ...foreign.metadata, ownerReferences: [owner] } });
  world.settle([replicaset]);
  t.is(pods(world).length, 3);
  t.is(world.get("pods", "default", "orphan").metadata.ownerReferences?.[0]?.name, "web");
  t.is(world.get("pods", "default", "foreign").metadata.ownerReferences?.[0]?.uid, "other");
});

test("a ReplicaSet that is being deleted adopts and creates nothing", (t) => {
  const { world, set } = withSet({ replicas: 2 });
  world.add("pods", podDraft("orphan", { app: "web" }));
  world.edit<ReplicaSet>(kind, set, (old) => ({
    ...old,
    metadata: { ...old.metadata, finalizers: ["hold"], deletionTimestamp: formatTime(world.now) },
  }));
  world.settle([replicaset]);
  t.is(pods(world).length, 1);
  t.is(world.get("pods", "default", "orphan").metadata.ownerReferences, undefined);
});

test("surplus pods go in the order not ready, cheaper, doubled up on a node", (t) => {
  const { world, set } = withSet({ replicas: 5 });
  for (const name of ["a", "b", "c", "d"]) place(world, set, name, { nodeName: `node-${name}` });
  const cheap = place(world, set, "e", { nodeName: "node-e" });
  world.edit<Pod>("pods", cheap, (old) => ({
    ...old,
    metadata: {
      ...old.metadata,
      annotations: { "controller.kubernetes.io/pod-deletion-cost": "-10" },
    },
  }));
  ready(world, world.get<Pod>("pods", "default", "b"), false);
  world.edit<ReplicaSet>(kind, set, setSpec({ replicas: 4 }));
  world.settle([replicaset]);
  world.edit<ReplicaSet>(kind, set, setSpec({ replicas: 3 }));
  world.settle([replicaset]);
  t.deepEqual(world.messages("SuccessfulDelete"), ["Deleted pod: b", "Deleted pod: e"]);
});

test("of two pods on one node and one on another, one of the two goes", (t) => {
  const { world, set } = withSet({ replicas: 2 });
  place(world, set, "a", { nodeName: "left" });
  place(world, set, "b", { nodeName: "left" });
  place(world, set, "c", { nodeName: "right" });
  world.settle([replicaset]);
  t.is(world.messages("SuccessfulDelete").length, 1);
  t.not(world.messages("SuccessfulDelete")[0], "Deleted pod: c");
});

test("the pod that became ready last goes first, and of equal ages the uid decides", (t) => {
  const { world, set } = withSet({ replicas: 1 });
  place(world, set, "old");
  world.now += 3_600_000;
  place(world, set, "young");
  world.now += 5_000;
  world.settle([replicaset]);
  t.deepEqual(world.messages("SuccessfulDelete"), ["Deleted pod: young"]);
});

test("a refused pod is recorded once as ReplicaFailure and cleared by a clean pass", (t) => {
  const { world } = withSet({ replicas: 4 });
  const message = 'pods "web-x" is forbidden: exceeded quota: q';
  let room = 2;
  world.refuse = (write) => {
    if (write.op !== "create") return undefined;
    if (pods(world).length < room && pods(world).length + 1 <= room && room > 3) return undefined;
    if (pods(world).length < room && world.notes.some((note) => note.reason === "FailedCreate")) {
      return undefined;
    }
    return {
      kind: "Status",
      apiVersion: "v1",
      metadata: {},
      status: "Failure",
      code: 403,
      message,
    };
  };
  for (let round = 0; round < 8; round += 1) world.step(replicaset, "default/web");
  t.is(pods(world).length, 2, "what the quota allows is created one at a time");
  t.like(status(world)?.conditions?.[0], {
    type: "ReplicaFailure",
    status: "True",
    reason: "FailedCreate",
    message,
  });
  t.is(status(world)?.conditions?.length, 1);
  t.is(world.messages("FailedCreate")[0], `Error creating: ${message}`);
  room = 4;
  world.settle([replicaset]);
  t.is(pods(world).length, 4);
  t.is(status(world)?.conditions, undefined);
});

test("a refusal because the namespace is ending is no failure", (t) => {
  const { world } = withSet({ replicas: 1 });
  world.refuse = () => ({
    kind: "Status",
    apiVersion: "v1",
    metadata: {},
    status: "Failure",
    code: 403,
    details: { causes: [{ reason: "NamespaceTerminating", message: "being terminated" }] },
  });
  world.step(replicaset, "default/web");
  t.is(world.notes.length, 0);
  t.is(status(world), undefined);
});

test("a pod counts as available minReadySeconds after it became ready, by a timer", (t) => {
  const { world } = withSet({ replicas: 1, minReadySeconds: 30 });
  world.settle([replicaset]);
  kubelet(world);
  world.settle([replicaset]);
  t.is(status(world)?.availableReplicas, undefined);
  t.is(world.wakes.get("replicaset default/web"), world.now + 30_000);
  world.now += 30_000;
  world.settle([replicaset]);
  t.is(status(world)?.availableReplicas, 1);
  t.false(world.wakes.has("replicaset default/web"));
});

test("a set makes five hundred pods in a second, and twenty once as many have found no node", (t) => {
  const { world } = withSet({ replicas: 2_000_000_000 });
  const step = (): number => world.step(replicaset, "default/web").writes.filter(({ op }) => op === "create").length;
  const nextSecond = (): number => Math.floor(world.now / 1000) * 1000 + 1000;
  t.is(step(), 500);
  t.is(world.wakes.get("replicaset default/web"), nextSecond());
  t.is(step(), 0, "whoever wakes it within the second");
  t.is(world.wakes.get("replicaset default/web"), nextSecond());
  world.now = nextSecond();
  t.is(step(), 20);
  t.is(step(), 0);
  kubelet(world);
  world.now = nextSecond();
  t.is(step(), 500, "what stands on nodes does not count");
});
