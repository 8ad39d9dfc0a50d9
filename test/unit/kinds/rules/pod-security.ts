import { affinityOf, c, claims, pod, podTerm, type RuleCase } from "./helpers.ts";

/** Security, selectors, changes and statuses of pods. */
export const podSecurityCases: readonly RuleCase[] = [
  {
    what: "a bare /proc of the host",
    kind: "pods",
    body: c({ securityContext: { procMount: "Unmasked" } }),
    errors: [
      'spec.containers[0].securityContext.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`',
    ],
  },
  {
    what: "a privileged container that may not rise",
    kind: "pods",
    body: c({ securityContext: { privileged: true, allowPrivilegeEscalation: false } }),
    errors: [
      'spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ],
  },
  {
    what: "an administrator that may not rise",
    kind: "pods",
    body: c({ securityContext: { capabilities: { add: ["CAP_SYS_ADMIN"] }, allowPrivilegeEscalation: false } }),
    errors: [
      'spec.containers[0].securityContext: Invalid value: {"capabilities":{"add":["CAP_SYS_ADMIN"]},"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN',
    ],
  },
  {
    what: "a seccomp profile without a type",
    kind: "pods",
    body: c({ securityContext: { seccompProfile: { type: "" } } }),
    errors: [
      "spec.containers[0].securityContext.seccompProfile.type: Required value: type is required when seccompProfile is set",
    ],
  },
  {
    what: "an unknown seccomp profile",
    kind: "pods",
    body: c({ securityContext: { seccompProfile: { type: "Mine" } } }),
    errors: [
      'spec.containers[0].securityContext.seccompProfile.type: Unsupported value: "Mine": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
    ],
  },
  {
    what: "a file for no seccomp profile",
    kind: "pods",
    body: c({ securityContext: { seccompProfile: { type: "Unconfined", localhostProfile: "x" } } }),
    errors: [
      'spec.containers[0].securityContext.seccompProfile.localhostProfile: Invalid value: {"type":"Unconfined","localhostProfile":"x"}: can only be set when seccomp type is Localhost',
    ],
  },
  {
    what: "a seccomp profile without its file",
    kind: "pods",
    body: c({ securityContext: { seccompProfile: { type: "Localhost" } } }),
    errors: [
      "spec.containers[0].securityContext.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost",
    ],
  },
  {
    what: "an AppArmor profile without a type",
    kind: "pods",
    body: c({ securityContext: { appArmorProfile: { type: "" } } }),
    errors: [
      "spec.containers[0].securityContext.appArmorProfile.type: Required value: type is required when appArmorProfile is set",
    ],
  },
  {
    what: "an unknown AppArmor profile",
    kind: "pods",
    body: c({ securityContext: { appArmorProfile: { type: "Mine" } } }),
    errors: [
      'spec.containers[0].securityContext.appArmorProfile.type: Unsupported value: "Mine": supported values: "Localhost", "RuntimeDefault", "Unconfined"',
    ],
  },
  {
    what: "a file for no AppArmor profile",
    kind: "pods",
    body: c({ securityContext: { appArmorProfile: { type: "Unconfined", localhostProfile: "x" } } }),
    errors: [
      'spec.containers[0].securityContext.appArmorProfile.localhostProfile: Invalid value: "x": can only be set when AppArmor type is Localhost',
    ],
  },
  {
    what: "an AppArmor profile without its file",
    kind: "pods",
    body: c({ securityContext: { appArmorProfile: { type: "Localhost" } } }),
    errors: [
      "spec.containers[0].securityContext.appArmorProfile.localhostProfile: Required value: must be set when AppArmor type is Localhost",
    ],
  },
  {
    what: "an AppArmor profile with blanks around it",
    kind: "pods",
    body: c({ securityContext: { appArmorProfile: { type: "Localhost", localhostProfile: " x" } } }),
    errors: [
      'spec.containers[0].securityContext.appArmorProfile.localhostProfile: Invalid value: " x": must not be padded with whitespace',
    ],
  },
  {
    what: "an AppArmor profile of a long name",
    kind: "pods",
    body: c({ securityContext: { appArmorProfile: { type: "Localhost", localhostProfile: "x".repeat(4096) } } }),
    errors: [
      "spec.containers[0].securityContext.appArmorProfile.localhostProfile: Too long: may not be more than 4095 bytes",
    ],
  },
  {
    what: "processes shared with all",
    kind: "pods",
    body: pod({ shareProcessNamespace: true, hostPID: true }),
    errors: [
      "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled",
    ],
  },
  {
    what: "an unknown change of groups",
    kind: "pods",
    body: pod({ securityContext: { fsGroupChangePolicy: "Now", supplementalGroupsPolicy: "All" } }),
    errors: [
      'spec.securityContext.fsGroupChangePolicy: Unsupported value: "Now": supported values: "Always", "OnRootMismatch"',
      'spec.securityContext.supplementalGroupsPolicy: Unsupported value: "All": supported values: "Merge", "Strict"',
    ],
  },
  {
    what: "a kernel setting without a name",
    kind: "pods",
    body: pod({ securityContext: { sysctls: [{ name: "", value: "1" }] } }),
    errors: ["spec.securityContext.sysctls[0].name: Required value"],
  },
  {
    what: "a kernel setting in capitals",
    kind: "pods",
    body: pod({ securityContext: { sysctls: [{ name: "A B", value: "1" }] } }),
    errors: [
      'spec.securityContext.sysctls[0].name: Invalid value: "A B": must have at most 253 characters and match regex ^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$',
    ],
  },
  {
    what: "one kernel setting twice",
    kind: "pods",
    body: pod({
      securityContext: {
        sysctls: [
          { name: "kernel.a", value: "1" },
          { name: "kernel.a", value: "1" },
        ],
      },
    }),
    errors: ['spec.securityContext.sysctls[1].name: Duplicate value: "kernel.a"'],
  },
  {
    what: "a network setting of the host",
    kind: "pods",
    body: pod({ hostNetwork: true, securityContext: { sysctls: [{ name: "net.a", value: "1" }] } }),
    errors: [
      "spec.securityContext.sysctls[0].name: Invalid value: \"net.a\": may not be specified when 'hostNetwork' is true",
    ],
  },
  {
    what: "a setting of the host's messages",
    kind: "pods",
    body: pod({ hostIPC: true, securityContext: { sysctls: [{ name: "kernel.msgmax", value: "1" }] } }),
    errors: [
      "spec.securityContext.sysctls[0].name: Invalid value: \"kernel.msgmax\": may not be specified when 'hostIPC' is true",
    ],
  },
  {
    what: "the host's processes in a user namespace",
    kind: "pods",
    body: pod({ hostUsers: false, hostPID: true, hostIPC: true }),
    errors: [
      "spec.HostPID: Forbidden: when `hostUsers` is false",
      "spec.HostIPC: Forbidden: when `hostUsers` is false",
    ],
  },
  {
    what: "a device in a user namespace",
    kind: "pods",
    body: c({ volumeDevices: [{ name: "v", devicePath: "/d" }] }, { hostUsers: false, volumes: claims }),
    errors: ["spec.containers[0].volumeDevices: Forbidden: when `hostUsers` is false"],
  },
  {
    what: "an operating system without a name",
    kind: "pods",
    body: pod({ os: { name: "" } }),
    errors: ["spec.os.name: Required value"],
  },
  {
    what: "an unknown operating system",
    kind: "pods",
    body: pod({ os: { name: "plan9" } }),
    errors: ['spec.os: Unsupported value: "plan9": supported values: "linux", "windows"'],
  },
  {
    what: "Windows' options on Linux",
    kind: "pods",
    body: pod({ os: { name: "linux" }, securityContext: { windowsOptions: { runAsUserName: "a" } } }),
    errors: ["spec.securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod"],
  },
  {
    what: "a container's Windows' options on Linux",
    kind: "pods",
    body: c({ securityContext: { windowsOptions: { runAsUserName: "a" } } }, { os: { name: "linux" } }),
    errors: [
      "spec.containers[0].securityContext.windowsOptions: Forbidden: windows options cannot be set for a linux pod",
    ],
  },
  {
    what: "the host's network on Windows",
    kind: "pods",
    body: pod({ os: { name: "windows" }, hostPID: true, hostIPC: true, shareProcessNamespace: true }),
    errors: [
      "spec.securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled",
      "spec.hostPID: Forbidden: cannot be set for a windows pod",
      "spec.hostIPC: Forbidden: cannot be set for a windows pod",
      "spec.shareProcessNamespace: Forbidden: cannot be set for a windows pod",
    ],
  },
  {
    what: "a container's user on Windows",
    kind: "pods",
    body: c({ securityContext: { runAsUser: 1, privileged: true } }, { os: { name: "windows" } }),
    errors: [
      "spec.containers[0].securityContext.privileged: Forbidden: cannot be set for a windows pod",
      "spec.containers[0].securityContext.runAsUser: Forbidden: cannot be set for a windows pod",
    ],
  },
  {
    what: "a negative group",
    kind: "pods",
    body: pod({ securityContext: { fsGroup: -1, runAsGroup: -1, supplementalGroups: [-1] } }),
    errors: [
      "spec.securityContext.fsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
      "spec.securityContext.runAsGroup: Invalid value: -1: must be between 0 and 2147483647, inclusive",
      "spec.securityContext.supplementalGroups[0]: Invalid value: -1: must be between 0 and 2147483647, inclusive",
    ],
  },
  {
    what: "labels of a selector that is none",
    kind: "pods",
    body: podTerm({ topologyKey: "zone", labelSelector: { matchLabels: { "a b": "c d" } } }),
    errors: [
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchLabels: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchLabels: Invalid value: \"c d\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  },
  {
    what: "a selector of an unknown operator",
    kind: "pods",
    body: podTerm({ topologyKey: "zone", labelSelector: { matchExpressions: [{ key: "a", operator: "Near" }] } }),
    errors: [
      'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator',
    ],
  },
  {
    what: "a selector without values",
    kind: "pods",
    body: podTerm({ topologyKey: "zone", labelSelector: { matchExpressions: [{ key: "a b", operator: "In" }] } }),
    errors: [
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].key: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "a selector with values too many",
    kind: "pods",
    body: podTerm({
      topologyKey: "zone",
      labelSelector: { matchExpressions: [{ key: "a", operator: "Exists", values: ["a b"] }] },
    }),
    errors: [
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].labelSelector.matchExpressions[0].values[0]: Invalid value: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  },
  {
    what: "no termination message",
    kind: "pods",
    body: c({ terminationMessagePolicy: "Nowhere" }),
    errors: [
      'spec.containers[0].terminationMessagePolicy: Unsupported value: "Nowhere": supported values: "File", "FallbackToLogsOnError"',
    ],
  },
  {
    what: "an unknown pull policy",
    kind: "pods",
    body: c({ imagePullPolicy: "Often" }),
    errors: [
      'spec.containers[0].imagePullPolicy: Unsupported value: "Often": supported values: "Always", "IfNotPresent", "Never"',
    ],
  },
  {
    what: "an image taken away",
    kind: "pods",
    before: pod({}),
    body: c({ image: "", imagePullPolicy: "Always" }),
    errors: ["spec.containers[0].image: Required value", "spec.containers[0].image: Required value"],
  },
  {
    what: "a deadline of less than nothing",
    kind: "pods",
    before: pod({}),
    body: pod({ activeDeadlineSeconds: -1 }),
    errors: [
      "spec.activeDeadlineSeconds: Invalid value: -1: must be between 1 and 2147483647, inclusive",
      "spec.activeDeadlineSeconds: Invalid value: -1: must be between 0 and 2147483647, inclusive",
    ],
  },
  {
    what: "a wider choice of nodes for a gated pod",
    kind: "pods",
    before: pod({ schedulingGates: [{ name: "g" }], nodeSelector: { a: "b" } }),
    body: pod({ schedulingGates: [{ name: "g" }], nodeSelector: { a: "c" } }),
    errors: [
      'spec.nodeSelector: Invalid value: {"a":"c"}: only additions to spec.nodeSelector are allowed (no mutations or deletions)',
    ],
  },
  {
    what: "other terms of nodes for a gated pod",
    kind: "pods",
    before: pod({ schedulingGates: [{ name: "g" }], affinity: affinityOf("a") }),
    body: pod({ schedulingGates: [{ name: "g" }], affinity: affinityOf("b") }),
    errors: [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0]: Invalid value: {"matchExpressions":[{"key":"b","operator":"Exists"}]}: only additions are allowed (no mutations or deletions)',
    ],
  },
  {
    what: "more terms of nodes for a gated pod",
    kind: "pods",
    before: pod({ schedulingGates: [{ name: "g" }], affinity: affinityOf("a") }),
    body: pod({ schedulingGates: [{ name: "g" }], affinity: affinityOf("a", "b") }),
    errors: [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Invalid value: [{"matchExpressions":[{"key":"a","operator":"Exists"}]},{"matchExpressions":[{"key":"b","operator":"Exists"}]}]: no additions/deletions to non-empty NodeSelectorTerms list are allowed',
    ],
  },
  {
    what: "an annotation of the mirror added",
    kind: "pods",
    before: pod({}),
    body: pod({}, { metadata: { name: "a", annotations: { "kubernetes.io/config.mirror": "x" } } }),
    errors: [
      'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
      "metadata.annotations[kubernetes.io/config.mirror]: Forbidden: may not add mirror pod annotation",
    ],
  },
  {
    what: "a condition with a blank",
    kind: "pods",
    before: pod({}),
    status: { status: { conditions: [{ type: "a b", status: "True" }] } },
    errors: [
      "status.conditions[0].Type: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "another quality of service",
    kind: "pods",
    before: pod({}),
    status: { status: { qosClass: "Guaranteed" } },
    errors: ['status.qosClass: Invalid value: "Guaranteed": field is immutable'],
  },
  {
    what: "two host addresses that differ",
    kind: "pods",
    before: pod({}),
    status: { status: { hostIP: "10.0.0.1", hostIPs: [{ ip: "10.0.0.2" }] } },
    errors: ['status.hostIPs[0].ip: Invalid value: "10.0.0.2": must be equal to `hostIP`'],
  },
  {
    what: "an address that is none",
    kind: "pods",
    before: pod({}),
    status: { status: { podIP: "x", podIPs: [{ ip: "x" }] } },
    errors: ['status.podIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  },
  {
    what: "two addresses of one family",
    kind: "pods",
    before: pod({}),
    status: { status: { podIP: "10.0.0.1", podIPs: [{ ip: "10.0.0.1" }, { ip: "10.0.0.2" }] } },
    errors: [
      'status.podIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family',
    ],
  },
];
