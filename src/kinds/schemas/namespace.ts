import { field, list, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const namespaceSpecSchema: ObjectSchema = object("io.k8s.api.core.v1.NamespaceSpec", "", {
  finalizers: field(1, list("atomic", "string"), ""),
});

export const namespaceConditionSchema: ObjectSchema = object("io.k8s.api.core.v1.NamespaceCondition", "", {
  type: field(1, "string", "", { required: true }),
  status: field(2, "string", "", { required: true }),
  lastTransitionTime: field(4, "time", ""),
  reason: field(5, "string", ""),
  message: field(6, "string", ""),
});

export const namespaceStatusSchema: ObjectSchema = object("io.k8s.api.core.v1.NamespaceStatus", "", {
  phase: field(1, "string", ""),
  conditions: field(
    2,
    list("map", namespaceConditionSchema, {
      keys: ["type"],
      patch: { strategy: "merge", key: "type" },
    }),
    "",
  ),
});

export const namespaceSchema: ObjectSchema = object("io.k8s.api.core.v1.Namespace", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, namespaceSpecSchema, ""),
  status: field(3, namespaceStatusSchema, ""),
});
