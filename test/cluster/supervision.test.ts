import test from "ava";
import type { Controller } from "../../src/actors/runtime/controller.ts";
import type { FaultPort } from "../../src/env/faults.ts";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import type { ActorList } from "../../src/testing/typed-kinds.ts";
import { alive, configMap, deployment, imageOf, isReady, patch, pod, rolledOut, setImage, watching } from "./kit.ts";

/** What `kubectl get actors` gets. */
const actorsOf = async (cluster: Cluster): Promise<ActorList["items"]> => {
  const answer = await cluster.request("GET", "/apis/actors.troupe.dev/v1/actors");
  return answer.json<ActorList>().items;
};

const labelled = (label: string, more: Partial<Controller>): Controller => ({
  name: "labeller",
  source: "labeller-controller",
  watches: [
    {
      kind: "configmaps",
      keys: (_view, previous, next) => {
        const row = next ?? previous;
        return row === undefined ? [] : [`${row.namespace}/${row.name}`];
      },
    },
  ],
  writes: ["configmaps"],
  plan(view, key) {
    const [namespace = "", name = ""] = key.split("/");
    const row = view.get("configmaps", namespace, name);
    if (row === undefined || row.hot.labels[label] === "yes" || namespace !== "default") return { writes: [] };
    const object = structuredClone(row.object()) as unknown as Record<string, unknown> & {
      metadata: { labels?: object };
    };
    object.metadata.labels = { ...object.metadata.labels, [label]: "yes" };
    const expect = { uid: row.hot.uid, revision: row.revision };
    return { writes: [{ op: "update", kind: "configmaps", object: object as never, expect }] };
  },
  ...more,
});

test("every controller, the scheduler and the actors of the nodes are listed with their supervisors", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 50, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 1 }));
  await rolledOut(cluster, "web");
  await cluster.advance(15_000);
  const actors = await actorsOf(cluster);
  const paths = new Map(actors.map((actor) => [actor.spec.path, actor]));
  const controllers = ["deployment", "replicaset", "endpointslice", "garbage-collector", "namespace", "node-lifecycle"];
  for (const name of controllers) {
    const actor = [...paths.values()].find(({ spec }) => spec.path === `/ctl/${name}`);
    t.truthy(actor, `${name} among ${[...paths.keys()].join(" ")}`);
    t.truthy(actor?.spec.supervisor, name);
    t.is(actor?.status?.status, "live");
    t.is(actor?.status?.restarts ?? 0, 0);
  }
  for (const path of [
    "/",
    "/log",
    "/store",
    "/api",
    "/leader",
    "/leader/timers",
    "/leader/objects",
    "/leader/sweeps",
  ]) {
    t.is(paths.get(path)?.status?.status, "live", path);
  }
  t.is(paths.get("/sched")!.spec.supervisor, "/leader");
  t.is(paths.get("/link/n1")!.spec.supervisor, "/links");
  for (const { spec } of actors) t.true(spec.supervisor === "keeper" || paths.has(spec.supervisor!), spec.path);
  t.is(new Set(actors.map(({ metadata }) => metadata.name)).size, actors.length, "names are unique");
  for (const { spec, status } of actors) {
    if (status?.since !== undefined) t.true(Date.parse(status.since) > Date.parse("2020-01-01"), spec.path);
  }
  const { name } = alive(cluster, "web")[0]!.metadata;
  t.is(paths.get(`/node/n1/pod/default/${name}`)!.spec.supervisor, "/node/n1/pods");
  for (const part of ["", "/link", "/status", "/pods", "/probes"]) t.truthy(paths.get(`/node/n1${part}`), part);
});

test("the actor of an object is its row's state when it is asked for by name", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 57, time: "virtual" });
  await cluster.apply([deployment("web", { replicas: 1 }), configMap("a.b")]);
  await rolledOut(cluster, "web");
  const get = (name: string) => cluster.request("GET", `/apis/actors.troupe.dev/v1/actors/${name}`);
  const web = (await get("obj.apps.deployments.default.web")).json<ActorList["items"][number]>();
  t.is(web.metadata.name, "obj.apps.deployments.default.web");
  t.like(web.status, { state: "complete", status: "live", mailbox: 0 });
  t.is(web.spec.supervisor, "/leader/objects");
  t.is((await get("obj.core.configmaps.default.a.b")).code, 200);
  t.is((await get("obj.core.nodes.-.n1")).json<ActorList["items"][number]>().status!.state, "ready");
  t.is((await get("obj.apps.deployments.default.nobody")).code, 404);
  t.is((await get("obj.nothing")).code, 404);
});

test("a key whose plan keeps throwing is parked and says so; all others, and all controllers, go on", async (t) => {
  const broken = labelled("seen", {});
  const controllers = [
    labelled("seen", {
      plan(view, key) {
        if (key === "default/bad") throw new TypeError("boom");
        return broken.plan(view, key);
      },
    }),
  ];
  await using cluster = await createCluster({ nodes: 1, seed: 51, time: "virtual", controllers });
  await cluster.apply([configMap("bad"), configMap("good"), deployment("web", { replicas: 1 })]);
  await rolledOut(cluster, "web");
  await cluster.advance(10_000);
  t.is(cluster.get("configmaps", "good")!.metadata.labels!["seen"], "yes");
  t.is(cluster.get("configmaps", "bad")!.metadata.labels?.["seen"], undefined);
  const parked = (await actorsOf(cluster)).filter(({ status }) => status?.status === "quarantined");
  t.deepEqual(
    parked.map(({ spec }) => spec.path),
    ["/ctl/labeller/default/bad"],
  );
  t.is(parked[0]!.spec.supervisor, "/ctl/labeller");
  t.is(parked[0]!.status!.lastError, "boom");
  await cluster.restartMaster();
  await cluster.advance(1_000);
  t.is(
    (await actorsOf(cluster)).filter(({ status }) => status?.status === "quarantined").length,
    1,
    "also after a restart",
  );
});

test("a controller that fails outside of a plan is restarted, and misses nothing", async (t) => {
  let throws = 0;
  const steady = labelled("seen", {});
  const controllers = [
    labelled("seen", {
      watches: [
        {
          kind: "configmaps",
          keys(view, previous, next) {
            if (throws > 0) {
              throws -= 1;
              throw new Error("bad map");
            }
            return steady.watches[0]!.keys(view, previous, next);
          },
        },
      ],
    }),
  ];
  await using cluster = await createCluster({ nodes: 0, seed: 52, time: "virtual", controllers });
  throws = 1;
  await cluster.apply(configMap("late"));
  await cluster.until(() => cluster.get("configmaps", "late")?.metadata.labels?.["seen"] === "yes");
  const actor = (await actorsOf(cluster)).find(({ spec }) => spec.path === "/ctl/labeller");
  t.is(actor!.status!.restarts, 1);
});

/** Breaks the machine of the object named `bad`, as long as `broken` says so. */
const poison = (broken: () => boolean): FaultPort => ({
  enabled: true,
  at: ({ seam, path }) =>
    seam === "evaluator" && path.includes("/pods/default/bad") && broken() ? { kind: "crash" } : { kind: "none" },
});

test("a poisoned event becomes a dead letter, and the actor goes on with the next one", async (t) => {
  let broken = true;
  await using cluster = await createCluster({ nodes: 1, seed: 53, time: "virtual", faults: poison(() => broken) });
  const gate = { schedulingGates: [{ name: "example.com/wait" }] };
  await cluster.apply(pod("bad", { spec: gate }));
  await cluster.advance(5_000);
  const letters = cluster.master.core.host.deadLetters.all();
  t.deepEqual(
    letters.map(({ event, error }) => [event, error]),
    [["gated", "fault injected: crash"]],
  );
  t.true(letters[0]!.path.startsWith("/obj/core/pods/default/bad#"), letters[0]!.path);
  broken = false;
  await patch(cluster, "/api/v1/namespaces/default/pods/bad", { spec: { schedulingGates: null } });
  await cluster.until(() => isReady(cluster.get("pods", "bad")!));
  t.is(cluster.master.core.host.deadLetters.all().length, 1);
});

test("an object whose machine keeps failing is quarantined: it stays writable, runs, and can be deleted", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 54, time: "virtual", faults: poison(() => true) });
  const gate = { schedulingGates: [{ name: "example.com/wait" }] };
  await cluster.apply([pod("bad", { spec: gate }), pod("good")]);
  await patch(cluster, "/api/v1/namespaces/default/pods/bad", { spec: { schedulingGates: null } });
  await cluster.advance(20_000);
  t.true(isReady(cluster.get("pods", "good")!));
  t.true(isReady(cluster.get("pods", "bad")!), "node, scheduler and controllers go on with it");
  const parked = (await actorsOf(cluster)).filter(({ status }) => status?.status === "quarantined");
  t.deepEqual(
    parked.map(({ spec, status }) => [spec.path.replace(/#.*/, ""), status!.lastError]),
    [["/obj/core/pods/default/bad", "fault injected: crash"]],
  );
  await patch(cluster, "/api/v1/namespaces/default/pods/bad", { metadata: { labels: { touched: "yes" } } });
  await cluster.delete("pods", "bad");
  await cluster.until(() => cluster.get("pods", "bad") === undefined, { withinMs: 60_000 });
  await cluster.advance(1_000);
  t.is((await actorsOf(cluster)).filter(({ status }) => status?.status === "quarantined").length, 0);
});

const at = (broken: (seam: string, path: string) => boolean): FaultPort => ({
  enabled: true,
  at: ({ seam, path }) => (broken(seam, path) ? { kind: "crash" } : { kind: "none" }),
});

const actorAt = async (cluster: Cluster, path: string): Promise<ActorList["items"][number] | undefined> =>
  (await actorsOf(cluster)).find(({ spec }) => spec.path === path);

test("a part of the leader scope that fails takes the scope with it; failing again, the root builds a new one", async (t) => {
  let broken = false;
  const faults = at((seam, path) => broken && seam === "process" && path === "/leader/sweeps/sweep");
  await using cluster = await createCluster({ nodes: 1, seed: 58, time: "virtual", faults });
  broken = true;
  await cluster.advance(16_000);
  const sweeps = (await actorAt(cluster, "/leader/sweeps"))!;
  t.like(sweeps.status, { restarts: 1, lastError: "fault injected: crash", status: "live" });
  t.is((await actorAt(cluster, "/leader"))!.status!.restarts, 0);
  await cluster.advance(16_000);
  broken = false;
  const leader = (await actorAt(cluster, "/leader"))!;
  t.like(leader.status, { restarts: 1, lastError: "fault injected: crash" });
  t.is((await actorAt(cluster, "/ctl/deployment"))!.status!.status, "live");
  await cluster.apply(deployment("web", { replicas: 2 }));
  await rolledOut(cluster, "web");
});

test("a scope that cannot start makes the root give up: the process ends in order, and its next life converges", async (t) => {
  let broken = false;
  const faults = at((seam, path) => broken && seam === "process" && path === "/ctl");
  await using cluster = await createCluster({ nodes: 1, seed: 59, time: "virtual", faults, keeper: true });
  await cluster.apply(deployment("web", { replicas: 1 }));
  await rolledOut(cluster, "web");
  broken = true;
  await cluster.restartMaster();
  await cluster.apply(deployment("late", { replicas: 1 }));
  await cluster.until(() => cluster.lives > 0, { withinMs: 120_000 });
  t.is((await cluster.request("GET", "/readyz")).code, 200, "the API answers while the scope waits");
  broken = false;
  await rolledOut(cluster, "late");
  t.is(alive(cluster, "web").length, 1);
});

test("a command that the watchdog ended the process for is a dead letter, and its key waits for its release", async (t) => {
  const controllers = [labelled("seen", {})];
  await using cluster = await createCluster({ nodes: 0, seed: 60, time: "virtual", controllers });
  cluster.crashMaster();
  await cluster.startMaster({ crumb: { actor: "/ctl/labeller/default/stuck", event: "plan" } });
  await cluster.advance(1_000);
  const { host } = cluster.master.core;
  t.deepEqual(
    host.deadLetters.all().map(({ path, event }) => [path, event]),
    [["/ctl/labeller/default/stuck", "plan"]],
  );
  await cluster.apply([configMap("stuck"), configMap("other")]);
  await cluster.advance(2_000);
  t.is(cluster.get("configmaps", "other")!.metadata.labels!["seen"], "yes");
  t.is(cluster.get("configmaps", "stuck")!.metadata.labels?.["seen"], undefined);
  t.is((await actorAt(cluster, "/ctl/labeller/default/stuck"))!.status!.status, "quarantined");
  await cluster.run(host.release("ctl.labeller.default.stuck"));
  await cluster.until(() => cluster.get("configmaps", "stuck")!.metadata.labels?.["seen"] === "yes");
  t.is(await actorAt(cluster, "/ctl/labeller/default/stuck"), undefined);
});

test("a machine that fails for fifty objects is left out of use; their rows are written, and run", async (t) => {
  const faults = at((seam, path) => seam === "evaluator" && path.includes("/pods/default/many-"));
  await using cluster = await createCluster({ nodes: 1, seed: 61, time: "virtual", faults });
  for (let at = 0; at < 55; at += 1) await cluster.apply(pod(`many-${at}`));
  await cluster.until(() => cluster.list("pods").every(isReady), { withinMs: 60_000 });
  const answer = await cluster.request("GET", "/apis/actors.troupe.dev/v1/actors/obj.core.pods.default.many-54");
  t.is(answer.json<ActorList["items"][number]>().status!.state, "stored-only");
  await patch(cluster, "/api/v1/namespaces/default/pods/many-54", { metadata: { labels: { touched: "yes" } } });
  t.is(cluster.get("pods", "many-54")!.metadata.labels!["touched"], "yes");
});

test("with a fifth of the triggers lost, repeated or out of order everything converges", async (t) => {
  for (const kind of ["drop", "duplicate", "reorder"] as const) {
    let count = 0;
    const faults: FaultPort = {
      enabled: true,
      at: ({ seam, path }) =>
        seam === "mailbox" && /^\/(ctl|sched)\//.test(path) && (count += 1) % 5 === 0 ? { kind } : { kind: "none" },
    };
    await using cluster = await createCluster({ nodes: 2, seed: 62, time: "virtual", faults });
    await cluster.apply(deployment("web", { replicas: 4 }));
    // A chain of controllers may lose one trigger a link; each audit finds all that are lost by then.
    await rolledOut(cluster, "web", 3_600_000);
    t.is(alive(cluster, "web").filter(isReady).length, 4, kind);
  }
});

test("a part of an agent that throws at news is started again; pods and other parts go on", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 63, time: "virtual" });
  const { agent } = cluster.node("n1");
  let throws = 0;
  agent.link.desired.onChange(() => {
    throws += 1;
    if (throws === 1) throw new TypeError("bad news");
  });
  await cluster.apply(deployment("web", { replicas: 2 }));
  await rolledOut(cluster, "web");
  await cluster.advance(12_000);
  const link = (await actorAt(cluster, "/node/n1/link"))!;
  t.like(link.status, { restarts: 1, lastError: "bad news", state: "live", status: "live" });
  t.is((await actorAt(cluster, "/node/n1/status"))!.status!.restarts, 0);
  const { name } = alive(cluster, "web")[0]!.metadata;
  t.is((await actorAt(cluster, `/node/n1/pod/default/${name}`))!.status!.restarts, 0);
});

test("a rollout whose plans keep failing never breaks its bounds, and comes to its end", async (t) => {
  let faultsDone = 0;
  let last = Number.NEGATIVE_INFINITY;
  let now: (() => number) | undefined;
  // One each two seconds: often enough to hit every step, too seldom for quarantine.
  const faults = at((seam, path) => {
    if (now === undefined || seam !== "evaluator" || !/^\/(ctl\/(deployment|replicaset)|sched)\//.test(path))
      return false;
    if (now() - last < 2_000) return false;
    last = now();
    faultsDone += 1;
    return true;
  });
  await using cluster = await createCluster({ nodes: 2, seed: 64, time: "virtual", faults });
  const shape = { readinessProbe: true, annotations: { "simulated.troupe.dev/stop-ms": "3000" } };
  await cluster.apply(deployment("web", { replicas: 4, minReadySeconds: 2 }, shape));
  await rolledOut(cluster, "web");
  now = () => cluster.env.clock.mono();
  await setImage(cluster, "web", "web:2");
  await watching(
    cluster,
    () => alive(cluster, "web").length === 4 && alive(cluster, "web").every((each) => imageOf(each) === "web:2"),
    () => {
      const pods = alive(cluster, "web");
      t.true(pods.length <= 5 && pods.filter(isReady).length >= 3, `${pods.length} pods`);
    },
  );
  await rolledOut(cluster, "web");
  t.true(faultsDone >= 2, `${faultsDone} faults`);
  t.is((await actorsOf(cluster)).filter(({ status }) => status?.status === "quarantined").length, 0);
});

test("a pod that the scheduler fails on keeps no other waiting, and is parked by itself", async (t) => {
  const faults = at((seam, path) => seam === "evaluator" && path === "/sched/default/bad");
  await using cluster = await createCluster({ nodes: 1, seed: 65, time: "virtual", faults });
  await cluster.apply([pod("bad"), pod("good")]);
  await cluster.until(() => isReady(cluster.get("pods", "good")!));
  t.is(cluster.get("pods", "bad")!.spec.nodeName, undefined);
  await cluster.advance(5_000);
  const parked = (await actorAt(cluster, "/sched/default/bad"))!;
  t.is(parked.status!.status, "quarantined");
  t.is(parked.spec.supervisor, "/sched");
});
