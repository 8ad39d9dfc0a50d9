import { field, list, object, type ObjectSchema } from "../schema.ts";

export const localObjectReferenceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.LocalObjectReference",
  "",
  {
    name: field(1, "string", ""),
  },
  { atomic: true },
);

export const objectReferenceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.ObjectReference",
  "",
  {
    kind: field(1, "string", ""),
    namespace: field(2, "string", ""),
    name: field(3, "string", ""),
    uid: field(4, "string", ""),
    apiVersion: field(5, "string", ""),
    resourceVersion: field(6, "string", ""),
    fieldPath: field(7, "string", ""),
  },
  { atomic: true },
);

export const secretReferenceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.SecretReference",
  "",
  {
    name: field(1, "string", ""),
    namespace: field(2, "string", ""),
  },
  { atomic: true },
);

export const typedLocalObjectReferenceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.TypedLocalObjectReference",
  "",
  {
    apiGroup: field(1, "string", "", { presence: true }),
    kind: field(2, "string", "", { required: true }),
    name: field(3, "string", "", { required: true }),
  },
  { atomic: true },
);

export const typedObjectReferenceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.TypedObjectReference",
  "",
  {
    apiGroup: field(1, "string", "", { presence: true }),
    kind: field(2, "string", "", { required: true }),
    name: field(3, "string", "", { required: true }),
    namespace: field(4, "string", "", { presence: true }),
  },
  { atomic: true },
);

export const nodeSelectorRequirementSchema: ObjectSchema = object("io.k8s.api.core.v1.NodeSelectorRequirement", "", {
  key: field(1, "string", "", { required: true }),
  operator: field(2, "string", "", { required: true }),
  values: field(3, list("atomic", "string"), ""),
});

export const nodeSelectorTermSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeSelectorTerm",
  "",
  {
    matchExpressions: field(1, list("atomic", nodeSelectorRequirementSchema), ""),
    matchFields: field(2, list("atomic", nodeSelectorRequirementSchema), ""),
  },
  { atomic: true },
);

export const nodeSelectorSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NodeSelector",
  "",
  {
    nodeSelectorTerms: field(1, list("atomic", nodeSelectorTermSchema), "", { required: true }),
  },
  { atomic: true },
);

export const portStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.PortStatus", "", {
  port: field(1, "int32", "", { required: true }),
  protocol: field(2, "string", "", { required: true }),
  error: field(3, "string", "", { presence: true }),
});

export const taintSchema: ObjectSchema = object("io.k8s.api.core.v1.Taint", "", {
  key: field(1, "string", "", { required: true }),
  value: field(2, "string", ""),
  effect: field(3, "string", "", { required: true }),
  timeAdded: field(4, "time", ""),
});
