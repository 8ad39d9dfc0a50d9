import { field, list, object, type ObjectSchema } from "../schema.ts";
import { nodeSelectorSchema, nodeSelectorTermSchema } from "./core-shared.ts";
import { labelSelectorSchema } from "./meta.ts";

export const preferredSchedulingTermSchema: ObjectSchema = object("io.k8s.api.core.v1.PreferredSchedulingTerm", "", {
  weight: field(1, "int32", "", { required: true }),
  preference: field(2, nodeSelectorTermSchema, "", { required: true }),
});

export const nodeAffinitySchema: ObjectSchema = object("io.k8s.api.core.v1.NodeAffinity", "", {
  requiredDuringSchedulingIgnoredDuringExecution: field(1, nodeSelectorSchema, ""),
  preferredDuringSchedulingIgnoredDuringExecution: field(2, list("atomic", preferredSchedulingTermSchema), ""),
});

export const podAffinityTermSchema: ObjectSchema = object("io.k8s.api.core.v1.PodAffinityTerm", "", {
  labelSelector: field(1, labelSelectorSchema, ""),
  namespaces: field(2, list("atomic", "string"), ""),
  topologyKey: field(3, "string", "", { required: true }),
  namespaceSelector: field(4, labelSelectorSchema, ""),
  matchLabelKeys: field(5, list("atomic", "string"), ""),
  mismatchLabelKeys: field(6, list("atomic", "string"), ""),
});

export const weightedPodAffinityTermSchema: ObjectSchema = object("io.k8s.api.core.v1.WeightedPodAffinityTerm", "", {
  weight: field(1, "int32", "", { required: true }),
  podAffinityTerm: field(2, podAffinityTermSchema, "", { required: true }),
});

export const podAffinitySchema: ObjectSchema = object("io.k8s.api.core.v1.PodAffinity", "", {
  requiredDuringSchedulingIgnoredDuringExecution: field(1, list("atomic", podAffinityTermSchema), ""),
  preferredDuringSchedulingIgnoredDuringExecution: field(2, list("atomic", weightedPodAffinityTermSchema), ""),
});

export const podAntiAffinitySchema: ObjectSchema = object("io.k8s.api.core.v1.PodAntiAffinity", "", {
  requiredDuringSchedulingIgnoredDuringExecution: field(1, list("atomic", podAffinityTermSchema), ""),
  preferredDuringSchedulingIgnoredDuringExecution: field(2, list("atomic", weightedPodAffinityTermSchema), ""),
});

export const affinitySchema: ObjectSchema = object("io.k8s.api.core.v1.Affinity", "", {
  nodeAffinity: field(1, nodeAffinitySchema, ""),
  podAffinity: field(2, podAffinitySchema, ""),
  podAntiAffinity: field(3, podAntiAffinitySchema, ""),
});

export const tolerationSchema: ObjectSchema = object("io.k8s.api.core.v1.Toleration", "", {
  key: field(1, "string", ""),
  operator: field(2, "string", ""),
  value: field(3, "string", ""),
  effect: field(4, "string", ""),
  tolerationSeconds: field(5, "int64", "", { presence: true }),
});

export const topologySpreadConstraintSchema: ObjectSchema = object("io.k8s.api.core.v1.TopologySpreadConstraint", "", {
  maxSkew: field(1, "int32", "", { required: true }),
  topologyKey: field(2, "string", "", { required: true }),
  whenUnsatisfiable: field(3, "string", "", { required: true }),
  labelSelector: field(4, labelSelectorSchema, ""),
  minDomains: field(5, "int32", "", { presence: true }),
  nodeAffinityPolicy: field(6, "string", "", { presence: true }),
  nodeTaintsPolicy: field(7, "string", "", { presence: true }),
  matchLabelKeys: field(8, list("atomic", "string"), ""),
});
