import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { portStatusSchema } from "./core-shared.ts";
import { conditionSchema, objectMetaSchema } from "./meta.ts";

export const servicePortSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ServicePort",
  "A port of a service, and where it leads.",
  {
    name: field(1, "string", "Name of the port, a DNS label unique in the service; needed where there are several."),
    protocol: field(2, "string", "Protocol of the service's port: TCP (the default), UDP or SCTP.", { default: "TCP" }),
    port: field(3, "int32", "Port at the service's address, 1 to 65535.", { required: true }),
    targetPort: field(
      4,
      "intOrString",
      "Port of the pods: a number, or the name of a container port; absent means the same as port.",
    ),
    nodePort: field(
      5,
      "int32",
      "Port of every node that leads here; absent means one from the range is chosen where the type needs it.",
    ),
    appProtocol: field(6, "string", "Protocol spoken above, such as http or kubernetes.io/h2c; a hint for proxies.", {
      presence: true,
    }),
  },
);

export const clientIPConfigSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ClientIPConfig",
  "How long a client stays with its pod.",
  {
    timeoutSeconds: field(
      1,
      "int32",
      "Seconds without traffic after which a client may get another pod, 1 to 86400; default 10800.",
      { presence: true },
    ),
  },
);

export const sessionAffinityConfigSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SessionAffinityConfig",
  "Settings of session affinity.",
  {
    clientIP: field(1, clientIPConfigSchema, "Settings for affinity by the client's address."),
  },
);

export const serviceSpecSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ServiceSpec",
  "Which pods a service leads to, and how it is reached.",
  {
    ports: field(
      1,
      list("map", servicePortSchema, {
        keys: ["port", "protocol"],
        patch: { strategy: "merge", key: "port" },
      }),
      "Ports that the service offers.",
    ),
    selector: field(
      2,
      map("string", { atomic: true }),
      "Labels of the pods that receive the traffic; empty means someone else fills in the endpoints.",
    ),
    clusterIP: field(
      3,
      "string",
      "Address of the service in the cluster; absent means one is chosen, None means a headless service.",
    ),
    type: field(
      4,
      "string",
      "ClusterIP (the default), NodePort, LoadBalancer or ExternalName; how the service is reached.",
    ),
    externalIPs: field(
      5,
      list("atomic", "string"),
      "Deprecated: further addresses, routed to a node by other means, at which nodes accept the service's traffic.",
    ),
    sessionAffinity: field(7, "string", "ClientIP keeps a client with the same pod; None (the default) does not."),
    loadBalancerIP: field(
      8,
      "string",
      "Deprecated wish for the load balancer's address; not every balancer follows it.",
    ),
    loadBalancerSourceRanges: field(
      9,
      list("atomic", "string"),
      "Networks, as CIDR, whose clients the load balancer lets in; absent means all.",
    ),
    externalName: field(10, "string", "Domain name for which the service is an alias; only with type ExternalName."),
    externalTrafficPolicy: field(
      11,
      "string",
      "Local sends traffic from outside only to pods on its node and keeps the client's address; default Cluster.",
    ),
    healthCheckNodePort: field(
      12,
      "int32",
      "Port where nodes tell load balancers if they have pods; only with externalTrafficPolicy Local.",
    ),
    publishNotReadyAddresses: field(13, "bool", "If true, pods that are not ready are endpoints too; default false."),
    sessionAffinityConfig: field(14, sessionAffinityConfigSchema, "Settings of sessionAffinity ClientIP."),
    ipFamilyPolicy: field(
      17,
      "string",
      "SingleStack (the default), PreferDualStack or RequireDualStack; how many address families it has.",
      { presence: true },
    ),
    clusterIPs: field(
      18,
      list("atomic", "string"),
      "Addresses of the service in the cluster, at most one of each family; the first equals clusterIP.",
    ),
    ipFamilies: field(
      19,
      list("atomic", "string"),
      "Address families of the service in order, IPv4 or IPv6; absent follows the cluster and ipFamilyPolicy.",
    ),
    allocateLoadBalancerNodePorts: field(20, "bool", "If false, a LoadBalancer gets no node ports; default true.", {
      presence: true,
    }),
    loadBalancerClass: field(
      21,
      "string",
      "Which load balancer is responsible; absent means the cluster's default. Fixed once set.",
      { presence: true },
    ),
    internalTrafficPolicy: field(
      22,
      "string",
      "Local sends traffic from pods only to endpoints on their node; default Cluster, to all.",
      { presence: true },
    ),
    trafficDistribution: field(
      23,
      "string",
      "Preference for near endpoints: PreferSameZone (once PreferClose) or PreferSameNode; absent means none.",
      { presence: true },
    ),
  },
);

export const loadBalancerIngressSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.LoadBalancerIngress",
  "One point at which a load balancer takes traffic.",
  {
    ip: field(1, "string", "IP address of the load balancer; absent if it has a name."),
    hostname: field(2, "string", "Domain name of the load balancer; absent if it has an address."),
    ipMode: field(
      3,
      "string",
      "With ip: VIP (the default) if packets keep the balancer's address, Proxy if they get the node's or pod's.",
      { presence: true },
    ),
    ports: field(4, list("atomic", portStatusSchema), "State of the load balancer for each port of the service."),
  },
);

export const loadBalancerStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.LoadBalancerStatus",
  "State of a load balancer.",
  {
    ingress: field(
      1,
      list("atomic", loadBalancerIngressSchema),
      "Points at which traffic for the service is taken; empty until there is one.",
    ),
  },
);

export const serviceStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ServiceStatus",
  "What was last observed of a service.",
  {
    loadBalancer: field(1, loadBalancerStatusSchema, "State of the load balancer; only with type LoadBalancer."),
    conditions: field(
      2,
      list("map", conditionSchema, { keys: ["type"], patch: { strategy: "merge", key: "type" } }),
      "Aspects of the service's state, one of each type.",
    ),
  },
);

export const serviceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Service",
  "One address for a set of pods, whose traffic is spread over those that are ready.",
  {
    metadata: field(1, objectMetaSchema, "Name, namespace, labels and other metadata of the service."),
    spec: field(2, serviceSpecSchema, "What the service leads to, and how."),
    status: field(3, serviceStatusSchema, "What was last observed of the service; read-only for users."),
  },
);
