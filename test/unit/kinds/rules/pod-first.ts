import type { JsonObject } from "../../../../src/util/json.ts";
import { c, container, mount, pod, probe, volumes } from "./helpers.ts";

const c0 = "spec.containers[0]";

/** The rules that users meet most. */
export const podCases: readonly (readonly [what: string, kind: string, body: JsonObject, ...errors: string[]])[] = [
  ["no containers", "pods", pod({ containers: [] }), "spec.containers: Required value"],
  [
    "a name with capitals",
    "pods",
    c({ name: "A_b" }),
    `${c0}.name: Invalid value: "A_b": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
  ],
  [
    "one name for an init and a regular container",
    "pods",
    pod({ initContainers: [container] }),
    'spec.initContainers[0].name: Duplicate value: "c"',
  ],
  ["no image", "pods", c({ image: "" }), `${c0}.image: Required value`],
  [
    "blanks around the image",
    "pods",
    c({ image: " nginx" }),
    `${c0}.image: Invalid value: " nginx": must not have leading or trailing whitespace`,
  ],
  [
    "a container port of 0",
    "pods",
    c({ ports: [{ containerPort: 0 }] }),
    `${c0}.ports[0].containerPort: Required value`,
  ],
  [
    "a port of 70000 and a protocol in small letters",
    "pods",
    c({ ports: [{ containerPort: 70_000, protocol: "tcp" }] }),
    `${c0}.ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive`,
    `${c0}.ports[0].protocol: Unsupported value: "tcp": supported values: "SCTP", "TCP", "UDP"`,
  ],
  [
    "a host port twice",
    "pods",
    c({
      ports: [
        { containerPort: 1, hostPort: 80 },
        { containerPort: 2, hostPort: 80 },
      ],
    }),
    `${c0}.ports[1].hostPort: Duplicate value: "TCP//80"`,
  ],
  [
    "an equals sign in a variable's name",
    "pods",
    c({ env: [{ name: "A=B" }] }),
    `${c0}.env[0].name: Invalid value: "A=B": a valid environment variable name must consist only of printable ASCII characters other than '='`,
  ],
  [
    "a value beside a source",
    "pods",
    c({
      env: [{ name: "A", value: "b", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } }],
    }),
    `${c0}.env[0].valueFrom: Invalid value: "": may not be specified when \`value\` is not empty`,
  ],
  [
    "a field that has no text for variables",
    "pods",
    c({ env: [{ name: "A", valueFrom: { fieldRef: { fieldPath: "status.phase" } } }] }),
    `${c0}.env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "status.phase": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"`,
  ],
  [
    "a request above its limit",
    "pods",
    c({ resources: { requests: { cpu: "2" }, limits: { cpu: "1" } } }),
    `${c0}.resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1`,
  ],
  [
    "a resource that nobody knows",
    "pods",
    c({ resources: { limits: { foo: "1" } } }),
    `${c0}.resources.limits[foo]: Invalid value: "foo": must be a standard resource type or fully qualified`,
    `${c0}.resources.limits[foo]: Invalid value: "foo": must be a standard resource for containers`,
    `${c0}.resources.requests[foo]: Invalid value: "foo": must be a standard resource type or fully qualified`,
    `${c0}.resources.requests[foo]: Invalid value: "foo": must be a standard resource for containers`,
  ],
  [
    "an extended resource without a limit",
    "pods",
    c({ resources: { requests: { "example.com/gpu": "1" } } }),
    `${c0}.resources.limits: Required value: Limit must be set for non overcommitable resources`,
  ],
  ["a mount of no volume", "pods", c({ volumeMounts: [mount] }), `${c0}.volumeMounts[0].name: Not found: "v"`],
  [
    "a path that climbs out of its volume",
    "pods",
    c({ volumeMounts: [{ ...mount, subPath: "../x" }] }, { volumes }),
    `${c0}.volumeMounts.subPath: Invalid value: "../x": must not contain '..'`,
  ],
  [
    "one mount path twice",
    "pods",
    c({ volumeMounts: [mount, mount] }, { volumes }),
    `${c0}.volumeMounts[1].mountPath: Invalid value: "/v": must be unique`,
  ],
  [
    "two sources of one volume",
    "pods",
    pod({ volumes: [{ name: "v", emptyDir: {}, hostPath: { path: "/x" } }] }),
    "spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type",
  ],
  [
    "a liveness probe that wants two successes",
    "pods",
    c({ livenessProbe: { ...probe, successThreshold: 2 } }),
    `${c0}.livenessProbe.successThreshold: Invalid value: 2: must be 1`,
  ],
  [
    "a probe of nothing",
    "pods",
    c({ readinessProbe: {} }),
    `${c0}.readinessProbe: Required value: must specify a handler type`,
  ],
  [
    "a hook that sleeps longer than the grace",
    "pods",
    c({ lifecycle: { preStop: { sleep: { seconds: 60 } } } }),
    `${c0}.lifecycle.preStop.sleep: Invalid value: 60: must be non-negative and less than terminationGracePeriodSeconds (30)`,
  ],
  [
    "a probe of a plain init container",
    "pods",
    pod({ initContainers: [{ ...container, name: "i", readinessProbe: probe }] }),
    "spec.initContainers[0].readinessProbe: Forbidden: may not be set for init containers without restartPolicy=Always",
  ],
  [
    "an ephemeral container in a new pod",
    "pods",
    pod({ ephemeralContainers: [{ ...container, name: "d", ports: [{ containerPort: 1 }] }] }),
    "spec.ephemeralContainers[0].ports: Forbidden: cannot be set for an Ephemeral Container",
    "spec.ephemeralContainers: Forbidden: cannot be set on create",
  ],
  [
    "mounts that show on the host, without privilege",
    "pods",
    c({ volumeMounts: [{ ...mount, mountPropagation: "Bidirectional" }] }, { volumes }),
    `${c0}.volumeMounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers`,
  ],
  [
    "a negative user",
    "pods",
    c({ securityContext: { runAsUser: -1 } }),
    `${c0}.securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive`,
  ],
  [
    "names of no server",
    "pods",
    pod({ dnsPolicy: "None" }),
    "spec.dnsConfig: Required value: must provide `dnsConfig` when `dnsPolicy` is None",
  ],
  [
    "a value where any value is borne",
    "pods",
    pod({ tolerations: [{ key: "a", operator: "Exists", value: "b" }] }),
    "spec.tolerations[0].operator: Invalid value: \"b\": value must be empty when `operator` is 'Exists'",
  ],
  [
    "no skew at all",
    "pods",
    pod({
      topologySpreadConstraints: [
        { maxSkew: 0, topologyKey: "zone", whenUnsatisfiable: "DoNotSchedule", labelSelector: {} },
      ],
    }),
    "spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero",
  ],
  [
    "the host's network in a user namespace",
    "pods",
    pod({ hostUsers: false, hostNetwork: true }),
    "spec.hostNetwork: Forbidden: when `hostUsers` is false",
  ],
  [
    "a user on Windows",
    "pods",
    pod({ os: { name: "windows" }, securityContext: { runAsUser: 1 } }),
    "spec.securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
  ],
  [
    "a deadline of 0",
    "pods",
    pod({ activeDeadlineSeconds: 0 }),
    "spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive",
  ],
  [
    "an unknown restart policy",
    "pods",
    pod({ restartPolicy: "Sometimes" }),
    'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
  ],
  [
    "a Secret without a name",
    "pods",
    pod({ volumes: [{ name: "v", secret: {} }] }),
    "spec.volumes[0].secret.secretName: Required value",
  ],
  [
    "a node while gates are closed",
    "pods",
    pod({ nodeName: "one", schedulingGates: [{ name: "g" }] }),
    "spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared",
  ],
];
