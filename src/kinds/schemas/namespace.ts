import { field, list, object, type ObjectSchema } from "../schema.ts";
import { objectMetaSchema } from "./meta.ts";

export const namespaceSpecSchema: ObjectSchema = object("io.k8s.api.core.v1.NamespaceSpec", "What holds a namespace.", {
  finalizers: field(
    1,
    list("atomic", "string"),
    "What must be done before the namespace may go; kubernetes stands for deleting its content.",
  ),
});

export const namespaceConditionSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NamespaceCondition",
  "One aspect of a namespace's deletion, as last observed.",
  {
    type: field(1, "string", "Aspect of the namespace, such as NamespaceContentRemaining.", { required: true }),
    status: field(2, "string", "Whether the namespace is in this condition: True, False or Unknown.", {
      required: true,
    }),
    lastTransitionTime: field(4, "time", "Time at which the status of this namespace condition last changed."),
    reason: field(5, "string", "One word in CamelCase for the cause of the namespace condition's last change."),
    message: field(6, "string", "Sentence for people about the namespace condition's last change."),
  },
);

export const namespaceStatusSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.NamespaceStatus",
  "Where a namespace is in its life.",
  {
    phase: field(1, "string", "Active, or Terminating once deletion was asked for."),
    conditions: field(
      2,
      list("map", namespaceConditionSchema, {
        keys: ["type"],
        patch: { strategy: "merge", key: "type" },
      }),
      "Aspects of the namespace's deletion, one of each type.",
    ),
  },
);

export const namespaceSchema: ObjectSchema = object(
  "io.k8s.api.core.v1.Namespace",
  "A room of names, for objects that belong together.",
  {
    metadata: field(1, objectMetaSchema, "Name, labels and other metadata of the namespace."),
    spec: field(2, namespaceSpecSchema, "What holds the namespace while it is deleted."),
    status: field(3, namespaceStatusSchema, "Where the namespace is in its life; read-only for users."),
  },
);
