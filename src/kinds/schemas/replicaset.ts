import { field, list, object, type ObjectSchema } from "../schema.ts";
import { labelSelectorSchema, objectMetaSchema } from "./meta.ts";
import { podTemplateSpecSchema } from "./pod.ts";

export const replicaSetSpecSchema: ObjectSchema = object(
  "io.k8s.api.apps.v1.ReplicaSetSpec",
  "How many pods a ReplicaSet keeps, and what they look like.",
  {
    replicas: field(1, "int32", "Number of pods that the ReplicaSet keeps; default 1.", { presence: true }),
    selector: field(
      2,
      labelSelectorSchema,
      "Labels by which the ReplicaSet finds its pods; must match the template's, and is fixed.",
      { required: true },
    ),
    template: field(3, podTemplateSpecSchema, "What new pods look like; a change does not touch those that exist."),
    minReadySeconds: field(
      4,
      "int32",
      "Seconds a new pod of the set must be ready without a crash to count as available; default 0.",
    ),
  },
);

export const replicaSetConditionSchema: ObjectSchema = object(
  "io.k8s.api.apps.v1.ReplicaSetCondition",
  "One aspect of the ReplicaSet's state, as last observed.",
  {
    type: field(1, "string", "Aspect of the ReplicaSet, such as ReplicaFailure.", { required: true }),
    status: field(2, "string", "Whether the ReplicaSet is in this condition: True, False or Unknown.", {
      required: true,
    }),
    lastTransitionTime: field(3, "time", "Time at which the status of this ReplicaSet condition last changed."),
    reason: field(4, "string", "One word in CamelCase for the cause of the ReplicaSet condition's last change."),
    message: field(5, "string", "Sentence for people about the ReplicaSet condition's last change."),
  },
);

export const replicaSetStatusSchema: ObjectSchema = object(
  "io.k8s.api.apps.v1.ReplicaSetStatus",
  "How many pods the ReplicaSet has.",
  {
    replicas: field(1, "int32", "Number of pods of the ReplicaSet, without terminating ones.", { required: true }),
    fullyLabeledReplicas: field(2, "int32", "Number of the pods that have all labels of the template."),
    observedGeneration: field(3, "int64", "Generation of the ReplicaSet from which the status was derived."),
    readyReplicas: field(4, "int32", "Number of the ReplicaSet's pods that are ready."),
    availableReplicas: field(
      5,
      "int32",
      "Number of the ReplicaSet's pods that have been ready for at least minReadySeconds.",
    ),
    conditions: field(
      6,
      list("map", replicaSetConditionSchema, {
        keys: ["type"],
        patch: { strategy: "merge", key: "type" },
      }),
      "Aspects of the ReplicaSet's state, one of each type.",
    ),
    terminatingReplicas: field(
      7,
      "int32",
      "Number of the ReplicaSet's pods that are being deleted and have not ended.",
      { presence: true },
    ),
  },
);

export const replicaSetSchema: ObjectSchema = object(
  "io.k8s.api.apps.v1.ReplicaSet",
  "Keeps a number of equal pods running; usually made by a Deployment.",
  {
    metadata: field(1, objectMetaSchema, "Name, namespace, labels and other metadata of the ReplicaSet."),
    spec: field(2, replicaSetSpecSchema, "How many pods the ReplicaSet is to keep running, and which."),
    status: field(
      3,
      replicaSetStatusSchema,
      "What was last observed of the ReplicaSet; may lag behind, read-only for users.",
    ),
  },
);
