import { field, list, object, type ObjectSchema } from "../schema.ts";
import { labelSelectorSchema, objectMetaSchema } from "./meta.ts";
import { podTemplateSpecSchema } from "./pod.ts";

export const rollingUpdateDeploymentSchema: ObjectSchema = object("io.k8s.api.apps.v1.RollingUpdateDeployment", "", {
  maxUnavailable: field(1, "intOrString", ""),
  maxSurge: field(2, "intOrString", ""),
});

export const deploymentStrategySchema: ObjectSchema = object("io.k8s.api.apps.v1.DeploymentStrategy", "", {
  type: field(1, "string", ""),
  rollingUpdate: field(2, rollingUpdateDeploymentSchema, ""),
});

export const deploymentSpecSchema: ObjectSchema = object("io.k8s.api.apps.v1.DeploymentSpec", "", {
  replicas: field(1, "int32", "", { presence: true }),
  selector: field(2, labelSelectorSchema, "", { required: true }),
  template: field(3, podTemplateSpecSchema, "", { required: true }),
  strategy: field(4, deploymentStrategySchema, "", { retainKeys: true }),
  minReadySeconds: field(5, "int32", ""),
  revisionHistoryLimit: field(6, "int32", "", { presence: true }),
  paused: field(7, "bool", ""),
  progressDeadlineSeconds: field(9, "int32", "", { presence: true }),
});

export const deploymentConditionSchema: ObjectSchema = object("io.k8s.api.apps.v1.DeploymentCondition", "", {
  type: field(1, "string", "", { required: true }),
  status: field(2, "string", "", { required: true }),
  reason: field(4, "string", ""),
  message: field(5, "string", ""),
  lastUpdateTime: field(6, "time", ""),
  lastTransitionTime: field(7, "time", ""),
});

export const deploymentStatusSchema: ObjectSchema = object("io.k8s.api.apps.v1.DeploymentStatus", "", {
  observedGeneration: field(1, "int64", ""),
  replicas: field(2, "int32", ""),
  updatedReplicas: field(3, "int32", ""),
  availableReplicas: field(4, "int32", ""),
  unavailableReplicas: field(5, "int32", ""),
  conditions: field(
    6,
    list("map", deploymentConditionSchema, {
      keys: ["type"],
      patch: { strategy: "merge", key: "type" },
    }),
    "",
  ),
  readyReplicas: field(7, "int32", ""),
  collisionCount: field(8, "int32", "", { presence: true }),
  terminatingReplicas: field(9, "int32", "", { presence: true }),
});

export const deploymentSchema: ObjectSchema = object("io.k8s.api.apps.v1.Deployment", "", {
  metadata: field(1, objectMetaSchema, ""),
  spec: field(2, deploymentSpecSchema, ""),
  status: field(3, deploymentStatusSchema, ""),
});
