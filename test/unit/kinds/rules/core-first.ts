import type { JsonObject } from "../../../../src/util/json.ts";
import { deploy, rolling, service, template } from "./helpers.ts";

function named(name: string): JsonObject {
  return { metadata: { name } };
}

const subdomain =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const label =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')";

/** The rules that users meet most. */
export const firstCases: readonly (readonly [what: string, kind: string, body: JsonObject, ...errors: string[]])[] = [
  [
    "a ConfigMap without a name",
    "configmaps",
    named(""),
    "metadata.name: Required value: name or generateName is required",
  ],
  ["a ConfigMap in capitals", "configmaps", named("A"), `metadata.name: Invalid value: "A": ${subdomain}`],
  ["a ConfigMap with a dot", "configmaps", named("a.b")],
  ["a Namespace with a dot", "namespaces", named("a.b"), 'metadata.name: Invalid value: "a.b": must not contain dots'],
  [
    "a long label value",
    "configmaps",
    { metadata: { name: "a", labels: { k: "v".repeat(64) } } },
    `metadata.labels: Invalid value: "${"v".repeat(64)}": must be no more than 63 characters`,
  ],
  [
    "two controllers",
    "configmaps",
    {
      metadata: {
        name: "a",
        ownerReferences: ["x", "y"].map((name) => ({
          apiVersion: "v1",
          kind: "Pod",
          name,
          uid: name,
          controller: true,
        })),
      },
    },
    'metadata.ownerReferences: Invalid value: [{"kind":"Pod","name":"x","uid":"x","apiVersion":"v1","controller":true},{"kind":"Pod","name":"y","uid":"y","apiVersion":"v1","controller":true}]: Only one reference can have Controller set to true. Found "true" in references for Pod/x and Pod/y',
  ],
  [
    "a finalizer of a namespace that nobody knows",
    "namespaces",
    { ...named("a"), spec: { finalizers: ["foo"] } },
    'spec.finalizers: Invalid value: "foo": name is neither a standard finalizer name nor is it fully qualified',
  ],
  ["a qualified finalizer of a namespace", "namespaces", { ...named("a"), spec: { finalizers: ["a.b/c"] } }],
  [
    "one taint twice",
    "nodes",
    {
      spec: {
        taints: [
          { key: "a", effect: "NoSchedule" },
          { key: "a", effect: "NoSchedule" },
        ],
      },
    },
    'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
  ],
  [
    "an effect that nobody knows",
    "nodes",
    { spec: { taints: [{ key: "a", effect: "Never" }] } },
    'metadata.taints[0].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
  ],
  ["a plain Deployment", "deployments.apps", deploy({})],
  [
    "a Deployment without a selector",
    "deployments.apps",
    { spec: { template } },
    "spec.selector: Required value",
    'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
  ],
  [
    "an empty selector",
    "deployments.apps",
    deploy({ selector: {} }),
    "spec.selector: Invalid value: {}: empty selector is invalid for deployment",
  ],
  [
    "labels that the selector does not pick",
    "deployments.apps",
    deploy({ selector: { matchLabels: { app: "b" } } }),
    'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
  ],
  [
    "no pod more and no pod less",
    "deployments.apps",
    rolling({ maxUnavailable: 0, maxSurge: 0 }),
    "spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0",
  ],
  [
    "no percent more and no percent less",
    "deployments.apps",
    rolling({ maxUnavailable: "0%", maxSurge: 0 }),
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
  ],
  [
    "more than all unavailable",
    "deployments.apps",
    rolling({ maxUnavailable: "101%" }),
    'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
  ],
  ["twice as many on top", "deployments.apps", rolling({ maxSurge: "200%" })],
  [
    "an unknown strategy",
    "deployments.apps",
    deploy({ strategy: { type: "Foo" } }),
    'spec.strategy: Unsupported value: {"Type":"Foo","RollingUpdate":null}: supported values: "Recreate", "RollingUpdate"',
  ],
  [
    "steps of a strategy that has none",
    "deployments.apps",
    deploy({ strategy: { type: "Recreate", rollingUpdate: { maxSurge: 1 } } }),
    "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
  ],
  [
    "a deadline within the wait",
    "deployments.apps",
    deploy({ progressDeadlineSeconds: 5, minReadySeconds: 5 }),
    "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds",
  ],
  [
    "pods of a Deployment that end",
    "deployments.apps",
    deploy({ template: { ...template, spec: { ...template.spec, restartPolicy: "Never" } } }),
    'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
  ],
  [
    "blanks around a template's image",
    "deployments.apps",
    deploy({ template: { ...template, spec: { containers: [{ name: "c", image: " nginx" }] } } }),
  ],
  ["a Service that begins with a digit", "services", { ...service({}), ...named("1a") }],
  [
    "a Service in capitals",
    "services",
    { ...service({}), ...named("A") },
    `metadata.name: Invalid value: "A": ${label}`,
  ],
  ["a Service without ports", "services", service({ ports: [] }), "spec.ports: Required value"],
  ["a headless Service without ports", "services", service({ ports: [], clusterIP: "None", clusterIPs: ["None"] })],
  ["a name with a dot at the end", "services", { spec: { type: "ExternalName", externalName: "a.b." } }],
  [
    "an external name with an address",
    "services",
    { spec: { type: "ExternalName", externalName: "a.b", clusterIP: "10.0.0.1" } },
    "spec.clusterIPs: Forbidden: may not be set for ExternalName services",
  ],
  [
    "node ports without an address",
    "services",
    service({ type: "NodePort", clusterIP: "None", clusterIPs: ["None"] }),
    "spec.clusterIPs[0]: Invalid value: \"None\": may not be set to 'None' for NodePort services",
  ],
  [
    "two ports without names",
    "services",
    service({ ports: [{ port: 80 }, { port: 81 }] }),
    "spec.ports[0].name: Required value",
    "spec.ports[1].name: Required value",
  ],
  [
    "one port twice",
    "services",
    service({
      ports: [
        { name: "a", port: 80 },
        { name: "b", port: 80 },
      ],
    }),
    'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
  ],
  [
    "a node port inside",
    "services",
    service({ ports: [{ port: 80, nodePort: 30_000 }] }),
    "spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'",
  ],
  [
    "an affinity of more than a day",
    "services",
    service({ sessionAffinity: "ClientIP", sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } }),
    "spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 86401: must be greater than 0 and less than 86400",
  ],
  [
    "an endpoint on the node itself",
    "endpointslices.discovery.k8s.io",
    { addressType: "IPv4", endpoints: [{ addresses: ["127.0.0.1"] }] },
    'endpoints[0].addresses[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
  ],
  [
    "an address in a long form",
    "endpointslices.discovery.k8s.io",
    { addressType: "IPv6", endpoints: [{ addresses: ["2001:db8::0001"] }] },
    'endpoints[0].addresses[0]: Invalid value: "2001:db8::0001": must be in canonical form ("2001:db8::1")',
  ],
  [
    "too many endpoints",
    "endpointslices.discovery.k8s.io",
    { addressType: "IPv4", endpoints: Array.from({ length: 1_001 }, () => ({ addresses: ["10.0.0.1"] })) },
    "endpoints: Too many: 1001: must have at most 1000 items",
  ],
  [
    "an empty subset",
    "endpoints",
    { subsets: [{}] },
    "subsets[0]: Required value: must specify `addresses` or `notReadyAddresses`",
  ],
  [
    "a TLS secret without keys",
    "secrets",
    { type: "kubernetes.io/tls" },
    "data[tls.crt]: Required value",
    "data[tls.key]: Required value",
  ],
  [
    "a registry's secret that is no JSON",
    "secrets",
    { type: "kubernetes.io/dockerconfigjson", stringData: { ".dockerconfigjson": "x" } },
    `data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character 'x' looking for beginning of value`,
  ],
  [
    "a lease of no time",
    "leases.coordination.k8s.io",
    { spec: { leaseDurationSeconds: 0 } },
    "spec.leaseDurationSeconds: Invalid value: 0: must be greater than 0",
  ],
  [
    "an Event about another namespace",
    "events",
    { metadata: { name: "a", namespace: "n" }, involvedObject: { namespace: "b" } },
    'involvedObject.namespace: Invalid value: "b": does not match event.namespace',
  ],
];
