import { c, nodeTerm, pod, podTerm, skew, spread, probe, type RuleCase } from "./helpers.ts";

/** Probes, resources and scheduling of pods. */
export const podSchedulingCases: readonly RuleCase[] = [
  {
    what: "a readiness probe with a grace of its own",
    kind: "pods",
    body: c({ readinessProbe: { ...probe, terminationGracePeriodSeconds: 5 } }),
    errors: [
      "spec.containers[0].readinessProbe.terminationGracePeriodSeconds: Invalid value: 5: must not be set for readinessProbes",
    ],
  },
  {
    what: "a probe of negative times",
    kind: "pods",
    body: c({
      livenessProbe: { ...probe, initialDelaySeconds: -1, timeoutSeconds: -1, periodSeconds: -1, failureThreshold: -1 },
    }),
    errors: [
      "spec.containers[0].livenessProbe.initialDelaySeconds: Invalid value: -1: must be greater than or equal to 0",
      "spec.containers[0].livenessProbe.timeoutSeconds: Invalid value: -1: must be greater than or equal to 0",
      "spec.containers[0].livenessProbe.periodSeconds: Invalid value: -1: must be greater than or equal to 0",
      "spec.containers[0].livenessProbe.failureThreshold: Invalid value: -1: must be greater than or equal to 0",
    ],
  },
  {
    what: "a probe with a grace of 0",
    kind: "pods",
    body: c({ livenessProbe: { ...probe, terminationGracePeriodSeconds: 0 } }),
    errors: [
      "spec.containers[0].livenessProbe.terminationGracePeriodSeconds: Invalid value: 0: must be greater than 0",
    ],
  },
  {
    what: "a probe of two kinds",
    kind: "pods",
    body: c({ livenessProbe: { ...probe, tcpSocket: { port: 80 } } }),
    errors: ["spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type"],
  },
  {
    what: "a probe of no command",
    kind: "pods",
    body: c({ livenessProbe: { exec: {} } }),
    errors: ["spec.containers[0].livenessProbe.exec.command: Required value"],
  },
  {
    what: "a probe of a header with a blank",
    kind: "pods",
    body: c({ livenessProbe: { httpGet: { port: 80, httpHeaders: [{ name: "a b", value: "c" }] } } }),
    errors: [
      "spec.containers[0].livenessProbe.httpGet.httpHeaders: Invalid value: \"a b\": a valid HTTP header must consist of alphanumeric characters or '-' (e.g. 'X-Header-Name', regex used for validation is '[-A-Za-z0-9]+')",
    ],
  },
  {
    what: "a probe of an unknown scheme",
    kind: "pods",
    body: c({ livenessProbe: { httpGet: { port: 80, scheme: "FTP" } } }),
    errors: [
      'spec.containers[0].livenessProbe.httpGet.scheme: Unsupported value: "FTP": supported values: "HTTP", "HTTPS"',
    ],
  },
  {
    what: "a probe of port 0",
    kind: "pods",
    body: c({ livenessProbe: { tcpSocket: { port: 0 } } }),
    errors: [
      "spec.containers[0].livenessProbe.tcpSocket.port: Invalid value: 0: must be between 1 and 65535, inclusive",
    ],
  },
  {
    what: "a probe of a long port name",
    kind: "pods",
    body: c({ livenessProbe: { tcpSocket: { port: "a-port-of-sixteen" } } }),
    errors: [
      'spec.containers[0].livenessProbe.tcpSocket.port: Invalid value: "a-port-of-sixteen": must be no more than 15 characters',
    ],
  },
  {
    what: "huge pages alone",
    kind: "pods",
    body: c({ resources: { limits: { "hugepages-2Mi": "2Mi" } } }),
    errors: ["spec.containers[0].resources: Forbidden: HugePages require cpu or memory"],
  },
  {
    what: "an extended resource of two amounts",
    kind: "pods",
    body: c({ resources: { requests: { "example.com/gpu": "1" }, limits: { "example.com/gpu": "2" } } }),
    errors: ['spec.containers[0].resources.requests: Invalid value: "1": must be equal to example.com/gpu limit of 2'],
  },
  {
    what: "a negative amount",
    kind: "pods",
    body: c({ resources: { limits: { cpu: "-1" } } }),
    errors: [
      'spec.containers[0].resources.limits[cpu]: Invalid value: "-1": must be greater than or equal to 0',
      'spec.containers[0].resources.requests[cpu]: Invalid value: "-1": must be greater than or equal to 0',
    ],
  },
  {
    what: "half an extended resource",
    kind: "pods",
    body: c({ resources: { limits: { "example.com/gpu": "500m" } } }),
    errors: [
      'spec.containers[0].resources.limits[example.com/gpu]: Invalid value: "500m": must be an integer',
      'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
    ],
  },
  {
    what: "a broken huge page",
    kind: "pods",
    body: c({ resources: { limits: { cpu: "1", "hugepages-2Mi": "3Mi" } } }),
    errors: [
      'spec.containers[0].resources.limits[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
      'spec.containers[0].resources.requests[hugepages-2Mi]: Invalid value: "3Mi": 3Mi is not positive integer multiple of hugepages-2Mi',
    ],
  },
  {
    what: "a resource with two slashes",
    kind: "pods",
    body: c({ resources: { limits: { "a/b/c": "1" } } }),
    errors: [
      "spec.containers[0].resources.limits[a/b/c]: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
      'spec.containers[0].resources.limits[a/b/c]: Invalid value: "a/b/c": doesn\'t follow extended resource name standard',
      "spec.containers[0].resources.requests[a/b/c]: Invalid value: \"a/b/c\": a valid label key must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')",
      'spec.containers[0].resources.requests[a/b/c]: Invalid value: "a/b/c": doesn\'t follow extended resource name standard',
    ],
  },
  {
    what: "an extended resource of Kubernetes' own domain",
    kind: "pods",
    body: c({ resources: { limits: { "requests.example.com/x": "1" } } }),
    errors: [
      'spec.containers[0].resources.limits[requests.example.com/x]: Invalid value: "requests.example.com/x": doesn\'t follow extended resource name standard',
      'spec.containers[0].resources.requests[requests.example.com/x]: Invalid value: "requests.example.com/x": doesn\'t follow extended resource name standard',
    ],
  },
  {
    what: "a claim of no name",
    kind: "pods",
    body: c({ resources: { claims: [{ name: "" }] } }),
    errors: ["spec.containers[0].resources.claims[0].name: Required value"],
  },
  {
    what: "one claim twice",
    kind: "pods",
    body: c(
      { resources: { claims: [{ name: "a" }, { name: "a" }] } },
      { resourceClaims: [{ name: "a", resourceClaimName: "x" }] },
    ),
    errors: ['spec.containers[0].resources.claims[1]: Duplicate value: "a"'],
  },
  {
    what: "a claim that the pod lacks",
    kind: "pods",
    body: c({ resources: { claims: [{ name: "a" }] } }),
    errors: [
      'spec.containers[0].resources.claims[0].name: Not found: "a": must be one of the names in pod.spec.resourceClaims: which is empty',
    ],
  },
  {
    what: "claims of a whole pod",
    kind: "pods",
    body: pod({ resources: { claims: [{ name: "a" }] } }),
    errors: ["spec.resources.claims: Forbidden: claims may not be set for Resources at pod-level"],
  },
  {
    what: "storage of a whole pod",
    kind: "pods",
    body: pod({ resources: { limits: { "ephemeral-storage": "1" } } }),
    errors: [
      'spec.resources.limits[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"',
      'spec.resources.requests[ephemeral-storage]: Unsupported value: "ephemeral-storage": supported values: "cpu", "hugepages-", "memory"',
    ],
  },
  {
    what: "a whole pod with less than its containers ask",
    kind: "pods",
    body: c({ resources: { requests: { cpu: "2" } } }, { resources: { requests: { cpu: "1" }, limits: { cpu: "3" } } }),
    errors: [
      'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
    ],
  },
  {
    what: "a container with a larger limit than its pod",
    kind: "pods",
    body: c({ resources: { limits: { cpu: "2" } } }, { resources: { limits: { cpu: "1" }, requests: { cpu: "1" } } }),
    errors: [
      'spec.resources.requests[cpu]: Invalid value: "1": must be greater than or equal to aggregate container requests of 2',
      'spec.resources.containers[0][cpu].limits: Invalid value: "2": must be less than or equal to pod limits of 1',
    ],
  },
  {
    what: "a toleration of a key with a blank",
    kind: "pods",
    body: pod({ tolerations: [{ key: "a b", operator: "Exists" }] }),
    errors: [
      "spec.tolerations[0].key: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "a toleration of everything but a key",
    kind: "pods",
    body: pod({ tolerations: [{ operator: "Equal", value: "a" }] }),
    errors: [
      'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
    ],
  },
  {
    what: "seconds of another effect",
    kind: "pods",
    body: pod({ tolerations: [{ key: "a", operator: "Exists", effect: "NoSchedule", tolerationSeconds: 1 }] }),
    errors: [
      "spec.tolerations[0].effect: Invalid value: \"NoSchedule\": effect must be 'NoExecute' when `tolerationSeconds` is set",
    ],
  },
  {
    what: "an unknown effect",
    kind: "pods",
    body: pod({ tolerations: [{ key: "a", operator: "Exists", effect: "Never" }] }),
    errors: [
      'spec.tolerations[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
    ],
  },
  {
    what: "a toleration of a value with a blank",
    kind: "pods",
    body: pod({ tolerations: [{ key: "a", operator: "Equal", value: "a b" }] }),
    errors: [
      "spec.tolerations[0].operator: Invalid value: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  },
  {
    what: "an unknown operator of a toleration",
    kind: "pods",
    body: pod({ tolerations: [{ key: "a", operator: "Near" }] }),
    errors: ['spec.tolerations[0].operator: Unsupported value: "Near": supported values: "Equal", "Exists"'],
  },
  {
    what: "a node affinity of no term",
    kind: "pods",
    body: pod({
      affinity: { nodeAffinity: { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] } } },
    }),
    errors: [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term",
    ],
  },
  {
    what: "a preference without weight",
    kind: "pods",
    body: pod({
      affinity: { nodeAffinity: { preferredDuringSchedulingIgnoredDuringExecution: [{ weight: 0, preference: {} }] } },
    }),
    errors: [
      "spec.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100",
    ],
  },
  {
    what: "a comparison with two values",
    kind: "pods",
    body: nodeTerm({ matchExpressions: [{ key: "a", operator: "Gt", values: ["1", "2"] }] }),
    errors: [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified single value when `operator` is 'Lt' or 'Gt'",
    ],
  },
  {
    what: "a node's label with a blank",
    kind: "pods",
    body: nodeTerm({ matchExpressions: [{ key: "a b", operator: "Exists" }] }),
    errors: [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].key: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "a node's label value with a blank",
    kind: "pods",
    body: nodeTerm({ matchExpressions: [{ key: "a", operator: "In", values: ["a b"] }] }),
    errors: [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values[0]: Invalid value: \"a b\": a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')",
    ],
  },
  {
    what: "a list without values",
    kind: "pods",
    body: nodeTerm({ matchExpressions: [{ key: "a", operator: "In" }] }),
    errors: [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Required value: must be specified when `operator` is 'In' or 'NotIn'",
    ],
  },
  {
    what: "values of an existence",
    kind: "pods",
    body: nodeTerm({ matchExpressions: [{ key: "a", operator: "Exists", values: ["b"] }] }),
    errors: [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].values: Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
    ],
  },
  {
    what: "an unknown operator of a node's label",
    kind: "pods",
    body: nodeTerm({ matchExpressions: [{ key: "a", operator: "Near" }] }),
    errors: [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchExpressions[0].operator: Invalid value: "Near": not a valid selector operator',
    ],
  },
  {
    what: "an unknown operator of a node's field",
    kind: "pods",
    body: nodeTerm({ matchFields: [{ key: "metadata.name", operator: "Exists" }] }),
    errors: [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].operator: Invalid value: "Exists": not a valid selector operator',
    ],
  },
  {
    what: "two values of a node's field",
    kind: "pods",
    body: nodeTerm({ matchFields: [{ key: "metadata.name", operator: "In", values: ["a", "b"] }] }),
    errors: [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].values: Required value: must be only one value when `operator` is 'In' or 'NotIn' for node field selector",
    ],
  },
  {
    what: "an unknown field of a node",
    kind: "pods",
    body: nodeTerm({ matchFields: [{ key: "spec.x", operator: "In", values: ["a"] }] }),
    errors: [
      'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].key: Invalid value: "spec.x": not a valid field selector key',
    ],
  },
  {
    what: "a node's field in capitals",
    kind: "pods",
    body: nodeTerm({ matchFields: [{ key: "metadata.name", operator: "In", values: ["A"] }] }),
    errors: [
      "spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms[0].matchFields[0].values[0]: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "an affinity to a namespace in capitals",
    kind: "pods",
    body: podTerm({ topologyKey: "zone", namespaces: ["A"] }),
    errors: [
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].namespace: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  },
  {
    what: "an affinity of no topology",
    kind: "pods",
    body: podTerm({ topologyKey: "" }),
    errors: [
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Required value: can not be empty",
      'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: "": name part must be non-empty',
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: \"\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "an affinity of a topology with a blank",
    kind: "pods",
    body: podTerm({ topologyKey: "a b" }),
    errors: [
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].topologyKey: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "keys to match without a selector",
    kind: "pods",
    body: podTerm({ topologyKey: "zone", matchLabelKeys: ["a"] }),
    errors: [
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].matchLabelKeys: Forbidden: must not be specified when labelSelector is not set",
    ],
  },
  {
    what: "a key to match with a blank",
    kind: "pods",
    body: podTerm({ topologyKey: "zone", labelSelector: {}, matchLabelKeys: ["a b"] }),
    errors: [
      "spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].matchLabelKeys[0]: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "a key to match and not to match",
    kind: "pods",
    body: podTerm({ topologyKey: "zone", labelSelector: {}, matchLabelKeys: ["a"], mismatchLabelKeys: ["a"] }),
    errors: [
      'spec.affinity.podAffinity.requiredDuringSchedulingIgnoredDuringExecution[0].matchLabelKeys[0]: Invalid value: "a": exists in both matchLabelKeys and mismatchLabelKeys',
    ],
  },
  {
    what: "a spread of no topology",
    kind: "pods",
    body: spread({ topologyKey: "" }),
    errors: ["spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty"],
  },
  {
    what: "a spread of a topology with a blank",
    kind: "pods",
    body: spread({ topologyKey: "a b" }),
    errors: [
      "spec.topologySpreadConstraints[0].topologyKey: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "a spread over no domain",
    kind: "pods",
    body: spread({ minDomains: 0 }),
    errors: ["spec.topologySpreadConstraints[0].minDomains: Invalid value: 0: must be greater than zero"],
  },
  {
    what: "domains of a wish",
    kind: "pods",
    body: spread({ minDomains: 2, whenUnsatisfiable: "ScheduleAnyway" }),
    errors: [
      "spec.topologySpreadConstraints[0].minDomains: Invalid value: 2: can only use minDomains if whenUnsatisfiable=DoNotSchedule, not ScheduleAnyway",
    ],
  },
  {
    what: "an unknown answer to no place",
    kind: "pods",
    body: spread({ whenUnsatisfiable: "Wait" }),
    errors: [
      'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Wait": supported values: "DoNotSchedule", "ScheduleAnyway"',
    ],
  },
  {
    what: "no answer to no place",
    kind: "pods",
    body: spread({ whenUnsatisfiable: "" }),
    errors: ["spec.topologySpreadConstraints[0].whenUnsatisfiable: Required value"],
  },
  {
    what: "one spread twice",
    kind: "pods",
    body: pod({ topologySpreadConstraints: [skew, skew] }),
    errors: [
      'spec.topologySpreadConstraints[0].{topologyKey, whenUnsatisfiable}: Duplicate value: "{zone, DoNotSchedule}"',
    ],
  },
];
