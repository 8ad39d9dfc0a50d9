// Faults as objects of the API, in a virtual cluster: what they do, that they end by themselves, and that
// nothing of them can be reached where they are not enabled.
import test, { type ExecutionContext } from "ava";
import type { Fault, FaultSpec } from "../../src/kinds/generated/types.ts";
import { createCluster, type Cluster, type Manifest } from "../../src/testing/cluster.ts";
import type { Status } from "../../src/util/errors.ts";
import { alive, configMap, deployment, isReady, pod } from "./kit.ts";

const faultsPath = "/apis/faults.troupe.dev/v1/faults";

const faultOf = (name: string, spec: Partial<FaultSpec> & { kind: string }): Manifest & { spec: FaultSpec } => ({
  apiVersion: "faults.troupe.dev/v1",
  kind: "Fault",
  metadata: { name },
  spec,
});

const statusOf = (cluster: Cluster, name: string): NonNullable<Fault["status"]> =>
  cluster.get("Fault", name)?.status ?? {};

const phaseOf = (cluster: Cluster, name: string): string | undefined => statusOf(cluster, name).phase;

const ended = (cluster: Cluster, name: string): Promise<void> =>
  cluster.until(() => phaseOf(cluster, name) === "Ended", { withinMs: 900_000, stepMs: 500 });

const eventsOf = (cluster: Cluster, name: string): readonly string[] =>
  cluster
    .list("events")
    .filter(({ involvedObject }) => involvedObject.kind === "Fault" && involvedObject.name === name)
    .map(({ reason }) => reason ?? "");

const isUp = (cluster: Cluster, name: string): boolean => {
  const found = cluster.get("Pod", name);
  return found !== undefined && isReady(found);
};

const ready = (cluster: Cluster, name: string): number => cluster.get("Deployment", name)?.status?.readyReplicas ?? 0;

test("a fault says what it hit, ends after its count, is told in Events, and goes away", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 3, faults: true });
  await cluster.apply(
    faultOf("lost", { kind: "error", seam: "cri", where: { name: "web" }, for: { ms: 30_000, count: 2 } }),
  );
  await cluster.apply(pod("web"));
  await ended(cluster, "lost");
  await cluster.until(() => isUp(cluster, "web"));
  const { spec, status } = cluster.get("Fault", "lost")!;
  t.deepEqual(spec.for, { ms: 30_000, count: 2 });
  t.is(status?.reason, "Done");
  t.is(status?.hits, 2);
  t.deepEqual(status?.seams, [{ seam: "cri", hits: 2 }]);
  t.is(status?.targets?.length, 1);
  t.like(status?.targets?.[0], { target: "node/n1", phase: "Ended", hits: 2 });
  t.regex(status?.targets?.[0]?.points?.[0]?.path ?? "", /^\/node\/n1\/cri\//);
  t.true(status?.startedAt !== undefined && status.endedAt !== undefined);
  t.deepEqual(eventsOf(cluster, "lost").toSorted(), ["FaultEnded", "FaultStarted"]);
  await cluster.advance("61m");
  t.is(cluster.get("Fault", "lost"), undefined);
});

test("a fault ends by its time although its target cannot hear the masters", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 4, faults: true });
  await cluster.apply(faultOf("deaf", { kind: "hang", seam: "link", where: { node: "n1" }, for: { ms: 20_000 } }));
  await cluster.apply(pod("web"));
  await cluster.advance("15s");
  t.false(isUp(cluster, "web"), "nothing reaches the node");
  await cluster.until(() => isUp(cluster, "web"));
  await ended(cluster, "deaf");
  t.is(statusOf(cluster, "deaf").reason, "Expired");
  await cluster.until(() => (statusOf(cluster, "deaf").hits ?? 0) > 0);
});

test("deleting a fault ends it at once, and that is an Event too", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 5, faults: true });
  await cluster.apply(
    faultOf("stuck", { kind: "hang", where: { kind: "configmaps", name: "one" }, for: { ms: 300_000 } }),
  );
  const stuck = cluster.open("POST", "/api/v1/namespaces/default/configmaps", configMap("one"));
  await cluster.advance("2s");
  t.true(stuck.ended, "a create has no name yet: it goes to nobody's mailbox");
  const late = cluster.open("PUT", "/api/v1/namespaces/default/configmaps/one", configMap("one", { a: "b" }));
  await cluster.advance("2s");
  t.false(late.ended, "the write waits in a mailbox that nobody empties");
  await cluster.delete("faults.faults.troupe.dev", "stuck");
  const answer = await cluster.request(
    "PUT",
    "/api/v1/namespaces/default/configmaps/one",
    configMap("one", { a: "c" }),
  );
  t.is(answer.code, 200);
  await cluster.until(() => eventsOf(cluster, "stuck").includes("FaultEnded"));
});

test("the same seed decides the same hits; another seed others", async (t) => {
  const hitsOf = async (seed: number): Promise<readonly string[]> => {
    await using cluster = await createCluster({ nodes: 1, seed: 9, faults: true });
    await cluster.apply(
      faultOf("some", { kind: "drop", where: { kind: "configmaps" }, when: { p: 0.5 }, seed, for: { ms: 20_000 } }),
    );
    await cluster.advance("1s");
    for (let at = 0; at < 20; at += 1) {
      cluster.open("PUT", `/api/v1/namespaces/default/configmaps/c${at}`, configMap(`c${at}`));
      await cluster.advance(100);
    }
    await ended(cluster, "some");
    await cluster.advance("3s");
    return (statusOf(cluster, "some").targets?.[0]?.points ?? []).map(({ path }) => path).toSorted();
  };
  const [first, again, other] = [await hitsOf(1), await hitsOf(1), await hitsOf(2)];
  t.true(first.length > 3 && first.length < 17, `${first.length} of 20`);
  t.deepEqual(again, first);
  t.notDeepEqual(other, first);
});

test("a schedule begins again and again; each time the child is started anew", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 6, faults: true });
  const spec = { kind: "crash", where: { path: "/ctl/deployment" }, for: { ms: 1_000, count: 1 } };
  await cluster.apply(faultOf("again", { ...spec, schedule: { everyMs: 10_000, times: 3 } }));
  await cluster.apply(deployment("web"));
  await ended(cluster, "again");
  await cluster.until(() => statusOf(cluster, "again").hits === 3);
  await cluster.until(() => ready(cluster, "web") === 3);
  const answer = await cluster.request("GET", "/apis/actors.troupe.dev/v1/actors/ctl.deployment");
  const { status } = answer.json<{ status: { restarts: number; lastError?: string } }>();
  t.is(status.restarts, 3);
  t.is(status.lastError, "fault injected: crash");
});

test("a fault that begins later is Pending until then", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 6, faults: true });
  await cluster.apply(faultOf("later", { kind: "drop", when: { atMs: 60_000 }, for: { ms: 1_000 } }));
  await cluster.until(() => phaseOf(cluster, "later") === "Pending");
  await cluster.advance("62s");
  await cluster.until(() => ["Active", "Ended"].includes(phaseOf(cluster, "later") ?? ""));
  t.true((statusOf(cluster, "later").startedAt ?? "") > cluster.get("Fault", "later")!.metadata.creationTimestamp);
});

test("actors are chosen by label, by supervisor and by node", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 7, faults: true });
  await cluster.apply([pod("web", { labels: { app: "web" } }), pod("api", { labels: { app: "api" } })]);
  await cluster.settled();
  await cluster.apply([
    faultOf("by-label", { kind: "crash", where: { labels: "app=web", path: "/node/*/pod/**" }, for: { ms: 2_000 } }),
    faultOf("by-supervisor", { kind: "crash", where: { supervisor: "/ctl" }, for: { ms: 2_000, count: 1 } }),
    faultOf("by-node", { kind: "crash", where: { node: "n2", path: "/node/*/status" }, for: { ms: 2_000 } }),
  ]);
  for (const name of ["by-label", "by-supervisor", "by-node"]) await ended(cluster, name);
  await cluster.advance("3s");
  const points = (name: string): readonly string[] =>
    (statusOf(cluster, name).targets ?? []).flatMap(({ points: own }) => (own ?? []).map(({ path }) => path));
  t.deepEqual(
    points("by-label").map((path) => path.replace(/n\d/, "n")),
    ["/node/n/pod/default/web"],
  );
  t.is(points("by-supervisor").length, 1);
  t.regex(points("by-supervisor")[0] ?? "", /^\/ctl\/[a-z-]+$/);
  t.deepEqual(points("by-node"), ["/node/n2/status"]);
  await cluster.until(() => cluster.list("pods").every((each) => isReady(each)));
});

test("a fault kills an agent once, and its next life does not do it again", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 8, faults: true });
  await cluster.apply(pod("web"));
  await cluster.settled();
  await cluster.apply(
    faultOf("kill", { kind: "crash", seam: "program", where: { node: "n1" }, for: { ms: 60_000, count: 1 } }),
  );
  await cluster.until(() => cluster.node("n1").restarts === 1);
  await cluster.advance("90s");
  t.is(cluster.node("n1").restarts, 1);
  t.is(statusOf(cluster, "kill").hits, 1);
  t.true(isUp(cluster, "web"));
  t.is(cluster.get("Pod", "web")?.status?.containerStatuses?.[0]?.restartCount, 0, "containers outlive it");
});

test("a master is killed, cut off one way, and paused: writes go on at the others, and nothing is lost", async (t) => {
  const cuts: readonly (readonly [string, Partial<FaultSpec> & { kind: string }])[] = [
    ["kill", { kind: "crash", seam: "program", where: { role: "leader" }, for: { ms: 10_000, count: 1 } }],
    ["one-way", { kind: "drop", seam: "net", where: { from: "m1" }, for: { ms: 10_000 } }],
    ["partial", { kind: "drop", seam: "net", where: { from: "m1", to: "m2" }, for: { ms: 10_000 } }],
    ["full", { kind: "drop", seam: "net", where: { master: "m1" }, for: { ms: 10_000 } }],
    [
      "pause",
      { kind: "pause", seam: "program", where: { role: "leader" }, args: { ms: 5_000 }, for: { ms: 10_000, count: 1 } },
    ],
    ["muddle", { kind: "reorder", seam: "net", where: { master: "m1" }, when: { p: 0.3 }, for: { ms: 10_000 } }],
  ];
  for (const [what, spec] of cuts) {
    await using cluster = await createCluster({ masters: 3, nodes: 1, seed: 11, faults: true });
    await cluster.apply(deployment("web", { replicas: 2 }));
    await cluster.settled();
    await cluster.apply(faultOf("cut", spec));
    for (let at = 0; at < 5; at += 1) {
      await cluster.advance("1s");
      await cluster.until(() => cluster.leader !== undefined);
      const made = await writeOnce(cluster, `c${at}`);
      t.true(made, `${what}: c${at} is written`);
    }
    await cluster.until(() => phaseOf(cluster, "cut") === "Ended", { withinMs: 120_000 });
    await cluster.until(() => (statusOf(cluster, "cut").hits ?? 0) > 0, { withinMs: 60_000 });
    for (let at = 0; at < 5; at += 1) t.truthy(cluster.get("ConfigMap", `c${at}`), `${what}: c${at}`);
    await cluster.until(() => ready(cluster, "web") === 2);
  }
});

/** Asks until somebody answers: connections break, and one that is paused answers nothing. */
async function writeOnce(cluster: Cluster, name: string): Promise<boolean> {
  for (let tries = 0; tries < 40; tries += 1) {
    for (const { name: via, isUp } of cluster.members) {
      if (!isUp) continue;
      const exchange = cluster.open("POST", "/api/v1/namespaces/default/configmaps", configMap(name), { via });
      await cluster.advance(500);
      if (exchange.ended && (exchange.status === 201 || exchange.status === 409)) return true;
    }
  }
  return false;
}

test("a slow disk slows, a failing one ends the master, which comes back with all that it acknowledged", async (t) => {
  await using cluster = await createCluster({ nodes: 0, seed: 12, faults: true, keeper: true });
  await cluster.apply(faultOf("slow", { kind: "delay", seam: "disk", args: { ms: 300 }, for: { ms: 5_000 } }));
  await cluster.advance("1s");
  const began = cluster.env.clock.mono();
  await cluster.apply(configMap("slow"));
  t.true(cluster.env.clock.mono() - began >= 300);
  await cluster.advance("10s");
  const spec = { kind: "error", seam: "disk", where: { path: "/disk/write/**" }, args: { code: "EIO" } };
  await cluster.apply(faultOf("broken", { ...spec, for: { ms: 20_000, count: 1 } }));
  await cluster.until(() => cluster.lives === 1, { withinMs: 30_000 });
  await cluster.until(() => cluster.leader !== undefined);
  t.truthy(cluster.get("ConfigMap", "slow"));
});

test("a clock that is off moves no one's time of life", async (t) => {
  await using cluster = await createCluster({ nodes: 2, seed: 13, faults: true });
  await cluster.apply(deployment("web", { replicas: 4 }));
  await cluster.settled();
  const uids = new Set(alive(cluster, "web").map(({ metadata }) => metadata.uid));
  await cluster.apply(
    faultOf("skew", { kind: "skew", where: { node: "n1" }, args: { ms: 300_000 }, for: { ms: 120_000 } }),
  );
  await cluster.advance("3m");
  t.deepEqual(new Set(alive(cluster, "web").map(({ metadata }) => metadata.uid)), uids, "no pod was replaced");
  t.like(statusOf(cluster, "skew"), { phase: "Ended", hits: 1 });
});

test("a poisoned object's reaction is dead-lettered while its writes go on", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 14, faults: true });
  await cluster.apply(pod("web"));
  await cluster.settled();
  await cluster.apply(faultOf("poison", { kind: "poison", where: { kind: "pods", name: "web" }, for: { ms: 30_000 } }));
  await cluster.advance("1s");
  const patch = { headers: { "content-type": "application/merge-patch+json" } };
  const body = { metadata: { labels: { a: "b" } } };
  const answer = await cluster.request("PATCH", "/api/v1/namespaces/default/pods/web", body, patch);
  t.is(answer.code, 200, "the row wins");
  t.is(cluster.get("Pod", "web")?.metadata.labels?.["a"], "b");
});

test("cluster.fault and Fault objects share their seams: a record is a spec", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 15, faults: true });
  const fault = cluster.fault({ seam: "actor", kind: "crash", where: { path: "/node/n1/status" }, for: { count: 1 } });
  await cluster.advance("1s");
  t.is(fault.hits, 1);
  const disk = cluster.fault({
    seam: "disk",
    kind: "delay",
    where: { master: "m1" },
    args: { ms: 1 },
    for: { count: 1 },
  });
  await cluster.apply(configMap("one"));
  t.is(disk.hits, 1);
});

// ---- who may, and that the door is shut ----

async function refused(
  t: ExecutionContext,
  cluster: Cluster,
  user: object | undefined,
  code: number,
  what: string,
): Promise<void> {
  const options = user === undefined ? {} : { user: user as { name: string; groups: readonly string[] } };
  const body = faultOf("attack", { kind: "drop" });
  const tries: readonly (readonly [string, string, unknown?])[] = [
    ["GET", faultsPath],
    ["GET", `${faultsPath}?watch=true`],
    ["GET", `${faultsPath}/attack`],
    ["POST", faultsPath, body],
    ["PUT", `${faultsPath}/attack`, body],
    ["PATCH", `${faultsPath}/attack`, body],
    ["PATCH", `${faultsPath}/attack/status`, body],
    ["DELETE", `${faultsPath}/attack`],
    ["DELETE", faultsPath],
  ];
  for (const [method, path, sent] of tries) {
    const headers = method === "PATCH" ? { headers: { "content-type": "application/merge-patch+json" } } : {};
    const exchange = cluster.open(method, path, sent, { ...options, ...headers });
    await cluster.until(() => exchange.ended, { stepMs: 1 });
    t.is(exchange.status, code, `${what}: ${method} ${path}`);
    t.is((JSON.parse(exchange.text) as Status).kind, "Status");
  }
}

test("only system:masters reach Faults where they are served; a node may say what they did, and no more", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 16, faults: true });
  await refused(t, cluster, { name: "jane", groups: ["system:authenticated"] }, 403, "jane");
  await cluster.apply(faultOf("mine", { kind: "drop", where: { name: "nobody" } }));
  const node = { name: "system:node:n1", groups: ["system:nodes", "system:authenticated"] };
  const merge = { user: node, headers: { "content-type": "application/merge-patch+json" } };
  for (const [method, path] of [
    ["GET", faultsPath],
    ["POST", faultsPath],
    ["DELETE", `${faultsPath}/mine`],
    ["PATCH", `${faultsPath}/mine`],
  ] as const) {
    const answer = await cluster.request(method, path, method === "GET" ? undefined : {}, merge);
    t.is(answer.code, 403, `${method} ${path}`);
  }
  const told = await cluster.request("PATCH", `${faultsPath}/mine/status`, { spec: { kind: "crash" } }, merge);
  t.is(told.code, 200);
  t.is(cluster.get("Fault", "mine")?.spec.kind, "drop");
});

test("without the flag there is no route, no discovery, no kind: an administrator gets what any unknown path gets", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 17 });
  await refused(t, cluster, undefined, 404, "admin");
  const unknown = await cluster.request("GET", "/apis/nothing.example/v1/things");
  const answer = await cluster.request("GET", faultsPath);
  t.is(answer.text, unknown.text);
  for (const path of [
    "/apis",
    "/apis/faults.troupe.dev",
    "/apis/faults.troupe.dev/v1",
    "/",
    "/openapi/v2",
    "/openapi/v3",
    "/metrics",
  ]) {
    const { text, code } = await cluster.request("GET", path);
    t.notRegex(text.replace("page not found", ""), /faults\.troupe|FaultSpec/, path);
    if (path.includes("faults")) t.is(code, 404);
  }
});

test("a snapshot with Faults in it is inert in a process without the flag, and whole again in one with it", async (t) => {
  await using first = await createCluster({ nodes: 1, seed: 18, faults: true });
  await first.settled();
  await first.apply(faultOf("old", { kind: "drop", seam: "link", when: { atMs: 30_000 }, for: { ms: 600_000 } }));
  await first.settled();
  const snapshot = await first.snapshot();
  await using second = await createCluster({ from: snapshot });
  await second.advance("40s");
  t.is((await second.request("GET", faultsPath)).code, 404);
  await second.apply(pod("web"));
  await second.until(() => isUp(second, "web"));
  t.is(second.get("Fault", "old")?.status?.phase, first.get("Fault", "old")?.status?.phase, "its row stays as it was");
  await using third = await createCluster({ from: snapshot, faults: true });
  t.is((await third.request("GET", `${faultsPath}/old`)).code, 200);
});

test("what nodes report cannot write Faults through the back: without the flag the kind is unknown there too", async (t) => {
  await using cluster = await createCluster({ nodes: 1, seed: 19 });
  const { reporter } = cluster.node("n1").agent.link;
  for (const verb of ["create", "patch", "delete"] as const) {
    const request = {
      verb,
      kind: "faults.faults.troupe.dev",
      namespace: "",
      name: "attack",
      ...(verb === "create" ? { object: faultOf("attack", { kind: "drop" }) as never } : {}),
      ...(verb === "patch" ? { patch: { type: "merge", body: {} } as const, subresource: "status" } : {}),
    };
    void reporter.report(request).then(() => t.fail(verb));
    await cluster.advance("5s");
  }
  t.is(cluster.list("Fault").length, 0);
});
