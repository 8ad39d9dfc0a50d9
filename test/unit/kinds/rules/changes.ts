import { container, deploy, pod, service, type RuleCase } from "./helpers.ts";

/** Changes of what stands, and what the other tables leave out. */
export const changeCases: readonly RuleCase[] = [
  {
    what: "another host name",
    kind: "pods",
    before: pod({}),
    body: pod({ hostname: "h" }),
    errors: [
      'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n@@ -9,6 +9,7 @@\n       "imagePullPolicy": "Always"\n     }\n   ],\n+  "hostname": "h",\n   "restartPolicy": "Always",\n   "dnsPolicy": "ClusterFirst",\n   "schedulerName": "default-scheduler",',
    ],
  },
  {
    what: "a toleration taken away",
    kind: "pods",
    before: pod({ tolerations: [{ key: "a", operator: "Exists" }] }),
    body: pod({}),
    errors: ["spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds"],
  },
  {
    what: "a later deadline",
    kind: "pods",
    before: pod({ activeDeadlineSeconds: 5 }),
    body: pod({ activeDeadlineSeconds: 6 }),
    errors: ["spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value"],
  },
  {
    what: "a deadline taken away",
    kind: "pods",
    before: pod({ activeDeadlineSeconds: 5 }),
    body: pod({}),
    errors: ["spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value"],
  },
  {
    what: "one container more",
    kind: "pods",
    before: pod({}),
    body: pod({ containers: [container, { ...container, name: "d" }] }),
    errors: ["spec.containers: Forbidden: pod updates may not add or remove containers"],
  },
  {
    what: "one gate more",
    kind: "pods",
    before: pod({}),
    body: pod({ schedulingGates: [{ name: "g" }] }),
    errors: ["spec.schedulingGates[0].name: Forbidden: only deletion is allowed, but found new scheduling gate 'g'"],
  },
  {
    what: "a nomination of a bound pod",
    kind: "pods",
    before: pod({ nodeName: "n" }),
    status: { status: { nominatedNodeName: "m" } },
    errors: ["status.nominatedNodeName: Forbidden: may not be set on pods that are already bound to a node"],
  },
  {
    what: "an end that is taken back",
    kind: "pods",
    before: pod({ restartPolicy: "Never" }),
    status: {
      status: {
        containerStatuses: [
          { name: "c", image: "i", imageID: "", ready: false, restartCount: 0, state: { running: {} } },
        ],
      },
    },
    known: { containerStatuses: [{ name: "c", state: { terminated: { exitCode: 0 } } }] },
    errors: ["status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state"],
  },
  {
    what: "collisions that become fewer",
    kind: "deployments.apps",
    before: deploy({}),
    status: { ...deploy({}), status: { collisionCount: 1 } },
    known: { collisionCount: 2 },
    errors: ["status.collisionCount: Invalid value: 1: cannot be decremented"],
  },
  {
    what: "life after deletion",
    kind: "namespaces",
    before: { metadata: { name: "a", deletionTimestamp: "2026-01-01T00:00:00Z" } },
    status: { metadata: { name: "a", deletionTimestamp: "2026-01-01T00:00:00Z" }, status: { phase: "Active" } },
    errors: ["status.Phase: Invalid value: \"Active\": may only be 'Terminating' if `deletionTimestamp` is not empty"],
  },
  {
    what: "a finalizer while it is deleted",
    kind: "configmaps",
    before: { metadata: { name: "a", deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a.b/c"] } },
    body: { metadata: { name: "a", deletionTimestamp: "2026-01-01T00:00:00Z", finalizers: ["a.b/c", "a.b/d"] } },
    errors: [
      'metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new finalizers []string{"a.b/d"}',
    ],
  },
  {
    what: "a generation below nothing",
    kind: "configmaps",
    body: { metadata: { name: "a", generation: -1 } },
    errors: ["metadata.generation: Invalid value: -1: must be greater than or equal to 0"],
  },
  {
    what: "no resourceVersion",
    kind: "leases.coordination.k8s.io",
    before: { spec: {} },
    body: { spec: {} },
    revision: "",
    errors: ["metadata.resourceVersion: Invalid value: 0: must be specified for an update"],
  },
  {
    what: "managed fields that no server writes",
    kind: "configmaps",
    body: {
      metadata: {
        name: "a",
        managedFields: [
          { operation: "Own", fieldsType: "FieldsV2", manager: "a\u0007", subresource: "s".repeat(257) },
          { operation: "Apply", manager: "m".repeat(129) },
        ],
      },
    },
    errors: [
      'metadata.managedFields[0].operation: Invalid value: "Own": must be `Apply` or `Update`',
      'metadata.managedFields[0].fieldsType: Invalid value: "FieldsV2": must be `FieldsV1`',
      'metadata.managedFields[0].manager: Invalid value: "a\\a": invalid character U+0007 (at position 1)',
      "metadata.managedFields[0].subresource: Too long: may not be more than 256 bytes",
      "metadata.managedFields[1].manager: Too long: may not be more than 128 bytes",
    ],
  },
  {
    what: "annotations of more than 256 KiB",
    kind: "configmaps",
    body: { metadata: { name: "a", annotations: { a: "x".repeat(262144) } } },
    errors: ["metadata.annotations: Too long: may not be more than 262144 bytes"],
  },
  {
    what: "another health port",
    kind: "services",
    before: service({ type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 30001 }),
    body: service({ type: "LoadBalancer", externalTrafficPolicy: "Local", healthCheckNodePort: 30002 }),
    errors: ["spec.healthCheckNodePort: Forbidden: field is immutable"],
  },
  {
    what: "an external name with families",
    kind: "services",
    body: { spec: { type: "ExternalName", externalName: "a.b", ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" } },
    errors: [
      "spec.ipFamilies: Forbidden: may not be set for ExternalName services",
      "spec.ipFamilyPolicy: Forbidden: may not be set for ExternalName services",
    ],
  },
  {
    what: "a second address without its policy",
    kind: "services",
    before: service({
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1", "fd00::1"],
      ipFamilies: ["IPv4", "IPv6"],
      ipFamilyPolicy: "RequireDualStack",
    }),
    body: service({
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "RequireDualStack",
    }),
    errors: [
      "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary cluster IP",
      "spec.ipFamilyPolicy: Invalid value: \"RequireDualStack\": must be 'SingleStack' to release the secondary IP family",
    ],
  },
  {
    what: "another second address",
    kind: "services",
    before: service({
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1", "fd00::1"],
      ipFamilies: ["IPv4", "IPv6"],
      ipFamilyPolicy: "RequireDualStack",
    }),
    body: service({
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1", "fd00::2"],
      ipFamilies: ["IPv4", "IPv6"],
      ipFamilyPolicy: "RequireDualStack",
    }),
    errors: ['spec.clusterIPs[1]: Invalid value: ["10.0.0.1","fd00::2"]: may not change once set'],
  },
  {
    what: "an address taken away",
    kind: "services",
    before: service({
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    }),
    body: service({ ipFamilies: ["IPv4"], ipFamilyPolicy: "SingleStack" }),
    errors: ["spec.clusterIPs[0]: Invalid value: []: may not change once set"],
  },
  {
    what: "an address with a leading zero",
    kind: "endpointslices.discovery.k8s.io",
    body: { addressType: "IPv4", endpoints: [{ addresses: ["010.0.0.1"] }] },
    errors: ['endpoints[0].addresses[0]: Invalid value: "010.0.0.1": must not have leading 0s'],
  },
  {
    what: "a toleration that compares",
    kind: "pods",
    body: pod({ tolerations: [{ key: "a", operator: "Lt", value: "1" }] }),
    errors: ['spec.tolerations[0].operator: Unsupported value: "Lt": supported values: "Equal", "Exists", "Lt", "Gt"'],
  },
];
