// Faults of a node's agent and of the actors of its pods: the runtime fails, hangs or answers nothing,
// the agent dies at any call, an actor throws or does not hear. What runs is the truth.
import test, { type ExecutionContext } from "ava";
import type { Cluster } from "troupe/testing";
import { alive, deployment, isReady, patch, pod, rolledOut } from "../cluster/kit.ts";
import { actorAt, forks, told } from "./kit.ts";

const at = (cluster: Cluster): number => cluster.env.clock.mono();
const fork = forks({ nodes: 1, seed: 4 });
const pair = forks({ nodes: 2, seed: 5 });

type Unit = { readonly uid: string; readonly state: string; readonly exitCode: number; readonly attempt: number };

/** What the runtime of a node has, whoever looks after it. */
function units(cluster: Cluster, node = "n1"): readonly Unit[] {
  return cluster
    .node(node)
    .runtime.records()
    .containers.map(({ status, subject }) => ({
      uid: subject.uid,
      state: status.state,
      exitCode: status.exitCode,
      attempt: subject.attempt,
    }));
}

const running = (cluster: Cluster, node = "n1"): readonly Unit[] =>
  units(cluster, node).filter(({ state }) => state === "running");

/** Every pod here has one container: two that run are twins. */
function noTwins(t: ExecutionContext, cluster: Cluster, what: string): void {
  for (const { name } of cluster.nodes) {
    const uids = running(cluster, name).map(({ uid }) => uid);
    t.is(new Set(uids).size, uids.length, `${what}: twins on ${name}`);
  }
}

/** Lets time pass until it holds, and never sees twins meanwhile. */
async function looking(t: ExecutionContext, cluster: Cluster, what: string, condition: () => boolean): Promise<void> {
  await cluster.until(
    () => {
      noTwins(t, cluster, what);
      return condition();
    },
    { stepMs: 50, withinMs: 200_000 },
  );
}

const restartsOf = (cluster: Cluster, name: string): number | undefined =>
  cluster.get("Pod", name)?.status?.containerStatuses?.[0]?.restartCount;

test("an agent that dies at a call of its runtime, before it or behind it, goes on from what runs", async (t) => {
  for (const [index, call] of ["runPodSandbox", "createContainer", "startContainer", "stopContainer"].entries()) {
    await using cluster = await fork(index);
    const path = `/node/n1/cri/${call}`;
    const fault = cluster.fault({ seam: "cri", kind: "crash", where: { path }, when: { nth: 2 }, for: { count: 2 } });
    await cluster.apply(deployment("web"));
    await looking(t, cluster, call, () => alive(cluster, "web").filter(isReady).length === 3);
    await patch(cluster, "/apis/apps/v1/namespaces/default/deployments/web", { spec: { replicas: 1 } });
    await looking(t, cluster, call, () => cluster.list("Pod").length === 1 && running(cluster).length === 1);
    await cluster.advance(5_000);
    t.is(cluster.node("n1").restarts, fault.hits, call);
    t.true(fault.hits >= 1, call);
    const [left] = alive(cluster, "web");
    t.is(restartsOf(cluster, left!.metadata.name), 0, call);
    t.deepEqual(
      units(cluster).map(({ uid }) => uid),
      [left!.metadata.uid],
      "nothing else is left",
    );
  }
});

test("a runtime that does not answer for one pod keeps no other waiting, and is asked again", async (t) => {
  await using cluster = await fork(10);
  const where = { path: "/node/n1/cri/startContainer" };
  const hung = cluster.fault({ seam: "cri", kind: "hang", where, when: { nth: 1 } });
  await cluster.apply([pod("first"), pod("second"), pod("third")]);
  const ready = (): number => cluster.list("Pod").filter(isReady).length;
  await cluster.until(() => ready() === 2, { withinMs: 10_000 });
  t.is(hung.hits, 1);
  await cluster.until(() => ready() === 3, { withinMs: 300_000 });
  noTwins(t, cluster, "hang");
});

test("a call that happened although its answer was lost makes no second container", async (t) => {
  await using cluster = await fork(11);
  const faults = ["runPodSandbox", "createContainer", "startContainer"].map((call) =>
    cluster.fault({ seam: "cri", kind: "drop", where: { path: `/node/n1/cri/${call}` }, for: { count: 1 } }),
  );
  await cluster.apply(pod("one"));
  await looking(t, cluster, "drop", () => isReady(cluster.get("Pod", "one")!));
  await cluster.advance("1m");
  noTwins(t, cluster, "drop");
  t.deepEqual(
    faults.map(({ hits }) => hits),
    [1, 1, 1],
  );
  t.is(told(cluster, "Failed", "one"), 0, "what is not known has not failed");
  t.is(running(cluster).length, 1);
  t.is(
    cluster
      .node("n1")
      .runtime.records()
      .sandboxes.filter(({ state }) => state === "ready").length,
    1,
  );
});

test("a start that fails is told by an Event, and tried again after a pause", async (t) => {
  await using cluster = await fork(12);
  const where = { path: "/node/n1/cri/createContainer" };
  const fault = cluster.fault({ seam: "cri", kind: "error", where, args: { message: "no space" }, for: { count: 3 } });
  await cluster.apply(pod("one"));
  const tries: number[] = [];
  await cluster.until(() => {
    if (fault.hits > tries.length) tries.push(at(cluster));
    return isReady(cluster.get("Pod", "one")!);
  });
  t.is(fault.hits, 3);
  const pauses = tries.slice(1).map((time, index) => time - (tries[index] ?? 0));
  t.true(
    pauses.every((pause) => pause >= 5_000),
    pauses.join(" "),
  );
  t.true(told(cluster, "Failed", "one") >= 1);
});

test("a pod's actor that throws is started again: its container runs on, and other pods notice nothing", async (t) => {
  await using cluster = await fork(13);
  await cluster.apply([pod("one"), pod("two")]);
  await cluster.until(() => cluster.list("Pod").every((each) => isReady(each)));
  const where = { path: "/node/n1/pod/default/one" };
  const fault = cluster.fault({ seam: "evaluator", kind: "crash", where, for: { count: 1 } });
  await patch(cluster, "/api/v1/namespaces/default/pods/one", { metadata: { annotations: { touched: "yes" } } });
  await cluster.advance("1m");
  t.is(fault.hits, 1);
  t.is((await actorAt(cluster, "/node/n1/pod/default/one"))?.status?.restarts, 1);
  t.is((await actorAt(cluster, "/node/n1/pod/default/two"))?.status?.restarts, 0);
  t.deepEqual([restartsOf(cluster, "one"), restartsOf(cluster, "two")], [0, 0]);
  await cluster.delete("Pod", "one");
  await cluster.until(() => cluster.get("Pod", "one") === undefined, { withinMs: 10_000 });
  t.is(running(cluster).length, 1);
});

test("a pod's actor that keeps throwing waits longer and longer by itself: another one's first failure is mended at once", async (t) => {
  await using cluster = await fork(14);
  const bad = { path: "/node/n1/pod/default/bad" };
  const keeps = cluster.fault({ seam: "evaluator", kind: "crash", where: bad, for: { ms: 300_000 } });
  await cluster.apply([pod("bad"), pod("good")]);
  await cluster.advance("1m");
  t.true(keeps.hits >= 6 && keeps.hits <= 12, `${keeps.hits} in a minute`);
  t.true(isReady(cluster.get("Pod", "good")!));
  const once = { path: "/node/n1/pod/default/good" };
  const fault = cluster.fault({ seam: "evaluator", kind: "crash", where: once, for: { count: 1 } });
  await patch(cluster, "/api/v1/namespaces/default/pods/good", { metadata: { annotations: { touched: "yes" } } });
  await cluster.until(() => fault.hits === 1, { withinMs: 70_000 });
  const began = at(cluster);
  await cluster.delete("Pod", "good");
  await cluster.until(() => cluster.get("Pod", "good") === undefined, { withinMs: 70_000 });
  t.true(at(cluster) - began < 5_000, `${at(cluster) - began} ms`);
  keeps.clear();
  await cluster.until(() => isReady(cluster.get("Pod", "bad")!), { withinMs: 40_000 });
});

test("a step that the world fails is tried again after pauses that grow", async (t) => {
  await using cluster = await fork(15);
  const where = { path: "/node/n1/pod/default/one" };
  const fault = cluster.fault({ seam: "evaluator", kind: "error", where, for: { ms: 20_000 } });
  await cluster.apply(pod("one"));
  await cluster.advance("20s");
  t.true(fault.hits >= 3 && fault.hits <= 8, `${fault.hits} times`);
  t.is((await actorAt(cluster, "/node/n1/pod/default/one"))?.status?.restarts, 0);
  await cluster.until(() => isReady(cluster.get("Pod", "one")!), { withinMs: 20_000 });
});

test("a pod's actor that hears nothing looks by itself within a minute", async (t) => {
  await using cluster = await fork(16);
  await cluster.apply(pod("one"));
  await cluster.until(() => isReady(cluster.get("Pod", "one")!));
  await cluster.advance("5s");
  const where = { path: "/node/n1/pod/default/one" };
  const fault = cluster.fault({ seam: "mailbox", kind: "drop", where, for: { ms: 5_000 } });
  const { runtime } = cluster.node("n1");
  runtime.exit(runtime.records().containers[0]!.status.id, 1);
  await cluster.advance("5s");
  t.true(fault.hits > 0);
  t.is(restartsOf(cluster, "one"), 0);
  await cluster.until(() => restartsOf(cluster, "one") === 1, { withinMs: 60_000 });
});

test("news that come again and again during a step never make two steps of a pod at once", async (t) => {
  await using cluster = await fork(17);
  const slow = cluster.fault({ seam: "cri", kind: "delay", where: { path: "/node/n1/cri/*" }, args: { ms: 40 } });
  const fault = cluster.fault({ seam: "mailbox", kind: "duplicate", where: { path: "/node/n1/pod/**" } });
  await cluster.apply([pod("one"), pod("two")]);
  for (let round = 0; round < 25; round += 1) {
    const metadata = { annotations: { round: String(round) } };
    for (const name of ["one", "two"]) await patch(cluster, `/api/v1/namespaces/default/pods/${name}`, { metadata });
  }
  await looking(t, cluster, "duplicate", () => cluster.list("Pod").every((each) => isReady(each)));
  await cluster.advance("5s");
  t.true(fault.hits > 10 && slow.hits > 0);
  t.is(units(cluster).length, 2);
  t.is(cluster.node("n1").runtime.records().sandboxes.length, 2);
});

test("an agent whose parts cannot start gives up in order; its keeper starts it again, and nothing that runs is touched", async (t) => {
  await using cluster = await fork(18);
  await cluster.apply(deployment("web"));
  await rolledOut(cluster, "web");
  const fault = cluster.fault({
    seam: "process",
    kind: "crash",
    where: { path: "/node/n1/status" },
    for: { count: 5 },
  });
  cluster.node("n1").kill();
  await cluster.node("n1").start();
  await cluster.advance("2m");
  t.is(fault.hits, 5);
  t.is(cluster.node("n1").restarts, 1);
  t.is(running(cluster).length, 3);
  t.deepEqual(
    alive(cluster, "web").map(({ metadata }) => restartsOf(cluster, metadata.name)),
    [0, 0, 0],
  );
  t.true(alive(cluster, "web").every(isReady));
});

test("a container that needs its grace has it, although its agent dies meanwhile", async (t) => {
  await using cluster = await fork(19);
  const slow = { annotations: { "simulated.troupe.dev/stop-ms": "4000" }, spec: { terminationGracePeriodSeconds: 12 } };
  await cluster.apply(pod("one", slow));
  await cluster.until(() => isReady(cluster.get("Pod", "one")!));
  const where = { path: "/node/n1/cri/stopContainer" };
  const fault = cluster.fault({ seam: "cri", kind: "crash", where, for: { count: 1 } });
  await cluster.delete("Pod", "one");
  const ends = new Set<number>();
  await cluster.until(
    () => {
      for (const { state, exitCode } of units(cluster)) if (state === "exited") ends.add(exitCode);
      return cluster.get("Pod", "one") === undefined;
    },
    { stepMs: 20, withinMs: 30_000 },
  );
  t.is(fault.hits, 1);
  t.deepEqual([...ends], [0], "it ended by itself, it was not killed");
});

test("a grace is not begun anew by an agent that dies: what ignores its signal is killed in time", async (t) => {
  await using cluster = await fork(20);
  const deaf = {
    annotations: { "simulated.troupe.dev/stop-ms": "90000" },
    spec: { terminationGracePeriodSeconds: 10 },
  };
  await cluster.apply(pod("one", deaf));
  await cluster.until(() => isReady(cluster.get("Pod", "one")!));
  const where = { path: "/node/n1/cri/stopContainer" };
  const fault = cluster.fault({ seam: "cri", kind: "error", where, for: { ms: 5_500 } });
  await cluster.delete("Pod", "one");
  const began = at(cluster);
  await cluster.advance("5s");
  cluster.node("n1").kill();
  await cluster.node("n1").start();
  await cluster.until(() => running(cluster).length === 0, { stepMs: 50, withinMs: 60_000 });
  const tookMs = at(cluster) - began;
  t.true(fault.hits > 0);
  t.true(tookMs >= 9_000 && tookMs <= 13_000, `${tookMs} ms`);
  await cluster.until(() => cluster.get("Pod", "one") === undefined, { withinMs: 10_000 });
});

test("the pauses of a container that keeps ending grow, and an agent that dies does not forget them", async (t) => {
  await using cluster = await fork(21);
  const ends = { annotations: { "simulated.troupe.dev/exit-after-ms": "200", "simulated.troupe.dev/exit-code": "1" } };
  await cluster.apply(pod("one", ends));
  const starts: number[] = [];
  let attempt = -1;
  const next = (count: number): Promise<void> =>
    cluster.until(
      () => {
        const newest = Math.max(-1, ...units(cluster).map((unit) => unit.attempt));
        if (newest > attempt) starts.push(at(cluster));
        attempt = Math.max(attempt, newest);
        return starts.length === count;
      },
      { stepMs: 100, withinMs: 200_000 },
    );
  await next(4);
  cluster.node("n1").kill();
  await cluster.node("n1").start();
  await next(5);
  await cluster.advance("2s");
  const pauses = starts.slice(1).map((time, index) => time - (starts[index] ?? 0));
  // The first restart is at once.
  t.true(
    pauses.slice(1).every((pause, index) => pause >= 9_000 * 2 ** index),
    pauses.join(" "),
  );
  t.is(restartsOf(cluster, "one"), 4);
});

test("an agent that stood still while its pods were replaced ends them when it wakes, and spoils nothing", async (t) => {
  await using cluster = await pair(22);
  await cluster.apply(deployment("web", { replicas: 4 }));
  await rolledOut(cluster, "web");
  const lost = running(cluster, "n1").length;
  t.true(lost > 0);
  cluster.node("n1").pause();
  await cluster.advance("6m");
  await rolledOut(cluster, "web");
  t.is(running(cluster, "n1").length, lost, "they ran on meanwhile");
  const uids = alive(cluster, "web").map(({ metadata }) => metadata.uid);
  cluster.node("n1").resume();
  await cluster.until(() => running(cluster, "n1").length === 0, { withinMs: 60_000 });
  await cluster.advance("5s");
  t.deepEqual(
    alive(cluster, "web").map(({ metadata }) => metadata.uid),
    uids,
  );
  t.true(alive(cluster, "web").every((each) => isReady(each) && each.spec.nodeName === "n2"));
});

test("a pod that is removed while its node hears late of it does not run on under its successor's name", async (t) => {
  await using cluster = await fork(23);
  const where = { path: "/link/n1/down/rows" };
  const fault = cluster.fault({ seam: "link", kind: "delay", where, args: { ms: 300 }, for: { ms: 3_000 } });
  await cluster.apply(pod("one"));
  await cluster.until(() => cluster.get("Pod", "one")?.spec.nodeName === "n1");
  await cluster.advance(400);
  const old = cluster.get("Pod", "one")!.metadata.uid;
  await cluster.delete("Pod", "one", { body: { gracePeriodSeconds: 0 } });
  await cluster.apply(pod("one"));
  await cluster.advance("10s");
  t.true(fault.hits > 0);
  const { uid } = cluster.get("Pod", "one")!.metadata;
  t.not(uid, old);
  t.true(isReady(cluster.get("Pod", "one")!));
  t.deepEqual(
    running(cluster).map((unit) => unit.uid),
    [uid],
  );
});

test("a pod that has ended never runs again, whatever its agent forgets", async (t) => {
  await using cluster = await fork(24);
  const once = { annotations: { "simulated.troupe.dev/exit-after-ms": "500" }, spec: { restartPolicy: "Never" } };
  await cluster.apply(pod("job", once));
  await cluster.until(() => cluster.get("Pod", "job")?.status?.phase === "Succeeded");
  const { runtime } = cluster.node("n1");
  for (const { status } of runtime.records().containers) await runtime.removeContainer(status.id);
  for (const { id } of runtime.records().sandboxes) await runtime.removePodSandbox(id);
  const where = { path: "/node/n1/cri/listPodSandboxes" };
  const fault = cluster.fault({ seam: "cri", kind: "crash", where, for: { count: 2 } });
  await cluster.advance("2m");
  t.is(fault.hits, 2);
  t.is(cluster.node("n1").restarts, 2);
  t.is(units(cluster).length, 0);
  t.is(cluster.get("Pod", "job")?.status?.phase, "Succeeded");
});
