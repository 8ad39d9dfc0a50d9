import { deploy, rolling, template, type RuleCase } from "./helpers.ts";

/** All kinds but pods and Services, and metadata. */
export const coreCases: readonly RuleCase[] = [
  {
    what: "keys with a blank",
    kind: "configmaps",
    body: { data: { "a b": "x" }, binaryData: { "a b": "YQ==" } },
    errors: [
      "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
      'data[a b]: Invalid value: "a b": duplicate of key present in binaryData',
      "binaryData[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ],
  },
  {
    what: "one key in both parts",
    kind: "configmaps",
    body: { data: { a: "x" }, binaryData: { a: "YQ==" } },
    errors: ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
  },
  {
    what: "more than a mebibyte",
    kind: "configmaps",
    body: { data: { a: "x".repeat(1048577) } },
    errors: ["[]: Too long: may not be more than 1048576 bytes"],
  },
  {
    what: "change of what is fixed",
    kind: "configmaps",
    before: { immutable: true, data: { a: "x" }, binaryData: { b: "YQ==" } },
    body: { data: { a: "y" }, binaryData: { b: "Yg==" } },
    errors: [
      "immutable: Forbidden: field is immutable when `immutable` is set",
      "data: Forbidden: field is immutable when `immutable` is set",
      "binaryData: Forbidden: field is immutable when `immutable` is set",
    ],
  },
  {
    what: "a key with a blank",
    kind: "secrets",
    body: { data: { "a b": "eA==" } },
    errors: [
      "data[a b]: Invalid value: \"a b\": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')",
    ],
  },
  {
    what: "more than a mebibyte",
    kind: "secrets",
    body: { stringData: { a: "x".repeat(1048577) } },
    errors: ["data: Too long: may not be more than 1048576 bytes"],
  },
  {
    what: "a token of no account",
    kind: "secrets",
    body: { type: "kubernetes.io/service-account-token" },
    errors: ["metadata.annotations[kubernetes.io/service-account.name]: Required value"],
  },
  {
    what: "no name and no password",
    kind: "secrets",
    body: { type: "kubernetes.io/basic-auth" },
    errors: ["data[username]: Required value", "data[password]: Required value"],
  },
  {
    what: "no key",
    kind: "secrets",
    body: { type: "kubernetes.io/ssh-auth" },
    errors: ["data[ssh-privatekey]: Required value"],
  },
  {
    what: "no old registry's file",
    kind: "secrets",
    body: { type: "kubernetes.io/dockercfg" },
    errors: ["data[.dockercfg]: Required value"],
  },
  {
    what: "a registry's file that is a list",
    kind: "secrets",
    body: { type: "kubernetes.io/dockercfg", stringData: { ".dockercfg": "[]" } },
    errors: [
      'data[.dockercfg]: Invalid value: "<secret contents redacted>": json: cannot unmarshal value into a JSON object',
    ],
  },
  {
    what: "change of what is fixed",
    kind: "secrets",
    before: { immutable: true, stringData: { a: "x" } },
    body: { stringData: { a: "y" } },
    errors: [
      "immutable: Forbidden: field is immutable when `immutable` is set",
      "data: Forbidden: field is immutable when `immutable` is set",
    ],
  },
  {
    what: "transitions below nothing",
    kind: "leases.coordination.k8s.io",
    body: { spec: { leaseTransitions: -1 } },
    errors: ["spec.leaseTransitions: Invalid value: -1: must be greater than or equal to 0"],
  },
  {
    what: "no reporter",
    kind: "events",
    body: {
      metadata: { name: "a", namespace: "n" },
      involvedObject: { namespace: "n" },
      eventTime: "2026-01-01T00:00:00.000000Z",
    },
    errors: [
      "reportingComponent: Required value",
      'reportingComponent: Invalid value: "": name part must be non-empty',
      "reportingComponent: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      "reportingInstance: Required value",
      "action: Required value",
      "reason: Required value",
    ],
  },
  {
    what: "a reporter with a blank and long words",
    kind: "events",
    body: {
      metadata: { name: "a", namespace: "n" },
      involvedObject: { namespace: "n" },
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingComponent: "a b",
      reportingInstance: "x".repeat(129),
      action: "x",
      reason: "y",
      type: "Normal",
    },
    errors: [
      "reportingComponent: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'reportingInstance: Invalid value: "": can have at most 128 characters',
    ],
  },
  {
    what: "a long message",
    kind: "events",
    body: {
      metadata: { name: "a", namespace: "n" },
      involvedObject: { namespace: "n" },
      eventTime: "2026-01-01T00:00:00.000000Z",
      reportingComponent: "a",
      reportingInstance: "x",
      action: "x",
      reason: "y",
      type: "Normal",
      message: "m".repeat(1025),
    },
    errors: ['message: Invalid value: "": can have at most 1024 characters'],
  },
  {
    what: "a finalizer with a blank",
    kind: "namespaces",
    body: { metadata: { name: "a" }, spec: { finalizers: ["a b"] } },
    errors: [
      "spec.finalizers: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'spec.finalizers: Invalid value: "a b": name is neither a standard finalizer name nor is it fully qualified',
    ],
  },
  {
    what: "an end without deletion",
    kind: "namespaces",
    before: { metadata: { name: "a" } },
    status: { metadata: { name: "a" }, status: { phase: "Terminating" } },
    errors: ["status.Phase: Invalid value: \"Terminating\": may only be 'Active' if `deletionTimestamp` is empty"],
  },
  {
    what: "a range that is none",
    kind: "nodes",
    body: { spec: { podCIDR: "x", podCIDRs: ["x"] } },
    errors: ['spec.podCIDRs[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)'],
  },
  {
    what: "two ranges of one family",
    kind: "nodes",
    body: { spec: { podCIDR: "10.0.0.0/24", podCIDRs: ["10.0.0.0/24", "10.0.1.0/24"] } },
    errors: [
      'spec.podCIDRs: Invalid value: ["10.0.0.0/24","10.0.1.0/24"]: may specify no more than one CIDR for each IP family',
    ],
  },
  {
    what: "a taint of a key with a blank",
    kind: "nodes",
    body: { spec: { taints: [{ key: "a b", value: "c d", effect: "NoSchedule" }] } },
    errors: [
      "metadata.taints[0].key: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      "metadata.taints[0].value: Invalid value: \"c d\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  },
  {
    what: "one address twice",
    kind: "nodes",
    before: {},
    status: {
      status: {
        addresses: [
          { type: "InternalIP", address: "10.0.0.1" },
          { type: "InternalIP", address: "10.0.0.1" },
        ],
      },
    },
    errors: ['status.addresses[1]: Duplicate value: {"Type":"InternalIP","Address":"10.0.0.1"}'],
  },
  {
    what: "another range",
    kind: "nodes",
    before: { spec: { podCIDR: "10.0.0.0/24", podCIDRs: ["10.0.0.0/24"] } },
    body: { spec: { podCIDR: "10.0.1.0/24", podCIDRs: ["10.0.1.0/24"] } },
    errors: ['spec.podCIDRs: Forbidden: node updates may not change podCIDR except from "" to valid'],
  },
  {
    what: "another provider's name",
    kind: "nodes",
    before: { spec: { providerID: "a" } },
    body: { spec: { providerID: "b" } },
    errors: ['spec.providerID: Forbidden: node updates may not change providerID except from "" to valid'],
  },
  {
    what: "an endpoint without addresses",
    kind: "endpointslices.discovery.k8s.io",
    body: { addressType: "IPv4", endpoints: [{ addresses: [] }] },
    errors: ["endpoints[0].addresses: Required value: must contain at least 1 address"],
  },
  {
    what: "101 addresses of one endpoint",
    kind: "endpointslices.discovery.k8s.io",
    body: { addressType: "IPv4", endpoints: [{ addresses: Array.from({ length: 101 }, (_, i) => `10.0.0.${i}`) }] },
    errors: ["endpoints[0].addresses: Too many: 101: must have at most 100 items"],
  },
  {
    what: "names in capitals",
    kind: "endpointslices.discovery.k8s.io",
    body: { addressType: "IPv4", endpoints: [{ addresses: ["10.0.0.1"], nodeName: "A", hostname: "A" }] },
    errors: [
      "endpoints[0].nodeName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      "endpoints[0].hostname: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  },
  {
    what: "nine hints",
    kind: "endpointslices.discovery.k8s.io",
    body: {
      addressType: "IPv4",
      endpoints: [
        { addresses: ["10.0.0.1"], hints: { forZones: Array.from({ length: 9 }, (_, i) => ({ name: `z${i}` })) } },
      ],
    },
    errors: ["endpoints[0].hints.forZones: Too many: 9: must have at most 8 items"],
  },
  {
    what: "one hint twice",
    kind: "endpointslices.discovery.k8s.io",
    body: {
      addressType: "IPv4",
      endpoints: [{ addresses: ["10.0.0.1"], hints: { forZones: [{ name: "z" }, { name: "z" }] } }],
    },
    errors: ['endpoints[0].hints.forZones[1].name: Duplicate value: "z"'],
  },
  {
    what: "a name in capitals and one without a dot",
    kind: "endpointslices.discovery.k8s.io",
    body: { addressType: "FQDN", endpoints: [{ addresses: ["A.b"] }, { addresses: ["a"] }] },
    errors: [
      "endpoints[0].addresses[0]: Invalid value: \"A.b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'endpoints[1].addresses[0]: Invalid value: "a": should be a domain with at least two segments separated by dots',
    ],
  },
  {
    what: "no address",
    kind: "endpointslices.discovery.k8s.io",
    body: { addressType: "IPv4", endpoints: [{ addresses: ["x"] }] },
    errors: [
      'endpoints[0].addresses[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
    ],
  },
  {
    what: "an address of the other family",
    kind: "endpointslices.discovery.k8s.io",
    body: { addressType: "IPv6", endpoints: [{ addresses: ["10.0.0.1"] }] },
    errors: ['endpoints[0].addresses: Invalid value: "10.0.0.1": must be an IPv6 address'],
  },
  {
    what: "an unknown type of addresses",
    kind: "endpointslices.discovery.k8s.io",
    body: { addressType: "IPX", endpoints: [] },
    errors: ['addressType: Unsupported value: "IPX": supported values: "FQDN", "IPv4", "IPv6"'],
  },
  {
    what: "20,001 ports",
    kind: "endpointslices.discovery.k8s.io",
    body: {
      addressType: "IPv4",
      endpoints: [],
      ports: Array.from({ length: 20001 }, (_, i) => ({ name: `p${i}`, port: 80 })),
    },
    errors: ["ports: Too many: 20001: must have at most 20000 items"],
  },
  {
    what: "a port in capitals, a name twice, and a protocol with a blank",
    kind: "endpointslices.discovery.k8s.io",
    body: {
      addressType: "IPv4",
      endpoints: [],
      ports: [{ name: "A" }, { name: "b", appProtocol: "a b" }, { name: "b" }],
    },
    errors: [
      "ports[0].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      "ports[1].appProtocol: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      'ports[2].name: Duplicate value: "b"',
    ],
  },
  {
    what: "ports without names, one in capitals, one beyond all",
    kind: "endpoints",
    body: { subsets: [{ addresses: [{ ip: "10.0.0.1" }], ports: [{ port: 80 }, { name: "A", port: 70000 }] }] },
    errors: [
      "subsets[0].ports[0].name: Required value",
      "subsets[0].ports[1].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      "subsets[0].ports[1].port: Invalid value: 70000: must be between 1 and 65535, inclusive",
    ],
  },
  {
    what: "an address that is none",
    kind: "endpoints",
    body: { subsets: [{ addresses: [{ ip: "x", hostname: "A", nodeName: "A" }] }] },
    errors: [
      'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      "subsets[0].addresses[0].hostname: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
      "subsets[0].addresses[0].nodeName: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'subsets[0].addresses[0].ip: Invalid value: "x": must be a valid IP address',
    ],
  },
  {
    what: "the node's own address",
    kind: "endpoints",
    body: { subsets: [{ addresses: [{ ip: "127.0.0.1" }], ports: [{ port: 80 }] }] },
    errors: [
      'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  },
  {
    what: "a negative count",
    kind: "deployments.apps",
    body: deploy({ replicas: -1, minReadySeconds: -1, revisionHistoryLimit: -1 }),
    errors: [
      "spec.replicas: Invalid value: -1: must be greater than or equal to 0",
      "spec.minReadySeconds: Invalid value: -1: must be greater than or equal to 0",
      "spec.revisionHistoryLimit: Invalid value: -1: must be greater than or equal to 0",
    ],
  },
  {
    what: "a selector that is none",
    kind: "deployments.apps",
    body: deploy({ selector: { matchExpressions: [{ key: "a", operator: "Near" }] } }),
    errors: [
      'spec.selector.matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator',
      'spec.selector: Invalid value: {"matchExpressions":[{"key":"a","operator":"Near"}]}: invalid label selector',
    ],
  },
  {
    what: "an ephemeral container in a template",
    kind: "deployments.apps",
    body: deploy({
      template: { ...template, spec: { ...template.spec, ephemeralContainers: [{ name: "e", image: "x" }] } },
    }),
    errors: ["spec.template.spec.ephemeralContainers: Forbidden: ephemeral containers not allowed in pod template"],
  },
  {
    what: "a deadline in a template",
    kind: "deployments.apps",
    body: deploy({ template: { ...template, spec: { ...template.spec, activeDeadlineSeconds: 5 } } }),
    errors: [
      "spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported",
    ],
  },
  {
    what: "a share that is none",
    kind: "deployments.apps",
    body: rolling({ maxSurge: "many" }),
    errors: [
      "spec.strategy.rollingUpdate.maxSurge: Invalid value: \"many\": a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', regex used for validation is '[0-9]+%')",
    ],
  },
  {
    what: "a negative share",
    kind: "deployments.apps",
    body: rolling({ maxSurge: -1 }),
    errors: ["spec.strategy.rollingUpdate.maxSurge: Invalid value: -1: must be greater than or equal to 0"],
  },
  {
    what: "more available than there are",
    kind: "replicasets.apps",
    before: deploy({}),
    status: { ...deploy({}), status: { replicas: 1, fullyLabeledReplicas: 2, readyReplicas: 2, availableReplicas: 3 } },
    errors: [
      "status.fullyLabeledReplicas: Invalid value: 2: cannot be greater than status.replicas",
      "status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas",
      "status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas",
      "status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas",
    ],
  },
  {
    what: "another selector",
    kind: "deployments.apps",
    before: deploy({}),
    body: {
      spec: { selector: { matchLabels: { app: "b" } }, template: { ...template, metadata: { labels: { app: "b" } } } },
    },
    errors: ['spec.selector: Invalid value: {"matchLabels":{"app":"b"}}: field is immutable'],
  },
  {
    what: "a prefix of names in capitals",
    kind: "configmaps",
    body: { metadata: { name: "a", generateName: "A_" } },
    errors: [
      "metadata.generateName: Invalid value: \"A_\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "a namespace in capitals",
    kind: "configmaps",
    body: { metadata: { name: "a", namespace: "A" } },
    errors: [
      "metadata.namespace: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  },
  {
    what: "a namespace in a namespace",
    kind: "namespaces",
    body: { metadata: { name: "a", namespace: "b" } },
    errors: ["metadata.namespace: Forbidden: not allowed on this type"],
  },
  {
    what: "a label with blanks",
    kind: "configmaps",
    body: { metadata: { name: "a", labels: { "a b": "c d" } } },
    errors: [
      "metadata.labels: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
      "metadata.labels: Invalid value: \"c d\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  },
  {
    what: "an annotation with a blank",
    kind: "configmaps",
    body: { metadata: { name: "a", annotations: { "a b": "c" } } },
    errors: [
      "metadata.annotations: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "an owner of nothing",
    kind: "configmaps",
    body: { metadata: { name: "a", ownerReferences: [{ apiVersion: "", kind: "", name: "", uid: "" }] } },
    errors: [
      'metadata.ownerReferences.apiVersion: Invalid value: "": version must not be empty',
      'metadata.ownerReferences.kind: Invalid value: "": must not be empty',
      'metadata.ownerReferences.name: Invalid value: "": must not be empty',
      'metadata.ownerReferences.uid: Invalid value: "": must not be empty',
    ],
  },
  {
    what: "an Event as owner",
    kind: "configmaps",
    body: { metadata: { name: "a", ownerReferences: [{ apiVersion: "v1", kind: "Event", name: "e", uid: "u" }] } },
    errors: [
      'metadata.ownerReferences: Invalid value: {"kind":"Event","name":"e","uid":"u","apiVersion":"v1"}: /v1, Kind=Event is disallowed from being an owner',
    ],
  },
  {
    what: "a finalizer with a blank",
    kind: "configmaps",
    body: { metadata: { name: "a", finalizers: ["a b"] } },
    errors: [
      "metadata.finalizers: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "two ways of deletion at once",
    kind: "configmaps",
    body: { metadata: { name: "a", finalizers: ["orphan", "foregroundDeletion"] } },
    errors: [
      'metadata.finalizers: Invalid value: ["orphan","foregroundDeletion"]: finalizer orphan and foregroundDeletion cannot be both set',
    ],
  },
  {
    what: "another name",
    kind: "configmaps",
    before: { metadata: { name: "a" } },
    body: { metadata: { name: "b" } },
    errors: ['metadata.name: Invalid value: "b": field is immutable'],
  },
];
