import test from "ava";
import type {
  DeploymentSpec,
  EndpointSlice,
  NodeSpec,
  Secret,
  ServiceAccount,
} from "../../../src/kinds/generated/types.ts";
import { inertWarnings } from "../../../src/kinds/inert.ts";
import type { KubeObject } from "../../../src/kinds/kind.ts";
import type { JsonObject } from "../../../src/util/json.ts";
import { create, decode, kindOf, problems, refusal, update, writeStatus } from "./kit.ts";

const template = { metadata: { labels: { app: "a" } }, spec: { containers: [{ name: "c", image: "nginx" }] } };
const workload = { spec: { selector: { matchLabels: { app: "a" } }, template } };

function deploy(spec: JsonObject): JsonObject {
  return { spec: { ...workload.spec, ...spec } };
}

function service(spec: JsonObject): JsonObject {
  return { spec: { ports: [{ port: 80 }], ...spec } };
}

function named(name: string): JsonObject {
  return { metadata: { name } };
}

test("a 422 names kind, object and each problem once", (t) => {
  t.is(
    refusal("configmaps", { data: { a: "x".repeat(1_048_577) } }),
    'ConfigMap "a" is invalid: []: Too long: may not be more than 1048576 bytes',
  );
  t.true(
    refusal("deployments.apps", { spec: { template } }).startsWith(
      'Deployment.apps "a" is invalid: [spec.selector: Required value, spec.template.metadata.labels: ',
    ),
  );
});

test("a Deployment gets Kubernetes' defaults", (t) => {
  const draft = create("deployments.apps", deploy({}));
  t.is(draft.metadata.generation, 1);
  t.like(draft["spec"], {
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    strategy: { type: "RollingUpdate", rollingUpdate: { maxUnavailable: "25%", maxSurge: "25%" } },
  });
  const spec = draft["spec"] as DeploymentSpec;
  t.is(spec.template.spec?.restartPolicy, "Always");
  t.is(spec.template.spec?.enableServiceLinks, undefined);
});

test("requests follow from limits in pods alone", (t) => {
  const spec = create(
    "deployments.apps",
    deploy({ template: { ...template, spec: { containers: [{ name: "c", resources: { limits: { cpu: "1" } } }] } } }),
  )["spec"] as DeploymentSpec;
  t.deepEqual(spec.template.spec?.containers[0]?.resources, { limits: { cpu: "1" } });
});

test("a template without a spec lacks containers, and nothing else", (t) => {
  for (const kind of ["deployments.apps", "replicasets.apps"]) {
    t.deepEqual(problems(kind, deploy({ template: { metadata: { labels: { app: "a" } } } })), [
      "spec.template.spec.containers: Required value",
    ]);
  }
});

test("what is stored but not acted upon is said", (t) => {
  const pod = create("pods", {
    spec: { containers: [{ name: "c" }], volumes: [{ name: "v", nfs: { server: "a", path: "/" } }] },
    metadata: { name: "a.b" },
  }) as unknown as KubeObject;
  t.deepEqual(inertWarnings(kindOf("pods"), pod), ["spec.volumes[0].nfs: accepted, but not acted upon yet"]);
  t.deepEqual(kindOf("pods").warnings?.(pod, undefined), [
    "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [must not contain dots]",
  ]);
});

test("selectors of Deployments and ReplicaSets never change", (t) => {
  const other = {
    selector: { matchLabels: { app: "b" } },
    template: { ...template, metadata: { labels: { app: "b" } } },
  };
  for (const kind of ["deployments.apps", "replicasets.apps"]) {
    t.deepEqual(update(kind, deploy({}), deploy(other)).problems, [
      'spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable',
    ]);
  }
});

test("a status write changes no label of a Deployment, but those of a ReplicaSet", (t) => {
  const body = { ...deploy({ replicas: 9 }), metadata: { name: "a", labels: { x: "y" } }, status: { replicas: 1 } };
  const written = writeStatus("deployments.apps", deploy({}), body).draft;
  t.is(written.metadata.labels, undefined);
  t.is((written["spec"] as DeploymentSpec).replicas, 1);
  t.deepEqual(writeStatus("replicasets.apps", deploy({}), body).draft.metadata.labels, { x: "y" });
});

test("counters of a status may not contradict each other", (t) => {
  const body = { ...deploy({}), status: { replicas: 1, readyReplicas: 2 } };
  t.deepEqual(writeStatus("deployments.apps", deploy({}), body).problems, [
    "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
  ]);
});

test("what a client may not change comes back or is refused", (t) => {
  const ns = update("namespaces", named("a"), { ...named("a"), spec: { finalizers: [] } }).draft;
  t.deepEqual(ns["spec"], { finalizers: ["kubernetes"] });
  t.deepEqual(ns.metadata.labels, { "kubernetes.io/metadata.name": "a" });
  t.deepEqual(update("secrets", { type: "a/b" }, {}).problems, ['type: Invalid value: "Opaque": field is immutable']);
  const fixed = { data: { a: "1" }, immutable: true };
  t.deepEqual(update("configmaps", fixed, { ...fixed, data: { a: "2" } }).problems, [
    "data: Forbidden: field is immutable when `immutable` is set",
  ]);
  t.deepEqual(update("configmaps", fixed, { ...fixed, metadata: { name: "a", annotations: { b: "c" } } }).problems, []);
  t.deepEqual(update("nodes", { spec: { podCIDR: "10.1.0.0/24" } }, { spec: { podCIDR: "10.2.0.0/24" } }).problems, [
    'spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid',
  ]);
  t.deepEqual(update("endpointslices.discovery.k8s.io", { addressType: "IPv4" }, { addressType: "IPv6" }).problems, [
    'addressType: Invalid value: "IPv6": field is immutable',
  ]);
  t.deepEqual(update("leases.coordination.k8s.io", { spec: {} }, { spec: {} }, "").problems, [
    "metadata.resourceVersion: Invalid value: 0: must be specified for an update",
  ]);
});

test("an object on its way out gains no finalizer", (t) => {
  const going = { metadata: { name: "a", deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a/b"] } };
  const more = { metadata: { ...going.metadata, finalizers: ["a/b", "c/d"] } };
  t.deepEqual(update("configmaps", going, more).problems, [
    'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"c/d"}',
  ]);
});

test("a namespace's phase follows its deletion", (t) => {
  t.deepEqual(writeStatus("namespaces", named("a"), { ...named("a"), status: { phase: "Terminating" } }).problems, [
    "status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty",
  ]);
});

test("a node's range and allocatable amounts are filled in, and its status may come with it", (t) => {
  const draft = create("nodes", {
    spec: { podCIDR: "10.1.0.0/24" },
    status: { capacity: { cpu: "4", memory: "1024Mi" } },
  });
  t.deepEqual((draft["spec"] as NodeSpec).podCIDRs, ["10.1.0.0/24"]);
  t.deepEqual(draft["status"], {
    capacity: { cpu: "4", memory: "1Gi" },
    allocatable: { cpu: "4", memory: "1Gi" },
  });
});

test("texts of a Secret override its bytes and are not kept; accounts keep names of secrets", (t) => {
  const secret = create("secrets", { data: { a: "eA==" }, stringData: { a: "y" } }) as unknown as Secret;
  t.deepEqual(secret.data, { a: "eQ==" });
  t.false("stringData" in secret);
  t.is(secret.type, "Opaque");
  const account = create("serviceaccounts", { secrets: [{ name: "a", kind: "X" }] });
  t.deepEqual((account as unknown as ServiceAccount).secrets, [{ name: "a" }]);
});

function cells(id: string, body: JsonObject): readonly unknown[] {
  const draft = decode(id, body);
  draft.metadata.creationTimestamp ??= "1970-01-01T00:00:00Z";
  return kindOf(id).row(draft as unknown as KubeObject, 90_000).cells;
}

test("lines of tables read as kubectl prints them", (t) => {
  t.deepEqual(
    cells("nodes", {
      metadata: {
        name: "one",
        labels: { "node-role.kubernetes.io/b": "", "node-role.kubernetes.io/a": "" },
      },
      spec: { unschedulable: true },
      status: {
        conditions: [{ type: "Ready", status: "Unknown" }],
        addresses: [{ type: "InternalIP", address: "10.0.0.1" }],
        nodeInfo: { kubeletVersion: "v1", kernelVersion: "6.1", architecture: "amd64", osImage: "Debian" },
      },
    }),
    [
      "one",
      "NotReady,SchedulingDisabled",
      "a,b",
      "90s",
      "v1",
      "10.0.0.1",
      "<none>",
      "Debian",
      "6.1 (amd64)",
      "<unknown>",
    ],
  );
  t.deepEqual(cells("deployments.apps", { ...deploy({ replicas: 3 }), status: { readyReplicas: 2 } }), [
    "a",
    "2/3",
    0,
    0,
    "90s",
    "c",
    "nginx",
    "app=a",
  ]);
  t.deepEqual(
    cells(
      "services",
      service({
        type: "NodePort",
        clusterIP: "10.0.0.1",
        ports: [{ port: 80, nodePort: 30_080 }],
        selector: { b: "1", a: "2" },
      }),
    ),
    ["a", "NodePort", "10.0.0.1", "<none>", "80:30080/TCP", "90s", "a=2,b=1"],
  );
  const slice: JsonObject = {
    addressType: "IPv4",
    ports: [{}],
    endpoints: [{ addresses: ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"] }],
  };
  const ports = (decode("endpointslices.discovery.k8s.io", slice) as unknown as EndpointSlice).ports;
  t.deepEqual(ports as unknown, [{ name: "", protocol: "TCP" }]);
  t.deepEqual(cells("endpointslices.discovery.k8s.io", slice), [
    "a",
    "IPv4",
    "<unset>",
    "10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...",
    "90s",
  ]);
  t.deepEqual(
    cells("events", {
      involvedObject: { kind: "Pod", name: "p", fieldPath: "spec.containers{c}" },
      reason: "Started",
      type: "Normal",
      message: " Started it\n",
      source: { component: "agent", host: "one" },
      firstTimestamp: "1970-01-01T00:00:30Z",
      lastTimestamp: "1970-01-01T00:01:00Z",
      count: 3,
    }),
    ["30s", "Normal", "Started", "pod/p", "spec.containers{c}", "agent, one", "Started it", "60s", 3, "a"],
  );
});
