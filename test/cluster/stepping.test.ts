import test from "ava";
import type { TransitionMessage } from "../../src/api/grpc/messages.ts";
import { drawTransition, mermaid, type ActorChart } from "../../src/cli/chart.ts";
import { createCluster, type ActorTransition, type Cluster } from "../../src/testing/main.ts";
import { deployment } from "./kit.ts";

async function chartOf(cluster: Cluster, name: string): Promise<ActorChart> {
  const answer = await cluster.request("GET", `/apis/actors.troupe.dev/v1/actors/${name}/chart`);
  if (answer.code !== 200) throw new Error(answer.text);
  return answer.json<ActorChart>();
}

test("every listed actor, and every object, has a chart in which its state of now is a state", async (t) => {
  await using cluster = await createCluster({ nodes: 1 });
  const probe = { httpGet: { path: "/", port: 80 } };
  const containers = [{ name: "app", image: "web:1", livenessProbe: probe }];
  await cluster.apply(deployment("web", { replicas: 1 }, { spec: { containers } }));
  await cluster.settled();
  await cluster.advance("12s");
  const listed = await cluster.request("GET", "/apis/actors.troupe.dev/v1/actors");
  const names = listed.json<{ items: { metadata: { name: string } }[] }>().items.map(({ metadata }) => metadata.name);
  const [pod] = cluster.list("Pod");
  names.push("obj.apps.deployments.default.web", `obj.core.pods.default.${pod?.metadata.name}`, "obj.core.nodes.-.n1");
  t.true(
    names.some((name) => name.endsWith(".liveness.app")),
    "a probe is among them",
  );
  for (const name of names) {
    const { actor, states, initial, transitions } = await chartOf(cluster, name);
    const ids = states.map(({ id }) => id);
    t.true(
      ids.some((id) => id === actor.state || id.endsWith(`.${actor.state}`)),
      `${name} is ${actor.state}: ${ids.join()}`,
    );
    t.true(initial === "" || ids.includes(initial), name);
    for (const { from, to } of transitions) {
      t.true(from === "" || ids.includes(from), `${name}: from ${from}`);
      t.true(to === undefined || ids.includes(to), `${name}: to ${to}`);
    }
  }
  const { code } = await cluster.request("GET", "/apis/actors.troupe.dev/v1/actors/ctl.nobody/chart");
  t.is(code, 404);
  const refused = await cluster.request("GET", "/apis/actors.troupe.dev/v1/actors/sched/chart", undefined, {
    user: { name: "eve", groups: ["system:authenticated"] },
  });
  t.is(refused.code, 403);
});

test("a chart is drawn as a Mermaid diagram that marks where the actor is", async (t) => {
  await using cluster = await createCluster({ nodes: 1 });
  await cluster.apply(deployment("web", { replicas: 1 }));
  await cluster.settled();
  const lines = mermaid(await chartOf(cluster, "obj.apps.deployments.default.web"));
  t.true(lines.includes("  progressing --> complete: complete"));
  t.true(lines.includes("  any_state --> terminating: terminating"));
  t.is(lines.at(-1), "  class complete here");
  const [pod] = cluster.list("Pod");
  const nested = mermaid(await chartOf(cluster, `node.n1.pod.default.${pod?.metadata.name}`));
  t.true(nested.includes("  state stage {"));
  t.true(nested.includes("  work_resting --> work_acting: after wake"));
  t.is(nested.at(-1), "  class stage_running here");
});

test("the native API tells transitions as they happen, of rows by the commit and of other actors within a second", async (t) => {
  await using cluster = await createCluster({ nodes: 1 });
  const client = cluster.client();
  const seen: TransitionMessage[] = [];
  const follow = async (): Promise<void> => {
    for await (const transition of client.transitions()) seen.push(transition);
  };
  const following = follow();
  await cluster.advance(10);
  await cluster.apply(deployment("web", { replicas: 1 }));
  await cluster.settled();
  await cluster.advance("3s");
  const lineOf = (path: string): readonly string[] =>
    seen.filter((each) => each.path.startsWith(path)).map(({ from, to }) => `${from} ${to}`);
  t.deepEqual(lineOf("/obj/apps/deployments/"), ["gone progressing", "progressing complete"]);
  t.deepEqual(lineOf("/obj/core/pods/"), ["gone unscheduled", "unscheduled bound", "bound ready"]);
  t.deepEqual(lineOf("/node/n1/pod/"), [" running"]);
  const revisions = seen.map(({ revision }) => revision).filter((revision) => revision > 0);
  t.deepEqual(
    revisions,
    revisions.toSorted((a, b) => a - b),
  );
  const complete = seen.find(({ to }) => to === "complete");
  t.regex(
    drawTransition(complete!),
    /\/obj\/apps\/deployments\/default\/web {2}progressing → complete {2}on complete$/,
  );
  client.close();
  await t.throwsAsync(cluster.run(following), { message: /the connection broke/ });
});

test("who may not list actors may not follow their transitions", async (t) => {
  await using cluster = await createCluster({ nodes: 0 });
  const client = cluster.client({ name: "eve", groups: ["system:authenticated"] });
  const first = client.transitions().next();
  await t.throwsAsync(cluster.run(first), { message: /forbidden/ });
});

test("a breakpoint stops time right at the transition, and a run that is watched is the same run", async (t) => {
  const run = async (watched: boolean): Promise<string> => {
    await using cluster = await createCluster({ nodes: 2, seed: 11 });
    const seen: ActorTransition[] = [];
    if (watched) cluster.onTransition((transition) => void seen.push(transition));
    await cluster.apply(deployment("web"));
    if (watched) {
      const hit = await cluster.breakOn({ kind: "Deployment", name: "web" }, { to: "complete" });
      t.is(hit.from, "progressing");
      t.is(cluster.get("Deployment", "web")?.status?.readyReplicas, 3);
      t.is(Number(cluster.get("Deployment", "web")?.metadata.resourceVersion), hit.revision);
      t.is(seen.at(-1)?.revision, hit.revision, "nothing was committed behind it");
    }
    await cluster.settled();
    await cluster.advance("1m");
    return cluster.digest;
  };
  t.is(await run(true), await run(false));
});

test("a breakpoint holds on actors that are no rows, and says so when the transition does not come", async (t) => {
  await using cluster = await createCluster({ nodes: 1 });
  await cluster.apply(deployment("web", { replicas: 1 }));
  await cluster.until(() => cluster.list("Pod").length === 1, { stepMs: 1 });
  const [pod] = cluster.list("Pod");
  const hit = await cluster.breakOn(`/node/n1/pod/default/${pod?.metadata.name}`, { to: "running" });
  t.is(hit.machine, "node-pod");
  t.is(cluster.get("Deployment", "web")?.status?.readyReplicas, undefined, "what follows has not happened yet");
  await t.throwsAsync(cluster.breakOn({ kind: "Deployment", name: "web" }, { to: "paused" }, "5s"), {
    message: /web: no transition \{"to":"paused"\}/,
  });
});

test("a paused controller's keys wait, are seen, and go on one at a time; everybody else goes on", async (t) => {
  await using cluster = await createCluster({ nodes: 1 });
  const paused = cluster.pauseActor("/ctl/deployment");
  await cluster.apply([deployment("a", { replicas: 1 }), deployment("b", { replicas: 1 })]);
  await cluster.advance("5s");
  t.deepEqual(paused.waiting.map(({ path, event }) => `${path} ${event}`).toSorted(), [
    "/ctl/deployment/default/a plan",
    "/ctl/deployment/default/b plan",
  ]);
  t.is(cluster.list("ReplicaSet").length, 0);
  const { path } = await paused.step();
  const stepped = path.slice(path.lastIndexOf("/") + 1);
  t.deepEqual(
    cluster.list("ReplicaSet").map(({ metadata }) => metadata.labels?.["app"]),
    [stepped],
  );
  await cluster.until(() => cluster.list("Pod").length === 1);
  await cluster.advance("5s");
  t.is(cluster.get("Deployment", stepped)?.status?.readyReplicas, undefined, "news of its pods wait too");
  paused.resume();
  await cluster.settled();
  t.deepEqual(
    cluster.list("Deployment").map(({ status }) => status?.readyReplicas),
    [1, 1],
  );
});

test("requests about a paused object wait in order, and others are answered", async (t) => {
  await using cluster = await createCluster({ nodes: 0 });
  const body = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "c" } };
  await cluster.apply(body);
  const paused = cluster.pauseActor({ kind: "ConfigMap", name: "c" });
  const patch = (data: object) =>
    cluster.open(
      "PATCH",
      "/api/v1/namespaces/default/configmaps/c",
      { data },
      {
        headers: { "content-type": "application/merge-patch+json" },
      },
    );
  const [first, second] = [patch({ a: "1" }), patch({ a: "2" })];
  await cluster.apply({ ...body, metadata: { name: "other" } });
  t.deepEqual(
    paused.waiting.map(({ path, event, from }) => [path, event, from]),
    [
      ["/obj/core/configmaps/default/c", "patch", "admin"],
      ["/obj/core/configmaps/default/c", "patch", "admin"],
    ],
  );
  await paused.step();
  t.deepEqual([first.status, second.ended], [200, false]);
  t.deepEqual(cluster.get("ConfigMap", "c")?.data, { a: "1" });
  await paused.step();
  t.deepEqual([second.status, cluster.get("ConfigMap", "c")?.data], [200, { a: "2" }]);
  t.deepEqual(paused.waiting, []);
});

test("a pod's actor is stepped through its start", async (t) => {
  await using cluster = await createCluster({ nodes: 1 });
  const paused = cluster.pauseActor("/node/n1/pod/default/web");
  await cluster.apply({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "web" },
    spec: { containers: [{ name: "app", image: "web:1" }] },
  });
  await cluster.advance("30s");
  t.is(cluster.get("Pod", "web")?.spec.nodeName, "n1");
  t.is(cluster.get("Pod", "web")?.status?.startTime, undefined);
  const stages: string[] = [];
  for (let steps = 0; steps < 30 && cluster.get("Pod", "web")?.status?.phase !== "Running"; steps += 1) {
    await paused.step();
    stages.push(cluster.inspect(paused.path)?.view.state ?? "");
  }
  t.is(cluster.get("Pod", "web")?.status?.phase, "Running");
  t.deepEqual([stages[0], stages.at(-1)], ["idle", "running"], "one step prepares, another starts");
});

test("an actor is inspected as it stands", async (t) => {
  await using cluster = await createCluster({ nodes: 1 });
  await cluster.apply(deployment("web", { replicas: 1 }));
  await cluster.settled();
  const actor = cluster.inspect({ kind: "Deployment", name: "web" });
  t.is(actor?.view.state, "complete");
  t.true(actor?.events.includes("paused"));
  t.true(actor?.chart?.transitions.some(({ from, event }) => from === "complete" && event === "paused"));
  t.is(cluster.inspect({ kind: "Deployment", name: "nobody" }), undefined);
});
