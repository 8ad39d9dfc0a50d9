import test from "ava";
import type { Container, Pod, Secret } from "../../../../src/kinds/generated/types.ts";
import { podActions } from "../../../../src/node/pods/actions.ts";
import { crashBackOff, durationText } from "../../../../src/node/pods/back-off.ts";
import { withoutSecrets } from "../../../../src/node/pods/environment.ts";
import type { ContainerFact, PodSnapshot, ProbeResults } from "../../../../src/node/pods/model.ts";
import { containerHash, emptyMemory } from "../../../../src/node/pods/model.ts";
import { podStatus } from "../../../../src/node/pods/status.ts";
import { podOf } from "./world.ts";

const now = 1_767_225_600_000;
const good: ProbeResults = {
  liveness: () => "success",
  readiness: () => "success",
  startup: () => "success",
};
const sandbox = { id: "s0", attempt: 0, ready: true, createdAt: 0, ip: "10.1.1.1", hostNetwork: false };

/** `running`, `0` and `1` are exits, `-` is nothing. */
type Mark = "running" | "0" | "1" | "-";

function fact(name: string, mark: Mark): ContainerFact[] {
  if (mark === "-") return [];
  const running = mark === "running";
  return [
    {
      id: `c-${name}`,
      name,
      sandboxId: "s0",
      attempt: 0,
      state: running ? "running" : "exited",
      createdAt: now - 5_000,
      startedAt: now - 5_000,
      finishedAt: running ? 0 : now - 1_000,
      exitCode: running ? 0 : Number(mark),
      reason: running ? "" : mark === "0" ? "Completed" : "Error",
      message: "",
      hash: containerHash({ name, image: "app:1" }),
      imageId: "i",
    },
  ];
}

function pod(policy: string, withInit: boolean): Pod {
  return podOf("p", {
    restartPolicy: policy,
    containers: [
      { name: "a", image: "app:1" },
      { name: "b", image: "app:1" },
    ],
    ...(withInit ? { initContainers: [{ name: "i", image: "app:1" }] } : {}),
  });
}

function phaseOf(subject: Pod, snapshot: PodSnapshot): string | undefined {
  return podStatus({
    pod: subject,
    snapshot,
    probes: good,
    memory: emptyMemory,
    waiting: {},
    messages: {},
    ended: false,
    hostIps: ["192.0.2.1"],
    now,
  }).phase;
}

test("phase and next actions over every policy, init state and pair of exits", (t) => {
  const marks: readonly Mark[] = ["-", "running", "0", "1"];
  const rows: string[] = [];
  for (const policy of ["Always", "OnFailure", "Never"]) {
    for (const init of ["none", "-", "running", "0", "1"] as const) {
      for (const a of marks) {
        for (const b of marks) {
          if (init !== "none" && init !== "0" && (a !== "-" || b !== "-")) continue;
          const withInit = init !== "none";
          const containers = [...(withInit ? fact("i", init) : []), ...fact("a", a), ...fact("b", b)];
          const subject = pod(policy, withInit);
          const down = phaseOf(subject, { sandboxes: [{ ...sandbox, ready: false }], containers });
          const decision = podActions({
            pod: subject,
            snapshot: { sandboxes: [sandbox], containers },
            probes: good,
            memory: emptyMemory,
            now,
          });
          const actions = decision.actions.map((action) =>
            action.kind === "start-container" ? `start ${action.name}` : action.kind,
          );
          const label = `${policy} init=${init} a=${a} b=${b}`;
          const expected = expectation(policy, init, a, b);
          t.is(down, expected.phase, `${label}: phase`);
          t.deepEqual(actions, expected.actions, `${label}: actions`);
          rows.push(label);
        }
      }
    }
  }
  t.is(rows.length, 3 * (2 * 16 + 3));
});

/** The table, written from the rules and not from the code under test. */
function expectation(
  policy: string,
  init: string,
  a: Mark,
  b: Mark,
): { readonly phase: string; readonly actions: readonly string[] } {
  if (init === "-") return { phase: "Pending", actions: ["start i"] };
  if (init === "running") return { phase: "Pending", actions: [] };
  if (init === "1") {
    return policy === "Never" ? { phase: "Failed", actions: ["kill-pod"] } : { phase: "Pending", actions: ["start i"] };
  }
  const runsAgain = (mark: Mark): boolean =>
    mark === "-" || (mark !== "running" && (policy === "Always" || (policy === "OnFailure" && mark === "1")));
  const starts = [a, b].flatMap((mark, index) => (runsAgain(mark) ? [`start ${"ab"[index]!}`] : []));
  const alive = a === "running" || b === "running";
  const actions = starts.length === 0 && !alive ? ["kill-pod"] : starts;
  if (a === "-" || b === "-") return { phase: "Pending", actions };
  if (alive || starts.length > 0) return { phase: "Running", actions };
  return { phase: a === "0" && b === "0" ? "Succeeded" : "Failed", actions };
}

test("the phase is not terminal while the sandbox is up", (t) => {
  const subject = { ...pod("Never", false), status: { phase: "Running" } };
  const containers = [...fact("a", "0"), ...fact("b", "0")];
  t.is(phaseOf(subject, { sandboxes: [sandbox], containers }), "Running");
});

test("a terminal phase never changes back", (t) => {
  const subject = { ...pod("Always", false), status: { phase: "Failed" } };
  t.is(phaseOf(subject, { sandboxes: [sandbox], containers: fact("a", "running") }), "Failed");
});

test("conditions use the words of Kubernetes and keep the time of what did not change", (t) => {
  const subject = podOf("p", {
    containers: [
      { name: "a", image: "app:1" },
      { name: "b", image: "app:1" },
    ],
    readinessGates: [{ conditionType: "example.com/gate" }],
  });
  const build = (probes: ProbeResults, at: number, status?: Pod["status"]) =>
    podStatus({
      pod: status === undefined ? subject : { ...subject, status },
      snapshot: { sandboxes: [sandbox], containers: [...fact("a", "running"), ...fact("b", "running")] },
      probes,
      memory: emptyMemory,
      waiting: {},
      messages: {},
      ended: false,
      hostIps: [],
      now: at,
    });
  const first = build({ ...good, readiness: (id) => (id === "c-a" ? "success" : "failure") }, now);
  const of = (status: Pod["status"], type: string) => status!.conditions!.find((condition) => condition.type === type)!;
  t.is(of(first, "ContainersReady").reason, "ContainersNotReady");
  t.is(of(first, "ContainersReady").message, "containers with unready status: [b]");
  const second = build(good, now + 60_000, first);
  t.is(of(second, "ContainersReady").status, "True");
  t.is(of(second, "ContainersReady").lastTransitionTime, "2026-01-01T00:01:00Z");
  t.is(of(second, "Initialized").lastTransitionTime, "2026-01-01T00:00:00Z");
  t.is(of(second, "Ready").reason, "ReadinessGatesNotReady");
  t.is(of(second, "Ready").message, 'corresponding condition of pod readiness gate "example.com/gate" does not exist.');
});

test("a container that waits for its restart shows why and keeps its end as last state", (t) => {
  const status = podStatus({
    pod: pod("Always", false),
    snapshot: { sandboxes: [sandbox], containers: [...fact("a", "1"), ...fact("b", "running")] },
    probes: good,
    memory: emptyMemory,
    waiting: { a: { reason: "CrashLoopBackOff", message: "back-off" } },
    messages: { "c-a": "told by the program" },
    ended: false,
    hostIps: [],
    now,
  });
  const [a] = status.containerStatuses!;
  t.is(a!.state!.waiting!.reason, "CrashLoopBackOff");
  t.is(a!.lastState!.terminated!.message, "told by the program");
  t.is(a!.lastState!.terminated!.containerID, "containerd://c-a");
  t.is(status.phase, "Running");
});

test("the back-off is forgotten after ten quiet minutes and with a new image", (t) => {
  const entry = { delayMs: 160_000, updatedAt: 0, hash: "h" };
  t.is(crashBackOff(entry, 600_000, 600_001, "h").kind, "wait");
  t.deepEqual(crashBackOff(entry, 600_001, 600_002, "h"), {
    kind: "go",
    next: { delayMs: 10_000, updatedAt: 600_002, hash: "h" },
  });
  t.is(crashBackOff(entry, 1_000, 1_001, "other").kind, "go");
  t.is(durationText(80_000), "1m20s");
  t.is(durationText(300_000), "5m0s");
});

test("a changed image replaces the container even where the policy is Never", (t) => {
  const subject = podOf("p", { restartPolicy: "Never", containers: [{ name: "a", image: "app:2" }] });
  const decide = (mark: Mark) =>
    podActions({
      pod: subject,
      snapshot: { sandboxes: [sandbox], containers: fact("a", mark) },
      probes: good,
      memory: emptyMemory,
      now,
    }).actions.map(({ kind }) => kind);
  t.deepEqual(decide("running"), ["kill-container"]);
  t.deepEqual(decide("1"), ["start-container"]);
});

test("what the runtime says of a container is shown without the values of its Secrets", (t) => {
  const container: Container = {
    name: "a",
    env: [{ name: "WORD", valueFrom: { secretKeyRef: { name: "s", key: "word" } } }],
    envFrom: [{ secretRef: { name: "more" } }, { secretRef: { name: "absent", optional: true } }],
  };
  const base64 = (text: string): string => Buffer.from(text).toString("base64");
  const data: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    s: { word: base64("open-sesame"), longer: base64("open-sesame-$&-twice"), short: base64("abc") },
    more: { key: base64("4711-0815") },
    other: { key: base64("no such file") },
  };
  const secret = (name: string): Secret | undefined => {
    const held = data[name];
    return held === undefined ? undefined : ({ data: held } as unknown as Secret);
  };
  const shown = (text: string): string => withoutSecrets(text, { container, secret });
  t.is(
    shown('exec: "/x/open-sesame-$&-twice" 4711-0815 open-sesame: no such file or directory'),
    'exec: "/x/<secret>" <secret> <secret>: no such file or directory',
  );
  t.is(shown("abc is a word like others"), "abc is a word like others");
});
