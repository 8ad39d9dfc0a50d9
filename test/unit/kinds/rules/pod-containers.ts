import { c, claims, container, mount, pod, volumes, type RuleCase } from "./helpers.ts";

/** Pods and their containers. */
export const podContainerCases: readonly RuleCase[] = [
  {
    what: "a gated pod on a node",
    kind: "pods",
    body: pod({ nodeName: "n", schedulingGates: [{ name: "g" }] }),
    errors: ["spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared"],
  },
  {
    what: "a mirror of no node",
    kind: "pods",
    body: pod({}, { metadata: { name: "a", annotations: { "kubernetes.io/config.mirror": "x" } } }),
    errors: [
      'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
    ],
  },
  {
    what: "a deletion cost in words",
    kind: "pods",
    body: pod({}, { metadata: { name: "a", annotations: { "controller.kubernetes.io/pod-deletion-cost": "much" } } }),
    errors: [
      'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "much": must be a 32bit integer',
    ],
  },
  {
    what: "a resource claim without a name",
    kind: "pods",
    body: pod({ resourceClaims: [{ name: "", resourceClaimName: "x" }] }),
    errors: ["spec.resourceClaims[0].name: Required value"],
  },
  {
    what: "one resource claim twice",
    kind: "pods",
    body: pod({
      resourceClaims: [
        { name: "a", resourceClaimName: "x" },
        { name: "a", resourceClaimName: "y" },
      ],
    }),
    errors: ['spec.resourceClaims[1].name: Duplicate value: "a"'],
  },
  {
    what: "a resource claim in capitals",
    kind: "pods",
    body: pod({ resourceClaims: [{ name: "A", resourceClaimName: "x" }] }),
    errors: [
      "spec.resourceClaims[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  },
  {
    what: "a resource claim from two sources",
    kind: "pods",
    body: pod({ resourceClaims: [{ name: "a", resourceClaimName: "x", resourceClaimTemplateName: "y" }] }),
    errors: [
      'spec.resourceClaims[0]: Invalid value: {"name":"a","resourceClaimName":"x","resourceClaimTemplateName":"y"}: at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified',
    ],
  },
  {
    what: "a resource claim from nowhere",
    kind: "pods",
    body: pod({ resourceClaims: [{ name: "a" }] }),
    errors: [
      'spec.resourceClaims[0]: Invalid value: {"name":"a"}: must specify one of: `resourceClaimName`, `resourceClaimTemplateName`',
    ],
  },
  {
    what: "another host port on the host's network",
    kind: "pods",
    body: c({ ports: [{ containerPort: 80, hostPort: 81 }] }, { hostNetwork: true }),
    errors: [
      "spec.containers[0].ports[0].hostPort: Invalid value: 81: must match `containerPort` when `hostNetwork` is true",
    ],
  },
  {
    what: "a DNS policy without its servers",
    kind: "pods",
    body: pod({ dnsPolicy: "None", dnsConfig: { searches: ["a"] } }),
    errors: [
      "spec.dnsConfig.nameservers: Required value: must provide at least one DNS nameserver when `dnsPolicy` is None",
    ],
  },
  {
    what: "four name servers",
    kind: "pods",
    body: pod({ dnsConfig: { nameservers: ["1.1.1.1", "1.1.1.2", "1.1.1.3", "1.1.1.4"] } }),
    errors: [
      'spec.dnsConfig.nameservers: Invalid value: ["1.1.1.1","1.1.1.2","1.1.1.3","1.1.1.4"]: must not have more than 3 nameservers',
    ],
  },
  {
    what: "a name server by name",
    kind: "pods",
    body: pod({ dnsConfig: { nameservers: ["dns"] } }),
    errors: [
      'spec.dnsConfig.nameservers[0]: Invalid value: "dns": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  },
  {
    what: "33 search paths",
    kind: "pods",
    body: pod({ dnsConfig: { searches: Array.from({ length: 33 }, (_, i) => `s${i}`) } }),
    errors: [
      'spec.dnsConfig.searches: Invalid value: ["s0","s1","s2","s3","s4","s5","s6","s7","s8","s9","s10","s11","s12","s13","s14","s15","s16","s17","s18","s19","s20","s21","s22","s23","s24","s25","s26","s27","s28","s29","s30","s31","s32"]: must not have more than 32 search paths',
    ],
  },
  {
    what: "search paths of 2,100 characters",
    kind: "pods",
    body: pod({ dnsConfig: { searches: Array.from({ length: 32 }, () => "a".repeat(66)) } }),
    errors: [
      'spec.dnsConfig.searches: Invalid value: ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa","aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"]: must not have more than 2048 characters (including spaces) in the search list',
    ],
  },
  {
    what: "a search path in capitals",
    kind: "pods",
    body: pod({ dnsConfig: { searches: ["A"] } }),
    errors: [
      "spec.dnsConfig.searches[0]: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "an option of the resolver without a name",
    kind: "pods",
    body: pod({ dnsConfig: { options: [{ value: "2" }] } }),
    errors: ["spec.dnsConfig.options[0]: Required value: must not be empty"],
  },
  {
    what: "a readiness gate with a blank",
    kind: "pods",
    body: pod({ readinessGates: [{ conditionType: "a b" }] }),
    errors: [
      "spec.readinessGates[0].conditionType: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "a scheduling gate with a blank",
    kind: "pods",
    body: pod({ schedulingGates: [{ name: "a b" }] }),
    errors: [
      "spec.schedulingGates[0]: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "one scheduling gate twice",
    kind: "pods",
    body: pod({ schedulingGates: [{ name: "g" }, { name: "g" }] }),
    errors: ['spec.schedulingGates[1]: Duplicate value: "g"'],
  },
  {
    what: "an overriding host name that is also the full name",
    kind: "pods",
    body: pod({ hostnameOverride: "h", setHostnameAsFQDN: true }),
    errors: ["spec.hostnameOverride: Forbidden: may not be specified when setHostnameAsFQDN is true"],
  },
  {
    what: "an overriding host name on the host's network",
    kind: "pods",
    body: pod({ hostnameOverride: "h", hostNetwork: true }),
    errors: ["spec.hostnameOverride: Forbidden: may not be specified when hostNetwork is true"],
  },
  {
    what: "an overriding host name of 65 characters",
    kind: "pods",
    body: pod({ hostnameOverride: "h".repeat(65) }),
    errors: ["spec.hostnameOverride: Too long: may not be more than 64 bytes"],
  },
  {
    what: "an overriding host name in capitals",
    kind: "pods",
    body: pod({ hostnameOverride: "H" }),
    errors: [
      "spec.hostnameOverride: Invalid value: \"H\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "an account in capitals",
    kind: "pods",
    body: pod({ serviceAccountName: "A" }),
    errors: [
      "spec.serviceAccountName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "a node in capitals",
    kind: "pods",
    body: pod({ nodeName: "A" }),
    errors: [
      "spec.nodeName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "a host name in capitals",
    kind: "pods",
    body: pod({ hostname: "A" }),
    errors: [
      "spec.hostname: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  },
  {
    what: "a subdomain with a dot",
    kind: "pods",
    body: pod({ subdomain: "a.b" }),
    errors: ['spec.subdomain: Invalid value: "a.b": must not contain dots'],
  },
  {
    what: "an alias of no address",
    kind: "pods",
    body: pod({ hostAliases: [{ ip: "x", hostnames: ["a"] }] }),
    errors: [
      'spec.hostAliases[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  },
  {
    what: "an alias in capitals",
    kind: "pods",
    body: pod({ hostAliases: [{ ip: "10.0.0.1", hostnames: ["A"] }] }),
    errors: [
      "spec.hostAliases[0].hostnames[0]: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "a priority class in capitals",
    kind: "pods",
    body: pod({ priorityClassName: "A" }),
    errors: [
      "spec.priorityClassName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "a runtime class in capitals",
    kind: "pods",
    body: pod({ runtimeClassName: "A" }),
    errors: [
      "spec.runtimeClassName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "one container twice",
    kind: "pods",
    body: pod({ containers: [container, container] }),
    errors: ['spec.containers[1].name: Duplicate value: "c"'],
  },
  {
    what: "an ephemeral container of a container's name",
    kind: "pods",
    body: pod({ ephemeralContainers: [container] }),
    errors: [
      'spec.ephemeralContainers[0].name: Duplicate value: "c"',
      "spec.ephemeralContainers: Forbidden: cannot be set on create",
    ],
  },
  {
    what: "an ephemeral container for a container that is none",
    kind: "pods",
    body: pod({ ephemeralContainers: [{ ...container, name: "d", targetContainerName: "x" }] }),
    errors: [
      'spec.ephemeralContainers[0].targetContainerName: Not found: "x"',
      "spec.ephemeralContainers: Forbidden: cannot be set on create",
    ],
  },
  {
    what: "an ephemeral container with resources",
    kind: "pods",
    body: pod({ ephemeralContainers: [{ ...container, name: "d", resources: { limits: { cpu: "1" } } }] }),
    errors: [
      "spec.ephemeralContainers[0].resources: Forbidden: cannot be set for an Ephemeral Container",
      "spec.ephemeralContainers: Forbidden: cannot be set on create",
    ],
  },
  {
    what: "an ephemeral container with a part of a volume",
    kind: "pods",
    body: pod({
      volumes,
      ephemeralContainers: [{ ...container, name: "d", volumeMounts: [{ ...mount, subPath: "x" }] }],
    }),
    errors: [
      "spec.ephemeralContainers[0].volumeMounts[0].subPath: Forbidden: cannot be set for an Ephemeral Container",
      "spec.ephemeralContainers: Forbidden: cannot be set on create",
    ],
  },
  {
    what: "a resize that restarts a container which never restarts",
    kind: "pods",
    body: c({ resizePolicy: [{ resourceName: "cpu", restartPolicy: "RestartContainer" }] }, { restartPolicy: "Never" }),
    errors: [
      "spec.containers[0].resizePolicy: Invalid value: \"RestartContainer\": must be 'NotRequired' when pod `restartPolicy` is 'Never'",
    ],
  },
  {
    what: "one resize policy twice",
    kind: "pods",
    body: c({
      resizePolicy: [
        { resourceName: "cpu", restartPolicy: "NotRequired" },
        { resourceName: "cpu", restartPolicy: "NotRequired" },
      ],
    }),
    errors: ['spec.containers[0].resizePolicy[1]: Duplicate value: "cpu"'],
  },
  {
    what: "an init container that restarts on resize",
    kind: "pods",
    body: pod({
      initContainers: [
        { ...container, name: "i", resizePolicy: [{ resourceName: "cpu", restartPolicy: "RestartContainer" }] },
      ],
    }),
    errors: [
      "spec.initContainers[0].resizePolicy[0].restartPolicy: Invalid value: \"RestartContainer\": must not be set to 'RestartContainer' for non-sidecar initContainers",
    ],
  },
  {
    what: "a container without a name",
    kind: "pods",
    body: c({ name: "" }),
    errors: ["spec.containers[0].name: Required value"],
  },
  {
    what: "a port with a long name",
    kind: "pods",
    body: c({ ports: [{ name: "a-port-of-sixteen", containerPort: 80 }] }),
    errors: [
      'spec.containers[0].ports[0].name: Invalid value: "a-port-of-sixteen": must be no more than 15 characters',
    ],
  },
  {
    what: "one port name twice",
    kind: "pods",
    body: c({
      ports: [
        { name: "a", containerPort: 80 },
        { name: "a", containerPort: 81 },
      ],
    }),
    errors: ['spec.containers[0].ports[1].name: Duplicate value: "a"'],
  },
  {
    what: "a mount without a name",
    kind: "pods",
    body: c({ volumeMounts: [{ name: "", mountPath: "/v" }] }, { volumes }),
    errors: [
      "spec.containers[0].volumeMounts[0].name: Required value",
      'spec.containers[0].volumeMounts[0].name: Not found: ""',
    ],
  },
  {
    what: "a mount without a path",
    kind: "pods",
    body: c({ volumeMounts: [{ name: "v", mountPath: "" }] }, { volumes }),
    errors: ["spec.containers[0].volumeMounts[0].mountPath: Required value"],
  },
  {
    what: "a mount of what is a device",
    kind: "pods",
    body: c({ volumeMounts: [mount], volumeDevices: [{ name: "v", devicePath: "/d" }] }, { volumes: claims }),
    errors: [
      'spec.containers[0].volumeMounts[0].name: Invalid value: "v": must not already exist in volumeDevices',
      'spec.containers[0].volumeDevices[0].name: Invalid value: "v": must not already exist in volumeMounts',
    ],
  },
  {
    what: "a mount where a device is",
    kind: "pods",
    body: c(
      { volumeMounts: [{ name: "w", mountPath: "/d" }], volumeDevices: [{ name: "v", devicePath: "/d" }] },
      { volumes: [...claims, { name: "w" }] },
    ),
    errors: [
      'spec.containers[0].volumeMounts[0].mountPath: Invalid value: "/d": must not already exist as a path in volumeDevices',
      'spec.containers[0].volumeDevices[0].devicePath: Invalid value: "/d": must not already exist as a path in volumeMounts',
    ],
  },
  {
    what: "a part of a volume said twice",
    kind: "pods",
    body: c({ volumeMounts: [{ ...mount, subPath: "a", subPathExpr: "b" }] }, { volumes }),
    errors: [
      'spec.containers[0].volumeMounts[0].subPathExpr: Invalid value: "b": subPathExpr and subPath are mutually exclusive',
    ],
  },
  {
    what: "an absolute part of a volume",
    kind: "pods",
    body: c({ volumeMounts: [{ ...mount, subPath: "/a" }] }, { volumes }),
    errors: ['spec.containers[0].volumeMounts.subPath: Invalid value: "/a": must be a relative path'],
  },
  {
    what: "an unknown propagation",
    kind: "pods",
    body: c({ volumeMounts: [{ ...mount, mountPropagation: "Up" }] }, { volumes }),
    errors: [
      'spec.containers[0].volumeMounts.mountPropagation: Unsupported value: "Up": supported values: "Bidirectional", "HostToContainer", "None"',
    ],
  },
  {
    what: "an unknown recursion",
    kind: "pods",
    body: c({ volumeMounts: [{ ...mount, readOnly: true, recursiveReadOnly: "Yes" }] }, { volumes }),
    errors: [
      'spec.containers[0].volumeMounts.recursiveReadOnly: Unsupported value: "Yes": supported values: "Disabled", "Enabled", "IfPossible"',
    ],
  },
  {
    what: "recursion of a mount that is written",
    kind: "pods",
    body: c({ volumeMounts: [{ ...mount, recursiveReadOnly: "Enabled" }] }, { volumes }),
    errors: [
      "spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true",
    ],
  },
  {
    what: "recursion with propagation",
    kind: "pods",
    body: c(
      {
        volumeMounts: [{ ...mount, readOnly: true, recursiveReadOnly: "Enabled", mountPropagation: "HostToContainer" }],
      },
      { volumes },
    ),
    errors: [
      "spec.containers[0].volumeMounts.recursiveReadOnly: Forbidden: may only be specified when mountPropagation is None or not specified",
    ],
  },
  {
    what: "a device without a name",
    kind: "pods",
    body: c({ volumeDevices: [{ name: "", devicePath: "/d" }] }, { volumes: claims }),
    errors: [
      "spec.containers[0].volumeDevices[0].name: Required value",
      'spec.containers[0].volumeDevices[0].name: Not found: ""',
    ],
  },
  {
    what: "one device twice",
    kind: "pods",
    body: c(
      {
        volumeDevices: [
          { name: "v", devicePath: "/d" },
          { name: "v", devicePath: "/d" },
        ],
      },
      { volumes: claims },
    ),
    errors: [
      'spec.containers[0].volumeDevices[1].name: Invalid value: "v": must be unique',
      'spec.containers[0].volumeDevices[1].devicePath: Invalid value: "/d": must be unique',
    ],
  },
  {
    what: "a device of no volume",
    kind: "pods",
    body: c({ volumeDevices: [{ name: "x", devicePath: "/d" }] }, { volumes: claims }),
    errors: ['spec.containers[0].volumeDevices[0].name: Not found: "x"'],
  },
  {
    what: "a device of an empty directory",
    kind: "pods",
    body: c({ volumeDevices: [{ name: "v", devicePath: "/d" }] }, { volumes }),
    errors: [
      'spec.containers[0].volumeDevices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
    ],
  },
  {
    what: "a device without a path",
    kind: "pods",
    body: c({ volumeDevices: [{ name: "v", devicePath: "" }] }, { volumes: claims }),
    errors: ["spec.containers[0].volumeDevices[0].devicePath: Required value"],
  },
  {
    what: "a device that climbs",
    kind: "pods",
    body: c({ volumeDevices: [{ name: "v", devicePath: "/../d" }] }, { volumes: claims }),
    errors: [
      "spec.containers[0].volumeDevices[0].devicePath: Invalid value: \"/../d\": can not contain backsteps ('..')",
    ],
  },
  {
    what: "rules of restarts without a policy",
    kind: "pods",
    body: c({ restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "In", values: [1] } }] }),
    errors: [
      "spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used",
    ],
  },
  {
    what: "an unknown policy of one container",
    kind: "pods",
    body: c({ restartPolicy: "Sometimes" }),
    errors: [
      'spec.containers[0].restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "Never", "OnFailure"',
    ],
  },
  {
    what: "21 rules of restarts",
    kind: "pods",
    body: c({
      restartPolicy: "Never",
      restartPolicyRules: Array.from({ length: 21 }, () => ({
        action: "Restart",
        exitCodes: { operator: "In", values: [1] },
      })),
    }),
    errors: ["spec.containers[0].restartPolicyRules: Too many: 21: must have at most 20 items"],
  },
  {
    what: "an unknown action",
    kind: "pods",
    body: c({
      restartPolicy: "Never",
      restartPolicyRules: [{ action: "Run", exitCodes: { operator: "In", values: [1] } }],
    }),
    errors: [
      'spec.containers[0].restartPolicyRules[0].action: Unsupported value: "Run": supported values: "Restart", "RestartAllContainers"',
    ],
  },
  {
    what: "a rule without codes",
    kind: "pods",
    body: c({ restartPolicy: "Never", restartPolicyRules: [{ action: "Restart" }] }),
    errors: ["spec.containers[0].restartPolicyRules[0].exitCodes: Required value: must be specified"],
  },
  {
    what: "an unknown operator of codes",
    kind: "pods",
    body: c({
      restartPolicy: "Never",
      restartPolicyRules: [{ action: "Restart", exitCodes: { operator: "Is", values: [1] } }],
    }),
    errors: [
      'spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "Is": supported values: "In", "NotIn"',
    ],
  },
  {
    what: "256 exit codes",
    kind: "pods",
    body: c({
      restartPolicy: "Never",
      restartPolicyRules: [
        { action: "Restart", exitCodes: { operator: "In", values: Array.from({ length: 256 }, (_, i) => i) } },
      ],
    }),
    errors: ["spec.containers[0].restartPolicyRules[0].exitCodes.values: Too many: 256: must have at most 255 items"],
  },
];
