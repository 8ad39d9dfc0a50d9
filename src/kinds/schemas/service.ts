import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import { portStatusSchema } from "./core-shared.ts";
import { conditionSchema, objectMetaSchema } from "./meta.ts";

export const servicePortSchema: ObjectSchema = object("io.k8s.api.core.v1.ServicePort", "", {
  name: field(1, "string", ""),
  protocol: field(2, "string", "", { default: "TCP" }),
  port: field(3, "int32", "", { required: true }),
  targetPort: field(4, "intOrString", ""),
  nodePort: field(5, "int32", ""),
  appProtocol: field(6, "string", "", { presence: true }),
});

export const clientIPConfigSchema: ObjectSchema = object("io.k8s.api.core.v1.ClientIPConfig", "", {
  timeoutSeconds: field(1, "int32", "", { presence: true }),
});

export const sessionAffinityConfigSchema: ObjectSchema = object("io.k8s.api.core.v1.SessionAffinityConfig", "", {
  clientIP: field(1, clientIPConfigSchema, ""),
});

export const serviceSpecSchema: ObjectSchema = object("io.k8s.api.core.v1.ServiceSpec", "", {
  ports: field(
    1,
    list("map", servicePortSchema, {
      keys: ["port", "protocol"],
      patch: { strategy: "merge", key: "port" },
    }),
    "",
  ),
  selector: field(2, map("string", { atomic: true }), ""),
  clusterIP: field(3, "string", ""),
  type: field(4, "string", ""),
  externalIPs: field(5, list("atomic", "string"), ""),
  sessionAffinity: field(7, "string", ""),
  loadBalancerIP: field(8, "string", ""),
  loadBalancerSourceRanges: field(9, list("atomic", "string"), ""),
  externalName: field(10, "string", ""),
  externalTrafficPolicy: field(11, "string", ""),
  healthCheckNodePort: field(12, "int32", ""),
  publishNotReadyAddresses: field(13, "bool", ""),
  sessionAffinityConfig: field(14, sessionAffinityConfigSchema, ""),
  ipFamilyPolicy: field(17, "string", "", { presence: true }),
  clusterIPs: field(18, list("atomic", "string"), ""),
  ipFamilies: field(19, list("atomic", "string"), ""),
  allocateLoadBalancerNodePorts: field(20, "bool", "", { presence: true }),
  loadBalancerClass: field(21, "string", "", { presence: true }),
  internalTrafficPolicy: field(22, "string", "", { presence: true }),
  trafficDistribution: field(23, "string", "", { presence: true }),
});

export const loadBalancerIngressSchema: ObjectSchema = object("io.k8s.api.core.v1.LoadBalancerIngress", "", {
  ip: field(1, "string", ""),
  hostname: field(2, "string", ""),
  ipMode: field(3, "string", "", { presence: true }),
  ports: field(4, list("atomic", portStatusSchema), ""),
});

export const loadBalancerStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.LoadBalancerStatus", "", {
  ingress: field(1, list("atomic", loadBalancerIngressSchema), ""),
});

export const serviceStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.ServiceStatus", "", {
  loadBalancer: field(1, loadBalancerStatusSchema, ""),
  conditions: field(2, list("map", conditionSchema, { keys: ["type"], patch: { strategy: "merge", key: "type" } }), ""),
});

export const serviceSchema: ObjectSchema = object("io.k8s.api.core.v1.Service", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, serviceSpecSchema, ""),
  status: field(3, serviceStatusSchema, ""),
});
