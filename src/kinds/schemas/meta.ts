import { field, list, map, object, type ObjectSchema } from "../schema.ts";

export const ownerReferenceSchema: ObjectSchema = object("io.k8s.apimachinery.pkg.apis.meta.v1.OwnerReference", "", {
  kind: field(1, "string", "", { required: true }),
  name: field(3, "string", "", { required: true }),
  uid: field(4, "string", "", { required: true }),
  apiVersion: field(5, "string", "", { required: true }),
  controller: field(6, "bool", "", { presence: true }),
  blockOwnerDeletion: field(7, "bool", "", { presence: true }),
});

export const managedFieldsEntrySchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.ManagedFieldsEntry",
  "",
  {
    manager: field(1, "string", ""),
    operation: field(2, "string", ""),
    apiVersion: field(3, "string", ""),
    time: field(4, "time", ""),
    fieldsType: field(6, "string", ""),
    fieldsV1: field(7, "fieldsV1", ""),
    subresource: field(8, "string", ""),
  },
);

export const objectMetaSchema: ObjectSchema = object("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta", "", {
  name: field(1, "string", ""),
  generateName: field(2, "string", ""),
  namespace: field(3, "string", ""),
  selfLink: field(4, "string", ""),
  uid: field(5, "string", ""),
  resourceVersion: field(6, "string", ""),
  generation: field(7, "int64", ""),
  creationTimestamp: field(8, "time", ""),
  deletionTimestamp: field(9, "time", ""),
  deletionGracePeriodSeconds: field(10, "int64", "", { presence: true }),
  labels: field(11, map("string"), ""),
  annotations: field(12, map("string"), ""),
  ownerReferences: field(
    13,
    list("map", ownerReferenceSchema, {
      keys: ["uid"],
      patch: { strategy: "merge", key: "uid" },
    }),
    "",
  ),
  finalizers: field(14, list("set", "string", { patch: { strategy: "merge" } }), ""),
  managedFields: field(17, list("atomic", managedFieldsEntrySchema), ""),
});

export const shardInfoSchema: ObjectSchema = object("io.k8s.apimachinery.pkg.apis.meta.v1.ShardInfo", "", {
  selector: field(1, "string", "", { required: true }),
});

export const listMetaSchema: ObjectSchema = object("io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta", "", {
  selfLink: field(1, "string", ""),
  resourceVersion: field(2, "string", ""),
  continue: field(3, "string", ""),
  remainingItemCount: field(4, "int64", "", { presence: true }),
  shardInfo: field(5, shardInfoSchema, ""),
});

export const labelSelectorRequirementSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelectorRequirement",
  "",
  {
    key: field(1, "string", "", { required: true }),
    operator: field(2, "string", "", { required: true }),
    values: field(3, list("atomic", "string"), ""),
  },
);

export const labelSelectorSchema: ObjectSchema = object(
  "io.k8s.apimachinery.pkg.apis.meta.v1.LabelSelector",
  "",
  {
    matchLabels: field(1, map("string"), ""),
    matchExpressions: field(2, list("atomic", labelSelectorRequirementSchema), ""),
  },
  { atomic: true },
);

export const conditionSchema: ObjectSchema = object("io.k8s.apimachinery.pkg.apis.meta.v1.Condition", "", {
  type: field(1, "string", "", { required: true }),
  status: field(2, "string", "", { required: true }),
  observedGeneration: field(3, "int64", ""),
  lastTransitionTime: field(4, "time", "", { required: true }),
  reason: field(5, "string", "", { required: true }),
  message: field(6, "string", "", { required: true }),
});

export const preconditionsSchema: ObjectSchema = object("io.k8s.apimachinery.pkg.apis.meta.v1.Preconditions", "", {
  uid: field(1, "string", "", { presence: true }),
  resourceVersion: field(2, "string", "", { presence: true }),
});

export const deleteOptionsSchema: ObjectSchema = object("io.k8s.apimachinery.pkg.apis.meta.v1.DeleteOptions", "", {
  gracePeriodSeconds: field(1, "int64", "", { presence: true }),
  preconditions: field(2, preconditionsSchema, ""),
  orphanDependents: field(3, "bool", "", { presence: true }),
  propagationPolicy: field(4, "string", "", { presence: true }),
  dryRun: field(5, list("atomic", "string"), ""),
  ignoreStoreReadErrorWithClusterBreakingPotential: field(6, "bool", "", { presence: true }),
});
