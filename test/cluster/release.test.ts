// What a person sees of a parked actor, and how it is let go: conditions, Events, `actors/release`.
import test from "ava";
import type { FaultPort } from "../../src/env/faults.ts";
import { createCluster, type Cluster } from "../../src/testing/cluster.ts";
import type { ActorList } from "../../src/testing/typed-kinds.ts";
import { condition, deployment, isReady, patch, pod, rolledOut, alive, service } from "./kit.ts";

type Actor = ActorList["items"][number];

const root = "/apis/actors.troupe.dev/v1/actors";
const actorsOf = async (cluster: Cluster): Promise<readonly Actor[]> =>
  (await cluster.request("GET", root)).json<ActorList>().items;
const actorOf = async (cluster: Cluster, name: string): Promise<Actor> =>
  (await cluster.request("GET", `${root}/${name}`)).json<Actor>();
const release = async (cluster: Cluster, name: string, user?: { name: string; groups: string[] }): Promise<number> =>
  (await cluster.request("POST", `${root}/${name}/release`, undefined, user === undefined ? {} : { user })).code;
const eventsAbout = (cluster: Cluster, name: string): readonly string[] =>
  cluster
    .list("events")
    .filter(({ involvedObject }) => involvedObject.name === name)
    .map(({ reason }) => reason!);
const crashing = (broken: (seam: string, path: string) => boolean): FaultPort => ({
  enabled: true,
  at: ({ seam, path }) => (broken(seam, path) ? { kind: "crash" } : { kind: "none" }),
});

test("a parked actor marks its object until it is released; only masters of the cluster may do that", async (t) => {
  let broken = true;
  const faults = crashing((seam, path) => broken && seam === "evaluator" && path.includes("/pods/default/bad"));
  await using cluster = await createCluster({ nodes: 1, seed: 70, time: "virtual", faults });
  // Enough happens to it within five seconds: it is held, let go, bound and run.
  await cluster.apply(pod("bad", { spec: { schedulingGates: [{ name: "example.com/wait" }] } }));
  await patch(cluster, "/api/v1/namespaces/default/pods/bad", { spec: { schedulingGates: null } });
  await cluster.advance(20_000);
  const marked = condition(cluster.get("pods", "bad")!.status!.conditions, "ActorQuarantined")!;
  t.like(marked, { status: "True", reason: "RepeatedFaults" });
  t.true(marked.message!.startsWith("/obj/core/pods/default/bad keeps failing"), marked.message);
  t.true(eventsAbout(cluster, "bad").includes("ActorQuarantined"));
  t.true(isReady(cluster.get("pods", "bad")!), "its node goes on with it");
  const name = "obj.core.pods.default.bad";
  t.is(await release(cluster, name, { name: "jane", groups: ["developers"] }), 403);
  t.is(await release(cluster, name, { name: "system:node:n1", groups: ["system:nodes"] }), 403);
  t.is((await actorOf(cluster, name)).status!.status, "quarantined");
  broken = false;
  t.is(await release(cluster, name), 200);
  await cluster.advance(5_000);
  t.is((await actorOf(cluster, name)).status!.status, "live");
  t.is(condition(cluster.get("pods", "bad")!.status!.conditions, "ActorQuarantined"), undefined);
  t.true(eventsAbout(cluster, "bad").includes("ActorReleased"));
  t.is(await release(cluster, name), 200, "twice does no harm");
  t.is(await release(cluster, "obj.core.pods.default.nobody"), 404);
  await cluster.advance(60_000);
  t.is(condition(cluster.get("pods", "bad")!.status!.conditions, "ActorQuarantined"), undefined, "and stays so");
});

test("a key that its controller is not planned for marks its object, survives a restart, and is planned after its release", async (t) => {
  let broken = true;
  const faults = crashing((seam, path) => broken && seam === "evaluator" && path === "/ctl/replicaset/default/web-rs");
  await using cluster = await createCluster({ nodes: 1, seed: 71, time: "virtual", faults });
  const set = deployment("web-rs", { replicas: 2 });
  await cluster.apply({ ...set, kind: "ReplicaSet" });
  await cluster.advance(10_000);
  const marked = () =>
    condition(cluster.get("replicasets.apps", "web-rs")!.status!.conditions ?? [], "ActorQuarantined");
  t.is(marked()!.status, "True");
  await cluster.restartMaster();
  await cluster.advance(5_000);
  const name = "ctl.replicaset.default.web-rs";
  t.like((await actorOf(cluster, name)).status, { status: "quarantined", lastError: "fault injected: crash" });
  t.is(cluster.list("pods").length, 0);
  broken = false;
  t.is(await release(cluster, name), 200);
  await cluster.until(() => cluster.list("pods").filter(isReady).length === 2, { withinMs: 20_000 });
  t.is(marked(), undefined);
  t.true(eventsAbout(cluster, "web-rs").includes("ActorReleased"));
});

test("of two actors that are parked for one object, the last that is released takes the mark away", async (t) => {
  let broken = true;
  const keys = ["/ctl/endpoints/default/web", "/ctl/endpointslice/default/web"];
  const faults = crashing((seam, path) => broken && seam === "evaluator" && keys.includes(path));
  await using cluster = await createCluster({ nodes: 1, seed: 72, time: "virtual", faults });
  await cluster.apply(service("web"));
  await cluster.advance(10_000);
  const marked = () => condition(cluster.get("services", "web")!.status?.conditions ?? [], "ActorQuarantined");
  t.is(marked()!.status, "True");
  broken = false;
  t.is(await release(cluster, "ctl.endpoints.default.web"), 200);
  await cluster.advance(1_000);
  t.truthy(marked(), "the other one is still parked");
  t.is(await release(cluster, "ctl.endpointslice.default.web"), 200);
  await cluster.advance(1_000);
  t.is(marked(), undefined);
  t.is(cluster.list("endpointslices.discovery.k8s.io", { namespace: "default" }).length, 2);
});

test("a machine that is left out of use is listed, and is used again once it is released", async (t) => {
  let broken = true;
  const faults = crashing((seam, path) => broken && seam === "evaluator" && path.includes("/pods/default/many-"));
  await using cluster = await createCluster({ nodes: 1, seed: 73, time: "virtual", faults });
  for (let at = 0; at < 55; at += 1) await cluster.apply(pod(`many-${at}`));
  await cluster.until(() => cluster.list("pods").every(isReady), { withinMs: 60_000 });
  const open = (await actorsOf(cluster)).find(({ spec }) => spec.machine === "breaker")!;
  t.like(open.status, { state: "open", status: "quarantined" });
  t.is((await actorOf(cluster, "obj.core.pods.default.many-54")).status!.state, "stored-only");
  broken = false;
  t.is(await release(cluster, open.metadata.name), 200);
  t.is((await actorsOf(cluster)).filter(({ spec }) => spec.machine === "breaker").length, 0);
  t.is((await actorOf(cluster, "obj.core.pods.default.many-54")).status!.state, "ready");
});

test("dead letters are shown with their actor, also after a restart of the master", async (t) => {
  let broken = true;
  const faults = crashing((seam, path) => broken && seam === "evaluator" && path.includes("/pods/default/bad"));
  await using cluster = await createCluster({ nodes: 1, seed: 74, time: "virtual", faults });
  await cluster.apply(pod("bad", { spec: { schedulingGates: [{ name: "example.com/wait" }] } }));
  await cluster.advance(5_000);
  broken = false;
  await cluster.restartMaster();
  await cluster.advance(1_000);
  const listed = (await actorsOf(cluster)).find(({ spec }) => spec.path.startsWith("/obj/core/pods/default/bad#"))!;
  t.like(listed.status!.deadLetters![0], { event: "gated", error: "fault injected: crash" });
  t.truthy(listed.status!.deadLetters![0]!.time);
  const table = await cluster.request("GET", root, undefined, {
    headers: { accept: "application/json;as=Table;v=v1;g=meta.k8s.io,application/json" },
  });
  const { columnDefinitions, rows } = table.json<{
    columnDefinitions: { name: string }[];
    rows: { cells: (string | number)[] }[];
  }>();
  const at = columnDefinitions.findIndex(({ name }) => name === "Dead Letters");
  t.deepEqual(
    rows.filter(({ cells }) => cells[at] === 1).map(({ cells }) => String(cells[0]).replace(/#.*/, "")),
    ["/obj/core/pods/default/bad"],
  );
  const metrics = await cluster.request("GET", "/metrics");
  t.regex(metrics.text, /^troupe_actor_dead_letters 1$/m);
  t.regex(metrics.text, /^troupe_actors\{status="live"\} \d+$/m);
});

test("an actor tells which events it takes, and what one of them would do, without doing it", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 75, time: "virtual" });
  await cluster.apply(deployment("web", { replicas: 1 }));
  await rolledOut(cluster, "web");
  const before = cluster.digest;
  const name = `obj.core.pods.default.${alive(cluster, "web")[0]!.metadata.name}`;
  const explain = async (query = "") =>
    (await cluster.request("GET", `${root}/${name}/explain${query}`)).json<{
      readonly kind: string;
      readonly events: readonly string[];
      readonly step?: { readonly event: string; readonly to: string; readonly ignored: boolean };
    }>();
  const said = await explain();
  t.is(said.kind, "ActorExplanation");
  t.true(said.events.includes("terminating"), said.events.join(" "));
  t.is(said.step, undefined);
  t.like((await explain("?event=terminating")).step, { event: "terminating", ignored: false });
  t.like((await explain("?event=nonsense")).step, { event: "nonsense", ignored: true });
  t.is(cluster.digest, before);
  t.is((await cluster.request("GET", `${root}/obj.nothing/explain`)).code, 404);
});

test("a pod that masters restored from a backup do not know runs on, is shown as held, and ends once it is released", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 76, time: "virtual" });
  await cluster.apply([pod("kept"), pod("lost")]);
  await cluster.until(() => cluster.list("pods").every(isReady) && cluster.list("pods").length === 2);
  const running = () =>
    cluster
      .node("n1")
      .agent.node.pods.list()
      .map(({ name }) => name);
  cluster.node("n1").cut();
  await cluster.advance(1_000);
  // The pod's row is gone as it would be from an older backup; the node does not hear of it.
  await cluster.delete("pods", "lost", { body: { gracePeriodSeconds: 0 } });
  cluster.crashMaster();
  await cluster.startMaster({ epoch: "epoch-2" });
  cluster.node("n1").heal();
  await cluster.advance(60_000);
  t.deepEqual([...running()].toSorted(), ["kept", "lost"]);
  const name = "node.n1.pod.default.lost";
  t.like((await actorOf(cluster, name)).status, {
    status: "held",
    lastError: "held: the masters of this epoch do not know the pod",
  });
  t.is((await actorOf(cluster, "node.n1.pod.default.kept")).status!.status, "live");
  t.is(await release(cluster, name), 200);
  await cluster.until(() => !running().includes("lost"), { withinMs: 60_000 });
  t.deepEqual(running(), ["kept"]);
});
