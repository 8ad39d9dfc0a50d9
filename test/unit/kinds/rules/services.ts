import { service, type RuleCase } from "./helpers.ts";

/** Services. */
export const serviceCases: readonly RuleCase[] = [
  {
    what: "an external address that is none",
    kind: "services",
    body: service({ externalIPs: ["x", "127.0.0.1"] }),
    errors: [
      'spec.externalIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      'spec.externalIPs[1]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
    ],
  },
  {
    what: "a name without a name",
    kind: "services",
    body: { spec: { type: "ExternalName" } },
    errors: ["spec.externalName: Required value"],
  },
  {
    what: "an external name in capitals",
    kind: "services",
    body: { spec: { type: "ExternalName", externalName: "A_b" } },
    errors: [
      "spec.externalName: Invalid value: \"A_b\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
    ],
  },
  {
    what: "one port name twice, one in capitals",
    kind: "services",
    body: service({
      ports: [
        { name: "a", port: 80 },
        { name: "a", port: 81 },
        { name: "A", port: 82 },
      ],
    }),
    errors: [
      'spec.ports[1].name: Duplicate value: "a"',
      "spec.ports[2].name: Invalid value: \"A\": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')",
    ],
  },
  {
    what: "port 0 and a protocol with a blank",
    kind: "services",
    body: service({ ports: [{ port: 0, appProtocol: "a b" }] }),
    errors: [
      "spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive",
      "spec.ports[0].targetPort: Invalid value: 0: must be between 1 and 65535, inclusive",
      "spec.ports[0].appProtocol: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "one node port twice",
    kind: "services",
    body: service({
      type: "NodePort",
      ports: [
        { name: "a", port: 80, nodePort: 30000 },
        { name: "b", port: 81, nodePort: 30000 },
      ],
    }),
    errors: ["spec.ports[1].nodePort: Duplicate value: 30000"],
  },
  {
    what: "a balancer's settings inside",
    kind: "services",
    body: service({
      loadBalancerSourceRanges: ["10.0.0.0/8"],
      allocateLoadBalancerNodePorts: true,
      loadBalancerClass: "a/b",
    }),
    errors: [
      "spec.LoadBalancerSourceRanges: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.allocateLoadBalancerNodePorts: Forbidden: may only be used when `type` is 'LoadBalancer'",
      "spec.loadBalancerClass: Forbidden: may only be used when `type` is 'LoadBalancer'",
    ],
  },
  {
    what: "a balancer's range that is none",
    kind: "services",
    body: service({ type: "LoadBalancer", loadBalancerSourceRanges: ["x"], loadBalancerClass: "a b" }),
    errors: [
      'spec.LoadBalancerSourceRanges[0]: Invalid value: "x": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      "spec.loadBalancerClass: Invalid value: \"a b\": name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')",
    ],
  },
  {
    what: "a policy of outside traffic inside",
    kind: "services",
    body: service({ externalTrafficPolicy: "Local" }),
    errors: ['spec.externalTrafficPolicy: Invalid value: "Local": may only be set for externally-accessible services'],
  },
  {
    what: "a health port without need",
    kind: "services",
    body: service({ type: "NodePort", healthCheckNodePort: 30001 }),
    errors: [
      "spec.healthCheckNodePort: Invalid value: 30001: may only be set when `type` is 'LoadBalancer' and `externalTrafficPolicy` is 'Local'",
    ],
  },
  {
    what: "an unknown policy of families",
    kind: "services",
    body: service({ ipFamilyPolicy: "Both", ipFamilies: ["IPX", "IPv4", "IPv4"] }),
    errors: [
      'spec.ipFamilyPolicy: Unsupported value: "Both": supported values: "PreferDualStack", "RequireDualStack", "SingleStack"',
      'spec.ipFamilies[0]: Unsupported value: "IPX": supported values: "IPv4", "IPv6"',
      'spec.ipFamilies[2]: Duplicate value: "IPv4"',
    ],
  },
  {
    what: "addresses that do not begin with the address",
    kind: "services",
    body: service({ clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.2"] }),
    errors: ['spec.clusterIPs: Invalid value: ["10.0.0.2"]: first value must match `clusterIP`'],
  },
  {
    what: "addresses without the address",
    kind: "services",
    body: service({ clusterIPs: ["10.0.0.2"] }),
    errors: ['spec.clusterIPs: Invalid value: ["10.0.0.2"]: must be empty when `clusterIP` is not specified'],
  },
  {
    what: "no address and an address",
    kind: "services",
    body: service({ clusterIP: "None", clusterIPs: ["None", "10.0.0.1"] }),
    errors: ['spec.clusterIPs: Invalid value: ["None","10.0.0.1"]: \'None\' must be the first and only value'],
  },
  {
    what: "an address, then none",
    kind: "services",
    body: service({ clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1", "None"] }),
    errors: ['spec.clusterIPs: Invalid value: ["10.0.0.1","None"]: \'None\' must be the first and only value'],
  },
  {
    what: "an address that is none",
    kind: "services",
    body: service({ clusterIP: "x", clusterIPs: ["x"] }),
    errors: ['spec.clusterIPs[0]: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)'],
  },
  {
    what: "three addresses",
    kind: "services",
    body: service({ clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1", "fd00::1", "10.0.0.3"] }),
    errors: ['spec.clusterIPs: Invalid value: ["10.0.0.1","fd00::1","10.0.0.3"]: may only hold up to 2 values'],
  },
  {
    what: "two addresses of one family",
    kind: "services",
    body: service({ clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1", "10.0.0.2"] }),
    errors: [
      'spec.clusterIPs: Invalid value: ["10.0.0.1","10.0.0.2"]: may specify no more than one IP for each IP family',
    ],
  },
  {
    what: "an address of the other family",
    kind: "services",
    body: service({ clusterIP: "10.0.0.1", clusterIPs: ["10.0.0.1"], ipFamilies: ["IPv6"] }),
    errors: ['spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`'],
  },
  {
    what: "a balancer's status inside",
    kind: "services",
    before: service({}),
    status: { ...service({}), status: { loadBalancer: { ingress: [{ ip: "10.0.0.1" }] } } },
    errors: ["status.loadBalancer.ingress: Forbidden: may only be used when `spec.type` is 'LoadBalancer'"],
  },
  {
    what: "a balancer's bad addresses",
    kind: "services",
    before: service({ type: "LoadBalancer" }),
    status: {
      ...service({ type: "LoadBalancer" }),
      status: {
        loadBalancer: {
          ingress: [
            { ip: "x" },
            { ipMode: "VIP" },
            { ip: "10.0.0.1", ipMode: "Far" },
            { hostname: "A" },
            { hostname: "10.0.0.1" },
          ],
        },
      },
    },
    errors: [
      'status.loadBalancer.ingress[0].ip: Invalid value: "x": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      "status.loadBalancer.ingress[1].ipMode: Forbidden: may not be specified when `ip` is not set",
      'status.loadBalancer.ingress[2].ipMode: Unsupported value: "Far": supported values: "Proxy", "VIP"',
      "status.loadBalancer.ingress[3].hostname: Invalid value: \"A\": a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')",
      'status.loadBalancer.ingress[4].hostname: Invalid value: "10.0.0.1": must be a DNS name, not an IP address',
    ],
  },
  {
    what: "another class of balancer",
    kind: "services",
    before: service({ type: "LoadBalancer", loadBalancerClass: "a/b" }),
    body: service({ type: "LoadBalancer", loadBalancerClass: "a/c" }),
    errors: ['spec.loadBalancerClass: Invalid value: "a/c": may not change once set'],
  },
  {
    what: "another address",
    kind: "services",
    before: service({
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    }),
    body: service({
      clusterIP: "10.0.0.2",
      clusterIPs: ["10.0.0.2"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    }),
    errors: ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
  },
  {
    what: "another family",
    kind: "services",
    before: service({
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1"],
      ipFamilies: ["IPv4"],
      ipFamilyPolicy: "SingleStack",
    }),
    body: service({
      clusterIP: "10.0.0.1",
      clusterIPs: ["10.0.0.1"],
      ipFamilies: ["IPv6"],
      ipFamilyPolicy: "SingleStack",
    }),
    errors: [
      'spec.ipFamilies[0]: Invalid value: ["IPv6"]: may not change once set',
      'spec.clusterIPs[0]: Invalid value: "10.0.0.1": expected an IPv6 value as indicated by `ipFamilies[0]`',
    ],
  },
];
