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

const volumes = [{ name: "v" }];
const mount = { name: "v", mountPath: "/v" };
const c0 = "spec.containers[0]";
const probe = { httpGet: { port: 80 } };

const refused: readonly (readonly [what: string, body: JsonObject, ...errors: string[]])[] = [
  ["no containers", pod({ containers: [] }), "spec.containers: Required value"],
  [
    "a name with capitals",
    withContainer({ name: "A_b" }),
    `${c0}.name: Invalid value: "A_b": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
  ],
  [
    "one name for an init and a regular container",
    pod({ initContainers: [container] }),
    'spec.initContainers[0].name: Duplicate value: "c"',
  ],
  ["no image", withContainer({ image: "" }), `${c0}.image: Required value`],
  [
    "blanks around the image",
    withContainer({ image: " nginx" }),
    `${c0}.image: Invalid value: " nginx": must not have leading or trailing whitespace`,
  ],
  [
    "a container port of 0",
    withContainer({ ports: [{ containerPort: 0 }] }),
    `${c0}.ports[0].containerPort: Required value`,
  ],
  [
    "a port of 70000 and a protocol in small letters",
    withContainer({ ports: [{ containerPort: 70_000, protocol: "tcp" }] }),
    `${c0}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
    `${c0}.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"`,
  ],
  [
    "a host port twice",
    withContainer({
      ports: [
        { containerPort: 1, hostPort: 80 },
        { containerPort: 2, hostPort: 80 },
      ],
    }),
    `${c0}.ports[1].hostPort: Duplicate value: "TCP//80"`,
  ],
  [
    "an equals sign in a variable's name",
    withContainer({ env: [{ name: "A=B" }] }),
    `${c0}.env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than '='`,
  ],
  [
    "a value beside a source",
    withContainer({
      env: [{ name: "A", value: "b", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
    }),
    `${c0}.env[0].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`,
  ],
  [
    "a field that has no text for variables",
    withContainer({ env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "status.phase" } } }] }),
    `${c0}.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
  ],
  [
    "a request above its limit",
    withContainer({ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }),
    `${c0}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`,
  ],
  [
    "a resource that nobody knows",
    withContainer({ resources: { limits: { foo: "1" } } }),
    `${c0}.resources.limits[foo]: Invalid value: "foo": must be a standard resource type or fully qualified`,
    `${c0}.resources.limits[foo]: Invalid value: "foo": must be a standard resource for containers`,
    `${c0}.resources.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified`,
    `${c0}.resources.requests[foo]: Invalid value: "foo": must be a standard resource for containers`,
  ],
  [
    "an extended resource without a limit",
    withContainer({ resources: { requests: { "example.com/gpu": "1" } } }),
    `${c0}.resources.limits: Required value: Limit must be set for non overcommitable resources`,
  ],
  ["a mount of no volume", withContainer({ volumeMounts: [mount] }), `${c0}.volumeMounts[0].name: Not found: "v"`],
  [
    "a path that climbs out of its volume",
    withContainer({ volumeMounts: [{ ...mount, subPath: "../x" }] }, { volumes }),
    `${c0}.volumeMounts.subPath: Invalid value: "../x": must not contain '..'`,
  ],
  [
    "one mount path twice",
    withContainer({ volumeMounts: [mount, mount] }, { volumes }),
    `${c0}.volumeMounts[1].mountPath: Invalid value: "/v": must be unique`,
  ],
  [
    "two sources of one volume",
    pod({ volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/x" } }] }),
    "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
  ],
  [
    "a liveness probe that wants two successes",
    withContainer({ livenessProbe: { ...probe, successThreshold: 2 } }),
    `${c0}.livenessProbe.successThreshold: Invalid value: 2: must be 1`,
  ],
  [
    "a probe of nothing",
    withContainer({ readinessProbe: {} }),
    `${c0}.readinessProbe: Required value: must specify a handler type`,
  ],
  [
    "a hook that sleeps longer than the grace",
    withContainer({ lifecycle: { preStop: { sleep: { seconds: 60 } } } }),
    `${c0}.lifecycle.preStop.sleep: Invalid value: 60: must be non-negative and less than terminationGracePeriodSeconds (30)`,
  ],
  [
    "a probe of a plain init container",
    pod({ initContainers: [{ ...container, name: "i", readinessProbe: probe }] }),
    "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
  ],
  [
    "an ephemeral container in a new pod",
    pod({ ephemeralContainers: [{ ...container, name: "d", ports: [{ containerPort: 1 }] }] }),
    "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
    "spec.ephemeralContainers: Forbidden: cannot be set on create",
  ],
  [
    "mounts that show on the host, without privilege",
    withContainer({ volumeMounts: [{ ...mount, mountPropagation: "Bidirectional" }] }, { volumes }),
    `${c0}.volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`,
  ],
  [
    "a negative user",
    withContainer({ securityContext: { runAsUser: -1 } }),
    `${c0}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
  ],
  [
    "names of no server",
    pod({ dnsPolicy: "None" }),
    "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
  ],
  [
    "a value where any value is borne",
    pod({ tolerations: [{ key: "a", operator: "Exists", value: "b" }] }),
    "spec.tolerations[0].operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'",
  ],
  [
    "no skew at all",
    pod({
      topologySpreadConstraints: [
        { maxSkew: 0, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: {} },
      ],
    }),
    "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
  ],
  [
    "the host's network in a user namespace",
    pod({ hostUsers: false, hostNetwork: true }),
    "spec.hostNetwork: Forbidden: when `hostUsers` is false",
  ],
  [
    "a user on Windows",
    pod({ os: { name: "windows" }, securityContext: { runAsUser: 1 } }),
    "spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
  ],
  [
    "a deadline of 0",
    pod({ activeDeadlineSeconds: 0 }),
    "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
  ],
  [
    "an unknown restart policy",
    pod({ restartPolicy: "Sometimes" }),
    'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
  ],
  [
    "a Secret without a name",
    pod({ volumes: [{ name: "v", secret: {} }] }),
    "spec.volumes[0].secret.secretName: Required value",
  ],
  [
    "a node while gates are closed",
    pod({ nodeName: "one", schedulingGates: [{ name: "g" }] }),
    "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
  ],
];

for (const [what, body, ...errors] of refused) {
  test(`a new pod is refused for ${what}`, (t) => {
    t.deepEqual(problems("pods", body), errors);
  });
}

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
