import test from "ava";
import type { Cri } from "../../../../src/node/cri/cri.ts";
import { listedLogPath } from "../../../../src/node/pods/config.ts";
import { Semaphore } from "../../../../src/node/pods/semaphore.ts";
import type { World } from "./world.ts";
import { createWorld, podOf } from "./world.ts";

test("a pod of one container reaches Running and Ready and tells its address", async (t) => {
  const world = await createWorld();
  world.put(podOf("web"));
  await world.clock.advance(3_000);
  const { status } = world.pod("web")!;
  t.is(status?.phase, "Running");
  t.regex(status?.podIP ?? "", /^10\.244\./);
  t.is(status?.hostIP, "192.0.2.1");
  const ready = status?.conditions?.find(({ type }) => type === "Ready");
  t.is(ready?.status, "True");
  t.deepEqual(
    world.cri.calls.map(({ method }) => method).filter((method) => /^(run|create|start|stop|remove)/.test(method)),
    ["runPodSandbox", "createContainer", "startContainer"],
  );
});

test("a crashing container waits 0, 10, 20, 40, 80, 160, 300, 300 seconds", async (t) => {
  const world = await createWorld();
  world.cri.script("app", { exits: [{ afterMs: 1_000, exitCode: 1 }] });
  world.put(podOf("web"));
  const starts: number[] = [];
  let seen = 0;
  for (let ms = 0; ms < 1_150_000; ms += 500) {
    await world.clock.advance(500);
    const count = world.cri.calls.filter(({ method }) => method === "startContainer").length;
    if (count > seen) starts.push(world.clock.mono());
    seen = count;
  }
  const waits = starts.slice(1).map((at, index) => at - starts[index]! - 1_000);
  const wanted = [0, 10, 20, 40, 80, 160, 300, 300];
  t.is(waits.length, wanted.length);
  for (const [index, seconds] of wanted.entries()) {
    t.true(Math.abs(waits[index]! - seconds * 1_000) <= 2_000, `${index}: ${waits[index]}`);
  }
  const [status] = world.pod("web")!.status!.containerStatuses!;
  t.is(status?.state?.waiting?.reason, "CrashLoopBackOff");
  t.is(status?.state?.waiting?.message, "back-off 5m0s restarting failed container=app pod=web_default(uid-web)");
  t.is(status?.lastState?.terminated?.exitCode, 1);
});

test("restart counts and terminal phases never go back in what is told", async (t) => {
  const world = await createWorld();
  world.cri.script("app", {
    exits: [
      { afterMs: 500, exitCode: 1 },
      { afterMs: 700, exitCode: 2 },
      { afterMs: 900, exitCode: 0 },
    ],
  });
  world.put(podOf("job", { restartPolicy: "OnFailure" }));
  await world.clock.advance(60_000);
  const counts = world.written.map(({ status }) => status!.containerStatuses![0]!.restartCount);
  t.deepEqual(
    counts,
    counts.toSorted((a, b) => a - b),
  );
  const phases = world.written.map(({ status }) => status!.phase);
  t.is(phases.at(-1), "Succeeded");
  const first = phases.indexOf("Succeeded");
  t.true(phases.slice(first).every((phase) => phase === "Succeeded"));
  const ready = world.pod("job")!.status!.conditions!.find(({ type }) => type === "Ready");
  t.is(ready?.reason, "PodCompleted");
});

test("init containers run one at a time, a sidecar starts before what follows it", async (t) => {
  const world = await createWorld();
  world.cri.script("one", { exits: [{ afterMs: 2_000, exitCode: 0 }] });
  world.cri.script("two", { exits: [{ afterMs: 2_000, exitCode: 0 }] });
  world.put(
    podOf("web", {
      initContainers: [
        { name: "one", image: "app:1" },
        { name: "proxy", image: "app:1", restartPolicy: "Always" },
        { name: "two", image: "app:1" },
      ],
    }),
  );
  await world.clock.advance(1_000);
  const created = (): string[] =>
    world.cri.calls.filter(({ method }) => method === "createContainer").map(({ subject }) => subject);
  t.deepEqual(created(), ["one"]);
  t.is(world.pod("web")!.status!.phase, "Pending");
  t.is(world.pod("web")!.status!.containerStatuses![0]!.state!.waiting!.reason, "PodInitializing");
  await world.clock.advance(10_000);
  t.deepEqual(created(), ["one", "proxy", "two", "app"]);
  t.is(world.pod("web")!.status!.phase, "Running");
});

test("a failing init container ends a pod that may not restart it", async (t) => {
  const world = await createWorld();
  world.cri.script("one", { exits: [{ afterMs: 100, exitCode: 3 }] });
  const initContainers = [{ name: "one", image: "app:1" }];
  world.put(podOf("job", { restartPolicy: "Never", initContainers }));
  await world.clock.advance(10_000);
  t.is(world.pod("job")!.status!.phase, "Failed");
  const app = world.cri.calls.filter(({ subject }) => subject === "app");
  t.deepEqual(app, []);
});

test("a deleted pod gets its grace, then its last status, and its object is removed", async (t) => {
  const world = await createWorld();
  world.cri.script("app", { stopExitCode: null });
  world.put(podOf("web"));
  await world.clock.advance(3_000);
  world.terminate("web", 5);
  await world.clock.advance(4_000);
  t.not(world.pod("web"), undefined);
  await world.clock.advance(3_000);
  t.is(world.pod("web"), undefined);
  const last = world.written.at(-1)!.status!;
  t.is(last.phase, "Failed");
  t.is(last.containerStatuses![0]!.state!.terminated!.exitCode, 137);
  t.true(world.events.includes("Killing: Stopping container app"));
  t.true(world.cri.calls.some(({ method }) => method === "removePodSandbox"));
  t.deepEqual(await world.checkpoints.load(), []);
  t.deepEqual(world.pods.list(), []);
});

test("a grace that shrinks during the stop is obeyed", async (t) => {
  const world = await createWorld();
  world.cri.script("app", { stopExitCode: null });
  world.put(podOf("web"));
  await world.clock.advance(3_000);
  world.terminate("web", 300);
  await world.clock.advance(5_000);
  world.terminate("web", 1);
  await world.clock.advance(4_000);
  t.is(world.pod("web"), undefined);
});

test("preStop runs before the stop and eats the grace, but two seconds are left", async (t) => {
  const world = await createWorld({
    hook: async (call, clock) => {
      const seconds = call.handler.sleep?.seconds ?? 0;
      await new Promise<void>((resolve) => {
        clock.after(seconds * 1_000, resolve);
      });
    },
  });
  world.cri.script("app", { stopExitCode: null });
  const lifecycle = { preStop: { sleep: { seconds: 60 } } };
  world.put(podOf("web", { containers: [{ name: "app", image: "app:1", lifecycle }] }));
  await world.clock.advance(3_000);
  const begin = world.clock.mono();
  world.terminate("web", 4);
  let goneMs = 0;
  for (let i = 0; i < 100 && goneMs === 0; i += 1) {
    await world.clock.advance(100);
    if (world.pod("web") === undefined) goneMs = world.clock.mono() - begin;
  }
  t.true(goneMs >= 6_000 && goneMs < 6_600, String(goneMs));
  t.true(world.events.some((event) => event.startsWith("FailedPreStopHook")));
});

test("sidecars stop after the others, the last one first", async (t) => {
  const world = await createWorld();
  const sidecar = (name: string) => ({ name, image: "app:1", restartPolicy: "Always" });
  world.put(podOf("web", { initContainers: [sidecar("s1"), sidecar("s2")] }));
  await world.clock.advance(3_000);
  const names = new Map((await world.cri.listContainers()).map(({ id, metadata }) => [id, metadata.name]));
  world.terminate("web", 30);
  await world.clock.advance(3_000);
  const stops = world.cri.calls
    .filter(({ method }) => method === "stopContainer")
    .map(({ subject }) => names.get(subject));
  t.deepEqual(stops, ["app", "s2", "s1"]);
});

test("the proxies' gate delays the stop, at most by two seconds or half the grace", async (t) => {
  for (const [grace, wanted] of [
    [30, 2_000],
    [2, 1_000],
    [1, 0],
  ] as const) {
    const world = await createWorld({ gate: { passed: () => false } });
    world.put(podOf("web"));
    await world.clock.advance(3_000);
    const begin = world.clock.mono();
    world.terminate("web", grace);
    let at = -1;
    for (let i = 0; i < 400 && at < 0; i += 1) {
      await world.clock.advance(10);
      if (world.cri.calls.some(({ method }) => method === "stopContainer")) {
        at = world.clock.mono() - begin;
      }
    }
    t.true(at >= wanted && at <= wanted + 100, `grace ${grace}: ${at}`);
  }
});

test("a readiness probe gates Ready, a failing liveness probe restarts the container", async (t) => {
  const world = await createWorld();
  let ready = false;
  let alive = true;
  world.onProbe(([word]) => {
    const good = word === "ready" ? ready : alive;
    return { kind: good ? "success" : "failure", message: good ? "" : "no" };
  });
  const probe = (word: string, failureThreshold: number) => ({
    exec: { command: [word] },
    periodSeconds: 1,
    failureThreshold,
  });
  const readinessProbe = probe("ready", 1);
  const livenessProbe = probe("alive", 3);
  world.put(podOf("web", { containers: [{ name: "app", image: "app:1", readinessProbe, livenessProbe }] }));
  const readyStatus = (): string | undefined =>
    world.pod("web")!.status!.conditions!.find(({ type }) => type === "Ready")?.status;
  await world.clock.advance(5_000);
  t.is(readyStatus(), "False");
  t.true(world.events.includes("Unhealthy: Readiness probe failed: no"));
  ready = true;
  await world.clock.advance(3_000);
  t.is(readyStatus(), "True");
  alive = false;
  await world.clock.advance(1_200);
  alive = true;
  await world.clock.advance(1_500);
  t.is(world.pod("web")!.status!.containerStatuses![0]!.restartCount, 0);
  alive = false;
  await world.clock.advance(5_000);
  alive = true;
  await world.clock.advance(2_000);
  t.true(world.events.includes("Killing: Container app failed liveness probe, will be restarted"));
  t.is(world.pod("web")!.status!.containerStatuses![0]!.restartCount, 1);
});

test("a startup probe holds the other probes back", async (t) => {
  const world = await createWorld();
  let started = false;
  const asked: string[] = [];
  world.onProbe(([word]) => {
    asked.push(word!);
    return { kind: word === "start" && !started ? "failure" : "success", message: "" };
  });
  const startupProbe = { exec: { command: ["start"] }, periodSeconds: 1, failureThreshold: 100 };
  const readinessProbe = { exec: { command: ["ready"] }, periodSeconds: 1 };
  world.put(podOf("web", { containers: [{ name: "app", image: "app:1", startupProbe, readinessProbe }] }));
  await world.clock.advance(5_000);
  t.deepEqual([...new Set(asked)], ["start"]);
  t.false(world.pod("web")!.status!.containerStatuses![0]!.started);
  started = true;
  await world.clock.advance(4_000);
  t.true(asked.includes("ready"));
  t.true(world.pod("web")!.status!.containerStatuses![0]!.ready);
});

test("activeDeadlineSeconds fails the pod with its reason", async (t) => {
  const world = await createWorld();
  world.put(podOf("job", { activeDeadlineSeconds: 5 }));
  await world.clock.advance(10_000);
  const { status } = world.pod("job")!;
  t.is(status?.phase, "Failed");
  t.is(status?.reason, "DeadlineExceeded");
  t.is(status?.message, "Pod was active on the node longer than the specified deadline");
});

test("a runtime that does not answer ends nothing and is asked again", async (t) => {
  const world = await createWorld();
  world.put(podOf("web"));
  await world.clock.advance(3_000);
  world.cri.setDown(true);
  const before = world.written.length;
  await world.clock.advance(60_000);
  t.is(world.written.length, before);
  world.cri.setDown(false);
  await world.clock.advance(20_000);
  const running = (await world.cri.listContainers()).filter(({ state }) => state === "running");
  t.is(running.length, 1);
  t.is(world.pod("web")!.status!.containerStatuses![0]!.restartCount, 0);
});

test("a lost sandbox is made anew and its containers start in it", async (t) => {
  const world = await createWorld();
  world.put(podOf("web"));
  await world.clock.advance(3_000);
  const [sandbox] = await world.cri.listPodSandboxes();
  world.cri.loseSandbox(sandbox!.id);
  await world.clock.advance(20_000);
  const ready = (await world.cri.listPodSandboxes()).filter(({ state }) => state === "ready");
  t.is(ready.length, 1);
  t.is(ready[0]!.metadata.attempt, 1);
  t.is(world.pod("web")!.status!.phase, "Running");
  t.is(world.pod("web")!.status!.containerStatuses![0]!.restartCount, 1);
});

test("an unknown pod is stopped only after the full state of the masters is here", async (t) => {
  const world = await createWorld();
  world.put(podOf("web"));
  await world.clock.advance(3_000);
  world.setSynced(false);
  world.remove("web");
  await world.restart();
  await world.clock.advance(60_000);
  t.is((await world.cri.listContainers()).filter(({ state }) => state === "running").length, 1);
  world.setSynced(true);
  world.notify("pods");
  await world.clock.advance(10_000);
  t.deepEqual(await world.cri.listContainers(), []);
  t.deepEqual(await world.cri.listPodSandboxes(), []);
});

test("an agent whose masters are away restarts what crashes", async (t) => {
  const world = await createWorld();
  const exits = [
    { afterMs: 5_000, exitCode: 1 },
    { afterMs: 9e9, exitCode: 0 },
  ];
  world.cri.script("app", { exits });
  world.put(podOf("web"));
  await world.clock.advance(3_000);
  world.setSynced(false);
  await world.restart();
  await world.clock.advance(10_000);
  t.is((await world.cri.listContainers()).filter(({ state }) => state === "running").length, 1);
});

/** Calls pass until the fatal one; after that this agent is dead: nothing it does takes effect. */
function killedAt(fatal: number, moment: "before" | "after"): (cri: Cri) => Cri {
  let count = 0;
  let dead = false;
  const never = new Promise<never>(() => {});
  return (cri) =>
    new Proxy(cri, {
      get: (target, name) => {
        const member = Reflect.get(target, name) as unknown;
        if (typeof member !== "function") return member;
        return async (...args: unknown[]) => {
          count += 1;
          if (count === fatal && moment === "before") dead = true;
          if (dead) return never;
          const result = (await (member as (...all: unknown[]) => unknown).apply(target, args)) as unknown;
          if (count === fatal) dead = true;
          return dead ? never : result;
        };
      },
    });
}

test("kill -9 of the agent at any call leaves one sandbox and one container an attempt", async (t) => {
  for (const moment of ["before", "after"] as const) {
    for (let fatal = 1; fatal <= 24; fatal += 1) {
      const world = await createWorld({ wrap: killedAt(fatal, moment) });
      world.put(podOf("web"));
      await world.clock.advance(1_500);
      await world.restart();
      await world.clock.advance(5_000);
      const label = `${moment} call ${fatal}`;
      const sandboxes = await world.cri.listPodSandboxes();
      const containers = await world.cri.listContainers();
      t.is(sandboxes.length, 1, label);
      t.deepEqual(
        containers.map(({ state, metadata }) => [state, metadata.attempt]),
        [["running", 0]],
        label,
      );
      t.is(world.pod("web")!.status!.phase, "Running", label);
      t.is(world.pod("web")!.status!.containerStatuses![0]!.restartCount, 0, label);
    }
  }
});

test("a version that only brings back what the node told costs nothing; one that says otherwise is put right", async (t) => {
  const world = await createWorld();
  world.put(podOf("web"));
  await world.clock.advance(3_500);
  const writesAfter = async (put: () => void): Promise<number> => {
    const before = [world.cri.calls.length, world.written.length] as const;
    put();
    await world.clock.advance(20);
    t.is(world.cri.calls.length, before[0], "the runtime has nothing to say to it");
    return world.written.length - before[1];
  };
  const told = world.pod("web")!;
  t.is(await writesAfter(() => world.put(told)), 0);
  t.is(await writesAfter(() => world.put({ ...told, status: { ...told.status, phase: "Pending" } })), 1);
  t.is(world.pod("web")!.status!.phase, "Running");
});

test("a start costs the three calls that make it, an image and one status; the shared listing does the rest", async (t) => {
  const world = await createWorld();
  world.put(podOf("web"));
  await world.clock.advance(50);
  const called = (): string[] => world.cri.calls.map(({ method }) => method);
  t.is(world.pod("web")!.status!.phase, "Running");
  const adopting = ["listPodSandboxes", "listContainers"];
  t.deepEqual(called(), [
    ...adopting,
    "runPodSandbox",
    "imageStatus",
    "createContainer",
    "startContainer",
    "containerStatus",
  ]);
  t.is(world.written.length, 1, "what it says on its way to Running is joined");
  for (let number = 0; number < 10; number += 1) world.put(podOf(`web${number}`));
  await world.clock.advance(50);
  const lists = called().filter((method) => method.startsWith("list")).length;
  await world.clock.advance(10_000);
  t.is(lists, 2);
  t.true(called().filter((method) => method.startsWith("list")).length <= lists + 2 * 10, "two lists a second for all");
});

test("where a container writes its log is known from what the runtime lists", async (t) => {
  const world = await createWorld();
  world.put(podOf("web"));
  await world.clock.advance(50);
  const [listed] = await world.cri.listContainers();
  t.is(listedLogPath(listed!, "/logs"), (await world.cri.containerStatus(listed!.id)).logPath);
});

test("a pod that has its sandbox starts its container before the next sandbox is made", async (t) => {
  let running = 0;
  const late = async <T>(call: () => Promise<T>): Promise<T> => {
    running += 1;
    t.true(running <= 2, "no more at once than there are slots");
    await new Promise<void>((resolve) => void world.clock.after(100, resolve));
    running -= 1;
    return call();
  };
  const world: World = await createWorld({
    ports: { starts: new Semaphore(2) },
    wrap: (cri) => ({
      ...cri,
      runPodSandbox: async (...args) => late(async () => cri.runPodSandbox(...args)),
      createContainer: async (...args) => late(async () => cri.createContainer(...args)),
      startContainer: async (...args) => late(async () => cri.startContainer(...args)),
    }),
  });
  for (let number = 0; number < 6; number += 1) world.put(podOf(`web${number}`));
  await world.clock.advance(3_000);
  const made = world.cri.calls
    .map(({ method }) => method)
    .filter((method) => method === "runPodSandbox" || method === "startContainer");
  let open = 0;
  for (const method of made) {
    open += method === "runPodSandbox" ? 1 : -1;
    t.true(open <= 4, made.join(" "));
  }
  t.is(made.length, 12);
});

test("a pod that is long on its way says so after a second, and what fails is said at once", async (t) => {
  const world: World = await createWorld({
    wrap: (cri) => ({
      ...cri,
      async startContainer(id) {
        await new Promise<void>((resolve) => void world.clock.after(5_000, resolve));
        return cri.startContainer(id);
      },
    }),
  });
  world.put(podOf("slow"));
  await world.clock.advance(900);
  t.is(world.written.length, 0);
  await world.clock.advance(200);
  t.is(world.pod("slow")!.status!.containerStatuses![0]!.state!.waiting!.reason, "ContainerCreating");
  t.is(world.written.length, 1);
  world.cri.failNext("createContainer", "failed", "no");
  world.put(podOf("bad"));
  await world.clock.advance(50);
  t.is(world.pod("bad")!.status!.containerStatuses![0]!.state!.waiting!.reason, "CreateContainerError");
});

test("a container that ends while its start is still under way is missed by no event", async (t) => {
  for (const exitAfterMs of [20, 80]) {
    const world: World = await createWorld({
      wrap: (cri) => ({
        ...cri,
        async containerStatus(id) {
          const answer = await cri.containerStatus(id);
          await new Promise<void>((resolve) => void world.clock.after(50, resolve));
          return answer;
        },
      }),
    });
    world.put(podOf("web"));
    await world.clock.advance(exitAfterMs);
    const [container] = await world.cri.listContainers();
    world.cri.exitContainer(container!.id, 3);
    world.pods.relist();
    await world.clock.advance(200);
    t.is(world.pod("web")!.status!.containerStatuses![0]!.restartCount, 1, String(exitAfterMs));
  }
});

test("what happens behind the node's back is found by the next listing, also right after a start", async (t) => {
  const world = await createWorld();
  world.put(podOf("web"));
  await world.clock.advance(30);
  const [container] = await world.cri.listContainers();
  world.cri.exitContainer(container!.id, 3);
  await world.clock.advance(1_100);
  const [status] = world.pod("web")!.status!.containerStatuses!;
  t.is(status!.restartCount, 1);
  t.is(status!.lastState!.terminated!.exitCode, 3);
  const [, second] = await world.cri.listContainers();
  await world.cri.removeContainer(second!.id);
  await world.clock.advance(15_000);
  t.is((await world.cri.listContainers()).filter(({ state }) => state === "running").length, 1);
});
