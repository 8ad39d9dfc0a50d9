import test from "ava";
import type { Pod, PodSpec } from "../../../src/kinds/generated/types.ts";
import { podStatusText } from "../../../src/kinds/pod-cells.ts";
import { pullPolicyOf } from "../../../src/kinds/pod-defaults.ts";
import { effectiveResources, qosClass } from "../../../src/kinds/pod-resources.ts";
import type { Json, JsonObject } from "../../../src/util/json.ts";
import { create, kindOf, problems, update, writeStatus } from "./kit.ts";

const container = { name: "c", image: "nginx" };

function pod(spec: JsonObject, rest: JsonObject = {}): JsonObject {
  return { spec: { containers: [container], ...spec }, ...rest };
}

/** A pod whose one container has these fields too. */
function withContainer(fields: JsonObject, spec: JsonObject = {}): JsonObject {
  return pod({ containers: [{ ...container, ...fields }], ...spec });
}

const probe = { httpGet: { port: 80 } };

const accepted: readonly (readonly [what: string, body: JsonObject])[] = [
  ["a plain container", pod({})],
  ["a variable that begins with a digit", withContainer({ env: [{ name: "1A", value: "x" }] })],
  [
    "a sidecar with a probe",
    pod({ initContainers: [{ ...container, name: "i", restartPolicy: "Always", readinessProbe: probe }] }),
  ],
  ["an image in capitals", withContainer({ image: "NGINX" })],
  [
    "a required node affinity",
    pod({
      affinity: {
        nodeAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: {
            nodeSelectorTerms: [{ matchExpressions: [{ key: "a", operator: "Gt", values: ["1"] }] }],
          },
        },
      },
    }),
  ],
  [
    "what kubectl run sends",
    pod(
      { restartPolicy: "Always", dnsPolicy: "ClusterFirst" },
      { status: {}, metadata: { name: "a", labels: { run: "a" } } },
    ),
  ],
];

for (const [what, body] of accepted) {
  test(`a new pod may have ${what}`, (t) => {
    t.deepEqual(problems("pods", body), []);
  });
}

test("images without a tag that stays are always pulled", (t) => {
  t.is(pullPolicyOf("nginx"), "Always");
  t.is(pullPolicyOf("nginx:latest"), "Always");
  t.is(pullPolicyOf("registry:5000/nginx"), "Always");
  t.is(pullPolicyOf("nginx:1.27"), "IfNotPresent");
  t.is(pullPolicyOf("nginx@sha256:abc"), "IfNotPresent");
  t.is(pullPolicyOf("x:latest@sha256:abc"), "Always");
  t.is(pullPolicyOf("NGINX"), "IfNotPresent");
});

test("host ports follow container ports on the host's network, in pods alone", (t) => {
  const body = withContainer({ ports: [{ containerPort: 80 }] }, { hostNetwork: true });
  const spec = create("pods", body)["spec"] as PodSpec;
  t.is(spec.containers[0]?.ports?.[0]?.hostPort, 80);
  t.deepEqual(problems("pods", body), []);
});

test("small amounts are rounded up to thousandths, and a negative grace becomes one second", (t) => {
  const spec = create(
    "pods",
    withContainer({ resources: { requests: { cpu: "0.0001" } } }, { terminationGracePeriodSeconds: -5 }),
  )["spec"] as PodSpec;
  t.deepEqual(spec.containers[0]?.resources?.requests, { cpu: "1m" });
  t.is(spec.terminationGracePeriodSeconds, 1);
});

test("a gated pod says that it waits, and no client sets the status of a new one", (t) => {
  const draft = create("pods", pod({ schedulingGates: [{ name: "g" }] }, { status: { phase: "Running" } }));
  t.like(draft["status"], {
    phase: "Pending",
    conditions: [{ type: "PodScheduled", status: "False", reason: "SchedulingGated" }],
  });
  t.is(podStatusText(draft as unknown as Pod), "SchedulingGated");
});

test("a pod's image, deadline, tolerations and gates may change; nothing else of its spec", (t) => {
  const base = pod({ activeDeadlineSeconds: 10, tolerations: [{ key: "a", operator: "Exists" }] });
  const changed = (spec: JsonObject): readonly string[] =>
    update("pods", base, pod({ ...(base["spec"] as JsonObject), ...spec })).problems;
  t.deepEqual(changed({ containers: [{ ...container, image: "nginx:2", imagePullPolicy: "Always" }] }), []);
  t.deepEqual(changed({ activeDeadlineSeconds: 5 }), []);
  t.deepEqual(changed({ activeDeadlineSeconds: 20 }), [
    "spec.activeDeadlineSeconds: Invalid value: 20: must be less than or equal to previous value",
  ]);
  t.deepEqual(changed({ activeDeadlineSeconds: null }), [
    "spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value",
  ]);
  t.deepEqual(changed({ tolerations: [] }), [
    "spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds",
  ]);
  t.deepEqual(changed({ containers: [container, { ...container, name: "d" }] }), [
    "spec.containers: Forbidden: pod updates may not add or remove containers",
  ]);
  t.deepEqual(changed({ schedulingGates: [{ name: "g" }] }), [
    "spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'g'",
  ]);
  const [first = ""] = changed({ containers: [{ ...container, env: [{ name: "A", value: "b" }] }] });
  t.true(
    first.startsWith(
      "spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n",
    ),
  );
  t.true(first.includes('+          "name": "A",'), first);
});

test("a gated pod may be narrowed to fewer nodes, a free one may not", (t) => {
  const gated = pod({ schedulingGates: [{ name: "g" }] });
  const narrowed = { nodeSelector: { disk: "ssd" } };
  t.deepEqual(update("pods", gated, pod({ schedulingGates: [{ name: "g" }], ...narrowed })).problems, []);
  t.is(update("pods", pod({}), pod(narrowed)).problems.length, 1);
});

test("an update counts as a new generation only where the spec differs", (t) => {
  t.is(update("pods", pod({}), pod({}, { metadata: { labels: { a: "b" } } })).draft.metadata.generation, 1);
  const image = withContainer({ image: "nginx:2", imagePullPolicy: "Always" });
  t.is(update("pods", pod({}), image).draft.metadata.generation, 2);
});

test("a status write keeps the spec and may not take a node's place", (t) => {
  const change = writeStatus("pods", pod({ nodeName: "one" }), {
    spec: { containers: [{ ...container, image: "other" }] },
    status: { phase: "Running", nominatedNodeName: "two" },
  });
  t.is((change.draft["spec"] as PodSpec).containers[0]?.image, "nginx");
  t.is((change.draft["status"] as { qosClass: string }).qosClass, "BestEffort");
  t.deepEqual(change.problems, [
    "status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node",
  ]);
});

test("grace is what was asked, else the pod's own, and none without a node or after the end", (t) => {
  const grace = kindOf("pods").grace;
  const of = (spec: JsonObject, status: JsonObject, requested?: number): number | undefined => {
    const draft = create("pods", pod(spec));
    draft["status"] = status;
    return grace?.(draft as unknown as Pod, requested);
  };
  t.is(of({}, { phase: "Pending" }), 0);
  t.is(of({ nodeName: "one" }, { phase: "Running" }), 30);
  t.is(of({ nodeName: "one" }, { phase: "Running" }, 5), 5);
  t.is(of({ nodeName: "one" }, { phase: "Running" }, -3), 1);
  t.is(of({ nodeName: "one" }, { phase: "Failed" }), 0);
});

function statusOf(spec: JsonObject, status: JsonObject, metadata: JsonObject = {}): string {
  const draft = create("pods", pod(spec, { metadata: { name: "a", ...metadata } }));
  draft["status"] = status;
  return podStatusText(draft as unknown as Pod);
}

test("the status cell names what holds a pod up", (t) => {
  const init = {
    initContainers: [
      { ...container, name: "i" },
      { ...container, name: "j" },
    ],
  };
  const done = { name: "i", state: { terminated: { exitCode: 0 } }, ready: true, restartCount: 0 };
  t.is(
    statusOf(init, { phase: "Pending", initContainerStatuses: [{ name: "i", state: { running: {} } }] }),
    "Init:0/2",
  );
  t.is(
    statusOf(init, {
      phase: "Pending",
      initContainerStatuses: [done, { name: "j", state: { waiting: { reason: "ImagePullBackOff" } } }],
    }),
    "Init:ImagePullBackOff",
  );
  const killed = { name: "c", state: { terminated: { exitCode: 137, reason: "OOMKilled" } } };
  t.is(statusOf({}, { phase: "Running", containerStatuses: [killed] }), "OOMKilled");
  t.is(
    statusOf({}, { phase: "Running", containerStatuses: [{ name: "c", state: { terminated: { exitCode: 3 } } }] }),
    "ExitCode:3",
  );
  const running = { name: "c", state: { running: {} }, ready: true };
  t.is(
    statusOf({}, { phase: "Running", containerStatuses: [running] }, { deletionTimestamp: "2026-01-01T00:00:00Z" }),
    "Terminating",
  );
  t.is(statusOf({}, { phase: "Failed", reason: "Evicted" }), "Evicted");
});

test("the line of a pod counts sidecars and says when it was restarted last", (t) => {
  const draft = create("pods", pod({ initContainers: [{ ...container, name: "s", restartPolicy: "Always" }] }));
  draft.metadata.creationTimestamp = "1970-01-01T00:00:00Z";
  draft["status"] = {
    phase: "Running",
    conditions: [{ type: "Initialized", status: "True" }],
    initContainerStatuses: [{ name: "s", started: true, ready: true, restartCount: 0, state: { running: {} } }],
    containerStatuses: [
      {
        name: "c",
        ready: true,
        restartCount: 3,
        state: { running: {} },
        lastState: { terminated: { exitCode: 1, finishedAt: "1970-01-01T00:01:00Z" } },
      },
    ],
  };
  const row = kindOf("pods").row(draft as unknown as Pod, 360_000);
  t.deepEqual(row.cells, ["a", "2/2", "Running", "3 (5m ago)", "6m", "<none>", "<none>", "<none>", "<none>"]);
});

const requests = (cpu: string): JsonObject => ({ resources: { requests: { cpu } } });

test("init containers count as the largest step, sidecars as long as the pod lives", (t) => {
  const spec = create(
    "pods",
    pod({
      containers: [{ ...container, ...requests("2") }],
      initContainers: [
        { ...container, name: "s", restartPolicy: "Always", ...requests("1") },
        { ...container, name: "i", ...requests("3") },
      ],
    }),
  )["spec"] as PodSpec;
  t.deepEqual(effectiveResources(spec, "requests"), { cpu: "4" });
});

test("quality of service follows requests and limits of cpu and memory", (t) => {
  const of = (resources: Json): string => qosClass(create("pods", withContainer({ resources }))["spec"] as PodSpec);
  t.is(of({}), "BestEffort");
  t.is(of({ limits: { cpu: "1", memory: "1Gi" } }), "Guaranteed");
  t.is(of({ limits: { cpu: "1" } }), "Burstable");
  t.is(of({ limits: { cpu: "1", memory: "1Gi" }, requests: { cpu: "500m" } }), "Burstable");
});
