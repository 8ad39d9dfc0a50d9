import { field, list, map, object, type ObjectSchema } from "../schema.ts";
import {
  appArmorProfileSchema,
  containerSchema,
  ephemeralContainerSchema,
  resourceRequirementsSchema,
  seLinuxOptionsSchema,
  seccompProfileSchema,
  windowsSecurityContextOptionsSchema,
} from "./pod-container.ts";
import { volumeSchema } from "./pod-volumes.ts";
import { localObjectReferenceSchema } from "./core-shared.ts";
import { affinitySchema, tolerationSchema, topologySpreadConstraintSchema } from "./pod-scheduling.ts";
import { objectMetaSchema } from "./meta.ts";
import { podStatusSchema } from "./pod-status.ts";

export const sysctlSchema: ObjectSchema = object("io.k8s.api.core.v1.Sysctl", "", {
  name: field(1, "string", "", { required: true }),
  value: field(2, "string", "", { required: true }),
});

export const podSecurityContextSchema: ObjectSchema = object("io.k8s.api.core.v1.PodSecurityContext", "", {
  seLinuxOptions: field(1, seLinuxOptionsSchema, ""),
  runAsUser: field(2, "int64", "", { presence: true }),
  runAsNonRoot: field(3, "bool", "", { presence: true }),
  supplementalGroups: field(4, list("atomic", "int64"), ""),
  fsGroup: field(5, "int64", "", { presence: true }),
  runAsGroup: field(6, "int64", "", { presence: true }),
  sysctls: field(7, list("atomic", sysctlSchema), ""),
  windowsOptions: field(8, windowsSecurityContextOptionsSchema, ""),
  fsGroupChangePolicy: field(9, "string", "", { presence: true }),
  seccompProfile: field(10, seccompProfileSchema, ""),
  appArmorProfile: field(11, appArmorProfileSchema, ""),
  supplementalGroupsPolicy: field(12, "string", "", { presence: true }),
  seLinuxChangePolicy: field(13, "string", "", { presence: true }),
});

export const hostAliasSchema: ObjectSchema = object("io.k8s.api.core.v1.HostAlias", "", {
  ip: field(1, "string", "", { required: true }),
  hostnames: field(2, list("atomic", "string"), ""),
});

export const podDNSConfigOptionSchema: ObjectSchema = object("io.k8s.api.core.v1.PodDNSConfigOption", "", {
  name: field(1, "string", ""),
  value: field(2, "string", "", { presence: true }),
});

export const podDNSConfigSchema: ObjectSchema = object("io.k8s.api.core.v1.PodDNSConfig", "", {
  nameservers: field(1, list("atomic", "string"), ""),
  searches: field(2, list("atomic", "string"), ""),
  options: field(3, list("atomic", podDNSConfigOptionSchema), ""),
});

export const podReadinessGateSchema: ObjectSchema = object("io.k8s.api.core.v1.PodReadinessGate", "", {
  conditionType: field(1, "string", "", { required: true }),
});

export const podOSSchema: ObjectSchema = object("io.k8s.api.core.v1.PodOS", "", {
  name: field(1, "string", "", { required: true }),
});

export const podSchedulingGateSchema: ObjectSchema = object("io.k8s.api.core.v1.PodSchedulingGate", "", {
  name: field(1, "string", "", { required: true }),
});

export const podResourceClaimSchema: ObjectSchema = object("io.k8s.api.core.v1.PodResourceClaim", "", {
  name: field(1, "string", "", { required: true }),
  resourceClaimName: field(3, "string", "", { presence: true }),
  resourceClaimTemplateName: field(4, "string", "", { presence: true }),
});

export const podSchedulingGroupSchema: ObjectSchema = object("io.k8s.api.core.v1.PodSchedulingGroup", "", {
  podGroupName: field(1, "string", "", { presence: true }),
});

export const podSpecSchema: ObjectSchema = object("io.k8s.api.core.v1.PodSpec", "", {
  volumes: field(
    1,
    list("map", volumeSchema, {
      keys: ["name"],
      patch: { strategy: "merge,retainKeys", key: "name" },
    }),
    "",
  ),
  containers: field(
    2,
    list("map", containerSchema, { keys: ["name"], patch: { strategy: "merge", key: "name" } }),
    "",
    { required: true },
  ),
  restartPolicy: field(3, "string", ""),
  terminationGracePeriodSeconds: field(4, "int64", "", { presence: true }),
  activeDeadlineSeconds: field(5, "int64", "", { presence: true }),
  dnsPolicy: field(6, "string", ""),
  nodeSelector: field(7, map("string", { atomic: true }), ""),
  serviceAccountName: field(8, "string", ""),
  serviceAccount: field(9, "string", ""),
  nodeName: field(10, "string", ""),
  hostNetwork: field(11, "bool", ""),
  hostPID: field(12, "bool", ""),
  hostIPC: field(13, "bool", ""),
  securityContext: field(14, podSecurityContextSchema, ""),
  imagePullSecrets: field(
    15,
    list("map", localObjectReferenceSchema, {
      keys: ["name"],
      patch: { strategy: "merge", key: "name" },
    }),
    "",
  ),
  hostname: field(16, "string", ""),
  subdomain: field(17, "string", ""),
  affinity: field(18, affinitySchema, ""),
  schedulerName: field(19, "string", ""),
  initContainers: field(
    20,
    list("map", containerSchema, { keys: ["name"], patch: { strategy: "merge", key: "name" } }),
    "",
  ),
  automountServiceAccountToken: field(21, "bool", "", { presence: true }),
  tolerations: field(22, list("atomic", tolerationSchema), ""),
  hostAliases: field(23, list("map", hostAliasSchema, { keys: ["ip"], patch: { strategy: "merge", key: "ip" } }), ""),
  priorityClassName: field(24, "string", ""),
  priority: field(25, "int32", "", { presence: true }),
  dnsConfig: field(26, podDNSConfigSchema, ""),
  shareProcessNamespace: field(27, "bool", "", { presence: true }),
  readinessGates: field(28, list("atomic", podReadinessGateSchema), ""),
  runtimeClassName: field(29, "string", "", { presence: true }),
  enableServiceLinks: field(30, "bool", "", { presence: true }),
  preemptionPolicy: field(31, "string", "", { presence: true }),
  overhead: field(32, map("quantity"), ""),
  topologySpreadConstraints: field(
    33,
    list("map", topologySpreadConstraintSchema, {
      keys: ["topologyKey", "whenUnsatisfiable"],
      patch: { strategy: "merge", key: "topologyKey" },
    }),
    "",
  ),
  ephemeralContainers: field(
    34,
    list("map", ephemeralContainerSchema, {
      keys: ["name"],
      patch: { strategy: "merge", key: "name" },
    }),
    "",
  ),
  setHostnameAsFQDN: field(35, "bool", "", { presence: true }),
  os: field(36, podOSSchema, ""),
  hostUsers: field(37, "bool", "", { presence: true }),
  schedulingGates: field(
    38,
    list("map", podSchedulingGateSchema, {
      keys: ["name"],
      patch: { strategy: "merge", key: "name" },
    }),
    "",
  ),
  resourceClaims: field(
    39,
    list("map", podResourceClaimSchema, {
      keys: ["name"],
      patch: { strategy: "merge,retainKeys", key: "name" },
    }),
    "",
  ),
  resources: field(40, resourceRequirementsSchema, ""),
  hostnameOverride: field(41, "string", "", { presence: true }),
  schedulingGroup: field(43, podSchedulingGroupSchema, ""),
});

export const podTemplateSpecSchema: ObjectSchema = object("io.k8s.api.core.v1.PodTemplateSpec", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, podSpecSchema, ""),
});

export const podSchema: ObjectSchema = object("io.k8s.api.core.v1.Pod", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, podSpecSchema, ""),
  status: field(3, podStatusSchema, ""),
});
