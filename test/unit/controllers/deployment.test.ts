import test from "ava";
import fc from "fast-check";
import type { Deployment, Pod, ReplicaSet } from "../../../src/kinds/generated/types.ts";
import { deployment } from "../../../src/actors/controllers/deployment.ts";
import { replicaset } from "../../../src/actors/controllers/replicaset.ts";
import { isActive, isReady } from "../../../src/actors/controllers/common/pods.ts";
import { World } from "./harness.ts";
import { deploymentDraft, kubelet, setImage, setSpec } from "./objects.ts";

const kind = "deployments.apps";
const setKind = "replicasets.apps";
const both = [deployment, replicaset];

function withDeployment(spec: Readonly<Record<string, unknown>> = {}): {
  world: World;
  web: Deployment;
} {
  const world = new World();
  return { world, web: world.add<Deployment>(kind, deploymentDraft("web", spec)) };
}

function sets(world: World): readonly ReplicaSet[] {
  return world.all<ReplicaSet>(setKind).toSorted((a, b) => rollout(a) - rollout(b));
}

function rollout(object: Deployment | ReplicaSet): number {
  return Number(object.metadata.annotations?.["deployment.kubernetes.io/revision"] ?? 0);
}

function sizes(world: World): readonly number[] {
  return sets(world).map((set) => set.spec.replicas ?? 1);
}

function web(world: World): Deployment {
  return world.get<Deployment>(kind, "default", "web");
}

function condition(world: World, type: string): { status: string; reason?: string; message?: string } | undefined {
  return web(world).status?.conditions?.find((each) => each.type === type);
}

/** Controllers and the node take turns until nothing happens any more. */
function live(world: World, works: (pod: Pod) => boolean = () => true): void {
  for (let round = 0; round < 100; round += 1) {
    world.settle(both);
    if (!kubelet(world, works)) return;
  }
  throw new Error("never settles");
}

function runs(image: string): (pod: Pod) => boolean {
  return (pod) => pod.spec.containers[0]?.image === image;
}

test("a new Deployment makes one ReplicaSet of full size and becomes complete", (t) => {
  const { world } = withDeployment({ replicas: 10 });
  world.step(deployment, "default/web");
  const [set] = sets(world);
  t.is(set?.spec.replicas, 10);
  t.regex(set?.metadata.name ?? "", /^web-[bcdfghjklmnpqrstvwxz2456789]{10}$/);
  const hash = set?.metadata.labels?.["pod-template-hash"];
  t.is(set?.metadata.name, `web-${hash}`);
  t.is(set?.spec.selector.matchLabels?.["pod-template-hash"], hash);
  t.is(set?.spec.template?.metadata?.labels?.["pod-template-hash"], hash);
  t.like(set?.metadata.annotations, {
    "deployment.kubernetes.io/revision": "1",
    "deployment.kubernetes.io/desired-replicas": "10",
    "deployment.kubernetes.io/max-replicas": "13",
  });
  t.like(condition(world, "Progressing"), {
    status: "True",
    reason: "NewReplicaSetCreated",
    message: `Created new replica set "${set?.metadata.name}"`,
  });
  t.like(condition(world, "Available"), { status: "False", reason: "MinimumReplicasUnavailable" });
  t.deepEqual(world.messages("ScalingReplicaSet"), [`Scaled up replica set ${set?.metadata.name} from 0 to 10`]);
  live(world);
  t.is(rollout(web(world)), 1);
  t.like(web(world).status, {
    replicas: 10,
    updatedReplicas: 10,
    readyReplicas: 10,
    availableReplicas: 10,
    observedGeneration: 1,
  });
  t.like(condition(world, "Progressing"), {
    status: "True",
    reason: "NewReplicaSetAvailable",
    message: `ReplicaSet "${set?.metadata.name}" has successfully progressed.`,
  });
  t.like(condition(world, "Available"), {
    status: "True",
    reason: "MinimumReplicasAvailable",
    message: "Deployment has minimum availability.",
  });
  t.deepEqual(world.restless(both), []);
});

test("the first step of a rolling update adds the surge and takes what may be unavailable", (t) => {
  const { world, web: object } = withDeployment({ replicas: 10 });
  live(world);
  world.edit<Deployment>(kind, object, setImage("image:2"));
  const seen: (readonly number[])[] = [];
  world.onApplied = () => seen.push(sizes(world));
  for (let turn = 0; turn < 6; turn += 1) world.step(deployment, "default/web");
  const steps = seen.map((each) => each.join("+")).filter((each, at, all) => each !== all[at - 1]);
  t.deepEqual(steps, ["10+3", "8+3"], "room is given only when the old pods are gone");
  world.settle(both);
  t.deepEqual(sizes(world), [8, 5]);
  live(world);
  t.deepEqual(sizes(world), [0, 10]);
  t.is(rollout(web(world)), 2);
  t.like(condition(world, "Progressing"), { reason: "NewReplicaSetAvailable" });
});

test("a new number of replicas in the middle of a rollout is spread by size", (t) => {
  const { world, web: object } = withDeployment({ replicas: 10 });
  live(world);
  world.edit<Deployment>(kind, object, setImage("image:2"));
  live(world, runs("image:1"));
  t.deepEqual(sizes(world), [8, 5]);
  world.edit<Deployment>(
    kind,
    object,
    setSpec({
      replicas: 15,
      strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 3, maxUnavailable: 2 } },
    }),
  );
  world.step(deployment, "default/web");
  t.deepEqual(sizes(world), [11, 7]);
});

test("unhealthy pods of a failed rollout go before healthy ones of the first", (t) => {
  const { world, web: object } = withDeployment({ replicas: 10 });
  live(world);
  world.edit<Deployment>(kind, object, setImage("image:2"));
  live(world, runs("image:1"));
  world.edit<Deployment>(kind, object, setImage("image:3"));
  live(world, runs("image:1"));
  t.deepEqual(sizes(world), [8, 0, 5]);
});

test("going back to a former template uses its ReplicaSet under a new rollout number", (t) => {
  const { world, web: object } = withDeployment({ replicas: 2 });
  live(world);
  const [first] = sets(world);
  world.edit<Deployment>(kind, object, setImage("image:2"));
  live(world);
  world.edit<Deployment>(kind, object, setImage("image:1"));
  live(world);
  t.is(sets(world).length, 2);
  const reused = world.get<ReplicaSet>(setKind, "default", first!.metadata.name);
  t.is(rollout(reused), 3);
  t.is(reused.metadata.annotations?.["deployment.kubernetes.io/revision-history"], "1");
  t.is(reused.spec.replicas, 2);
  t.is(rollout(web(world)), 3);
});

test("the rollback annotation copies the template of that rollout and is removed", (t) => {
  const { world, web: object } = withDeployment({ replicas: 2 });
  live(world);
  world.edit<Deployment>(kind, object, setImage("image:2"));
  live(world);
  const ask = (rolloutNumber: string): void => {
    world.edit<Deployment>(kind, object, (old) => ({
      ...old,
      metadata: {
        ...old.metadata,
        annotations: {
          ...old.metadata.annotations,
          "deprecated.deployment.rollback.to": rolloutNumber,
        },
      },
    }));
    live(world);
  };
  ask("0");
  t.is(web(world).spec.template.spec?.containers[0]?.image, "image:1");
  t.is(web(world).spec.template.metadata?.labels?.["pod-template-hash"], undefined);
  t.deepEqual(world.messages("DeploymentRollback"), ['Rolled back deployment "web" to revision 1']);
  ask("9");
  t.deepEqual(world.messages("DeploymentRollbackRevisionNotFound"), ["Unable to find the revision to rollback to."]);
  ask("3");
  t.deepEqual(world.messages("DeploymentRollbackTemplateUnchanged"), [
    'The rollback revision contains the same template as current deployment "web"',
  ]);
  t.is(web(world).metadata.annotations?.["deprecated.deployment.rollback.to"], undefined);
  t.is(rollout(web(world)), 3);
});

test("a paused Deployment scales, but does not roll out", (t) => {
  const { world, web: object } = withDeployment({ replicas: 4 });
  live(world);
  world.edit<Deployment>(kind, object, setSpec({ paused: true, replicas: 6 }));
  world.edit<Deployment>(kind, object, setImage("image:2"));
  live(world);
  t.deepEqual(sizes(world), [6]);
  t.like(condition(world, "Progressing"), {
    status: "Unknown",
    reason: "DeploymentPaused",
    message: "Deployment is paused",
  });
  t.deepEqual(world.restless(both), []);
  world.edit<Deployment>(kind, object, setSpec({ paused: false }));
  world.step(deployment, "default/web");
  t.like(condition(world, "Progressing"), { status: "Unknown", reason: "DeploymentResumed" });
  live(world);
  t.deepEqual(sizes(world), [0, 6]);
});

test("a rollout without progress runs out of time once, and refusals show as ReplicaFailure", (t) => {
  const { world, web: object } = withDeployment({ replicas: 2 });
  live(world);
  world.edit<Deployment>(kind, object, setImage("image:2"));
  world.refuse = (write) =>
    write.op === "create" && write.kind === "pods"
      ? {
          kind: "Status",
          apiVersion: "v1",
          metadata: {},
          status: "Failure",
          code: 403,
          message: "no quota",
        }
      : undefined;
  for (let turn = 0; turn < 12; turn += 1) {
    world.step(deployment, "default/web");
    for (const set of sets(world)) world.step(replicaset, `default/${set.metadata.name}`);
  }
  t.like(condition(world, "ReplicaFailure"), {
    status: "True",
    reason: "FailedCreate",
    message: "no quota",
  });
  const wakeAt = world.wakes.get("deployment default/web") ?? 0;
  t.is(wakeAt, world.now + 600_001);
  world.now = wakeAt;
  world.step(deployment, "default/web");
  const newest = sets(world).at(-1)?.metadata.name;
  t.like(condition(world, "Progressing"), {
    status: "False",
    reason: "ProgressDeadlineExceeded",
    message: `ReplicaSet "${newest}" has timed out progressing.`,
  });
  t.false(world.wakes.has("deployment default/web"));
  t.is(world.step(deployment, "default/web").writes.length, 0);
});

test("progress restarts the clock of the deadline", (t) => {
  const { world } = withDeployment({ replicas: 2 });
  world.settle(both);
  world.now += 500_000;
  kubelet(world, (pod) => pod.metadata.name === world.all<Pod>("pods")[0]?.metadata.name);
  world.settle(both);
  t.is(world.wakes.get("deployment default/web"), world.now + 600_001);
});

test("ten old ReplicaSets are kept, those with the lowest rollout numbers go", (t) => {
  const { world, web: object } = withDeployment({ replicas: 1 });
  live(world);
  for (let image = 2; image <= 13; image += 1) {
    world.edit<Deployment>(kind, object, setImage(`image:${image}`));
    world.now += 1000;
    live(world);
  }
  t.is(sets(world).length, 11);
  t.deepEqual(sets(world).map(rollout), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13]);
});

test("Recreate starts the new pods only when no old pod is left", (t) => {
  const { world, web: object } = withDeployment({ replicas: 3, strategy: { type: "Recreate" } });
  live(world);
  world.edit<Deployment>(kind, object, setImage("image:2"));
  world.onApplied = () => {
    const images = new Set(world.all<Pod>("pods").map((pod) => pod.spec.containers[0]?.image));
    t.true(images.size <= 1, "old and new pods never stand together");
  };
  world.settle(both);
  t.deepEqual(sizes(world), [0]);
  live(world);
  t.deepEqual(sizes(world), [0, 3]);
});

test("a ReplicaSet name that is taken raises the collision count", (t) => {
  const { world } = withDeployment({ replicas: 1 });
  world.step(deployment, "default/web");
  const [set] = sets(world);
  world.drop(setKind, "default", set!.metadata.name);
  world.add(setKind, {
    apiVersion: "apps/v1",
    kind: "ReplicaSet",
    metadata: { name: set!.metadata.name, namespace: "default", labels: { app: "foreign" } },
    spec: { selector: { matchLabels: { app: "foreign" } }, replicas: 0 },
  });
  live(world);
  t.is(web(world).status?.collisionCount, 1);
  t.is(sets(world).length, 2);
  t.is(web(world).status?.availableReplicas, 1);
});

test("a refused ReplicaSet stands in the Progressing condition and in an event", (t) => {
  const { world } = withDeployment({ replicas: 1 });
  world.refuse = (write) =>
    write.op === "create"
      ? {
          kind: "Status",
          apiVersion: "v1",
          metadata: {},
          status: "Failure",
          code: 422,
          message: "is invalid",
        }
      : undefined;
  world.step(deployment, "default/web");
  t.like(condition(world, "Progressing"), { status: "False", reason: "ReplicaSetCreateError" });
  t.regex(world.messages("ReplicaSetCreateError")[0] ?? "", /^Failed to create new replica set "web-.*": is invalid$/);
});

test("an orphan ReplicaSet that matches is adopted and used when its template is equal", (t) => {
  const { world, web: object } = withDeployment({ replicas: 2 });
  live(world);
  const [set] = sets(world);
  world.edit<ReplicaSet>(setKind, set!, (old) => ({
    ...old,
    metadata: { ...old.metadata, ownerReferences: [] },
  }));
  live(world);
  t.is(sets(world).length, 1);
  t.is(sets(world)[0]?.metadata.ownerReferences?.[0]?.uid, object.metadata.uid);
});

test("an empty selector selects everything, which is said once and not acted upon", (t) => {
  const { world } = withDeployment({ selector: {} });
  world.settle(both);
  t.is(world.messages("SelectingAll").length, 1);
  t.is(sets(world).length, 0);
});

test("pods that a ReplicaSet has just made count although its status does not tell of them yet", (t) => {
  const { world, web: object } = withDeployment({
    replicas: 1,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  });
  live(world);
  world.edit<Deployment>(kind, object, setImage("image:2"));
  world.step(deployment, "default/web");
  world.step(replicaset, `default/${sets(world)[1]!.metadata.name}`);
  t.is(world.all<Pod>("pods").length, 2);
  world.edit<Deployment>(kind, object, setImage("image:3"));
  for (let turn = 0; turn < 4; turn += 1) world.step(deployment, "default/web");
  t.deepEqual(sizes(world), [1, 0, 0], "the second set's pod stands until its own controller has acted");
  live(world);
  t.deepEqual(sizes(world), [0, 0, 1]);
});

test("a ReplicaSet that is used again does not pass for available while its status tells of pods that are gone", (t) => {
  const { world, web: object } = withDeployment({
    replicas: 1,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } },
  });
  live(world);
  const [first] = sets(world);
  world.edit<Deployment>(kind, object, setImage("image:2"));
  world.settle(both);
  kubelet(world);
  const second = sets(world)[1]!;
  world.step(replicaset, `default/${second.metadata.name}`);
  world.step(deployment, "default/web");
  t.deepEqual(sizes(world), [0, 1]);
  world.step(replicaset, `default/${first!.metadata.name}`);
  world.edit<Deployment>(kind, object, (old) => ({ ...old, spec: object.spec }));
  for (let turn = 0; turn < 3; turn += 1) {
    world.step(deployment, "default/web");
    world.step(replicaset, `default/${first!.metadata.name}`);
  }
  t.deepEqual(sizes(world), [1, 1], "the second set stays until the first one's new pod is ready");
  live(world);
  t.deepEqual(sizes(world), [0, 1]);
});

test("a pod that is ready is not taken for a sick one because its ReplicaSet's status lags behind", (t) => {
  const { world, web: object } = withDeployment({
    replicas: 1,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge: 2, maxUnavailable: 0 } },
  });
  world.settle(both);
  world.edit<Deployment>(kind, object, setImage("image:2"));
  world.settle(both);
  world.edit<Deployment>(kind, object, setImage("image:3"));
  world.step(deployment, "default/web");
  kubelet(world, runs("image:1"));
  world.step(deployment, "default/web");
  world.step(deployment, "default/web");
  t.deepEqual(sizes(world), [1, 0, 1]);
  t.is(world.wakes.get("deployment default/web"), world.now + 1_000);
});

test("property: a rollout keeps its bounds, ends complete, and is at rest then", (t) => {
  const percent = fc.integer({ min: 0, max: 100 }).map((value) => `${value}%`);
  const amount = fc.oneof(fc.integer({ min: 0, max: 5 }), percent);
  const edit = fc.oneof(fc.record({ image: fc.integer({ min: 1, max: 3 }) }), fc.record({ broken: fc.boolean() }));
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 9 }),
      amount,
      amount,
      fc.array(edit, { maxLength: 5 }),
      fc.array(fc.nat(6), { minLength: 20, maxLength: 60 }),
      (replicas, maxSurge, maxUnavailable, edits, order) => {
        if (maxSurge === "0%") maxSurge = 1;
        const { world, web: object } = withDeployment({
          replicas,
          strategy: { type: "RollingUpdate", rollingUpdate: { maxSurge, maxUnavailable } },
        });
        live(world);
        const [surge, unavailable] = fenceposts(replicas, maxSurge, maxUnavailable);
        world.onApplied = () => {
          const active = world.all<Pod>("pods").filter(isActive);
          holds(active.length <= replicas + surge, "never more than replicas and surge");
          holds(active.filter(isReady).length >= replicas - unavailable, "never fewer available");
        };
        const queue = [...edits];
        for (const action of order) {
          if (action === 0) {
            const next = queue.shift();
            if (next !== undefined && "image" in next) {
              world.edit<Deployment>(kind, object, setImage(`image:${next.image}`));
            }
          } else if (action === 1) kubelet(world);
          else if (action <= 3) world.step(deployment, "default/web");
          else for (const set of sets(world)) world.step(replicaset, `default/${set.metadata.name}`);
        }
        live(world);
        holds(web(world).status?.availableReplicas === replicas, "all are available");
        holds(web(world).status?.updatedReplicas === replicas, "all are updated");
        holds(world.restless(both).length === 0, "at rest");
      },
    ),
    { numRuns: 150 },
  );
  t.pass();
});

/** Inside a property: AVA's own assertions would count each try, and hide what the counterexample is. */
function holds(condition: boolean, what: string): void {
  if (!condition) throw new Error(what);
}

function fenceposts(
  replicas: number,
  maxSurge: number | string,
  maxUnavailable: number | string,
): readonly [surge: number, unavailable: number] {
  const count = (value: number | string, round: (share: number) => number): number =>
    typeof value === "number" ? value : round((Number(value.slice(0, -1)) * replicas) / 100);
  const surge = count(maxSurge, Math.ceil);
  const unavailable = count(maxUnavailable, Math.floor);
  return [surge, Math.min(replicas, surge === 0 && unavailable === 0 ? 1 : unavailable)];
}
