import { field, list, object, type ObjectSchema } from "../schema.ts";
import { labelSelectorSchema, objectMetaSchema } from "./meta.ts";
import { podTemplateSpecSchema } from "./pod.ts";

export const replicaSetSpecSchema: ObjectSchema = object("io.k8s.api.apps.v1.ReplicaSetSpec", "", {
  replicas: field(1, "int32", "", { presence: true }),
  selector: field(2, labelSelectorSchema, "", { required: true }),
  template: field(3, podTemplateSpecSchema, ""),
  minReadySeconds: field(4, "int32", ""),
});

export const replicaSetConditionSchema: ObjectSchema = object("io.k8s.api.apps.v1.ReplicaSetCondition", "", {
  type: field(1, "string", "", { required: true }),
  status: field(2, "string", "", { required: true }),
  lastTransitionTime: field(3, "time", ""),
  reason: field(4, "string", ""),
  message: field(5, "string", ""),
});

export const replicaSetStatusSchema: ObjectSchema = object("io.k8s.api.apps.v1.ReplicaSetStatus", "", {
  replicas: field(1, "int32", "", { required: true }),
  fullyLabeledReplicas: field(2, "int32", ""),
  observedGeneration: field(3, "int64", ""),
  readyReplicas: field(4, "int32", ""),
  availableReplicas: field(5, "int32", ""),
  conditions: field(
    6,
    list("map", replicaSetConditionSchema, {
      keys: ["type"],
      patch: { strategy: "merge", key: "type" },
    }),
    "",
  ),
  terminatingReplicas: field(7, "int32", "", { presence: true }),
});

export const replicaSetSchema: ObjectSchema = object("io.k8s.api.apps.v1.ReplicaSet", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, replicaSetSpecSchema, ""),
  status: field(3, replicaSetStatusSchema, ""),
});
